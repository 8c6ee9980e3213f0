/* Training: epochs of shuffled batches, validation, and what is decided at the end of each epoch.
 *
 * Life: gru_trainer_new, maybe gru_trainer_resume, gru_trainer_run, then gru_trainer_save_model and
 * gru_trainer_state, which has the history; gru_trainer_free. The result depends on data, options
 * and seed, never on threads, on interruptions or on time. */
#ifndef GRU_TRAIN_LOOP_H
#define GRU_TRAIN_LOOP_H

#include "train/checkpoint.h"
#include "train/dataset.h"
#include "train/gradients.h"

typedef struct gru_train_progress {
    size_t epoch, epochs, batch, batches; /* from 1 */
    double loss, score;                   /* of the epoch so far */
    const char *score_name;               /* accuracy or mae */
    bool epoch_done, validated;           /* with epoch_done: figures are final */
    double val_loss, val_score, lr;
    double rows_per_second;       /* sequences */
    double seconds, seconds_left; /* of the epoch; of the whole training, an estimate */
} gru_train_progress;

/* What the caller wants to be asked or told; each may be NULL. */
typedef struct gru_train_hooks {
    void *arg;
    bool (*stop)(void *arg); /* true: finish the batch, then stop */
    void (*progress)(void *arg, const gru_train_progress *p);
    /* Adds what a model file needs besides the network (attachments, classes). */
    gru_status (*finish)(void *arg, gru_bundle *b, const gru_train_state *state, gru_error *err);
} gru_train_hooks;

typedef struct gru_train_options {
    size_t epochs, batch, accumulate; /* accumulate: batches per step, 1 or more */
    bool shuffle;
    bool bucket; /* batches of samples of similar length (bucket.h); needs shuffle */
    uint64_t seed;
    gru_optimizer_options optimizer;
    gru_schedule schedule;
    gru_plateau plateau;
    gru_stopping stopping;
    const char *monitor; /* figure that stopping and plateau look at; NULL: val_loss or loss */
    const gru_loss *loss;
    const double *class_weight; /* [classes] or NULL; not in the validation loss */
    size_t classes;
    const char *checkpoint; /* file written after each epoch, or NULL */
    bool checkpoint_best;   /* only after epochs that were the best so far */
    bool gradients;         /* keep the gradient's norm at each step back in time */
    double max_seconds;     /* stop after the epoch in which they are used up; 0: no limit */
} gru_train_options;

typedef struct gru_trainer gru_trainer;

/* Everything is borrowed; validation.count 0: none. GRU_ERR_USAGE when the monitored figure does
 * not exist, or options.gradients are wanted and no layer is recurrent, or options.bucket
 * where all samples are as long or a layer is stateful. */
gru_status gru_trainer_new(gru_trainer **out, gru_model *model, gru_samples train,
                           gru_samples validation, gru_pool *pool, const gru_train_options *options,
                           const gru_train_hooks *hooks, gru_error *err);
void gru_trainer_free(gru_trainer *t);
/* Goes on from a checkpoint; name for messages. */
gru_status gru_trainer_resume(gru_trainer *t, const gru_bundle *b, const char *name,
                              gru_error *err);
/* GRU_OK: all epochs, or stopped early; the model holds the final weights (the best ones with
 * restore-best). GRU_ERR_INTERRUPTED: the stop hook said so; a checkpoint was written if there is a
 * file for it. GRU_ERR_DATA: the loss is no number; the model holds the weights of the last good
 * epoch if gru_trainer_state()->epoch > 0. */
gru_status gru_trainer_run(gru_trainer *t, gru_error *err);
const gru_train_state *gru_trainer_state(const gru_trainer *t);
/* With options.gradients: of the epochs that this run completed. */
const gru_gradients *gru_trainer_gradients(const gru_trainer *t);
/* The model and what the finish hook adds, as one file. */
gru_status gru_trainer_save_model(gru_trainer *t, const char *path, gru_error *err);

#endif
