/* One sequence through a network with the units in the lanes. Sequences are [T][stride], the stride
 * being the units filled up with zeros to whole blocks of 16. */
#include "nn/single.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { L = GRU_LANES };

/* Weights with the columns in the lanes, [in][columns], each gate's in blocks of 16 and the blocks'
 * gates side by side, so that a block's gates meet in one place. */
typedef struct lone_weights {
    size_t in, out, gates, columns; /* out: of a gate */
    bool split;                     /* GRU, reset before: n's columns after those of z and r */
    const gru_real *source, *bias_source;
    gru_real *w, *bias;
} lone_weights;

typedef struct lone_layer lone_layer;

typedef struct lone_way {
    lone_weights kernel;
    const gru_direction *d;
    const gru_real *recurrent_source, *recurrent_bias;
    gru_real *sums;          /* x W + biases [T][columns]; of tokens (owned): [most + T][columns] */
    gru_real *u, *un, *bias; /* as in gru_lone */
    gru_lone run;
} lone_way;

/* x W of a token is computed when the token is first met, and kept. The products lie in the order
 * in which tokens were met, so that those of a new sequence are one product of matrices, written in
 * place, and a single prediction pays nothing. What exceeds TOKEN_BYTES in a direction is forgotten
 * after the sequence. A product is the same sum of the same terms whatever is computed beside it,
 * so answers do not depend on what came before. */
enum { TOKEN_BYTES = 32 << 20 };

typedef struct lone_tokens {
    lone_layer *reader; /* the recurrent layer above the embedding; NULL: none */
    uint32_t *place;    /* [V]: 1 + the token's row of the products; 0: not met */
    uint32_t *fresh;    /* [T]: tokens first met in this sequence */
    size_t count, most; /* tokens met; of them kept */
} lone_tokens;

struct lone_layer {
    const gru_layer_plan *l;
    lone_way way[2];
    lone_weights dense, score; /* score: attention's */
    gru_real *own;             /* the output, where it isn't a way's states */
    gru_real *sums, *scores;   /* attention: [T][columns] and [T][16] */
    const gru_real *out;       /* [T][stride], filled up with zeros */
    size_t stride;
};

struct gru_single {
    const gru_plan *plan;
    lone_layer *layers;
    gru_real *block, *x, *share; /* x [T][features, filled up], share [T]: attention's */
    const gru_real **rows;       /* [2][T]: gru_lone's sums of each way */
    gru_pool *pool;
    lone_tokens tokens;
    size_t steps_max, steps;
};

static size_t round_up(size_t units) {
    return (units + L - 1) / L * L;
}

bool gru_single_fits(const gru_plan *plan) {
    if (plan->options.training || plan->options.batch != 1 || plan->options.loss ||
        plan->options.want_attention || plan->options.want_states || plan->model->per_step)
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
    p.columns = split ? gates * round_up(out) : gru_lone_columns(out, gates);
    p.source = plan->model->weights + at;
    p.bias_source = bias_at == SIZE_MAX ? NULL : plan->model->weights + bias_at;
    p.w = gru_arena_take(a, in * p.columns);
    p.bias = gru_arena_take(a, p.columns);
    return p;
}

static void place_way(gru_single *s, lone_layer *y, size_t way, gru_arena *a) {
    const gru_layer_plan *p = y->l;
    const gru_layer *l = p->layer;
    lone_way *v = &y->way[way];
    const gru_direction *d = v->d = &p->way[way];
    const gru_real *weights = s->plan->model->weights;
    size_t gates = gru_layer_gates(l), h = round_up(l->units);
    bool before = l->kind == GRU_LAYER_GRU && l->reset_before;
    bool after = l->kind == GRU_LAYER_GRU && !l->reset_before;
    v->kernel = place(a, s->plan, d->kernel_at, d->bias_at, p->in.units, l->units, gates, before);
    v->recurrent_source = weights + d->recurrent_at;
    v->recurrent_bias =
        after && d->bias_at != SIZE_MAX ? weights + d->bias_at + 3 * l->units : NULL;
    if (y != s->tokens.reader)
        v->sums = gru_arena_take(a, s->steps_max * v->kernel.columns);
    v->u = gru_arena_take(a, l->units * gru_lone_columns(l->units, before ? 2 : gates));
    v->un = gru_arena_take(a, before ? l->units * h : 0);
    v->bias = gru_arena_take(a, h);
    v->run = (gru_lone){.units = l->units,
                        .blocks = h / L,
                        .reversed = d->reversed,
                        .sums = s->rows + way * s->steps_max,
                        .u = v->u,
                        .un = v->un,
                        .bias = v->bias,
                        .update_new = l->update_new,
                        .relu = l->activation == GRU_RELU};
    v->run.h = gru_arena_take(a, (s->steps_max + 1) * h);
    v->run.c = gru_arena_take(a, h);
    v->run.z = gru_arena_take(a, h);
    v->run.reset = gru_arena_take(a, h);
}

