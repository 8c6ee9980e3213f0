/* Dates as people write them in tables: read, written again in the same form, and whether a column
 * of them runs forward.
 *
 * Understood: 2024-01-31, 2024/1/31, 20240131, 31-01-2024, 31/1/2024, 31.01.2024, 1/31/2024,
 * 31-Jan-2024, 31 January 2024, 31-Jan-24, Jan 31, 2024 and 2024年1月31日, each with an optional
 * time "T09:30", " 9:30:00.5"; behind it a zone is read over. Months (2024-01, 2024/01, Jan 2024,
 * 2024年1月) and quarters (2024-Q1, 2024Q1) count as their first day. A year of three digits, as
 * in 113/01/31, is Taiwan's, where 1912 was the first. Whether 1/2/2024 is January
 * or February cannot be seen from one value; a whole column mostly tells.
 *
 *     gru_date_form form = {0};
 *     gru_date_learn("02.02.2024", 10, GRU_DATE_DMY, &form, &moment);
 *     gru_date_format(moment + GRU_DAY, &form, out);                    "03.02.2024" */
#ifndef GRU_SERIES_DATE_H
#define GRU_SERIES_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum gru_date_order {
    GRU_DATE_YMD,
    GRU_DATE_DMY,
    GRU_DATE_MDY,
    GRU_DATE_ORDERS
} gru_date_order;

typedef int64_t gru_moment; /* microseconds since 1970-01-01T00:00:00, on the clock of the table */

#define GRU_SECOND ((gru_moment)1000000)
#define GRU_DAY (86400 * GRU_SECOND)

enum { GRU_DATE_TEXT = 64, GRU_DATE_TAIL = 24 };

/* Days since 1970-01-01 of a date of the Gregorian calendar, of a moment, and back. */
int64_t gru_date_days(int year, int month, int day);
int64_t gru_date_days_of(gru_moment moment);
void gru_date_civil(int64_t days, int *year, int *month, int *day);
/* 0 Monday … 6 Sunday. */
int gru_date_weekday(int64_t days);

/* What one value may not show: 12/11/2024 has no zero to leave out, and May is the whole name. */
typedef enum gru_date_hint { GRU_DATE_UNTOLD, GRU_DATE_YES, GRU_DATE_NO } gru_date_hint;

enum {
    GRU_DATE_DAY_PADDED, /* 02/… rather than 2/… */
    GRU_DATE_MONTH_PADDED,
    GRU_DATE_HOUR_PADDED,
    GRU_DATE_WHOLE_NAME, /* January rather than Jan */
    GRU_DATE_SEPT,       /* where the others are three letters */
    GRU_DATE_HINTS
};

/* How dates are written; starts as {0}, which has learnt nothing. Holds no memory of its own. */
typedef struct gru_date_form {
    const char *date;         /* "%d-%m-%Y", "%b %d, %Y", "%Y-Q%q" … (date.c) */
    const char *time;         /* "%H:%M:%S" or "%H:%M"; NULL: dates only */
    char mark;                /* before the time: 'T' or a blank */
    int fraction;             /* digits behind the seconds' point, at most 6 */
    char tail[GRU_DATE_TAIL]; /* what is left, as it stands: the zone */
    gru_date_hint hint[GRU_DATE_HINTS];
    bool upper[2]; /* first letter of a month's name, and the others */
} gru_date_form;

/* false when the whole of text[len] is no date in this order. */
bool gru_date_parse(const char *text, size_t len, gru_date_order order, gru_moment *out);
/* Parses, and gives *form what text shows. What text can't show, or its time where it has none,
 * stays as values before it showed it. *form is left as it is when text is no date. */
bool gru_date_learn(const char *text, size_t len, gru_date_order order, gru_date_form *form,
                    gru_moment *out);
/* The text of a moment; returns its length. Day, month and hour that no value showed are padded,
 * unless a day or month was seen that isn't. form NULL: "2024-01-31", with " 09:30:00" where the
 * time isn't midnight. */
size_t gru_date_format(gru_moment moment, const gru_date_form *form, char out[GRU_DATE_TEXT]);
/* 1 when the form names months, 3 quarters, 0 days or times of day. */
int gru_date_form_months(const gru_date_form *form);

/* How a column runs when it is read in one way. */
typedef struct gru_date_run {
    bool fails;              /* some value can't be read so */
    bool falls, rises;       /* one came before the value above it, or after it */
    unsigned long long fell; /* line of the first that came before */
    double last, newest;
} gru_date_run;

/* Watches a column go by and keeps each way to read it that still fits. */
typedef struct gru_date_watch {
    gru_date_run order[GRU_DATE_ORDERS], numbers;
    size_t seen;
} gru_date_watch;

/* *w starts as {0}. */
void gru_date_watch_add(gru_date_watch *w, const char *text, size_t len, unsigned long long line);
/* The order in which all values are dates, best one that never falls, day-first before month-first;
 * GRU_DATE_ORDERS when there is none. */
gru_date_order gru_date_watch_order(const gru_date_watch *w);
/* true when the column is dates or numbers and runs backwards somewhere however it is read; *line
 * is where. */
bool gru_date_watch_falls(const gru_date_watch *w, unsigned long long *line);
/* true when what follows the last row has passed: a date before it was later, or numbers never rise
 * (hours of the day fall once a day). */
bool gru_date_watch_ends_early(const gru_date_watch *w);
/* Warns when it falls; true when it did. */
bool gru_date_watch_warn(const gru_date_watch *w, const char *source, const char *column);

#endif
