/* A whole table in memory, for work that must see every row before it can write the first. */
#ifndef GRU_SERIES_FRAME_H
#define GRU_SERIES_FRAME_H

#include "base/error.h"
#include "base/str.h"
#include "io/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A row that doesn't start on the line after the one on which the row before it starts. */
typedef struct gru_frame_jump {
    size_t row;
    unsigned long long line;
} gru_frame_jump;

typedef struct gru_frame {
    char *source; /* the input's name, for messages */
    char **name;  /* columns */
    size_t columns, rows;
    gru_str text;  /* all cells, each followed by a NUL */
    size_t *start; /* offset in text of each row */
    size_t start_cap;
    uint32_t *cell; /* offset of cell [row][column] from its row's start */
    size_t cell_cap;
    gru_frame_jump *jump; /* rising; the first is row 0 */
    size_t jumps, jump_cap;
} gru_frame;

/* Reads what is left of table; source is its name in messages. *f need not be initialised; on
 * failure it is empty. */
gru_status gru_frame_read(gru_frame *f, gru_table *table, const char *source, gru_error *err);
void gru_frame_free(gru_frame *f);
const char *gru_frame_cell(const gru_frame *f, size_t row, size_t column);
/* The line of the input on which the row starts. */
unsigned long long gru_frame_line(const gru_frame *f, size_t row);
/* The column as numbers[rows], NaN where missing; GRU_ERR_DATA as gru_table_number gives it. */
gru_status gru_frame_numbers(const gru_frame *f, size_t column, double *numbers, gru_error *err);
/* true when every value that is there is a number, at least one is, and they are not all dates
 * (20240131 is one). */
bool gru_frame_is_numeric(const gru_frame *f, size_t column);

#endif
