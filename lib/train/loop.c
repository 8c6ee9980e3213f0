/* Training: epochs, batches, and what is decided at the end of each epoch. */
#include "train/loop.h"

#include "base/log.h"
#include "base/mem.h"
#include "train/bucket.h"
#include "train/feed.h"
#include "nn/profile.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MARKS = 64 }; /* in a word */

struct gru_trainer {
    gru_train_options options;
    gru_train_hooks hooks;
    gru_model *model;
    gru_pool *pool;
    gru_samples train, validation;
    const gru_record_spec *spec;
    gru_runner *runner;
    gru_optimizer *optimizer;
    gru_train_state state;
    gru_gradients gradients;
    gru_str fixed;     /* what must be the same for a checkpoint, or empty: there is none */
    bool whole_epochs; /* states are carried from batch to batch, and no checkpoint holds them */
    size_t batches;    /* of an epoch */
    uint32_t *order;
    gru_buckets *buckets;        /* or NULL */
    uint32_t *check_order;       /* of the validation samples, or NULL: as they come */
    gru_feed *feed, *check_feed; /* of the samples to train and to validate on */
    /* rows of the embedding's table that the coming batch uses */
    uint32_t *rows;
    uint64_t *marks; /* a bit a row of the table; none is set between batches */
    size_t row_count, row_limit;
    /* gradient accumulation */
    gru_real *sum;
    double sum_rows;
    gru_row_gradient *sum_touched;
    uint32_t *sum_stamps, sum_stamp;
    size_t sum_count;
    double epoch_start, run_start;
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- life ---- */

static gru_status new_runner(gru_trainer *t, gru_error *err) {
    size_t steps = t->spec->slot[GRU_X].shape[0];
    if (t->validation.count > 0) {
        size_t other = gru_dataset_spec(t->validation.set)->slot[GRU_X].shape[0];
        steps = other > steps ? other : steps;
    }
    gru_runner_options o = {.batch = t->options.batch,
                            .steps = steps,
                            .training = true,
                            .seed = t->options.seed,
                            .loss = t->options.loss,
                            .class_weight = t->options.class_weight,
                            .want_gradient_norms = t->options.gradients};
    if (gru_runner_new(&t->runner, t->model, t->pool, &o, err))
        return err->code;
    t->gradients.steps = t->spec->slot[GRU_X].shape[0];
    if (t->options.gradients && !gru_runner_gradient_norms(t->runner)) {
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--gradients: the network has no recurrent layer to look back in");
    }
    return GRU_OK;
}

static gru_status new_accumulator(gru_trainer *t, gru_error *err) {
    if (t->options.accumulate < 2)
        return GRU_OK;
    if (gru_mem_new(&t->sum, gru_model_weight_count(t->model), sizeof *t->sum, err) ||
        gru_mem_new(&t->sum_touched, t->row_limit, sizeof *t->sum_touched, err))
        return err->code;
    return gru_mem_new(&t->sum_stamps, t->row_limit, sizeof *t->sum_stamps, err);
}

static gru_status new_check_order(gru_trainer *t, gru_error *err) {
    gru_buckets *b;
    size_t count = t->validation.count;
    if (count == 0 || gru_buckets_new(&b, t->model, t->validation, t->options.batch, err))
        return count ? err->code : GRU_OK;
    if (!gru_mem_new(&t->check_order, count, sizeof *t->check_order, err))
        gru_buckets_ascending(b, t->check_order);
    gru_buckets_free(b);
    return t->check_order ? GRU_OK : err->code;
}

static gru_status new_buckets(gru_trainer *t, gru_error *err) {
    if (!t->options.bucket)
        return GRU_OK;
    if (!gru_rows_differ(t->model, t->spec)) {
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--bucket: all samples are as long: they have no field len, and no "
                             "embedding masks padding (embedding V D mask)");
    }
    if (t->whole_epochs) {
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--bucket: a stateful layer goes on from batch to batch, in the order "
                             "of the samples");
    }
    gru_status status = gru_buckets_new(&t->buckets, t->model, t->train, t->options.batch, err);
    return status ? status : new_check_order(t, err);
}

