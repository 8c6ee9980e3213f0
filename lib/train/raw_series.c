/* From a raw table of numbers to a prediction for each of its windows. */
#include "train/raw.h"

#include "base/map.h"
#include "base/mem.h"
#include "train/raw_rows.h"

#include <stdlib.h>
#include <string.h>

enum { ID_WIDTH = 64, GROUPS_MAX = 1 << 20 };

typedef struct cutter {
    gru_raw_rows rows;
    gru_map *groups; /* group → number of its maker */
    gru_window_maker **maker;
    size_t makers, cap;
    gru_predictor *predictor;
} cutter;

static gru_status maker_of(cutter *c, gru_window_maker **maker, gru_error *err) {
    size_t number = 0;
    if (c->rows.windows.group) {
        const gru_field *field = &c->rows.row[c->rows.group];
        gru_map_entry *entry = gru_map_put(c->groups, field->text, field->len);
        if (!entry) {
            return gru_error_memory(err, field->len);
        }
        if (gru_map_count(c->groups) > c->makers) {
            entry->value = (int64_t)c->makers;
        }
        number = (size_t)entry->value;
    }
    if (number == c->makers) {
        if (c->makers == GROUPS_MAX) {
            return gru_error_set(err, GRU_ERR_DATA, "%s: more than %d groups", c->rows.source,
                                 GROUPS_MAX);
        }
        if (gru_mem_grow(&c->maker, &c->cap, c->makers + 1, sizeof *c->maker, err) ||
            gru_window_maker_new(&c->maker[c->makers], &c->rows.windows, ID_WIDTH, err)) {
            return err->code;
        }
        c->makers++;
    }
    *maker = c->maker[number];
    return GRU_OK;
}

static gru_status cut_row(cutter *c, gru_package *package, const gru_predict_options *options,
                          gru_output *out, gru_error *err) {
    gru_window_maker *maker = NULL;
    const void *record;
    size_t len, max, features = c->rows.windows.features;
    if (maker_of(c, &maker, err)) {
        return err->code;
    }
    const gru_record_spec *spec = gru_window_maker_spec(maker);
    if (!c->predictor &&
        gru_predictor_new(&c->predictor, package, spec, c->rows.source, options, out, err)) {
        return err->code;
    }
    const char *id = gru_raw_rows_id(&c->rows, &len);
    if (gru_window_maker_push(maker, c->rows.values, c->rows.values[features], id, len, &record,
                              err)) {
        return gru_error_at(err, "%s:%llu", c->rows.source, gru_table_line(c->rows.table));
    }
    if (!record) {
        return GRU_OK;
    }
    memcpy(gru_predictor_room(c->predictor, &max), record, spec->bytes);
    return gru_predictor_filled(c->predictor, 1, err);
}

gru_status gru_predict_raw_series(gru_package *package, gru_input *in, bool lossy,
                                  const gru_predict_options *options, gru_output *out,
                                  gru_error *err) {
    cutter c = {0};
    gru_status status = gru_raw_rows_open(&c.rows, package, in, lossy, err);
    if (status == GRU_OK) {
        status = gru_map_new(&c.groups, err);
    }
    if (status == GRU_OK) {
        status = gru_raw_rows_next(&c.rows, err);
    }
    while (status == GRU_OK && c.rows.row) {
        status = cut_row(&c, package, options, out, err);
        if (status == GRU_OK) {
            status = gru_raw_rows_next(&c.rows, err);
        }
    }
    size_t need = c.rows.windows.length + c.rows.windows.horizon;
    if (status == GRU_OK && (!c.predictor || c.rows.number < need)) {
        status = gru_error_set(err, GRU_ERR_DATA,
                               "%s: %llu rows, but one window with its target needs %zu; --steps "
                               "forecasts from %zu",
                               c.rows.source, c.rows.number, need, c.rows.windows.length);
    }
    if (status == GRU_OK) {
        status = gru_predictor_end(c.predictor, err);
    }
    gru_predictor_free(c.predictor);
    for (size_t i = 0; i < c.makers; i++) {
        gru_window_maker_free(c.maker[i]);
    }
    free(c.maker);
    if (c.groups) {
        gru_map_free(c.groups);
    }
    gru_raw_rows_close(&c.rows);
    return status;
}
