/* Batches of samples of similar length, so that little is computed of padding.
 *
 * The network skips the steps before and after the valid ones of all rows of a slice (kern.h's
 * lanes), so what padding costs depends on which rows share a slice. An epoch is shuffled as ever;
 * runs of 64 batches of it are sorted by length, cut into batches, and the batches shuffled. The
 * rows left over at the end, less than a batch, stay as they were drawn, lest the longest of the
 * last run always share the short batch. All of it depends on seed and epoch only. */
#ifndef GRU_TRAIN_BUCKET_H
#define GRU_TRAIN_BUCKET_H

#include "nn/model.h"
#include "train/dataset.h"

/* Whether rows of this kind can differ in length for the model: by a field len, or because its
 * embedding masks padding. */
bool gru_rows_differ(const gru_model *m, const gru_record_spec *spec);
/* The row's steps first … end − 1 are all that count; none: first = end = 0. */
void gru_row_span(const gru_model *m, const gru_record_spec *spec, const unsigned char *record,
                  uint32_t *first, uint32_t *end);

typedef struct gru_buckets gru_buckets;

/* Reads the length of each sample; samples is copied, its set borrowed. */
gru_status gru_buckets_new(gru_buckets **out, const gru_model *m, gru_samples samples, size_t batch,
                           gru_error *err);
void gru_buckets_free(gru_buckets *b);
/* order[count], shuffled, becomes that of an epoch. */
void gru_buckets_epoch(gru_buckets *b, uint32_t *order, uint64_t seed, uint64_t epoch);
/* order[count] = all rows, the shortest first. */
void gru_buckets_ascending(gru_buckets *b, uint32_t *order);
/* The share of the computed steps that lie within the span of their row, 0 … 1. */
double gru_buckets_useful(const gru_buckets *b, const uint32_t *order);

#endif
