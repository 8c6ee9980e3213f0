/* Orders of samples by length (bucket.h). */
#include "train/bucket.h"

#include "base/mem.h"
#include "base/random.h"
#include "kern/kern.h"

#include <stdlib.h>
#include <string.h>

enum { RUN_BATCHES = 64 };

struct gru_buckets {
    size_t count, batch, steps;
    uint32_t *first, *end; /* [count] */
    uint32_t *sorted;      /* [count], scratch */
    uint32_t *place;       /* [steps + 2], scratch: where rows of a length go */
};

static bool masks(const gru_model *m) {
    const gru_layer *l = &gru_model_arch(m)->layers[0];
    return l->kind == GRU_LAYER_EMBEDDING && l->mask;
}

bool gru_rows_differ(const gru_model *m, const gru_record_spec *spec) {
    return spec->slot[GRU_LEN].type || masks(m);
}

void gru_row_span(const gru_model *m, const gru_record_spec *spec, const unsigned char *record,
                  uint32_t *first, uint32_t *end) {
    const gru_slot_spec *x = &spec->slot[GRU_X], *len = &spec->slot[GRU_LEN];
    uint32_t from = 0, to = x->dims ? (uint32_t)x->shape[0] : 1;
    if (len->type) {
        int32_t steps;
        memcpy(&steps, record + len->offset, sizeof steps);
        to = steps < 0 ? 0 : (uint32_t)steps < to ? (uint32_t)steps : to;
    }
    if (masks(m)) {
        const unsigned char *ids = record + x->offset;
        static const unsigned char padding[sizeof(int32_t)];
        while (to > from && !memcmp(ids + (to - 1) * sizeof padding, padding, sizeof padding))
            to--;
        while (from < to && !memcmp(ids + from * sizeof padding, padding, sizeof padding))
            from++;
    }
    *first = to > from ? from : 0;
    *end = to > from ? to : 0;
}

gru_status gru_buckets_new(gru_buckets **out, const gru_model *m, gru_samples samples, size_t batch,
                           gru_error *err) {
    const gru_record_spec *spec = gru_dataset_spec(samples.set);
    gru_buckets *b;
    *out = NULL;
    if (gru_mem_new(&b, 1, sizeof *b, err))
        return err->code;
    b->count = samples.count;
    b->batch = batch;
    b->steps = spec->slot[GRU_X].dims ? spec->slot[GRU_X].shape[0] : 1;
    if (gru_mem_new(&b->first, b->count, sizeof *b->first, err) ||
        gru_mem_new(&b->end, b->count, sizeof *b->end, err) ||
        gru_mem_new(&b->sorted, b->count, sizeof *b->sorted, err) ||
        gru_mem_new(&b->place, b->steps + 2, sizeof *b->place, err)) {
        gru_buckets_free(b);
        return err->code;
    }
    for (size_t i = 0; i < b->count; i++) {
        const unsigned char *record;
        if (gru_dataset_look(samples.set, samples.start + i, &record, err)) {
            gru_buckets_free(b);
            return err->code;
        }
        gru_row_span(m, spec, record, &b->first[i], &b->end[i]);
    }
    *out = b;
    return GRU_OK;
}

void gru_buckets_free(gru_buckets *b) {
    if (!b)
        return;
    free(b->first);
    free(b->end);
    free(b->sorted);
    free(b->place);
    free(b);
}

/* A counting sort by length, which keeps the order of equals. */
static void sort_rows(gru_buckets *b, uint32_t *rows, size_t count) {
    memset(b->place, 0, (b->steps + 2) * sizeof *b->place);
    for (size_t i = 0; i < count; i++)
        b->place[b->end[rows[i]] - b->first[rows[i]] + 1]++;
    for (size_t length = 1; length <= b->steps; length++)
        b->place[length] += b->place[length - 1];
    for (size_t i = 0; i < count; i++)
        b->sorted[b->place[b->end[rows[i]] - b->first[rows[i]]]++] = rows[i];
    memcpy(rows, b->sorted, count * sizeof *rows);
}

static void swap_batches(uint32_t *a, uint32_t *b, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t other = a[i];
        a[i] = b[i];
        b[i] = other;
    }
}

void gru_buckets_epoch(gru_buckets *b, uint32_t *order, uint64_t seed, uint64_t epoch) {
    size_t batches = b->count / b->batch, run = RUN_BATCHES * b->batch, full = batches * b->batch;
    gru_random random;
    for (size_t at = 0; at < full; at += run)
        sort_rows(b, order + at, full - at < run ? full - at : run);
    gru_random_init(&random, seed, GRU_PURPOSE_BUCKET, (uint32_t)epoch);
    for (size_t i = batches; i-- > 1;) {
        uint32_t j = gru_random_below(&random, (uint32_t)(i + 1));
        if (j != i)
            swap_batches(order + i * b->batch, order + j * b->batch, b->batch);
    }
}

void gru_buckets_ascending(gru_buckets *b, uint32_t *order) {
    for (size_t i = 0; i < b->count; i++)
        order[i] = (uint32_t)i;
    sort_rows(b, order, b->count);
}

double gru_buckets_useful(const gru_buckets *b, const uint32_t *order) {
    double useful = 0, computed = 0;
    for (size_t at = 0, rows; at < b->count; at += rows) {
        size_t batch_left = b->batch - at % b->batch, left = b->count - at;
        uint32_t first = UINT32_MAX, end = 0;
        rows = left < batch_left ? left : batch_left;
        rows = rows < GRU_LANES ? rows : GRU_LANES;
        for (size_t i = at; i < at + rows; i++) {
            uint32_t from = b->first[order[i]], to = b->end[order[i]];
            useful += to - from;
            first = to > from && from < first ? from : first;
            end = to > end ? to : end;
        }
        computed += end > first ? (double)rows * (end - first) : 0;
    }
    return computed > 0 ? useful / computed : 1;
}
