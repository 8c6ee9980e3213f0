/* The inner loops of the optimizers: one step on a run of weights.
 *
 * Elementwise and free of fused multiply-adds, so the same bits on every instruction set. What
 * differs between optimizers, and between Keras and PyTorch, is in the coefficients; the formulas
 * are beside each function. g is first scaled (clipping by norm), then `couple` times the weight is
 * added (PyTorch's L2 decay); `decay` times the weight is taken off before the step (decoupled). */
#ifndef GRU_TRAIN_UPDATE_H
#define GRU_TRAIN_UPDATE_H

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
} gru_update;

/* w[n], g[n]: weights and gradients; s0 … s2 [n]: the optimizer's state, NULL where it has none. */
typedef void gru_update_loop(const gru_update *u, size_t n, gru_real *w, const gru_real *g,
                             gru_real *s0, gru_real *s1, gru_real *s2);

/* w += −lr·g; lr = −out·in */
gru_update_loop gru_update_sgd;
/* s0 = μ·s0 + in·g; w += out·s0 */
gru_update_loop gru_update_momentum;
/* s0 = μ·s0 + in·g; w += out·(μ·s0 + in·g) */
gru_update_loop gru_update_nesterov;
/* s0 += c2·(g² − s0); d = √(s0 + eps_inside) + eps; w −= in·out·g/d */
gru_update_loop gru_update_rmsprop;
/* the same with s1 = μ·s1 + in·g/d; w −= out·s1; s2, where it is there, is the mean of g, and s2²
 * is taken off under the root (centered) */
gru_update_loop gru_update_rmsprop_full;
/* s0 += c1·(g − s0); s1 += c2·(g² − s1); w −= (a·s0 + b·g) / (root·√s1 + eps) */
gru_update_loop gru_update_adam;
/* gru_update_adam with gradient 0 once for each step from ≤ t < to, whose coefficients are
 * ring[t % size]; bit for bit, but the state goes through memory once. */
void gru_update_adam_rests(const gru_update *ring, size_t size, uint64_t from, uint64_t to,
                           size_t n, gru_real *w, gru_real *s0, gru_real *s1);
/* gru_update_adam with s2 = max(s2, s1) under the root */
gru_update_loop gru_update_amsgrad;
/* s0 += g²; w −= in·g / (√(s0 + eps_inside) + eps) */
gru_update_loop gru_update_adagrad;

#endif
