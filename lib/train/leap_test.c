/* Leaps over missed steps, with every kernel table this machine can run, against the same steps one
 * after the other in double precision. */
#include "kern/kern_test.h"
#include "train/leap.h"

#include <float.h>

enum { COUNT = 70, STEPS = 256, TRIES = 60 };

typedef struct numbers { /* an optimizer's view of COUNT weights */
    float w[COUNT], g[COUNT], m[COUNT], v[COUNT], mean[COUNT];
} numbers;

typedef struct exact {
    double w, m, v, mean;
    /* of the terms that make m, which may cancel, and of all moves with terms of that size */
    double size, moves;
} exact;

typedef struct style {
    bool torch, decay, nadam, warm;
    double beta1, beta2;
} style;

static gru_update step_of(const style *s, uint64_t t) {
    double bc1 = 1 - pow(s->beta1, (double)t), bc2 = 1 - pow(s->beta2, (double)t);
    double lr = s->warm ? 1e-5 * (double)t : 1e-3;
    return (gru_update){.scale = 0.75F,
                        .decay = s->decay ? (float)(lr * 0.05) : 0,
                        .c1 = (float)(1 - s->beta1),
                        .c2 = (float)(1 - s->beta2),
                        .a = (float)(s->torch ? lr / bc1 : lr * sqrt(bc2) / bc1),
                        .b = s->nadam ? (float)(lr * 0.2) : 0,
                        .root = s->torch ? (float)(1 / sqrt(bc2)) : 1,
                        .eps = s->torch ? 1e-8F : 1e-7F,
                        .share = t == 1 ? 1 : 0.02F};
}

static void take_step(const gru_update *u, double g, exact *x) {
    g *= (double)u->scale;
    x->m += (g - x->m) * (double)u->c1;
    x->v += (g * g - x->v) * (double)u->c2;
    double d = (double)u->root * sqrt(x->v) + (double)u->eps;
    double b = (double)u->b * g / d;
    x->w -= x->w * (double)u->decay + (double)u->a * x->m / d + b;
    x->moves += (double)u->a * x->size / d + fabs(b);
    x->size *= 1 - (double)u->c1;
    x->mean += (x->w - x->mean) * (double)u->share;
}

static float any_size(double low, double high) {
    double sign = gru_random_below(&source, 2) ? 1 : -1;
    return (float)(sign * pow(10, low + (high - low) * gru_random_uniform(&source)));
}

static void fill(numbers *x) {
    for (size_t i = 0; i < COUNT; i++) {
        x->w[i] = any_size(-3, 0);
        x->mean[i] = any_size(-3, 0);
        x->g[i] = any_size(-9, 2);
        x->m[i] = any_size(-9, 1);
        x->v[i] = fabsf(any_size(-18, 3));
    }
    x->g[1] = 0;
    x->m[2] = x->v[2] = 0;
    x->g[3] = x->m[3] = x->v[3] = 0;
}

/* From step `from` on, `steps` steps; the first with gradient g, or none of them. */
static int leap(const gru_kern *k, const gru_leaps *l, numbers *x, size_t n, bool mean,
                const float *g, uint64_t from, uint64_t steps) {
    static const float zeros[COUNT] = {0};
    const float *const next[GRU_LEAP_ROWS] = {x->w, x->g, x->m, x->v, x->mean};
    int count = 0;
    for (uint64_t t = from; t < from + steps; g = NULL, count++) {
        const gru_leap *one = gru_leaps_from(l, t, &t);
        cr_assert_leq(t, from + steps);
        k->update.adam_leap(one, n, x->w, g ? g : zeros, x->m, x->v, mean ? x->mean : NULL, next);
    }
    return count;
}

static void near(const char *name, double have, double want, double most) {
    cr_assert(fabs(have - want) <= most, "%s: %.9g, expected %.9g; off by %g", name, have, want,
              have - want);
}