static gru_status new_memory(gru_trainer *t, gru_error *err) {
    size_t sparse = gru_optimizer_sparse(t->optimizer);
    size_t weights = gru_model_weight_count(t->model);
    if (sparse != SIZE_MAX && t->spec->slot[GRU_X].type == 'i')
        t->row_limit = gru_model_param(t->model, sparse)->shape[0];
    if (gru_mem_new(&t->order, t->train.count, sizeof *t->order, err) ||
        gru_feed_new(&t->feed, t->train, t->options.batch, err) ||
        (t->validation.count > 0 &&
         gru_feed_new(&t->check_feed, t->validation, t->options.batch, err)) ||
        gru_mem_new(&t->rows, t->row_limit, sizeof *t->rows, err) ||
        gru_mem_new(&t->marks, t->row_limit / MARKS + 1, sizeof *t->marks, err) ||
        gru_mem_new(&t->state.good, weights, sizeof *t->state.good, err) ||
        (t->state.stopping.restore_best &&
         gru_mem_new(&t->state.best, weights, sizeof *t->state.best, err)))
        return err->code;
    gru_status status = new_buckets(t, err);
    return status ? status : new_accumulator(t, err);
}

/* What must be the same for a checkpoint to be gone on with. */
static gru_status fixed_text(const gru_trainer *t, gru_str *out, gru_error *err) {
    const gru_train_options *o = &t->options;
    uint32_t crc, val_crc = 0;
    if (gru_dataset_checksum(t->train.set, &crc, err) ||
        (t->validation.count && gru_dataset_checksum(t->validation.set, &val_crc, err)))
        return err->code;
    gru_str_addf(out, "batch %zu, accumulate %zu, seed %llu, ", o->batch, o->accumulate,
                 (unsigned long long)o->seed);
    gru_str_addf(out, "%zu samples, %zu for validation, ", t->train.count, t->validation.count);
    gru_str_addf(out, "data of checksum %08" PRIx32 ", validation data of checksum %08" PRIx32, crc,
                 val_crc);
    gru_str_add(out, ", the loss ");
    gru_loss_print(o->loss, out);
    gru_str_addf(out, ", %s class weights", o->class_weight ? "the" : "no");
    for (size_t i = 0; o->class_weight && i < o->classes; i++)
        gru_str_addf(out, " %.9g", o->class_weight[i]);
    gru_str_addf(out, ", batches %s",
                 o->bucket    ? "bucketed"
                 : o->shuffle ? "shuffled"
                              : "in order");
    return gru_str_check(out, err);
}

static gru_status fix(gru_trainer *t, gru_error *err) {
    return t->fixed.len ? GRU_OK : fixed_text(t, &t->fixed, err);
}

static gru_status check_monitor(gru_trainer *t, gru_error *err) {
    gru_history *h = &t->state.history;
    gru_epoch none = {0};
    double value;
    h->classes =
        t->options.loss->kind == GRU_LOSS_BINARY || t->options.loss->kind == GRU_LOSS_CATEGORICAL;
    h->validation = t->validation.count > 0;
    if (!t->options.monitor)
        t->options.monitor = h->validation ? "val_loss" : "loss";
    if (!gru_history_figure(h, &none, t->options.monitor, &value)) {
        const char *score = gru_history_score(h);
        return gru_error_set(
            err, GRU_ERR_USAGE, "--monitor: no figure '%s'; there are loss, %s%s%s%s",
            t->options.monitor, score, h->validation ? ", val_loss, val_" : "",
            h->validation ? score : "", h->validation ? "" : " (no validation data)");
    }
    return GRU_OK;
}

