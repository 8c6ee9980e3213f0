/* What training is made of: optimizers' lazy tables, words of options, schedules, stopping, order.
 */
#include "nn/model.h"
#include "train/dataset.h"
#include "train/optimizer.h"
#include "train/pairs.h"
#include "train/schedule.h"
#include "train/stopping.h"
#include "train/weigh.h"

#include "base/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the embedding's lazy update against a dense one, computed here in double ---- */

enum { ROWS = 37, WIDTH = 5, STEPS = 1500 };

typedef struct dense {
    double w[ROWS * WIDTH], m[ROWS * WIDTH], v[ROWS * WIDTH], mean[ROWS * WIDTH];
} dense;

static void dense_adam(dense *d, const float *g, int t, double lr, double decay) {
    double alpha = lr * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t));
    for (int i = 0; i < ROWS * WIDTH; i++) {
        d->w[i] -= decay * lr * d->w[i];
        d->m[i] = 0.9 * d->m[i] + 0.1 * (double)g[i];
        d->v[i] = 0.999 * d->v[i] + 0.001 * (double)g[i] * (double)g[i];
        d->w[i] -= alpha * d->m[i] / (sqrt(d->v[i]) + 1e-7);
    }
}

/* sums: Σ mᵃ w of the steps so far, a being a step's age, from which the unbiased mean is made. */
static void dense_average(dense *d, int t, double momentum, bool sums) {
    for (int i = 0; i < ROWS * WIDTH; i++)
        d->mean[i] = sums     ? momentum * d->mean[i] + d->w[i]
                     : t == 1 ? d->w[i]
                              : momentum * d->mean[i] + (1 - momentum) * d->w[i];
}

static gru_model *embedding_model(void) {
    gru_error err = {0};
    gru_arch *arch;
    gru_model *model;
    const gru_input_shape shape = {.tokens = true, .steps = 3};
    cr_assert_eq(gru_arch_parse(&arch, "embedding 37 5; gru 3; dense 1 sigmoid", "test", &err), 0);
    cr_assert_eq(gru_model_new(&model, arch, &shape, false, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_model_initialise(model, 1, &err), GRU_OK);
    return model;
}

/* Rows used at a step: few, rare ones seldom, so that some wait for hundreds of steps. */
static uint32_t choose_rows(gru_random *r, uint32_t rows[4]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t limit = gru_random_below(r, 20) == 0 ? ROWS - 2 : 6,
                 row = gru_random_below(r, limit);
        bool seen = false;
        for (uint32_t k = 0; k < count; k++)
            seen |= rows[k] == row;
        if (!seen)
            rows[count++] = row;
    }
    return count;
}

/* The rows of a table [ROWS][width] and where their gradients lie in g, another such table. */
static void point_to_rows(gru_row_gradient *touched, const uint32_t *rows, uint32_t count, float *g,
                          size_t width) {
    for (uint32_t k = 0; k < count; k++)
        touched[k] = (gru_row_gradient){rows[k], g + rows[k] * width};
}