static void check(const gru_kern *k, const style *s, uint64_t from) {
    gru_error err;
    gru_leaps *l;
    numbers before, x;
    uint64_t steps = 1 + gru_random_below(&source, gru_random_below(&source, 4) ? 6 : STEPS - 1);
    size_t n = 1 + gru_random_below(&source, COUNT);
    bool mean = gru_random_below(&source, 2);
    cr_assert_eq(gru_leaps_new(&l, STEPS, &err), GRU_OK);
    for (uint64_t t = from > 3 ? from - 3 : 1; t < from + steps; t++) {
        const gru_update u = step_of(s, t);
        gru_leaps_step(l, t, &u);
    }
    fill(&before);
    x = before;
    double ulps = 1e-7 * (1 + leap(k, l, &x, n, mean, x.g, from, steps));
    gru_leaps_free(l);
    for (size_t i = 0; i < n; i++) {
        exact e = {(double)before.w[i],
                   (double)before.m[i],
                   (double)before.v[i],
                   (double)before.mean[i],
                   0,
                   0};
        double size = e.size = fabs(e.m) + fabs((double)x.g[i]), most = fabs(e.w) + fabs(e.mean);
        double v = e.v + (double)x.g[i] * (double)x.g[i];
        for (uint64_t t = from; t < from + steps; t++) {
            const gru_update u = step_of(s, t);
            take_step(&u, t == from ? (double)x.g[i] : 0, &e);
        }
        most += e.moves; /* the largest number on the way */
        near("w", (double)x.w[i], e.w, ulps * most + 1e-6 * e.moves);
        near("m", (double)x.m[i], e.m, 2 * ulps * size);
        near("v", (double)x.v[i], e.v, 2 * ulps * v + (double)FLT_MIN);
        if (mean)
            near("mean", (double)x.mean[i], e.mean, ulps * most + 1e-6 * e.moves);
        else
            near("mean", (double)x.mean[i], (double)before.mean[i], 0);
    }
    cr_assert_eq(memcmp(x.w + n, before.w + n, (COUNT - n) * sizeof *x.w), 0, "%s", k->name);
    cr_assert_eq(memcmp(x.m + n, before.m + n, (COUNT - n) * sizeof *x.m), 0, "%s", k->name);
}

static void all_styles(const gru_kern *k) {
    static const style styles[] = {{.beta1 = 0.9, .beta2 = 0.999},
                                   {.torch = true, .beta1 = 0.9, .beta2 = 0.999},
                                   {.decay = true, .beta1 = 0.9, .beta2 = 0.999},
                                   {.nadam = true, .decay = true, .beta1 = 0.9, .beta2 = 0.999},
                                   {.warm = true, .beta1 = 0.9, .beta2 = 0.999},
                                   {.torch = true, .decay = true, .beta1 = 0.8, .beta2 = 0.95},
                                   {.beta1 = 0.5, .beta2 = 0.99}};
    static const uint64_t starts[] = {1, 2, 17, 400, 100000};
    for (size_t i = 0; i < TRIES; i++)
        for (size_t s = 0; s < sizeof styles / sizeof *styles; s++)
            check(k, &styles[s], starts[i % 5]);
}
Test(leap, missed_steps_are_those_taken_one_by_one) {
    each_table(24, all_styles);
}

/* What a leap is for: late in training, few leaps do for many steps. */
static void count_leaps(const gru_kern *k) {
    const style keras = {.beta1 = 0.9, .beta2 = 0.999};
    gru_error err;
    gru_leaps *l;
    numbers x;
    fill(&x);
    cr_assert_eq(gru_leaps_new(&l, STEPS, &err), GRU_OK);
    for (uint64_t t = 1; t < 200; t++) {
        const gru_update u = step_of(&keras, t);
        gru_leaps_step(l, t, &u);
    }
    cr_expect_eq(leap(k, l, &x, COUNT, false, x.g, 180, 20), 1);
    cr_expect_leq(leap(k, l, &x, COUNT, false, x.g, 1, 199), 7);
    gru_leaps_free(l);
}
Test(leap, many_steps_take_few_leaps) {
    each_table(25, count_leaps);
}
