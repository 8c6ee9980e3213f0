/* Where a sample stands in time, from its id: a date or a row number. */
#ifndef GRU_EVAL_WHEN_H
#define GRU_EVAL_WHEN_H

#include "series/date.h"

typedef enum gru_when_kind { GRU_WHEN_UNKNOWN, GRU_WHEN_ROW, GRU_WHEN_DATE } gru_when_kind;

/* One value can't tell 1 February from 2 January, so a date is read in each order; NaN where it is
 * none in that order. A row number is in all three. */
typedef struct gru_when {
    gru_when_kind kind;
    double at[GRU_DATE_ORDERS]; /* seconds since 1970-01-01, or the row number */
} gru_when;

/* A date is a date (20240131 too), any other whole number is a row. */
gru_when gru_when_id(const char *text, size_t len);
/* true when b comes after a; row numbers must be next to each other. */
bool gru_when_follows(const gru_when *a, const gru_when *b);

#endif
