/* The road for one sequence: its life, the memory of all layers planned at once, and the weights
 * laid out with the units in the lanes. */
#include "base/mem.h"
#include "nn/single_private.h"

#include <stdlib.h>
#include <string.h>

enum { L = GRU_LANES, TOKEN_BYTES = 32 << 20 };

bool gru_single_fits(const gru_plan *plan) {
    if (plan->options.training || plan->options.batch != 1 || plan->options.loss ||
        plan->options.want_attention || plan->options.want_states || plan->options.want_gates ||
        plan->model->per_step)
        return false;
    for (size_t i = 0; i < plan->count; i++) {
        const gru_layer *l = plan->layers[i].layer;
        bool plain = l->kind == GRU_LAYER_EMBEDDING || l->kind == GRU_LAYER_DROPOUT ||
                     l->kind == GRU_LAYER_ATTENTION ||
                     (l->kind == GRU_LAYER_DENSE && !plan->layers[i].in.sequence);
        if (!plain && (!gru_layer_recurrent(l) || l->norm || l->residual || l->stateful))
            return false;
    }
    return true;
}

static lone_weights place(gru_arena *a, const gru_plan *plan, size_t at, size_t bias_at, size_t in,
                          size_t out, size_t gates, bool split) {
    lone_weights p = {.in = in, .out = out, .gates = gates, .split = split};
    p.columns = split ? gates * gru_lone_stride(out) : gru_lone_columns(out, gates);
    p.source = plan->model->weights + at;
    p.bias_source = bias_at == SIZE_MAX ? NULL : plan->model->weights + bias_at;
    p.w = gru_arena_take(a, in * p.columns);
    p.bias = gru_arena_take(a, p.columns);
    return p;
}

/* What a thread needs to run a way; the follower reads products of tokens where the leader has put
 * their places. */
static void place_hand(gru_single *s, const lone_layer *y, lone_way *v, gru_duet_side side,
                       const gru_real **rows, gru_arena *a) {
    const gru_layer *l = y->l->layer;
    size_t h = gru_lone_stride(l->units);
    bool tokens = y == s->tokens.reader;
    lone_hand *hand = &v->hand[side];
    if (!tokens)
        hand->sums = gru_arena_take(a, s->steps_max * v->kernel.columns);
    hand->rows = tokens && side == GRU_FOLLOWER ? s->share.rows : rows;
    hand->run = (gru_lone){.units = l->units,
                           .blocks = h / L,
                           .cut = gru_single_shared(s, y->l) ? h / L / 2 : 0,
                           .reversed = v->d->reversed,
                           .sums = hand->rows,
                           .u = v->u,
                           .un = v->un,
                           .bias = v->bias,
                           .update_new = l->update_new,
                           .relu = l->activation == GRU_RELU};
    hand->run.h = gru_arena_take(a, (s->steps_max + 1) * h);
    hand->run.c = gru_arena_take(a, h);
    hand->run.z = gru_arena_take(a, h);
    hand->run.reset = gru_arena_take(a, h);
    hand->run.begun = gru_arena_take(a, GRU_LONE_BEGUN);
}

static void place_way(gru_single *s, lone_layer *y, size_t way, gru_arena *a) {
    const gru_layer_plan *p = y->l;
    const gru_layer *l = p->layer;
    lone_way *v = &y->way[way];
    const gru_direction *d = v->d = &p->way[way];
    const gru_real *weights = s->plan->model->weights;
    size_t gates = gru_layer_gates(l), h = gru_lone_stride(l->units);
    bool before = l->kind == GRU_LAYER_GRU && l->reset_before;
    bool after = l->kind == GRU_LAYER_GRU && !l->reset_before;
    v->kernel = place(a, s->plan, d->kernel_at, d->bias_at, p->in.units, l->units, gates, before);
    v->recurrent_source = weights + d->recurrent_at;
    v->recurrent_bias =
        after && d->bias_at != SIZE_MAX ? weights + d->bias_at + 3 * l->units : NULL;
    v->u = gru_arena_take(a, l->units * gru_lone_columns(l->units, before ? 2 : gates));
    v->un = gru_arena_take(a, before ? l->units * h : 0);
    v->bias = gru_arena_take(a, h);
    v->initial = gru_arena_take(a, h);
    place_hand(s, y, v, GRU_LEADER, s->rows + way * s->steps_max, a);
}

