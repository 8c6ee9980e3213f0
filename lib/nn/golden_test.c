/* Replays what Keras and PyTorch computed (testdata/golden/nn, made by scripts/golden/networks.py):
 * builds each network from its text, brings the weights in, and compares outputs, loss and
 * gradients with theirs, which were computed in double precision. */
#include "base/mem.h"
#include "io/bundle.h"
#include "nn/model.h"
#include "nn/runner.h"
#include "nn/weights.h"

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <criterion/parameterized.h>

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTORY "testdata/golden/nn"

/* Largest difference, as a share of the largest value of the tensor; of a gradient that is next to
 * nothing (attention's last bias has none at all), as a share of FLOOR × the largest of any tensor.
 */
#define OUT_TOLERANCE 1e-5
#define LOSS_TOLERANCE 1e-5
#define GRADIENT_TOLERANCE 5e-5
#define FLOOR 1e-2

enum { CASES_MAX = 512, CASE_NAME = 96, BATCHES_MAX = 8 };

typedef struct golden_case {
    char name[CASE_NAME];
} golden_case;

/* One replay: everything that is freed at its end. */
typedef struct replay {
    const char *name;
    gru_error err;
    gru_bundle *file;
    gru_model *model;
    gru_pool *pool;
    gru_runner *runner;
    gru_framework from;
    gru_loss loss;
    gru_record_spec spec;
    size_t rows;
    unsigned char *records;
    const unsigned char **pointers;
    size_t batches, ends[BATCHES_MAX]; /* of each batch, the row after its last */
    bool training;                     /* the file holds what training computes */
} replay;

#define MUST(r, call) cr_assert_eq((call), GRU_OK, "%s: %s: %s", (r)->name, #call, (r)->err.message)

/* ---- the file's parts ---- */
static bool is_weight(const char *name) {
    return isdigit((unsigned char)name[0]) && strchr(name, '.');
}

static const gru_tensor *tensor(const replay *r, const char *name) {
    const gru_tensor *t = gru_bundle_find(r->file, name);
    cr_assert_not_null(t, "%s: no tensor '%s'", r->name, name);
    return t;
}

/* The tensors whose names start with prefix and go on as a weight's, under the rest of the name. In
 * a gradient, PyTorch's two biases of an LSTM or a tanh RNN are one of ours: its second is left
 * out. */
static gru_bundle *part_of(replay *r, const char *prefix, bool gradients) {
    gru_bundle *part;
    MUST(r, gru_bundle_new(&part, &r->err));
    const gru_arch *arch = gru_model_arch(r->model);
    for (size_t i = 0; i < gru_bundle_count(r->file); i++) {
        const gru_tensor *t = gru_bundle_at(r->file, i);
        if (strncmp(t->name, prefix, strlen(prefix)) || !is_weight(t->name + strlen(prefix)))
            continue;
        const char *name = t->name + strlen(prefix);
        gru_layer_kind kind = arch->layers[strtoul(name, NULL, 10)].kind;
        if (gradients && strstr(name, ".bias_hh_l0") && kind != GRU_LAYER_GRU)
            memset(t->data, 0, t->bytes);
        MUST(r, gru_bundle_add(part, name, t->type, t->dims, t->shape, t->data, &r->err));
    }
    return part;
}

/* Zeros for the figures of a batch norm, which have no gradient. */
static void add_states(replay *r, gru_bundle *part) {
    float zeros[64] = {0};
    for (size_t i = 0; i < gru_model_param_count(r->model); i++) {
        const gru_param *p = gru_model_param(r->model, i);
        if (p->state && p->count <= 64)
            MUST(r, gru_bundle_add(part, p->name, "F32", p->dims, p->shape, zeros, &r->err));
    }
}

static gru_model *make_model(replay *r) {
    const gru_tensor *x = tensor(r, "x"), *y = tensor(r, "y");
    bool tokens = !strcmp(x->type, "I32");
    gru_input_shape input = {tokens, tokens ? 0 : x->shape[2], x->shape[1]};
    gru_arch *arch;
    gru_model *m;
    MUST(r, gru_arch_parse(&arch, gru_bundle_get(r->file, "arch"), r->name, &r->err));
    for (size_t i = 0; i < arch->count && !r->training; i++)
        arch->layers[i].rate = 0; /* the gradients are those without dropout */
    bool per_step = y->dims == (strcmp(y->type, "I32") ? 3 : 2);
    MUST(r, gru_model_new(&m, arch, &input, per_step, &r->err));
    return m;
}

