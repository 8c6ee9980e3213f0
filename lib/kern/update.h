/* The inner loops of the optimizers: one step on a run of weights (their place is the table of
 * kernels, kern.h).
 *
 * What differs between optimizers, and between Keras and PyTorch, is in the coefficients; the
 * formulas are beside each loop. g is first scaled (clipping by norm), then `couple` times the
 * weight is added (PyTorch's L2 decay); `decay` times the weight is taken off before the step
 * (decoupled). Elementwise: an element's bits depend neither on its place nor on the run's length,
 * but on the instruction set, since some have fused multiply-adds. */
#ifndef GRU_KERN_UPDATE_H
#define GRU_KERN_UPDATE_H

#include "kern/real.h"

#include <stddef.h>
#include <stdint.h>

enum { GRU_UPDATE_STATES = 3 };

/* Coefficients of one step, equal for all weights but for `scale`. */
typedef struct gru_update {
    gru_real scale, couple, decay;
    gru_real momentum; /* μ of SGD and RMSprop */
    gru_real in, out;  /* how the gradient enters the momentum, and the momentum the weight */
    gru_real c1, c2;   /* 1 − β1 (or 1 − ρ of the mean), 1 − β2 (or 1 − ρ) */
    gru_real a, b;     /* Adam, Nadam: step along the first moment, along the gradient */
    gru_real root;     /* factor of √v */
    gru_real eps_inside, eps; /* added under the root, after the root */
    gru_real share;           /* of the new weights in their moving average */
} gru_update;

enum { GRU_LEAP_TERMS = 4, GRU_LEAP_ROWS = 5 };

/* Coefficients of several steps of Adam at once, of which only the first has a gradient (how they
 * come about: train/leap.h). */
typedef struct gru_leap {
    gru_real scale, c1, c2, root, eps; /* the first step's */
    gru_real m_less, v_less, w_less;   /* shares taken off the moments afterwards, off the weight */
    gru_real along[GRU_LEAP_TERMS];    /* the move along the first moment, a polynomial */
    gru_real along_g;                  /* along the gradient */
    gru_real mean_share, mean_lost;    /* the same of the weight's average */
    gru_real mean_along[GRU_LEAP_TERMS], mean_along_g;
} gru_leap;

/* w[n], g[n]: weights and gradients; s0 … s2 [n]: the optimizer's state, NULL where it has none. */
typedef void gru_update_loop(const gru_update *u, size_t n, gru_real *w, const gru_real *g,
                             gru_real *s0, gru_real *s1, gru_real *s2);

typedef struct gru_updates {
    /* w += −lr·g; lr = −out·in */
    gru_update_loop *sgd;
    /* s0 = μ·s0 + in·g; w += out·s0 */
    gru_update_loop *momentum;
    /* s0 = μ·s0 + in·g; w += out·(μ·s0 + in·g) */
    gru_update_loop *nesterov;
    /* s0 += c2·(g² − s0); d = √(s0 + eps_inside) + eps; w −= in·out·g/d */
    gru_update_loop *rmsprop;
    /* the same with s1 = μ·s1 + in·g/d; w −= out·s1; s2, where it is there, is the mean of g, and
     * s2² is taken off under the root (centered) */
    gru_update_loop *rmsprop_full;
    /* s0 += c1·(g − s0); s1 += c2·(g² − s1); w −= (a·s0 + b·g) / (root·√s1 + eps) */
    gru_update_loop *adam;
    /* adam with s2 = max(s2, s1) under the root */
    gru_update_loop *amsgrad;
    /* s0 += g²; w −= in·g / (√(s0 + eps_inside) + eps) */
    gru_update_loop *adagrad;
    /* The steps that c is made of. With m and v as the first leaves them, x = root·√v, d = x + eps
     * and p(q) = along[0] + along[1]·q + …: w −= w_less·w + (m·p(x / d) + along_g·g) / d; m −=
     * m_less·m; v −= v_less·v; mean, unless it is NULL, += mean_share·(w − mean) − mean_lost·w − …,
     * the rest as w's, and w as it was before. Meanwhile next[0 … 3][n], and next[4][n] with an
     * average, come from memory into the second-level cache: what a later call works on. */
    void (*adam_leap)(const gru_leap *c, size_t n, gru_real *w, const gru_real *g, gru_real *m,
                      gru_real *v, gru_real *mean, const gru_real *const next[GRU_LEAP_ROWS]);
    /* s0 += share·(w − s0); neither w nor g is changed */
    gru_update_loop *average;
    /* out[n] = g[n] past the caches, for a row that nobody needs soon; out is 64-byte aligned, and
     * filled up with 0 to a multiple of 16 elements. laid_by before another thread reads it. */
    void (*lay_by)(gru_real *out, const gru_real *g, size_t n);
    void (*laid_by)(void);
} gru_updates;

#endif
