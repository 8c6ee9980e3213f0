/* Which part of one sequence two threads compute, and what they do once they have parted.
 *
 * Large layers are shared, step by step (single_share.c). Of the last of these only the first steps
 * are: from then on the leader has that layer alone and tells its states, while the follower
 * computes what comes after it, from the first step on. News go one way only, so that nobody waits
 * for them however long they are on their way, and the weights of what a thread computes stay in
 * its caches. They part where both will have finished at about the same time. */
#include "nn/single_private.h"

#include <string.h>

enum {
    L = GRU_LANES,
    BOTH = GRU_LONE_LOW | GRU_LONE_HIGH,
    ALL = GRU_LONE_RESETS | GRU_LONE_STATES
};
/* Recurrent weights of a layer that makes a second thread worth its while, and of another that is
 * faster with it once it is there. A thread's half of a step should take several times as long as
 * the news of it are on their way: 50 to 200 ns, as the processors lie. */
enum { WORTH_CALLING = 16000, WORTH_SHARING = 9000 };
/* Steps that the follower takes at once while it is behind; the rows of a product go by fours. */
enum { STRETCH = 16, FOUR = 4 };

/* ---- the plan ---- */
/* What a step takes, in weights of a state: these are read again for each step. A weight of the
 * layer's input serves several steps, and takes two fifths of that. */
static size_t recurrent_cost(const gru_layer *l) {
    return gru_layer_recurrent(l) ? l->units * l->units * gru_layer_gates(l) : 0;
}
static size_t input_cost(const gru_layer_plan *p) {
    size_t gates = gru_layer_recurrent(p->layer) ? gru_layer_gates(p->layer) : 1;
    return p->in.units * p->layer->units * gates * 2 / 5;
}

/* The end of the layers from `first` on that can be computed step by step behind what is below. */
static size_t end_of_rest(const gru_plan *plan, size_t first) {
    for (size_t i = first; i < plan->count; i++) {
        const gru_layer *l = plan->layers[i].layer;
        if (!plan->layers[i].in.sequence || l->bidirectional)
            return i;
        if (l->kind == GRU_LAYER_ATTENTION)
            return i + 1;
        if (l->kind != GRU_LAYER_DROPOUT && !gru_layer_recurrent(l))
            return i;
    }
    return plan->count;
}

/* false: what comes after layer i is nothing, or too much for the follower alone. */
static bool part_in(lone_share *h, const gru_plan *plan, size_t i) {
    size_t end = end_of_rest(plan, i + 1), rest = 0;
    for (size_t j = i + 1; j < end; j++)
        if (plan->layers[j].layer->kind != GRU_LAYER_DROPOUT)
            rest += recurrent_cost(plan->layers[j].layer) + input_cost(&plan->layers[j]);
    h->own = recurrent_cost(plan->layers[i].layer);
    h->rest = rest <= h->own ? rest : 0;
    h->parting = i + 1;
    h->end = h->rest ? end : h->parting;
    return h->rest > 0;
}

void gru_single_share_plan(lone_share *h, const gru_plan *plan) {
    bool worth = false, parted = false;
    *h = (lone_share){0};
    for (size_t i = 0; i < plan->count && !parted; i++) {
        const gru_layer *l = plan->layers[i].layer;
        bool passes = l->kind == GRU_LAYER_EMBEDDING || l->kind == GRU_LAYER_DROPOUT;
        if (!passes && (!gru_layer_recurrent(l) || l->bidirectional))
            break;
        worth |= recurrent_cost(l) >= WORTH_CALLING;
        if (recurrent_cost(l) >= WORTH_SHARING)
            parted = part_in(h, plan, i);
    }
    if (!worth)
        *h = (lone_share){0};
}

bool gru_single_shared(const gru_single *s, const gru_layer_plan *l) {
    return l->index < s->share.parting && recurrent_cost(l->layer) >= WORTH_SHARING;
}

size_t gru_single_shared_steps(const gru_single *s, const gru_layer_plan *l, size_t steps) {
    const lone_share *h = &s->share;
    return l->index + 1 == h->parting ? steps - (steps * h->rest + h->own - 1) / h->own : steps;
}

