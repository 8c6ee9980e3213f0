/* Where a training run stands, to a bundle and back. */
#include "train/checkpoint.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    EPOCH,
    BATCH,
    SECONDS,
    FINISHED,
    LOSS,
    PENALTY,
    SAMPLES,
    ROWS,
    CORRECT,
    ABSOLUTE,
    SQUARED,
    PLATEAU_HAS_BEST,
    PLATEAU_BEST,
    PLATEAU_SCALE,
    PLATEAU_WAIT,
    PLATEAU_COOLING,
    STOPPING_HAS_BEST,
    STOPPING_BEST,
    STOPPING_BEST_EPOCH,
    STOPPING_WAIT,
    STATE_COUNT
};

enum { EPOCH_FIGURES = sizeof(gru_epoch) / sizeof(double) };
_Static_assert(EPOCH_FIGURES == 6, "the history's tensor holds six figures an epoch");

static void pack(const gru_train_state *s, double v[STATE_COUNT]) {
    const gru_figures *f = &s->figures;
    v[EPOCH] = (double)s->epoch;
    v[BATCH] = (double)s->batch;
    v[SECONDS] = s->seconds;
    v[FINISHED] = s->finished;
    v[LOSS] = f->loss;
    v[PENALTY] = f->penalty;
    v[SAMPLES] = f->samples;
    v[ROWS] = f->rows;
    v[CORRECT] = f->correct;
    v[ABSOLUTE] = f->absolute;
    v[SQUARED] = f->squared;
    v[PLATEAU_HAS_BEST] = s->plateau.has_best;
    v[PLATEAU_BEST] = s->plateau.best;
    v[PLATEAU_SCALE] = s->plateau.scale;
    v[PLATEAU_WAIT] = (double)s->plateau.wait;
    v[PLATEAU_COOLING] = (double)s->plateau.cooling;
    v[STOPPING_HAS_BEST] = s->stopping.has_best;
    v[STOPPING_BEST] = s->stopping.best;
    v[STOPPING_BEST_EPOCH] = (double)s->stopping.best_epoch;
    v[STOPPING_WAIT] = (double)s->stopping.wait;
}

static void unpack(gru_train_state *s, const double v[STATE_COUNT]) {
    gru_figures *f = &s->figures;
    s->epoch = (size_t)v[EPOCH];
    s->batch = (size_t)v[BATCH];
    s->seconds = v[SECONDS];
    s->finished = v[FINISHED] > 0;
    f->loss = v[LOSS];
    f->penalty = v[PENALTY];
    f->samples = v[SAMPLES];
    f->rows = v[ROWS];
    f->correct = v[CORRECT];
    f->absolute = v[ABSOLUTE];
    f->squared = v[SQUARED];
    s->plateau.has_best = v[PLATEAU_HAS_BEST] > 0;
    s->plateau.best = v[PLATEAU_BEST];
    s->plateau.scale = v[PLATEAU_SCALE];
    s->plateau.wait = (size_t)v[PLATEAU_WAIT];
    s->plateau.cooling = (size_t)v[PLATEAU_COOLING];
    s->stopping.has_best = v[STOPPING_HAS_BEST] > 0;
    s->stopping.best = v[STOPPING_BEST];
    s->stopping.best_epoch = (size_t)v[STOPPING_BEST_EPOCH];
    s->stopping.wait = (size_t)v[STOPPING_WAIT];
}

/* Counts come from a file: whole, not negative, exactly representable. */
static bool plausible(const double v[STATE_COUNT], size_t epochs) {
    static const int counts[] = {
        EPOCH, BATCH, PLATEAU_WAIT, PLATEAU_COOLING, STOPPING_BEST_EPOCH, STOPPING_WAIT};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        if (!(v[counts[i]] >= 0 && v[counts[i]] < 9e15))
            return false;
    if (v[STOPPING_BEST_EPOCH] > (double)epochs)
        return false;
    return v[EPOCH] <= (double)epochs && v[EPOCH] >= (double)epochs;
}

static gru_status add_weights(gru_bundle *b, const char *name, const gru_real *weights,
                              size_t count, gru_error *err) {
    return weights ? gru_bundle_add(b, name, GRU_REAL_TYPE, 1, &count, weights, err) : GRU_OK;
}

