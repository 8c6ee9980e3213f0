/* Batches, read ahead by a thread where the set is large (feed.h).
 *
 * The thread reads a group of batches at a time. It and the caller share one lock: `wanted` groups
 * may be read, `read` of them are; the caller wants one more than it is in, so two buffers are
 * enough.
 *
 * A call to the system costs as much as copying a few kilobytes, more than training a tiny network
 * on a row. So the rows of a group are sorted by the piece of the file they are in, and a piece of
 * which many are wanted is read whole and its rows picked out. */
#include "train/feed.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    GROUP_SHARE = 8, /* so that an epoch reads the file at most 8 times */
    GROUP_LEAST = 8 << 20,
    GROUP_MOST = 32 << 20,
    PIECE_BYTES = 256 << 10, /* stays in the second-level cache */
    HOLE_BYTES = 4 << 10     /* from row to row that cost no more than reading each by itself */
};

struct gru_feed {
    gru_samples samples;
    size_t batch, batches, bytes;
    size_t group; /* batches, 1 without a thread */
    const uint32_t *order;
    const unsigned char **records[2]; /* [group × batch] */
    unsigned char *buffer[2];         /* [group × batch] records; NULL: a small set */
    size_t piece_rows;
    unsigned char *piece; /* [piece_rows] records */
    uint32_t *by_piece; /* [group × batch]: places in a group, sorted by the piece of their row */
    uint32_t *ends;     /* [pieces + 1]: where the next place of a piece goes, then its end */
    size_t taken;
    /* with a thread, under the lock: */
    size_t wanted, read;
    bool stop, started;
    gru_status status;
    gru_error error;
    pthread_mutex_t lock;
    pthread_cond_t change;
    pthread_t thread;
};

/* At most `most` rows are left from row `start` on. */
static size_t rows_from(const gru_feed *f, size_t start, size_t most) {
    size_t left = f->samples.count - start;
    return left < most ? left : most;
}

static size_t row_at(const gru_feed *f, size_t i) {
    return f->samples.start + (f->order ? f->order[i] : i);
}

/* A counting sort, which leaves in ends[p] where piece p's places end. */
static void sort_by_piece(gru_feed *f, size_t start, size_t rows, size_t pieces) {
    memset(f->ends, 0, (pieces + 1) * sizeof *f->ends);
    for (size_t i = 0; i < rows; i++)
        f->ends[row_at(f, start + i) / f->piece_rows + 1]++;
    for (size_t p = 1; p <= pieces; p++)
        f->ends[p] += f->ends[p - 1];
    for (size_t i = 0; i < rows; i++)
        f->by_piece[f->ends[row_at(f, start + i) / f->piece_rows]++] = (uint32_t)i;
}

/* The rows of a group that begins at `start` and lie in piece p: places[count] of the group. */
static gru_status read_piece(gru_feed *f, size_t p, size_t start, const uint32_t *places,
                             size_t count, unsigned char *to, gru_error *err) {
    const gru_dataset *set = f->samples.set;
    size_t first = p * f->piece_rows, left = gru_dataset_count(set) - first;
    size_t length = left < f->piece_rows ? left : f->piece_rows;
    bool whole = length * f->bytes <= count * HOLE_BYTES;
    gru_status status = whole ? gru_dataset_read(set, first, length, f->piece, err) : GRU_OK;
    for (size_t k = 0; status == GRU_OK && k < count; k++) {
        size_t row = row_at(f, start + places[k]);
        unsigned char *record = to + places[k] * f->bytes;
        if (whole)
            memcpy(record, f->piece + (row - first) * f->bytes, f->bytes);
        else
            status = gru_dataset_read(set, row, 1, record, err);
    }
    return status;
}

static size_t piece_count(const gru_feed *f) {
    return (gru_dataset_count(f->samples.set) + f->piece_rows - 1) / f->piece_rows;
}

static gru_status read_group(gru_feed *f, size_t group, gru_error *err) {
    size_t most = f->group * f->batch, start = group * most, rows = rows_from(f, start, most);
    size_t pieces = piece_count(f);
    unsigned char *to = f->buffer[group % 2];
    if (!f->order)
        return gru_dataset_read(f->samples.set, row_at(f, start), rows, to, err);
    sort_by_piece(f, start, rows, pieces);
    for (size_t p = 0, from = 0; p < pieces; from = f->ends[p++]) {
        size_t count = f->ends[p] - from;
        if (count && read_piece(f, p, start, f->by_piece + from, count, to, err))
            return err->code;
    }
    return GRU_OK;
}

