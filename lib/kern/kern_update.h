/* The optimizers' loops (update.h); included by kern_body.h. */
#ifndef GRU_KERN_UPDATE_BODY_H
#define GRU_KERN_UPDATE_BODY_H

#include "kern/kern_vec.h"
#include "kern/update.h"

#include <string.h>

/* REST_VECTORS: of a row whose weights and moments stay in registers from step to step. */
#if defined(__AVX512F__)
enum { REST_VECTORS = 4 };
#else
enum { REST_VECTORS = 2 };
#endif

/* Moments this small no longer move a weight; as denormals they would only cost time. */
static const gru_real vanished = (gru_real)1e-30;

/* One vector of weights on its way through a step. */
typedef struct update_part {
    vec w, g, s[GRU_UPDATE_STATES];
    bool has[GRU_UPDATE_STATES];
} update_part;

typedef void update_step(const gru_update *u, update_part *p);

/* The last elements, fewer than a vector, take the same way as all the others. */
INLINE void update_each(update_step *step, const gru_update *u, size_t n, gru_real *w,
                        const gru_real *g, gru_real *const s[GRU_UPDATE_STATES]) {
    const gru_update c = *u;
    update_part p = {.has = {s[0] != NULL, s[1] != NULL, s[2] != NULL}};
    size_t i = 0;
    for (; i + VW <= n; i += VW) {
        p.w = *(const loose *)(w + i);
        p.g = *(const loose *)(g + i);
        for (int k = 0; k < GRU_UPDATE_STATES; k++)
            if (p.has[k])
                p.s[k] = *(const loose *)(s[k] + i);
        step(&c, &p);
        *(loose *)(w + i) = p.w;
        for (int k = 0; k < GRU_UPDATE_STATES; k++)
            if (p.has[k])
                *(loose *)(s[k] + i) = p.s[k];
    }
    size_t bytes = (n - i) * sizeof *w;
    if (!bytes)
        return;
    memcpy(&p.w, w + i, bytes);
    memcpy(&p.g, g + i, bytes);
    for (int k = 0; k < GRU_UPDATE_STATES; k++)
        if (p.has[k])
            memcpy(&p.s[k], s[k] + i, bytes);
    step(&c, &p);
    memcpy(w + i, &p.w, bytes);
    for (int k = 0; k < GRU_UPDATE_STATES; k++)
        if (p.has[k])
            memcpy(s[k] + i, &p.s[k], bytes);
}