static double lazy_against_dense(const char *words, double decay, double average, bool unbiased,
                                 size_t threads) {
    gru_error err = {0};
    gru_optimizer_options options;
    gru_optimizer *optimizer;
    gru_pool *pool;
    gru_model *model = embedding_model();
    size_t weights = gru_model_weight_count(model);
    float *g = calloc(weights, sizeof *g), full[ROWS * WIDTH];
    dense *d = calloc(1, sizeof *d);
    gru_random random;
    double worst = 0, ages = 0;
    cr_assert_eq(gru_optimizer_parse(&options, words, &err), GRU_OK, "%s", err.message);
    options.average = average;
    options.unbiased = unbiased;
    cr_assert_eq(gru_pool_new(&pool, threads, &err), GRU_OK);
    cr_assert_eq(gru_optimizer_new(&optimizer, model, pool, &options, &err), GRU_OK);
    size_t at = gru_model_param(model, gru_optimizer_sparse(optimizer))->offset;
    for (int i = 0; i < ROWS * WIDTH; i++)
        d->w[i] = (double)gru_model_weights(model)[at + (size_t)i];
    gru_random_init(&random, 3, GRU_PURPOSE_TEST, 0);
    for (int t = 1; t <= STEPS; t++) {
        uint32_t rows[4] = {0}, count = choose_rows(&random, rows);
        double lr = (t < 700 ? 0.01 : 0.003) * (options.kind == GRU_OPTIMIZER_SGD ? 1000 : 1);
        memset(full, 0, sizeof full);
        for (size_t i = 0; i < weights; i++)
            g[i] = NAN; /* rows that aren't touched hold nothing of use */
        for (size_t p = 1; p < gru_model_param_count(model); p++) {
            const gru_param *param = gru_model_param(model, p);
            memset(g + param->offset, 0, param->count * sizeof *g);
        }
        for (uint32_t k = 0; k < count; k++) {
            for (size_t u = 0; u < WIDTH; u++) {
                float value = (float)(gru_random_normal(&random) * 1e-3);
                g[at + rows[k] * WIDTH + u] = full[rows[k] * WIDTH + u] = value;
            }
        }
        gru_optimizer_catch_up(optimizer, rows, count);
        gru_row_gradient touched[4];
        point_to_rows(touched, rows, count, g + at, WIDTH);
        gru_optimizer_step(optimizer, g, touched, count, lr);
        if (t % 3 == 0) /* or with what they miss after it */
            gru_optimizer_catch_up(optimizer, rows, count);
        if (options.kind == GRU_OPTIMIZER_SGD)
            for (int i = 0; i < ROWS * WIDTH; i++)
                d->w[i] -= lr * (double)full[i];
        else
            dense_adam(d, full, t, lr, decay);
        dense_average(d, t, average, unbiased);
        ages = unbiased ? average * ages + 1 : 1;
        for (uint32_t k = 0; t % 3 == 0 && k < count; k++) {
            size_t i = rows[k] * WIDTH;
            worst = fmax(worst, fabs((double)gru_model_weights(model)[at + i] - d->w[i]));
        }
    }
    gru_optimizer_flush(optimizer);
    gru_optimizer_swap(optimizer);
    for (size_t i = 0; i < ROWS * WIDTH; i++) {
        double off = fabs((double)gru_model_weights(model)[at + i] - d->mean[i] / ages);
        worst = off > worst || isnan(off) ? off : worst;
    }
    gru_optimizer_free(optimizer);
    gru_pool_free(pool);
    gru_model_free(model);
    free(g);
    free(d);
    return worst;
}

Test(optimizer, lazy_rows_are_those_of_the_dense_update) {
    /* 1500 steps of 1e-2: weights of the order of one, so these are float's own roundings */
    cr_expect(lazy_against_dense("adam", 0, 0, false, 1) <= 2e-5);
    cr_expect(lazy_against_dense("adam", 0, 0, false, 2) <= 2e-5);
    cr_expect(lazy_against_dense("adamw:weight-decay=0.1", 0.1, 0, false, 1) <= 2e-5);
    cr_expect(lazy_against_dense("adam", 0, 0.98, false, 2) <= 2e-5);
    cr_expect(lazy_against_dense("adamw:weight-decay=0.1", 0.1, 0.98, false, 1) <= 2e-5);
    cr_expect(lazy_against_dense("sgd", 0, 0.98, false, 1) <= 2e-5);
    cr_expect(lazy_against_dense("adam", 0, 0.999, true, 2) <= 2e-5);
    /* and the test would notice */
    cr_expect(lazy_against_dense("adam", 0.1, 0, false, 1) > 1e-3);
}

/* ---- the same in float32: against a dense step on every row ---- */

enum { WIDE = 70, SHORT = 300 }; /* a row is more than one block of the loops, and not whole ones */

typedef struct lazy {
    gru_model *model;
    gru_optimizer *optimizer;
    float *table, *g, *table_g;
} lazy;

