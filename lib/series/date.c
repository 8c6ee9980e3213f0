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

/* One to `most` digits from *at; false when there are none. */
static bool digits(const char *text, size_t len, size_t *at, size_t most, int *value,
                   size_t *used) {
    size_t start = *at;
    *value = 0;
    while (*at < len && *at - start < most && text[*at] >= '0' && text[*at] <= '9')
        *value = *value * 10 + (text[(*at)++] - '0');
    *used = *at - start;
    return *used > 0;
}

/* "T09:30", " 09:30:00.123+01:00": seconds of the day; fraction and zone are read over. */
static bool read_time(const char *text, size_t len, size_t at, int *seconds) {
    int part[3] = {0, 0, 0}, parts = 0;
    size_t used;
    if (at < len && (text[at] == 'T' || text[at] == ' '))
        at++;
    else
        return false;
    while (parts < 3 && digits(text, len, &at, 2, &part[parts], &used)) {
        parts++;
        if (at < len && text[at] == ':' && parts < 3)
            at++;
        else
            break;
    }
    if (parts < 2 || part[0] > 23 || part[1] > 59 || part[2] > 60)
        return false;
    while (at < len && strchr(".0123456789Z+-: ", text[at]))
        at++;
    *seconds = part[0] * 3600 + part[1] * 60 + part[2];
    return at == len;
}

static bool valid(int year, int month, int day) {
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1 && month >= 1 && month <= 12 && day >= 1 &&
           day <= length[month - 1] + (month == 2 && leap);
}

typedef struct part {
    int value;
    size_t digits; /* 0: a month's name */
} part;

/* "Jul", "JULY": three letters of an English month and more. */
static bool read_month_name(const char *text, size_t len, size_t *at, part *p) {
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    size_t n = 0;
    while (*at + n < len && ((text[*at + n] | 32) >= 'a' && (text[*at + n] | 32) <= 'z'))
        n++;
    for (int month = 0; n >= 3 && month < 12; month++)
        if (n <= strlen(names[month]) && strncasecmp(text + *at, names[month], n) == 0) {
            *p = (part){month + 1, 0};
            *at += n;
            return true;
        }
    return false;
}

static bool read_part(const char *text, size_t len, size_t *at, char kind, part *p) {
    return digits(text, len, at, kind == 'y' ? 4 : 2, &p->value, &p->digits) ||
           (kind == 'm' && read_month_name(text, len, at, p));
}

static bool skip(const char *text, size_t len, size_t *at, const char *mark) {
    size_t n = strlen(mark);
    if (len - *at < n || memcmp(text + *at, mark, n) != 0)
        return false;
    *at += n;
    return true;
}

/* What stands behind each part. */
typedef struct marks {
    const char *behind[3];
    bool named; /* only where the month is a name */
} marks;

/* The year has four digits, or two behind a month's name; without marks all have theirs. */
static bool fits(const part *p, int year, int month, const marks *m) {
    bool named = p[month].digits == 0;
    if (!*m->behind[0])
        return year == 0 && p[0].digits == 4 && p[1].digits == 2 && p[2].digits == 2;
    return (named || !m->named) &&
           (p[year].digits == 4 || (named && year == 2 && p[year].digits == 2));
}

bool gru_date_parse(const char *text, size_t len, gru_date_order order, gru_moment *out) {
    static const char *const kinds[GRU_DATE_ORDERS] = {"ymd", "dmy", "mdy"};
    static const marks all[] = {{{"-", "-", ""}, false},     {{"/", "/", ""}, false},
                                {{".", ".", ""}, false},     {{"", "", ""}, false},
                                {{"年", "月", "日"}, false}, {{" ", " ", ""}, true},
                                {{" ", ", ", ""}, true}};
    const char *kind = kinds[order];
    int year = (int)(strchr(kind, 'y') - kind), month = (int)(strchr(kind, 'm') - kind);
    int day = 3 - year - month, seconds = 0;
    part p[3];
    size_t first = 0;
    if (!read_part(text, len, &first, kind[0], &p[0]))
        return false;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const marks *m = &all[i];
        size_t at = first;
        bool read = skip(text, len, &at, m->behind[0]) &&
                    read_part(text, len, &at, kind[1], &p[1]) &&
                    skip(text, len, &at, m->behind[1]) &&
                    read_part(text, len, &at, kind[2], &p[2]) && skip(text, len, &at, m->behind[2]);
        if (!read || !fits(p, year, month, m))
            continue;
        int y = p[year].value;
        if (p[year].digits == 2) /* POSIX strptime's %y */
            y += y < 69 ? 2000 : 1900;
        if (!valid(y, p[month].value, p[day].value) ||
            (at < len && !read_time(text, len, at, &seconds)))
            return false;
        *out = gru_date_days(y, p[month].value, p[day].value) * GRU_DAY_SECONDS + seconds;
        return true;
    }
    return false;
}

size_t gru_date_format(gru_moment moment, char out[GRU_DATE_TEXT]) {
    int64_t days = moment / GRU_DAY_SECONDS, rest = moment % GRU_DAY_SECONDS;
    int year, month, day, seconds;
    if (rest < 0) {
        rest += GRU_DAY_SECONDS;
        days--;
    }
    seconds = (int)rest;
    gru_date_civil(days, &year, &month, &day);
    int n = snprintf(out, GRU_DATE_TEXT, "%04d-%02d-%02d", year, month, day);
    if (seconds && n > 0)
        n += snprintf(out + n, GRU_DATE_TEXT - (size_t)n, " %02d:%02d:%02d", seconds / 3600,
                      seconds / 60 % 60, seconds % 60);
    return n > 0 ? (size_t)n : 0;
}

void gru_date_watch_add(gru_date_watch *w, const char *text, size_t len, unsigned long long line) {
    double number;
    for (int o = 0; o < GRU_DATE_ORDERS; o++) {
        gru_moment moment;
        if (w->order[o].fails)
            continue;
        if (!gru_date_parse(text, len, (gru_date_order)o, &moment)) {
            w->order[o].fails = true;
            continue;
        }
        if (w->seen && moment < w->order[o].last && !w->order[o].falls) {
            w->order[o].falls = true;
            w->order[o].fell = line;
        }
        w->order[o].last = moment;
    }
    if (!w->not_numbers && gru_number_parse(text, len, &number)) {
        if (w->seen && number < w->last_number && !w->numbers_fall) {
            w->numbers_fall = true;
            w->numbers_fell = line;
        }
        w->last_number = number;
    } else {
        w->not_numbers = true;
    }
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

bool gru_date_watch_falls(const gru_date_watch *w, unsigned long long *line) {
    gru_date_order order = gru_date_watch_order(w);
    if (order != GRU_DATE_ORDERS && w->order[order].falls) {
        *line = w->order[order].fell;
        return true;
    }
    if (order == GRU_DATE_ORDERS && w->seen && !w->not_numbers && w->numbers_fall) {
        *line = w->numbers_fell;
        return true;
    }
    return false;
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