static void *read_ahead(void *arg) {
    gru_feed *f = arg;
    pthread_mutex_lock(&f->lock);
    while (!f->stop) {
        if (f->read >= f->wanted || f->status != GRU_OK) {
            pthread_cond_wait(&f->change, &f->lock);
            continue;
        }
        size_t group = f->read;
        gru_error error = {0};
        pthread_mutex_unlock(&f->lock);
        gru_status status = read_group(f, group, &error);
        pthread_mutex_lock(&f->lock);
        f->status = status;
        f->error = error;
        f->read++;
        pthread_cond_broadcast(&f->change);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static gru_status new_buffers(gru_feed *f, gru_error *err) {
    size_t rows = f->group * f->batch;
    f->piece_rows = f->bytes < PIECE_BYTES ? PIECE_BYTES / f->bytes : 1;
    for (int k = 0; k < 2; k++) {
        if (gru_mem_new(&f->buffer[k], rows, f->bytes, err))
            return err->code;
        for (size_t i = 0; i < rows; i++)
            f->records[k][i] = f->buffer[k] + i * f->bytes;
    }
    if (gru_mem_new(&f->piece, f->piece_rows, f->bytes, err) ||
        gru_mem_new(&f->by_piece, rows, sizeof *f->by_piece, err) ||
        gru_mem_new(&f->ends, piece_count(f) + 1, sizeof *f->ends, err))
        return err->code;
    return GRU_OK;
}

static gru_status start_thread(gru_feed *f, gru_error *err) {
    if (new_buffers(f, err))
        return err->code;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->change, NULL);
    int failure = pthread_create(&f->thread, NULL, read_ahead, f);
    if (failure) {
        pthread_mutex_destroy(&f->lock);
        pthread_cond_destroy(&f->change);
        return gru_error_set(err, GRU_ERR_IO, "cannot start a thread: %s", strerror(failure));
    }
    f->started = true;
    return GRU_OK;
}

/* Batches of a group. */
static size_t group_size(const gru_feed *f) {
    size_t rows = f->samples.count / GROUP_SHARE;
    size_t least = GROUP_LEAST / f->bytes, most = GROUP_MOST / f->bytes;
    rows = rows < least ? least : rows > most ? most : rows;
    size_t group = rows / f->batch < f->batches ? rows / f->batch : f->batches;
    return group ? group : 1;
}

gru_status gru_feed_new(gru_feed **out, gru_samples samples, size_t batch, gru_error *err) {
    gru_feed *f;
    *out = NULL;
    if (gru_mem_new(&f, 1, sizeof *f, err))
        return err->code;
    f->samples = samples;
    f->batch = batch < samples.count ? batch : samples.count;
    f->batches = f->batch ? (samples.count + f->batch - 1) / f->batch : 0;
    f->bytes = gru_dataset_spec(samples.set)->bytes;
    f->taken = f->batches;
    bool ahead = gru_dataset_large(samples.set);
    f->group = ahead && f->batch ? group_size(f) : 1;
    if (gru_mem_new(&f->records[0], f->group * f->batch, sizeof **f->records, err) ||
        gru_mem_new(&f->records[1], f->group * f->batch, sizeof **f->records, err) ||
        (ahead && start_thread(f, err))) {
        gru_feed_free(f);
        return err->code;
    }
    *out = f;
    return GRU_OK;
}

void gru_feed_free(gru_feed *f) {
    if (!f)
        return;
    if (f->started) {
        pthread_mutex_lock(&f->lock);
        f->stop = true;
        pthread_cond_broadcast(&f->change);
        pthread_mutex_unlock(&f->lock);
        pthread_join(f->thread, NULL);
        pthread_mutex_destroy(&f->lock);
        pthread_cond_destroy(&f->change);
    }
    for (int k = 0; k < 2; k++) {
        free(f->records[k]);
        free(f->buffer[k]);
    }
    free(f->piece);
    free(f->by_piece);
    free(f->ends);
    free(f);
}

void gru_feed_start(gru_feed *f, const uint32_t *order, size_t batch) {
    if (f->started) {
        pthread_mutex_lock(&f->lock);
        while (f->read < f->wanted && f->status == GRU_OK) /* of a pass that was left */
            pthread_cond_wait(&f->change, &f->lock);
        f->status = GRU_OK;
        f->read = batch / f->group;
        f->wanted = f->read + (batch < f->batches);
        f->order = order;
        pthread_cond_broadcast(&f->change);
        pthread_mutex_unlock(&f->lock);
    } else {
        f->order = order;
    }
    f->taken = batch;
}

/* Waits for the group, and lets the thread begin the one after it. */
static gru_status await(gru_feed *f, size_t group, gru_error *err) {
    pthread_mutex_lock(&f->lock);
    while (f->read <= group && f->status == GRU_OK)
        pthread_cond_wait(&f->change, &f->lock);
    gru_status status = f->status;
    if (status != GRU_OK) {
        *err = f->error;
    } else if ((group + 1) * f->group < f->batches && f->wanted < group + 2) {
        f->wanted = group + 2;
        pthread_cond_broadcast(&f->change);
    }
    pthread_mutex_unlock(&f->lock);
    return status;
}

gru_status gru_feed_next(gru_feed *f, const unsigned char *const **records, size_t *rows,
                         gru_error *err) {
    size_t batch = f->taken, group = batch / f->group, start = batch * f->batch;
    *rows = 0;
    if (batch >= f->batches)
        return GRU_OK;
    if (f->started && await(f, group, err))
        return err->code;
    *rows = rows_from(f, start, f->batch);
    *records = f->records[group % 2] + batch % f->group * f->batch;
    for (size_t i = 0; !f->started && i < *rows; i++)
        f->records[group % 2][i] = gru_dataset_record(f->samples.set, row_at(f, start + i));
    f->taken++;
    return GRU_OK;
}
