/* One sequence through a network with the units in the lanes. Sequences are [T][stride], the stride
 * being the units rounded up to 16; each gate has as many columns, so the cells of kern.h, which
 * work element by element, serve here too. */
#include "nn/single.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { L = GRU_LANES };

typedef struct padded { /* weights [in][gates × stride] and bias [gates × stride] */
    size_t in, out, stride, gates;
    const gru_real *source, *bias_source;
    gru_real *w, *bias;
} padded;

typedef struct lone_way {
    padded kernel, recurrent;
    gru_real *gates, *h, *c, *reset;
    const gru_direction *d;
} lone_way;

typedef struct lone_layer {
    const gru_layer_plan *l;
    lone_way way[2];
    padded dense;
    gru_real *out, *sums; /* [T][stride]; [T][gates × stride] */
    size_t stride;
} lone_layer;

struct gru_single {
    const gru_plan *plan;
    lone_layer *layers;
    gru_real *block;
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

static padded place(gru_arena *a, const gru_plan *plan, size_t at, size_t bias_at, size_t in,
                    size_t out, size_t gates) {
    padded p = {.in = in, .out = out, .stride = round_up(out), .gates = gates};
    p.source = plan->model->weights + at;
    p.bias_source = bias_at == SIZE_MAX ? NULL : plan->model->weights + bias_at;
    p.w = gru_arena_take(a, in * gates * p.stride);
    p.bias = gru_arena_take(a, gates * p.stride);
    return p;
}

static void fill(const padded *p) {
    size_t ld = p->gates * p->stride;
    for (size_t g = 0; g < p->gates; g++)
        for (size_t j = 0; j < p->out; j++) {
            for (size_t k = 0; k < p->in; k++)
                p->w[k * ld + g * p->stride + j] =
                    p->source[k * p->gates * p->out + g * p->out + j];
            p->bias[g * p->stride + j] = p->bias_source ? p->bias_source[g * p->out + j] : 0;
        }
}

static void place_recurrent(gru_single *s, lone_layer *y, gru_arena *a) {
    const gru_layer *l = y->l->layer;
    size_t gates = gru_layer_gates(l), h = round_up(l->units);
    bool after = l->kind == GRU_LAYER_GRU && !l->reset_before;
    y->sums = gru_arena_take(a, s->steps_max * gates * h);
    for (size_t w = 0; w < y->l->ways; w++) {
        lone_way *v = &y->way[w];
        const gru_direction *d = v->d = &y->l->way[w];
        v->kernel = place(a, s->plan, d->kernel_at, d->bias_at, y->l->in.units, l->units, gates);
        size_t second = after && d->bias_at != SIZE_MAX ? d->bias_at + 3 * l->units : SIZE_MAX;
        v->recurrent = place(a, s->plan, d->recurrent_at, second, l->units, l->units, gates);
        v->gates = gru_arena_take(a, 4 * h);
        v->h = gru_arena_take(a, (s->steps_max + 1) * h);
        v->c = gru_arena_take(a, 2 * h);
        v->reset = gru_arena_take(a, h);
    }
}

static void place_all(gru_single *s, gru_arena *a) {
    const gru_plan *plan = s->plan;
    for (size_t i = 0; i < plan->count; i++) {
        lone_layer *y = &s->layers[i];
        y->l = &plan->layers[i];
        const gru_layer *l = y->l->layer;
        y->stride = round_up(y->l->out.units);
        y->out = gru_arena_take(a, (y->l->out.sequence ? s->steps_max : 1) * y->stride);
        if (gru_layer_recurrent(l)) {
            place_recurrent(s, y, a);
        } else if (l->kind == GRU_LAYER_DENSE || l->kind == GRU_LAYER_ATTENTION) {
            y->dense = place(a, plan, y->l->kernel_at, y->l->bias_at, y->l->in.units, l->units, 1);
            y->sums = gru_arena_take(a, s->steps_max * (y->dense.stride + L));
        }
    }
}

gru_status gru_single_new(gru_single **out, const gru_plan *plan, size_t steps_max,
                          gru_error *err) {
    gru_single *s;
    *out = NULL;
    gru_status st = gru_mem_new(&s, 1, sizeof *s, err);
    if (st)
        return st;
    s->plan = plan;
    s->steps_max = steps_max;
    gru_arena a = {0};
    if ((st = gru_mem_new(&s->layers, plan->count, sizeof *s->layers, err)))
        goto fail;
    place_all(s, &a);
    if ((st = gru_mem_new(&s->block, a.used, sizeof(gru_real), err)))
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
    free(s->layers);
    free(s->block);
    free(s);
}

void gru_single_refresh(gru_single *s) {
    for (size_t i = 0; i < s->plan->count; i++) {
        lone_layer *y = &s->layers[i];
        if (y->dense.w)
            fill(&y->dense);
        for (size_t w = 0; gru_layer_recurrent(y->l->layer) && w < y->l->ways; w++) {
            fill(&y->way[w].kernel);
            fill(&y->way[w].recurrent);
        }
    }
}

/* ---- running ---- */
/* out[rows][gates of p from `gate`, `count` of them] (+)= x p; bias starts the sum where given. */
static void product(const gru_single *s, gru_real *out, size_t out_step, const gru_real *bias,
                    const gru_real *x, size_t x_step, size_t rows, const padded *p, size_t gate,
                    size_t count) {
    s->plan->kern->rows(out, out_step, bias, x, x_step, rows, p->in, p->w + gate * p->stride,
                        p->gates * p->stride, count * p->stride);
}

static void step(const gru_single *s, const lone_layer *y, lone_way *v, const gru_real *sums,
                 const gru_real *h, gru_real *next) {
    const gru_layer *l = y->l->layer;
    const gru_kern *k = s->plan->kern;
    size_t u = v->kernel.stride, gates = v->kernel.gates;
    gru_cell_step c = {.units = u / L,
                       .gates = v->gates,
                       .h = h,
                       .next = next,
                       .c = v->c,
                       .c_next = v->c + u,
                       .update_new = l->update_new,
                       .relu = l->activation == GRU_RELU,
                       .drh = v->reset,
                       .hr = h};
    memcpy(v->gates, sums, gates * u * sizeof *sums);
    if (l->kind != GRU_LAYER_GRU) {
        product(s, v->gates, 0, NULL, h, 0, 1, &v->recurrent, 0, gates);
        if (l->kind == GRU_LAYER_LSTM) {
            k->lstm_forward(&c);
            memcpy(v->c, v->c + u, u * sizeof *v->c);
        } else {
            k->rnn_forward(&c);
        }
        return;
    }
    product(s, v->gates, 0, NULL, h, 0, 1, &v->recurrent, 0, 2);
    if (!l->reset_before) {
        product(s, v->gates + 3 * u, 0, v->recurrent.bias + 2 * u, h, 0, 1, &v->recurrent, 2, 1);
        k->gru_forward(&c);
        return;
    }
    k->gru_before_reset(&c);
    product(s, v->gates + 2 * u, 0, NULL, v->reset, 0, 1, &v->recurrent, 2, 1);
    k->gru_before_forward(&c);
}

/* z and r take both biases at once; n keeps its recurrent one inside the reset. */
static void add_recurrent_bias(const lone_layer *y, const lone_way *v, size_t steps) {
    const gru_layer *l = y->l->layer;
    size_t u = v->kernel.stride;
    if (l->kind != GRU_LAYER_GRU || l->reset_before || !v->recurrent.bias_source)
        return;
    for (size_t t = 0; t < steps; t++)
        for (size_t i = 0; i < 2 * u; i++)
            y->sums[t * 3 * u + i] += v->recurrent.bias[i];
}

static void run_way(const gru_single *s, lone_layer *y, size_t way, const gru_real *in,
                    size_t in_step, const uint8_t *valid) {
    lone_way *v = &y->way[way];
    size_t u = v->kernel.stride, units = y->l->layer->units, steps = s->steps;
    size_t width = v->kernel.gates * u,
           at = way && y->l->layer->bidirectional == GRU_MERGE_CONCAT ? units : 0;
    product(s, y->sums, width, v->kernel.bias, in, in_step, steps, &v->kernel, 0, v->kernel.gates);
    add_recurrent_bias(y, v, steps);
    memset(v->h, 0, u * sizeof *v->h);
    memset(v->c, 0, 2 * u * sizeof *v->c);
    for (size_t i = 0; v->d->initial_at != SIZE_MAX && i < units; i++)
        v->h[i] = s->plan->model->weights[v->d->initial_at + i];
    for (size_t p = 0; p < steps; p++) {
        size_t t = v->d->reversed ? steps - 1 - p : p;
        gru_real *h = v->h + p * u, *next = h + u;
        bool skip = valid && !valid[t];
        if (skip)
            memcpy(next, h, u * sizeof *h);
        else
            step(s, y, v, y->sums + t * width, h, next);
        gru_real *out = y->out + (y->l->out.sequence ? t * y->stride : 0);
        if (!y->l->out.sequence && p + 1 < steps)
            continue;
        for (size_t i = 0; i < units; i++) {
            gru_real x = skip && y->l->ways > 1 && y->l->out.sequence ? 0 : next[i];
            if (!way || y->l->layer->bidirectional == GRU_MERGE_CONCAT)
                out[at + i] = x;
            else if (y->l->layer->bidirectional == GRU_MERGE_MULTIPLY)
                out[i] *= x;
            else
                out[i] =
                    y->l->layer->bidirectional == GRU_MERGE_AVERAGE ? (out[i] + x) / 2 : out[i] + x;
        }
    }
}

static void run_attention(const gru_single *s, lone_layer *y, const gru_real *in, size_t in_step,
                          const uint8_t *valid) {
    const gru_real *v = s->plan->model->weights + y->l->weight_at;
    size_t n = y->dense.stride, units = y->l->in.units;
    gru_real *e = y->sums + s->steps_max * n, top = -INFINITY, sum = 0;
    product(s, y->sums, n, y->dense.bias, in, in_step, s->steps, &y->dense, 0, 1);
    s->plan->kern->tanh(y->sums, s->steps * n);
    for (size_t t = 0; t < s->steps; t++) {
        e[t] = s->plan->model->weights[y->l->weight_bias_at];
        for (size_t j = 0; j < y->dense.out; j++)
            e[t] += y->sums[t * n + j] * v[j];
        if ((!valid || valid[t]) && e[t] > top)
            top = e[t];
    }
    memset(y->out, 0, y->stride * sizeof *y->out);
    for (size_t t = 0; t < s->steps; t++) {
        e[t] = !valid || valid[t] ? (gru_real)exp((double)(e[t] - top)) : 0;
        sum += e[t];
        for (size_t i = 0; i < units; i++)
            y->out[i] += e[t] * in[t * in_step + i];
    }
    for (size_t i = 0; sum > 0 && i < units; i++)
        y->out[i] /= sum;
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
        const gru_real *table = s->plan->model->weights + y->l->kernel_at;
        for (size_t t = 0; t < s->steps; t++)
            memcpy(y->out + t * y->stride, table + (size_t)ids[t] * l->units,
                   l->units * sizeof *table);
    } else if (l->kind == GRU_LAYER_DENSE) {
        product(s, y->out, 0, y->dense.bias, *in, *in_step, 1, &y->dense, 0, 1);
        activate(s, l->activation, y->out, l->units);
    } else if (l->kind == GRU_LAYER_ATTENTION) {
        run_attention(s, y, *in, *in_step, valid);
    } else {
        for (size_t w = 0; w < y->l->ways; w++)
            run_way(s, y, w, *in, *in_step, valid);
    }
    *in = y->out;
    *in_step = y->stride;
}

void gru_single_run(gru_single *s, const int32_t *ids, const gru_real *x, const uint8_t *valid,
                    size_t steps, gru_real *outputs) {
    size_t features = s->plan->model->input.features;
    const gru_real *in = x;
    size_t in_step = features;
    s->steps = steps;
    for (size_t i = 0; i < s->plan->count; i++)
        run_layer(s, &s->layers[i], &in, &in_step, ids, valid);
    memcpy(outputs, in, gru_model_outputs(s->plan->model) * sizeof *outputs);
}
