/* The losses of 100 steps beside Keras's and PyTorch's, from testdata/golden/trajectories. */
#include "nn/runner.h"
#include "nn/weights.h"
#include "train/optimizer.h"
#include "train/schedule.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 30, BATCH = 8, EPOCHS = 25, BATCHES = 4, STEPS = 100 };
static const char *const directory = "testdata/golden/trajectories";

typedef struct run {
    gru_bundle *bundle;
    gru_model *model;
    gru_loss loss;
    gru_optimizer_options options;
    gru_schedule schedule;
    gru_record_spec spec;
    unsigned char *records;
} run;

static void fill_slot(run *r, gru_slot which, const gru_tensor *t) {
    gru_slot_spec *s = &r->spec.slot[which];
    for (size_t row = 0; row < ROWS; row++) {
        memcpy(r->records + row * r->spec.bytes + s->offset, (const char *)t->data + row * s->bytes,
               s->bytes);
    }
}

static void make_records(run *r) {
    const gru_tensor *x = gru_bundle_find(r->bundle, "x"), *y = gru_bundle_find(r->bundle, "y");
    gru_error err = {0};
    bool tokens = strcmp(x->type, "I32") == 0;
    gru_record_set(&r->spec, GRU_X, tokens ? 'i' : 'f', tokens ? 1 : 2, x->shape[1],
                   tokens ? 0 : x->shape[2], 0);
    gru_record_set(&r->spec, GRU_Y, tokens ? 'i' : 'f', tokens ? 0 : 1, 1, 0, 0);
    cr_assert_eq(gru_record_layout(&r->spec, &err), GRU_OK, "%s", err.message);
    r->records = calloc(ROWS, r->spec.bytes);
    cr_assert_not_null(r->records);
    fill_slot(r, GRU_X, x);
    fill_slot(r, GRU_Y, y);
}

static void take_options(run *r) {
    gru_error err = {0};
    const char *clip = gru_bundle_get(r->bundle, "clip");
    const char *schedule = gru_bundle_get(r->bundle, "schedule");
    const char *average = gru_bundle_get(r->bundle, "average");
    cr_assert_eq(gru_optimizer_parse(&r->options, gru_bundle_get(r->bundle, "optimizer"), &err),
                 GRU_OK, "%s", err.message);
    if (clip) {
        double value = atof(strchr(clip, '=') + 1);
        r->options.clip_norm = strncmp(clip, "norm", 4) == 0 ? value : 0;
        r->options.clip_global_norm = strncmp(clip, "global", 6) == 0 ? value : 0;
        r->options.clip_value = strncmp(clip, "value", 5) == 0 ? value : 0;
    }
    if (average)
        r->options.average = atof(average);
    r->options.unbiased = gru_bundle_get(r->bundle, "unbiased") != NULL;
    if (schedule) {
        gru_schedule_kind kind = *schedule == 's'   ? GRU_SCHEDULE_STEP
                                 : *schedule == 'e' ? GRU_SCHEDULE_EXPONENTIAL
                                                    : GRU_SCHEDULE_COSINE;
        cr_assert_eq(gru_schedule_parse(&r->schedule, kind, strchr(schedule, ':') + 1, &err),
                     GRU_OK, "%s", err.message);
    }
}

