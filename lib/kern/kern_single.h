/* One sequence through a recurrent layer, the units in the lanes; a part of kern_body.h.
 *
 * A step multiplies one vector with a matrix: every weight is read once and used once, so its pace
 * is that of the first two caches. What can be gained lies between the products: the sequence is
 * one call, gates are computed from registers while the next panel's products begin, and a panel
 * has enough independent sums (gates × vectors × chains, which split the sum over the state) to
 * cover the latency of a multiply-add. */
#ifndef GRU_KERN_SINGLE_H
#define GRU_KERN_SINGLE_H

#include "kern/kern_vec.h"

#include <string.h>

#if defined(__AVX512F__)
enum { LONE_SUMS = 16 };
#else
enum { LONE_SUMS = 12 };
#endif

typedef enum lone_kind { LONE_GRU, LONE_RESET, LONE_BEFORE, LONE_LSTM, LONE_RNN } lone_kind;

/* Elements from a panel's first vector of units to vector j, blocks lying `block` apart. */
INLINE size_t lone_at(int j, size_t block) {
    return (size_t)(j / NV) * block + (size_t)(j % NV * VW);
}

/* acc[j × gates + g] += Σ_k x[k] u[k][gate g of vector j]; u is a panel's first column. The sum
 * runs from k = 0 on, or (down) from the other end. */
INLINE void lone_product(vec *acc, int width, int gates, bool down, const gru_real *x,
                         size_t k_count, const gru_real *u) {
    const size_t row = (size_t)(gates * GRU_LANES), block = k_count * row;
    const int n = width * gates, most = LONE_SUMS / n, chains = most > 4 ? 4 : most > 1 ? most : 1;
    const ptrdiff_t next = down ? -1 : 1, step = next * (ptrdiff_t)row;
    vec sum[4][LONE_SUMS];
#pragma GCC unroll 64
    for (int i = 0; i < n * chains; i++)
        sum[i / n][i % n] = i < n ? acc[i] : (vec){0};
    x += down ? k_count - 1 : 0;
    u += down ? block - row : 0;
    size_t k = 0;
    for (; k + (size_t)chains <= k_count; k += (size_t)chains)
#pragma GCC unroll 4
        for (int c = 0; c < chains; c++, u += step, x += next) {
            vec s = splat(*x);
#pragma GCC unroll 16
            for (int i = 0; i < n; i++)
                sum[c][i] += s * load(u + lone_at(i / gates, block) + i % gates * GRU_LANES);
        }
    for (; k < k_count; k++, u += step, x += next)
#pragma GCC unroll 16
        for (int i = 0; i < n; i++)
            sum[0][i] += splat(*x) * load(u + lone_at(i / gates, block) + i % gates * GRU_LANES);
#pragma GCC unroll 16
    for (int i = 0; i < n; i++) {
        if (chains == 2)
            sum[0][i] += sum[1][i];
        else if (chains == 3)
            sum[0][i] += sum[1][i] + sum[2][i];
        else if (chains == 4)
            sum[0][i] = (sum[0][i] + sum[1][i]) + (sum[2][i] + sum[3][i]);
        acc[i] = sum[0][i];
    }
}

/* Where the panels of a step read and write. */
typedef struct lone_step {
    const gru_real *sums, *h;
    gru_real *next;
    bool up; /* from the first unit to the last, which the sums over the states meet downwards */
} lone_step;

/* The state of one vector of units from its gates; `at` is its first unit. */
INLINE void lone_cell(lone_kind kind, const gru_lone *s, const lone_step *p, size_t at,
                      const vec *gate, const gru_real *sums) {
    vec h = load(p->h + at);
    if (kind == LONE_GRU) {
        vec z = vec_sigmoid(gate[0]), r = vec_sigmoid(gate[1]);
        vec n = vec_tanh(load(sums + 2 * GRU_LANES) + r * gate[2]);
        store(p->next + at, either(s->update_new, h + z * (n - h), n + z * (h - n)));
    } else if (kind == LONE_RESET) {
        store(s->z + at, vec_sigmoid(gate[0]));
        store(s->reset + at, vec_sigmoid(gate[1]) * h);
    } else if (kind == LONE_BEFORE) {
        vec z = load(s->z + at), n = vec_tanh(gate[0]);
        store(p->next + at, either(s->update_new, h + z * (n - h), n + z * (h - n)));
    } else if (kind == LONE_LSTM) {
        vec c = vec_sigmoid(gate[1]) * load(s->c + at) + vec_sigmoid(gate[0]) * vec_tanh(gate[2]);
        store(s->c + at, c);
        store(p->next + at, vec_sigmoid(gate[3]) * vec_tanh(c));
    } else {
        store(p->next + at,
              either(s->relu, choose(gate[0] > (gru_real)0, gate[0], (vec){0}), vec_tanh(gate[0])));
    }
}

