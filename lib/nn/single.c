/* One sequence through a network with the units in the lanes. Sequences are [T][stride], the stride
 * being the units filled up with zeros to whole blocks of 16. */
#include "nn/single_private.h"

#include <math.h>
#include <string.h>

enum { L = GRU_LANES };

void gru_single_product(const gru_single *s, gru_real *out, const gru_real *x, size_t x_step,
                        size_t rows, const lone_weights *p, size_t from, size_t to) {
    s->plan->kern->rows(out + from, p->columns, p->bias + from, x, x_step, rows, p->in, p->w + from,
                        p->columns, to - from);
}

static void product(const gru_single *s, gru_real *out, const gru_real *x, size_t x_step,
                    size_t rows, const lone_weights *p) {
    gru_single_product(s, out, x, x_step, rows, p, 0, p->columns);
}

/* The products of the tokens that were not met before, `embedding` being the layer's memory. */
static size_t meet_tokens(gru_single *s, const lone_layer *embedding, const int32_t *ids) {
    lone_tokens *k = &s->tokens;
    size_t fresh = 0, units = embedding->l->out.units;
    const gru_real *table = s->plan->model->weights + embedding->l->kernel_at;
    for (size_t t = 0; t < s->steps; t++) {
        size_t id = (size_t)ids[t];
        if (k->place[id])
            continue;
        memcpy(embedding->own + fresh * embedding->stride, table + id * units,
               units * sizeof *table);
        k->fresh[fresh++] = (uint32_t)id;
        k->place[id] = (uint32_t)(k->count + fresh);
    }
    for (size_t w = 0; w < k->reader->l->ways; w++) {
        const lone_way *v = &k->reader->way[w];
        const lone_hand *hand = &v->hand[GRU_LEADER];
        product(s, hand->sums + k->count * v->kernel.columns, embedding->own, embedding->stride,
                fresh, &v->kernel);
        for (size_t t = 0; t < s->steps; t++)
            hand->rows[t] = hand->sums + (k->place[ids[t]] - 1) * v->kernel.columns;
    }
    return fresh;
}

static void keep_tokens(lone_tokens *k, size_t fresh) {
    for (size_t i = 0; i < fresh; i++)
        if (k->count < k->most)
            k->count++;
        else
            k->place[k->fresh[i]] = 0;
}

/* Two ways of a layer at a time. */
typedef struct lone_ways {
    const lone_turn *turn;
    lone_layer *y;
    const gru_real *x;
    size_t x_step;
} lone_ways;

/* A gru_task: one way. */
static void run_way(void *arg, size_t way, size_t worker) {
    const lone_ways *w = arg;
    lone_turn turn = *w->turn;
    (void)worker;
    gru_single_turn(&turn, w->y, way, w->x, w->x_step);
}

/* Two ways are worth a second thread when they take many times what waking it takes. */
static void run_ways(gru_single *s, const lone_turn *r, lone_layer *y, const gru_real *x,
                     size_t x_step) {
    const lone_way *v = y->way;
    bool worth = s->steps * v->kernel.out * v->kernel.columns >= (size_t)1 << 19;
    gru_pool_run(worth ? s->pool : NULL, y->l->ways, run_way, &(lone_ways){r, y, x, x_step});
}

/* Two ways' outputs at one step; a sequence is zero where its steps don't count. */
static void merge(const gru_layer *l, gru_real *out, const gru_real *a, const gru_real *b) {
    for (size_t i = 0; i < l->units; i++)
        switch (l->bidirectional) {
        case GRU_MERGE_SUM:
            out[i] = a[i] + b[i];
            break;
        case GRU_MERGE_AVERAGE:
            out[i] = (a[i] + b[i]) / 2;
            break;
        case GRU_MERGE_MULTIPLY:
            out[i] = a[i] * b[i];
            break;
        default:
            out[i] = a[i];
            out[l->units + i] = b[i];
        }
}

static void run_recurrent(gru_single *s, lone_layer *y, lone_turn *r, const int32_t *ids,
                          const gru_real *x, size_t x_step) {
    bool sequence = y->l->out.sequence, tokens = y == s->tokens.reader;
    bool taken = gru_single_taken(r, y);
    gru_duet_side side = taken ? GRU_FOLLOWER : GRU_LEADER;
    const gru_lone *run = &y->way[0].hand[side].run, *back = &y->way[1].hand[side].run;
    size_t fresh = tokens ? meet_tokens(s, &s->layers[0], ids) : 0;
    const uint8_t *valid = r->valid;
    x = tokens ? NULL : x;
    if (y == s->share.first && s->tokens.count + fresh <= s->tokens.most)
        gru_single_call(s, r, x, x_step);
    if (y->l->ways == 2)
        run_ways(s, r, y, x, x_step);
    else if (!taken)
        gru_single_turn(r, y, 0, x, x_step);
    keep_tokens(&s->tokens, fresh);
    if (y->l->ways == 1) {
        y->out = gru_lone_after(run, sequence || run->reversed ? 0 : s->steps - 1);
        return;
    }
    y->out = y->own;
    for (size_t t = 0; t < (sequence ? s->steps : 1); t++) {
        gru_real *out = y->own + t * y->stride;
        if (sequence && valid && !valid[t])
            memset(out, 0, y->stride * sizeof *out);
        else
            merge(y->l->layer, out, gru_lone_after(run, sequence ? t : s->steps - 1),
                  gru_lone_after(back, t));
    }
}

