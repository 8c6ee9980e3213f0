/* One recurrent layer of one sequence, alone or with a second thread.
 *
 * A step of a wide layer waits for its weights, which come from the second-level cache. Two threads
 * with a side of the units each read half of them, from a cache of their own; after each stage of a
 * step they tell each other their half of the new state. Each keeps whole states in memory of its
 * own, so the follower takes them to the next layer. What a unit's sum is does not depend on who
 * computes it; a leader that is left computes the other side too and has the same bits. */
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

static bool has_weights(const gru_layer *l, size_t least) {
    return gru_layer_recurrent(l) && l->units * l->units * gru_layer_gates(l) >= least;
}

size_t gru_single_share_end(const gru_plan *plan) {
    size_t end = 0;
    bool worth = false;
    for (size_t i = 0; i < plan->count; i++) {
        const gru_layer *l = plan->layers[i].layer;
        bool passes = l->kind == GRU_LAYER_EMBEDDING || l->kind == GRU_LAYER_DROPOUT;
        if (!passes && (!gru_layer_recurrent(l) || l->bidirectional))
            break;
        worth |= has_weights(l, WORTH_CALLING);
        end = has_weights(l, WORTH_SHARING) ? i + 1 : end;
    }
    return worth ? end : 0;
}

bool gru_single_shared(const gru_single *s, const gru_layer_plan *l) {
    return l->index < s->share.end && has_weights(l->layer, WORTH_SHARING);
}

static unsigned sides_of(const lone_turn *r, const lone_layer *y) {
    if (!r->together || !y->told)
        return BOTH;
    return r->side == GRU_LEADER ? GRU_LONE_LOW : GRU_LONE_HIGH;
}

/* x W + biases of `count` steps from `first` on, for the units of some sides. */
static void sum_input(const lone_turn *r, const lone_way *v, size_t first, size_t count,
                      unsigned sides, const gru_real *x, size_t x_step) {
    const lone_weights *p = &v->kernel;
    const lone_hand *hand = &v->hand[r->side];
    size_t width = hand->run.blocks * L, cut = hand->run.cut * L;
    size_t from = sides & GRU_LONE_LOW ? 0 : cut, to = sides & GRU_LONE_HIGH ? width : cut;
    size_t gates = p->split ? 2 : p->gates, end = p->split ? 2 * width : p->columns;
    gru_real *sums = hand->sums + first * p->columns;
    x += first * x_step;
    gru_single_product(r->s, sums, x, x_step, count, p, from * gates,
                       to == width ? end : to * gates);
    if (p->split)
        gru_single_product(r->s, sums, x, x_step, count, p, end + from, end + to);
}

static void run_part(const lone_turn *r, const lone_layer *y, const gru_lone *run,
                     const gru_lone_part *part) {
    const gru_kern *k = r->s->plan->kern;
    const gru_layer *l = y->l->layer;
    if (l->kind == GRU_LAYER_LSTM)
        k->lstm_steps(run, part);
    else if (l->kind == GRU_LAYER_RNN)
        k->rnn_steps(run, part);
    else if (l->reset_before)
        k->gru_before_steps(run, part);
    else
        k->gru_steps(run, part);
}

static void copy_side(gru_real *to, const gru_real *from, const gru_lone *run, bool high) {
    size_t first = high ? run->cut * L : 0, end = (high ? run->blocks : run->cut) * L;
    memcpy(to + first, from + first, (end - first) * sizeof *to);
}

static bool resets_first(const lone_layer *y) {
    return y->l->layer->kind == GRU_LAYER_GRU && y->l->layer->reset_before;
}

/* What two threads tell each other after a stage: vectors of units, of which a side has computed
 * its own. Each has a place for each step, so that the last news can still be read. NULL: none. */
enum { STATE, OTHER, NEWS }; /* OTHER: an LSTM's cells; GRU, reset before: `reset` */
typedef struct lone_news {
    size_t step;
    gru_real *vector[NEWS];
} lone_news;

static gru_real *place_of(const lone_layer *y, const gru_lone *run, const lone_news *n, int which) {
    return y->told + (n->step * NEWS + (size_t)which) * run->blocks * L;
}

static void tell(lone_turn *r, const lone_layer *y, const lone_news *n) {
    const gru_lone *run = &y->way[0].hand[r->side].run;
    for (int i = 0; i < NEWS; i++)
        if (n->vector[i])
            copy_side(place_of(y, run, n, i), n->vector[i], run, r->side == GRU_FOLLOWER);
    gru_duet_tell(r->s->duet, r->side, ++r->beat);
}

/* The other side's half of what was told last, if it has not been heard. */
static bool hear(const lone_turn *r, const lone_layer *y, lone_news *n) {
    const lone_way *v = &y->way[0];
    const gru_lone *run = &v->hand[r->side].run;
    size_t products = v->kernel.out + (n->step ? 0 : v->kernel.in * r->steps);
    if (!n->vector[STATE] && !n->vector[OTHER])
        return true;
    if (!gru_duet_hear(r->s->duet, r->side, r->beat, products * v->kernel.columns / 2))
        return false;
    for (int i = 0; i < NEWS; i++) {
        if (n->vector[i])
            copy_side(n->vector[i], place_of(y, run, n, i), run, r->side == GRU_LEADER);
        n->vector[i] = NULL;
    }
    return true;
}