static void start_lazy(lazy *l, const char *words, double average, const char *network,
                       gru_pool *pool) {
    gru_error err = {0};
    gru_arch *arch;
    gru_optimizer_options options;
    const gru_input_shape shape = {.tokens = true, .steps = 3};
    cr_assert_eq(gru_arch_parse(&arch, network, "test", &err), 0);
    cr_assert_eq(gru_model_new(&l->model, arch, &shape, false, &err), GRU_OK);
    cr_assert_eq(gru_model_initialise(l->model, 1, &err), GRU_OK);
    cr_assert_eq(gru_optimizer_parse(&options, words, &err), GRU_OK, "%s", err.message);
    options.average = average;
    options.clip_norm = 20;
    cr_assert_eq(gru_optimizer_new(&l->optimizer, l->model, pool, &options, &err), GRU_OK);
    size_t at = gru_model_param(l->model, gru_optimizer_sparse(l->optimizer))->offset;
    l->g = calloc(gru_model_weight_count(l->model), sizeof *l->g);
    l->table = gru_model_weights(l->model) + at;
    l->table_g = l->g + at;
}

static void end_lazy(lazy *l) {
    gru_optimizer_free(l->optimizer);
    gru_model_free(l->model);
    free(l->g);
}

/* Keras's Adam, in float32 as Keras computes it. */
static void dense_float(float *w, float *m, float *v, const float *g, int t, double lr) {
    float alpha = (float)(lr * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t)));
    for (int i = 0; i < ROWS * WIDE; i++) {
        m[i] += (g[i] - m[i]) * (float)(1 - 0.9);
        v[i] += (g[i] * g[i] - v[i]) * (float)(1 - 0.999);
        w[i] -= alpha * m[i] / (sqrtf(v[i]) + 1e-7F);
    }
}

typedef struct gaps {
    double rows, adam; /* between the two; of the first from Adam written out above */
} gaps;

static double widest(double gap, const float *a, const float *b, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double off = fabs((double)a[i] - (double)b[i]);
        gap = off > gap || isnan(off) ? off : gap;
    }
    return gap;
}

/* 300 steps of an optimizer told the rows in use, and of one told that the first 37 are. */
static gaps lazy_against_every_row(const char *words, const char *network) {
    static float w[ROWS * WIDE], m[ROWS * WIDE], v[ROWS * WIDE];
    const size_t bytes = sizeof w;
    gru_error err = {0};
    gru_pool *pool;
    gru_random random;
    lazy some, every;
    uint32_t all[ROWS];
    gaps gap = {0};
    cr_assert_eq(gru_pool_new(&pool, 2, &err), GRU_OK);
    start_lazy(&some, words, 0, network, pool);
    start_lazy(&every, words, 0, network, pool);
    memcpy(w, some.table, bytes);
    memset(m, 0, bytes);
    memset(v, 0, bytes);
    gru_random_init(&random, 5, GRU_PURPOSE_TEST, 0);
    for (uint32_t i = 0; i < ROWS; i++)
        all[i] = i;
    for (int t = 1; t <= SHORT; t++) {
        uint32_t rows[4] = {0}, count = choose_rows(&random, rows);
        memset(every.table_g, 0, bytes);
        for (uint32_t k = 0; k < count; k++)
            for (size_t u = 0, at = rows[k] * WIDE; u < WIDE; u++, at++)
                every.table_g[at] = (float)(gru_random_normal(&random) * 1e-2);
        memcpy(some.table_g, every.table_g, bytes);
        gru_row_gradient touched[4], touched_all[ROWS];
        point_to_rows(touched, rows, count, some.table_g, WIDE);
        point_to_rows(touched_all, all, ROWS, every.table_g, WIDE);
        gru_optimizer_catch_up(some.optimizer, rows, count);
        gru_optimizer_catch_up(every.optimizer, all, ROWS);
        for (uint32_t k = 0; k < count; k++) {
            size_t at = rows[k] * WIDE;
            gap.rows = widest(gap.rows, some.table + at, every.table + at, WIDE);
        }
        gru_optimizer_step(some.optimizer, some.g, touched, count, 1e-3);
        memset(some.table_g, 0xff, bytes); /* NaN: it was copied */
        gru_optimizer_step(every.optimizer, every.g, touched_all, ROWS, 1e-3);
        dense_float(w, m, v, every.table_g, t, 1e-3);
    }
    gru_optimizer_flush(some.optimizer);
    gru_optimizer_flush(every.optimizer);
    gap.rows = widest(gap.rows, some.table, every.table, ROWS * WIDE);
    gap.adam = widest(0, some.table, w, ROWS * WIDE);
    end_lazy(&some);
    end_lazy(&every);
    gru_pool_free(pool);
    return gap;
}

