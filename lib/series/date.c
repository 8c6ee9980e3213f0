/* Dates in tables (date.h). */
#include "series/date.h"

#include "base/log.h"
#include "base/number.h"

#include <stdio.h>
#include <string.h>

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

/* The date's three numbers in the order written; *at ends behind them. */
static bool read_parts(const char *text, size_t len, gru_date_order order, size_t *at, int p[3]) {
    size_t used;
    bool year_first = order == GRU_DATE_YMD;
    if (!digits(text, len, at, year_first ? 4 : 2, &p[0], &used) || (year_first && used != 4))
        return false;
    if (year_first && *at < len && text[*at] >= '0' && text[*at] <= '9')
        return digits(text, len, at, 2, &p[1], &used) && used == 2 &&
               digits(text, len, at, 2, &p[2], &used) && used == 2;
    if (*at >= len || !strchr("-/.", text[*at]))
        return false;
    char mark = text[(*at)++];
    if (!digits(text, len, at, 2, &p[1], &used) || *at >= len || text[*at] != mark)
        return false;
    ++*at;
    if (!digits(text, len, at, year_first ? 2 : 4, &p[2], &used))
        return false;
    return year_first || used == 4;
}

bool gru_date_parse(const char *text, size_t len, gru_date_order order, gru_moment *out) {
    static const int place[GRU_DATE_ORDERS][3] = {{0, 1, 2}, {2, 1, 0}, {2, 0, 1}};
    int p[3], seconds = 0;
    size_t at = 0;
    if (!read_parts(text, len, order, &at, p))
        return false;
    int year = p[place[order][0]], month = p[place[order][1]], day = p[place[order][2]];
    if (!valid(year, month, day) || (at < len && !read_time(text, len, at, &seconds)))
        return false;
    *out = gru_date_days(year, month, day) * GRU_DAY_SECONDS + seconds;
    return true;
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
