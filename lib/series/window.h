/* Sliding windows over the rows of a table: T rows of F features, and the targets that follow.
 *
 * Window i takes rows i … i+T−1 as x (T,F) and the target column of rows i+T … i+T+H−1 as y (H);
 * its id is the index (or row number) of row i+T, the first target. i = 0, stride, 2·stride, …
 * These are Keras's windows: x = s[i:i+T], y = s[i+T].
 *
 * window.tsv: "#key value" lines (tool, version, length, horizon, stride, target, index, group,
 * rows, windows), then a TSV table "feature" with one feature a row, in x's order. "#sequences yes"
 * among them: not windows but whole groups (sequences.h). */
#ifndef GRU_SERIES_WINDOW_H
#define GRU_SERIES_WINDOW_H

#include "base/error.h"
#include "base/str.h"
#include "io/npy.h"

#include <stdbool.h>
#include <stddef.h>

/* What windows are made of; column names, not positions, so that other tables fit. */
typedef struct gru_windows {
    size_t length, horizon, stride; /* T, H, step between windows; in rows, ≥ 1 */
    char **feature;                 /* F names */
    size_t features;
    char *target;         /* a column; of sequences one or more, "A,B" */
    char *index;          /* column whose value becomes id, or NULL: row numbers */
    char *group;          /* column whose groups windows don't cross, or NULL */
    size_t rows, windows; /* what was seen and made when it was written */
    bool sequences;       /* length is the steps of a sample, 0: of the longest; horizon may be 0 */
} gru_windows;

/* Reads window.tsv: from its bytes (name for messages), from a file, or from the model that it is
 * attached to. *w need not be initialised; on failure it is empty and needs no free. */
gru_status gru_windows_parse(gru_windows *w, const char *bytes, size_t len, const char *name,
                             gru_error *err);
gru_status gru_windows_load(gru_windows *w, const char *path, gru_error *err);
gru_status gru_windows_load_model(gru_windows *w, const char *path, gru_error *err);
gru_status gru_windows_text(const gru_windows *w, gru_str *text, gru_error *err);
gru_status gru_windows_save(const gru_windows *w, const char *path, gru_error *err);
void gru_windows_free(gru_windows *w);

/* ---- windows, one row at a time (not for sequences) ---- */

/* Fed one row at a time, it gives a record whenever a window is complete; holds T+H rows. One maker
 * serves one group. */
typedef struct gru_window_maker gru_window_maker;

/* What records bear besides numbers. Widths are bytes, and are rounded up to a multiple of 4. */
typedef struct gru_window_labels {
    size_t id_width;    /* an id may have so many; 0: records have none */
    size_t group_width; /* as long as the longest group's name; 0: records have none */
    const char *group;  /* [group_len], no more than group_width: the group of all rows */
    size_t group_len;
} gru_window_labels;

/* w and labels are only read during the call. GRU_ERR_DATA when the sizes overflow. */
gru_status gru_window_maker_new(gru_window_maker **out, const gru_windows *w,
                                const gru_window_labels *labels, gru_error *err);
void gru_window_maker_free(gru_window_maker *m);
/* Layout of the records: x 'f' (T,F), y 'f' (H), id and group 'S' where their widths are > 0. */
const gru_record_spec *gru_window_maker_spec(const gru_window_maker *m);
/* One row: features[F] and the target, already scaled, all finite. id[len] is what id shall be
 * where this row is the first target; longer than its width is GRU_ERR_DATA. *record is the window
 * this row completes (borrowed until the next push), or NULL. */
gru_status gru_window_maker_push(gru_window_maker *m, const double *features, double target,
                                 const char *id, size_t len, const void **record, gru_error *err);
/* The newest T rows as x (T,F), oldest first, whose targets are not known yet: what a forecast
 * starts from. Borrowed until the next push; NULL while fewer than T rows were pushed. */
const float *gru_window_maker_last(const gru_window_maker *m);
/* Rows pushed so far. */
size_t gru_window_maker_rows(const gru_window_maker *m);

#endif
