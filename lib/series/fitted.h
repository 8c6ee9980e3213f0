/* Fitted files: what a tool learned from data, as text a person can read and a later run can use.
 *
 * "#key value" lines first, then a TSV table: a header line and rows with as many cells, values and
 * cells escaped (io/tsv.h). scaler.tsv and window.tsv are such files. */
#ifndef GRU_SERIES_FITTED_H
#define GRU_SERIES_FITTED_H

#include "base/error.h"
#include "base/str.h"

#include <stddef.h>

typedef struct gru_fitted {
    char *name;  /* for messages */
    char *block; /* owns all strings below */
    char **key, **value;
    size_t keys;
    char **cell;          /* header's cells, then the rows' */
    size_t columns, rows; /* rows without the header */
    size_t *line;         /* of row r in the file, from 1 */
    size_t cell_cap, key_cap, value_cap, line_cap;
} gru_fitted;

/* *f need not be initialised; on failure it is empty and needs no free. */
gru_status gru_fitted_parse(gru_fitted *f, const char *bytes, size_t len, const char *name,
                            gru_error *err);
gru_status gru_fitted_load(gru_fitted *f, const char *path, gru_error *err);
void gru_fitted_free(gru_fitted *f);

/* The value of key, or NULL. */
const char *gru_fitted_get(const gru_fitted *f, const char *key);
/* The value of key as a whole number from min; GRU_ERR_DATA when it is missing or isn't one. */
gru_status gru_fitted_count(const gru_fitted *f, const char *key, size_t min, size_t *out,
                            gru_error *err);
/* Position of the table's column called name; GRU_ERR_DATA when there is none. */
gru_status gru_fitted_column(const gru_fitted *f, const char *name, size_t *column, gru_error *err);
const char *gru_fitted_cell(const gru_fitted *f, size_t row, size_t column);
/* A cell as a finite number; GRU_ERR_DATA naming file, line and word. */
gru_status gru_fitted_number(const gru_fitted *f, size_t row, size_t column, double *out,
                             gru_error *err);

/* ---- writing ---- */
/* "#tool …" and "#version …". */
void gru_fitted_head(gru_str *text, const char *tool);
/* "#key value"; nothing for a NULL value. */
void gru_fitted_put(gru_str *text, const char *key, const char *value);
void gru_fitted_put_count(gru_str *text, const char *key, size_t value);
/* A whole-or-nothing file of text. */
gru_status gru_fitted_save(const gru_str *text, const char *path, gru_error *err);

#endif
