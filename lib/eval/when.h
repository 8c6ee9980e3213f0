/* Where a sample stands in time, from its id: a date or a row number. */
#ifndef GRU_EVAL_WHEN_H
#define GRU_EVAL_WHEN_H

#include <stdbool.h>
#include <stddef.h>

/* A date, year first (2024-03-31, 2024/3/31, 20240331 is a number) or day first
 * (31/03/2024, 31.3.2024, 31-03-2024), optionally with a time after a blank or T (hh:mm[:ss[.fff]],
 * a trailing Z or offset is ignored): seconds since 1970-01-01. false for anything else. */
bool gru_when_parse(const char *text, size_t len, double *seconds);

typedef enum gru_when_kind { GRU_WHEN_UNKNOWN, GRU_WHEN_ROW, GRU_WHEN_DATE } gru_when_kind;

/* A whole number is a row, a date a date. */
gru_when_kind gru_when_id(const char *text, size_t len, double *value);

#endif
