/* Two threads in step. `state` says where the follower is, and who may change that:
 *
 *     ABSENT  → COMING   the leader, who borrows the pool's thread
 *     COMING  → WAITING  the follower, arriving
 *     WAITING → CALLED   the leader, starting a piece
 *     CALLED  → WAITING  the follower, having left the piece
 *     WAITING → ABSENT   the follower, having waited long enough */
#include "base/duet.h"

#include "base/mem.h"
#include "base/spin.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { ABSENT, COMING, WAITING, CALLED };

/* Nanoseconds. PATIENCE: for a beat, besides its work; the follower has more, as nothing waits for
 * its processor but other programs. LINGER: for a piece. ALONE: after a failure. */
enum {
    PATIENCE = 30000,
    FOLLOWER_PATIENCE = 50000,
    WORK_A_NANOSECOND = 8,
    LINGER_LEAST = 20000,
    LINGER_MOST = 1000000,
    ALONE_LEAST = 250000,
    ALONE_MOST = 32000000,
    WELL_ENOUGH = 100000000, /* without a failure, to be alone for ALONE_LEAST only */
    LOOKS = 16,              /* between two looks at the clock */
    LINE = 128               /* bytes; processors fetch cache lines in pairs */
};

typedef struct told {
    _Atomic uint32_t beat;
    char rest[LINE - sizeof(uint32_t)];
} told;

struct gru_duet {
    told told[2];
    atomic_int state;
    atomic_bool given_up, closing;
    _Atomic int64_t pace; /* what the leader's last piece took */
    gru_pool *pool;
    gru_task *part;
    void *arg;
    uint32_t deaf[2];
    bool insist;
    char rest[LINE];
    /* the leader's own */
    int64_t began, since, alone_until; /* since: the pieces end together */
    bool together, called, again;
    gru_duet_counts counts;
};

gru_status gru_duet_new(gru_duet **out, gru_pool *pool, gru_task *part, void *arg, gru_error *err) {
    *out = NULL;
    if (gru_pool_threads(pool) == 1)
        return GRU_OK;
    gru_status st = gru_mem_new(out, 1, sizeof **out, err);
    if (st)
        return st;
    gru_duet *d = *out;
    d->pool = pool;
    d->part = part;
    d->arg = arg;
    return GRU_OK;
}

/* The follower may need a processor that this thread has. */
static void wait_while(gru_duet *d, int first, int last) {
    for (int state; (state = atomic_load(&d->state)) >= first && state <= last;)
        sched_yield();
}

void gru_duet_settle(gru_duet *d) {
    if (d)
        wait_while(d, CALLED, CALLED);
}

void gru_duet_free(gru_duet *d) {
    if (!d)
        return;
    atomic_store(&d->closing, true);
    wait_while(d, COMING, CALLED);
    free(d);
}

/* ---- the follower between pieces ---- */
/* Twice a piece: who is called in the middle of one that the leader does alone waits for its end,
 * too. */
static int64_t linger(const gru_duet *d) {
    int64_t time = 2 * atomic_load_explicit(&d->pace, memory_order_relaxed);
    return time < LINGER_LEAST ? LINGER_LEAST : time > LINGER_MOST ? LINGER_MOST : time;
}

/* true when a piece has started; false when it is time to go. */
static bool await_piece(gru_duet *d) {
    int64_t until = gru_nanoseconds() + linger(d);
    for (unsigned i = 1;; i++) {
        if (atomic_load_explicit(&d->state, memory_order_acquire) == CALLED)
            return true;
        gru_relax();
        bool over = atomic_load_explicit(&d->closing, memory_order_relaxed) ||
                    (i % LOOKS == 0 && gru_nanoseconds() >= until && !d->insist);
        int waiting = WAITING;
        if (over)
            return !atomic_compare_exchange_strong(&d->state, &waiting, ABSENT);
    }
}

/* A gru_task: the follower from its coming to its going. */
static void follow(void *arg, size_t task, size_t worker) {
    gru_duet *d = arg;
    atomic_store(&d->state, WAITING);
    while (await_piece(d)) {
        d->part(d->arg, task, worker);
        atomic_store(&d->state, WAITING);
    }
}

