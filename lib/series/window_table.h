/* A table cut into windows: rows in, records of a tensor stream out, in constant memory. */
#ifndef GRU_SERIES_WINDOW_TABLE_H
#define GRU_SERIES_WINDOW_TABLE_H

#include "base/error.h"
#include "io/npy.h"
#include "io/table.h"
#include "series/window.h"

#include <stdbool.h>

/* Columns are looked up in table by the names in w; rows of one group (w->group) must not lie
 * together, each group has its own windows. Writes the stream to out (not committed), and *w, with
 * its rows and windows counted, to the file `fit` (NULL: none) before the last byte of the stream.
 * GRU_ERR_DATA naming file, line and column for a cell that is missing or no number, and when not
 * even one window is complete. Warns when w->index runs backwards. */
gru_status gru_windows_cut(gru_windows *w, gru_table *table, const char *source, gru_output *out,
                           const char *fit, gru_error *err);
#endif
