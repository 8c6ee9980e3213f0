/* Which part of one sequence two threads compute, and what they do once they have parted.
 *
 * Large layers are shared, step by step (single_share.c). Of the last of these only the first steps
 * are: from then on the leader has that layer alone and tells its states, while the follower
 * computes what comes after it, from the first step on. News go one way only, so that nobody waits
 * for them however long they are on their way, and the weights of what a thread computes stay in
 * its caches. They part where both will have finished at about the same time; that may be at the
 * first step, so that small layers, too, are worth two threads. */
#include "nn/single_private.h"

#include <string.h>

enum {
    L = GRU_LANES,
    BOTH = GRU_LONE_LOW | GRU_LONE_HIGH,
    ALL = GRU_LONE_RESETS | GRU_LONE_STATES
};
/* Steps that the follower takes at once while it is behind; the rows of a product go by fours. */
enum { STRETCH = 16, FOUR = 4 };

/* ---- the plan ---- */
/* Costs of a step are counted in recurrent weights, which are read again for each step. A weight of
 * a layer's input serves several steps, and takes two fifths of that. EXCHANGE: what waiting for
 * each other costs the threads that share a step, when the news of it take 50 ns; where they take
 * 200, only layers of LEAST weights are still worth it. TELL: one thread's news. WORTH: what must
 * be won for a second thread to be called. Measured on Zen 4. */
enum { EXCHANGE = 3000, TELL = 1000, LEAST = 16000, WORTH = 4000 };

static size_t recurrent_cost(const gru_layer *l) {
    return gru_layer_recurrent(l) ? l->units * l->units * gru_layer_gates(l) : 0;
}
static bool passes(const gru_layer *l) {
    return l->kind == GRU_LAYER_EMBEDDING || l->kind == GRU_LAYER_DROPOUT;
}
static size_t input_cost(const gru_layer_plan *p) {
    size_t gates = gru_layer_recurrent(p->layer) ? gru_layer_gates(p->layer) : 1;
    return passes(p->layer) ? 0 : p->in.units * p->layer->units * gates * 2 / 5;
}
static size_t cost_of(const gru_layer_plan *p) {
    return recurrent_cost(p->layer) + input_cost(p);
}

/* The end of the first layers, which can be computed step by step behind what is below them. */
static size_t end_of_chain(const gru_plan *plan) {
    for (size_t i = 0; i < plan->count; i++) {
        const gru_layer *l = plan->layers[i].layer;
        if (l->kind == GRU_LAYER_ATTENTION)
            return i + 1;
        if (l->bidirectional || (!passes(l) && !gru_layer_recurrent(l)))
            return i;
    }
    return plan->count;
}

static bool worth_sharing(const gru_layer *l) {
    return recurrent_cost(l) >= LEAST;
}
static size_t shared_cost(const gru_layer_plan *p) {
    return worth_sharing(p->layer) ? cost_of(p) / 2 + EXCHANGE : cost_of(p);
}

/* Of a layer and of what comes after it, parted: as many steps are shared as leave the leader alone
 * for as long as the follower takes for the rest. */
static size_t parted_cost(const gru_layer_plan *p, size_t rest) {
    size_t own = recurrent_cost(p->layer);
    if (rest >= own || !worth_sharing(p->layer))
        return TELL + input_cost(p) + (own > rest ? own : rest);
    return TELL + rest + shared_cost(p) * (own - rest) / own;
}

/* The threads share the layers up to `last` that are worth it, and part in that one or not. */
static size_t cost_together(const gru_plan *plan, size_t last, size_t end, bool part) {
    const gru_layer_plan *p = plan->layers;
    size_t shared = 0, rest = 0;
    for (size_t i = 0; i < last; i++)
        shared += shared_cost(&p[i]);
    for (size_t i = last + 1; i < end; i++)
        rest += cost_of(&p[i]);
    return shared + (part ? parted_cost(&p[last], rest) : shared_cost(&p[last]) + rest);
}

void gru_single_share_plan(lone_share *h, const gru_plan *plan) {
    size_t end = end_of_chain(plan), least = 0;
    *h = (lone_share){0};
    for (size_t i = 0; i < end; i++)
        least += cost_of(&plan->layers[i]);
    least -= least < WORTH ? least : WORTH;
    for (size_t i = 0; i < end; i++)
        for (int part = 0; part < 2 && gru_layer_recurrent(plan->layers[i].layer); part++) {
            size_t cost = cost_together(plan, i, end, part);
            if (cost < least) {
                least = cost;
                h->parting = i + 1;
                h->end = part ? end : i + 1;
            }
        }
    h->own = h->parting ? recurrent_cost(plan->layers[h->parting - 1].layer) : 0;
    for (size_t i = h->parting; i < h->end; i++)
        h->rest += cost_of(&plan->layers[i]);
}

/* None of the layer in which they part, if the rest takes as long. */
bool gru_single_shared(const gru_single *s, const gru_layer_plan *l) {
    const lone_share *h = &s->share;
    return l->index < h->parting && worth_sharing(l->layer) &&
           (l->index + 1 < h->parting || h->rest < h->own);
}

size_t gru_single_shared_steps(const gru_single *s, const gru_layer_plan *l, size_t steps) {
    const lone_share *h = &s->share;
    if (!gru_single_shared(s, l))
        return 0;
    return l->index + 1 == h->parting ? steps - (steps * h->rest + h->own - 1) / h->own : steps;
}

/* ---- the leader ---- */
/* The beat of the i-th step, counted from 0, after parting: the leader's when the state is told,
 * the follower's when all that comes after is done. */
static uint32_t beat_of(const lone_turn *r, size_t i) {
    return r->beat + 1 + (uint32_t)i;
}

/* By fours, as the follower takes them: each time, it has to give back a cache line that it looks
 * at. The last ones, which it waits for, one by one. */
void gru_single_tell_rest(lone_turn *r, const lone_layer *y, size_t i) {
    const gru_lone *run = &y->way[0].hand[GRU_LEADER].run;
    for (; i < r->steps; i++) {
        gru_single_steps(r, y, run, &(gru_lone_part){i, i + 1, BOTH, ALL});
        memcpy(gru_single_told(y, i), gru_lone_after(run, i), run->blocks * L * sizeof *run->h);
        if (i % FOUR == FOUR - 1 || i + FOUR > r->steps)
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