gru_status gru_trainer_new(gru_trainer **out, gru_model *model, gru_samples train,
                           gru_samples validation, gru_pool *pool, const gru_train_options *options,
                           const gru_train_hooks *hooks, gru_error *err) {
    gru_trainer *t;
    *out = NULL;
    if (gru_mem_new(&t, 1, sizeof *t, err))
        return err->code;
    t->options = *options;
    t->hooks = *hooks;
    t->model = model;
    t->pool = pool;
    t->train = train;
    t->validation = validation;
    t->spec = gru_dataset_spec(train.set);
    t->state.plateau = options->plateau;
    t->state.plateau.scale = 1;
    t->state.stopping = options->stopping;
    t->options.batch = options->batch < train.count ? options->batch : train.count;
    t->options.accumulate = options->accumulate ? options->accumulate : 1;
    for (size_t i = 0; i < gru_model_arch(model)->count; i++)
        t->whole_epochs |= gru_model_arch(model)->layers[i].stateful;
    t->batches = (train.count + t->options.batch - 1) / t->options.batch;
    if (check_monitor(t, err) || (options->checkpoint && fix(t, err)) ||
        gru_optimizer_new(&t->optimizer, model, pool, &options->optimizer, err) ||
        new_runner(t, err) || new_memory(t, err)) {
        gru_trainer_free(t);
        return err->code;
    }
    *out = t;
    return GRU_OK;
}

void gru_trainer_free(gru_trainer *t) {
    if (!t)
        return;
    gru_runner_free(t->runner);
    gru_optimizer_free(t->optimizer);
    gru_history_free(&t->state.history);
    gru_gradients_free(&t->gradients);
    gru_str_free(&t->fixed);
    free(t->state.best);
    free(t->state.good);
    gru_buckets_free(t->buckets);
    free(t->check_order);
    free(t->order);
    gru_feed_free(t->feed);
    gru_feed_free(t->check_feed);
    free(t->rows);
    free(t->marks);
    free(t->sum);
    free(t->sum_touched);
    free(t->sum_stamps);
    free(t);
}

const gru_train_state *gru_trainer_state(const gru_trainer *t) {
    return &t->state;
}

const gru_gradients *gru_trainer_gradients(const gru_trainer *t) {
    return &t->gradients;
}

gru_status gru_trainer_resume(gru_trainer *t, const gru_bundle *b, const char *name,
                              gru_error *err) {
    if (fix(t, err))
        return err->code;
    if (gru_checkpoint_load(b, t->model, t->optimizer, &t->state, gru_str_text(&t->fixed), err))
        return gru_error_at(err, "%s", name);
    gru_optimizer_swap(t->optimizer);
    if (t->state.batch >= t->batches)
        return gru_error_set(err, GRU_ERR_DATA, "%s: its position is past the epoch's end", name);
    gru_runner_refresh(t->runner);
    return GRU_OK;
}

/* ---- saving ---- */

/* Fills the bundle, writes and frees it. */
static gru_status write_bundle(gru_trainer *t, gru_bundle *b, const char *path, bool checkpoint,
                               gru_error *err) {
    gru_status status = gru_model_save(t->model, b, err);
    if (status == GRU_OK && t->hooks.finish)
        status = t->hooks.finish(t->hooks.arg, b, &t->state, err);
    if (status == GRU_OK && checkpoint)
        status =
            gru_checkpoint_save(b, t->model, t->optimizer, &t->state, gru_str_text(&t->fixed), err);
    if (status == GRU_OK)
        status = gru_bundle_write(b, path, err);
    gru_bundle_free(b);
    return status;
}

static gru_status save(gru_trainer *t, const char *path, bool checkpoint, gru_error *err) {
    gru_bundle *b;
    return gru_bundle_new(&b, err) ? err->code : write_bundle(t, b, path, checkpoint, err);
}

gru_status gru_trainer_save_model(gru_trainer *t, const char *path, gru_error *err) {
    return save(t, path, false, err);
}

