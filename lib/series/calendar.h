/* What the rows after a table's last are called: its index column, gone on with.
 *
 * Days, without weekends where the column has none; hours and the like, by the smallest step seen;
 * months, quarters and years, where the rows keep a day of the month, its end, or a number of
 * months between them; numbers by their last step; anything else, and dates past the year 9999,
 * +1, +2 … Dates are written as the last one is, so that a join finds them once they are known. */
#ifndef GRU_SERIES_CALENDAR_H
#define GRU_SERIES_CALENDAR_H

#include "base/str.h"
#include "series/date.h"

/* The dates as one order reads them. */
typedef struct gru_calendar_reading {
    gru_date_form form;
    gru_moment last;
    gru_moment least_step, most_step;  /* from row to row, of those that rise; 0: none did */
    int64_t month;                     /* of the last row, since January of year 0 */
    int64_t least_months, most_months; /* from row to row */
    int day;                           /* of the month, of the last row */
    bool other_day, not_month_end;     /* not all on one day of the month; not all on its end */
    bool weekend;                      /* some Saturday or Sunday */
    bool not_weeks;                    /* some step is no whole weeks */
    size_t seen;
} gru_calendar_reading;

/* Starts as {0}. */
typedef struct gru_calendar {
    gru_date_watch watch;
    gru_calendar_reading reading[GRU_DATE_ORDERS];
    char last[64], before[64]; /* the last two names, as they were written */
} gru_calendar;

void gru_calendar_add(gru_calendar *c, const char *text, size_t len, unsigned long long line);
/* Appends the names of the next rows, one a line. */
void gru_calendar_next(const gru_calendar *c, size_t rows, gru_str *out);

#endif
