/* Prediction by a program that links the library: no files, no text, no start-up in the figures.
 *
 *     predict MODEL.gru DATA.npy SECONDS
 *
 * Prints sequences/s in batches of 256 and milliseconds for one sequence at a time, separated by a
 * tab. Each is the mean over whole passes (one by one: over sequences) until SECONDS are over; the
 * first batch is not counted. */
#include "base/cpu.h"
#include "base/mem.h"
#include "train/package.h"
#include "nn/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 256 };

typedef struct samples {
    gru_record_spec spec;
    size_t count;
    unsigned char *bytes;
    const unsigned char **records;
} samples;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static gru_status read_samples(samples *s, const char *path, gru_error *err) {
    gru_input *in;
    gru_npy_reader *reader;
    int fd;
    uint64_t offset, count;
    size_t got;
    if (gru_input_open(&in, path, err) || gru_npy_open(&reader, in, err))
        return err->code;
    if (!gru_npy_mappable(reader, &fd, &offset, &count))
        return gru_error_set(err, GRU_ERR_DATA, "%s: not a plain file of samples", path);
    s->spec = *gru_npy_spec(reader);
    s->count = (size_t)count;
    if (gru_mem_new(&s->bytes, s->count, s->spec.bytes, err) ||
        gru_mem_new(&s->records, s->count, sizeof *s->records, err))
        return err->code;
    for (size_t i = 0; i < s->count; i += got)
        if (gru_npy_next(reader, s->bytes + i * s->spec.bytes, s->count - i, &got, err))
            return err->code;
    for (size_t i = 0; i < s->count; i++)
        s->records[i] = s->bytes + i * s->spec.bytes;
    gru_npy_close(reader);
    gru_input_close(in);
    return GRU_OK;
}

/* Sequences a second in batches of at most `batch` rows. */
static gru_status measure(gru_model *model, gru_pool *pool, const samples *s, size_t batch,
                          double least, double *rate, gru_error *err) {
    gru_runner *runner;
    const gru_runner_options options = {.batch = batch, .steps = s->spec.slot[GRU_X].shape[0]};
    if (gru_runner_new(&runner, model, pool, &options, err))
        return err->code;
    gru_batch b = {.rows = batch < s->count ? batch : s->count, .spec = &s->spec};
    b.records = s->records;
    gru_status st = gru_runner_predict(runner, &b, err);
    double start = now(), spent = 0;
    size_t done = 0;
    for (size_t i = 0; !st; i = i + b.rows < s->count ? i + b.rows : 0) {
        if ((batch == 1 || i == 0) && (spent = now() - start) > least && done)
            break;
        b.rows = batch < s->count - i ? batch : s->count - i;
        b.records = s->records + i;
        st = gru_runner_predict(runner, &b, err);
        done += b.rows;
    }
    *rate = (double)done / spent;
    gru_runner_free(runner);
    return st;
}

static gru_status predict(const char *path, const char *data, double least, gru_error *err) {
    gru_package package;
    gru_pool *pool;
    samples s;
    double batched, single;
    if (gru_package_read(&package, path, err) || read_samples(&s, data, err) ||
        gru_pool_new(&pool, gru_cpu_count(), err) ||
        measure(package.model, pool, &s, BATCH, least, &batched, err) ||
        measure(package.model, pool, &s, 1, least, &single, err))
        return err->code;
    printf("%.1f\t%.5f\n", batched, 1e3 / single);
    gru_pool_free(pool);
    gru_package_free(&package);
    free(s.records);
    free(s.bytes);
    return GRU_OK;
}

int main(int argc, char **argv) {
    gru_error err = {0};
    if (argc != 4) {
        fputs("usage: predict MODEL.gru DATA.npy SECONDS\n", stderr);
        return 2;
    }
    if (predict(argv[1], argv[2], strtod(argv[3], NULL), &err)) {
        fprintf(stderr, "predict: %s\n", err.message);
        return 1;
    }
    return 0;
}