/* ---- batches ---- */

static double rate(const gru_trainer *t) {
    return t->options.optimizer.lr * t->state.plateau.scale *
           gru_schedule_factor(&t->options.schedule, t->state.epoch, t->state.batch, t->batches,
                               t->options.epochs, gru_optimizer_steps(t->optimizer));
}

/* Lists the distinct tokens of the batch, ascending, which the optimizer brings up to date. */
static void list_rows(gru_trainer *t, const unsigned char *const *records, size_t rows) {
    const gru_slot_spec *x = &t->spec->slot[GRU_X];
    for (size_t r = 0; r < rows; r++) {
        for (size_t at = 0; at < x->bytes; at += sizeof(int32_t)) {
            int32_t token;
            memcpy(&token, records[r] + x->offset + at, sizeof token);
            if (token >= 0 && (size_t)token < t->row_limit)
                t->marks[token / MARKS] |= UINT64_C(1) << token % MARKS;
        }
    }
    t->row_count = 0;
    for (size_t at = 0; at < t->row_limit; at += MARKS) {
        for (uint64_t marks = t->marks[at / MARKS]; marks; marks &= marks - 1)
            t->rows[t->row_count++] = (uint32_t)at + (uint32_t)__builtin_ctzll(marks);
        t->marks[at / MARKS] = 0;
    }
}

static void add_weighted(gru_real *sum, const gru_real *g, size_t count, gru_real weight) {
    for (size_t i = 0; i < count; i++)
        sum[i] += weight * g[i];
}

/* Adds the batch's gradient, weighted by its rows, to the accumulator. */
static void accumulate(gru_trainer *t, double rows) {
    size_t count, sparse = gru_optimizer_sparse(t->optimizer);
    const gru_row_gradient *touched = gru_runner_touched(t->runner, &count);
    for (size_t i = 0; i < gru_model_param_count(t->model); i++) {
        const gru_param *p = gru_model_param(t->model, i);
        if (!p->sparse) {
            add_weighted(t->sum + p->offset, gru_runner_gradients(t->runner) + p->offset, p->count,
                         (gru_real)rows);
        }
    }
    for (size_t k = 0; k < count; k++) {
        const gru_param *p = gru_model_param(t->model, sparse);
        uint32_t row = touched[k].row;
        gru_real *sum = t->sum + p->offset + row * p->shape[1];
        if (t->sum_stamps[row] != t->sum_stamp + 1) {
            t->sum_stamps[row] = t->sum_stamp + 1;
            t->sum_touched[t->sum_count++] = (gru_row_gradient){row, sum};
        }
        add_weighted(sum, touched[k].gradient, p->shape[1], (gru_real)rows);
    }
    t->sum_rows += rows;
}

static void step_accumulated(gru_trainer *t, double lr) {
    size_t weights = gru_model_weight_count(t->model);
    for (size_t i = 0; i < weights && t->sum_rows > 0; i++)
        t->sum[i] /= (gru_real)t->sum_rows;
    gru_optimizer_step(t->optimizer, t->sum, t->sum_touched, t->sum_count, lr);
    memset(t->sum, 0, weights * sizeof *t->sum);
    t->sum_rows = 0;
    t->sum_count = 0;
    t->sum_stamp++;
}

static gru_status loss_is_no_number(gru_trainer *t, const char *what, gru_error *err) {
    size_t weights = gru_model_weight_count(t->model), epoch = t->state.epoch;
    const char *kept = "no epoch was good, so nothing is kept";
    char text[80];
    if (epoch > 0) {
        memcpy(gru_model_weights(t->model), t->state.good, weights * sizeof(gru_real));
        snprintf(text, sizeof text, "the weights of epoch %zu are kept", epoch);
        kept = text;
    }
    return gru_error_set(
        err, GRU_ERR_DATA,
        "%s is not a number any more in epoch %zu, batch %zu: try a smaller --lr or "
        "clipping (--clip-norm 1); %s",
        what, epoch + 1, t->state.batch + 1, kept);
}

