/* Windows over a table's rows, row by row, and window.tsv (window.h). */
#include "series/window.h"

#include "base/mem.h"
#include "io/bundle.h"
#include "io/tsv.h"
#include "series/fitted.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- window.tsv ---- */

void gru_windows_free(gru_windows *w) {
    for (size_t i = 0; i < w->features; i++)
        free(w->feature[i]);
    free(w->feature);
    free(w->target);
    free(w->index);
    free(w->group);
    *w = (gru_windows){0};
}

static gru_status copy_text(char **to, const char *text, gru_error *err) {
    *to = text ? gru_str_copy(text, strlen(text)) : NULL;
    return text && !*to ? gru_error_memory(err, strlen(text)) : GRU_OK;
}

static gru_status read_features(gru_windows *w, const gru_fitted *f, gru_error *err) {
    size_t column;
    gru_status status = gru_fitted_column(f, "feature", &column, err);
    if (status)
        return status;
    if (!f->rows)
        return gru_error_set(err, GRU_ERR_DATA, "%s: no features in it", f->name);
    w->feature = calloc(f->rows, sizeof *w->feature);
    if (!w->feature)
        return gru_error_memory(err, f->rows * sizeof *w->feature);
    w->features = f->rows;
    for (size_t r = 0; !status && r < f->rows; r++)
        status = copy_text(&w->feature[r], gru_fitted_cell(f, r, column), err);
    return status;
}

static gru_status read_fitted(gru_windows *w, const gru_fitted *f, gru_error *err) {
    const char *tool = gru_fitted_get(f, "tool"), *target = gru_fitted_get(f, "target");
    if (!tool || strcmp(tool, "gru-window") != 0 || !target)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: not made by gru-window (no '#tool gru-window' or no '#target')",
                             f->name);
    w->sequences = gru_fitted_get(f, "sequences") != NULL;
    size_t least = w->sequences ? 0 : 1;
    gru_status status = gru_fitted_count(f, "length", least, &w->length, err);
    if (!status)
        status = gru_fitted_count(f, "horizon", least, &w->horizon, err);
    if (!status)
        status = gru_fitted_count(f, "stride", 1, &w->stride, err);
    if (!status)
        status = gru_fitted_count(f, "rows", 0, &w->rows, err);
    if (!status)
        status = gru_fitted_count(f, "windows", 0, &w->windows, err);
    if (!status)
        status = copy_text(&w->target, target, err);
    if (!status)
        status = copy_text(&w->index, gru_fitted_get(f, "index"), err);
    if (!status)
        status = copy_text(&w->group, gru_fitted_get(f, "group"), err);
    return status ? status : read_features(w, f, err);
}

/* Takes f over. */
static gru_status from_fitted(gru_windows *w, gru_fitted *f, gru_error *err) {
    gru_status status = read_fitted(w, f, err);
    if (status)
        gru_windows_free(w);
    gru_fitted_free(f);
    return status;
}

gru_status gru_windows_parse(gru_windows *w, const char *bytes, size_t len, const char *name,
                             gru_error *err) {
    gru_fitted f;
    *w = (gru_windows){0};
    gru_status status = gru_fitted_parse(&f, bytes, len, name, err);
    return status ? status : from_fitted(w, &f, err);
}

gru_status gru_windows_load(gru_windows *w, const char *path, gru_error *err) {
    gru_fitted f;
    *w = (gru_windows){0};
    gru_status status = gru_fitted_load(&f, path, err);
    return status ? status : from_fitted(w, &f, err);
}

gru_status gru_windows_load_model(gru_windows *w, const char *path, gru_error *err) {
    char *text;
    *w = (gru_windows){0};
    gru_status status = gru_bundle_read_text(path, "window.tsv", &text, err);
    if (!status && gru_windows_parse(w, text, strlen(text), "window.tsv", err))
        status = gru_error_at(err, "%s", path);
    free(text);
    return status;
}

gru_status gru_windows_text(const gru_windows *w, gru_str *text, gru_error *err) {
    gru_fitted_head(text, "gru-window");
    gru_fitted_put(text, "sequences", w->sequences ? "yes" : NULL);
    gru_fitted_put_count(text, "length", w->length);
    gru_fitted_put_count(text, "horizon", w->horizon);
    gru_fitted_put_count(text, "stride", w->stride);
    gru_fitted_put(text, "target", w->target);
    gru_fitted_put(text, "index", w->index);
    gru_fitted_put(text, "group", w->group);
    gru_fitted_put_count(text, "rows", w->rows);
    gru_fitted_put_count(text, "windows", w->windows);
    gru_str_add(text, "feature\n");
    for (size_t i = 0; i < w->features; i++) {
        gru_tsv_add(text, w->feature[i], strlen(w->feature[i]));
        gru_str_add_char(text, '\n');
    }
    return gru_str_check(text, err);
}

gru_status gru_windows_save(const gru_windows *w, const char *path, gru_error *err) {
    gru_str text = {0};
    gru_status status = gru_windows_text(w, &text, err);
    if (!status)
        status = gru_fitted_save(&text, path, err);
    gru_str_free(&text);
    return status;
}

/* ---- the maker ---- */

/* A ring of the last `span` rows. Features and targets are stored twice, `span` rows apart, so that
 * any run of up to span rows lies in one piece. */