static void set_slot(replay *r, gru_slot slot, const char *name) {
    const gru_tensor *t = gru_bundle_find(r->file, name);
    if (!t)
        return;
    gru_record_set(&r->spec, slot, strcmp(t->type, "I32") ? 'f' : 'i', t->dims - 1,
                   t->dims > 1 ? t->shape[1] : 0, t->dims > 2 ? t->shape[2] : 0, 0);
}

static void fill_slot(replay *r, gru_slot slot, const char *name) {
    const gru_slot_spec *s = &r->spec.slot[slot];
    if (!s->type)
        return;
    const unsigned char *from = tensor(r, name)->data;
    for (size_t i = 0; i < r->rows; i++)
        memcpy(r->records + i * r->spec.bytes + s->offset, from + i * s->bytes, s->bytes);
}

static void make_records(replay *r) {
    r->rows = tensor(r, "x")->shape[0];
    set_slot(r, GRU_X, "x");
    set_slot(r, GRU_Y, "y");
    set_slot(r, GRU_LEN, "len");
    MUST(r, gru_record_layout(&r->spec, &r->err));
    MUST(r, gru_mem_new(&r->records, r->rows, r->spec.bytes, &r->err));
    MUST(r, gru_mem_new(&r->pointers, r->rows, sizeof *r->pointers, &r->err));
    for (size_t i = 0; i < r->rows; i++)
        r->pointers[i] = r->records + i * r->spec.bytes;
    fill_slot(r, GRU_X, "x");
    fill_slot(r, GRU_Y, "y");
    fill_slot(r, GRU_LEN, "len");
}

/* "batches" lists the rows of each; all in one without it. */
static void cut_batches(replay *r) {
    const char *list = gru_bundle_get(r->file, "batches");
    size_t end = 0;
    for (char *rest; list && *list; list = rest) {
        end += strtoul(list, &rest, 10);
        cr_assert(rest > list && r->batches < BATCHES_MAX, "%s: batches '%s'", r->name, list);
        r->ends[r->batches++] = end;
    }
    if (!r->batches)
        r->ends[r->batches++] = end = r->rows;
    cr_assert_eq(end, r->rows, "%s: batches of %zu rows, not %zu", r->name, end, r->rows);
}

static size_t start_of(const replay *r, size_t batch) {
    return batch ? r->ends[batch - 1] : 0;
}

static gru_batch batch_of(const replay *r, size_t batch) {
    size_t start = start_of(r, batch);
    return (gru_batch){.rows = r->ends[batch] - start,
                       .records = r->pointers + start,
                       .spec = &r->spec,
                       .index = batch};
}

static void open_replay(replay *r, const char *name) {
    char path[CASE_NAME + 64];
    snprintf(path, sizeof path, DIRECTORY "/%s.safetensors", name);
    r->name = name;
    MUST(r, gru_bundle_read(&r->file, path, &r->err));
    MUST(r, gru_framework_find(gru_bundle_get(r->file, "from"), &r->from, &r->err));
    MUST(r, gru_loss_parse(&r->loss, gru_bundle_get(r->file, "loss"), &r->err));
    r->training = !strcmp(gru_bundle_get(r->file, "mode"), "training");
    r->model = make_model(r);
    gru_bundle *weights = part_of(r, "", false);
    MUST(r, gru_weights_import(r->model, r->from, weights, &r->err));
    gru_bundle_free(weights);
    make_records(r);
    cut_batches(r);
    MUST(r, gru_pool_new(&r->pool, 2, &r->err));
    gru_runner_options options = {
        .batch = r->rows, .steps = tensor(r, "x")->shape[1], .training = true, .loss = &r->loss};
    MUST(r, gru_runner_new(&r->runner, r->model, r->pool, &options, &r->err));
}