/* true at the end of a group of accumulated batches. */
static bool at_step(const gru_trainer *t) {
    return (t->state.batch + 1) % t->options.accumulate == 0 || t->state.batch + 1 == t->batches;
}

static gru_status run_batch(gru_trainer *t, gru_error *err) {
    const unsigned char *const *records;
    size_t rows, touched_count = 0;
    gru_figures figures = {0};
    gru_watch *watch = gru_pool_watch(t->pool, 0);
    gru_watch_enter(watch, GRU_PLACE_DATA);
    gru_watch_work(watch, GRU_PLACE_DATA, 1);
    if (gru_feed_next(t->feed, &records, &rows, err))
        return err->code;
    if (t->row_limit > 0) {
        list_rows(t, records, rows);
        gru_watch_enter(watch, GRU_PLACE_OPTIMIZER);
        gru_optimizer_catch_up(t->optimizer, t->rows, t->row_count);
    }
    gru_batch batch = {rows, records, t->spec, t->state.epoch, t->state.batch};
    gru_watch_enter(watch, GRU_PLACE_OTHER);
    if (gru_runner_train(t->runner, &batch, &figures, err))
        return err->code;
    if (!isfinite(figures.loss) || !isfinite(figures.penalty))
        return loss_is_no_number(t, "the loss", err);
    if (t->options.gradients &&
        gru_gradients_add(&t->gradients, gru_runner_gradient_norms(t->runner), err))
        return err->code;
    gru_figures_add(&t->state.figures, &figures);
    double lr = rate(t);
    gru_watch_enter(watch, GRU_PLACE_OPTIMIZER);
    if (t->sum) {
        accumulate(t, figures.rows);
        if (at_step(t))
            step_accumulated(t, lr);
    } else {
        const gru_row_gradient *touched = gru_runner_touched(t->runner, &touched_count);
        gru_optimizer_step(t->optimizer, gru_runner_gradients(t->runner), touched, touched_count,
                           lr);
    }
    gru_watch_enter(watch, GRU_PLACE_OTHER);
    gru_runner_refresh(t->runner);
    return GRU_OK;
}

static double mean_loss(const gru_figures *f) {
    return f->samples > 0 ? (f->loss + f->penalty) / f->samples : 0;
}

static double mean_score(const gru_trainer *t, const gru_figures *f) {
    double sum = t->state.history.classes ? f->correct : f->absolute;
    return f->rows > 0 ? sum / f->rows : 0;
}

static void tell(gru_trainer *t, const gru_epoch *done) {
    if (!t->hooks.progress)
        return;
    const gru_train_state *s = &t->state;
    double seconds = now() - t->epoch_start, share;
    gru_train_progress p = {.epoch = s->epoch + 1,
                            .epochs = t->options.epochs,
                            .batch = s->batch,
                            .batches = t->batches,
                            .loss = mean_loss(&s->figures),
                            .score = mean_score(t, &s->figures),
                            .score_name = gru_history_score(&s->history),
                            .lr = rate(t),
                            .seconds = seconds};
    double rows = (double)s->batch * (double)t->options.batch;
    rows = rows < (double)t->train.count ? rows : (double)t->train.count;
    p.rows_per_second = seconds > 0 ? rows / seconds : 0;
    share = rows / (double)t->train.count;
    p.seconds_left =
        share > 0 ? seconds / share * ((double)(t->options.epochs - s->epoch) - share) : 0;
    if (done) {
        p.epoch_done = true;
        p.validated = s->history.validation;
        p.val_loss = done->val_loss;
        p.val_score = done->val_score;
        p.lr = done->lr;
    }
    t->hooks.progress(t->hooks.arg, &p);
}

/* ---- epochs ---- */

