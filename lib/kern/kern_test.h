/* What the tests of the kernel tables share: random blocks that end with a guard, every table that
 * this machine can run, and how far a sum may be from one in double precision. */
#ifndef GRU_KERN_TEST_H
#define GRU_KERN_TEST_H

#include "base/random.h"
#include "kern/kern.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { L = GRU_LANES };
static const float guard = -77.25f;
static gru_random source;

static inline double draw(double low, double high) {
    return low + (high - low) * gru_random_uniform(&source);
}
static inline size_t draw_count(size_t most) {
    return 1 + gru_random_below(&source, (uint32_t)most);
}

static inline gru_real *block(size_t count) {
    size_t bytes = (count * sizeof(gru_real) + 127) / 64 * 64;
    gru_real *p = aligned_alloc(64, bytes);
    cr_assert(p);
    for (size_t i = 0; i < bytes / sizeof *p; i++)
        p[i] = guard;
    return p;
}
static inline gru_real *random_block(size_t count) {
    gru_real *p = block(count);
    for (size_t i = 0; i < count; i++)
        p[i] = (gru_real)draw(-2, 2);
    return p;
}

static inline gru_isa best_isa(void) {
    gru_isa best;
    gru_error err;
    unsetenv("GRU_ISA");
    cr_assert_eq(gru_cpu_isa(&best, &err), GRU_OK);
    return best;
}

typedef void table_test(const gru_kern *k);
static inline void each_table(uint32_t stream, table_test *test) {
    for (gru_isa isa = GRU_ISA_GENERIC, best = best_isa(); isa <= best; isa++) {
        gru_random_init(&source, 1, GRU_PURPOSE_TEST, stream);
        test(gru_kern_get(isa));
    }
}

static inline void check_close(const gru_kern *k, const char *what, double got, double want,
                               double scale) {
    cr_assert(fabs(got - want) <= 2e-6 * (scale + 1e-3), "%s %s: %.9g, expected %.9g", k->name,
              what, got, want);
}

/* Adds up o's panels in blocks of columns, and again whole, into o->w: the bits must not differ. */
static inline void add_outer(const gru_kern *k, const gru_outer *o) {
    size_t size = (o->rows - 1) * o->ld + o->columns;
    gru_outer whole = *o;
    whole.w = block(size);
    memcpy(whole.w, o->w, size * sizeof *o->w);
    for (size_t p = k->outer_panels(o); p-- > 0;) {
        for (size_t from = 0, end; from < o->columns; from = end) {
            end = from + draw_count(o->columns - from);
            k->outer_panel(o, p, from, end, from > 0 && gru_random_below(&source, 2));
        }
        k->outer_panel(&whole, p, 0, o->columns, false);
    }
    cr_assert_eq(memcmp(o->w, whole.w, size * sizeof *o->w), 0, "%s outer: other bits in blocks",
                 k->name);
    free(whole.w);
}

/* out [rows][out_step] = bias, or before, + x w; what lies beyond the columns is as before. */
static inline void check_rows(const gru_kern *k, const char *what, size_t rows, size_t columns,
                              const gru_real *out, const gru_real *before, size_t out_step,
                              const gru_real *bias, const gru_real *x, size_t x_step, size_t inner,
                              const gru_real *w, size_t w_step) {
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < out_step; j++) {
            size_t at = r * out_step + j;
            if (j >= columns) {
                cr_assert_eq(memcmp(&out[at], &before[at], sizeof *out), 0);
                continue;
            }
            double want = bias ? bias[j] : before[at], scale = fabs(want);
            for (size_t i = 0; i < inner; i++) {
                double term = (double)x[r * x_step + i] * w[i * w_step + j];
                want += term, scale += fabs(term);
            }
            check_close(k, what, out[at], want, scale);
        }
}

#endif