static void close_replay(replay *r) {
    gru_runner_free(r->runner);
    gru_pool_free(r->pool);
    gru_model_free(r->model);
    gru_bundle_free(r->file);
    free(r->records);
    free(r->pointers);
}

/* ---- comparing ---- */
/* NaN in what is expected: any value is right there. */
static void compare(const replay *r, const char *what, const gru_real *have, const float *want,
                    size_t count, double tolerance, double floor) {
    double largest = floor, worst = 0;
    size_t where = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(want[i]) && fabs((double)want[i]) > largest)
            largest = fabs((double)want[i]);
    for (size_t i = 0; i < count; i++) {
        double difference = isnan(want[i]) ? 0 : fabs((double)have[i] - (double)want[i]);
        if (!(difference <= worst)) {
            worst = difference;
            where = i;
            if (isnan(difference))
                break;
        }
    }
    cr_expect(worst <= tolerance * largest, "%s: %s[%zu] is %.8g, expected %.8g: off by %.2g of %g",
              r->name, what, where, (double)have[where], (double)want[where], worst / largest,
              largest);
}

static void compare_loss(const replay *r, size_t batch, const char *what, const gru_figures *f) {
    const gru_tensor *losses = tensor(r, "loss");
    cr_assert_eq(losses->count, r->batches, "%s: %zu losses", r->name, losses->count);
    double want = (double)((const float *)losses->data)[batch];
    double have = (f->loss + f->penalty) / f->samples;
    cr_expect(fabs(have - want) <= LOSS_TOLERANCE * fabs(want),
              "%s: %s of batch %zu is %.8g, expected %.8g", r->name, what, batch, have, want);
}

static void compare_outputs(const replay *r, const gru_runner *runner, size_t start, size_t rows) {
    const gru_tensor *out = tensor(r, "out");
    size_t width = out->count / r->rows;
    char what[64];
    double largest = 0;
    for (size_t i = 0; i < out->count; i++)
        largest = fmax(largest, fabs((double)((const float *)out->data)[i]));
    snprintf(what, sizeof what, "out of row %zu and the next, %zu in all", start, rows);
    compare(r, what, gru_runner_outputs(runner), (const float *)out->data + start * width,
            rows * width, OUT_TOLERANCE, largest);
}

/* The gradient of one tensor; of an embedding's table only the rows of the batch are told. */
static void compare_gradient(const replay *r, const gru_param *p, const gru_real *want_real,
                             double floor) {
    gru_real *have = calloc(p->count, sizeof *have);
    float *want = calloc(p->count, sizeof *want);
    cr_assert(have && want);
    const gru_real *from = gru_runner_gradients(r->runner) + p->offset;
    for (size_t i = 0; i < p->count; i++)
        want[i] = (float)want_real[i];
    if (p->sparse) {
        size_t touched;
        const gru_row_gradient *rows = gru_runner_touched(r->runner, &touched);
        for (size_t i = 0; i < touched; i++)
            memcpy(have + rows[i].row * p->shape[1], rows[i].gradient, p->shape[1] * sizeof *have);
    } else {
        memcpy(have, from, p->count * sizeof *have);
    }
    char what[GRU_PARAM_NAME + 16];
    snprintf(what, sizeof what, "gradient of %s", p->name);
    compare(r, what, have, want, p->count, GRADIENT_TOLERANCE, floor);
    free(have);
    free(want);
}

/* Their gradients go through the import into a second network, so that layouts agree. */
static void compare_gradients(replay *r, size_t batch) {
    gru_model *theirs = make_model(r);
    char prefix[32] = "grad.";
    if (batch)
        snprintf(prefix, sizeof prefix, "grad%zu.", batch);
    gru_bundle *part = part_of(r, prefix, true);
    if (gru_bundle_count(part)) {
        add_states(r, part);
        MUST(r, gru_weights_import(theirs, r->from, part, &r->err));
        double largest = 0;
        for (size_t i = 0; i < gru_model_weight_count(theirs); i++)
            largest = fmax(largest, fabs((double)gru_model_weights(theirs)[i]));
        for (size_t i = 0; i < gru_model_param_count(r->model); i++) {
            const gru_param *p = gru_model_param(r->model, i);
            if (!p->state)
                compare_gradient(r, p, gru_model_weights(theirs) + p->offset, FLOOR * largest);
        }
    }
    gru_bundle_free(part);
    gru_model_free(theirs);
}