static void open_run(run *r, const char *path) {
    gru_error err = {0};
    gru_arch *arch;
    gru_input_shape shape;
    gru_framework from;
    gru_bundle *weights;
    memset(r, 0, sizeof *r);
    cr_assert_eq(gru_bundle_read(&r->bundle, path, &err), GRU_OK, "%s", err.message);
    make_records(r);
    take_options(r);
    cr_assert_eq(gru_loss_parse(&r->loss, gru_bundle_get(r->bundle, "loss"), &err), GRU_OK);
    cr_assert_eq(gru_arch_parse(&arch, gru_bundle_get(r->bundle, "arch"), path, &err), GRU_OK);
    cr_assert_eq(gru_input_shape_of(&r->spec, &shape, &err), GRU_OK);
    cr_assert_eq(gru_model_new(&r->model, arch, &shape, false, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_framework_find(gru_bundle_get(r->bundle, "from"), &from, &err), GRU_OK);
    gru_bundle_new(&weights, &err);
    for (size_t i = 0; i < gru_bundle_count(r->bundle); i++) {
        const gru_tensor *t = gru_bundle_at(r->bundle, i);
        if (*t->name >= '0' && *t->name <= '9')
            gru_bundle_add(weights, t->name, t->type, t->dims, t->shape, t->data, &err);
    }
    cr_assert_eq(gru_weights_import(r->model, from, weights, &err), GRU_OK, "%s: %s", path,
                 err.message);
    gru_bundle_free(weights);
}

static void close_run(run *r) {
    free(r->records);
    gru_model_free(r->model);
    gru_bundle_free(r->bundle);
}

static gru_figures averaged_figures(gru_runner *runner, gru_optimizer *optimizer,
                                    const gru_batch *batch) {
    gru_error err = {0};
    gru_figures f = {0};
    gru_optimizer_flush(optimizer);
    gru_optimizer_swap(optimizer);
    gru_runner_refresh(runner);
    cr_assert_eq(gru_runner_evaluate(runner, batch, &f, &err), GRU_OK, "%s", err.message);
    gru_optimizer_swap(optimizer);
    return f;
}

/* Largest difference of a loss, relative to the loss or to 1e-2, whichever is larger. */
static double follow(run *r, const float *losses) {
    gru_error err = {0};
    gru_pool *pool;
    gru_runner *runner;
    gru_optimizer *optimizer;
    const unsigned char *rows[BATCH];
    double worst = 0;
    gru_runner_options o = {
        .batch = BATCH, .steps = r->spec.slot[GRU_X].shape[0], .training = true, .loss = &r->loss};
    cr_assert_eq(gru_pool_new(&pool, 1, &err), GRU_OK);
    cr_assert_eq(gru_runner_new(&runner, r->model, pool, &o, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_optimizer_new(&optimizer, r->model, pool, &r->options, &err), GRU_OK);
    for (size_t step = 0; step < STEPS; step++) {
        size_t first = step % BATCHES * BATCH, count = ROWS - first < BATCH ? ROWS - first : BATCH;
        uint32_t all[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
        gru_figures f = {0};
        for (size_t i = 0; i < count; i++)
            rows[i] = r->records + (first + i) * r->spec.bytes;
        gru_batch batch = {count, rows, &r->spec, step / BATCHES, step % BATCHES};
        if (gru_optimizer_sparse(optimizer) != SIZE_MAX)
            gru_optimizer_catch_up(optimizer, all, 12);
        cr_assert_eq(gru_runner_train(runner, &batch, &f, &err), GRU_OK, "%s", err.message);
        size_t touched_count = 0;
        const gru_row_gradient *touched = gru_runner_touched(runner, &touched_count);
        double factor = gru_schedule_factor(&r->schedule, step / BATCHES, step % BATCHES, BATCHES,
                                            EPOCHS, step);
        gru_optimizer_step(optimizer, gru_runner_gradients(runner), touched, touched_count,
                           r->options.lr * factor);
        if (r->options.average > 0)
            f = averaged_figures(runner, optimizer, &batch);
        gru_runner_refresh(runner);
        double loss = (f.loss + f.penalty) / f.samples, golden = (double)losses[step];
        double off = fabs(loss - golden) / (golden > 1e-2 ? golden : 1e-2);
        worst = off > worst || isnan(off) ? off : worst;
    }
    gru_optimizer_free(optimizer);
    gru_runner_free(runner);
    gru_pool_free(pool);
    return worst;
}

Test(trajectory, losses_are_those_of_keras_and_pytorch) {
    DIR *dir = opendir(directory);
    cr_assert_not_null(dir);
    struct dirent *entry;
    int files = 0;
    while ((entry = readdir(dir))) {
        if (!strstr(entry->d_name, ".safetensors"))
            continue;
        char path[512];
        run r;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        open_run(&r, path);
        double off = follow(&r, gru_bundle_find(r.bundle, "losses")->data);
        cr_expect(off <= 1e-4, "%s: off by %g", entry->d_name, off);
        close_run(&r);
        files++;
    }
    closedir(dir);
    cr_assert_geq(files, 60);
}