static gru_status validate(gru_trainer *t, gru_epoch *epoch, gru_error *err) {
    gru_figures sum = {0};
    const gru_record_spec *spec = gru_dataset_spec(t->validation.set);
    const unsigned char *const *records;
    size_t rows;
    gru_runner_reset_states(t->runner);
    gru_feed_start(t->check_feed, t->check_order, 0);
    for (;;) {
        gru_figures figures = {0};
        if (gru_feed_next(t->check_feed, &records, &rows, err))
            return err->code;
        if (rows == 0)
            break;
        gru_batch batch = {rows, records, spec, t->state.epoch, 0};
        if (gru_runner_evaluate(t->runner, &batch, &figures, err))
            return err->code;
        gru_figures_add(&sum, &figures);
    }
    gru_runner_reset_states(t->runner);
    epoch->val_loss = mean_loss(&sum);
    epoch->val_score = mean_score(t, &sum);
    return GRU_OK;
}

static bool finite_weights(const gru_real *w, size_t count) {
    gru_real sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += w[i] * 0; /* 0 unless it isn't finite */
    return !isnan(sum);
}

/* Stopping, best weights, reduction of the rate. */
static void decide(gru_trainer *t, const gru_epoch *epoch, bool *improved) {
    gru_train_state *s = &t->state;
    size_t bytes = gru_model_weight_count(t->model) * sizeof(gru_real);
    bool larger = gru_figure_larger_is_better(t->options.monitor), stop = false;
    double value = NAN;
    gru_history_figure(&s->history, epoch, t->options.monitor, &value);
    gru_stopping_end_epoch(&s->stopping, s->epoch, value, larger, improved, &stop);
    if (*improved && s->best)
        memcpy(s->best, gru_model_weights(t->model), bytes);
    memcpy(s->good, gru_model_weights(t->model), bytes);
    if (s->plateau.on && gru_plateau_end_epoch(&s->plateau, value, larger, epoch->lr)) {
        gru_detail("epoch %zu: the learning rate falls to %g of its start", s->epoch,
                   s->plateau.scale);
    }
    s->finished = stop;
    if (stop && s->epoch < t->options.epochs) {
        gru_note("stopped after epoch %zu: %s is not better than %.6g of epoch %zu", s->epoch,
                 t->options.monitor, s->stopping.best, s->stopping.best_epoch);
    }
}

/* The weights' average, where one is kept, is what is validated, chosen and saved; what is trained
 * on comes back with the second swap. */
static gru_status end_epoch(gru_trainer *t, gru_error *err) {
    gru_train_state *s = &t->state;
    gru_status status = GRU_OK;
    gru_epoch epoch = {.loss = mean_loss(&s->figures),
                       .score = mean_score(t, &s->figures),
                       .val_loss = NAN,
                       .val_score = NAN};
    bool improved = false;
    gru_optimizer_flush(t->optimizer);
    gru_optimizer_swap(t->optimizer);
    gru_runner_refresh(t->runner);
    s->batch--; /* the rate of the epoch's last batch; batch numbers in messages */
    epoch.lr = rate(t);
    if (!finite_weights(gru_model_weights(t->model), gru_model_weight_count(t->model)))
        return loss_is_no_number(t, "a weight", err);
    if (t->validation.count > 0 && validate(t, &epoch, err))
        return err->code;
    if (t->validation.count > 0 && !isfinite(epoch.val_loss))
        return loss_is_no_number(t, "the validation loss", err);
    s->batch++;
    epoch.seconds = s->seconds + now() - t->epoch_start;
    tell(t, &epoch);
    if (gru_history_add(&s->history, &epoch, err))
        return err->code;
    gru_gradients_end_epoch(&t->gradients, s->epoch);
    s->epoch++;
    s->batch = 0;
    s->seconds = 0;
    s->figures = (gru_figures){0};
    decide(t, &epoch, &improved);
    if (t->options.checkpoint && (improved || !t->options.checkpoint_best))
        status = save(t, t->options.checkpoint, true, err);
    if (gru_optimizer_swap(t->optimizer))
        gru_runner_refresh(t->runner);
    return status;
}