/* ---- the leader ---- */
/* The beat of the i-th step, counted from 0, after parting: the leader's when the state is told,
 * the follower's when all that comes after is done. */
static uint32_t beat_of(const lone_turn *r, size_t i) {
    return r->beat + 1 + (uint32_t)i;
}

void gru_single_tell_rest(lone_turn *r, const lone_layer *y, size_t i) {
    const gru_lone *run = &y->way[0].hand[GRU_LEADER].run;
    for (; i < r->steps; i++) {
        gru_single_steps(r, y, run, &(gru_lone_part){i, i + 1, BOTH, ALL});
        memcpy(gru_single_told(y, i), gru_lone_after(run, i), run->blocks * L * sizeof *run->h);
        gru_duet_tell(r->s->duet, GRU_LEADER, beat_of(r, i));
    }
}

bool gru_single_taken(lone_turn *r, const lone_layer *y) {
    const lone_share *h = &r->s->share;
    if (!r->together || y->l->index < h->parting || y->l->index >= h->end)
        return false;
    for (size_t i = 0; r->together && i < r->steps; i++)
        r->together = gru_duet_hear(r->s->duet, GRU_LEADER, beat_of(r, i), STRETCH * h->rest);
    return r->together;
}

/* ---- the follower ---- */
/* How many of the leader's states have been told, of which the first `ready` are here. 0: no more
 * will be. */
static size_t take_told(const lone_turn *r, const lone_layer *y, size_t ready, bool wait) {
    const gru_lone *run = &y->way[0].hand[GRU_FOLLOWER].run;
    gru_duet *duet = r->s->duet;
    if (wait && !gru_duet_hear(duet, GRU_FOLLOWER, beat_of(r, ready), r->s->share.own))
        return 0;
    for (uint32_t heard = gru_duet_heard(duet, GRU_FOLLOWER);
         ready < r->steps && heard >= beat_of(r, ready); ready++)
        memcpy(gru_lone_after(run, ready), gru_single_told(y, ready),
               run->blocks * L * sizeof *run->h);
    return ready;
}

static void run_recurrent(const lone_turn *r, const lone_layer *y, const gru_real *x, size_t x_step,
                          size_t first, size_t count) {
    const lone_hand *hand = &y->way[0].hand[GRU_FOLLOWER];
    const lone_weights *p = &y->way[0].kernel;
    gru_single_product(r->s, hand->sums + first * p->columns, x + first * x_step, x_step, count, p,
                       0, p->columns);
    gru_single_steps(r, y, &hand->run, &(gru_lone_part){first, first + count, BOTH, ALL});
}

/* `count` steps of all that comes after layer y. */
static void run_rest(const lone_turn *r, const lone_layer *y, size_t first, size_t count) {
    const gru_single *s = r->s;
    for (size_t i = s->share.parting; i < s->share.end; i++) {
        const lone_layer *above = &s->layers[i];
        const gru_real *x = gru_lone_after(&y->way[0].hand[GRU_FOLLOWER].run, 0);
        if (above->l->layer->kind == GRU_LAYER_DROPOUT)
            continue;
        if (above->l->layer->kind == GRU_LAYER_ATTENTION)
            gru_single_score(s, above, GRU_FOLLOWER, x, y->stride, first, count);
        else
            run_recurrent(r, above, x, y->stride, first, count);
        y = above;
    }
}

bool gru_single_follow_rest(lone_turn *r, const lone_layer *y, size_t ready) {
    const gru_single *s = r->s;
    for (size_t i = s->share.parting; i < s->share.end; i++)
        if (gru_layer_recurrent(s->layers[i].l->layer))
            gru_single_begin(r, &s->layers[i].way[0], true);
    for (size_t done = 0, count; done < r->steps; done += count) {
        ready = take_told(r, y, ready, done == ready);
        if (!ready)
            return false;
        count = ready - done < STRETCH ? ready - done : STRETCH;
        count -= count > FOUR ? count % FOUR : 0;
        run_rest(r, y, done, count);
        gru_duet_tell(s->duet, GRU_FOLLOWER, beat_of(r, done + count - 1));
    }
    return true;
}