/* share = softmax of the scores over the steps that count; their sum, or 0 where none does. */
static gru_real share_out(const gru_single *s, const gru_real *scores, const uint8_t *valid) {
    gru_real *e = s->shares, top = -INFINITY, sum = 0;
    for (size_t t = 0; t < s->steps; t++) {
        e[t] = scores[t * L];
        if ((!valid || valid[t]) && e[t] > top)
            top = e[t];
    }
    for (size_t t = 0; t < s->steps; t++)
        e[t] = !valid || valid[t] ? e[t] - top : 0;
    s->plan->kern->exp(e, gru_lone_stride(s->steps));
    for (size_t t = 0; t < s->steps; t++) {
        e[t] = !valid || valid[t] ? e[t] : 0;
        sum += e[t];
    }
    return sum;
}

void gru_single_score(const gru_single *s, const lone_layer *y, gru_duet_side side,
                      const gru_real *in, size_t in_step, size_t first, size_t count) {
    size_t n = y->dense.columns;
    gru_real *sums = y->sums[side] + first * n;
    product(s, sums, in + first * in_step, in_step, count, &y->dense);
    s->plan->kern->tanh(sums, count * n);
    product(s, y->scores[side] + first * L, sums, n, count, &y->score);
}

static void run_attention(gru_single *s, lone_layer *y, lone_turn *r, const gru_real *in,
                          size_t in_step) {
    gru_duet_side side = gru_single_taken(r, y) ? GRU_FOLLOWER : GRU_LEADER;
    if (side == GRU_LEADER)
        gru_single_score(s, y, side, in, in_step, 0, s->steps);
    gru_real sum = share_out(s, y->scores[side], r->valid);
    y->out = y->own;
    memset(y->own, 0, y->stride * sizeof *y->own);
    s->plan->kern->rows(y->own, 0, NULL, s->shares, 0, 1, s->steps, in, in_step, y->stride);
    for (size_t i = 0; sum > 0 && i < y->l->in.units; i++)
        y->own[i] /= sum;
}

/* The activations of kern.h work on lanes of 16 numbers; a softmax runs across them. */
static void activate(const gru_single *s, gru_activation a, gru_real *x, size_t units) {
    if (a != GRU_SOFTMAX) {
        gru_activate(s->plan->kern, a, x, gru_lone_stride(units) / L);
        return;
    }
    gru_real top = x[0], sum = 0;
    for (size_t i = 1; i < units; i++)
        top = x[i] > top ? x[i] : top;
    for (size_t i = 0; i < units; i++)
        sum += x[i] = (gru_real)exp((double)(x[i] - top));
    for (size_t i = 0; i < units; i++)
        x[i] /= sum;
}

static void run_layer(gru_single *s, lone_layer *y, const gru_real **in, size_t *in_step,
                      const int32_t *ids, lone_turn *r) {
    const gru_layer *l = y->l->layer;
    if (l->kind == GRU_LAYER_DROPOUT)
        return;
    if (l->kind == GRU_LAYER_EMBEDDING) {
        y->out = y->own;
        const gru_real *table = s->plan->model->weights + y->l->kernel_at;
        for (size_t t = 0; t < s->steps && !s->tokens.reader; t++)
            memcpy(y->own + t * y->stride, table + (size_t)ids[t] * l->units,
                   l->units * sizeof *table);
    } else if (l->kind == GRU_LAYER_DENSE) {
        y->out = y->own;
        product(s, y->own, *in, 0, 1, &y->dense);
        activate(s, l->activation, y->own, l->units);
    } else if (l->kind == GRU_LAYER_ATTENTION) {
        run_attention(s, y, r, *in, *in_step);
    } else {
        run_recurrent(s, y, r, ids, *in, *in_step);
    }
    *in = y->out;
    *in_step = y->stride;
}

void gru_single_run(gru_single *s, const int32_t *ids, const gru_real *x, const uint8_t *valid,
                    size_t steps, gru_real *outputs) {
    size_t features = s->plan->model->input.features, in_step = gru_lone_stride(features);
    const gru_real *in = s->x;
    lone_turn turn = {.s = s, .steps = steps, .valid = valid};
    s->steps = steps;
    for (size_t t = 0; t < steps && !ids; t++)
        memcpy(s->x + t * in_step, x + t * features, features * sizeof *x);
    for (size_t i = 0; i < s->plan->count; i++)
        run_layer(s, &s->layers[i], &in, &in_step, ids, &turn);
    gru_duet_finish(s->duet);
    memcpy(outputs, in, gru_model_outputs(s->plan->model) * sizeof *outputs);
}
