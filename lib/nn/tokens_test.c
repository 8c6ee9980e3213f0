/* Repeated tokens: a row's answers are the same bits whether or not its tokens recur in its slice.
 */
#include "nn/model.h"
#include "nn/runner.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { VOCABULARY = 700, STEPS = 30, ROWS = 16 };

typedef struct samples {
    int32_t ids[ROWS][STEPS];
    const unsigned char *records[ROWS];
    gru_record_spec spec;
} samples;

/* Row 0 is the one looked at; the others repeat its tokens, or all hold different ones. */
static void make_samples(samples *s, bool repeat) {
    gru_error err = {0};
    *s = (samples){0};
    gru_record_set(&s->spec, GRU_X, 'i', 1, STEPS, 0, 0);
    cr_assert_eq(gru_record_layout(&s->spec, &err), GRU_OK);
    for (int32_t r = 0; r < ROWS; r++) {
        for (int32_t t = 0; t < STEPS; t++) {
            s->ids[r][t] = r == 0   ? (t * t * 7) % 60
                           : repeat ? s->ids[0][(t + r) % STEPS]
                                    : 60 + r * STEPS + t;
        }
        s->records[r] = (const unsigned char *)s->ids[r];
    }
}

static void answers(float *out, gru_model *model, const samples *s, size_t threads) {
    gru_error err = {0};
    gru_runner *runner;
    gru_pool *pool;
    const gru_runner_options options = {.batch = ROWS, .steps = STEPS};
    const gru_batch batch = {.rows = ROWS, .records = s->records, .spec = &s->spec};
    cr_assert_eq(gru_pool_new(&pool, threads, &err), GRU_OK);
    cr_assert_eq(gru_runner_new(&runner, model, pool, &options, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_runner_predict(runner, &batch, &err), GRU_OK, "%s", err.message);
    memcpy(out, gru_runner_outputs(runner), gru_model_outputs(model) * sizeof *out);
    gru_runner_free(runner);
    gru_pool_free(pool);
}

static void compare(const char *text) {
    gru_error err = {0};
    gru_arch *arch;
    gru_model *model;
    const gru_input_shape shape = {.tokens = true, .steps = STEPS};
    float alone[8], among[8];
    samples s;
    cr_assert_eq(gru_arch_parse(&arch, text, "test", &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_model_new(&model, arch, &shape, false, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_model_initialise(model, 1, &err), GRU_OK);
    size_t width = gru_model_outputs(model);
    cr_assert_leq(width, 8);
    make_samples(&s, false);
    answers(alone, model, &s, 1);
    make_samples(&s, true);
    answers(among, model, &s, 2);
    for (size_t i = 0; i < width; i++) {
        cr_expect_eq(memcmp(&alone[i], &among[i], sizeof(float)), 0, "%s: %.9g and %.9g", text,
                     (double)alone[i], (double)among[i]);
    }
    gru_model_free(model);
}

Test(tokens, recurring_tokens_change_no_bit) {
    compare("embedding 700 40; gru 21; dense 3");
    compare("embedding 700 33 mask; gru 8 reset=before bidirectional; dense 2 sigmoid");
    compare("embedding 700 64 mask; lstm 16 layer-norm; dense 8");
    compare("embedding 700 40; rnn 7 no-bias sequences; gru 5; dense 1");
}
