/* The profile: time that adds up, work counted by hand, and the table. */
#include "nn/profile.h"
#include "nn/runner.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MUST(e, call) cr_assert_eq(call, GRU_OK, "%s", (e)->message)

static void rest(void *arg, size_t task, size_t worker) {
    const struct timespec nap = {.tv_nsec = 5000000};
    (void)task;
    gru_watch_enter(gru_pool_watch(arg, worker), 2);
    nanosleep(&nap, NULL);
}

/* Three naps of 5 ms on two threads, then one nap for which the other thread waits. */
Test(profile, places_add_up_to_the_time) {
    gru_error err = {0};
    gru_pool *pool;
    gru_profile *p;
    MUST(&err, gru_pool_new(&pool, 2, &err));
    MUST(&err, gru_profile_new(&p, 2, 3, &err));
    gru_watch_enter(gru_pool_watch(pool, 0), 1); /* nobody looks yet */
    gru_pool_set_profile(pool, p);
    cr_assert_null(gru_pool_watch(pool, 0));
    gru_profile_start(p, 1);
    gru_watch_work(gru_pool_watch(pool, 0), 1, 7);
    gru_pool_run(pool, 3, rest, pool);
    gru_pool_run(pool, 1, rest, pool);
    cr_assert_eq(gru_watch_place(gru_pool_watch(pool, 0)), 1);
    gru_profile_stop(p);
    double total = gru_profile_total(p), sum = 0;
    for (size_t place = 0; place < 3; place++)
        sum += gru_profile_seconds(p, place);
    cr_assert(fabs(sum - total) <= 1e-3 * total, "%g of %g s", sum, total);
    cr_assert(gru_profile_seconds(p, 2) >= 0.0099, "%g s", gru_profile_seconds(p, 2));
    cr_assert(gru_profile_seconds(p, GRU_PLACE_WAIT) >= 0.0024);
    cr_assert_eq(gru_profile_work(p, 1), 7);
    gru_pool_free(pool);
    gru_profile_free(p);
}

enum { ROWS = 21, STEPS = 7, FEATURES = 3 };

static void run_batch(gru_model *model, gru_pool *pool, gru_error *err) {
    static float data[ROWS][STEPS * FEATURES + 1];
    const unsigned char *records[ROWS];
    gru_record_spec spec = {0};
    gru_runner *runner;
    gru_loss loss;
    gru_figures figures;
    gru_record_set(&spec, GRU_X, 'f', 2, STEPS, FEATURES, 0);
    gru_record_set(&spec, GRU_Y, 'f', 1, 1, 0, 0);
    MUST(err, gru_record_layout(&spec, err));
    MUST(err, gru_loss_parse(&loss, "mse", err));
    for (size_t i = 0; i < ROWS; i++)
        records[i] = (const unsigned char *)data[i];
    const gru_runner_options options = {
        .batch = ROWS, .steps = STEPS, .training = true, .loss = &loss};
    MUST(err, gru_runner_new(&runner, model, pool, &options, err));
    const gru_batch batch = {ROWS, records, &spec, 0, 0};
    gru_profile *p = gru_pool_profile(pool);
    gru_profile_start(p, GRU_PLACE_OTHER);
    gru_watch_work(gru_pool_watch(pool, 0), GRU_PLACE_DATA, 1);
    MUST(err, gru_runner_train(runner, &batch, &figures, err));
    gru_profile_stop(p);
    gru_runner_free(runner);
}

/* 2 operations a weight, row and step; no gradient goes down to the data. */
Test(profile, counts_the_products) {
    static const double expected[2][GRU_PARTS] = {{2 * 12 * (3 + 4) * STEPS * ROWS,
                                                   2 * 12 * 4 * STEPS * ROWS,
                                                   2 * 12 * (3 + 4) * STEPS * ROWS},
                                                  {2 * 4 * ROWS, 2 * 4 * ROWS, 2 * 4 * ROWS}};
    gru_error err = {0};
    gru_arch *arch;
    gru_model *model;
    gru_pool *pool;
    gru_profile *p;
    gru_str text = {0};
    const gru_input_shape shape = {.features = FEATURES, .steps = STEPS};
    MUST(&err, gru_arch_parse(&arch, "gru 4; dense 1", "test", &err));
    MUST(&err, gru_model_new(&model, arch, &shape, false, &err));
    MUST(&err, gru_model_initialise(model, 1, &err));
    MUST(&err, gru_pool_new(&pool, 2, &err));
    MUST(&err, gru_profile_new(&p, 2, gru_profile_places(model), &err));
    gru_pool_set_profile(pool, p);
    run_batch(model, pool, &err);
    for (size_t layer = 0; layer < 2; layer++)
        for (gru_part part = 0; part < GRU_PARTS; part++) {
            size_t place = gru_place_of_layer(layer, part);
            cr_expect_eq(gru_profile_work(p, place), expected[layer][part]);
            cr_expect(gru_profile_seconds(p, place) > 0);
        }
    gru_profile_report(p, model, 1e9, &text);
    cr_assert(strstr(text.data, "\ngru 4 "), "%s", text.data);
    cr_assert(strstr(text.data, "\nwaiting "), "%s", text.data);
    cr_assert(strstr(text.data, "\n1 batches at "), "%s", text.data);
    gru_str_free(&text);
    gru_pool_free(pool);
    gru_profile_free(p);
    gru_model_free(model);
}

Test(profile, measures_a_peak) {
    gru_error err = {0};
    gru_pool *pool;
    double peak = 0;
    MUST(&err, gru_pool_new(&pool, 2, &err));
    MUST(&err, gru_profile_peak(pool, &peak, &err));
    cr_assert(peak > 1e8 && isfinite(peak), "%g", peak);
    gru_pool_free(pool);
}