#define UPDATE_LOOP(name)                                                                          \
    static void name(const gru_update *u, size_t n, gru_real *w, const gru_real *g, gru_real *s0,  \
                     gru_real *s1, gru_real *s2) {                                                 \
        update_each(name##_step, u, n, w, g, (gru_real *const[]){s0, s1, s2});                     \
    }

INLINE vec entering(const gru_update *u, const update_part *p) {
    return p->g * u->scale + p->w * u->couple;
}
INLINE vec decayed(const gru_update *u, vec w) {
    return w - w * u->decay;
}

INLINE void update_sgd_step(const gru_update *u, update_part *p) {
    p->w = decayed(u, p->w) + entering(u, p) * (u->in * u->out);
}
UPDATE_LOOP(update_sgd)

INLINE void update_momentum_step(const gru_update *u, update_part *p) {
    vec g = entering(u, p), m = p->s[0] * u->momentum + g * u->in;
    p->s[0] = drop_below(m, vanished);
    p->w = decayed(u, p->w) + m * u->out;
}
UPDATE_LOOP(update_momentum)

INLINE void update_nesterov_step(const gru_update *u, update_part *p) {
    vec g = entering(u, p), m = p->s[0] * u->momentum + g * u->in;
    p->s[0] = drop_below(m, vanished);
    p->w = decayed(u, p->w) + (m * u->momentum + g * u->in) * u->out;
}
UPDATE_LOOP(update_nesterov)

INLINE void update_rmsprop_step(const gru_update *u, update_part *p) {
    vec g = entering(u, p), v = p->s[0] + (g * g - p->s[0]) * u->c2;
    p->s[0] = v;
    p->w = decayed(u, p->w) - g * (u->in * u->out) / (vec_sqrt(v + u->eps_inside) + u->eps);
}
UPDATE_LOOP(update_rmsprop)

INLINE void update_rmsprop_full_step(const gru_update *u, update_part *p) {
    vec g = entering(u, p), mean = {0}, v = p->s[0] + (g * g - p->s[0]) * u->c2;
    p->s[0] = v;
    if (p->has[2])
        mean = p->s[2] += (g - p->s[2]) * u->c1;
    vec step = g * u->in / (vec_sqrt(v - mean * mean + u->eps_inside) + u->eps);
    if (p->has[1])
        step = p->s[1] = step + p->s[1] * u->momentum;
    p->w = decayed(u, p->w) - step * u->out;
}
UPDATE_LOOP(update_rmsprop_full)

INLINE void update_adagrad_step(const gru_update *u, update_part *p) {
    vec g = entering(u, p);
    p->s[0] += g * g;
    p->w = decayed(u, p->w) - g * u->in / (vec_sqrt(p->s[0] + u->eps_inside) + u->eps);
}
UPDATE_LOOP(update_adagrad)

INLINE vec adam_moments(const gru_update *u, vec g, update_part *p) {
    p->s[0] = drop_below(p->s[0] + (g - p->s[0]) * u->c1, vanished);
    p->s[1] = p->s[1] + (g * g - p->s[1]) * u->c2;
    return p->s[0] * u->a + g * u->b;
}
INLINE vec adam_move(const gru_update *u, vec w, vec along, vec v) {
    return decayed(u, w) - along * inverse_of_sum(vec_sqrt(v) * u->root + u->eps);
}

INLINE void update_amsgrad_step(const gru_update *u, update_part *p) {
    vec along = adam_moments(u, entering(u, p), p);
    p->s[2] = choose(p->s[2] > p->s[1], p->s[2], p->s[1]);
    p->w = adam_move(u, p->w, along, p->s[2]);
}
UPDATE_LOOP(update_amsgrad)

INLINE void update_adam_step(const gru_update *u, update_part *p) {
    vec along = adam_moments(u, entering(u, p), p);
    p->w = adam_move(u, p->w, along, p->s[1]);
}
UPDATE_LOOP(update_adam)

INLINE void update_average_step(const gru_update *u, update_part *p) {
    p->s[0] += (p->w - p->s[0]) * u->share;
}
UPDATE_LOOP(update_average)

/* update_adam_step where g is 0: the same roundings, for 0 − m and m·a + 0 have none. */
INLINE void adam_rest(const gru_update *u, update_part *p) {
    p->s[0] = drop_below(p->s[0] - p->s[0] * u->c1, vanished);
    p->s[1] = p->s[1] - p->s[1] * u->c2;
    p->w = adam_move(u, p->w, p->s[0] * u->a, p->s[1]);
}

/* Lines asked for all at once would occupy whatever waits for memory, and the block's own loads
 * behind them; between a block's vectors there is time for some. */
INLINE void fetch_lines(const gru_real *const next[4], size_t at) {
    for (int k = 0; k < 4 && at * sizeof(gru_real) % 64 == 0; k++)
        __builtin_prefetch(next[k] + at, 0, 2);
}

INLINE void adam_block(const gru_update *ring, size_t size, uint64_t from, uint64_t to, gru_real *w,
                       const gru_real *g, gru_real *s0, gru_real *s1, const gru_real *const next[4],
                       size_t at) {
    update_part p[REST_VECTORS];
#pragma GCC unroll 8
    for (size_t i = 0; i < REST_VECTORS; i++) {
        fetch_lines(next, at + i * VW);
        p[i].w = *(const loose *)(w + i * VW);
        p[i].s[0] = *(const loose *)(s0 + i * VW);
        p[i].s[1] = *(const loose *)(s1 + i * VW);
    }
    if (g) {
#pragma GCC unroll 8
        for (size_t i = 0; i < REST_VECTORS; i++) {
            p[i].g = *(const loose *)(g + i * VW);
            update_adam_step(&ring[from & (size - 1)], &p[i]);
        }
        from++;
    }
    for (uint64_t t = from; t < to; t++) {
        const gru_update *c = &ring[t & (size - 1)];
#pragma GCC unroll 8
        for (size_t i = 0; i < REST_VECTORS; i++)
            adam_rest(c, &p[i]);
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < REST_VECTORS; i++) {
        *(loose *)(w + i * VW) = p[i].w;
        *(loose *)(s0 + i * VW) = p[i].s[0];
        *(loose *)(s1 + i * VW) = p[i].s[1];
    }
}

static void update_adam_rests(const gru_update *ring, size_t size, uint64_t from, uint64_t to,
                              size_t n, gru_real *w, const gru_real *g, gru_real *s0, gru_real *s1,
                              const gru_real *const next[4]) {
    enum { BLOCK = REST_VECTORS * VW };
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK)
        adam_block(ring, size, from, to, w + i, g ? g + i : NULL, s0 + i, s1 + i, next, i);
    if (i == n)
        return;
    gru_real rest[4][BLOCK] = {0};
    size_t bytes = (n - i) * sizeof *w;
    memcpy(rest[0], w + i, bytes);
    memcpy(rest[1], s0 + i, bytes);
    memcpy(rest[2], s1 + i, bytes);
    if (g)
        memcpy(rest[3], g + i, bytes);
    adam_block(ring, size, from, to, rest[0], g ? rest[3] : NULL, rest[1], rest[2], next, i);
    memcpy(w + i, rest[0], bytes);
    memcpy(s0 + i, rest[1], bytes);
    memcpy(s1 + i, rest[2], bytes);
}

static void update_lay_by(gru_real *out, const gru_real *g, size_t n) {
    size_t i = 0;
    for (; i + VW <= n; i += VW)
        stream(out + i, *(const loose *)(g + i));
    for (; i % GRU_LANES || i < n; i += VW) {
        vec last = {0};
        if (i < n)
            memcpy(&last, g + i, (n - i < VW ? n - i : VW) * sizeof *g);
        stream(out + i, last);
    }
}

#define KERN_UPDATES                                                                               \
    {                                                                                              \
        .sgd = update_sgd, .momentum = update_momentum, .nesterov = update_nesterov,               \
        .rmsprop = update_rmsprop, .rmsprop_full = update_rmsprop_full, .adam = update_adam,       \
        .amsgrad = update_amsgrad, .adagrad = update_adagrad, .adam_rests = update_adam_rests,     \
        .average = update_average, .lay_by = update_lay_by, .laid_by = end_streams,                \
    }

#endif