/* What training changed by itself. */
static void compare_after(const replay *r) {
    char name[GRU_PARAM_NAME + 16];
    for (size_t i = 0; i < gru_model_param_count(r->model); i++) {
        const gru_param *p = gru_model_param(r->model, i);
        if (!p->state)
            continue;
        snprintf(name, sizeof name, "after.%s", p->name);
        const gru_tensor *t = tensor(r, name);
        cr_assert_eq(t->count, p->count, "%s: %s", r->name, name);
        compare(r, name, gru_model_weights(r->model) + p->offset, t->data, t->count, OUT_TOLERANCE,
                0);
    }
}

/* ---- the cases ---- */
static int by_name(const void *a, const void *b) {
    return strcmp(((const golden_case *)a)->name, ((const golden_case *)b)->name);
}

static size_t list_cases(golden_case cases[CASES_MAX]) {
    size_t count = 0;
    DIR *directory = opendir(DIRECTORY);
    for (struct dirent *e; directory && (e = readdir(directory)) && count < CASES_MAX;) {
        char *dot = strstr(e->d_name, ".safetensors");
        if (dot)
            snprintf(cases[count++].name, CASE_NAME, "%.*s", (int)(dot - e->d_name), e->d_name);
    }
    if (directory)
        closedir(directory);
    qsort(cases, count, sizeof *cases, by_name);
    return count;
}

ParameterizedTestParameters(golden, parity) {
    static golden_case cases[CASES_MAX];
    return cr_make_param_array(golden_case, cases, list_cases(cases), NULL);
}

static bool has(const replay *r, const char *word) {
    return strstr(gru_bundle_get(r->file, "arch"), word) != NULL;
}

/* All batches in a row without training: outputs, then losses. */
static void replay_inference(replay *r) {
    for (size_t k = 0; k < r->batches; k++) {
        gru_batch batch = batch_of(r, k);
        MUST(r, gru_runner_predict(r->runner, &batch, &r->err));
        compare_outputs(r, r->runner, start_of(r, k), batch.rows);
    }
    gru_runner_reset_states(r->runner);
    for (size_t k = 0; k < r->batches; k++) {
        gru_batch batch = batch_of(r, k);
        gru_figures figures = {0};
        MUST(r, gru_runner_evaluate(r->runner, &batch, &figures, &r->err));
        compare_loss(r, k, "loss", &figures);
    }
}

/* A runner made for one row at a time has its own road (single.h). */
static void replay_rows(replay *r) {
    gru_runner *runner;
    gru_runner_options options = {.batch = 1, .steps = tensor(r, "x")->shape[1]};
    MUST(r, gru_runner_new(&runner, r->model, r->pool, &options, &r->err));
    for (size_t i = 0; i < r->rows; i++) {
        gru_batch row = {.rows = 1, .records = r->pointers + i, .spec = &r->spec};
        MUST(r, gru_runner_predict(runner, &row, &r->err));
        compare_outputs(r, runner, i, 1);
    }
    gru_runner_free(runner);
}

static void replay_training(replay *r) {
    gru_runner_reset_states(r->runner);
    for (size_t k = 0; k < r->batches; k++) {
        gru_batch batch = batch_of(r, k);
        gru_figures figures = {0};
        MUST(r, gru_runner_train(r->runner, &batch, &figures, &r->err));
        compare_loss(r, k, "training loss", &figures);
        compare_gradients(r, k);
    }
    compare_after(r);
}

ParameterizedTest(golden_case *c, golden, parity) {
    replay r = {0};
    open_replay(&r, c->name);
    if (!r.training)
        replay_inference(&r);
    if (!r.training && !has(&r, "stateful"))
        replay_rows(&r);
    if (r.training || !has(&r, "batch-norm"))
        replay_training(&r);
    close_replay(&r);
}

/* The list of files can't shrink without being noticed. */
Test(golden, files_are_there) {
    static golden_case cases[CASES_MAX];
    size_t count = list_cases(cases);
    cr_expect(count >= 302, "%zu golden networks in " DIRECTORY, count);
}
