/* The batches of a pass over samples, in a given order.
 *
 * Of a large set (dataset.h) a thread of the feed's own reads the next batches while the caller
 * works on those it has. A small set is used where it lies. The rows are the same either way. */
#ifndef GRU_TRAIN_FEED_H
#define GRU_TRAIN_FEED_H

#include "train/dataset.h"

typedef struct gru_feed gru_feed;

/* samples is copied, its set borrowed. All memory for batches of `batch` rows is taken here. */
gru_status gru_feed_new(gru_feed **out, gru_samples samples, size_t batch, gru_error *err);
void gru_feed_free(gru_feed *f);
/* Begins at a batch (from 0). order[samples.count] is borrowed until the pass's last batch was
 * taken, or the next start; NULL: as the samples come. */
void gru_feed_start(gru_feed *f, const uint32_t *order, size_t batch);
/* The next batch; *rows 0 past the last. Valid until the next call. */
gru_status gru_feed_next(gru_feed *f, const unsigned char *const **records, size_t *rows,
                         gru_error *err);

#endif
