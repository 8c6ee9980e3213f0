/* Nothing is allocated from batch to batch, neither in training nor in prediction: the C library's
 * allocator is replaced by one that counts its calls (the GNU one, without sanitizers). */
#include "base/random.h"
#include "io/npy.h"
#include "train/predict.h"
#include "train/session.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_size_t calls;

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t align, size_t size);

void *malloc(size_t size) {
    atomic_fetch_add(&calls, 1);
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    atomic_fetch_add(&calls, 1);
    return __libc_calloc(count, size);
}
void *realloc(void *block, size_t size) {
    atomic_fetch_add(&calls, 1);
    return __libc_realloc(block, size);
}
void *aligned_alloc(size_t align, size_t size) {
    atomic_fetch_add(&calls, 1);
    return __libc_memalign(align, size);
}
int posix_memalign(void **out, size_t align, size_t size) {
    atomic_fetch_add(&calls, 1);
    *out = __libc_memalign(align, size);
    return *out ? 0 : ENOMEM;
}
#endif

static bool counts(void) {
    size_t before = atomic_load(&calls);
    void *volatile block = malloc(1);
    free(block);
    return atomic_load(&calls) > before;
}

enum { ROWS = 150, STEPS = 30, FEATURES = 3, TOKENS = 4000 };

static void random_slot(unsigned char *record, const gru_slot_spec *s, uint32_t limit,
                        gru_random *r) {
    for (size_t at = 0; at < s->bytes; at += 4) {
        int32_t id = (int32_t)gru_random_below(r, limit);
        float number = (float)gru_random_normal(r);
        memcpy(record + s->offset + at, s->type == 'i' ? (void *)&id : (void *)&number, 4);
    }
}

/* Rows of tokens with a class, or of numbers with a number. */
static void write_data(const char *path, bool tokens) {
    gru_error err = {0};
    gru_record_spec spec = {0};
    gru_output *out;
    gru_npy_writer *w;
    gru_random random;
    unsigned char record[STEPS * FEATURES * 4 + 4];
    gru_record_set(&spec, GRU_X, tokens ? 'i' : 'f', tokens ? 1 : 2, STEPS, tokens ? 0 : FEATURES,
                   0);
    gru_record_set(&spec, GRU_Y, tokens ? 'i' : 'f', tokens ? 0 : 1, 1, 0, 0);
    cr_assert_eq(gru_record_layout(&spec, &err), GRU_OK);
    cr_assert(spec.bytes <= sizeof record);
    cr_assert_eq(gru_output_open(&out, path, GRU_OUTPUT_BINARY, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_npy_write_open(&w, out, &spec, ROWS, &err), GRU_OK);
    gru_random_init(&random, 1, GRU_PURPOSE_TEST, 0);
    for (size_t i = 0; i < ROWS; i++) {
        random_slot(record, &spec.slot[GRU_X], TOKENS, &random);
        random_slot(record, &spec.slot[GRU_Y], 2, &random);
        cr_assert_eq(gru_npy_write(w, record, 1, &err), GRU_OK);
    }
    cr_assert_eq(gru_npy_write_close(w, &err), GRU_OK);
    cr_assert_eq(gru_output_commit(out, &err), GRU_OK, "%s", err.message);
}

typedef struct seen {
    size_t calls, batches, grown; /* grown: batches during which something was allocated */
} seen;

static void look(void *arg, const gru_train_progress *p) {
    seen *s = arg;
    size_t now = atomic_load(&calls);
    if (!p->epoch_done && p->batch > 1) {
        s->batches++;
        s->grown += now > s->calls;
    }
    s->calls = atomic_load(&calls);
}

typedef struct memory_case {
    bool tokens;
    const char *arch, *optimizer;
    double clip_global_norm;
    long long accumulate;
    size_t threads;
    bool profile;
} memory_case;

static const memory_case cases[] = {
    {true, "embedding 4000 5 mask; gru 4 sequences bidirectional; attention 3; dense 1 sigmoid",
     "adam", 1, 1, 2, false},
    {true, "embedding 4000 5; lstm 4 dropout=0.1 recurrent-dropout=0.1; dense 1 sigmoid", "sgd", 0,
     2, 1, true},
    {false, "lstm 4 sequences residual; batch-norm; pool max; dropout 0.3; dense 1", "nadam", 0, 1,
     3, true},
    {false, "gru 4 reset=before; dense 3 relu; dense 1", "rmsprop", 0, 1, 2, false},
};
enum { CASES = sizeof cases / sizeof *cases };

static void train(const memory_case *c, const char *data, const char *model) {
    gru_error err = {0};
    gru_session *session;
    seen s = {0};
    const gru_session_words words = {.input = data,
                                     .arch = c->arch,
                                     .optimizer = c->optimizer,
                                     .lr = -1,
                                     .epochs = 3,
                                     .batch = 40,
                                     .accumulate = c->accumulate,
                                     .clip_global_norm = c->clip_global_norm,
                                     .shuffle = true,
                                     .seed = 1,
                                     .threads = c->threads,
                                     .profile = c->profile,
                                     .output = model};
    const gru_train_hooks hooks = {.arg = &s, .progress = look};
    cr_assert_eq(gru_session_new(&session, &words, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_session_run(session, &hooks, &err), GRU_OK, "%s", err.message);
    gru_session_free(session);
    cr_expect_eq(s.batches, 9);
    cr_expect_eq(s.grown, 0, "%s: %zu of %zu batches allocated", c->arch, s.grown, s.batches);
}

/* The rows in batches. The first may still meet something new; it is through when the third was
 * handed on. */
static void predict(const char *data, const char *model, size_t batch) {
    gru_error err = {0};
    gru_package package;
    gru_predictor *p;
    gru_input *in;
    gru_npy_reader *reader;
    gru_output *out;
    const gru_predict_options options = {.batch = batch, .threads = 2};
    size_t got = 1, max, before = 0, batches = 0;
    cr_assert_eq(gru_package_read(&package, model, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_input_open(&in, data, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_npy_open(&reader, in, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_output_open(&out, "/dev/null", GRU_OUTPUT_TEXT, &err), GRU_OK);
    cr_assert_eq(gru_predictor_new(&p, &package, gru_npy_spec(reader), data, &options, out, &err),
                 GRU_OK);
    for (; got > 0; batches++) {
        void *room = gru_predictor_room(p, &max);
        cr_assert_eq(gru_npy_next(reader, room, max, &got, &err), GRU_OK);
        cr_assert_eq(gru_predictor_filled(p, got, &err), GRU_OK, "%s", err.message);
        before = batches == 2 ? atomic_load(&calls) : before;
    }
    cr_expect_eq(atomic_load(&calls), before, "%s in batches of %zu: %zu allocations", model, batch,
                 atomic_load(&calls) - before);
    cr_expect_geq(batches, 5);
    gru_predictor_free(p);
    gru_output_discard(out);
    gru_npy_close(reader);
    gru_input_close(in);
    gru_package_free(&package);
}

Test(memory, batches_allocate_nothing) {
    char folder[] = "/tmp/gru-memory-XXXXXX", data[64], model[64];
    if (!counts())
        cr_skip_test("the allocator's calls cannot be counted here");
    cr_assert(mkdtemp(folder));
    snprintf(data, sizeof data, "%s/data.npy", folder);
    snprintf(model, sizeof model, "%s/m.gru", folder);
    for (size_t i = 0; i < CASES; i++) {
        write_data(data, cases[i].tokens);
        train(&cases[i], data, model);
        predict(data, model, 40);
        predict(data, model, 1);
    }
    unlink(data);
    unlink(model);
    rmdir(folder);
}