/* What only a layer that two threads run needs. */
static void place_share(gru_single *s, lone_layer *y, gru_arena *a) {
    size_t h = gru_lone_stride(y->l->layer->units);
    place_hand(s, y, &y->way[0], GRU_FOLLOWER, s->rows + (3 + y->l->index) * s->steps_max, a);
    if (gru_single_shared(s, y->l) || y->l->index + 1 == s->share.parting)
        y->told = gru_arena_take(a, 2 * s->steps_max * h);
}

static void place_attention(const gru_single *s, lone_layer *y, gru_duet_side side, gru_arena *a) {
    y->sums[side] = gru_arena_take(a, s->steps_max * y->dense.columns);
    y->scores[side] = gru_arena_take(a, s->steps_max * L);
}

static void place_all(gru_single *s, gru_arena *a) {
    const gru_plan *plan = s->plan;
    s->x = gru_arena_take(a, s->steps_max * gru_lone_stride(plan->model->input.features));
    s->shares = gru_arena_take(a, gru_lone_stride(s->steps_max));
    s->share.x = gru_arena_take(
        a, s->share.end ? s->steps_max * gru_lone_stride(plan->model->input.features) : 0);
    s->share.valid =
        (uint8_t *)gru_arena_take(a, s->share.end ? s->steps_max / sizeof(gru_real) + 1 : 0);
    for (size_t i = 0; i < plan->count; i++) {
        lone_layer *y = &s->layers[i];
        y->l = &plan->layers[i];
        const gru_layer *l = y->l->layer;
        y->stride = gru_lone_stride(y->l->out.units);
        y->own = gru_arena_take(a, (y->l->out.sequence ? s->steps_max : 1) * y->stride);
        for (size_t w = 0; gru_layer_recurrent(l) && w < y->l->ways; w++)
            place_way(s, y, w, a);
        if (s->duet && i < s->share.end && gru_layer_recurrent(l))
            place_share(s, y, a);
        if (l->kind == GRU_LAYER_DENSE || l->kind == GRU_LAYER_ATTENTION) {
            y->dense =
                place(a, plan, y->l->kernel_at, y->l->bias_at, y->l->in.units, l->units, 1, false);
        }
        if (l->kind == GRU_LAYER_ATTENTION) {
            y->score = place(a, plan, y->l->weight_at, y->l->weight_bias_at, l->units, 1, 1, false);
            place_attention(s, y, GRU_LEADER, a);
            if (s->duet && i < s->share.end)
                place_attention(s, y, GRU_FOLLOWER, a);
        }
    }
}

static lone_layer *reader_of_tokens(gru_single *s) {
    const gru_plan *plan = s->plan;
    size_t i = 1;
    if (plan->layers[0].layer->kind != GRU_LAYER_EMBEDDING)
        return NULL;
    while (i < plan->count && plan->layers[i].layer->kind == GRU_LAYER_DROPOUT)
        i++;
    return i < plan->count && gru_layer_recurrent(plan->layers[i].layer) ? &s->layers[i] : NULL;
}

static gru_status make_tokens(gru_single *s, gru_error *err) {
    lone_tokens *k = &s->tokens;
    size_t tokens = s->plan->layers[0].layer->rows;
    if (!k->reader)
        return GRU_OK;
    k->most = TOKEN_BYTES / (k->reader->way[0].kernel.columns * sizeof(gru_real));
    k->most = k->most < tokens ? k->most : tokens;
    gru_status st = gru_mem_new(&k->place, tokens, sizeof *k->place, err);
    if (!st)
        st = gru_mem_new(&k->fresh, s->steps_max, sizeof *k->fresh, err);
    for (size_t w = 0; !st && w < k->reader->l->ways; w++)
        st = gru_mem_room(&k->reader->way[w].hand[GRU_LEADER].sums, k->most + s->steps_max,
                          k->reader->way[w].kernel.columns * sizeof(gru_real), err);
    return st;
}

