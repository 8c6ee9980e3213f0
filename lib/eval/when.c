/* Dates of ids (when.h). */
#include "eval/when.h"

#include "base/number.h"

/* Reads 1 to max digits; false if there is none. */
static bool digits(const char **p, const char *end, int max, int *value, int *count) {
    *value = *count = 0;
    while (*p < end && **p >= '0' && **p <= '9' && *count < max) {
        *value = *value * 10 + (**p - '0');
        (*p)++;
        (*count)++;
    }
    return *count > 0;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, days_from_civil). */
static long days_from_civil(int year, int month, int day) {
    const int y = month <= 2 ? year - 1 : year;
    const int era = (y >= 0 ? y : y - 399) / 400;
    const int of_era = y - era * 400;
    const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * 146097L + day_of_era - 719468L;
}

static bool clock_time(const char *p, const char *end, double *seconds) {
    int hour, minute, second = 0, n;
    if (!digits(&p, end, 2, &hour, &n) || p == end || *p++ != ':' ||
        !digits(&p, end, 2, &minute, &n))
        return false;
    if (p < end && *p == ':') {
        p++;
        if (!digits(&p, end, 2, &second, &n))
            return false;
    }
    if (p < end && *p != '.' && *p != 'Z' && *p != '+' && *p != '-')
        return false;
    *seconds = hour * 3600.0 + minute * 60.0 + second;
    return hour < 24 && minute < 60 && second < 61;
}

bool gru_when_parse(const char *text, size_t len, double *seconds) {
    const char *p = text, *end = text + len;
    int a, b, c, na, nb, nc;
    if (!digits(&p, end, 4, &a, &na) || p == end)
        return false;
    const char mark = *p++;
    if ((mark != '-' && mark != '/' && mark != '.') || !digits(&p, end, 2, &b, &nb) || p == end ||
        *p++ != mark || !digits(&p, end, 4, &c, &nc))
        return false;
    const bool year_first = na == 4;
    if ((year_first && nc > 2) || (!year_first && (na > 2 || nc != 4)))
        return false;
    const int year = year_first ? a : c, day = year_first ? c : a;
    if (b < 1 || b > 12 || day < 1 || day > 31)
        return false;
    double time = 0;
    if (p < end) {
        if ((*p != ' ' && *p != 'T') || !clock_time(p + 1, end, &time))
            return false;
    }
    *seconds = (double)days_from_civil(year, b, day) * 86400.0 + time;
    return true;
}

gru_when_kind gru_when_id(const char *text, size_t len, double *value) {
    long long row;
    if (gru_number_parse_int(text, len, &row)) {
        *value = (double)row;
        return GRU_WHEN_ROW;
    }
    return gru_when_parse(text, len, value) ? GRU_WHEN_DATE : GRU_WHEN_UNKNOWN;
}
