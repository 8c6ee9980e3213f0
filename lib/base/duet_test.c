/* Two threads in step, and a leader that is left by its follower in every way. */
#include "base/duet.h"

#include "base/spin.h"

#include <criterion/criterion.h>
#include <stdatomic.h>

enum { BEATS = 200 };

typedef struct piece {
    gru_duet *duet;
    int told[2][BEATS + 1]; /* what each side writes before its beats */
    bool left;              /* the follower, by the leader */
    atomic_bool hold;
    atomic_int runs;
} piece;

/* Writes one more than the other side wrote last, beat by beat; the beats that were heard. */
static int play(piece *p, gru_duet_side side) {
    int *mine = p->told[side], *other = p->told[side == GRU_LEADER];
    for (int i = 1; i <= BEATS; i++) {
        mine[i] = (i > 1 ? other[i - 1] : 0) + 1;
        gru_duet_tell(p->duet, side, (uint32_t)i);
        if (!gru_duet_hear(p->duet, side, (uint32_t)i, 1))
            return i - 1;
    }
    return BEATS;
}

static void follow(void *arg, size_t task, size_t worker) {
    piece *p = arg;
    cr_assert_eq(task, 0);
    cr_assert_eq(worker, 1);
    atomic_fetch_add(&p->runs, 1);
    while (atomic_load(&p->hold)) {
    }
    p->left = play(p, GRU_FOLLOWER) < BEATS;
}

static gru_pool *open_piece(piece *p, size_t threads) {
    gru_pool *pool;
    gru_error err;
    *p = (piece){0};
    cr_assert_eq(gru_pool_new(&pool, threads, &err), GRU_OK);
    cr_assert_eq(gru_duet_new(&p->duet, pool, follow, p, &err), GRU_OK);
    return pool;
}

static void close_piece(piece *p, gru_pool *pool) {
    gru_duet_free(p->duet);
    gru_pool_free(pool);
}

/* A piece with the follower there; what the leader heard. */
static int lead(piece *p) {
    do
        cr_assert(gru_duet_ready(p->duet));
    while (!gru_duet_start(p->duet));
    int heard = play(p, GRU_LEADER);
    gru_duet_finish(p->duet);
    return heard;
}

Test(duet, sides_read_what_the_other_told) {
    piece p;
    gru_pool *pool = open_piece(&p, 2);
    gru_duet_insist(p.duet);
    for (size_t round = 1; round <= 50; round++) {
        cr_assert_eq(lead(&p), BEATS);
        for (int i = 1; i <= BEATS; i++)
            cr_assert(p.told[GRU_LEADER][i] == i && p.told[GRU_FOLLOWER][i] == i);
        cr_assert_eq(gru_duet_heard(p.duet, GRU_LEADER), BEATS);
        cr_assert_eq(gru_duet_count(p.duet).together, round);
    }
    cr_assert_eq(gru_duet_count(p.duet).given_up, 0);
    close_piece(&p, pool);
}

Test(duet, either_side_can_give_up) {
    piece p;
    gru_pool *pool = open_piece(&p, 2);
    gru_duet_insist(p.duet);
    for (uint32_t beat = 1; beat < 20; beat++) {
        gru_duet_deafen(p.duet, GRU_LEADER, beat);
        cr_assert_eq(lead(&p), (int)beat - 1);
        gru_duet_settle(p.duet);
        cr_assert(p.left, "the follower should notice");
        gru_duet_deafen(p.duet, GRU_LEADER, 0);
        gru_duet_deafen(p.duet, GRU_FOLLOWER, beat);
        int heard = lead(&p);
        cr_assert(heard == (int)beat - 1 || heard == (int)beat, "%d", heard);
        gru_duet_settle(p.duet);
        gru_duet_deafen(p.duet, GRU_FOLLOWER, 0);
    }
    cr_assert_eq(lead(&p), BEATS);
    cr_assert_eq(gru_duet_count(p.duet).given_up, 38);
    close_piece(&p, pool);
}

/* Looks for a follower until there is one. */
static void lead_when_possible(piece *p, int *heard) {
    for (int64_t end = gru_nanoseconds() + 20000000000; gru_nanoseconds() < end;) {
        if (gru_duet_ready(p->duet) && gru_duet_start(p->duet)) {
            *heard = play(p, GRU_LEADER);
            gru_duet_finish(p->duet);
            return;
        }
        gru_duet_finish(p->duet);
    }
    cr_assert_fail("no follower in 20 seconds");
}

Test(duet, a_late_follower_is_left) {
    piece p;
    int heard;
    gru_pool *pool = open_piece(&p, 2);
    atomic_store(&p.hold, true);
    lead_when_possible(&p, &heard);
    cr_assert_eq(heard, 0);
    for (int i = 0; i < 1000; i++) {
        cr_assert_not(gru_duet_ready(p.duet), "it is still in the piece");
        gru_duet_finish(p.duet);
    }
    atomic_store(&p.hold, false);
    gru_duet_settle(p.duet);
    cr_assert(p.left);
    int64_t failed = gru_nanoseconds();
    lead_when_possible(&p, &heard);
    cr_assert(gru_nanoseconds() - failed > 500000, "so soon after a failure");
    gru_duet_settle(p.duet);
    cr_assert_eq(p.runs, 2);
    close_piece(&p, pool);
}

static void note_run(void *arg, size_t task, size_t worker) {
    (void)task;
    (void)worker;
    atomic_fetch_add((atomic_int *)arg, 1);
}

Test(duet, nobody_is_called_for_a_single_piece) {
    piece p;
    atomic_int runs = 0;
    gru_pool *pool = open_piece(&p, 2);
    cr_assert_not(gru_duet_ready(p.duet));
    gru_duet_finish(p.duet);
    cr_assert(gru_pool_lend(pool, note_run, &runs), "the thread is not lent");
    close_piece(&p, pool);
}

Test(duet, one_thread_is_always_alone) {
    piece p;
    gru_pool *pool = open_piece(&p, 1);
    cr_assert_null(p.duet);
    cr_assert_not(gru_duet_ready(p.duet));
    gru_duet_finish(p.duet);
    gru_duet_settle(p.duet);
    close_piece(&p, pool);
}
