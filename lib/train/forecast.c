/* The values that follow a table's last row, or the last rows of its groups. */
#include "train/raw.h"

#include "base/cpu.h"
#include "base/log.h"
#include "base/mem.h"
#include "series/calendar.h"
#include "series/window_groups.h"
#include "nn/runner.h"
#include "train/raw_rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct forecaster {
    gru_package *package;
    gru_raw_rows rows;
    gru_window_groups groups;
    gru_calendar *calendar; /* [groups] */
    size_t calendars;
    gru_record_spec spec;
    unsigned char *record;
    gru_pool *pool;
    gru_runner *runner;
    float *values; /* [steps][each], of one group, as the network gives them */
    size_t steps, horizon, length, features;
    size_t each; /* outputs that answer one step: 1, or its quantiles */
} forecaster;

static gru_status check_honest(const forecaster *f, gru_error *err) {
    const gru_windows *w = &f->rows.windows;
    bool alone = w->features == 1 && strcmp(w->feature[0], w->target) == 0;
    if (f->package->kind != GRU_ANSWER_NUMBERS || gru_model_per_step(f->package->model))
        return gru_error_set(err, GRU_ERR_DATA, "--steps: the model does not forecast numbers");
    if (f->horizon != w->horizon) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "--steps: the model gives %zu numbers for a horizon of %zu",
                             f->horizon, w->horizon);
    }
    if (f->steps > f->horizon && f->package->loss.quantile_count) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "--steps %zu: the model gives quantiles of %zu value%s, from which "
                             "those of later ones do not follow; train with gru-window --horizon "
                             "%zu",
                             f->steps, f->horizon, f->horizon == 1 ? "" : "s", f->steps);
    }
    if (f->steps > f->horizon && !alone) {
        return gru_error_set(
            err, GRU_ERR_DATA,
            "--steps %zu: the model sees %zu columns and gives %zu value%s of '%s'; going on from "
            "there would need values of the other columns that nobody knows yet; train with "
            "gru-window --horizon %zu",
            f->steps, w->features, f->horizon, f->horizon == 1 ? "" : "s", w->target, f->steps);
    }
    return GRU_OK;
}

/* What follows a row that isn't the newest has happened already. A fall before it may be the hour
 * that clocks repeat in autumn, of which one group's warning is enough. */
static gru_status check_forward(const forecaster *f, const gru_date_watch *watch, bool *warned,
                                gru_error *err) {
    const char *index = f->rows.windows.index;
    unsigned long long line = 0;
    if (!index || !gru_date_watch_falls(watch, &line))
        return GRU_OK;
    if (gru_date_watch_ends_early(watch)) {
        return gru_error_set(
            err, GRU_ERR_DATA,
            "%s:%llu: column '%s' runs backwards here; a forecast needs the "
            "newest row last: sort it first (head -1 FILE; awk 'NR > 1' FILE | tac)",
            f->rows.source, line, index);
    }
    if (!*warned)
        *warned = gru_date_watch_warn(watch, f->rows.source, index);
    return GRU_OK;
}

static gru_status add_row(forecaster *f, gru_error *err) {
    gru_raw_rows *r = &f->rows;
    const void *unused;
    size_t number, len;
    if (gru_window_groups_find(&f->groups, gru_raw_rows_group(r), &number, err) ||
        gru_mem_grow(&f->calendar, &f->calendars, number + 1, sizeof *f->calendar, err))
        return err->code;
    gru_window_maker *maker = f->groups.at[number].maker;
    if (!gru_window_maker_rows(maker))
        f->calendar[number] = (gru_calendar){0};
    const char *id = gru_raw_rows_id(r, &len);
    gru_calendar_add(&f->calendar[number], id, len, gru_table_line(r->table));
    if (gru_window_maker_push(maker, r->values, r->values[f->features], "", 0, &unused, err))
        return gru_error_at(err, "%s:%llu", r->source, gru_table_line(r->table));
    return GRU_OK;
}

/* What was read must be enough to start from, in one group at least. */
static gru_status check_rows(const forecaster *f, gru_error *err) {
    size_t ready = 0, count = f->groups.count;
    for (size_t i = 0; i < count; i++)
        ready += gru_window_maker_last(f->groups.at[i].maker) ? 1 : 0;
    if (!ready && count > 1) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: %llu rows in %zu groups, and no group has the %zu rows of one "
                             "window",
                             f->rows.source, f->rows.number, count, f->length);
    }
    if (!ready) {
        return gru_error_set(err, GRU_ERR_DATA, "%s: %llu rows, but one window needs %zu",
                             f->rows.source, f->rows.number, f->length);
    }
    if (ready < count)
        gru_warn("%s: %zu of %zu groups are left out: fewer than %zu rows", f->rows.source,
                 count - ready, count, f->length);
    bool warned = false;
    for (size_t i = 0; i < count; i++)
        if (check_forward(f, &f->calendar[i].watch, &warned, err))
            return err->code;
    return GRU_OK;
}

static gru_status read_rows(forecaster *f, gru_error *err) {
    f->groups = (gru_window_groups){.w = &f->rows.windows, .source = f->rows.source};
    gru_status status;
    while (!(status = gru_raw_rows_next(&f->rows, err)) && f->rows.row)
        if (add_row(f, err))
            return err->code;
    return status ? status : check_rows(f, err);
}