gru_status gru_checkpoint_save(gru_bundle *b, const gru_model *model, const gru_optimizer *o,
                               const gru_train_state *state, const char *fixed, gru_error *err) {
    double v[STATE_COUNT];
    size_t states = STATE_COUNT, weights = gru_model_weight_count(model);
    size_t shape[2] = {state->history.count, EPOCH_FIGURES};
    pack(state, v);
    if (gru_bundle_set(b, "checkpoint", fixed, err) ||
        gru_bundle_add(b, "checkpoint.state", "F64", 1, &states, v, err) ||
        gru_bundle_add(b, "checkpoint.history", "F64", 2, shape,
                       state->history.count ? (const void *)state->history.epoch : (const void *)v,
                       err) ||
        add_weights(b, "checkpoint.best", state->best, weights, err) ||
        add_weights(b, "checkpoint.good", state->good, weights, err))
        return err->code;
    return gru_optimizer_save(o, b, err);
}

static gru_status load_history(const gru_bundle *b, gru_history *h, gru_error *err) {
    const gru_tensor *t = gru_bundle_find(b, "checkpoint.history");
    if (!t || strcmp(t->type, "F64") != 0 || t->dims != 2 || t->shape[1] != EPOCH_FIGURES) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "tensor 'checkpoint.history' is missing or "
                             "misshapen");
    }
    h->count = 0;
    for (size_t i = 0; i < t->shape[0]; i++) {
        gru_epoch epoch;
        memcpy(&epoch, (const double *)t->data + i * EPOCH_FIGURES, sizeof epoch);
        if (gru_history_add(h, &epoch, err))
            return err->code;
    }
    return GRU_OK;
}

static gru_status load_weights(const gru_bundle *b, const char *name, size_t count,
                               gru_real **weights, gru_error *err) {
    const gru_tensor *t = gru_bundle_find(b, name);
    if (!t)
        return GRU_OK;
    if (strcmp(t->type, GRU_REAL_TYPE) != 0 || t->count != count) {
        return gru_error_set(err, GRU_ERR_DATA, "tensor '%s' has another size than the network",
                             name);
    }
    if (!*weights && gru_mem_new(weights, count, sizeof **weights, err))
        return err->code;
    memcpy(*weights, t->data, t->bytes);
    return GRU_OK;
}

/* The network's own tensors, into a network that was made from the same architecture. */
static gru_status load_model(const gru_bundle *b, gru_model *model, gru_error *err) {
    gru_model *stored;
    size_t count = gru_model_weight_count(model);
    if (gru_model_load(&stored, b, err))
        return err->code;
    gru_str mine = {0}, theirs = {0};
    gru_arch_print(gru_model_arch(model), &mine);
    gru_arch_print(gru_model_arch(stored), &theirs);
    bool same = strcmp(gru_str_text(&mine), gru_str_text(&theirs)) == 0 &&
                gru_model_weight_count(stored) == count;
    gru_str_free(&mine);
    gru_str_free(&theirs);
    if (same)
        memcpy(gru_model_weights(model), gru_model_weights(stored), count * sizeof(gru_real));
    else
        gru_error_set(err, GRU_ERR_DATA, "the checkpoint's network is another one");
    gru_model_free(stored);
    return same ? GRU_OK : err->code;
}

/* Names the first item in which two lines differ. */
static gru_status differs(const char *theirs, const char *mine, gru_error *err) {
    for (;;) {
        size_t a = strcspn(theirs, ","), b = strcspn(mine, ",");
        if (a != b || memcmp(theirs, mine, a) != 0 || !theirs[a]) {
            return gru_error_set(err, GRU_ERR_DATA,
                                 "the checkpoint is of a run with %.*s; this one has %.*s", (int)a,
                                 theirs, (int)b, mine);
        }
        theirs += a + strspn(theirs + a, ", ");
        mine += b + strspn(mine + b, ", ");
    }
}

gru_status gru_checkpoint_load(const gru_bundle *b, gru_model *model, gru_optimizer *o,
                               gru_train_state *state, const char *fixed, gru_error *err) {
    const char *theirs = gru_bundle_get(b, "checkpoint");
    const gru_tensor *t = gru_bundle_find(b, "checkpoint.state");
    size_t count = gru_model_weight_count(model);
    if (!theirs || !t || strcmp(t->type, "F64") != 0 || t->count != STATE_COUNT) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "a model but not a checkpoint; --init starts from a model");
    }
    if (strcmp(theirs, fixed) != 0)
        return differs(theirs, fixed, err);
    if (load_model(b, model, err) || gru_optimizer_load(o, b, err) ||
        load_history(b, &state->history, err))
        return err->code;
    if (!plausible(t->data, state->history.count))
        return gru_error_set(err, GRU_ERR_DATA, "tensor 'checkpoint.state' holds no position");
    unpack(state, t->data);
    if (load_weights(b, "checkpoint.best", count, &state->best, err))
        return err->code;
    return load_weights(b, "checkpoint.good", count, &state->good, err);
}
