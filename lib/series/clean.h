/* Cleaning the columns of a table: gaps, outliers, noise, other periods, differences. */
#ifndef GRU_SERIES_CLEAN_H
#define GRU_SERIES_CLEAN_H

#include "io/table.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum gru_clean_kind {
    GRU_CLEAN_IMPUTE,    /* how: linear forward backward mean median zero drop */
    GRU_CLEAN_OUTLIERS,  /* iqr zscore; number: how far is too far; missing: leave a gap */
    GRU_CLEAN_SMOOTH,    /* mean median; number: rows, this one and those before it */
    GRU_CLEAN_RESAMPLE,  /* day week month; value: last first mean min max sum */
    GRU_CLEAN_DIFFERENCE /* number: rows back */
} gru_clean_kind;

typedef struct gru_clean_step {
    gru_clean_kind kind;
    int how, value; /* which of the words above */
    double number;
    bool missing;
} gru_clean_step;

typedef struct gru_clean_plan {
    const gru_clean_step *steps;
    size_t count;
    const char *columns; /* "A,B", or NULL: all numbers but dates */
    const char *index;   /* column of dates, or NULL; resample needs it */
} gru_clean_plan;

/* "impute=linear", "outliers=iqr:1.5[:missing]", "smooth=mean:5", "resample=week:last",
 * "difference=1"; else GRU_ERR_USAGE with what was expected. */
gru_status gru_clean_parse(gru_clean_step *step, const char *text, gru_error *err);
/* Reads the whole table, takes the steps in order, writes what is left; the caller commits. */
gru_status gru_clean_run(const gru_clean_plan *plan, gru_table *table, const char *source,
                         gru_table_writer *to, gru_error *err);

#endif