static gru_status open_forecaster(forecaster *f, gru_input *in, bool lossy, size_t threads,
                                  gru_error *err) {
    if (gru_package_reads_text(f->package))
        return gru_error_set(err, GRU_ERR_DATA, "--steps: the model reads text");
    if (gru_raw_rows_open(&f->rows, f->package, in, lossy, err))
        return err->code;
    f->length = f->rows.windows.length;
    f->features = f->rows.windows.features;
    f->each = f->package->loss.quantile_count ? f->package->loss.quantile_count : 1;
    f->horizon = f->package->outputs / f->each;
    gru_record_set(&f->spec, GRU_X, 'f', 2, f->length, f->features, 0);
    gru_runner_options how = {.batch = 1, .steps = f->length};
    if (check_honest(f, err) || gru_record_layout(&f->spec, err) ||
        gru_mem_new(&f->record, f->spec.bytes, 1, err) ||
        gru_mem_new(&f->values, (f->steps + f->horizon) * f->each, sizeof *f->values, err) ||
        gru_pool_new(&f->pool, threads ? threads : gru_cpu_count(), err) ||
        gru_runner_new(&f->runner, f->package->model, f->pool, &how, err))
        return err->code;
    return read_rows(f, err);
}

/* Values a horizon at a time; each is appended to the window for the next. */
static gru_status compute(forecaster *f, const float *start, gru_error *err) {
    float *x = (float *)(void *)(f->record + f->spec.slot[GRU_X].offset);
    const unsigned char *records[1] = {f->record};
    gru_batch batch = {1, records, &f->spec, 0, 0};
    memcpy(x, start, f->spec.slot[GRU_X].bytes);
    gru_runner_reset_states(f->runner);
    for (size_t at = 0; at < f->steps; at += f->horizon) {
        if (gru_runner_predict(f->runner, &batch, err))
            return err->code;
        const gru_real *out = gru_runner_outputs(f->runner);
        for (size_t i = 0; i < f->horizon * f->each; i++)
            f->values[at * f->each + i] = (float)out[i];
        for (size_t i = 0; f->features == 1 && f->each == 1 && i < f->horizon; i++) {
            memmove(x, x + 1, (f->length - 1) * sizeof *x);
            x[f->length - 1] = f->values[at + i];
        }
    }
    return GRU_OK;
}

static gru_status write_header(const forecaster *f, gru_table_writer *w, gru_error *err) {
    const gru_loss *loss = &f->package->loss;
    if (gru_table_put_text(w, "id", err) ||
        (f->rows.windows.group && gru_table_put_text(w, "group", err)) ||
        (loss->quantile_count ? gru_quantiles_put_names(w, loss, 0, err)
                              : gru_table_put_text(w, "y_pred", err)))
        return err->code;
    return gru_table_end_row(w, err);
}

static gru_status write_line(const forecaster *f, size_t number, size_t step, ptrdiff_t column,
                             gru_table_writer *w, gru_error *err) {
    size_t len;
    const char *group = gru_window_groups_name(&f->groups, number, &len);
    if (f->rows.windows.group && gru_table_put(w, group, len, err))
        return err->code;
    for (size_t i = step * f->each; i < (step + 1) * f->each; i++) {
        double value = gru_answers_unit(&f->rows.scaler, column, (double)f->values[i]);
        if (column < 0 ? gru_table_put_float(w, f->values[i], err)
                       : gru_table_put_double(w, value, err))
            return err->code;
    }
    return gru_table_end_row(w, err);
}

static gru_status write_group(const forecaster *f, size_t number, gru_table_writer *w,
                              gru_error *err) {
    gru_str names = {0};
    ptrdiff_t column =
        f->rows.has_scaler ? gru_scaler_find(&f->rows.scaler, f->rows.windows.target) : -1;
    gru_calendar_next(&f->calendar[number], f->steps, &names);
    gru_status status = gru_str_check(&names, err);
    const char *name = gru_str_text(&names);
    for (size_t k = 0; status == GRU_OK && k < f->steps; k++) {
        size_t len = strcspn(name, "\n");
        status = gru_table_put(w, name, len, err);
        if (status == GRU_OK)
            status = write_line(f, number, k, column, w, err);
        name += len + 1;
    }
    gru_str_free(&names);
    return status;
}

static gru_status write_groups(forecaster *f, bool csv, gru_output *out, gru_error *err) {
    gru_table_writer w;
    gru_table_writer_init(&w, out, csv);
    if (write_header(f, &w, err))
        return err->code;
    for (size_t i = 0; i < f->groups.count; i++) {
        const float *start = gru_window_maker_last(f->groups.at[i].maker);
        if (start && (compute(f, start, err) || write_group(f, i, &w, err)))
            return err->code;
    }
    return GRU_OK;
}

gru_status gru_forecast(gru_package *package, gru_input *in, bool lossy, size_t steps,
                        const gru_predict_options *options, gru_output *out, gru_error *err) {
    forecaster f = {.package = package, .steps = steps};
    gru_status status = open_forecaster(&f, in, lossy, options->threads, err);
    if (status == GRU_OK)
        status = write_groups(&f, options->csv, out, err);
    gru_runner_free(f.runner);
    gru_pool_free(f.pool);
    gru_window_groups_free(&f.groups);
    gru_raw_rows_close(&f.rows);
    free(f.calendar);
    free(f.record);
    free(f.values);
    return status;
}