Test(optimizer, lazy_rows_are_those_of_a_step_on_every_row) {
    const char *small = "embedding 37 70; gru 3; dense 1";
    /* a table that no cache holds, whose gradients go past the caches */
    const char *large = "embedding 30000 70; gru 3; dense 1";
    /* one step after the other, bit for bit */
    static const char *const stepwise[] = {"adam:amsgrad", "adam:style=torch,weight-decay=0.1",
                                           "rmsprop:momentum=0.9,centered", "sgd:momentum=0.9",
                                           "adagrad"};
    static const char *const leaping[] = {"adam", "adam:style=torch", "adamw:weight-decay=0.1",
                                          "nadam"};
    for (size_t i = 0; i < sizeof stepwise / sizeof *stepwise; i++)
        cr_expect(lazy_against_every_row(stepwise[i], small).rows <= 0, "%s", stepwise[i]);
    for (size_t i = 0; i < sizeof leaping / sizeof *leaping; i++)
        cr_expect(lazy_against_every_row(leaping[i], small).rows <= 1e-6, "%s", leaping[i]);
    cr_expect(lazy_against_every_row("adam", small).adam <= 1e-6);
    cr_expect(lazy_against_every_row("adam", large).adam <= 1e-6);
}

Test(optimizer, state_survives_a_bundle) {
    gru_error err = {0};
    gru_optimizer_options options;
    gru_optimizer *one, *two;
    gru_pool *pool;
    gru_bundle *b;
    gru_model *model = embedding_model(), *other = embedding_model();
    size_t weights = gru_model_weight_count(model);
    float *g = calloc(weights, sizeof *g);
    const uint32_t rows[2] = {1, 30};
    gru_row_gradient touched[2];
    cr_assert_eq(gru_optimizer_parse(&options, "nadam:lr=0.01", &err), GRU_OK);
    cr_assert_eq(gru_pool_new(&pool, 1, &err), GRU_OK);
    cr_assert_eq(gru_optimizer_new(&one, model, pool, &options, &err), GRU_OK);
    cr_assert_eq(gru_optimizer_new(&two, other, pool, &options, &err), GRU_OK);
    point_to_rows(touched, rows, 2, g + gru_model_param(model, gru_optimizer_sparse(one))->offset,
                  WIDTH);
    for (int t = 0; t < 20; t++) {
        for (size_t i = 0; i < weights; i++)
            g[i] = 0.01F * (float)((i + (size_t)t) % 7);
        if (t == 10) {
            gru_optimizer_flush(one);
            cr_assert_eq(gru_bundle_new(&b, &err), GRU_OK);
            cr_assert_eq(gru_optimizer_save(one, b, &err), GRU_OK, "%s", err.message);
            cr_assert_eq(gru_optimizer_load(two, b, &err), GRU_OK, "%s", err.message);
            memcpy(gru_model_weights(other), gru_model_weights(model), weights * sizeof *g);
            gru_bundle_free(b);
        }
        gru_optimizer_step(one, g, touched, 2, 0.01);
        if (t >= 10)
            gru_optimizer_step(two, g, touched, 2, 0.01);
    }
    gru_optimizer_flush(one);
    gru_optimizer_flush(two);
    cr_expect_eq(memcmp(gru_model_weights(other), gru_model_weights(model), weights * sizeof *g),
                 0);
    gru_optimizer_free(one);
    gru_optimizer_free(two);
    gru_pool_free(pool);
    gru_model_free(model);
    gru_model_free(other);
    free(g);
}

/* Step t: gradients of a few rows, at a rate of its own. */
static void step_rows(lazy *l, int t) {
    gru_random random;
    uint32_t rows[4] = {0}, count;
    gru_row_gradient touched[4];
    gru_random_init(&random, 11, GRU_PURPOSE_TEST, (uint32_t)t);
    count = choose_rows(&random, rows);
    for (uint32_t k = 0; k < count; k++)
        for (size_t u = 0; u < WIDE; u++)
            l->table_g[(size_t)rows[k] * WIDE + u] = (float)gru_random_normal(&random);
    point_to_rows(touched, rows, count, l->table_g, WIDE);
    gru_optimizer_catch_up(l->optimizer, rows, count);
    gru_optimizer_step(l->optimizer, l->g, touched, count, 1e-3 * (1 + t % 5));
}

