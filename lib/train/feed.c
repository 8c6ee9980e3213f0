/* Batches, read ahead by a thread where the set is large (feed.h).
 *
 * The thread reads a group of batches at a time, since waking it costs more than reading a short
 * record. It and the caller share one lock: `wanted` groups may be read, `read` of them are; the
 * caller wants one more than it is in, so two buffers are enough. */
#include "train/feed.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_BYTES = 1 << 20 };

struct gru_feed {
    gru_samples samples;
    size_t batch, batches, bytes;
    size_t group; /* batches, 1 without a thread */
    const uint32_t *order;
    const unsigned char **records[2]; /* [group × batch] */
    unsigned char *buffer[2];         /* [group × batch] records; NULL: a small set */
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

/* Neighbours in the file are read together. */
static gru_status read_group(gru_feed *f, size_t group, gru_error *err) {
    size_t most = f->group * f->batch, start = group * most, rows = rows_from(f, start, most);
    gru_status status = GRU_OK;
    for (size_t i = 0, run; status == GRU_OK && i < rows; i += run) {
        size_t first = row_at(f, start + i);
        for (run = 1; i + run < rows && row_at(f, start + i + run) == first + run;) {
            run++;
        }
        status =
            gru_dataset_read(f->samples.set, first, run, f->buffer[group % 2] + i * f->bytes, err);
    }
    return status;
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

static gru_status start_thread(gru_feed *f, gru_error *err) {
    for (int k = 0; k < 2; k++) {
        if (gru_mem_new(&f->buffer[k], f->group * f->batch, f->bytes, err)) {
            return err->code;
        }
        for (size_t i = 0; i < f->group * f->batch; i++) {
            f->records[k][i] = f->buffer[k] + i * f->bytes;
        }
    }
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

gru_status gru_feed_new(gru_feed **out, gru_samples samples, size_t batch, gru_error *err) {
    gru_feed *f;
    *out = NULL;
    if (gru_mem_new(&f, 1, sizeof *f, err)) {
        return err->code;
    }
    f->samples = samples;
    f->batch = batch < samples.count ? batch : samples.count;
    f->batches = f->batch ? (samples.count + f->batch - 1) / f->batch : 0;
    f->bytes = gru_dataset_spec(samples.set)->bytes;
    f->taken = f->batches;
    bool ahead = gru_dataset_large(samples.set);
    size_t group = ahead ? GROUP_BYTES / f->bytes / (f->batch ? f->batch : 1) : 1;
    group = group < f->batches ? group : f->batches;
    f->group = group ? group : 1;
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
    if (!f) {
        return;
    }
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
    free(f);
}

void gru_feed_start(gru_feed *f, const uint32_t *order, size_t batch) {
    if (f->started) {
        pthread_mutex_lock(&f->lock);
        while (f->read < f->wanted && f->status == GRU_OK) { /* of a pass that was left */
            pthread_cond_wait(&f->change, &f->lock);
        }
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
    while (f->read <= group && f->status == GRU_OK) {
        pthread_cond_wait(&f->change, &f->lock);
    }
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
    if (batch >= f->batches) {
        return GRU_OK;
    }
    if (f->started && await(f, group, err)) {
        return err->code;
    }
    *rows = rows_from(f, start, f->batch);
    *records = f->records[group % 2] + batch % f->group * f->batch;
    for (size_t i = 0; !f->started && i < *rows; i++) {
        f->records[group % 2][i] = gru_dataset_record(f->samples.set, row_at(f, start + i));
    }
    f->taken++;
    return GRU_OK;
}