static void place_all(gru_single *s, gru_arena *a) {
    const gru_plan *plan = s->plan;
    s->x = gru_arena_take(a, s->steps_max * round_up(plan->model->input.features));
    s->share = gru_arena_take(a, round_up(s->steps_max));
    for (size_t i = 0; i < plan->count; i++) {
        lone_layer *y = &s->layers[i];
        y->l = &plan->layers[i];
        const gru_layer *l = y->l->layer;
        y->stride = round_up(y->l->out.units);
        y->own = gru_arena_take(a, (y->l->out.sequence ? s->steps_max : 1) * y->stride);
        for (size_t w = 0; gru_layer_recurrent(l) && w < y->l->ways; w++)
            place_way(s, y, w, a);
        if (l->kind == GRU_LAYER_DENSE || l->kind == GRU_LAYER_ATTENTION) {
            y->dense =
                place(a, plan, y->l->kernel_at, y->l->bias_at, y->l->in.units, l->units, 1, false);
        }
        if (l->kind == GRU_LAYER_ATTENTION) {
            y->score = place(a, plan, y->l->weight_at, y->l->weight_bias_at, l->units, 1, 1, false);
            y->sums = gru_arena_take(a, s->steps_max * y->dense.columns);
            y->scores = gru_arena_take(a, s->steps_max * L);
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
        st = gru_mem_room(&k->reader->way[w].sums, k->most + s->steps_max,
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
    gru_arena a = {0};
    if ((st = gru_mem_new(&s->layers, plan->count, sizeof *s->layers, err)) ||
        (st = gru_mem_new(&s->rows, 2 * steps_max, sizeof *s->rows, err)))
        goto fail;
    s->tokens.reader = reader_of_tokens(s);
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
    for (size_t w = 0; s->tokens.reader && w < 2; w++)
        free(s->tokens.reader->way[w].sums);
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
        return gate < 2 ? gru_lone_column(p->out, 2, gate, unit) : 2 * round_up(p->out) + unit;
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
    size_t units = v->run.units;
    for (size_t k = 0; k < units; k++)
        for (size_t g = 0; g < count; g++) {
            const gru_real *from = v->recurrent_source + (k * v->kernel.gates + first + g) * units;
            for (size_t j = 0; j < units; j++)
                u[gru_lone_weight(units, count, k, g, j)] = from[j];
        }
}

/* z and r take both biases at once; n keeps its recurrent one inside the reset. */
static void fill_biases(lone_way *v) {
    size_t units = v->run.units;
    for (size_t j = 0; v->recurrent_bias && j < units; j++) {
        for (size_t g = 0; g < 2; g++)
            v->kernel.bias[column_of(&v->kernel, g, j)] += v->recurrent_bias[g * units + j];
        v->bias[j] = v->recurrent_bias[2 * units + j];
    }
}

void gru_single_refresh(gru_single *s) {
    lone_tokens *k = &s->tokens;
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
        }
    }
}

/* ---- running ---- */
static void product(const gru_single *s, gru_real *out, const gru_real *x, size_t x_step,
                    size_t rows, const lone_weights *p) {
    s->plan->kern->rows(out, p->columns, p->bias, x, x_step, rows, p->in, p->w, p->columns,
                        p->columns);
}

/* The state before step t, in order of time, and after it. */
static gru_real *state_before(const lone_way *v, size_t t) {
    return v->run.h + (t + v->run.reversed) * v->run.blocks * L;
}
static gru_real *state_after(const lone_way *v, size_t t) {
    return v->run.h + (t + !v->run.reversed) * v->run.blocks * L;
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
        product(s, v->sums + k->count * v->kernel.columns, embedding->own, embedding->stride, fresh,
                &v->kernel);
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

/* What a recurrent layer reads. */
typedef struct lone_input {
    const gru_single *s;
    lone_layer *y;
    const int32_t *ids;
    const gru_real *x;
    size_t step;
    const uint8_t *valid;
} lone_input;

/* x W + biases of each step. */
static void sum_input(const lone_input *in, size_t way) {
    const gru_single *s = in->s;
    const lone_way *v = &in->y->way[way];
    const gru_real **rows = s->rows + way * s->steps_max;
    bool tokens = in->y == s->tokens.reader;
    if (!tokens)
        product(s, v->sums, in->x, in->step, s->steps, &v->kernel);
    for (size_t t = 0; t < s->steps; t++)
        rows[t] = v->sums + v->kernel.columns * (tokens ? s->tokens.place[in->ids[t]] - 1 : t);
}

/* A gru_task: one way. */
static void run_way(void *arg, size_t way, size_t worker) {
    const lone_input *in = arg;
    const gru_single *s = in->s;
    const gru_layer *l = in->y->l->layer;
    const gru_kern *k = s->plan->kern;
    lone_way *v = &in->y->way[way];
    size_t width = v->run.blocks * L;
    gru_real *first = state_before(v, v->run.reversed ? s->steps - 1 : 0);
    (void)worker;
    sum_input(in, way);
    memset(first, 0, width * sizeof *first);
    memset(v->run.c, 0, width * sizeof *v->run.c);
    if (v->d->initial_at != SIZE_MAX)
        memcpy(first, s->plan->model->weights + v->d->initial_at, l->units * sizeof *first);
    v->run.steps = s->steps;
    v->run.valid = in->valid;
    if (l->kind == GRU_LAYER_LSTM)
        k->lstm_sequence(&v->run);
    else if (l->kind == GRU_LAYER_RNN)
        k->rnn_sequence(&v->run);
    else if (l->reset_before)
        k->gru_before_sequence(&v->run);
    else
        k->gru_sequence(&v->run);
}

/* Two ways are worth a second thread when they take many times what waking it takes. */
static void run_ways(lone_input *in) {
    const lone_way *v = in->y->way;
    size_t products = in->s->steps * v->run.units * v->kernel.columns;
    if (in->y->l->ways > 1 && products >= (size_t)1 << 19) {
        gru_pool_run(in->s->pool, in->y->l->ways, run_way, in);
        return;
    }
    for (size_t w = 0; w < in->y->l->ways; w++)
        run_way(in, w, 0);
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

static void run_recurrent(gru_single *s, lone_layer *y, const int32_t *ids, const gru_real *in,
                          size_t in_step, const uint8_t *valid) {
    lone_way *v = y->way;
    bool sequence = y->l->out.sequence;
    size_t fresh = y == s->tokens.reader ? meet_tokens(s, &s->layers[0], ids) : 0;
    run_ways(&(lone_input){s, y, ids, in, in_step, valid});
    keep_tokens(&s->tokens, fresh);
    if (y->l->ways == 1) {
        y->out = state_after(v, sequence || v->run.reversed ? 0 : s->steps - 1);
        return;
    }
    y->out = y->own;
    for (size_t t = 0; t < (sequence ? s->steps : 1); t++) {
        gru_real *out = y->own + t * y->stride;
        if (sequence && valid && !valid[t])
            memset(out, 0, y->stride * sizeof *out);
        else
            merge(y->l->layer, out, state_after(&v[0], sequence ? t : s->steps - 1),
                  state_after(&v[1], t));
    }
}

/* share = softmax of the scores over the steps that count; their sum, or 0 where none does. */
static gru_real share_out(const gru_single *s, const lone_layer *y, const uint8_t *valid) {
    gru_real *e = s->share, top = -INFINITY, sum = 0;
    for (size_t t = 0; t < s->steps; t++) {
        e[t] = y->scores[t * L];
        if ((!valid || valid[t]) && e[t] > top)
            top = e[t];
    }
    for (size_t t = 0; t < s->steps; t++)
        e[t] = !valid || valid[t] ? e[t] - top : 0;
    s->plan->kern->exp(e, round_up(s->steps));
    for (size_t t = 0; t < s->steps; t++) {
        e[t] = !valid || valid[t] ? e[t] : 0;
        sum += e[t];
    }
    return sum;
}

static void run_attention(const gru_single *s, lone_layer *y, const gru_real *in, size_t in_step,
                          const uint8_t *valid) {
    size_t n = y->dense.columns;
    product(s, y->sums, in, in_step, s->steps, &y->dense);
    s->plan->kern->tanh(y->sums, s->steps * n);
    product(s, y->scores, y->sums, n, s->steps, &y->score);
    gru_real sum = share_out(s, y, valid);
    y->out = y->own;
    memset(y->own, 0, y->stride * sizeof *y->own);
    s->plan->kern->rows(y->own, 0, NULL, s->share, 0, 1, s->steps, in, in_step, y->stride);
    for (size_t i = 0; sum > 0 && i < y->l->in.units; i++)
        y->own[i] /= sum;
}

/* The activations of kern.h work on lanes of 16 numbers; a softmax runs across them. */
static void activate(const gru_single *s, gru_activation a, gru_real *x, size_t units) {
    if (a != GRU_SOFTMAX) {
        gru_activate(s->plan->kern, a, x, round_up(units) / L);
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
                      const int32_t *ids, const uint8_t *valid) {
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
        run_attention(s, y, *in, *in_step, valid);
    } else {
        run_recurrent(s, y, ids, *in, *in_step, valid);
    }
    *in = y->out;
    *in_step = y->stride;
}

void gru_single_run(gru_single *s, const int32_t *ids, const gru_real *x, const uint8_t *valid,
                    size_t steps, gru_real *outputs) {
    size_t features = s->plan->model->input.features, in_step = round_up(features);
    const gru_real *in = s->x;
    s->steps = steps;
    for (size_t t = 0; t < steps && !ids; t++)
        memcpy(s->x + t * in_step, x + t * features, features * sizeof *x);
    for (size_t i = 0; i < s->plan->count; i++)
        run_layer(s, &s->layers[i], &in, &in_step, ids, valid);
    memcpy(outputs, in, gru_model_outputs(s->plan->model) * sizeof *outputs);
}