/* As a checkpoint does it: the average stands in the weights' place meanwhile. */
static void hand_over(lazy *from, lazy *to) {
    gru_error err = {0};
    gru_bundle *b;
    size_t bytes = gru_model_weight_count(from->model) * sizeof(float);
    cr_assert_eq(gru_bundle_new(&b, &err), GRU_OK);
    cr_assert_eq(gru_optimizer_suspend(from->optimizer, b, &err), GRU_OK);
    gru_optimizer_swap(from->optimizer);
    cr_assert_eq(gru_optimizer_save(from->optimizer, b, &err), GRU_OK, "%s", err.message);
    memcpy(gru_model_weights(to->model), gru_model_weights(from->model), bytes);
    cr_assert_eq(gru_optimizer_load(to->optimizer, b, &err), GRU_OK, "%s", err.message);
    gru_optimizer_swap(to->optimizer);
    gru_bundle_free(b);
}

/* A run suspended after step `at`, and one that never was. */
static void check_suspended(const char *words, double average, int at, gru_pool *pool) {
    const char *network = "embedding 37 70; gru 3; dense 1";
    lazy whole, first, second;
    start_lazy(&whole, words, average, network, pool);
    start_lazy(&first, words, average, network, pool);
    start_lazy(&second, words, average, network, pool);
    for (int t = 1; t <= 80; t++) {
        if (t == at + 1)
            hand_over(&first, &second);
        step_rows(&whole, t);
        step_rows(t <= at ? &first : &second, t);
    }
    for (int swaps = 0; swaps < 2; swaps++) {
        gru_optimizer_flush(whole.optimizer);
        gru_optimizer_flush(second.optimizer);
        cr_expect_eq(memcmp(whole.table, second.table, sizeof(float[ROWS * WIDE])), 0,
                     "%s, average %g, suspended after step %d", words, average, at);
        gru_optimizer_swap(whole.optimizer);
        gru_optimizer_swap(second.optimizer);
    }
    end_lazy(&whole);
    end_lazy(&first);
    end_lazy(&second);
}

Test(optimizer, a_suspended_run_goes_on_with_the_same_bits) {
    static const char *const words[] = {"adam",  "adam:style=torch", "adamw:weight-decay=0.1",
                                        "nadam", "rmsprop",          "sgd:momentum=0.9"};
    gru_error err = {0};
    gru_pool *pool;
    cr_assert_eq(gru_pool_new(&pool, 1, &err), GRU_OK);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (int at = 1; at < 80; at += 13)
            for (int average = 0; average < 2; average++)
                check_suspended(words[i], 0.9 * average, at, pool);
    gru_pool_free(pool);
}

Test(optimizer, late_rows_must_fit_the_table) {
    static const int64_t bad[] = {37, -1, INT64_MAX};
    gru_error err = {0};
    gru_pool *pool;
    gru_bundle *b;
    lazy l;
    cr_assert_eq(gru_pool_new(&pool, 1, &err), GRU_OK);
    start_lazy(&l, "adam", 0, "embedding 37 70; gru 3; dense 1", pool);
    for (int t = 1; t <= 5; t++)
        step_rows(&l, t);
    cr_assert_eq(gru_bundle_new(&b, &err), GRU_OK);
    cr_assert_eq(gru_optimizer_suspend(l.optimizer, b, &err), GRU_OK);
    cr_assert_eq(gru_optimizer_save(l.optimizer, b, &err), GRU_OK);
    int64_t *late = (int64_t *)gru_bundle_find(b, "optimizer.late")->data;
    cr_assert_eq(gru_optimizer_load(l.optimizer, b, &err), GRU_OK, "%s", err.message);
    for (int i = 0; i < 6; i++) { /* a row's number, and how far it is behind */
        int64_t was = late[i % 2];
        late[i % 2] = i == 1 ? 0 : bad[i / 2];
        cr_expect_eq(gru_optimizer_load(l.optimizer, b, &err), GRU_ERR_DATA, "%d", i);
        late[i % 2] = was;
    }
    gru_bundle_free(b);
    end_lazy(&l);
    gru_pool_free(pool);
}

