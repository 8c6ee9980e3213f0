/* A runner for single rows keeps the products of tokens: what it answers must not tell. */
#include "nn/runner.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

typedef struct network {
    gru_model *model;
    gru_pool *pool;
    gru_record_spec spec;
    unsigned char *record;
} network;

static void open_network(network *n, const char *text, size_t steps) {
    gru_arch *arch;
    gru_error err;
    gru_input_shape input = {.tokens = true, .steps = steps};
    *n = (network){0};
    cr_assert_eq(gru_arch_parse(&arch, text, "a", &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_model_new(&n->model, arch, &input, false, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_model_initialise(n->model, 3, &err), GRU_OK);
    cr_assert_eq(gru_pool_new(&n->pool, 2, &err), GRU_OK);
    gru_record_set(&n->spec, GRU_X, 'i', 1, steps, 0, 0);
    gru_record_set(&n->spec, GRU_LEN, 'i', 0, 0, 0, 0);
    cr_assert_eq(gru_record_layout(&n->spec, &err), GRU_OK);
    n->record = calloc(1, n->spec.bytes);
    cr_assert(n->record);
}

static void close_network(network *n) {
    gru_pool_free(n->pool);
    gru_model_free(n->model);
    free(n->record);
}

static gru_runner *open_runner(const network *n) {
    gru_runner *r;
    gru_error err;
    gru_runner_options options = {.batch = 1, .steps = n->spec.slot[GRU_X].shape[0]};
    cr_assert_eq(gru_runner_new(&r, n->model, n->pool, &options, &err), GRU_OK);
    return r;
}

/* The answer to tokens first, first + by, …, of which `len` count. */
static void answer(const network *n, gru_runner *r, int32_t first, int32_t by, int32_t len,
                   gru_real out[3]) {
    gru_error err;
    int32_t *ids = (int32_t *)(void *)(n->record + n->spec.slot[GRU_X].offset);
    const unsigned char *records[] = {n->record};
    gru_batch batch = {.rows = 1, .records = records, .spec = &n->spec};
    for (size_t t = 0; t < n->spec.slot[GRU_X].shape[0]; t++)
        ids[t] = first + (int32_t)t * by;
    memcpy(n->record + n->spec.slot[GRU_LEN].offset, &len, sizeof len);
    cr_assert_eq(gru_runner_predict(r, &batch, &err), GRU_OK, "%s", err.message);
    memcpy(out, gru_runner_outputs(r), gru_model_outputs(n->model) * sizeof *out);
}

static void expect_as_new(const network *n, gru_runner *r, int32_t first, int32_t by, int32_t len) {
    gru_real have[3] = {0}, want[3] = {0};
    gru_runner *fresh = open_runner(n);
    answer(n, fresh, first, by, len, want);
    answer(n, r, first, by, len, have);
    cr_expect_eq(memcmp(have, want, sizeof have), 0, "tokens from %d: %.9g, a new runner says %.9g",
                 (int)first, (double)have[0], (double)want[0]);
    gru_runner_free(fresh);
}

Test(single, answers_do_not_depend_on_what_came_before) {
    static const char *const texts[] = {
        "embedding 60 9; gru 20; dense 3", "embedding 60 9; dropout 0.5; lstm 5; dense 3",
        "embedding 60 9 mask; gru 17 bidirectional reset=before; rnn 4; dense 3"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        network n;
        open_network(&n, texts[i], 7);
        gru_runner *r = open_runner(&n);
        for (int32_t first = 0; first < 30; first++)
            expect_as_new(&n, r, first * 7 % 30, first % 5, 7 - first % 3);
        gru_runner_free(r);
        close_network(&n);
    }
}

/* 120 × 64 × 192 products a way are worth a second thread. */
Test(single, two_threads_answer_as_one) {
    network n;
    open_network(&n, "embedding 500 9; gru 64 bidirectional; dense 3", 120);
    gru_pool *two = n.pool, *one;
    gru_error err;
    cr_assert_eq(gru_pool_new(&one, 1, &err), GRU_OK);
    gru_runner *r = open_runner(&n);
    n.pool = one; /* what it is compared with */
    for (int32_t first = 0; first < 100; first++)
        expect_as_new(&n, r, first, 3, 120 - first % 2);
    gru_runner_free(r);
    gru_pool_free(two);
    close_network(&n);
}

Test(single, new_weights_are_seen) {
    network n;
    open_network(&n, "embedding 60 9; gru 20; dense 3", 7);
    gru_runner *r = open_runner(&n);
    gru_real before[3], after[3];
    answer(&n, r, 5, 1, 7, before);
    const gru_param *table = gru_model_find(n.model, "0.embeddings");
    cr_assert(table);
    for (size_t i = 0; i < table->count; i++)
        gru_model_weights(n.model)[table->offset + i] *= 2;
    gru_runner_refresh(r);
    answer(&n, r, 5, 1, 7, after);
    cr_expect_neq(memcmp(before, after, sizeof before), 0);
    expect_as_new(&n, r, 5, 1, 7);
    gru_runner_free(r);
    close_network(&n);
}

/* 32 MiB hold 2730 products of 3 × 1024 numbers; the others' places are written again. */
Test(single, more_tokens_than_are_kept) {
    network n;
    open_network(&n, "embedding 3100 1; gru 1024; dense 3", 3000);
    gru_runner *r = open_runner(&n);
    expect_as_new(&n, r, 0, 1, 2);
    expect_as_new(&n, r, 3099, -1, 2);
    expect_as_new(&n, r, 2735, 0, 2);
    gru_runner_free(r);
    close_network(&n);
}