struct gru_window_maker {
    gru_record_spec spec;
    size_t length, horizon, stride, features, id_width;
    size_t span;   /* T + H */
    size_t rows;   /* pushed */
    float *x;      /* (2·span, F) */
    float *target; /* 2·span */
    char *id;      /* (span, id_width), NUL-padded */
    unsigned char *record;
};

/* Numbers the ring may hold: 256 MiB, far above any window a network learns from. */
static const size_t ring_limit = (size_t)1 << 26;

static gru_status lay_out(gru_window_maker *m, const gru_window_labels *labels, gru_error *err) {
    size_t doubled, values;
    if (!gru_size_add(m->length, m->horizon, &m->span) || !gru_size_mul(m->span, 2, &doubled) ||
        !gru_size_mul(doubled, m->features, &values) || values > ring_limit)
        return gru_error_set(err, GRU_ERR_DATA,
                             "windows of %zu + %zu rows with %zu features are too large", m->length,
                             m->horizon, m->features);
    gru_record_set(&m->spec, GRU_X, 'f', 2, m->length, m->features, 0);
    gru_record_set(&m->spec, GRU_Y, 'f', 1, m->horizon, 0, 0);
    if (m->id_width)
        gru_record_set(&m->spec, GRU_ID, 'S', 0, 0, 0, m->id_width);
    if (labels->group_width)
        gru_record_set(&m->spec, GRU_GROUP, 'S', 0, 0, 0, labels->group_width);
    gru_status status = gru_record_layout(&m->spec, err);
    if (!status)
        status = gru_mem_new(&m->x, values, sizeof *m->x, err);
    if (!status)
        status = gru_mem_new(&m->target, doubled, sizeof *m->target, err);
    if (!status)
        status = gru_mem_new(&m->id, m->span, m->id_width ? m->id_width : 1, err);
    if (!status)
        status = gru_mem_new(&m->record, m->spec.bytes, 1, err);
    return status;
}

gru_status gru_window_maker_new(gru_window_maker **out, const gru_windows *w,
                                const gru_window_labels *labels, gru_error *err) {
    *out = NULL;
    assert(!w->sequences && w->length && w->horizon && w->stride && w->features);
    gru_window_maker *m = calloc(1, sizeof *m);
    if (!m)
        return gru_error_memory(err, sizeof *m);
    m->length = w->length;
    m->horizon = w->horizon;
    m->stride = w->stride;
    m->features = w->features;
    m->id_width = (labels->id_width + 3) / 4 * 4;
    gru_status status = lay_out(m, labels, err);
    if (!status && labels->group_width)
        memcpy(m->record + m->spec.slot[GRU_GROUP].offset, labels->group, labels->group_len);
    if (status)
        gru_window_maker_free(m);
    else
        *out = m;
    return status;
}

void gru_window_maker_free(gru_window_maker *m) {
    if (!m)
        return;
    free(m->x);
    free(m->target);
    free(m->id);
    free(m->record);
    free(m);
}

const gru_record_spec *gru_window_maker_spec(const gru_window_maker *m) {
    return &m->spec;
}

size_t gru_window_maker_rows(const gru_window_maker *m) {
    return m->rows;
}

/* Where row number `row` of those pushed stands in the ring. */
static const float *row_at(const gru_window_maker *m, size_t row) {
    return m->x + row % m->span * m->features;
}

static gru_status store(gru_window_maker *m, const double *features, double target, const char *id,
                        size_t len, gru_error *err) {
    size_t at = m->rows % m->span, mirror = at + m->span;
    if (m->id_width && len > m->id_width)
        return gru_error_set(err, GRU_ERR_DATA,
                             "index '%.*s' is longer than the %zu bytes kept for it", (int)len, id,
                             m->id_width);
    for (size_t i = 0; i < m->features; i++)
        m->x[at * m->features + i] = m->x[mirror * m->features + i] = (float)features[i];
    m->target[at] = m->target[mirror] = (float)target;
    if (m->id_width) {
        memset(m->id + at * m->id_width, 0, m->id_width);
        memcpy(m->id + at * m->id_width, id, len);
    }
    m->rows++;
    return GRU_OK;
}

gru_status gru_window_maker_push(gru_window_maker *m, const double *features, double target,
                                 const char *id, size_t len, const void **record, gru_error *err) {
    *record = NULL;
    gru_status status = store(m, features, target, id, len, err);
    if (status || m->rows < m->span || (m->rows - m->span) % m->stride)
        return status;
    size_t first = m->rows - m->span, answer = first + m->length;
    const gru_slot_spec *slot = m->spec.slot;
    memcpy(m->record + slot[GRU_X].offset, row_at(m, first), slot[GRU_X].bytes);
    memcpy(m->record + slot[GRU_Y].offset, m->target + answer % m->span, slot[GRU_Y].bytes);
    if (m->id_width)
        memcpy(m->record + slot[GRU_ID].offset, m->id + answer % m->span * m->id_width,
               m->id_width);
    *record = m->record;
    return GRU_OK;
}

const float *gru_window_maker_last(const gru_window_maker *m) {
    return m->rows < m->length ? NULL : row_at(m, m->rows - m->length);
}
