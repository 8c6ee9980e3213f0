/* Computes with a network: outputs, losses and gradients of batches, in parallel over slices of 16
 * rows. All memory is planned in gru_runner_new; nothing is allocated afterwards. Results depend on
 * the batch, the weights and (for dropout) seed, epoch and batch number only, never on the number
 * of threads. */
#ifndef GRU_NN_RUNNER_H
#define GRU_NN_RUNNER_H

#include "base/thread.h"
#include "nn/model.h"

typedef struct gru_runner gru_runner;

typedef struct gru_runner_options {
    size_t batch;               /* most rows at a time */
    size_t steps;               /* most steps of a row */
    bool training;              /* gradients wanted */
    uint64_t seed;              /* of dropout masks */
    const gru_loss *loss;       /* NULL: outputs only */
    const double *class_weight; /* [classes] or NULL; in training only, as in Keras */
    bool want_attention;        /* keep attention weights */
    bool want_gradient_norms;   /* keep the size of the gradient at each step back in time */
    bool want_states;           /* keep the last recurrent layer's states of every step */
    bool want_gates;            /* keep that layer's gates of every step */
} gru_runner_options;

typedef struct gru_batch {
    size_t rows;
    const unsigned char *const *records; /* [rows], each one record of the spec, 4-byte aligned */
    const gru_record_spec *spec;
    uint64_t epoch, index; /* for dropout masks; index: number of the batch in the epoch */
} gru_batch;

/* A row of the embedding's table and its gradient [D]. */
typedef struct gru_row_gradient {
    uint32_t row;
    gru_real *gradient;
} gru_row_gradient;

/* Sums over a batch, so that epochs can be added up. */
typedef struct gru_figures {
    double loss;     /* mean loss of each batch × its samples, without regularisers */
    double penalty;  /* L1 and L2 terms of each batch × its samples */
    double samples;  /* (loss + penalty) / samples is Keras's, as are the other figures / rows */
    double rows;     /* samples, or valid steps where the target is per step */
    double correct;  /* classes: predictions that are right */
    double absolute; /* numbers: Σ |error| / outputs */
    double squared;  /* numbers: Σ error² / outputs */
} gru_figures;
void gru_figures_add(gru_figures *sum, const gru_figures *one);

/* model and pool are borrowed. */
gru_status gru_runner_new(gru_runner **out, gru_model *model, gru_pool *pool,
                          const gru_runner_options *options, gru_error *err);
void gru_runner_free(gru_runner *r);
/* Call after the weights changed outside the runner or by an optimizer step. */
void gru_runner_refresh(gru_runner *r);

/* Forward in training mode, loss, backward. Gradients of the mean loss (regularisers included) are
 * in gru_runner_gradients afterwards. */
gru_status gru_runner_train(gru_runner *r, const gru_batch *batch, gru_figures *figures,
                            gru_error *err);
/* Forward in inference mode and the loss figures; outputs as gru_runner_outputs. */
gru_status gru_runner_evaluate(gru_runner *r, const gru_batch *batch, gru_figures *figures,
                               gru_error *err);
/* Forward in inference mode; y of the records isn't looked at. */
gru_status gru_runner_predict(gru_runner *r, const gru_batch *batch, gru_error *err);
/* [rows][outputs], or [rows][steps][outputs]; valid until the next call. */
const gru_real *gru_runner_outputs(const gru_runner *r);
/* [rows][steps], with want_attention; NULL when the network has none. */
const gru_real *gru_runner_attention(const gru_runner *r);
/* [rows][steps][units], with want_states; *units set. */
const gru_real *gru_runner_states(const gru_runner *r, size_t *units);
/* [rows][steps][gates × units], with want_gates: of a GRU z, r and n (the new state), of an LSTM i,
 * f, g (what may come in), o and the cell c, as named in *names, a letter each; units as
 * gru_runner_states has them. NULL when there are none. */
const gru_real *gru_runner_gates(const gru_runner *r, size_t *units, const char **names);
/* With want_gradient_norms, after gru_runner_train: [steps], the norm over rows and units of the
 * loss's gradient with respect to the first recurrent layer's state after step t; NULL when there
 * is none. Steps are counted as though all padding were in front: the last is each row's last valid
 * one, and padding adds nothing. */
const double *gru_runner_gradient_norms(const gru_runner *r);
/* Valid steps of row i of the last batch: first and one past the last. */
void gru_runner_valid(const gru_runner *r, size_t row, size_t *first, size_t *end);
/* Flat, as gru_model_weights, but without the embedding's table, which is its end; until the next
 * training batch. */
gru_real *gru_runner_gradients(gru_runner *r);
/* The rows of the embedding's table that the last training batch used, each once, and their
 * gradients (the others' are zero); valid until the next batch. Count 0 and NULL if the network
 * trains no embedding. */
const gru_row_gradient *gru_runner_touched(const gru_runner *r, size_t *count);
/* Forgets the states of stateful layers. */
void gru_runner_reset_states(gru_runner *r);

#endif