/* ---- the leader ---- */
/* Alone for a while: the longer, the sooner it failed. */
static void fail(gru_duet *d, int64_t now, int64_t well) {
    int64_t alone = well > 0 ? WELL_ENOUGH / well * ALONE_LEAST : ALONE_MOST;
    d->alone_until = now + (alone < ALONE_LEAST  ? ALONE_LEAST
                            : alone > ALONE_MOST ? ALONE_MOST
                                                 : alone);
    d->since = 0;
}

/* Who comes for the second time will perhaps come often. */
static void call(gru_duet *d, int64_t now) {
    if (d->called) {
        d->called = false;
        fail(d, now, 0);
    } else if (d->again) {
        atomic_store(&d->state, COMING);
        d->called = gru_pool_lend(d->pool, follow, d);
        if (!d->called)
            atomic_store(&d->state, ABSENT);
    }
}

static bool look_for_follower(gru_duet *d) {
    int state = atomic_load_explicit(&d->state, memory_order_acquire);
    int64_t now = d->began = gru_nanoseconds();
    d->together = false;
    if (now < d->alone_until && !d->insist)
        return false;
    if (state == ABSENT)
        call(d, now);
    d->again = true;
    return state == WAITING;
}

bool gru_duet_ready(gru_duet *d) {
    bool ready = d && look_for_follower(d);
    while (d && d->insist && !ready) {
        sched_yield();
        ready = look_for_follower(d);
    }
    return ready;
}

bool gru_duet_start(gru_duet *d) {
    int waiting = WAITING;
    for (int i = 0; i < 2; i++)
        atomic_store_explicit(&d->told[i].beat, 0, memory_order_relaxed);
    atomic_store_explicit(&d->given_up, false, memory_order_relaxed);
    d->called = false;
    d->together = atomic_compare_exchange_strong(&d->state, &waiting, CALLED);
    d->since = d->since ? d->since : d->began;
    return d->together;
}

void gru_duet_finish(gru_duet *d) {
    if (!d || !d->began)
        return;
    int64_t now = gru_nanoseconds();
    atomic_store_explicit(&d->pace, now - d->began, memory_order_relaxed);
    d->began = 0;
    if (!d->together)
        return;
    if (atomic_load_explicit(&d->given_up, memory_order_relaxed)) {
        d->counts.given_up++;
        fail(d, now, now - d->since);
    } else {
        d->counts.together++;
    }
}

/* ---- both ---- */
void gru_duet_tell(gru_duet *d, gru_duet_side side, uint32_t beat) {
    atomic_store_explicit(&d->told[side].beat, beat, memory_order_release);
}

static const told *other_side(const gru_duet *d, gru_duet_side side) {
    return &d->told[side == GRU_LEADER ? GRU_FOLLOWER : GRU_LEADER];
}

uint32_t gru_duet_heard(const gru_duet *d, gru_duet_side side) {
    return atomic_load_explicit(&other_side(d, side)->beat, memory_order_acquire);
}

static bool give_up(gru_duet *d) {
    atomic_store_explicit(&d->given_up, true, memory_order_relaxed);
    return false;
}

bool gru_duet_hear(gru_duet *d, gru_duet_side side, uint32_t beat, size_t work) {
    const told *other = other_side(d, side);
    int64_t until = 0;
    if (d->deaf[side] && beat >= d->deaf[side])
        return give_up(d);
    for (unsigned i = 1; atomic_load_explicit(&other->beat, memory_order_acquire) < beat; i++) {
        if (atomic_load_explicit(&d->given_up, memory_order_relaxed))
            return false;
        gru_relax();
        if (i % LOOKS)
            continue;
        int64_t now = gru_nanoseconds();
        if (d->insist)
            sched_yield();
        else if (!until)
            until = now + (side == GRU_LEADER ? PATIENCE : FOLLOWER_PATIENCE) +
                    (int64_t)(work / WORK_A_NANOSECOND);
        else if (now >= until)
            return give_up(d);
    }
    return true;
}

gru_duet_counts gru_duet_count(const gru_duet *d) {
    return d ? d->counts : (gru_duet_counts){0};
}

void gru_duet_insist(gru_duet *d) {
    d->insist = true;
}

void gru_duet_deafen(gru_duet *d, gru_duet_side side, uint32_t beat) {
    d->deaf[side] = beat;
}
