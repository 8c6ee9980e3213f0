/* Rows of a raw table as a network's windows want them. */
#include "train/raw_rows.h"

#include "base/log.h"
#include "base/mem.h"
#include "series/cell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE_MAX = 1 << 26 }; /* numbers in a window, as a tensor stream may have */

static gru_cells cells_of(const gru_raw_rows *r) {
    return (gru_cells){r->table, r->source, r->has_scaler ? &r->scaler : NULL};
}

static gru_status find_columns(gru_raw_rows *r, gru_error *err) {
    const gru_windows *w = &r->windows;
    const gru_cells cells = cells_of(r);
    if (gru_mem_new(&r->column, w->features + 1, sizeof *r->column, err) ||
        gru_mem_new(&r->scaled, w->features + 1, sizeof *r->scaled, err) ||
        gru_mem_new(&r->values, w->features + 1, sizeof *r->values, err))
        return err->code;
    for (size_t i = 0; i <= w->features; i++) {
        const char *name = i < w->features ? w->feature[i] : w->target;
        if (gru_table_find(r->table, name, &r->column[i], err))
            return err->code;
        r->scaled[i] = gru_cells_scaled(&cells, r->column[i]);
    }
    if ((w->index && gru_table_find(r->table, w->index, &r->index, err)) ||
        (w->group && gru_table_find(r->table, w->group, &r->group, err)))
        return err->code;
    return GRU_OK;
}

gru_status gru_raw_rows_open(gru_raw_rows *r, const gru_package *package, gru_input *in, bool lossy,
                             gru_error *err) {
    memset(r, 0, sizeof *r);
    r->source = gru_input_name(in);
    if (gru_package_windows(package, &r->windows, &r->has_windows, err))
        return err->code;
    if (!r->has_windows) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "--raw: no window.tsv is attached to the model, so a table cannot be "
                             "cut into windows; train with --attach window.tsv");
    }
    if (gru_package_scaler(package, &r->scaler, &r->has_scaler, err))
        return err->code;
    if (!r->has_scaler)
        gru_warn("no scaler.tsv is attached to the model: columns are taken as they are");
    size_t features = gru_model_input(package->model)->features;
    if (features != r->windows.features) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "the model takes %zu features, its window.tsv names %zu", features,
                             r->windows.features);
    }
    if (features == 0 || r->windows.length > SAMPLE_MAX / features ||
        r->windows.horizon > SAMPLE_MAX) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "the model's window.tsv has windows of %zu rows, which is too long",
                             r->windows.length);
    }
    if (r->windows.sequences != gru_model_per_step(package->model)) {
        return gru_error_set(err, GRU_ERR_DATA, "the model answers %s, but its window.tsv makes %s",
                             r->windows.sequences ? "once a sample" : "at every step",
                             r->windows.sequences ? "sequences with a target at every step"
                                                  : "windows with the targets that follow");
    }
    if (gru_table_open(&r->table, in, lossy, err))
        return err->code;
    return r->windows.sequences ? GRU_OK : find_columns(r, err);
}

gru_status gru_raw_rows_next(gru_raw_rows *r, gru_error *err) {
    const gru_cells cells = cells_of(r);
    if (gru_table_next(r->table, &r->row, err) || !r->row)
        return err->code;
    r->number++;
    for (size_t i = 0; i <= r->windows.features; i++)
        if (gru_cells_number(&cells, r->row, r->column[i], r->scaled[i], &r->values[i], err))
            return err->code;
    return GRU_OK;
}

const gru_field *gru_raw_rows_group(const gru_raw_rows *r) {
    return r->windows.group ? &r->row[r->group] : NULL;
}

const char *gru_raw_rows_id(gru_raw_rows *r, size_t *len) {
    if (r->windows.index) {
        *len = r->row[r->index].len;
        return r->row[r->index].text;
    }
    *len = (size_t)snprintf(r->digits, sizeof r->digits, "%llu", r->number);
    return r->digits;
}

void gru_raw_rows_close(gru_raw_rows *r) {
    gru_table_close(r->table);
    if (r->has_windows)
        gru_windows_free(&r->windows);
    if (r->has_scaler)
        gru_scaler_free(&r->scaler);
    free(r->column);
    free(r->scaled);
    free(r->values);
    memset(r, 0, sizeof *r);
}
