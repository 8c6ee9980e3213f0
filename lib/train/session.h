/* A training run from the words of a command line to a model file.
 *
 * Life: gru_session_new (reads all input and checks everything that can be checked before the first
 * batch), gru_session_run, gru_session_free. */
#ifndef GRU_TRAIN_SESSION_H
#define GRU_TRAIN_SESSION_H

#include "base/options.h"
#include "train/loop.h"

/* Option values as given; NULL or 0 where not. Borrowed until gru_session_free. */
typedef struct gru_session_words {
    const char *input; /* tensor stream; NULL: standard input */
    const char *arch;  /* FILE|TEXT; may be NULL with resume */
    const char *loss, *optimizer;
    double lr; /* < 0: the optimizer's own */
    const char *lr_step, *lr_exponential, *lr_cosine, *reduce_lr;
    long long warmup; /* batches */
    const char *early_stopping, *monitor, *max_time;
    double clip_norm, clip_global_norm, clip_value;
    double average; /* of the weights: epochs, or below 1 a momentum; 0: none */
    long long epochs, batch, accumulate;
    const char *validation;
    gru_share validation_split;
    const char *class_weight;
    const char *checkpoint, *resume, *init;
    bool checkpoint_best, shuffle, bucket;
    gru_list attach;
    uint64_t seed;
    size_t threads;
    const char *output;              /* NULL: standard output */
    const char *history, *gradients; /* tables; NULL: none. No two of the three are one file */
    bool csv;                        /* of these tables */
    bool profile;                    /* find out where the time goes */
} gru_session_words;

typedef struct gru_session gru_session;

gru_status gru_session_new(gru_session **out, const gru_session_words *words, gru_error *err);
void gru_session_free(gru_session *s);
gru_model *gru_session_model(gru_session *s);
/* With words.profile, after gru_session_run: appends where the time of its batches went, else
 * nothing. */
void gru_session_report(const gru_session *s, gru_str *out);
/* Trains, writes the history, the gradients and the model. The model of the last good epoch is
 * written too when the loss is no number any more; after an interruption it is written unless there
 * is a checkpoint. hooks' finish is the session's own. */
gru_status gru_session_run(gru_session *s, const gru_train_hooks *hooks, gru_error *err);

#endif
