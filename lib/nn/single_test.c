/* A runner for single rows keeps the products of tokens, and may have a second thread: what it
 * answers must not tell. */
#include "nn/runner_private.h"
#include "nn/single_private.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct network {
    gru_model *model;
    gru_pool *pool;
    gru_record_spec spec;
    unsigned char *record;
} network;

enum { FEATURES = 5 };

/* Of tokens, if it begins with an embedding; else of numbers. */
static void open_network(network *n, const char *text, size_t steps) {
    gru_arch *arch;
    gru_error err;
    bool tokens = !strncmp(text, "embedding", 9);
    gru_input_shape input = {.tokens = tokens, .features = tokens ? 0 : FEATURES, .steps = steps};
    *n = (network){0};
    cr_assert_eq(gru_arch_parse(&arch, text, "a", &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_model_new(&n->model, arch, &input, false, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_model_initialise(n->model, 3, &err), GRU_OK);
    cr_assert_eq(gru_pool_new(&n->pool, 2, &err), GRU_OK);
    gru_record_set(&n->spec, GRU_X, tokens ? 'i' : 'f', tokens ? 1 : 2, steps, FEATURES, 0);
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

/* Tokens, or else numbers of every size below 1 that differ by the tokens' numbers. */
static void fill(const network *n, int32_t first, int32_t by) {
    unsigned char *x = n->record + n->spec.slot[GRU_X].offset;
    size_t features = n->spec.slot[GRU_X].dims == 2 ? FEATURES : 1;
    for (size_t i = 0; i < n->spec.slot[GRU_X].shape[0] * features; i++) {
        int32_t id = first + (int32_t)(i / features) * by;
        float number = (float)((id * 37 + (int32_t)(i % features) * 11) % 100 - 50) / 50;
        if (features > 1)
            memcpy(x + i * sizeof number, &number, sizeof number);
        else
            memcpy(x + i * sizeof id, &id, sizeof id);
    }
}

/* The answer to tokens first, first + by, …, of which `len` count. */
static void answer(const network *n, gru_runner *r, int32_t first, int32_t by, int32_t len,
                   gru_real out[3]) {
    gru_error err;
    const unsigned char *records[] = {n->record};
    gru_batch batch = {.rows = 1, .records = records, .spec = &n->spec};
    fill(n, first, by);
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

/* Networks that are worth two threads, and the layers between which these part. */
static const struct shared {
    const char *text;
    size_t parting, end;
} shared[] = {
    {"embedding 300 9; gru 100; gru 70; dense 3", 2, 3},
    {"gru 100; dropout 0.2; gru 50; dropout 0.2; dense 3", 1, 4},
    {"gru 128; gru 64; gru 32; dense 3 softmax", 1, 3},
    {"lstm 72; lstm 40 learned-state; rnn 19; attention 7; dense 3", 1, 4},
    {"rnn 130; gru 33 reset=before; gru 20 bidirectional; dense 3", 1, 2},
    {"gru 80 reset=before; attention 64; dense 3", 1, 2},
    {"gru 50; dropout 0.2; gru 50; dense 3", 1, 3},
    {"gru 100; gru 100; dense 3", 2, 2},
    {"embedding 300 9 mask; gru 80 learned-state; gru 20 learned-state; dense 3", 2, 3},
    {"embedding 300 9 mask; gru 64 learned-state; dropout 0.5; rnn 20; gru 128; dense 3", 5, 5},
    {"embedding 300 9 mask; gru 80 reset=before; gru 68 reset=before; dense 3", 2, 3},
    {"embedding 300 9 mask; lstm 64 learned-state; lstm 64; lstm 20; dense 3", 3, 4},
    {"embedding 300 9; lstm 64; lstm 50 learned-state; lstm 20; dense 3", 2, 4},
    {"embedding 300 9; gru 100 reset=before; gru 100 reset=before; dense 3", 3, 3},
    {"embedding 300 9; rnn 128; attention 7; dense 3", 2, 2}};

/* A runner whose second thread always comes. */
static gru_runner *open_shared(const network *n, const struct shared *want) {
    gru_runner *r = open_runner(n);
    cr_assert(r->single && r->single->duet, "a layer is worth two threads");
    cr_expect_eq(r->single->share.parting, want->parting, "%s", want->text);
    cr_expect_eq(r->single->share.end, want->end, "%s", want->text);
    gru_duet_insist(r->single->duet);
    return r;
}

/* What it says is compared with one thread's. */
static void expect_as_alone(network *n, gru_runner *r, int32_t first, int32_t len) {
    gru_pool *two = n->pool, *one;
    gru_error err;
    cr_assert_eq(gru_pool_new(&one, 1, &err), GRU_OK);
    n->pool = one;
    expect_as_new(n, r, first, 3, len);
    n->pool = two;
    gru_pool_free(one);
}

static void test_shared(const char *isa) {
    cr_assert_eq(setenv("GRU_ISA", isa, 1), 0);
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        network n;
        open_network(&n, shared[i].text, 43);
        gru_runner *r = open_shared(&n, &shared[i]);
        for (int32_t first = 0; first < 20; first++)
            expect_as_alone(&n, r, first, 43 - first % 4);
        cr_assert_eq(gru_duet_count(r->single->duet).together, 20, "%s", shared[i].text);
        gru_runner_free(r);
        close_network(&n);
    }
}

/* Left by its follower at each beat, or leaving it, in every layer. */
static void test_left(const char *isa) {
    cr_assert_eq(setenv("GRU_ISA", isa, 1), 0);
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        network n;
        open_network(&n, shared[i].text, 5);
        gru_runner *r = open_shared(&n, &shared[i]);
        for (uint32_t beat = 1; beat < 24; beat++) {
            gru_duet_side side = beat % 3 ? GRU_LEADER : GRU_FOLLOWER;
            gru_duet_settle(r->single->duet);
            gru_duet_deafen(r->single->duet, side, beat);
            expect_as_alone(&n, r, (int32_t)beat, 5 - (int32_t)beat % 2);
            gru_duet_settle(r->single->duet);
            gru_duet_deafen(r->single->duet, side, 0);
        }
        cr_assert_geq(gru_duet_count(r->single->duet).given_up, 3, "%s", shared[i].text);
        gru_runner_free(r);
        close_network(&n);
    }
}

static void on_every_isa(void (*test)(const char *)) {
    gru_isa best;
    gru_error err;
    unsetenv("GRU_ISA");
    cr_assert_eq(gru_cpu_isa(&best, &err), GRU_OK);
    for (gru_isa isa = GRU_ISA_GENERIC; isa <= best; isa++)
        test(gru_cpu_isa_name(isa));
    unsetenv("GRU_ISA");
}

Test(single, two_threads_in_step_answer_as_one) {
    on_every_isa(test_shared);
}

Test(single, a_thread_that_is_left_answers_as_one) {
    on_every_isa(test_left);
}

static void hold_worker(void *arg, size_t task, size_t worker) {
    (void)task;
    (void)worker;
    while (atomic_load((atomic_bool *)arg)) {
    }
}

Test(single, a_thread_that_is_busy_is_not_waited_for) {
    network n;
    atomic_bool hold = true;
    open_network(&n, shared[0].text, 9);
    cr_assert(gru_pool_lend(n.pool, hold_worker, &hold));
    gru_runner *r = open_runner(&n);
    for (int32_t first = 0; first < 20; first++)
        expect_as_alone(&n, r, first, 9);
    cr_assert_eq(gru_duet_count(r->single->duet).together, 0);
    atomic_store(&hold, false);
    gru_runner_free(r);
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
