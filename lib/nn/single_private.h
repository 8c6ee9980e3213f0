/* What the files of the road for one sequence share: its weights, and the memory of its layers.
 * Sequences are [T][stride], the stride being the units filled up with zeros to whole blocks of 16.
 */
#ifndef GRU_NN_SINGLE_PRIVATE_H
#define GRU_NN_SINGLE_PRIVATE_H

#include "base/duet.h"
#include "nn/single.h"

/* Weights with the columns in the lanes, [in][columns], each gate's in blocks of 16 and the blocks'
 * gates side by side, so that a block's gates meet in one place. */
typedef struct lone_weights {
    size_t in, out, gates, columns; /* out: of a gate */
    bool split;                     /* GRU, reset before: n's columns after those of z and r */
    const gru_real *source, *bias_source;
    gru_real *w, *bias;
} lone_weights;

typedef struct lone_layer lone_layer;

/* What a thread writes while it runs a way. */
typedef struct lone_hand {
    gru_real *sums;        /* x W + biases [T][columns]; of tokens (owned): [most + T][columns] */
    const gru_real **rows; /* [T]: gru_lone's sums */
    gru_lone run;
} lone_hand;

typedef struct lone_way {
    lone_weights kernel;
    const gru_direction *d;
    const gru_real *recurrent_source, *recurrent_bias;
    gru_real *u, *un, *bias; /* as in gru_lone */
    gru_real *initial;       /* the state before the first step */
    lone_hand hand[2];       /* the leader's and, of layers that two threads run, the follower's */
} lone_way;

/* x W of a token is computed when the token is first met, and kept. The products lie in the order
 * in which tokens were met, so that those of a new sequence are one product of matrices, written in
 * place, and a single prediction pays nothing. What exceeds TOKEN_BYTES in a direction is forgotten
 * after the sequence. A product is the same sum of the same terms whatever is computed beside it,
 * so answers do not depend on what came before. */
typedef struct lone_tokens {
    lone_layer *reader; /* the recurrent layer above the embedding; NULL: none */
    uint32_t *place;    /* [V]: 1 + the token's row of the products; 0: not met */
    uint32_t *fresh;    /* [T]: tokens first met in this sequence */
    size_t count, most; /* tokens met; of them kept */
} lone_tokens;

struct lone_layer {
    const gru_layer_plan *l;
    lone_way way[2];
    lone_weights dense, score;     /* score: attention's */
    gru_real *own;                 /* the output, where it isn't a way's states */
    gru_real *sums[2], *scores[2]; /* attention, of each side: [T][columns] and [T][16] */
    gru_real *told;                /* of a shared layer: what its two threads tell each other */
    const gru_real *out;           /* [T][stride], filled up with zeros */
    size_t stride;
};

/* The first layers, run by two threads. Of those before `parting` they share the large ones, but of
 * the very last the first steps only: there they part, and layers parting … end - 1 are the
 * follower's alone. end = parting: they don't part; 0: nothing is worth a second thread. */
typedef struct lone_share {
    size_t parting, end;
    size_t own, rest;  /* a step's cost: the last shared layer's, all the follower's alone */
    lone_layer *first; /* the first recurrent layer, where there is a second thread */
    /* What the follower reads of a sequence: */
    size_t steps, step;
    gru_real *x;           /* [T][step] */
    const gru_real **rows; /* [T]: instead, products of tokens */
    uint8_t *valid;        /* [T] */
    bool masked;
} lone_share;

struct gru_single {
    const gru_plan *plan;
    lone_layer *layers;
    gru_real *block, *x, *shares; /* x [T][features, filled up], shares [T]: attention's */
    /* [3 + layers][T]: of the leader's hands, one for each way; share.rows; of the follower's */
    const gru_real **rows;
    gru_pool *pool;
    gru_duet *duet;
    lone_tokens tokens;
    lone_share share;
    size_t steps_max, steps;
};

static inline size_t gru_lone_stride(size_t units) {
    return (units + GRU_LANES - 1) / GRU_LANES * GRU_LANES;
}

/* ---- single.c ---- */
/* out [rows][columns] = x W + bias for columns [from, to). */
void gru_single_product(const gru_single *s, gru_real *out, const gru_real *x, size_t x_step,
                        size_t rows, const lone_weights *p, size_t from, size_t to);
/* Attention's scores of steps [first, first + count), into the side's memory. */
void gru_single_score(const gru_single *s, const lone_layer *y, gru_duet_side side,
                      const gru_real *in, size_t in_step, size_t first, size_t count);

/* ---- single_share.c ---- */
/* One thread on its way through the layers of a sequence. */
typedef struct lone_turn {
    const gru_single *s;
    gru_duet_side side;
    bool together; /* with the other side; a leader that was left goes on alone */
    size_t steps;
    const uint8_t *valid; /* as gru_single_run's */
    uint32_t beat;
} lone_turn;

/* A way of a recurrent layer: from x [T][x_step], or from products of tokens that lie in the hand's
 * rows. false: a follower that was left. */
bool gru_single_turn(lone_turn *r, lone_layer *y, size_t way, const gru_real *x, size_t x_step);
/* Makes the turn, a leader's, one of two, if a follower is there. x as in gru_single_turn. */
void gru_single_call(gru_single *s, lone_turn *r, const gru_real *x, size_t x_step);
/* A gru_task of the gru_single `arg`: the follower's turn. */
void gru_single_follow(void *arg, size_t task, size_t worker);
/* Makes a way's hand ready for its first step. sums: its rows are those of its own sums. */
void gru_single_begin(const lone_turn *r, lone_way *v, bool sums);
void gru_single_steps(const lone_turn *r, const lone_layer *y, const gru_lone *run,
                      const gru_lone_part *part);
/* Where the state after the i-th step is told. */
gru_real *gru_single_told(const lone_layer *y, size_t i);

/* ---- single_part.c ---- */
/* Recurrent layers of one way that come before any other kind may be shared. Whether there is a
 * second thread changes nothing: the panels of a shared layer are cut for it, so that the bits are
 * the same. */
void gru_single_share_plan(lone_share *h, const gru_plan *plan);
bool gru_single_shared(const gru_single *s, const gru_layer_plan *l);
/* The steps of a sequence before two threads part in a shared layer. */
size_t gru_single_shared_steps(const gru_single *s, const gru_layer_plan *l, size_t steps);
/* After that, y being the layer and i the steps: the leader's way through the others, and the
 * follower's through all that follows. false: a follower that was left. */
void gru_single_tell_rest(lone_turn *r, const lone_layer *y, size_t i);
bool gru_single_follow_rest(lone_turn *r, const lone_layer *y, size_t i);
/* true: the follower has run y for the leader, whose turn this is, and its hand has the results. */
bool gru_single_taken(lone_turn *r, const lone_layer *y);

/* The states after step t, in order of time. */
static inline gru_real *gru_lone_after(const gru_lone *run, size_t t) {
    return run->h + (t + !run->reversed) * run->blocks * GRU_LANES;
}

#endif
