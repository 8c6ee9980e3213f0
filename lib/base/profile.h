/* Where the time goes: every thread has a watch, which is always in one place.
 *
 * Entering a place ends the stay in the last one, so a thread's places add up to the whole time and
 * nothing is left out. Places are numbers that the caller hands out; 0 is waiting for other
 * threads. Who is not profiled has no watch: everything here takes NULL and does nothing, at the
 * price of a branch. A step from place to place costs a read of the processor's cycle counter. */
#ifndef GRU_BASE_PROFILE_H
#define GRU_BASE_PROFILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { GRU_PLACE_WAIT = 0 };

typedef struct gru_place_sum {
    uint64_t ticks;
    double work; /* as gru_watch_work counted it; operations, say */
} gru_place_sum;

/* Used by its own thread only while the profile runs. */
typedef struct gru_watch {
    uint64_t since; /* when it entered its place */
    size_t place;
    gru_place_sum sums[]; /* [places] */
} gru_watch;

typedef struct gru_profile gru_profile;

/* Ticks of one counter for the whole machine; how long one is, a profile finds out by itself. */
static inline uint64_t gru_ticks(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}

/* Seconds since some moment in the past; not changed by setting the clock. */
double gru_seconds(void);

static inline void gru_watch_enter_at(gru_watch *w, size_t place, uint64_t now) {
    w->sums[w->place].ticks += now > w->since ? now - w->since : 0;
    w->since = now;
    w->place = place;
}
static inline void gru_watch_enter(gru_watch *w, size_t place) {
    if (w)
        gru_watch_enter_at(w, place, gru_ticks());
}
static inline size_t gru_watch_place(const gru_watch *w) {
    return w ? w->place : (size_t)GRU_PLACE_WAIT;
}
static inline void gru_watch_work(gru_watch *w, size_t place, double amount) {
    if (w)
        w->sums[place].work += amount;
}

gru_status gru_profile_new(gru_profile **out, size_t threads, size_t places, gru_error *err);
void gru_profile_free(gru_profile *p);
/* The watches run between start and stop, which may follow one another many times. The caller's
 * thread, number 0, starts in `place`, the others wait; no other thread may be working then. */
void gru_profile_start(gru_profile *p, size_t place);
void gru_profile_stop(gru_profile *p);
/* NULL unless the profile runs. */
gru_watch *gru_profile_watch(gru_profile *p, size_t thread);
size_t gru_profile_threads(const gru_profile *p);
/* Seconds between start and stop so far. */
double gru_profile_total(const gru_profile *p);
/* Seconds in a place, the mean over the threads: so that all places add up to the total. */
double gru_profile_seconds(const gru_profile *p, size_t place);
/* Work in a place, of all threads together. */
double gru_profile_work(const gru_profile *p, size_t place);

#endif
