/* The inner loops of the optimizers. Compiled so that the loops become vector code (see Makefile).
 */
#include "train/update.h"

#include <math.h>

#ifdef GRU_DOUBLE
#define ROOT sqrt
#define SIZE fabs
#else
#define ROOT sqrtf
#define SIZE fabsf
#endif

/* Moments this small no longer move a weight; as denormals they would only cost time. */
static const gru_real vanished = (gru_real)1e-30;

/* One copy of each loop per instruction set, chosen when the program is loaded. Without fused
 * multiply-adds (the compiler's choice under -std=c11) all copies give the same bits. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__)
#define WIDE __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define WIDE
#endif

static inline gru_real entering(const gru_update *u, gru_real g, gru_real w) {
    return g * u->scale + u->couple * w;
}

WIDE void gru_update_sgd(const gru_update *u, size_t n, gru_real *restrict w,
                         const gru_real *restrict g, gru_real *restrict s0, gru_real *restrict s1,
                         gru_real *restrict s2) {
    (void)s0, (void)s1, (void)s2;
    const gru_update c = *u;
    const gru_real rate = c.in * c.out;
    for (size_t i = 0; i < n; i++) {
        gru_real gi = entering(&c, g[i], w[i]);
        w[i] = (w[i] - c.decay * w[i]) + rate * gi;
    }
}

WIDE void gru_update_momentum(const gru_update *u, size_t n, gru_real *restrict w,
                              const gru_real *restrict g, gru_real *restrict s0,
                              gru_real *restrict s1, gru_real *restrict s2) {
    (void)s1, (void)s2;
    const gru_update c = *u;
    for (size_t i = 0; i < n; i++) {
        gru_real gi = entering(&c, g[i], w[i]);
        gru_real m = c.momentum * s0[i] + c.in * gi;
        s0[i] = SIZE(m) < vanished ? 0 : m;
        w[i] = (w[i] - c.decay * w[i]) + c.out * m;
    }
}

WIDE void gru_update_nesterov(const gru_update *u, size_t n, gru_real *restrict w,
                              const gru_real *restrict g, gru_real *restrict s0,
                              gru_real *restrict s1, gru_real *restrict s2) {
    (void)s1, (void)s2;
    const gru_update c = *u;
    for (size_t i = 0; i < n; i++) {
        gru_real gi = entering(&c, g[i], w[i]);
        gru_real m = c.momentum * s0[i] + c.in * gi;
        s0[i] = SIZE(m) < vanished ? 0 : m;
        w[i] = (w[i] - c.decay * w[i]) + c.out * (c.momentum * m + c.in * gi);
    }
}

WIDE void gru_update_rmsprop(const gru_update *u, size_t n, gru_real *restrict w,
                             const gru_real *restrict g, gru_real *restrict s0,
                             gru_real *restrict s1, gru_real *restrict s2) {
    (void)s1, (void)s2;
    const gru_update c = *u;
    const gru_real rate = c.in * c.out;
    for (size_t i = 0; i < n; i++) {
        gru_real gi = entering(&c, g[i], w[i]);
        s0[i] += c.c2 * (gi * gi - s0[i]);
        w[i] = (w[i] - c.decay * w[i]) - rate * gi / (ROOT(s0[i] + c.eps_inside) + c.eps);
    }
}

WIDE void gru_update_rmsprop_full(const gru_update *u, size_t n, gru_real *restrict w,
                                  const gru_real *restrict g, gru_real *restrict s0,
                                  gru_real *restrict s1, gru_real *restrict s2) {
    const gru_update c = *u;
    for (size_t i = 0; i < n; i++) {
        gru_real gi = entering(&c, g[i], w[i]), mean = 0, step;
        s0[i] += c.c2 * (gi * gi - s0[i]);
        if (s2) {
            s2[i] += c.c1 * (gi - s2[i]);
            mean = s2[i];
        }
        step = c.in * gi / (ROOT(s0[i] - mean * mean + c.eps_inside) + c.eps);
        if (s1) {
            step += c.momentum * s1[i];
            s1[i] = step;
        }
        w[i] = (w[i] - c.decay * w[i]) - c.out * step;
    }
}

WIDE void gru_update_adam(const gru_update *u, size_t n, gru_real *restrict w,
                          const gru_real *restrict g, gru_real *restrict s0, gru_real *restrict s1,
                          gru_real *restrict s2) {
    (void)s2;
    const gru_update c = *u;
    for (size_t i = 0; i < n; i++) {
        gru_real gi = entering(&c, g[i], w[i]);
        gru_real m = s0[i] + c.c1 * (gi - s0[i]);
        gru_real v = s1[i] + c.c2 * (gi * gi - s1[i]);
        m = SIZE(m) < vanished ? 0 : m;
        s0[i] = m;
        s1[i] = v;
        w[i] = (w[i] - c.decay * w[i]) - (c.a * m + c.b * gi) / (c.root * ROOT(v) + c.eps);
    }
}

/* gru_update_adam for g = 0. */
static inline void rest(const gru_update *c, gru_real *w, gru_real *s0, gru_real *s1) {
    gru_real m = *s0 - c->c1 * *s0, v = *s1 - c->c2 * *s1;
    m = SIZE(m) < vanished ? 0 : m;
    *s0 = m;
    *s1 = v;
    *w = (*w - c->decay * *w) - c->a * m / (c->root * ROOT(v) + c->eps);
}