gru_status gru_single_new(gru_single **out, const gru_plan *plan, gru_pool *pool, size_t steps_max,
                          gru_error *err) {
    gru_single *s;
    *out = NULL;
    gru_status st = gru_mem_new(&s, 1, sizeof *s, err);
    if (st)
        return st;
    s->plan = plan;
    s->pool = pool;
    s->steps_max = steps_max;
    gru_single_share_plan(&s->share, plan);
    gru_arena a = {0};
    if ((st = gru_mem_new(&s->layers, plan->count, sizeof *s->layers, err)) ||
        (st = gru_mem_new(&s->rows, (3 + plan->count) * steps_max, sizeof *s->rows, err)) ||
        (s->share.end && (st = gru_duet_new(&s->duet, pool, gru_single_follow, s, err))))
        goto fail;
    s->share.rows = s->rows + 2 * steps_max;
    s->tokens.reader = reader_of_tokens(s);
    for (size_t i = s->duet ? s->share.end : 0; i-- > 0;)
        if (gru_layer_recurrent(plan->layers[i].layer))
            s->share.first = &s->layers[i];
    place_all(s, &a);
    if ((st = make_tokens(s, err)) || (st = gru_mem_new(&s->block, a.used, sizeof(gru_real), err)))
        goto fail;
    a = (gru_arena){s->block, 0};
    place_all(s, &a);
    gru_single_refresh(s);
    *out = s;
    return GRU_OK;
fail:
    gru_single_free(s);
    return st;
}

void gru_single_free(gru_single *s) {
    if (!s)
        return;
    gru_duet_free(s->duet);
    for (size_t w = 0; s->tokens.reader && w < 2; w++)
        free(s->tokens.reader->way[w].hand[GRU_LEADER].sums);
    free(s->tokens.place);
    free(s->tokens.fresh);
    free(s->layers);
    free(s->rows);
    free(s->block);
    free(s);
}

/* ---- weights ---- */
static size_t column_of(const lone_weights *p, size_t gate, size_t unit) {
    if (p->split)
        return gate < 2 ? gru_lone_column(p->out, 2, gate, unit)
                        : 2 * gru_lone_stride(p->out) + unit;
    return gru_lone_column(p->out, p->gates, gate, unit);
}

static void fill(const lone_weights *p) {
    for (size_t g = 0; g < p->gates; g++)
        for (size_t j = 0; j < p->out; j++) {
            size_t from = g * p->out + j, to = column_of(p, g, j);
            for (size_t k = 0; k < p->in; k++)
                p->w[k * p->columns + to] = p->source[k * p->gates * p->out + from];
            p->bias[to] = p->bias_source ? p->bias_source[from] : 0;
        }
}

/* Gates [first, first + count) of the recurrent weights. */
static void fill_recurrent(gru_real *u, const lone_way *v, size_t first, size_t count) {
    size_t units = v->kernel.out;
    for (size_t k = 0; k < units; k++)
        for (size_t g = 0; g < count; g++) {
            const gru_real *from = v->recurrent_source + (k * v->kernel.gates + first + g) * units;
            for (size_t j = 0; j < units; j++)
                u[gru_lone_weight(units, count, k, g, j)] = from[j];
        }
}

/* z and r take both biases at once; n keeps its recurrent one inside the reset. */
static void fill_biases(lone_way *v) {
    size_t units = v->kernel.out;
    for (size_t j = 0; v->recurrent_bias && j < units; j++) {
        for (size_t g = 0; g < 2; g++)
            v->kernel.bias[column_of(&v->kernel, g, j)] += v->recurrent_bias[g * units + j];
        v->bias[j] = v->recurrent_bias[2 * units + j];
    }
}

void gru_single_refresh(gru_single *s) {
    lone_tokens *k = &s->tokens;
    gru_duet_settle(s->duet);
    if (k->reader)
        memset(k->place, 0, s->plan->layers[0].layer->rows * sizeof *k->place);
    k->count = 0;
    for (size_t i = 0; i < s->plan->count; i++) {
        lone_layer *y = &s->layers[i];
        const gru_layer *l = y->l->layer;
        if (y->dense.w)
            fill(&y->dense);
        if (y->score.w)
            fill(&y->score);
        for (size_t w = 0; gru_layer_recurrent(l) && w < y->l->ways; w++) {
            lone_way *v = &y->way[w];
            bool before = l->kind == GRU_LAYER_GRU && l->reset_before;
            fill(&v->kernel);
            fill_biases(v);
            fill_recurrent(v->u, v, 0, before ? 2 : v->kernel.gates);
            if (before)
                fill_recurrent(v->un, v, 2, 1);
            if (v->d->initial_at != SIZE_MAX)
                memcpy(v->initial, s->plan->model->weights + v->d->initial_at,
                       l->units * sizeof *v->initial);
        }
    }
}
