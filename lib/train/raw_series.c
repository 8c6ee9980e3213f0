/* From a raw table of numbers to predictions: one for each of its windows, or, of a network that
 * answers at every step, one for each row of its sequences. */
#include "train/raw.h"

#include "base/map.h"
#include "base/mem.h"
#include "series/date.h"
#include "series/sequences.h"
#include "train/raw_rows.h"

#include <stdlib.h>
#include <string.h>

enum { ID_WIDTH = 64, GROUPS_MAX = 1 << 20 };

typedef struct cutter {
    gru_raw_rows rows;
    gru_map *groups; /* group → number of its maker */
    gru_window_maker **maker;
    gru_date_watch *watch; /* of each maker's index */
    size_t makers, maker_cap, watch_cap;
    gru_predictor *predictor;
} cutter;

static gru_status maker_of(cutter *c, size_t *maker, gru_error *err) {
    size_t number = 0;
    if (c->rows.windows.group) {
        const gru_field *field = &c->rows.row[c->rows.group];
        gru_map_entry *entry = gru_map_put(c->groups, field->text, field->len);
        if (!entry)
            return gru_error_memory(err, field->len);
        if (gru_map_count(c->groups) > c->makers)
            entry->value = (int64_t)c->makers;
        number = (size_t)entry->value;
    }
    if (number == c->makers) {
        if (c->makers == GROUPS_MAX) {
            return gru_error_set(err, GRU_ERR_DATA, "%s: more than %d groups", c->rows.source,
                                 GROUPS_MAX);
        }
        if (gru_mem_grow(&c->maker, &c->maker_cap, c->makers + 1, sizeof *c->maker, err) ||
            gru_mem_grow(&c->watch, &c->watch_cap, c->makers + 1, sizeof *c->watch, err) ||
            gru_window_maker_new(&c->maker[c->makers], &c->rows.windows, ID_WIDTH, err))
            return err->code;
        c->watch[c->makers++] = (gru_date_watch){0};
    }
    *maker = number;
    return GRU_OK;
}

static gru_status cut_row(cutter *c, gru_package *package, const gru_predict_options *options,
                          gru_output *out, gru_error *err) {
    const void *record;
    size_t number = 0, len, max, features = c->rows.windows.features;
    if (maker_of(c, &number, err))
        return err->code;
    gru_window_maker *maker = c->maker[number];
    const gru_record_spec *spec = gru_window_maker_spec(maker);
    if (!c->predictor &&
        gru_predictor_new(&c->predictor, package, spec, c->rows.source, options, out, err))
        return err->code;
    const char *id = gru_raw_rows_id(&c->rows, &len);
    if (c->rows.windows.index)
        gru_date_watch_add(&c->watch[number], id, len, gru_table_line(c->rows.table));
    if (gru_window_maker_push(maker, c->rows.values, c->rows.values[features], id, len, &record,
                              err))
        return gru_error_at(err, "%s:%llu", c->rows.source, gru_table_line(c->rows.table));
    if (!record)
        return GRU_OK;
    memcpy(gru_predictor_room(c->predictor, &max), record, spec->bytes);
    return gru_predictor_filled(c->predictor, 1, err);
}

/* The targets are there when their columns are; without them every row is a step. */
static gru_status predict_sequences(cutter *c, gru_package *package,
                                    const gru_predict_options *options, gru_output *out,
                                    gru_error *err) {
    gru_raw_rows *r = &c->rows;
    gru_windows w = r->windows;
    gru_sequences *s;
    gru_error unknown = {0};
    size_t *target, count, max;
    const void *record;
    w.length = 0; /* the network takes any number of steps */
    bool targets = !gru_table_find_list(r->table, w.target, &target, &count, &unknown);
    free(target);
    if (gru_sequences_new(&s, &w, r->has_scaler ? &r->scaler : NULL, targets, r->table, r->source,
                          err))
        return err->code;
    const gru_record_spec *spec = gru_sequences_spec(s);
    gru_status status =
        gru_predictor_new(&c->predictor, package, spec, r->source, options, out, err);
    while (status == GRU_OK && (record = gru_sequences_next(s))) {
        memcpy(gru_predictor_room(c->predictor, &max), record, spec->bytes);
        status = gru_predictor_filled(c->predictor, 1, err);
    }
    gru_sequences_free(s);
    return status;
}

static void warn_of_disorder(const cutter *c) {
    const char *index = c->rows.windows.index;
    size_t i = 0;
    while (index && i < c->makers && !gru_date_watch_warn(&c->watch[i], c->rows.source, index))
        i++;
}

static gru_status predict_windows(cutter *c, gru_package *package,
                                  const gru_predict_options *options, gru_output *out,
                                  gru_error *err) {
    gru_raw_rows *r = &c->rows;
    gru_status status = gru_map_new(&c->groups, err);
    if (status == GRU_OK)
        status = gru_raw_rows_next(r, err);
    while (status == GRU_OK && r->row) {
        status = cut_row(c, package, options, out, err);
        if (status == GRU_OK)
            status = gru_raw_rows_next(r, err);
    }
    if (status == GRU_OK)
        warn_of_disorder(c);
    size_t need = r->windows.length + r->windows.horizon;
    if (status == GRU_OK && (!c->predictor || r->number < need)) {
        status = gru_error_set(err, GRU_ERR_DATA,
                               "%s: %llu rows, but one window with its target needs %zu; --steps "
                               "forecasts from %zu",
                               r->source, r->number, need, r->windows.length);
    }
    return status;
}

gru_status gru_predict_raw_series(gru_package *package, gru_input *in, bool lossy,
                                  const gru_predict_options *options, gru_output *out,
                                  gru_error *err) {
    cutter c = {0};
    gru_status status = gru_raw_rows_open(&c.rows, package, in, lossy, err);
    if (status == GRU_OK) {
        status = c.rows.windows.sequences ? predict_sequences(&c, package, options, out, err)
                                          : predict_windows(&c, package, options, out, err);
    }
    status = gru_predictor_end(c.predictor, status, err);
    gru_predictor_free(c.predictor);
    for (size_t i = 0; i < c.makers; i++)
        gru_window_maker_free(c.maker[i]);
    free(c.maker);
    free(c.watch);
    if (c.groups)
        gru_map_free(c.groups);
    gru_raw_rows_close(&c.rows);
    return status;
}