WIDE void gru_update_adam_rests(const gru_update *ring, size_t size, uint64_t from, uint64_t to,
                                size_t n, gru_real *restrict w, gru_real *restrict s0,
                                gru_real *restrict s1) {
    enum { BLOCK = 64 }; /* what registers hold */
    for (; n >= BLOCK; n -= BLOCK, w += BLOCK, s0 += BLOCK, s1 += BLOCK) {
        gru_real x[BLOCK], m[BLOCK], v[BLOCK];
        for (size_t i = 0; i < BLOCK; i++) {
            x[i] = w[i];
            m[i] = s0[i];
            v[i] = s1[i];
        }
        for (uint64_t t = from; t < to; t++) {
            const gru_update c = ring[t % size];
            for (size_t i = 0; i < BLOCK; i++) {
                rest(&c, &x[i], &m[i], &v[i]);
            }
        }
        for (size_t i = 0; i < BLOCK; i++) {
            w[i] = x[i];
            s0[i] = m[i];
            s1[i] = v[i];
        }
    }
    for (uint64_t t = from; t < to; t++) {
        const gru_update c = ring[t % size];
        for (size_t i = 0; i < n; i++) {
            rest(&c, &w[i], &s0[i], &s1[i]);
        }
    }
}

WIDE void gru_update_amsgrad(const gru_update *u, size_t n, gru_real *restrict w,
                             const gru_real *restrict g, gru_real *restrict s0,
                             gru_real *restrict s1, gru_real *restrict s2) {
    const gru_update c = *u;
    for (size_t i = 0; i < n; i++) {
        gru_real gi = entering(&c, g[i], w[i]);
        gru_real m = s0[i] + c.c1 * (gi - s0[i]);
        gru_real v = s1[i] + c.c2 * (gi * gi - s1[i]);
        gru_real top = s2[i] > v ? s2[i] : v;
        m = SIZE(m) < vanished ? 0 : m;
        s0[i] = m;
        s1[i] = v;
        s2[i] = top;
        w[i] = (w[i] - c.decay * w[i]) - (c.a * m + c.b * gi) / (c.root * ROOT(top) + c.eps);
    }
}

WIDE void gru_update_adagrad(const gru_update *u, size_t n, gru_real *restrict w,
                             const gru_real *restrict g, gru_real *restrict s0,
                             gru_real *restrict s1, gru_real *restrict s2) {
    (void)s1, (void)s2;
    const gru_update c = *u;
    for (size_t i = 0; i < n; i++) {
        gru_real gi = entering(&c, g[i], w[i]);
        s0[i] += gi * gi;
        w[i] = (w[i] - c.decay * w[i]) - c.in * gi / (ROOT(s0[i] + c.eps_inside) + c.eps);
    }
}
