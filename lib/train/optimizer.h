/* Optimizers: from the gradients of a batch to the next weights.
 *
 * SGD (momentum, Nesterov), RMSprop, Adam, AdamW, Nadam and Adagrad with Keras's formulas, or
 * PyTorch's with style=torch (Kingma, Ba 2015; Loshchilov, Hutter 2019; Dozat 2016; Duchi et al.
 * 2011). Order of a step: clipping, decay, update; then the weights' moving average, where one is
 * wanted (Polyak, Juditsky 1992; unbiased: Kingma, Ba 2015, section 7.2), takes its share of the
 * new weights.
 *
 * An embedding's table is updated lazily: a step only lays the gradients of the batch's rows by. A
 * row takes its step, and those that it missed since (whose gradient was zero), when it is used
 * again: its weights and state then come from memory and go back once. So the order of calls is
 * catch_up, forward and backward, step; and flush before the weights are used whole (evaluation,
 * saving). The result is that of the dense update but for rounding; Adam's missed steps are taken
 * at once (leap.h), so what is rounded depends on when a row is brought up to date, and that on
 * nothing but the batches and their number. */
#ifndef GRU_TRAIN_OPTIMIZER_H
#define GRU_TRAIN_OPTIMIZER_H

#include "base/thread.h"
#include "io/bundle.h"
#include "nn/runner.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum gru_optimizer_kind {
    GRU_OPTIMIZER_SGD,
    GRU_OPTIMIZER_RMSPROP,
    GRU_OPTIMIZER_ADAM,
    GRU_OPTIMIZER_ADAMW,
    GRU_OPTIMIZER_NADAM,
    GRU_OPTIMIZER_ADAGRAD,
    GRU_OPTIMIZER_COUNT
} gru_optimizer_kind;

typedef struct gru_optimizer_options {
    gru_optimizer_kind kind;
    bool torch; /* PyTorch's formulas where they differ */
    double lr;  /* start of the schedule */
    double beta1, beta2, epsilon, rho, momentum, weight_decay;
    double initial; /* Adagrad's accumulator at the start */
    bool nesterov, centered, amsgrad;
    double clip_norm;        /* most norm of each tensor's gradient; 0: off */
    double clip_global_norm; /* of all gradients together; 0: off */
    double clip_value;       /* most size of an element; 0: off */
    double average;          /* momentum of the weights' moving average, below 1; 0: none is kept */
    bool unbiased;           /* it is of the steps so far; else it begins as the first step's */
} gru_optimizer_options;

/* "adam", "sgd:lr=0.1,momentum=0.9,nesterov", "adam:style=torch,epsilon=1e-8". Defaults are
 * Keras's, or PyTorch's with style=torch. */
gru_status gru_optimizer_parse(gru_optimizer_options *out, const char *text, gru_error *err);
/* The same in words that parse, every value that matters spelled out; appended to out. */
void gru_optimizer_print(const gru_optimizer_options *o, gru_str *out);

typedef struct gru_optimizer gru_optimizer;

/* model and pool are borrowed. */
gru_status gru_optimizer_new(gru_optimizer **out, gru_model *model, gru_pool *pool,
                             const gru_optimizer_options *options, gru_error *err);
void gru_optimizer_free(gru_optimizer *o);
/* Brings rows[count] of the embedding's table up to date: distinct ones, fastest if ascending. */
void gru_optimizer_catch_up(gru_optimizer *o, const uint32_t *rows, size_t count);
/* One step with rate lr. gradients: flat, as gru_model_weights without the table; touched[count]:
 * the rows of the table that have a gradient (distinct), which is copied. Clipping by value changes
 * the gradients in place. */
void gru_optimizer_step(gru_optimizer *o, gru_real *gradients, const gru_row_gradient *touched,
                        size_t count, double lr);
/* Brings every row up to date. */
void gru_optimizer_flush(gru_optimizer *o);
/* The same where a run that is not interrupted would not: a checkpoint's bundle first gets the rows
 * as they are, and whoever loads it goes on with them. */
gru_status gru_optimizer_suspend(gru_optimizer *o, gru_bundle *b, gru_error *err);
/* Exchanges the trained weights and their moving average: before the average is used for something,
 * and after. Flush first. false: there is no average, and nothing has changed. */
bool gru_optimizer_swap(gru_optimizer *o);
/* Number of the embedding's tensor that is updated lazily, or SIZE_MAX. */
size_t gru_optimizer_sparse(const gru_optimizer *o);
/* Steps taken so far. */
uint64_t gru_optimizer_steps(const gru_optimizer *o);
/* State as tensors "optimizer.<name>" and metadata "optimizer"; flush or suspend first. */
gru_status gru_optimizer_save(const gru_optimizer *o, gru_bundle *b, gru_error *err);
/* The model's weights are loaded. GRU_ERR_DATA when the bundle's optimizer is another one. */
gru_status gru_optimizer_load(gru_optimizer *o, const gru_bundle *b, gru_error *err);

#endif
