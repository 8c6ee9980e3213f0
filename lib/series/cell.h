/* A cell of a table as the number that a network reads. */
#ifndef GRU_SERIES_CELL_H
#define GRU_SERIES_CELL_H

#include "io/table.h"
#include "series/scaler.h"

/* Where cells come from; all borrowed. */
typedef struct gru_cells {
    const gru_table *table;
    const char *source;       /* the table's name in messages */
    const gru_scaler *scaler; /* NULL: numbers are taken as they are */
} gru_cells;

/* The scaler's column for a column of the table, or −1: its numbers are taken as they are. */
ptrdiff_t gru_cells_scaled(const gru_cells *c, size_t column);
/* The current row's number in that column, scaled by what gru_cells_scaled gave. GRU_ERR_DATA names
 * file, line, column and what is wrong: a cell that is missing, no number, or not finite as a float
 * once it is scaled. */
gru_status gru_cells_number(const gru_cells *c, const gru_field *row, size_t column,
                            ptrdiff_t scaled, double *value, gru_error *err);

#endif
