/* One recurrent layer of one sequence, alone or shared with a second thread.
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

static unsigned own_side(const lone_turn *r) {
    return r->side == GRU_LEADER ? GRU_LONE_LOW : GRU_LONE_HIGH;
}

/* x W + biases of steps [first, first + count), for the units of some sides. */
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

void gru_single_steps(const lone_turn *r, const lone_layer *y, const gru_lone *run,
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

gru_real *gru_single_told(const lone_layer *y, size_t i) {
    return y->told + i * NEWS * y->way[0].hand[GRU_LEADER].run.blocks * L;
}

static gru_real *place_of(const lone_layer *y, const gru_lone *run, const lone_news *n, int which) {
    return gru_single_told(y, n->step) + (size_t)which * run->blocks * L;
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
    gru_lone_part part = {i, i + 1, own_side(r), 0};
    gru_real *cell = y->l->layer->kind == GRU_LAYER_LSTM ? run->c : NULL;
    if (r->valid && !r->valid[i]) { /* the state is held */
        if (!hear(r, y, news))
            return false;
        gru_single_steps(r, y, run, &part);
        return true;
    }
    for (unsigned stage = resets_first(y) ? GRU_LONE_RESETS_BEGIN : GRU_LONE_STATES_BEGIN;
         stage <= GRU_LONE_STATES_BEGIN; stage *= 4) {
        part.stages = stage;
        gru_single_steps(r, y, run, &part);
        if (!hear(r, y, news))
            return false;
        part.stages = 2 * stage;
        gru_single_steps(r, y, run, &part);
        *news = stage == GRU_LONE_RESETS_BEGIN ? (lone_news){i, {NULL, run->reset}}
                                               : (lone_news){i, {gru_lone_after(run, i), cell}};
        tell(r, y, news);
    }
    return true;
}

/* A leader that was left without the other side of the i-th step. Its own side of it is done; an
 * LSTM's cells must not be done twice. */
static void go_on_alone(lone_turn *r, const lone_layer *y, size_t i) {
    const gru_lone *run = &y->way[0].hand[GRU_LEADER].run;
    r->together = false;
    gru_single_steps(r, y, run,
                     &(gru_lone_part){i, i + 1, resets_first(y) ? BOTH : GRU_LONE_HIGH, ALL});
    gru_single_steps(r, y, run, &(gru_lone_part){i + 1, r->steps, BOTH, ALL});
}

void gru_single_begin(const lone_turn *r, lone_way *v, bool sums) {
    lone_hand *hand = &v->hand[r->side];
    gru_lone *run = &hand->run;
    size_t width = run->blocks * L;
    run->steps = r->steps;
    run->valid = r->valid;
    memcpy(run->h + (run->reversed ? r->steps * width : 0), v->initial, width * sizeof *run->h);
    memset(run->c, 0, width * sizeof *run->c);
    for (size_t t = 0; sums && t < r->steps; t++)
        hand->rows[t] = hand->sums + t * v->kernel.columns;
}

/* The steps that two threads share. false: left by the other in step *i. */
static bool share_steps(lone_turn *r, const lone_layer *y, size_t shared, size_t *i) {
    lone_news news = {0};
    bool there = true;
    for (*i = 0; there && *i < shared; ++*i)
        there = step_together(r, y, *i, &news);
    there = there && hear(r, y, &news);
    *i = there ? shared : news.step;
    return there;
}

static bool turn_together(lone_turn *r, const lone_layer *y, const gru_real *x, size_t x_step) {
    const lone_way *v = &y->way[0];
    size_t shared = gru_single_shared_steps(r->s, y->l, r->steps), i;
    if (x)
        sum_input(r, v, 0, shared, own_side(r), x, x_step);
    bool there = share_steps(r, y, shared, &i);
    if (r->side == GRU_FOLLOWER)
        return there && (shared == r->steps || gru_single_follow_rest(r, y, shared));
    if (x) {
        sum_input(r, v, i, shared - i, GRU_LONE_HIGH, x, x_step);
        sum_input(r, v, shared, r->steps - shared, BOTH, x, x_step);
    }
    if (there)
        gru_single_tell_rest(r, y, shared);
    else
        go_on_alone(r, y, i);
    return true;
}

bool gru_single_turn(lone_turn *r, lone_layer *y, size_t way, const gru_real *x, size_t x_step) {
    lone_way *v = &y->way[way];
    gru_single_begin(r, v, x != NULL);
    if (r->together && y->told)
        return turn_together(r, y, x, x_step);
    if (x)
        sum_input(r, v, 0, r->steps, BOTH, x, x_step);
    gru_single_steps(r, y, &v->hand[r->side].run, &(gru_lone_part){0, r->steps, BOTH, ALL});
    return true;
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
    for (size_t i = 0; i < h->parting; i++) {
        lone_layer *y = &s->layers[i];
        if (!gru_layer_recurrent(y->l->layer))
            continue;
        if (!gru_single_turn(&r, y, 0, x, step))
            return;
        x = gru_lone_after(&y->way[0].hand[GRU_FOLLOWER].run, 0);
        step = y->stride;
    }
}
