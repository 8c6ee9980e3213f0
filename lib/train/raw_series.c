/* From a raw table of numbers to predictions: one for each of its windows, or, of a network that
 * answers at every step, one for each row of its sequences. */
#include "train/raw.h"

#include "series/sequences.h"
#include "series/window_groups.h"
#include "train/raw_rows.h"

#include <stdlib.h>
#include <string.h>

enum { ID_WIDTH = 64 };

typedef struct cutter {
    gru_raw_rows rows;
    gru_window_groups groups;
    gru_predictor *predictor;
} cutter;

static gru_status cut_row(cutter *c, gru_package *package, const gru_predict_options *options,
                          gru_output *out, gru_error *err) {
    const void *record;
    size_t number = 0, len, max, features = c->rows.windows.features;
    if (gru_window_groups_find(&c->groups, gru_raw_rows_group(&c->rows), &number, err))
        return err->code;
    gru_window_group *group = &c->groups.at[number];
    const gru_record_spec *spec = gru_window_maker_spec(group->maker);
    if (!c->predictor &&
        gru_predictor_new(&c->predictor, package, spec, c->rows.source, options, out, err))
        return err->code;
    const char *id = gru_raw_rows_id(&c->rows, &len);
    if (c->rows.windows.index)
        gru_date_watch_add(&group->watch, id, len, gru_table_line(c->rows.table));
    if (gru_window_maker_push(group->maker, c->rows.values, c->rows.values[features], id, len,
                              &record, err))
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

static gru_status predict_windows(cutter *c, gru_package *package,
                                  const gru_predict_options *options, gru_output *out,
                                  gru_error *err) {
    gru_raw_rows *r = &c->rows;
    c->groups = (gru_window_groups){.w = &r->windows, .source = r->source, .id_width = ID_WIDTH};
    gru_status status = gru_raw_rows_next(r, err);
    while (status == GRU_OK && r->row) {
        status = cut_row(c, package, options, out, err);
        if (status == GRU_OK)
            status = gru_raw_rows_next(r, err);
    }
    if (status == GRU_OK)
        gru_window_groups_warn(&c->groups);
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
    gru_window_groups_free(&c.groups);
    gru_raw_rows_close(&c.rows);
    return status;
}
