/* Repeated tokens: whether their products are computed where they stand, once a slice, or kept from
 * batch to batch changes no bit of an answer. */
#include "nn/model.h"
#include "nn/runner.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VOCABULARY = 1300, STEPS = 30, ROWS = 40, OUTPUTS = 8 };

/* How many tokens of a slice are new: nearly all; so many that only backward they are worth adding
 * up; half of them, more than are multiplied at once; few. */
typedef enum kind { DIFFERENT, MIXED, HALVED, REPEATED, KINDS } kind;

typedef struct record {
    int32_t ids[STEPS];
    float y;
} record;

typedef struct samples {
    record rows[ROWS];
    const unsigned char *records[ROWS];
    gru_record_spec spec;
} samples;

static int32_t token_of(kind k, int32_t row, int32_t step) {
    int32_t number = row * STEPS + step;
    if (row == 0 || k == REPEATED)
        return (step + row) % STEPS * ((step + row) % STEPS) * 7 % 60;
    return 60 + (k == MIXED ? number % 400 : k == HALVED ? number % 210 : number);
}

/* Row 0 is the one looked at. */
static void make_samples(samples *s, kind k) {
    gru_error err = {0};
    *s = (samples){0};
    gru_record_set(&s->spec, GRU_X, 'i', 1, STEPS, 0, 0);
    gru_record_set(&s->spec, GRU_Y, 'f', 0, 0, 0, 0);
    cr_assert_eq(gru_record_layout(&s->spec, &err), GRU_OK);
    cr_assert_eq(s->spec.bytes, sizeof(record));
    for (int32_t r = 0; r < ROWS; r++) {
        for (int32_t t = 0; t < STEPS; t++)
            s->rows[r].ids[t] = token_of(k, r, t);
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
    for (kind k = DIFFERENT; k < KINDS; k++) {
        samples s;
        gru_figures trained, kept;
        make_samples(&s, k);
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
    compare_losses("embedding 1300 40; gru 21; dense 1");
    compare_losses("embedding 1300 33 mask; gru 8 reset=before bidirectional; dense 1 sigmoid");
    compare_losses("embedding 1300 64 mask; lstm 16 layer-norm; dense 1");
    compare_losses("embedding 1300 40; rnn 7 no-bias sequences; gru 5; dense 1");
}

/* All gradients of a batch in the order of the weights; free it. */
static float *gradients(const char *text, kind k, size_t *count) {
    gru_error err = {0};
    gru_loss loss;
    gru_figures figures;
    gru_pool *pool;
    samples s;
    size_t rows;
    gru_model *model = make_model(text);
    make_samples(&s, k);
    cr_assert_eq(gru_loss_parse(&loss, "mse", &err), GRU_OK);
    cr_assert_eq(gru_pool_new(&pool, 2, &err), GRU_OK);
    gru_runner *runner = make_runner(model, pool, &loss);
    const gru_batch batch = {.rows = ROWS, .records = s.records, .spec = &s.spec};
    cr_assert_eq(gru_runner_train(runner, &batch, &figures, &err), GRU_OK, "%s", err.message);
    const gru_param *table = gru_model_param(model, 0);
    size_t width = table->shape[1];
    cr_assert(table->sparse);
    *count = gru_model_weight_count(model);
    float *all = calloc(*count, sizeof *all);
    cr_assert(all);
    memcpy(all, gru_runner_gradients(runner), table->offset * sizeof *all);
    const gru_row_gradient *touched = gru_runner_touched(runner, &rows);
    for (size_t i = 0; i < rows; i++)
        memcpy(all + table->offset + touched[i].row * width, touched[i].gradient,
               width * sizeof *all);
    gru_runner_free(runner);
    gru_pool_free(pool);
    gru_model_free(model);
    return all;
}

/* A layer that changes nothing keeps the other from the embedding's rows: it then works on steps.
 */
static void compare_gradients(const char *embedding, const char *rest) {
    char text[2][100];
    snprintf(text[0], sizeof text[0], "%s; %s", embedding, rest);
    snprintf(text[1], sizeof text[1], "%s; dropout 0; %s", embedding, rest);
    for (kind k = DIFFERENT; k < KINDS; k++) {
        size_t count, plain_count;
        float *tokens = gradients(text[0], k, &count), most = 0;
        float *plain = gradients(text[1], k, &plain_count);
        cr_assert_eq(count, plain_count);
        for (size_t i = 0; i < count; i++)
            most = fmaxf(most, fabsf(plain[i]));
        cr_assert(most > 0);
        for (size_t i = 0; i < count; i++)
            cr_assert(fabsf(tokens[i] - plain[i]) <= 2e-6f * most, "%s, %d: %.9g and %.9g", text[0],
                      (int)k, (double)tokens[i], (double)plain[i]);
        free(tokens);
        free(plain);
    }
}

Test(tokens, gradients_are_those_of_single_steps) {
    compare_gradients("embedding 1300 128", "gru 40; dense 1");
    compare_gradients("embedding 1300 100 mask", "gru 50 reset=before bidirectional; dense 1");
    compare_gradients("embedding 1300 90", "lstm 33 bidirectional=sum sequences; gru 5; dense 1");
    compare_gradients("embedding 1300 130 mask", "rnn 101 no-bias; dense 1");
}

Test(tokens, kept_products_depend_on_the_weights_alone) {
    gru_error err = {0};
    gru_pool *pool;
    gru_model *model = make_model("embedding 1300 40; gru 21 bidirectional; dense 8");
    samples different, repeated;
    float fresh[OUTPUTS], later[OUTPUTS], moved[OUTPUTS];
    make_samples(&different, DIFFERENT);
    make_samples(&repeated, REPEATED);
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
