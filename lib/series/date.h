/* Dates as people write them in tables, and whether a column of them runs forward.
 *
 * Understood: 2024-01-31, 2024/1/31, 20240131, 31-01-2024, 31/1/2024, 31.01.2024, 1/31/2024,
 * 31-Jan-2024, 31 January 2024, 31-Jan-24, Jan 31, 2024 and 2024年1月31日, each with an optional
 * time "T09:30", " 09:30:00" (fractions and zone are read over). Whether 1/2/2024 is January or
 * February cannot be seen from one value; a whole column mostly tells. */
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

typedef int64_t gru_moment; /* seconds since 1970-01-01T00:00:00 */

enum { GRU_DATE_TEXT = 32, GRU_DAY_SECONDS = 86400 };

/* Days since 1970-01-01 of a date of the Gregorian calendar, and back. */
int64_t gru_date_days(int year, int month, int day);
void gru_date_civil(int64_t days, int *year, int *month, int *day);
/* 0 Monday … 6 Sunday. */
int gru_date_weekday(int64_t days);

/* false when the whole of text[len] is no date in this order. */
bool gru_date_parse(const char *text, size_t len, gru_date_order order, gru_moment *out);
/* "2024-01-31", with " 09:30:00" where the time isn't midnight; returns the length. */
size_t gru_date_format(gru_moment moment, char out[GRU_DATE_TEXT]);

/* Watches a column go by and keeps each way to read it that still fits. */
typedef struct gru_date_watch {
    struct {
        bool fails;              /* some value is no date in this order */
        bool falls;              /* one came before the value above it */
        unsigned long long fell; /* line of the first such value */
        gru_moment last;
    } order[GRU_DATE_ORDERS];
    bool not_numbers, numbers_fall; /* the same for plain numbers */
    unsigned long long numbers_fell;
    double last_number;
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
/* Warns when it does; true when it did. */
bool gru_date_watch_warn(const gru_date_watch *w, const char *source, const char *column);

#endif
