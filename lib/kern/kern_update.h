/* The optimizers' loops (update.h); included by kern_body.h. */
#ifndef GRU_KERN_UPDATE_BODY_H
#define GRU_KERN_UPDATE_BODY_H

#include "kern/kern_vec.h"
#include "kern/update.h"

#include <string.h>

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

/* Lines asked for all at once would occupy whatever waits for memory, and the row's own loads
 * behind them; between a row's vectors there is time for some. */
INLINE void fetch_lines(const gru_real *const next[GRU_LEAP_ROWS], int rows, size_t at) {
    for (int k = 0; k < rows && at * sizeof(gru_real) % 64 == 0; k++)
        __builtin_prefetch(next[k] + at, 0, 2);
}

INLINE vec leap_move(const gru_real along[GRU_LEAP_TERMS], vec q, vec m, gru_real along_g, vec g) {
    vec p = splat(along[GRU_LEAP_TERMS - 1]);
#pragma GCC unroll 8
    for (int i = GRU_LEAP_TERMS - 2; i >= 0; i--)
        p = p * q + along[i];
    return m * p + g * along_g;
}

/* `count` elements, at most a vector, from the pointers on. */
INLINE void leap_part(const gru_leap *c, size_t count, gru_real *w, const gru_real *g, gru_real *m,
                      gru_real *v, gru_real *mean) {
    vec weight = load_some(w, count), m1 = load_some(m, count), v1 = load_some(v, count);
    vec slope = load_some(g, count) * c->scale;
    m1 += (slope - m1) * c->c1;
    v1 += (slope * slope - v1) * c->c2;
    vec root = at_most(vec_sqrt(v1) * c->root, (gru_real)0x1p126);
    vec inverse = inverse_of_sum(root + c->eps), q = root * inverse;
    vec move = leap_move(c->along, q, m1, c->along_g, slope);
    store_some(m, drop_below(m1 - m1 * c->m_less, vanished), count);
    store_some(v, v1 - v1 * c->v_less, count);
    store_some(w, weight - weight * c->w_less - move * inverse, count);
    if (!mean)
        return;
    vec average = load_some(mean, count);
    move = leap_move(c->mean_along, q, m1, c->mean_along_g, slope);
    average += (weight - average) * c->mean_share - weight * c->mean_lost - move * inverse;
    store_some(mean, average, count);
}

INLINE void leap_row(const gru_leap *c, size_t n, gru_real *w, const gru_real *g, gru_real *m,
                     gru_real *v, gru_real *mean, const gru_real *const next[GRU_LEAP_ROWS]) {
    size_t i = 0;
    for (; i + VW <= n; i += VW) {
        fetch_lines(next, mean ? GRU_LEAP_ROWS : GRU_LEAP_ROWS - 1, i);
        leap_part(c, VW, w + i, g + i, m + i, v + i, mean ? mean + i : NULL);
    }
    if (i < n)
        leap_part(c, n - i, w + i, g + i, m + i, v + i, mean ? mean + i : NULL);
}

static void update_adam_leap(const gru_leap *c, size_t n, gru_real *w, const gru_real *g,
                             gru_real *m, gru_real *v, gru_real *mean,
                             const gru_real *const next[GRU_LEAP_ROWS]) {
    if (mean)
        leap_row(c, n, w, g, m, v, mean, next);
    else
        leap_row(c, n, w, g, m, v, NULL, next);
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
        .amsgrad = update_amsgrad, .adagrad = update_adagrad, .adam_leap = update_adam_leap,       \
        .average = update_average, .lay_by = update_lay_by, .laid_by = end_streams,                \
    }

#endif
