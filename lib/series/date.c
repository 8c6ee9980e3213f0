/* Dates in tables (date.h). */
#include "series/date.h"

#include "base/log.h"
#include "base/number.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Days from civil and back after Howard Hinnant, "chrono-compatible low-level date algorithms":
 * years start in March, so that a leap day is the last of its year. */
int64_t gru_date_days(int year, int month, int day) {
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void gru_date_civil(int64_t days, int *year, int *month, int *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, d = days - era * 146097;
    int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
    int64_t of_year = d - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

int gru_date_weekday(int64_t days) {
    int64_t w = (days + 3) % 7; /* 1970-01-01 was a Thursday */
    return (int)(w < 0 ? w + 7 : w);
}

int64_t gru_date_days_of(gru_moment moment) {
    return moment / GRU_DAY - (moment % GRU_DAY < 0);
}

/* ---- forms ---- */

enum { LAYOUTS = 21, SEPTEMBER = 9, ROC = 1911 };

/* After strftime's: %Y and %y a year of four and of two digits, %R Taiwan's, of three, %m %d %H
 * with one digit or two, %0m and %0d always two, %M %S two, %b a month's name, %q a quarter. NULL
 * ends each list. No 2008.04 or 200804: those are numbers. 2024-1 may be a week or a part. */
static const char *const layouts[GRU_DATE_ORDERS][LAYOUTS] = {
    [GRU_DATE_YMD] = {"%Y-%m-%d", "%Y/%m/%d", "%Y%0m%0d", "%Y.%m.%d", "%Y年%m月%d日",
                      "%Y-%b-%d", "%Y/%b/%d", "%Y.%b.%d", "%Y %b %d", "%Y-%0m",
                      "%Y/%0m",   "%Y-Q%q",   "%YQ%q",    "%Y Q%q",   "%Yq%q",
                      "%Y年%m月", "%R/%m/%d", "%R-%m-%d", "%R.%m.%d", "%R年%m月%d日"},
    [GRU_DATE_DMY] = {"%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y",
                      "%d %b %y", "%d/%b/%Y", "%d/%b/%y", "%d.%b.%Y", "%d.%b.%y", "%d %b, %Y",
                      "%d %b, %y"},
    [GRU_DATE_MDY] = {"%m/%d/%Y", "%b %d, %Y", "%m-%d-%Y", "%m.%d.%Y", "%b-%d-%Y", "%b-%d-%y",
                      "%b %d %Y", "%b %d %y", "%b %d, %y", "%b/%d/%Y", "%b/%d/%y", "%b.%d.%Y",
                      "%b.%d.%y", "%b %Y", "%b-%Y"},
};
static const char with_seconds[] = "%H:%M:%S", with_minutes[] = "%H:%M";

static const char *const names[] = {"january",   "february", "march",    "april",
                                    "may",       "june",     "july",     "august",
                                    "september", "october",  "november", "december"};

typedef struct fields {
    int year, month, day, hour, minute, second, micro;
} fields;

int gru_date_form_months(const gru_date_form *form) {
    return strchr(form->date, 'q') ? 3 : !strchr(form->date, 'd');
}

/* ---- reading ---- */

typedef struct cursor {
    const char *text;
    size_t len, at;
} cursor;

static bool skip(cursor *c, char mark) {
    bool here = c->at < c->len && c->text[c->at] == mark;
    c->at += here;
    return here;
}

static bool read_number(cursor *c, size_t least, size_t most, int *value) {
    size_t start = c->at;
    *value = 0;
    while (c->at < c->len && c->at - start < most && c->text[c->at] >= '0' && c->text[c->at] <= '9')
        *value = *value * 10 + (c->text[c->at++] - '0');
    return c->at - start >= least;
}

static bool read_padded(cursor *c, size_t least, int *value, gru_date_hint *padded) {
    size_t start = c->at;
    if (!read_number(c, least, 2, value))
        return false;
    if (*value < 10)
        *padded = c->at - start == 2 ? GRU_DATE_YES : GRU_DATE_NO;
    return true;
}

/* POSIX strptime's %y */
static bool read_short_year(cursor *c, int *year) {
    bool read = read_number(c, 2, 2, year);
    *year += *year < 69 ? 2000 : 1900;
    return read;
}

/* From 100, which is 2011: two digits would be those of any year. */
static bool read_roc_year(cursor *c, int *year) {
    bool read = read_number(c, 3, 3, year) && *year >= 100;
    *year += ROC;
    return read;
}

static bool read_quarter(cursor *c, int *month) {
    int quarter;
    bool read = read_number(c, 1, 1, &quarter) && quarter >= 1 && quarter <= 4;
    *month = quarter * 3 - 2;
    return read;
}

/* "Jul", "JULY": three letters of an English month and more. */
static bool read_name(cursor *c, int *month, gru_date_form *form) {
    const char *text = c->text + c->at;
    size_t n = 0;
    while (c->at + n < c->len && ((text[n] | 32) >= 'a' && (text[n] | 32) <= 'z'))
        n++;
    for (*month = 1; n >= 3 && *month <= 12; ++*month) {
        size_t whole = strlen(names[*month - 1]);
        if (n > whole || strncasecmp(text, names[*month - 1], n) != 0)
            continue;
        if (whole > 3)
            form->hint[GRU_DATE_WHOLE_NAME] = n == whole ? GRU_DATE_YES : GRU_DATE_NO;
        if (*month == SEPTEMBER)
            form->hint[GRU_DATE_SEPT] = n == 4 ? GRU_DATE_YES : GRU_DATE_NO;
        form->upper[0] = text[0] < 'a';
        form->upper[1] = text[1] < 'a';
        c->at += n;
        return true;
    }
    return false;
}

static bool read_field(cursor *c, char code, size_t least, fields *f, gru_date_form *form) {
    switch (code) {
    case 'Y':
        return read_number(c, 4, 4, &f->year);
    case 'y':
        return read_short_year(c, &f->year);
    case 'R':
        return read_roc_year(c, &f->year);
    case 'q':
        return read_quarter(c, &f->month);
    case 'b':
        return read_name(c, &f->month, form);
    case 'm':
        return read_padded(c, least, &f->month, &form->hint[GRU_DATE_MONTH_PADDED]);
    case 'd':
        return read_padded(c, least, &f->day, &form->hint[GRU_DATE_DAY_PADDED]);
    case 'H':
        return read_padded(c, least, &f->hour, &form->hint[GRU_DATE_HOUR_PADDED]);
    case 'M':
        return read_number(c, 1, 2, &f->minute);
    default:
        return read_number(c, 1, 2, &f->second);
    }
}

static bool read_layout(cursor *c, const char *layout, fields *f, gru_date_form *form) {
    bool reads = true;
    while (reads && *layout) {
        if (*layout != '%') {
            reads = skip(c, *layout++);
            continue;
        }
        bool two = layout[1] == '0';
        layout += 1 + two;
        reads = read_field(c, *layout++, two ? 2 : 1, f, form);
    }
    return reads;
}

/* Digits past the sixth stay where they are, and so go to the tail. */
static void read_fraction(cursor *c, fields *f, gru_date_form *form) {
    size_t point = c->at;
    if (!skip(c, '.') || !read_number(c, 1, 6, &f->micro)) {
        c->at = point;
        return;
    }
    form->fraction = (int)(c->at - point) - 1;
    for (int i = form->fraction; i < 6; i++)
        f->micro *= 10;
}

/* What is left: "Z", "+01:00", " UTC". */
static bool read_tail(cursor *c, char tail[GRU_DATE_TAIL]) {
    size_t start = c->at, len = c->len - start;
    while (c->at < c->len && c->text[c->at] && strchr(".0123456789Z+-: ", c->text[c->at]))
        c->at++;
    if (c->len - c->at == 3 &&
        (memcmp(c->text + c->at, "UTC", 3) == 0 || memcmp(c->text + c->at, "GMT", 3) == 0))
        c->at = c->len;
    if (c->at < c->len || len >= GRU_DATE_TAIL)
        return false;
    memcpy(tail, c->text + start, len);
    return true;
}

static bool read_time(cursor *c, fields *f, gru_date_form *form) {
    form->mark = c->text[c->at];
    if (!skip(c, 'T') && !skip(c, ' '))
        return false;
    size_t start = c->at;
    form->time = with_seconds;
    if (read_layout(c, with_seconds, f, form)) {
        read_fraction(c, f, form);
    } else {
        c->at = start;
        form->time = with_minutes;
        if (!read_layout(c, with_minutes, f, form))
            return false;
    }
    return f->hour <= 23 && f->minute <= 59 && f->second <= 60 && read_tail(c, form->tail);
}

static bool valid(const fields *f) {
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (f->year % 4 == 0 && f->year % 100 != 0) || f->year % 400 == 0;
    return f->year >= 1 && f->month >= 1 && f->month <= 12 && f->day >= 1 &&
           f->day <= length[f->month - 1] + (f->month == 2 && leap);
}

static void merge(gru_date_form *form, const gru_date_form *shown) {
    form->date = shown->date;
    for (int i = 0; i < GRU_DATE_HINTS; i++)
        if (shown->hint[i] != GRU_DATE_UNTOLD)
            form->hint[i] = shown->hint[i];
    if (strchr(shown->date, 'b'))
        memcpy(form->upper, shown->upper, sizeof form->upper);
    if (shown->time) {
        form->time = shown->time;
        form->mark = shown->mark;
        form->fraction = shown->fraction;
        memcpy(form->tail, shown->tail, sizeof form->tail);
    }
}

/* A row's number, which most columns that name rows have; 20240131 may be a date. */
static bool is_plain_number(const char *text, size_t len) {
    size_t n = 0;
    while (n < len && text[n] >= '0' && text[n] <= '9')
        n++;
    return n == len && len != 8;
}

bool gru_date_learn(const char *text, size_t len, gru_date_order order, gru_date_form *form,
                    gru_moment *out) {
    if (is_plain_number(text, len))
        return false;
    for (const char *const *layout = layouts[order]; *layout; layout++) {
        cursor c = {text, len, 0};
        fields f = {.day = 1};
        gru_date_form shown = {.date = *layout};
        if (!read_layout(&c, *layout, &f, &shown) || !valid(&f))
            continue;
        if (c.at < len && (gru_date_form_months(&shown) || !read_time(&c, &f, &shown)))
            continue;
        gru_moment seconds = f.hour * 3600 + f.minute * 60 + f.second;
        *out = gru_date_days(f.year, f.month, f.day) * GRU_DAY + seconds * GRU_SECOND + f.micro;
        merge(form, &shown);
        return true;
    }
    return false;
}

bool gru_date_parse(const char *text, size_t len, gru_date_order order, gru_moment *out) {
    gru_date_form unused = {0};
    return gru_date_learn(text, len, order, &unused, out);
}

/* ---- writing ---- */

static bool padded(const gru_date_form *form, int part) {
    if (form->hint[part] != GRU_DATE_UNTOLD)
        return form->hint[part] == GRU_DATE_YES;
    return form->hint[GRU_DATE_DAY_PADDED] != GRU_DATE_NO &&
           form->hint[GRU_DATE_MONTH_PADDED] != GRU_DATE_NO;
}

/* Digits go to at, at least width of them; returns how many. */
static size_t put_number(char *at, int value, int width) {
    char digits[16];
    int n = snprintf(digits, sizeof digits, "%0*d", width, value);
    memcpy(at, digits, (size_t)n);
    return (size_t)n;
}

static size_t put_name(char *at, int month, const gru_date_form *form) {
    const char *name = names[month - 1];
    size_t n = form->hint[GRU_DATE_WHOLE_NAME] == GRU_DATE_YES                   ? strlen(name)
               : month == SEPTEMBER && form->hint[GRU_DATE_SEPT] == GRU_DATE_YES ? 4
                                                                                 : 3;
    for (size_t i = 0; i < n; i++)
        at[i] = (char)(form->upper[i > 0] ? name[i] - 32 : name[i]);
    return n;
}

static size_t put_field(char *at, char code, bool two, const fields *f, const gru_date_form *form) {
    switch (code) {
    case 'Y':
        return put_number(at, f->year, 4);
    case 'y':
        return put_number(at, f->year % 100, 2);
    case 'R':
        return put_number(at, f->year - ROC, 3);
    case 'q':
        return put_number(at, (f->month + 2) / 3, 1);
    case 'b':
        return put_name(at, f->month, form);
    case 'm':
        return put_number(at, f->month, two || padded(form, GRU_DATE_MONTH_PADDED) ? 2 : 1);
    case 'd':
        return put_number(at, f->day, two || padded(form, GRU_DATE_DAY_PADDED) ? 2 : 1);
    case 'H':
        return put_number(at, f->hour, padded(form, GRU_DATE_HOUR_PADDED) ? 2 : 1);
    case 'M':
        return put_number(at, f->minute, 2);
    default:
        return put_number(at, f->second, 2);
    }
}

static size_t put_layout(char *out, const char *layout, const fields *f,
                         const gru_date_form *form) {
    size_t n = 0;
    while (*layout) {
        if (*layout != '%') {
            out[n++] = *layout++;
            continue;
        }
        bool two = layout[1] == '0';
        layout += 1 + two;
        n += put_field(out + n, *layout++, two, f, form);
    }
    return n;
}

static size_t put_fraction(char *at, int micro, int fraction) {
    if (!fraction)
        return 0;
    for (int i = fraction; i < 6; i++)
        micro /= 10;
    *at = '.';
    return 1 + put_number(at + 1, micro, fraction);
}

static fields fields_of(gru_moment moment) {
    int64_t days = gru_date_days_of(moment);
    gru_moment rest = moment - days * GRU_DAY;
    int seconds = (int)(rest / GRU_SECOND);
    fields f = {.hour = seconds / 3600,
                .minute = seconds / 60 % 60,
                .second = seconds % 60,
                .micro = (int)(rest % GRU_SECOND)};
    gru_date_civil(days, &f.year, &f.month, &f.day);
    return f;
}

size_t gru_date_format(gru_moment moment, const gru_date_form *form, char out[GRU_DATE_TEXT]) {
    static const gru_date_form day = {.date = "%Y-%m-%d"};
    static const gru_date_form time = {.date = "%Y-%m-%d", .time = with_seconds, .mark = ' '};
    if (!form)
        form = moment % GRU_DAY ? &time : &day;
    fields f = fields_of(moment);
    size_t n = put_layout(out, form->date, &f, form);
    if (form->time) {
        out[n++] = form->mark;
        n += put_layout(out + n, form->time, &f, form);
        n += put_fraction(out + n, f.micro, form->fraction);
    }
    size_t tail = strlen(form->tail);
    memcpy(out + n, form->tail, tail + 1);
    return n + tail;
}

/* ---- columns ---- */

static void add_value(gru_date_run *r, double value, bool first, unsigned long long line) {
    if (!first && value < r->last && !r->falls) {
        r->falls = true;
        r->fell = line;
    }
    r->rises |= !first && value > r->last;
    r->last = value;
    r->newest = first || value > r->newest ? value : r->newest;
}

void gru_date_watch_add(gru_date_watch *w, const char *text, size_t len, unsigned long long line) {
    double number;
    for (int o = 0; o < GRU_DATE_ORDERS; o++) {
        gru_moment moment;
        gru_date_run *r = &w->order[o];
        r->fails = r->fails || !gru_date_parse(text, len, (gru_date_order)o, &moment);
        if (!r->fails)
            add_value(r, (double)moment, !w->seen, line);
    }
    w->numbers.fails = w->numbers.fails || !gru_number_parse(text, len, &number);
    if (!w->numbers.fails)
        add_value(&w->numbers, number, !w->seen, line);
    w->seen++;
}

gru_date_order gru_date_watch_order(const gru_date_watch *w) {
    gru_date_order found = GRU_DATE_ORDERS;
    for (int o = GRU_DATE_ORDERS - 1; w->seen && o >= 0; o--)
        if (!w->order[o].fails &&
            (found == GRU_DATE_ORDERS || !w->order[o].falls || w->order[found].falls))
            found = (gru_date_order)o;
    return found;
}

/* NULL where the column is neither dates nor numbers. */
static const gru_date_run *run_of(const gru_date_watch *w) {
    gru_date_order order = gru_date_watch_order(w);
    if (order != GRU_DATE_ORDERS)
        return &w->order[order];
    return w->seen && !w->numbers.fails ? &w->numbers : NULL;
}

bool gru_date_watch_falls(const gru_date_watch *w, unsigned long long *line) {
    const gru_date_run *r = run_of(w);
    if (!r || !r->falls)
        return false;
    *line = r->fell;
    return true;
}

bool gru_date_watch_ends_early(const gru_date_watch *w) {
    const gru_date_run *r = run_of(w);
    return r && r->last < r->newest && (r != &w->numbers || !r->rises);
}

bool gru_date_watch_warn(const gru_date_watch *w, const char *source, const char *column) {
    unsigned long long line;
    if (!gru_date_watch_falls(w, &line))
        return false;
    gru_warn("%s:%llu: column '%s' runs backwards here; windows follow the rows as they stand, so "
             "sort them first",
             source, line, column);
    return true;
}
