/* Watches, one a thread, each in a block of its own so that threads share no cache line. */
#include "base/profile.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>

struct gru_profile {
    size_t threads, places;
    gru_watch **watches;
    bool running;
    uint64_t start_ticks, ticks; /* of all runs */
    double start_seconds, seconds;
};

double gru_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

gru_status gru_profile_new(gru_profile **out, size_t threads, size_t places, gru_error *err) {
    gru_profile *p;
    *out = NULL;
    if (gru_mem_new(&p, 1, sizeof *p, err))
        return err->code;
    p->places = places;
    gru_status st = gru_mem_new(&p->watches, threads, sizeof *p->watches, err);
    for (size_t i = 0; !st && i < threads; i++, p->threads++)
        st =
            gru_mem_new(&p->watches[i], 1, sizeof(gru_watch) + places * sizeof(gru_place_sum), err);
    if (st) {
        gru_profile_free(p);
        return st;
    }
    *out = p;
    return GRU_OK;
}

void gru_profile_free(gru_profile *p) {
    if (!p)
        return;
    for (size_t i = 0; i < p->threads; i++)
        free(p->watches[i]);
    free(p->watches);
    free(p);
}

void gru_profile_start(gru_profile *p, size_t place) {
    if (!p)
        return;
    p->start_seconds = gru_seconds();
    p->start_ticks = gru_ticks();
    for (size_t i = 0; i < p->threads; i++) {
        p->watches[i]->since = p->start_ticks;
        p->watches[i]->place = i ? GRU_PLACE_WAIT : place;
    }
    p->running = true;
}

void gru_profile_stop(gru_profile *p) {
    if (!p || !p->running)
        return;
    uint64_t now = gru_ticks(); /* one moment for all, so that the places add up */
    for (size_t i = 0; i < p->threads; i++)
        gru_watch_enter_at(p->watches[i], GRU_PLACE_WAIT, now);
    p->ticks += now - p->start_ticks;
    p->seconds += gru_seconds() - p->start_seconds;
    p->running = false;
}

gru_watch *gru_profile_watch(gru_profile *p, size_t thread) {
    return p && p->running ? p->watches[thread] : NULL;
}

size_t gru_profile_threads(const gru_profile *p) {
    return p->threads;
}

double gru_profile_total(const gru_profile *p) {
    return p->seconds;
}

double gru_profile_seconds(const gru_profile *p, size_t place) {
    double ticks = 0, all = (double)p->ticks * (double)p->threads;
    for (size_t i = 0; i < p->threads; i++)
        ticks += (double)p->watches[i]->sums[place].ticks;
    return all > 0 ? p->seconds * ticks / all : 0;
}

double gru_profile_work(const gru_profile *p, size_t place) {
    double work = 0;
    for (size_t i = 0; i < p->threads; i++)
        work += p->watches[i]->sums[place].work;
    return work;
}
