/* Where a training run stands, and the file that remembers it.
 *
 * A checkpoint is a model file (so gru-predict takes it) with more tensors: optimizer.0 …
 * (moments), optimizer.late … (within an epoch), checkpoint.state (F64, position and the state of
 * schedule and stopping), checkpoint.history (F64, six figures an epoch), checkpoint.best and
 * checkpoint.good (weights); and metadata `optimizer` and `checkpoint` (what must be the same to go
 * on). Numbers are kept as they are in memory, so a run that goes on gives the same bits as one
 * that never stopped. */
#ifndef GRU_TRAIN_CHECKPOINT_H
#define GRU_TRAIN_CHECKPOINT_H

#include "nn/runner.h"
#include "train/history.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/stopping.h"

typedef struct gru_train_state {
    size_t epoch;        /* epochs done */
    size_t batch;        /* batches done of the epoch after them */
    gru_figures figures; /* of those batches */
    double seconds;      /* they took */
    bool finished;       /* stopped early */
    gru_plateau plateau;
    gru_stopping stopping;
    gru_history history;
    gru_real *best; /* weights of stopping.best_epoch, flat; NULL unless they are wanted */
    gru_real *good; /* weights at the end of the last epoch, flat */
} gru_train_state;

/* Adds the state to a bundle that holds the model; `fixed` is one line of text about what must not
 * change between runs, item by item ("batch 32, seed 42, 800 samples, shuffled"). */
gru_status gru_checkpoint_save(gru_bundle *b, const gru_model *model, const gru_optimizer *o,
                               const gru_train_state *state, const char *fixed, gru_error *err);
/* Restores weights, optimizer and state; patience and the like stay as the caller set them.
 * GRU_ERR_DATA when it is no checkpoint, or one of another run (says how it differs). */
gru_status gru_checkpoint_load(const gru_bundle *b, gru_model *model, gru_optimizer *o,
                               gru_train_state *state, const char *fixed, gru_error *err);

#endif
