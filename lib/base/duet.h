/* Two threads through many short steps together: the caller leads, a thread of its pool follows.
 *
 * Each computes its half of a step, tells the other which beat it has reached, and hears of the
 * other's before it reads what the other wrote: two cache lines and no lock, some 100 ns where a
 * job of a pool costs microseconds. Beats count from 1 and only rise.
 *
 * The leader never depends on the follower. It starts together only with a follower that is
 * waiting; when a beat isn't there in time, because another program has the follower's processor,
 * it gives the piece up and does the rest alone. So the follower must not touch what the leader
 * uses otherwise: it reads and writes memory of its own, what the leader put there between
 * gru_duet_ready and gru_duet_start, and what either wrote there before telling. The leader writes
 * there again only when gru_duet_ready has said that the follower is back.
 *
 * A follower waits for the next piece about as long as one takes, then sleeps. Where pieces were
 * given up, or nothing came for a follower that was called, the leader stays alone for a while,
 * longer each time it happens again. A duet may be NULL: its leader is always alone. */
#ifndef GRU_BASE_DUET_H
#define GRU_BASE_DUET_H

#include "base/thread.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum gru_duet_side { GRU_LEADER, GRU_FOLLOWER } gru_duet_side;
typedef struct gru_duet gru_duet;

/* part(arg, 0, 1) is the follower's half of a piece. pool is borrowed until gru_duet_free; *out is
 * NULL where it has one thread only. */
gru_status gru_duet_new(gru_duet **out, gru_pool *pool, gru_task *part, void *arg, gru_error *err);
/* Waits for the follower to leave. */
void gru_duet_free(gru_duet *d);
/* Waits for the follower to leave a piece that was given up: for who changes what it reads without
 * asking gru_duet_ready. */
void gru_duet_settle(gru_duet *d);

/* ---- the leader, in this order for each piece ---- */
/* true: a follower waits, and what it will read may be written. false: be alone. */
bool gru_duet_ready(gru_duet *d);
/* The follower begins; false: it has just gone. */
bool gru_duet_start(gru_duet *d);
/* The piece is over, together or alone. */
void gru_duet_finish(gru_duet *d);

/* ---- both, within a piece ---- */
/* Who hears of `beat` may read all that `side` wrote until now. */
void gru_duet_tell(gru_duet *d, gru_duet_side side, uint32_t beat);
/* Waits until the other side has told `beat`; false, from then on, when it doesn't in time or has
 * given up. `work`: about how many multiply-adds a beat takes. */
bool gru_duet_hear(gru_duet *d, gru_duet_side side, uint32_t beat, size_t work);
/* The other side's last beat. */
uint32_t gru_duet_heard(const gru_duet *d, gru_duet_side side);

/* ---- for tests ---- */
typedef struct gru_duet_counts { /* pieces that ended together, and that were given up */
    size_t together, given_up;
} gru_duet_counts;
gru_duet_counts gru_duet_count(const gru_duet *d);
/* The sides wait for each other however long it takes. Before the first piece only. */
void gru_duet_insist(gru_duet *d);
/* `side` gives up from this beat on; 0: never. */
void gru_duet_deafen(gru_duet *d, gru_duet_side side, uint32_t beat);

#endif