/* The i-th step, begun while the other side's news of the last one are on their way. */
static bool step_together(lone_turn *r, const lone_layer *y, size_t i, lone_news *news) {
    const gru_lone *run = &y->way[0].hand[r->side].run;
    size_t t = run->reversed ? r->steps - 1 - i : i;
    gru_lone_part part = {i, i + 1, sides_of(r, y), 0};
    gru_real *cell = y->l->layer->kind == GRU_LAYER_LSTM ? run->c : NULL;
    if (r->valid && !r->valid[t]) { /* the state is held */
        if (!hear(r, y, news))
            return false;
        run_part(r, y, run, &part);
        return true;
    }
    for (unsigned stage = resets_first(y) ? GRU_LONE_RESETS_BEGIN : GRU_LONE_STATES_BEGIN;
         stage <= GRU_LONE_STATES_BEGIN; stage *= 4) {
        part.stages = stage;
        run_part(r, y, run, &part);
        if (!hear(r, y, news))
            return false;
        part.stages = 2 * stage;
        run_part(r, y, run, &part);
        *news = stage == GRU_LONE_RESETS_BEGIN ? (lone_news){i, {NULL, run->reset}}
                                               : (lone_news){i, {gru_lone_after(run, t), cell}};
        tell(r, y, news);
    }
    return true;
}

/* A leader that was left without the other side of the i-th step. Its own side of it is done; an
 * LSTM's cells must not be done twice. */
static void go_on_alone(lone_turn *r, const lone_layer *y, size_t i, const gru_real *x,
                        size_t x_step) {
    const lone_way *v = &y->way[0];
    const gru_lone *run = &v->hand[r->side].run;
    r->together = false;
    if (x)
        sum_input(r, v, run->reversed ? 0 : i, r->steps - i, GRU_LONE_HIGH, x, x_step);
    run_part(r, y, run, &(gru_lone_part){i, i + 1, resets_first(y) ? BOTH : GRU_LONE_HIGH, ALL});
    run_part(r, y, run, &(gru_lone_part){i + 1, r->steps, BOTH, ALL});
}

bool gru_single_turn(lone_turn *r, lone_layer *y, size_t way, const gru_real *x, size_t x_step) {
    const lone_way *v = &y->way[way];
    lone_hand *hand = &y->way[way].hand[r->side];
    unsigned sides = sides_of(r, y);
    size_t width = hand->run.blocks * L;
    hand->run.steps = r->steps;
    hand->run.valid = r->valid;
    memcpy(hand->run.h + (hand->run.reversed ? r->steps * width : 0), v->initial,
           width * sizeof *v->initial);
    memset(hand->run.c, 0, width * sizeof *hand->run.c);
    if (x)
        sum_input(r, v, 0, r->steps, sides, x, x_step);
    for (size_t t = 0; x && t < r->steps; t++)
        hand->rows[t] = hand->sums + t * v->kernel.columns;
    if (sides == BOTH) {
        run_part(r, y, &hand->run, &(gru_lone_part){0, r->steps, BOTH, ALL});
        return true;
    }
    lone_news news = {0};
    bool there = true;
    for (size_t i = 0; there && i < r->steps; i++)
        there = step_together(r, y, i, &news);
    there = there && hear(r, y, &news);
    if (!there && r->side == GRU_LEADER)
        go_on_alone(r, y, news.step, x, x_step);
    return there || r->side == GRU_LEADER;
}

void gru_single_call(gru_single *s, lone_turn *r, const gru_real *x, size_t x_step) {
    lone_share *h = &s->share;
    if (!gru_duet_ready(s->duet))
        return;
    h->steps = r->steps;
    h->step = x_step;
    h->masked = r->valid != NULL;
    if (x)
        memcpy(h->x, x, r->steps * x_step * sizeof *x);
    else
        memcpy(h->rows, s->tokens.reader->way[0].hand[GRU_LEADER].rows, r->steps * sizeof *h->rows);
    if (r->valid)
        memcpy(h->valid, r->valid, r->steps);
    r->together = gru_duet_start(s->duet);
}

void gru_single_follow(void *arg, size_t task, size_t worker) {
    const gru_single *s = arg;
    const lone_share *h = &s->share;
    lone_turn r = {.s = s,
                   .side = GRU_FOLLOWER,
                   .together = true,
                   .steps = h->steps,
                   .valid = h->masked ? h->valid : NULL};
    const gru_real *x = s->tokens.reader ? NULL : h->x;
    size_t step = h->step;
    (void)task;
    (void)worker;
    for (size_t i = 0; i < h->end; i++) {
        lone_layer *y = &s->layers[i];
        if (!gru_layer_recurrent(y->l->layer))
            continue;
        if (!gru_single_turn(&r, y, 0, x, step))
            return;
        x = gru_lone_after(&y->way[0].hand[GRU_FOLLOWER].run, 0);
        step = y->stride;
    }
}
