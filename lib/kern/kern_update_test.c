/* The optimizers' loops of every kernel table this machine can run: Adam against its formula in
 * double precision, from ordinary moments to the ends of the range. Its missed steps: leap_test.c.
 */
#include "kern/kern_test.h"

#include <float.h>

enum { COUNT = 150, TRIES = 40 };

typedef struct run { /* an optimizer's view of COUNT weights */
    float w[COUNT], g[COUNT], m[COUNT], v[COUNT], top[COUNT];
} run;

static float any_size(double low, double high) {
    double sign = gru_random_below(&source, 2) ? 1 : -1;
    return (float)(sign * pow(10, low + (high - low) * gru_random_uniform(&source)));
}

/* Coefficients of Keras's kind, or of PyTorch's, as they are at step t. */
static gru_update step_of(uint64_t t) {
    double bc2 = 1 - pow(0.999, (double)t);
    bool torch = gru_random_below(&source, 2);
    return (gru_update){.scale = 1,
                        .c1 = 0.1F,
                        .c2 = 0.001F,
                        .a = (float)(1e-3 * (1 + gru_random_uniform(&source))),
                        .b = gru_random_below(&source, 2) ? 2e-4F : 0,
                        .root = torch ? (float)(1 / sqrt(bc2)) : 1,
                        .eps = torch ? 1e-8F : 1e-7F};
}

static void fill(run *x) {
    for (size_t i = 0; i < COUNT; i++) {
        x->w[i] = any_size(-4, 0);
        x->g[i] = any_size(-12, 2);
        x->m[i] = any_size(-33, 1);
        x->v[i] = fabsf(any_size(-44, 3));
        x->top[i] = fabsf(any_size(-44, 3));
    }
    x->m[3] = x->v[3] = x->top[3] = 0;
    x->v[4] = x->top[4] = 0;
    x->g[5] = x->m[5] = x->v[5] = x->top[5] = 0;
}

/* ---- one step ---- */

/* How far a step moves a weight along m and along g. */
static void moves(const gru_update *u, double m, double v, double g, double by[2]) {
    double d = (double)u->root * sqrt(v) + (double)u->eps;
    by[0] = (double)u->a * m / d;
    by[1] = (double)u->b * g / d;
}

/* What a step of weight 0 comes to, for all sizes of moments. */
static void check_step(const gru_kern *k, bool amsgrad) {
    run before, x;
    gru_update u = step_of(1 + gru_random_below(&source, 2000));
    size_t n = 1 + gru_random_below(&source, COUNT);
    fill(&before);
    memset(before.w, 0, sizeof before.w);
    x = before;
    (amsgrad ? k->update.amsgrad : k->update.adam)(&u, n, x.w, x.g, x.m, x.v,
                                                   amsgrad ? x.top : NULL);
    cr_assert_eq(memcmp(x.w + n, before.w + n, (COUNT - n) * sizeof *x.w), 0, "%s", k->name);
    cr_assert_eq(memcmp(x.m + n, before.m + n, (COUNT - n) * sizeof *x.w), 0, "%s", k->name);
    for (size_t i = 0; i < n; i++) {
        double g = (double)x.g[i], m0 = (double)before.m[i], v0 = (double)before.v[i];
        double m = m0 + (g - m0) * 0.1, v = v0 + (g * g - v0) * 0.001;
        double most = amsgrad ? fmax((double)before.top[i], (double)x.v[i]) : 0;
        double size = fabs(g) + fabs(m0);
        cr_assert(fabs((double)x.m[i] - m) <= 2e-7 * size + 1e-30, "%s: m %g", k->name, m);
        cr_assert(fabs((double)x.v[i] - v) <= 4e-7 * (v + v0) + FLT_MIN, "%s: v %g", k->name, v);
        cr_assert(!amsgrad || fabs((double)x.top[i] - most) <= 0, "%s: top %g", k->name, most);
        double by[2], top = (double)(amsgrad ? x.top : x.v)[i];
        moves(&u, (double)x.m[i], top, g, by);
        cr_assert(fabs((double)x.w[i] + by[0] + by[1]) <=
                      6e-7 * (fabs(by[0]) + fabs(by[1])) + 1e-27,
                  "%s: m %g, v %g, g %g: moved by %.9g, expected %.9g", k->name, (double)x.m[i],
                  top, g, -(double)x.w[i], by[0] + by[1]);
    }
}