/* In a bundle a state has the order of the weights, wherever the optimizer keeps it: Adam's second
 * moment after one step is (1 − β2) g². */
Test(optimizer, saved_states_lie_as_the_weights_do) {
    gru_error err = {0};
    gru_pool *pool;
    gru_bundle *b;
    lazy l;
    const uint32_t rows[2] = {4, 36};
    gru_row_gradient touched[2];
    cr_assert_eq(gru_pool_new(&pool, 1, &err), GRU_OK);
    start_lazy(&l, "adam", 0, "embedding 37 70; gru 3; dense 1", pool);
    size_t weights = gru_model_weight_count(l.model);
    for (size_t i = 0; i < weights; i++)
        l.g[i] = 0.01F * (float)(1 + i % 7);
    point_to_rows(touched, rows, 2, l.table_g, WIDE);
    gru_optimizer_step(l.optimizer, l.g, touched, 2, 0.01);
    gru_optimizer_flush(l.optimizer);
    cr_assert_eq(gru_bundle_new(&b, &err), GRU_OK);
    cr_assert_eq(gru_optimizer_save(l.optimizer, b, &err), GRU_OK, "%s", err.message);
    const gru_tensor *tensor = gru_bundle_find(b, "optimizer.1");
    cr_assert(tensor && tensor->count == weights);
    const float *v = tensor->data;
    for (size_t i = 0, table = (size_t)(l.table_g - l.g); i < weights; i++) {
        size_t row = i < table ? 4 : (i - table) / WIDE;
        double want = row == 4 || row == 36 ? 0.001 * (double)l.g[i] * (double)l.g[i] : 0;
        want = i < table && !(v[i] > 0) ? 0 : want; /* between tensors */
        cr_assert(fabs((double)v[i] - want) <= 1e-10, "%zu: %g, not %g", i, (double)v[i], want);
    }
    gru_bundle_free(b);
    end_lazy(&l);
    gru_pool_free(pool);
}

Test(optimizer, words_and_defaults) {
    gru_error err = {0};
    gru_optimizer_options o;
    cr_assert_eq(gru_optimizer_parse(&o, "adam", &err), GRU_OK);
    cr_expect(fabs(o.lr - 1e-3) < 1e-15 && fabs(o.epsilon - 1e-7) < 1e-15 && !o.torch);
    cr_assert_eq(gru_optimizer_parse(&o, "adam:style=torch,lr=0.5", &err), GRU_OK);
    cr_expect(fabs(o.lr - 0.5) < 1e-15 && fabs(o.epsilon - 1e-8) < 1e-15 && o.torch);
    cr_assert_eq(gru_optimizer_parse(&o, "adamw", &err), GRU_OK);
    cr_expect(fabs(o.weight_decay - 0.004) < 1e-15);
    cr_assert_eq(gru_optimizer_parse(&o, "sgd:momentum=0.9,nesterov", &err), GRU_OK);
    cr_expect(o.nesterov && fabs(o.lr - 0.01) < 1e-15);
    static const char *const bad[] = {"",           "adamx",         "adam:nesterov", "adam:lr=x",
                                      "adam:lr=-1", "adam:style=tf", "sgd:beta1=0.9", "adam:lr"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err = (gru_error){0};
        cr_expect_eq(gru_optimizer_parse(&o, bad[i], &err), GRU_ERR_USAGE, "%s", bad[i]);
        cr_expect(err.message[0]);
    }
}

/* ---- schedules and stopping ---- */

