/* Rows of a raw table as a network's windows want them: the right columns, scaled. For raw_series.c
 * and forecast.c. */
#ifndef GRU_TRAIN_RAW_ROWS_H
#define GRU_TRAIN_RAW_ROWS_H

#include "io/table.h"
#include "series/scaler.h"
#include "series/window.h"
#include "train/package.h"

typedef struct gru_raw_rows {
    gru_table *table;
    const char *source; /* the input's name */
    gru_windows windows;
    gru_scaler scaler;
    bool has_windows, has_scaler;
    size_t *column;    /* of each feature, then of the target */
    ptrdiff_t *scaled; /* the scaler's columns for these, or −1 */
    size_t index, group;
    double *values;            /* [features + 1]: scaled features, then the target */
    const gru_field *row;      /* NULL at the end */
    unsigned long long number; /* of the row, from 1 */
    char digits[24];
} gru_raw_rows;

/* in is open; borrowed. GRU_ERR_DATA when window.tsv isn't attached, does not fit the network, or a
 * column is missing. Of sequences (windows.sequences) no column is looked for, and rows are not to
 * be asked for. */
gru_status gru_raw_rows_open(gru_raw_rows *r, const gru_package *package, gru_input *in, bool lossy,
                             gru_error *err);
/* The next row's values; r->row NULL at the end. */
gru_status gru_raw_rows_next(gru_raw_rows *r, gru_error *err);
/* The row's group, NULL where the windows know none. */
const gru_field *gru_raw_rows_group(const gru_raw_rows *r);
/* What names the row: its index or its number. */
const char *gru_raw_rows_id(gru_raw_rows *r, size_t *len);
void gru_raw_rows_close(gru_raw_rows *r);

#endif