static void steps(const gru_kern *k) {
    for (int i = 0; i < TRIES; i++)
        check_step(k, i % 2);
}
Test(kern_update, adam_is_its_formula_for_moments_of_all_sizes) {
    each_table(20, steps);
}

/* A second moment that has left the range stops the weight, and a number that is none shows. */
static void ends(const gru_kern *k) {
    run x;
    gru_update u = step_of(10);
    fill(&x);
    for (size_t i = 0; i < COUNT; i++) {
        x.w[i] = 0.5F;
        x.m[i] = 0.25F;
    }
    x.g[1] = 1e30F;
    x.g[2] = NAN;
    u.b = 0;
    k->update.adam(&u, COUNT, x.w, x.g, x.m, x.v, NULL);
    cr_expect(isinf(x.v[1]) && fabsf(x.w[1] - 0.5F) < 1e-6F, "%s: %g", k->name, (double)x.w[1]);
    cr_expect(isnan(x.m[2]) && isnan(x.w[2]), "%s", k->name);
    cr_expect(isfinite(x.w[0]) && isfinite(x.w[3]), "%s", k->name);
}
Test(kern_update, ends_of_the_range) {
    each_table(21, ends);
}

/* ---- the weights' average ---- */

/* A share of the way to the weights, which stay; all of it; nothing past the end. */
static void averages(const gru_kern *k) {
    run x, before;
    for (size_t n = 1; n < COUNT; n++) {
        float share = n % 3 ? (float)gru_random_uniform(&source) : 1;
        fill(&before);
        before.m[0] = before.w[0];
        x = before;
        k->update.average(&(gru_update){.share = share}, n, x.w, x.g, x.m, NULL, NULL);
        cr_assert_eq(memcmp(x.w, before.w, sizeof x.w), 0, "%s", k->name);
        cr_assert_eq(memcmp(x.m + n, before.m + n, (COUNT - n) * sizeof *x.m), 0, "%s", k->name);
        cr_assert(fabsf(x.m[0] - x.w[0]) <= 0, "%s", k->name);
        for (size_t i = 0; i < n; i++) {
            double from = (double)before.m[i], to = (double)x.w[i], p = (double)share;
            double off = fabs((double)x.m[i] - ((1 - p) * from + p * to));
            cr_assert(off <= 2e-7 * (fabs(from) + fabs(to)), "%s: off by %g", k->name, off);
        }
    }
}
Test(kern_update, an_average_takes_its_share_of_the_weights) {
    each_table(22, averages);
}

/* ---- gradients laid by ---- */

/* Rows of all lengths, from any place: what was there, zeros up to the multiple of 16, no more. */
static void lays_by(const gru_kern *k) {
    run x;
    float out[COUNT + 32] __attribute__((aligned(64)));
    fill(&x);
    for (size_t n = 1; n < COUNT; n++) {
        const float *g = x.g + gru_random_below(&source, (uint32_t)(COUNT - n));
        size_t end = (n + 15) / 16 * 16;
        for (size_t i = 0; i < COUNT + 32; i++)
            out[i] = -77.25F;
        k->update.lay_by(out, g, n);
        k->update.laid_by();
        cr_assert_eq(memcmp(out, g, n * sizeof *g), 0, "%s: %zu", k->name, n);
        for (size_t i = n; i < end + 16; i++)
            cr_assert(fabsf(out[i] - (i < end ? 0 : -77.25F)) <= 0, "%s: %zu", k->name, n);
    }
}
Test(kern_update, rows_laid_by_end_with_their_line) {
    each_table(23, lays_by);
}
