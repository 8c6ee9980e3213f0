/* Stages in threads, each counting the items it is through with, under one lock. */
#include "base/relay.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct stage {
    gru_relay *relay;
    gru_relay_stage *work;
    size_t done; /* items that it is through with */
    pthread_t thread;
} stage;

struct gru_relay {
    size_t count, slots;
    void *arg;
    size_t limit; /* the first item that failed; none after it is begun */
    gru_error error;
    bool stop;
    pthread_mutex_t lock;
    pthread_cond_t change;
    stage stages[]; /* [count + 1], the caller first */
};

/* Waits until the stage is through with `items`, or with all that will ever come. */
static void wait_for(gru_relay *r, const stage *s, size_t items) {
    while (s->done < items && s->done < r->limit && !r->stop)
        pthread_cond_wait(&r->change, &r->lock);
}

static void note_failure(gru_relay *r, size_t item, const gru_error *error) {
    if (item < r->limit) {
        r->limit = item;
        r->error = *error;
    }
}

static void *run_stage(void *arg) {
    stage *s = arg;
    gru_relay *r = s->relay;
    pthread_mutex_lock(&r->lock);
    for (size_t item = 0;; item++) {
        wait_for(r, s - 1, item + 1);
        if (r->stop || item >= r->limit)
            break;
        gru_error error = {0};
        pthread_mutex_unlock(&r->lock);
        gru_status status = s->work(r->arg, item % r->slots, &error);
        pthread_mutex_lock(&r->lock);
        if (status != GRU_OK)
            note_failure(r, item, &error);
        else
            s->done++;
        pthread_cond_broadcast(&r->change);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

gru_status gru_relay_new(gru_relay **out, gru_relay_stage *const stages[], size_t count,
                         size_t slots, void *arg, gru_error *err) {
    size_t bytes = sizeof(gru_relay) + (count + 1) * sizeof(stage);
    gru_relay *r = *out = calloc(1, bytes);
    if (!r)
        return gru_error_memory(err, bytes);
    r->slots = slots;
    r->arg = arg;
    r->limit = SIZE_MAX;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->change, NULL);
    for (; r->count < count; r->count++) {
        stage *s = &r->stages[r->count + 1];
        s->relay = r;
        s->work = stages[r->count];
        int failure = pthread_create(&s->thread, NULL, run_stage, s);
        if (failure) {
            gru_relay_free(r);
            *out = NULL;
            return gru_error_set(err, GRU_ERR_IO, "cannot start a thread: %s", strerror(failure));
        }
    }
    return GRU_OK;
}

void gru_relay_free(gru_relay *r) {
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->change);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 1; i <= r->count; i++)
        pthread_join(r->stages[i].thread, NULL);
    pthread_cond_destroy(&r->change);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* Waits until the last stage is through with `items`, or with those before the first failure. */
static gru_status wait_for_last(gru_relay *r, size_t items, gru_error *err) {
    wait_for(r, &r->stages[r->count], items);
    if (r->limit == SIZE_MAX)
        return GRU_OK;
    wait_for(r, &r->stages[r->count], r->limit); /* which may fall meanwhile */
    *err = r->error;
    return err->code;
}

gru_status gru_relay_pass(gru_relay *r, size_t *slot, gru_error *err) {
    pthread_mutex_lock(&r->lock);
    size_t item = ++r->stages[0].done;
    pthread_cond_broadcast(&r->change);
    size_t through = item < r->slots ? 0 : item - r->slots + 1;
    gru_status status = wait_for_last(r, through, err);
    pthread_mutex_unlock(&r->lock);
    *slot = item % r->slots;
    return status;
}

gru_status gru_relay_end(gru_relay *r, gru_error *err) {
    pthread_mutex_lock(&r->lock);
    gru_status status = wait_for_last(r, r->stages[0].done, err);
    pthread_mutex_unlock(&r->lock);
    return status;
}