Test(schedule, factors) {
    gru_error err = {0};
    gru_schedule s = {0};
    cr_assert_eq(gru_schedule_parse(&s, GRU_SCHEDULE_STEP, "drop=0.1,every=10", &err), GRU_OK);
    cr_expect(fabs(gru_schedule_factor(&s, 9, 3, 4, 50, 39) - 1) < 1e-12);
    cr_expect(fabs(gru_schedule_factor(&s, 10, 0, 4, 50, 40) - 0.1) < 1e-12);
    cr_expect(fabs(gru_schedule_factor(&s, 29, 0, 4, 50, 116) - 0.01) < 1e-12);
    cr_assert_eq(gru_schedule_parse(&s, GRU_SCHEDULE_COSINE, "end=0.2", &err), GRU_OK);
    cr_expect(fabs(gru_schedule_factor(&s, 0, 0, 4, 10, 0) - 1) < 1e-12);
    cr_expect(fabs(gru_schedule_factor(&s, 5, 0, 4, 10, 20) - 0.6) < 1e-12);
    cr_expect(fabs(gru_schedule_factor(&s, 10, 0, 4, 10, 40) - 0.2) < 1e-12);
    gru_schedule warm = {.warmup = 4};
    cr_expect(fabs(gru_schedule_factor(&warm, 0, 0, 4, 10, 0) - 0.25) < 1e-12);
    cr_expect(fabs(gru_schedule_factor(&warm, 1, 0, 4, 10, 4) - 1) < 1e-12);
}

/* As keras.callbacks.ReduceLROnPlateau(factor=.5, patience=2, cooldown=1, min_delta=0, min_lr=.2)
 * gives from a rate of 1. */
Test(schedule, plateau_is_that_of_keras) {
    gru_error err = {0};
    gru_plateau p;
    cr_assert_eq(
        gru_plateau_parse(&p, "factor=0.5,patience=2,cooldown=1,min-delta=0,min-lr=0.2", &err),
        GRU_OK);
    const double values[] = {1, 1, 1, 1, 1, 1, 1, 0.5, 1, 1, 1, 1};
    const double rates[] = {1, 1, .5, .5, .25, .25, .2, .2, .2, .2, .2, .2};
    for (int i = 0; i < 12; i++) {
        gru_plateau_end_epoch(&p, values[i], false, p.scale);
        cr_expect(fabs(p.scale - rates[i]) < 1e-12, "epoch %d: %g", i + 1, p.scale);
    }
}

Test(stopping, patience_and_best) {
    gru_error err = {0};
    gru_stopping s;
    bool improved, stop;
    cr_assert_eq(gru_stopping_parse(&s, "patience=2,min-delta=0.1,restore-best", &err), GRU_OK);
    const double values[] = {NAN, 1, 0.95, 0.8, 0.75, NAN};
    const bool better[] = {false, true, false, true, false, false};
    for (size_t i = 0; i < 6; i++) {
        gru_stopping_end_epoch(&s, i + 1, values[i], false, &improved, &stop);
        cr_expect_eq(improved, better[i], "epoch %zu", i + 1);
        cr_expect_eq(stop, i == 5, "epoch %zu", i + 1);
    }
    cr_expect_eq(s.best_epoch, 4);
    cr_assert_eq(gru_stopping_parse(&s, "patience=1,start=3", &err), GRU_OK);
    gru_stopping_end_epoch(&s, 3, 1, true, &improved, &stop);
    cr_expect(!improved && !stop && !s.has_best);
}

/* ---- order ---- */

Test(dataset, an_epoch_is_a_permutation_of_its_own) {
    uint32_t a[100], b[100], again[100];
    int seen[100] = {0}, same = 0;
    gru_order_shuffle(a, 100, 42, 0);
    gru_order_shuffle(b, 100, 42, 1);
    gru_order_shuffle(again, 100, 42, 0);
    for (int i = 0; i < 100; i++) {
        seen[a[i]]++;
        same += a[i] == b[i];
        cr_expect_eq(a[i], again[i]);
    }
    for (int i = 0; i < 100; i++)
        cr_expect_eq(seen[i], 1);
    cr_expect_lt(same, 20);
}

Test(weigh, seconds) {
    gru_error err = {0};
    double seconds;
    cr_assert_eq(gru_seconds_parse("--max-time", "30m", &seconds, &err), GRU_OK);
    cr_expect(fabs(seconds - 1800) < 1e-9);
    cr_assert_eq(gru_seconds_parse("--max-time", "1.5", &seconds, &err), GRU_OK);
    cr_expect(fabs(seconds - 1.5) < 1e-9);
    cr_expect_eq(gru_seconds_parse("--max-time", "m", &seconds, &err), GRU_ERR_USAGE);
    cr_expect_eq(gru_seconds_parse("--max-time", "", &seconds, &err), GRU_ERR_USAGE);
}
