/* Batches by length: which orders they are, and where a row begins and ends. */
#include "train/bucket.h"

#include "io/stream.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 1000, STEPS = 12, BATCH = 6 };

static gru_error err;
static char path[] = "/tmp/gru-bucket-XXXXXX";
static gru_dataset *set;
static gru_model *model;
static uint32_t length[ROWS];

static void make(void) {
    gru_arch *arch;
    const gru_input_shape input = {.tokens = true, .steps = STEPS};
    char header[256] = "\x93NUMPY\x01";
    FILE *f = fdopen(mkstemp(path), "wb");
    snprintf(header + 10, sizeof header - 10,
             "{'descr': '<i4', 'fortran_order': False, 'shape': (%d, %d)}", ROWS, STEPS);
    memset(header + 10 + strlen(header + 10), ' ', 20);
    header[127] = '\n';
    header[8] = 118;
    for (size_t i = 10; i < 127; i++)
        header[i] = header[i] ? header[i] : ' ';
    fwrite(header, 1, 128, f);
    for (uint32_t i = 0; i < ROWS; i++) {
        int32_t ids[STEPS] = {0};
        length[i] = i * i % (STEPS + 1);
        for (uint32_t t = STEPS - length[i]; t < STEPS; t++)
            ids[t] = 3;
        fwrite(ids, sizeof *ids, STEPS, f);
    }
    fclose(f);
    cr_assert_eq(gru_dataset_open(&set, path, &err), GRU_OK, "%s", err.message);
    unlink(path);
    cr_assert_eq(gru_arch_parse(&arch, "embedding 5 2 mask; gru 3; dense 1", "test", &err), GRU_OK);
    cr_assert_eq(gru_model_new(&model, arch, &input, false, &err), GRU_OK, "%s", err.message);
}

static void drop(void) {
    gru_model_free(model);
    gru_dataset_close(set);
}

TestSuite(bucket, .init = make, .fini = drop);

static gru_buckets *buckets(void) {
    gru_buckets *b;
    cr_assert(gru_rows_differ(model, gru_dataset_spec(set)));
    cr_assert_eq(gru_buckets_new(&b, model, (gru_samples){set, 0, ROWS}, BATCH, &err), GRU_OK);
    return b;
}

Test(bucket, the_span_of_a_row_is_what_padding_leaves) {
    for (size_t i = 0; i < ROWS; i++) {
        uint32_t first, end;
        gru_row_span(model, gru_dataset_spec(set), gru_dataset_record(set, i), &first, &end);
        cr_assert_eq(end - first, length[i]);
        cr_assert_eq(end, length[i] ? STEPS : 0);
    }
}

/* Each row once; batches nearly of one length; the rest of the last run is not the longest. */
Test(bucket, an_epoch_has_all_rows_in_batches_of_similar_length) {
    static uint32_t order[ROWS], again[ROWS], plain[ROWS];
    static bool seen[ROWS];
    gru_buckets *b = buckets();
    size_t spread = 0, climbs = 0;
    gru_order_shuffle(order, ROWS, 7, 3);
    memcpy(plain, order, sizeof order);
    memcpy(again, order, sizeof order);
    gru_buckets_epoch(b, order, 7, 3);
    gru_buckets_epoch(b, again, 7, 3);
    cr_assert_arr_eq(order, again, sizeof order);
    for (size_t i = 0; i < ROWS; i++) {
        cr_assert_not(seen[order[i]]);
        seen[order[i]] = true;
        size_t first = i / BATCH * BATCH;
        if (i < ROWS / BATCH * BATCH) {
            cr_assert_geq(length[order[i]], length[order[first]]);
            spread += length[order[i]] - length[order[first]];
            climbs += i && i % BATCH == 0 && length[order[i]] >= length[order[i - 1]];
        }
    }
    cr_assert_lt(spread, ROWS / 4, "%zu", spread);
    cr_assert(climbs > 40 && climbs < 130, "the batches are shuffled: %zu", climbs);
    cr_assert_arr_eq(order + ROWS / BATCH * BATCH, plain + ROWS / BATCH * BATCH,
                     ROWS % BATCH * sizeof *order);
    cr_assert_gt(gru_buckets_useful(b, order), 0.9);
    cr_assert_lt(gru_buckets_useful(b, plain), 0.7);
    gru_buckets_free(b);
}

/* Counted here step by step: the spans of six rows against the widest of them. */
Test(bucket, the_useful_share_is_that_of_the_steps) {
    static uint32_t order[ROWS];
    gru_buckets *b = buckets();
    double useful = 0, computed = 0;
    for (uint32_t i = 0; i < ROWS; i++)
        order[i] = i;
    for (size_t at = 0; at < ROWS; at += BATCH) {
        size_t rows = ROWS - at < BATCH ? ROWS - at : BATCH;
        uint32_t most = 0;
        for (size_t i = at; i < at + rows; i++) {
            useful += length[i];
            most = length[i] > most ? length[i] : most;
        }
        computed += (double)(rows * most);
    }
    cr_assert_float_eq(gru_buckets_useful(b, order), useful / computed, 1e-12);
    gru_buckets_ascending(b, order);
    for (size_t i = 1; i < ROWS; i++)
        cr_assert_leq(length[order[i - 1]], length[order[i]]);
    gru_buckets_free(b);
}
