/* Batches of a set that is read and of one that lies in memory. */
#include "train/feed.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEPS = 127, BATCH = 300 };

static gru_error err;
static char path[] = "/tmp/gru-feed-XXXXXX";

/* Row i holds i in each step. */
static gru_dataset *make(uint32_t rows) {
    gru_dataset *set;
    char header[128];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\0\x76\0", 10);
    int n = snprintf(header + 10, sizeof header - 10,
                     "{'descr': '<i4', 'fortran_order': False, 'shape': (%u, %d)}", rows, STEPS);
    header[10 + n] = ' ';
    header[127] = '\n';
    FILE *f = fdopen(mkstemp(path), "wb");
    fwrite(header, 1, sizeof header, f);
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t ids[STEPS];
        for (int t = 0; t < STEPS; t++)
            ids[t] = i;
        fwrite(ids, sizeof *ids, STEPS, f);
    }
    fclose(f);
    cr_assert_eq(gru_dataset_open(&set, path, &err), GRU_OK, "%s", err.message);
    return set;
}

static long resident_kib(void) {
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%ld %ld", &pages, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* All rows from a batch on, in the order that was given. */
static void pass(gru_feed *f, gru_samples s, const uint32_t *order, size_t batch) {
    const unsigned char *const *records;
    size_t rows = 1, at = batch * BATCH;
    gru_feed_start(f, order, batch);
    while (rows > 0) {
        cr_assert_eq(gru_feed_next(f, &records, &rows, &err), GRU_OK, "%s", err.message);
        for (size_t i = 0; i < rows; i++, at++) {
            uint32_t first, last, wanted = (uint32_t)s.start + (order ? order[at] : (uint32_t)at);
            memcpy(&first, records[i], sizeof first);
            memcpy(&last, records[i] + (STEPS - 1) * sizeof last, sizeof last);
            cr_assert(first == wanted && last == wanted, "%zu: %u, %u", at, first, last);
        }
    }
    cr_assert_eq(at, s.count);
}

static void all_passes(gru_samples s) {
    uint32_t *order = malloc(s.count * sizeof *order);
    const unsigned char *const *records;
    gru_feed *f;
    size_t rows;
    cr_assert_eq(gru_feed_new(&f, s, BATCH, &err), GRU_OK, "%s", err.message);
    gru_order_shuffle(order, s.count, 42, 0);
    pass(f, s, order, 0);
    gru_order_shuffle(order, s.count, 42, 1);
    pass(f, s, order, 3);
    gru_feed_start(f, order, 0); /* a pass that is left */
    cr_assert_eq(gru_feed_next(f, &records, &rows, &err), GRU_OK);
    pass(f, s, NULL, 1);
    pass(f, s, NULL, (s.count + BATCH - 1) / BATCH - 1);
    gru_feed_start(f, order, 0);
    gru_feed_free(f);
    free(order);
}

Test(feed, a_small_set_is_used_where_it_lies) {
    gru_dataset *set = make(1000);
    unlink(path);
    cr_assert_not(gru_dataset_large(set));
    all_passes((gru_samples){set, 10, 980});
    gru_dataset_close(set);
}

Test(feed, a_large_file_is_read_and_does_not_stay_resident) {
    long before = resident_kib();
    gru_dataset *set = make(140000); /* 68 MiB */
    unlink(path);
    cr_assert(gru_dataset_large(set));
    all_passes((gru_samples){set, 7, 139990}); /* of the last group few rows a piece */
    long grown = resident_kib() - before;
    cr_assert_lt(grown, 30000, "%ld KiB", grown);
    gru_dataset_close(set);
}

Test(feed, a_file_that_is_cut_is_an_error) {
    gru_dataset *set = make(140000);
    gru_feed *f;
    const unsigned char *const *records;
    size_t rows;
    cr_assert_eq(gru_feed_new(&f, (gru_samples){set, 0, 140000}, BATCH, &err), GRU_OK);
    cr_assert_eq(truncate(path, 100000), 0);
    const unsigned char *record;
    cr_assert_eq(gru_dataset_look(set, 5000, &record, &err), GRU_ERR_DATA);
    cr_assert(strstr(err.message, "was cut while it was in use"), "%s", err.message);
    gru_feed_start(f, NULL, 0);
    cr_assert_eq(gru_feed_next(f, &records, &rows, &err), GRU_ERR_DATA);
    cr_assert(strstr(err.message, "was cut while it was in use"), "%s", err.message);
    gru_feed_free(f);
    gru_dataset_close(set);
    unlink(path);
}

Test(feed, a_small_file_may_be_cut_once_it_is_open) {
    gru_dataset *set = make(1000);
    cr_assert_eq(truncate(path, 0), 0);
    all_passes((gru_samples){set, 0, 1000});
    gru_dataset_close(set);
    unlink(path);
}
