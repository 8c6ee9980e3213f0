/* What the optimizer's files share: optimizer.c takes the steps, optimizer_state.c keeps their
 * state in checkpoints. */
#ifndef GRU_TRAIN_OPTIMIZER_PRIVATE_H
#define GRU_TRAIN_OPTIMIZER_PRIVATE_H

#include "kern/kern.h"
#include "train/leap.h"
#include "train/optimizer.h"

/* Steps that a row of the lazy table may be behind, and one more: a power of two. */
enum { GRU_OPTIMIZER_RING = 1024 };

typedef struct gru_chunk {
    size_t param, offset, count;
} gru_chunk;

typedef struct gru_lazy_row {
    uint64_t last; /* step up to which it is up to date; 0: never used */
    bool waits;    /* has a gradient for the step after that */
} gru_lazy_row;

struct gru_optimizer {
    gru_optimizer_options options;
    gru_model *model;
    gru_pool *pool;
    const gru_kern *kern;
    gru_update_loop *loop;
    size_t moments; /* of a weight, at most GRU_UPDATE_STATES: what the loop keeps */
    size_t states;  /* the moments and, as the last, the weight's moving average */
    gru_real *state[GRU_UPDATE_STATES + 1]; /* flat, without the lazy table's */
    size_t weights;
    uint64_t t;       /* steps taken */
    double u_product; /* Nadam's product of momenta up to t */

    gru_chunk *chunks; /* of the dense tensors that are trained */
    size_t chunk_count, dense;
    double *chunk_square; /* sums of squares */
    double *row_square;   /* of each ROWS touched rows */
    gru_real *scale;      /* of each tensor, from clipping */

    size_t sparse; /* number of the lazy tensor, or SIZE_MAX */
    size_t rows, width, offset;
    bool idle; /* a step with gradient 0 changes nothing, so there is nothing to catch up */
    gru_lazy_row *lazy; /* [rows] */
    size_t pitch;       /* width, in whole cache lines */
    gru_real *kept;     /* [rows][1 + states][pitch]: a row's gradient, and its states */
    bool large;
    gru_real *zeros;  /* [width] */
    gru_leaps *leaps; /* where steps are taken in leaps; else NULL */
    gru_update *ring; /* coefficients of the last steps, step t at t % GRU_OPTIMIZER_RING */
    double *rate;     /* their learning rates, likewise */

    /* what the tasks of the current call work on */
    gru_update now;
    gru_real *gradients;
    const gru_row_gradient *touched;
    size_t touched_count;
    const uint32_t *row; /* to catch up; NULL: all */
    size_t row_count;
    uint64_t upto;
};

/* The gradient that waits for a row of the lazy table; its states follow, a pitch apart. All that a
 * step needs of a row beside its weights lies together: memory then gives it at a quicker pace. */
static inline gru_real *gru_optimizer_kept(const gru_optimizer *o, size_t row) {
    return o->kept + row * (1 + o->states) * o->pitch;
}
static inline gru_real *gru_optimizer_row_state(const gru_optimizer *o, size_t row, size_t state) {
    return gru_optimizer_kept(o, row) + (1 + state) * o->pitch;
}
static inline gru_real *gru_optimizer_row(const gru_optimizer *o, size_t row) {
    return gru_model_weights(o->model) + o->offset + row * o->width;
}
/* Whether an average of the weights is kept: it is the last of the states then. */
static inline bool gru_optimizer_averages(const gru_optimizer *o) {
    return o->states > o->moments;
}

/* Whether a row has steps to catch up on before it is up to step o->upto. */
bool gru_optimizer_lags(const gru_optimizer *o, size_t row);
/* Step t + 1 begins: its coefficients, at rate lr, are in o->now. */
void gru_optimizer_advance(gru_optimizer *o, double lr);
/* Rows that step t passes by will take it later: with o->now, the table's gradient scaled. */
void gru_optimizer_remember(gru_optimizer *o, double lr, gru_real scale);

#endif