/* Gates of a row of sums. */
INLINE int lone_summed(lone_kind kind) {
    return kind == LONE_LSTM ? 4 : kind == LONE_RNN ? 1 : 3;
}

/* `width` vectors of units from unit `at` on. */
INLINE void lone_panel(lone_kind kind, int width, const gru_lone *s, const lone_step *p,
                       size_t at) {
    const int gates = kind == LONE_LSTM ? 4 : kind == LONE_GRU ? 3 : kind == LONE_RESET ? 2 : 1;
    const int summed = lone_summed(kind);
    const size_t first = at / GRU_LANES * GRU_LANES, lane = at % GRU_LANES;
    const gru_real *u =
        (kind == LONE_BEFORE ? s->un : s->u) + first * s->units * (size_t)gates + lane;
    const gru_real *sums = p->sums + first * (size_t)summed + lane;
    vec acc[LONE_SUMS];
#pragma GCC unroll 16
    for (int i = 0; i < width * gates; i++) {
        const gru_real *from = sums + lone_at(i / gates, (size_t)(summed * GRU_LANES));
        if (kind == LONE_GRU && i % gates == 2)
            acc[i] = load(s->bias + at + i / gates * VW);
        else
            acc[i] = load(from + (kind == LONE_BEFORE ? 2 : i % gates) * GRU_LANES);
    }
    lone_product(acc, width, gates, p->up, kind == LONE_BEFORE ? s->reset : p->h, s->units, u);
#pragma GCC unroll 4
    for (int j = 0; j < width; j++)
        lone_cell(kind, s, p, at + (size_t)(j * VW), acc + j * gates,
                  sums + lone_at(j, (size_t)(summed * GRU_LANES)));
}

/* All units, up or down. */
INLINE void lone_panels(lone_kind kind, const gru_lone *s, const lone_step *p) {
    const int wide = kind == LONE_RNN ? 4 : kind == LONE_LSTM ? 1 : 2;
    const size_t vectors = s->blocks * NV, whole = vectors / (size_t)wide,
                 rest = vectors % (size_t)wide;
    for (size_t i = 0; !p->up && i < rest; i++)
        lone_panel(kind, 1, s, p, (vectors - 1 - i) * VW);
    for (size_t i = 0; i < whole; i++)
        lone_panel(kind, wide, s, p, (p->up ? i : whole - 1 - i) * (size_t)(wide * VW));
    for (size_t i = 0; p->up && i < rest; i++)
        lone_panel(kind, 1, s, p, (vectors - rest + i) * VW);
}

/* A row of sums may come from anywhere in a large table. */
INLINE void lone_fetch(const gru_real *sums, size_t columns) {
    for (size_t i = 0; i < columns; i += 64 / sizeof *sums)
        __builtin_prefetch(sums + i);
}

/* Steps go through the weights up and down in turn, so that each finds in the first-level cache
 * what the one before it read last. */
INLINE void lone_steps(lone_kind kind, const gru_lone *s) {
    const size_t width = s->blocks * GRU_LANES, gates = (size_t)lone_summed(kind);
    for (size_t i = 0; i < s->steps; i++) {
        size_t t = s->reversed ? s->steps - 1 - i : i;
        lone_step p = {.sums = s->sums[t],
                       .h = s->h + (t + s->reversed) * width,
                       .next = s->h + (t + !s->reversed) * width,
                       .up = i % 2 == 0};
        if (i + 1 < s->steps)
            lone_fetch(s->sums[s->reversed ? t - 1 : t + 1], gates * width);
        if (s->valid && !s->valid[t]) {
            memcpy(p.next, p.h, width * sizeof *p.h);
            continue;
        }
        if (kind == LONE_BEFORE)
            lone_panels(LONE_RESET, s, &p);
        lone_panels(kind, s, &p);
    }
}

static void gru_sequence(const gru_lone *s) {
    lone_steps(LONE_GRU, s);
}
static void gru_before_sequence(const gru_lone *s) {
    lone_steps(LONE_BEFORE, s);
}
static void lstm_sequence(const gru_lone *s) {
    lone_steps(LONE_LSTM, s);
}
static void rnn_sequence(const gru_lone *s) {
    lone_steps(LONE_RNN, s);
}

#endif
