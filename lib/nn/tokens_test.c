/* Repeated tokens: whether their products are computed where they stand, once a slice, or kept from
 * batch to batch changes no bit of an answer. */
#include "nn/model.h"
#include "nn/runner.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { VOCABULARY = 700, STEPS = 30, ROWS = 16, OUTPUTS = 8 };

typedef struct record {
    int32_t ids[STEPS];
    float y;
} record;

typedef struct samples {
    record rows[ROWS];
    const unsigned char *records[ROWS];
    gru_record_spec spec;
} samples;

/* Row 0 is the one looked at; the others repeat its tokens, or all hold different ones. */
static void make_samples(samples *s, bool repeat) {
    gru_error err = {0};
    *s = (samples){0};
    gru_record_set(&s->spec, GRU_X, 'i', 1, STEPS, 0, 0);
    gru_record_set(&s->spec, GRU_Y, 'f', 0, 0, 0, 0);
    cr_assert_eq(gru_record_layout(&s->spec, &err), GRU_OK);
    cr_assert_eq(s->spec.bytes, sizeof(record));
    for (int32_t r = 0; r < ROWS; r++) {
        for (int32_t t = 0; t < STEPS; t++) {
            s->rows[r].ids[t] = r == 0   ? (t * t * 7) % 60
                                : repeat ? s->rows[0].ids[(t + r) % STEPS]
                                         : 60 + r * STEPS + t;
        }
        s->rows[r].y = (float)r;
        s->records[r] = (const unsigned char *)&s->rows[r];
    }
}

static gru_model *make_model(const char *text) {
    gru_error err = {0};
    gru_arch *arch;
    gru_model *model;
    const gru_input_shape shape = {.tokens = true, .steps = STEPS};
    cr_assert_eq(gru_arch_parse(&arch, text, "test", &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_model_new(&model, arch, &shape, false, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_model_initialise(model, 1, &err), GRU_OK);
    return model;
}

static gru_runner *make_runner(gru_model *model, gru_pool *pool, const gru_loss *loss) {
    gru_error err = {0};
    gru_runner *runner;
    const gru_runner_options options = {
        .batch = ROWS, .steps = STEPS, .training = loss, .loss = loss};
    cr_assert_eq(gru_runner_new(&runner, model, pool, &options, &err), GRU_OK, "%s", err.message);
    return runner;
}

static void answer(gru_runner *runner, const samples *s, float out[OUTPUTS]) {
    gru_error err = {0};
    const gru_batch batch = {.rows = ROWS, .records = s->records, .spec = &s->spec};
    cr_assert_eq(gru_runner_predict(runner, &batch, &err), GRU_OK, "%s", err.message);
    memcpy(out, gru_runner_outputs(runner), OUTPUTS * sizeof *out);
}

static void expect_same(const float *a, const float *b, const char *what) {
    for (size_t i = 0; i < OUTPUTS; i++) {
        cr_expect_eq(memcmp(&a[i], &b[i], sizeof *a), 0, "%s: %.9g and %.9g", what, (double)a[i],
                     (double)b[i]);
    }
}

/* Training computes different tokens where they stand and repeated ones once a slice; evaluation
 * keeps products. */
static void compare_losses(const char *text) {
    gru_error err = {0};
    gru_loss loss;
    gru_pool *pool;
    gru_model *model = make_model(text);
    cr_assert_eq(gru_loss_parse(&loss, "mse", &err), GRU_OK);
    cr_assert_eq(gru_pool_new(&pool, 2, &err), GRU_OK);
    gru_runner *runner = make_runner(model, pool, &loss);
    for (int repeat = 0; repeat < 2; repeat++) {
        samples s;
        gru_figures trained, kept;
        make_samples(&s, repeat);
        const gru_batch batch = {.rows = ROWS, .records = s.records, .spec = &s.spec};
        cr_assert_eq(gru_runner_train(runner, &batch, &trained, &err), GRU_OK, "%s", err.message);
        cr_assert_eq(gru_runner_evaluate(runner, &batch, &kept, &err), GRU_OK, "%s", err.message);
        cr_expect_eq(memcmp(&trained.loss, &kept.loss, sizeof kept.loss), 0, "%s: %.17g and %.17g",
                     text, trained.loss, kept.loss);
    }
    gru_runner_free(runner);
    gru_pool_free(pool);
    gru_model_free(model);
}

Test(tokens, every_road_gives_the_same_bits) {
    compare_losses("embedding 700 40; gru 21; dense 1");
    compare_losses("embedding 700 33 mask; gru 8 reset=before bidirectional; dense 1 sigmoid");
    compare_losses("embedding 700 64 mask; lstm 16 layer-norm; dense 1");
    compare_losses("embedding 700 40; rnn 7 no-bias sequences; gru 5; dense 1");
}

Test(tokens, kept_products_depend_on_the_weights_alone) {
    gru_error err = {0};
    gru_pool *pool;
    gru_model *model = make_model("embedding 700 40; gru 21 bidirectional; dense 8");
    samples different, repeated;
    float fresh[OUTPUTS], later[OUTPUTS], moved[OUTPUTS];
    make_samples(&different, false);
    make_samples(&repeated, true);
    cr_assert_eq(gru_pool_new(&pool, 2, &err), GRU_OK);
    gru_runner *one = make_runner(model, pool, NULL), *two = make_runner(model, pool, NULL);
    answer(one, &repeated, fresh);
    answer(two, &different, later);
    expect_same(fresh, later, "another batch");
    answer(one, &different, later);
    expect_same(fresh, later, "after another batch");
    for (size_t i = 0; i < 40; i++) /* the row of token 7, which the first row holds */
        gru_model_weights(model)[7 * 40 + i] += 1;
    gru_runner_refresh(one);
    answer(one, &repeated, later);
    cr_expect_neq(memcmp(fresh, later, sizeof fresh), 0, "old products after new weights");
    gru_runner_refresh(two);
    answer(two, &different, moved);
    expect_same(later, moved, "new weights");
    gru_runner_free(one);
    gru_runner_free(two);
    gru_pool_free(pool);
    gru_model_free(model);
}