static gru_status save_suspended(gru_trainer *t, gru_error *err) {
    gru_bundle *b;
    if (gru_bundle_new(&b, err))
        return err->code;
    if (gru_optimizer_suspend(t->optimizer, b, err)) {
        gru_bundle_free(b);
        return err->code;
    }
    gru_optimizer_swap(t->optimizer);
    return write_bundle(t, b, t->options.checkpoint, true, err);
}

static gru_status interrupted(gru_trainer *t, gru_error *err) {
    t->state.seconds += now() - t->epoch_start;
    if (t->options.checkpoint) {
        if (save_suspended(t, err))
            return err->code;
    } else {
        gru_optimizer_flush(t->optimizer);
        gru_optimizer_swap(t->optimizer);
    }
    return gru_error_set(err, GRU_ERR_INTERRUPTED,
                         "interrupted in epoch %zu after batch %zu of %zu", t->state.epoch + 1,
                         t->state.batch, t->batches);
}

static gru_status run_batches(gru_trainer *t, gru_error *err) {
    gru_train_state *s = &t->state;
    while (s->batch < t->batches) {
        bool stepped = at_step(t);
        if (run_batch(t, err))
            return err->code;
        s->batch++;
        tell(t, NULL);
        bool last = s->batch == t->batches;
        if (!last && stepped && !t->whole_epochs && t->hooks.stop && t->hooks.stop(t->hooks.arg))
            return interrupted(t, err);
    }
    return GRU_OK;
}

static void order_epoch(gru_trainer *t) {
    if (!t->options.shuffle) {
        for (size_t i = 0; i < t->train.count; i++)
            t->order[i] = (uint32_t)i;
        return;
    }
    gru_order_shuffle(t->order, t->train.count, t->options.seed, t->state.epoch);
    if (t->buckets) {
        double before = gru_buckets_useful(t->buckets, t->order);
        gru_buckets_epoch(t->buckets, t->order, t->options.seed, t->state.epoch);
        gru_detail("epoch %zu: %.1f %% of the computed steps are useful, %.1f %% without --bucket",
                   t->state.epoch + 1, 100 * gru_buckets_useful(t->buckets, t->order),
                   100 * before);
    }
}

static gru_status run_epoch(gru_trainer *t, gru_error *err) {
    gru_train_state *s = &t->state;
    gru_profile *profile = gru_pool_profile(t->pool);
    t->epoch_start = now();
    order_epoch(t);
    gru_feed_start(t->feed, t->order, s->batch);
    if (s->batch == 0)
        gru_runner_reset_states(t->runner);
    gru_profile_start(profile, GRU_PLACE_OTHER);
    gru_status status = run_batches(t, err);
    gru_profile_stop(profile);
    return status ? status : end_epoch(t, err);
}

gru_status gru_trainer_run(gru_trainer *t, gru_error *err) {
    gru_train_state *s = &t->state;
    t->run_start = now();
    while (s->epoch < t->options.epochs && !s->finished) {
        if (run_epoch(t, err))
            return err->code;
        if (!s->finished && t->hooks.stop && t->hooks.stop(t->hooks.arg)) {
            t->epoch_start = now();
            return interrupted(t, err);
        }
        double used = now() - t->run_start;
        if (t->options.max_seconds > 0 && used >= t->options.max_seconds && !s->finished) {
            gru_note("stopped after epoch %zu: %.0f seconds are used up", s->epoch, used);
            break;
        }
    }
    bool changed = gru_optimizer_swap(t->optimizer);
    if (s->best && s->stopping.has_best) {
        memcpy(gru_model_weights(t->model), s->best,
               gru_model_weight_count(t->model) * sizeof(gru_real));
        changed = true;
    }
    if (changed)
        gru_runner_refresh(t->runner);
    return GRU_OK;
}
