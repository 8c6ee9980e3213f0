/* Scaling columns of numbers, with scikit-learn's definitions, and the file that remembers it.
 *
 * Every method but log is y = (x − center) / scale, and back x = y · scale + center:
 *
 *     minmax    center = min, scale = max − min, then y · (high − low) + low
 *     standard  center = mean, scale = standard deviation (ddof = 0)
 *     robust    center = median, scale = q75 − q25 (linear quantiles)
 *     maxabs    center = 0, scale = max |x|
 *     log       y = ln x (x > 0); nothing is fitted
 *
 * Where scale would be 0, but for rounding, it is 1: a constant column becomes 0 (minmax: low), or
 * with maxabs 1 or −1 unless it is 0. Missing values are NaN: left out of the fit and kept.
 * Computed in double.
 *
 * scaler.tsv: "#key value" lines (tool, version, method, range, rows, total), then a TSV table with
 * one row a column: column, center, scale, count, min, max; doubles at full precision. */
#ifndef GRU_SERIES_SCALER_H
#define GRU_SERIES_SCALER_H

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum gru_scale_method {
    GRU_SCALE_MINMAX,
    GRU_SCALE_STANDARD,
    GRU_SCALE_ROBUST,
    GRU_SCALE_MAXABS,
    GRU_SCALE_LOG,
    GRU_SCALE_METHOD_COUNT
} gru_scale_method;

typedef struct gru_scaler_column {
    char *name; /* of the table's column; owned by the scaler */
    double center, scale;
    double min, max; /* of the values fitted */
    size_t count;    /* values fitted (not missing) */
} gru_scaler_column;

typedef struct gru_scaler {
    gru_scale_method method;
    double low, high; /* minmax's range; 0 and 1 */
    size_t rows;      /* rows it was fitted from */
    size_t total;     /* rows there were */
    gru_scaler_column *column;
    size_t count;
} gru_scaler;

/* "minmax" …; parse gives GRU_ERR_DATA for another word. */
const char *gru_scale_method_name(gru_scale_method method);
gru_status gru_scale_method_parse(const char *text, gru_scale_method *method, gru_error *err);

/* Reads scaler.tsv: from its bytes (name for messages), from a file, or from the model that it is
 * attached to. *s need not be initialised; on failure it is empty and needs no free. */
gru_status gru_scaler_parse(gru_scaler *s, const char *bytes, size_t len, const char *name,
                            gru_error *err);
gru_status gru_scaler_load(gru_scaler *s, const char *path, gru_error *err);
gru_status gru_scaler_load_model(gru_scaler *s, const char *path, gru_error *err);
/* Appends the text of scaler.tsv; save writes it as a whole-or-nothing file. */
gru_status gru_scaler_text(const gru_scaler *s, gru_str *text, gru_error *err);
gru_status gru_scaler_save(const gru_scaler *s, const char *path, gru_error *err);
/* An empty scaler (count 0); low < high. */
void gru_scaler_init(gru_scaler *s, gru_scale_method method, double low, double high);
void gru_scaler_free(gru_scaler *s);

/* Adds a column fitted to values[count]; NaN is missing. values is reordered in place where the
 * method needs it. GRU_ERR_DATA when no value is there, or for log when one isn't positive. */
gru_status gru_scaler_add(gru_scaler *s, const char *name, double *values, size_t count,
                          gru_error *err);

/* Index of the column called name, or −1. */
ptrdiff_t gru_scaler_find(const gru_scaler *s, const char *column);
/* One value there and back; NaN stays NaN, the logarithm of x ≤ 0 is NaN. */
double gru_scaler_apply(const gru_scaler *s, size_t index, double value);
double gru_scaler_invert(const gru_scaler *s, size_t index, double value);

#endif
