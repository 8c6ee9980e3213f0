/* A table through a scaler: which columns, there or back, row by row. */
#ifndef GRU_SERIES_RESCALE_H
#define GRU_SERIES_RESCALE_H

#include "base/error.h"
#include "base/options.h"
#include "io/table.h"
#include "series/scaler.h"

#include <stdbool.h>
#include <stddef.h>

/* What to learn. columns: "A,B", or NULL for every column of numbers that is no date; rows: the
 * first ones to learn from, not given: all. */
typedef struct gru_rescale_fit {
    gru_scale_method method;
    double low, high;
    const char *columns;
    gru_share rows;
    const char *file; /* scaler.tsv to write before the first row is out, or NULL */
} gru_rescale_fit;

/* Reads all of table (source: its name in messages), fits, writes fit->file, then the scaled rows.
 */
gru_status gru_rescale_learn(const gru_rescale_fit *fit, gru_table *table, const char *source,
                             gru_table_writer *to, gru_error *err);
/* Writes table's rows scaled (or, with invert, unscaled), one by one. columns: "A,B", where B=A
 * means the table's column B is scaled as column A was; NULL: all that the scaler knows, which must
 * be there. */
gru_status gru_rescale_apply(const gru_scaler *s, bool invert, const char *columns,
                             gru_table *table, const char *source, gru_table_writer *to,
                             gru_error *err);

#endif
