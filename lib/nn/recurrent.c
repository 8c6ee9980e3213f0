/* The recurrent layers rnn, lstm and gru, one or both ways, forward and backward in time.
 *
 * A way works through positions p = 0 … T − 1; its time is t = p, or T − 1 − p when reversed. h[p]
 * is the state before position p. Steps outside [first, end) hold the state and are not computed.
 * Formulas: design of the kernels (kern.h); sources: Cho et al. 2014 (GRU), Hochreiter and
 * Schmidhuber 1997 with the forget gate of Gers et al. 2000 (LSTM), Elman 1990 (RNN); dropout on
 * the state: Gal and Ghahramani 2016. */
#include "nn/embedding.h"
#include "nn/norm.h"
#include "nn/outer.h"
#include "nn/slice.h"
#include "nn/tokens.h"

#include <stdio.h>
#include <string.h>

enum { L = GRU_LANES };

static bool resets_after(const gru_layer *l) {
    return l->kind == GRU_LAYER_GRU && !l->reset_before;
}
/* Arrays of H that a step leaves in the gates' memory. */
static size_t stored_gates(const gru_layer *l) {
    return resets_after(l) ? 4 : gru_layer_gates(l);
}
size_t gru_gate_step(const gru_layer *l) {
    return gru_step_size(stored_gates(l) * l->units);
}
static bool drops_x(const gru_layer_plan *l) {
    return l->dropped && l->layer->dropout > 0;
}
static bool drops_h(const gru_layer_plan *l) {
    return l->dropped && l->layer->recurrent_dropout > 0;
}
/* Keras: one mask per gate as soon as the state is dropped, else one for all. */
static size_t x_masks(const gru_layer_plan *l) {
    return drops_h(l) ? gru_layer_gates(l->layer) : 1;
}

/* Gates that one product computes. A GRU's n stands apart, since r comes between; where each gate
 * has a mask of its own, so do all. */
static size_t joined_gates(const gru_layer_plan *l) {
    if (drops_h(l))
        return 1;
    return l->layer->kind == GRU_LAYER_GRU ? 2 : gru_layer_gates(l->layer);
}

/* ---- planning ---- */
static size_t named(const gru_plan *plan, const gru_layer_plan *l, const char *prefix,
                    const char *name) {
    char full[GRU_PARAM_NAME];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return gru_plan_offset(plan, l->index, full);
}

static gru_status plan_way(gru_plan *plan, gru_layer_plan *l, gru_direction *d, const char *prefix,
                           gru_arena *shared, gru_error *err) {
    size_t gates = gru_layer_gates(l->layer), h = l->layer->units;
    bool training = plan->options.training;
    d->reversed = prefix[0] == 'b';
    d->kernel_at = named(plan, l, prefix, "kernel");
    d->recurrent_at = named(plan, l, prefix, "recurrent_kernel");
    d->bias_at = named(plan, l, prefix, "bias");
    d->initial_at = named(plan, l, prefix, "initial_state");
    d->gamma_at = named(plan, l, prefix, "norm.gamma");
    d->beta_at = named(plan, l, prefix, "norm.beta");
    d->bias = gru_arena_take(shared, (gates + 1) * h);
    d->kernel = d->recurrent =
        (gru_packed){.in = h, .out = h, .gates = gates, .joined = joined_gates(l)};
    d->kernel.in = l->in.units;
    d->kernel.rows = l->tokens;
    gru_status st =
        gru_plan_pack(plan, &d->kernel, d->kernel_at, training && l->need_din, shared, err);
    if (!st)
        st = gru_plan_pack(plan, &d->recurrent, d->recurrent_at, training, shared, err);
    return st;
}

static gru_status plan_recurrent(gru_plan *plan, gru_layer_plan *l, gru_arena *shared,
                                 gru_error *err) {
    const gru_layer *y = l->layer;
    bool both = y->bidirectional != GRU_MERGE_NONE;
    l->ways = both ? 2 : 1;
    l->dropped = plan->options.training;
    gru_status st = plan_way(plan, l, &l->way[0], both ? "forward." : "", shared, err);
    if (!st && both)
        st = plan_way(plan, l, &l->way[1], "backward.", shared, err);
    l->projection_at = gru_plan_offset(plan, l->index, "projection");
    if (!st && l->projection_at != SIZE_MAX) {
        l->dense = (gru_packed){.in = l->in.units, .out = l->out.units, .gates = 1, .joined = 1};
        st = gru_plan_pack(plan, &l->dense, l->projection_at, plan->options.training && l->need_din,
                           shared, err);
    }
    if (y->stateful)
        l->states = gru_arena_take(shared, plan->slices_max * l->ways * 2 * y->units * L);
    return st;
}

/* The biases that start a step's sums: input and recurrent parts of z and r added up. */
static void refresh_recurrent(const gru_plan *plan, const gru_layer_plan *l) {
    size_t gates = gru_layer_gates(l->layer), h = l->layer->units;
    for (size_t w = 0; w < l->ways; w++) {
        const gru_direction *d = &l->way[w];
        if (d->bias_at == SIZE_MAX) {
            memset(d->bias, 0, (gates + 1) * h * sizeof(gru_real));
            continue;
        }
        const gru_real *b = plan->model->weights + d->bias_at;
        memcpy(d->bias, b, gates * h * sizeof(gru_real));
        if (resets_after(l->layer)) {
            for (size_t i = 0; i < 2 * h; i++)
                d->bias[i] += b[3 * h + i];
            memcpy(d->bias + 3 * h, b + 5 * h, h * sizeof(gru_real));
        }
    }
}

static void reserve_recurrent(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                              gru_arena *a) {
    const gru_layer *y = l->layer;
    size_t t = plan->steps, h = gru_step_size(y->units), f = l->in.units * L;
    size_t gates = gru_layer_gates(y);
    bool training = plan->options.training;
    gru_layer_memory *m = &s->memory[l->index];
    for (size_t w = 0; w < l->ways; w++) {
        gru_way_memory *v = &m->way[w];
        v->h = gru_arena_take(a, (t + 1) * h);
        v->c = y->kind == GRU_LAYER_LSTM ? gru_arena_take(a, (t + 1) * h) : NULL;
        v->gates = gru_arena_take(a, (training || l->shows_gates ? t : 1) * gru_gate_step(y));
        v->reset = y->reset_before ? gru_arena_take(a, (training ? t : 1) * h) : NULL;
        v->raw = y->norm ? gru_arena_take(a, (training ? t : 1) * h) : NULL;
        v->bias_lanes = training && gru_outer_pieces(t) > 1
                            ? gru_arena_take(a, stored_gates(y) * y->units * L)
                            : NULL;
        v->dh = gru_arena_take(a, h);
        v->dc = gru_arena_take(a, h);
        v->scratch = gru_arena_take(a, h > f ? h : f);
        v->scratch2 = gru_arena_take(a, h);
        v->x_masked = drops_x(l) ? gru_arena_take(a, x_masks(l) * t * l->in_step) : NULL;
        v->h_masked = drops_h(l) ? gru_arena_take(a, gates * t * h) : NULL;
        v->x_bits = drops_x(l) ? gru_arena_bits(a, x_masks(l) * f / L) : NULL;
        v->h_bits = drops_h(l) ? gru_arena_bits(a, gates * y->units) : NULL;
    }
    bool own = l->ways > 1 || y->residual;
    m->own = own ? gru_arena_take(a, (l->out.sequence ? t : 1) * l->out_step) : NULL;
}

/* ---- one way through time ---- */
typedef struct walk { /* a way at work on a slice */
    const gru_plan *plan;
    const gru_layer_plan *l;
    const gru_direction *d;
    gru_way_memory *m;
    gru_slice *s;
    size_t from, to; /* positions that are computed */
    size_t units, in, gates;
    size_t h_step, x_step, gate_step; /* elements between positions */
    const gru_real *x;                /* [T][F] */
    gru_real *x_masked, *h_masked;    /* in training with dropout, else NULL */
    bool tokens;                      /* x W comes from the products of distinct tokens */
    bool sums;                        /* gradients are added up by token */
} walk;

static walk walk_of(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s, size_t way) {
    size_t t = plan->steps;
    walk w = {.plan = plan,
              .l = l,
              .d = &l->way[way],
              .m = &s->memory[l->index].way[way],
              .s = s,
              .from = s->first,
              .to = s->end,
              .units = l->layer->units,
              .in = l->in.units,
              .gates = gru_layer_gates(l->layer),
              .h_step = gru_step_size(l->layer->units),
              .x_step = l->in_step,
              .gate_step = gru_gate_step(l->layer),
              .x = s->memory[l->index].in,
              .tokens = l->tokens && (s->tokens.table || s->tokens.forward)};
    if (s->training) {
        w.x_masked = w.m->x_masked;
        w.h_masked = w.m->h_masked;
    }
    w.sums = l->tokens && s->tokens.backward;
    if (w.d->reversed) {
        w.from = t - s->end;
        w.to = t - s->first;
    }
    return w;
}

static size_t time_of(const walk *w, size_t p) {
    return w->d->reversed ? w->plan->steps - 1 - p : p;
}
static const gru_real *mask_of(const walk *w, size_t t) {
    return w->s->mask && w->s->partial[t] ? w->s->mask + t * L : NULL;
}
static gru_real *gates_of(const walk *w, size_t p) {
    return w->m->gates + (w->s->training || w->l->shows_gates ? p * w->gate_step : 0);
}
static gru_real *per_step(const walk *w, gru_real *memory, size_t p) {
    return memory ? memory + (w->s->training ? p * w->h_step : 0) : NULL;
}
static const gru_real *x_of(const walk *w, size_t gate, size_t t) {
    if (w->l->tokens)
        return w->s->tokens.x;
    if (!w->x_masked)
        return w->x + t * w->x_step;
    size_t mask = x_masks(w->l) > 1 ? gate : 0;
    return w->x_masked + (mask * w->plan->steps + t) * w->x_step;
}
static const gru_real *h_of(const walk *w, size_t gate, size_t p) {
    if (!w->h_masked)
        return w->m->h + p * w->h_step;
    return w->h_masked + (gate * w->plan->steps + p) * w->h_step;
}

static void draw_masks(const walk *w) {
    const gru_layer *y = w->l->layer;
    uint32_t key[2], way = w->d->reversed ? 64 : 0;
    for (uint32_t g = 0; w->x_masked && g < x_masks(w->l); g++) {
        gru_mask_key(w->plan, w->l->index, way + 2 * g, key);
        uint16_t *bits = w->m->x_bits + g * w->in;
        w->plan->kern->dropout_bits(bits, w->in, y->dropout, key, (uint32_t)w->s->first_row,
                                    w->s->batch, w->s->epoch);
        for (size_t t = w->s->first; t < w->s->end; t++)
            w->plan->kern->dropout_apply(w->x_masked + (g * w->plan->steps + t) * w->x_step,
                                         w->x + t * w->x_step, bits, w->in, y->dropout);
    }
    for (uint32_t g = 0; w->h_masked && g < w->gates; g++) {
        gru_mask_key(w->plan, w->l->index, way + 2 * g + 1, key);
        w->plan->kern->dropout_bits(w->m->h_bits + g * w->units, w->units, y->recurrent_dropout,
                                    key, (uint32_t)w->s->first_row, w->s->batch, w->s->epoch);
    }
}

static gru_real *stored_state(const walk *w, size_t which) {
    size_t way = w->d == &w->l->way[1];
    return w->l->states + ((w->s->number * w->l->ways + way) * 2 + which) * w->units * L;
}

static bool carries(const walk *w) {
    return w->l->states && w->plan->carried;
}

/* The state before the first position: zero, learned, or what the batch before left. */
static void start(const walk *w) {
    size_t h = w->units * L;
    gru_real *first = w->m->h + w->from * w->h_step;
    for (size_t i = 0; i < h; i++)
        first[i] =
            w->d->initial_at == SIZE_MAX ? 0 : w->plan->model->weights[w->d->initial_at + i / L];
    if (w->m->c)
        memset(w->m->c + w->from * w->h_step, 0, h * sizeof(gru_real));
    if (carries(w)) {
        memcpy(first, stored_state(w, 0), h * sizeof(gru_real));
        if (w->m->c)
            memcpy(w->m->c + w->from * w->h_step, stored_state(w, 1), h * sizeof(gru_real));
    }
    for (size_t p = 0; p < w->from; p++)
        memcpy(w->m->h + p * w->h_step, first, h * sizeof(gru_real));
}

static void finish(const walk *w) {
    size_t h = w->units * L;
    const gru_real *last = w->m->h + w->to * w->h_step;
    for (size_t p = w->to + 1; p <= w->plan->steps; p++)
        memcpy(w->m->h + p * w->h_step, last, h * sizeof(gru_real));
    if (w->l->states) {
        memcpy(stored_state(w, 0), last, h * sizeof(gru_real));
        if (w->m->c)
            memcpy(stored_state(w, 1), w->m->c + w->to * w->h_step, h * sizeof(gru_real));
    }
}

/* Position p has no state behind it but zeros, so that products with the state, and gradients of
 * it, may be left out. */
static bool at_zero(const walk *w, size_t p) {
    return p == w->from && w->d->initial_at == SIZE_MAX && !carries(w);
}

static gru_cell_step step_of(const walk *w, size_t p) {
    size_t h = w->h_step;
    const gru_layer *y = w->l->layer;
    return (gru_cell_step){.units = w->units,
                           .gates = gates_of(w, p),
                           .h = w->m->h + p * h,
                           .next = w->m->h + (p + 1) * h,
                           .c = w->m->c ? w->m->c + p * h : NULL,
                           .c_next = w->m->c ? w->m->c + (p + 1) * h : NULL,
                           .mask = mask_of(w, time_of(w, p)),
                           .update_new = y->update_new,
                           .relu = y->activation == GRU_RELU,
                           .dh = w->m->dh,
                           .dc = w->m->dc,
                           .drh = per_step(w, w->m->reset, p),
                           .hr = y->reset_before ? h_of(w, 2, p) : NULL,
                           .dhr = w->m->dh};
}

/* h U of the gates that begin with `gate`, added to their bias, or (NULL) to what is in out. */
static void state_sum(const walk *w, gru_real *out, size_t gate, const gru_real *bias,
                      const gru_real *h) {
    size_t u = w->units, wide = gru_packed_gates(&w->d->recurrent, gate) * u;
    w->plan->kern->affine(out, wide, bias, h, u, w->d->recurrent.forward + gate * u * u, NULL, 0,
                          NULL);
}

/* Pre-activations at time t of the gates that begin with `gate`: bias + x W, + h U unless h is
 * NULL. */
static void gate_sum(const walk *w, gru_real *gates, size_t gate, size_t t, const gru_real *h) {
    size_t u = w->units, wide = gru_packed_gates(&w->d->kernel, gate) * u;
    gru_real *out = gates + gate * u * L;
    if (!w->tokens)
        w->plan->kern->affine(out, wide, w->d->bias + gate * u, x_of(w, gate, t), w->in,
                              w->d->kernel.forward + gate * w->in * u, h, h ? u : 0,
                              w->d->recurrent.forward + gate * u * u);
    else if (h)
        state_sum(w, out, gate, NULL, h);
}

/* What a gate multiplies at position p. NULL: zeros. */
static const gru_real *state_of(const walk *w, size_t gate, size_t p) {
    return at_zero(w, p) ? NULL : h_of(w, gate, p);
}

static void gru_step(const walk *w, size_t p, const gru_cell_step *c) {
    size_t u = w->units, t = time_of(w, p);
    const gru_kern *k = w->plan->kern;
    gru_real *g = c->gates;
    for (size_t i = 0; i < 2; i += gru_packed_gates(&w->d->kernel, i))
        gate_sum(w, g, i, t, state_of(w, i, p));
    if (resets_after(w->l->layer)) {
        gate_sum(w, g, 2, t, NULL);
        const gru_real *h = state_of(w, 2, p), *bias = w->d->bias + 3 * u;
        if (h)
            state_sum(w, g + 3 * u * L, 2, bias, h);
        for (size_t i = 0; !h && i < u * L; i++)
            g[3 * u * L + i] = bias[i / L];
        k->gru_forward(c);
        return;
    }
    k->gru_before_reset(c);
    gate_sum(w, g, 2, t, at_zero(w, p) ? NULL : c->drh);
    k->gru_before_forward(c);
}

static void plain_step(const walk *w, size_t p, const gru_cell_step *c) {
    for (size_t g = 0; g < w->gates; g += gru_packed_gates(&w->d->kernel, g))
        gate_sum(w, c->gates, g, time_of(w, p), state_of(w, g, p));
    if (w->gates == 4)
        w->plan->kern->lstm_forward(c);
    else
        w->plan->kern->rnn_forward(c);
}

static void blend(gru_real *out, const gru_real *held, const gru_real *mask, size_t count) {
    for (size_t i = 0; mask && i < count; i++)
        if (!(mask[i % L] > 0))
            out[i] = held[i];
}

static void walk_forward(const walk *w) {
    const gru_real *weights = w->plan->model->weights;
    size_t h = w->units * L;
    draw_masks(w);
    start(w);
    if (w->tokens)
        gru_tokens_begin(w->s, w->from);
    for (size_t p = w->from; p < w->to; p++) {
        gru_cell_step c = step_of(w, p);
        for (size_t g = 0; w->h_masked && g < w->gates; g++)
            w->plan->kern->dropout_apply(w->h_masked + (g * w->plan->steps + p) * w->h_step, c.h,
                                         w->m->h_bits + g * w->units, w->units,
                                         w->l->layer->recurrent_dropout);
        gru_real *next = c.next;
        if (w->m->raw)
            c.next = per_step(w, w->m->raw, p);
        if (w->tokens)
            gru_tokens_gather(w->plan, w->l, w->d, w->s, p, w->to, c.gates);
        else if (w->l->tokens)
            gru_embedding_look_up(w->plan, w->s, time_of(w, p),
                                  time_of(w, p + 1 < w->to ? p + 1 : p), w->s->tokens.x);
        if (w->l->layer->kind == GRU_LAYER_GRU)
            gru_step(w, p, &c);
        else
            plain_step(w, p, &c);
        if (w->m->raw) {
            gru_norm_forward(next, c.next, weights + w->d->gamma_at, weights + w->d->beta_at,
                             w->units, gru_layer_epsilon(w->l->layer));
            blend(next, c.h, c.mask, h);
        }
    }
    finish(w);
}

/* out += (d Wᵀ of one gate, or of all where they are joined) ⊙ mask, the mask being a dropout's. */
static void back_masked(const walk *w, gru_real *out, const gru_real *d, const gru_packed *m,
                        size_t gate, const uint16_t *bits, double rate) {
    gru_real *part = w->m->scratch;
    memset(part, 0, m->in * L * sizeof *part);
    if (m->joined > 1)
        gru_packed_back(w->plan->kern, m, part, d);
    else
        w->plan->kern->affine(part, m->in, NULL, d, m->out, m->transposed + gate * m->in * m->out,
                              NULL, 0, NULL);
    w->plan->kern->dropout_apply(part, part, bits, m->in, rate);
    w->plan->kern->add(out, part, m->in * L);
}

static void back_input(const walk *w, size_t p, gru_real *din, const gru_real *gates) {
    gru_real *dx = w->l->tokens ? w->s->tokens.x : din + time_of(w, p) * w->x_step;
    const gru_packed *m = &w->d->kernel;
    if (w->d == &w->l->way[0] || w->l->tokens)
        memset(dx, 0, w->in * L * sizeof *dx);
    if (!w->m->x_bits) {
        gru_packed_back(w->plan->kern, m, dx, gates);
        if (w->l->tokens)
            gru_embedding_add(w->plan, w->s, time_of(w, p), dx);
        return;
    }
    for (size_t g = 0; g<w->gates; g += m->joined> 1 ? w->gates : 1)
        back_masked(w, dx, gates + g * w->units * L, m, g,
                    w->m->x_bits + (x_masks(w->l) > 1 ? g : 0) * w->in, w->l->layer->dropout);
}

static void back_gate(const walk *w, const gru_real *d, size_t gate) {
    back_masked(w, w->m->dh, d, &w->d->recurrent, gate, w->m->h_bits + gate * w->units,
                w->l->layer->recurrent_dropout);
}

static void gru_after_back(const walk *w, const gru_cell_step *c, bool further) {
    size_t u = w->units;
    const gru_kern *k = w->plan->kern;
    const gru_real *t = w->d->recurrent.transposed;
    gru_real *g = c->gates;
    k->gru_backward(c);
    if (!further)
        return;
    if (!w->m->h_bits) {
        k->affine(w->m->dh, u, NULL, g, 2 * u, t, g + 3 * u * L, u, t + 2 * u * u);
        return;
    }
    for (size_t i = 0; i < 3; i++)
        back_gate(w, g + (i == 2 ? 3 : i) * u * L, i);
}

/* The forward pass's r ⊙ h is kept for the weight gradient, so its gradient lives elsewhere. */
static void gru_before_back(const walk *w, gru_cell_step *c, bool further) {
    size_t u = w->units, size = u * L;
    const gru_kern *k = w->plan->kern;
    const gru_real *t = w->d->recurrent.transposed;
    gru_real *g = c->gates, *drh = w->m->scratch2, *dhr = w->m->dc;
    k->gru_before_backward(c);
    memset(drh, 0, size * sizeof *drh);
    memset(dhr, 0, size * sizeof *dhr);
    k->affine(drh, u, NULL, g + 2 * size, u, t + 2 * u * u, NULL, 0, NULL);
    c->drh = drh;
    c->dhr = dhr;
    k->gru_before_backward_reset(c);
    if (!further)
        return;
    if (!w->m->h_bits) {
        k->add(w->m->dh, dhr, size);
        k->affine(w->m->dh, u, NULL, g, 2 * u, t, NULL, 0, NULL);
        return;
    }
    k->dropout_apply(dhr, dhr, w->m->h_bits + 2 * u, u, w->l->layer->recurrent_dropout);
    k->add(w->m->dh, dhr, size);
    for (size_t i = 0; i < 2; i++)
        back_gate(w, g + i * size, i);
}

static void plain_back(const walk *w, const gru_cell_step *c, bool further) {
    if (w->gates == 4)
        w->plan->kern->lstm_backward(c);
    else
        w->plan->kern->rnn_backward(c);
    if (!further)
        return;
    if (!w->m->h_bits)
        gru_packed_back(w->plan->kern, &w->d->recurrent, w->m->dh, c->gates);
    for (size_t g = 0; w->m->h_bits && g < w->gates; g++)
        back_gate(w, c->gates + g * w->units * L, g);
}

/* The gradient of this way's output at time t, added to dh. */
static void add_dout(const walk *w, const gru_real *dout, size_t t, size_t p_other) {
    const gru_layer *y = w->l->layer;
    size_t h = w->units * L;
    bool second = w->d == &w->l->way[1];
    const gru_real *d = dout + (y->bidirectional == GRU_MERGE_CONCAT && second ? h : 0);
    gru_real *dh = w->m->dh;
    gru_real factor = y->bidirectional == GRU_MERGE_AVERAGE ? (gru_real)0.5 : 1;
    const gru_real *other = NULL;
    if (y->bidirectional == GRU_MERGE_MULTIPLY)
        other = w->s->memory[w->l->index].way[second ? 0 : 1].h + p_other * w->h_step;
    const gru_real *mask = w->l->ways > 1 && w->l->out.sequence ? mask_of(w, t) : NULL;
    if (!other && !mask && factor == 1) {
        w->plan->kern->add(dh, d, h);
        return;
    }
    for (size_t i = 0; i < h; i++)
        dh[i] += d[i] * factor * (other ? other[i] : 1) * (mask ? mask[i % L] : 1);
}

static void norm_back(const walk *w, size_t p, const gru_cell_step *c) {
    gru_real *d = w->m->scratch2, *dh = w->m->dh;
    size_t h = w->units * L;
    for (size_t i = 0; i < h; i++)
        d[i] = c->mask ? dh[i] * c->mask[i % L] : dh[i];
    gru_norm_backward(d, per_step(w, w->m->raw, p), w->plan->model->weights + w->d->gamma_at,
                      w->s->gradient + w->d->gamma_at, w->s->gradient + w->d->beta_at, w->units,
                      gru_layer_epsilon(w->l->layer));
    blend(d, dh, c->mask, h);
    memcpy(dh, d, h * sizeof *dh);
}

/* Of these steps' gates. A GRU that resets after has a second bias: that of z and r has the first's
 * gradient. */
static void bias_gradients(const walk *w, const gru_real *gates, size_t steps) {
    size_t u = w->units, stored = stored_gates(w->l->layer);
    gru_real *db = w->s->gradient + w->d->bias_at, *sums = w->m->scratch;
    const gru_kern *k = w->plan->kern;
    memset(sums, 0, stored * u * sizeof *sums);
    k->column_sums(sums, gates, stored * u, (ptrdiff_t)w->gate_step, steps);
    k->add(db, sums, w->gates * u);
    if (resets_after(w->l->layer)) {
        k->add(db + 3 * u, sums, 2 * u);
        k->add(db + 5 * u, sums + 3 * u, u);
    }
}

/* Of the positions from `from` on; how many products there are. */
static size_t kernel_gradient(const walk *w, size_t from, gru_outer o, gru_outer *all) {
    size_t t = time_of(w, from), each = x_masks(w->l) == 1 ? w->gates : 1;
    const gru_real *gates = o.b;
    size_t count = 0;
    o.rows = w->in;
    o.a_step = (ptrdiff_t)(w->l->tokens ? L : w->x_step) * (w->d->reversed ? -1 : 1);
    if (w->l->tokens) {
        o.ids = w->s->ids + t * L;
        o.table = gru_embedding_table(w->plan);
    }
    o.columns = each * w->units;
    for (size_t g = 0; g < w->gates; g += each) {
        o.w = w->s->gradient + w->d->kernel_at + g * w->units;
        o.a = x_of(w, g, t);
        o.b = gates + g * w->units * L;
        all[count++] = o;
    }
    return count;
}

/* Gates that multiply the same state go together; with the reset after, n's are the fourth. */
static size_t recurrent_gradient(const walk *w, size_t from, gru_outer o, gru_outer *all) {
    size_t count = 0, u = w->units, each = w->h_masked ? 1 : w->m->reset ? 2 : w->gates;
    bool after = resets_after(w->l->layer);
    if (at_zero(w, from)) {
        from++;
        o.b += o.b_step;
        o.steps--;
    }
    const gru_real *gates = o.b;
    o.rows = u;
    o.a_step = (ptrdiff_t)w->h_step;
    o.split = 2 * u;
    o.gap = after && each > 1 ? u : 0;
    for (size_t g = 0; g < w->gates; g += each) {
        bool n_alone = g == 2 && w->l->layer->kind == GRU_LAYER_GRU;
        o.w = w->s->gradient + w->d->recurrent_at + g * u;
        o.a = n_alone && !after ? per_step(w, w->m->reset, from) : h_of(w, g, from);
        o.b = gates + (n_alone && after ? 3 : g) * u * L;
        o.columns = n_alone ? u : each * u;
        all[count++] = o;
    }
    return count;
}

/* Where piece i of the positions begins. */
static size_t piece_start(const walk *w, size_t i) {
    size_t steps = w->to - w->from;
    return w->from + steps * i / gru_outer_pieces(steps);
}

/* A piece's gates serve all matrices and the biases before the next piece's come: those of a long
 * sequence don't stay in the second-level cache from one to the next. lanes: sums of the biases'
 * gradients, or NULL. */
static void weight_gradients(const walk *w, size_t piece, gru_real *lanes) {
    size_t from = piece_start(w, piece), steps = piece_start(w, piece + 1) - from, count = 0;
    gru_outer all[GRU_OUTERS], o = {.ld = w->gates * w->units,
                                    .b = gates_of(w, from),
                                    .b_step = (ptrdiff_t)w->gate_step,
                                    .steps = steps};
    gru_slice_enter(w->s, w->l, GRU_PART_WEIGHTS);
    if (!w->sums)
        count = kernel_gradient(w, from, o, all);
    count += recurrent_gradient(w, from, o, all + count);
    gru_outer_add(w->plan, w->s, all, count);
    if (lanes)
        w->plan->kern->column_lanes(lanes, o.b, stored_gates(w->l->layer) * w->units, o.b_step,
                                    steps);
    else if (w->d->bias_at != SIZE_MAX)
        bias_gradients(w, o.b, steps);
    gru_slice_enter(w->s, w->l, GRU_PART_BACKWARD);
}

/* The last valid step of a lane; SIZE_MAX when there is none. */
static size_t last_valid(const gru_slice *s, size_t lane) {
    for (size_t t = s->end; t-- > s->first;)
        if (!s->mask || s->mask[t * L + lane] > 0)
            return t;
    return SIZE_MAX;
}

/* Rows that end at different steps are laid over one another at their ends; padding is left out. */
static void note_norm(const walk *w, size_t t) {
    const gru_real *mask = mask_of(w, t);
    for (size_t lane = 0; lane < w->s->rows; lane++) {
        size_t last = w->s->last[lane];
        if (last == SIZE_MAX || (mask && !(mask[lane] > 0)))
            continue;
        double sum = 0;
        for (size_t i = lane; i < w->units * L; i += L)
            sum += (double)w->m->dh[i] * (double)w->m->dh[i];
        w->s->norms[w->plan->steps - 1 - (last - t)] += sum;
    }
}

/* What step p needs comes nearer. */
static void fetch_step(const walk *w, size_t p) {
    gru_kern_fetch(gates_of(w, p), stored_gates(w->l->layer) * w->units * L);
    gru_kern_fetch(w->m->h + p * w->h_step, w->units * L);
}

/* Through the cell at position p: dh becomes that of the state before, if that is more than zeros,
 * the gates become their own gradients. */
static void cell_back(const walk *w, size_t p) {
    gru_cell_step c = step_of(w, p);
    bool further = !at_zero(w, p);
    if (w->m->raw)
        norm_back(w, p, &c);
    if (resets_after(w->l->layer))
        gru_after_back(w, &c, further);
    else if (w->l->layer->kind == GRU_LAYER_GRU)
        gru_before_back(w, &c, further);
    else
        plain_back(w, &c, further);
}

static bool notes_norms(const walk *w) {
    return w->s->norms && w->l->first_recurrent && w->d == &w->l->way[0];
}

static void begin_backward(const walk *w, const gru_real *dout, gru_real *lanes) {
    size_t h = w->units * L;
    memset(w->m->dh, 0, h * sizeof(gru_real));
    memset(w->m->dc, 0, h * sizeof(gru_real));
    if (lanes)
        memset(lanes, 0, stored_gates(w->l->layer) * h * sizeof *lanes);
    if (w->sums)
        gru_tokens_begin(w->s, w->from);
    if (!w->l->out.sequence)
        add_dout(w, dout, 0, w->plan->steps);
    for (size_t lane = 0; notes_norms(w) && lane < L; lane++)
        w->s->last[lane] = last_valid(w->s, lane);
}

/* A long sequence, of more pieces than AT_END, lies beyond the second-level cache: a step's memory
 * is fetched during the one before it, and a piece gives the weights' gradients as soon as its last
 * step is through. */
enum { AT_END = 2 };

static void walk_backward(const walk *w, const gru_real *dout, gru_real *din) {
    size_t pieces = gru_outer_pieces(w->to - w->from);
    gru_real *lanes = w->d->bias_at != SIZE_MAX && pieces > 1 ? w->m->bias_lanes : NULL;
    bool is_long = pieces > AT_END;
    gru_slice_enter(w->s, w->l, GRU_PART_BACKWARD);
    begin_backward(w, dout, lanes);
    for (size_t p = w->to; p-- > w->from;) {
        size_t t = time_of(w, p);
        if (w->l->out.sequence)
            add_dout(w, dout + t * w->l->out_step, t, w->plan->steps - p);
        if (notes_norms(w))
            note_norm(w, t);
        if (is_long && p > w->from)
            fetch_step(w, p - 1);
        cell_back(w, p);
        if (w->sums)
            gru_tokens_scatter(w->plan, w->l, w->d, w->s, t, gates_of(w, p));
        else if (din)
            back_input(w, p, din, gates_of(w, p));
        if (is_long && p == piece_start(w, pieces - 1))
            weight_gradients(w, --pieces, lanes);
    }
    if (w->sums)
        gru_tokens_finish(w->plan, w->l, w->d, w->s);
    for (size_t i = 0; i < pieces; i++)
        weight_gradients(w, i, lanes);
    gru_slice_enter(w->s, w->l, GRU_PART_WEIGHTS);
    if (lanes)
        bias_gradients(w, lanes, 1);
    if (w->d->initial_at != SIZE_MAX && !carries(w))
        w->plan->kern->column_sums(w->s->gradient + w->d->initial_at, w->m->dh, w->units,
                                   (ptrdiff_t)(w->units * L), 1);
}

/* ---- the layer ---- */
static void merge(gru_real *out, const gru_real *a, const gru_real *b, size_t h, gru_merge how) {
    if (how == GRU_MERGE_CONCAT) {
        memcpy(out, a, h * sizeof *out);
        memcpy(out + h, b, h * sizeof *out);
        return;
    }
    for (size_t i = 0; i < h; i++)
        out[i] = how == GRU_MERGE_SUM       ? a[i] + b[i]
                 : how == GRU_MERGE_AVERAGE ? (a[i] + b[i]) / 2
                                            : a[i] * b[i];
}

/* Joins the two ways; Keras gives zeros at masked steps of a bidirectional sequence. */
static void join(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t h = l->layer->units * L, out = l->out.units * L, steps = plan->steps;
    size_t step = gru_step_size(l->layer->units);
    if (!l->out.sequence) {
        merge(m->own, m->way[0].h + steps * step, m->way[1].h + steps * step, h,
              l->layer->bidirectional);
        return;
    }
    for (size_t t = 0; t < steps; t++) {
        gru_real *y = m->own + t * l->out_step;
        if (s->mask && (t < s->first || t >= s->end)) {
            memset(y, 0, out * sizeof *y);
            continue;
        }
        merge(y, m->way[0].h + (t + 1) * step, m->way[1].h + (steps - t) * step, h,
              l->layer->bidirectional);
        for (size_t i = 0; s->mask && s->partial[t] && i < out; i++)
            y[i] *= s->mask[t * L + i % L];
    }
}

/* What a layer that gives one vector adds to it: each row's input at its last valid step, or zeros.
 */
static const gru_real *last_input(const gru_layer_plan *l, gru_slice *s) {
    const gru_layer_memory *m = &s->memory[l->index];
    gru_real *x = m->way[0].scratch;
    for (size_t lane = 0; lane < L; lane++) {
        size_t t = last_valid(s, lane);
        for (size_t i = lane; i < l->in.units * L; i += L)
            x[i] = t == SIZE_MAX ? 0 : m->in[t * l->in_step + i];
    }
    return x;
}

static void add_residual(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t out = l->out.units * L;
    for (size_t t = 0; t < (l->out.sequence ? plan->steps : 1); t++) {
        gru_real *y = m->own + t * l->out_step;
        const gru_real *x = l->out.sequence ? m->in + t * l->in_step : last_input(l, s);
        if (l->projection_at != SIZE_MAX)
            plan->kern->affine(y, l->out.units, NULL, x, l->in.units, l->dense.forward, NULL, 0,
                               NULL);
        else
            for (size_t i = 0; i < out; i++)
                y[i] += x[i];
    }
}

static void forward_recurrent(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t h = gru_step_size(l->layer->units);
    for (size_t way = 0; way < l->ways; way++) {
        walk w = walk_of(plan, l, s, way);
        walk_forward(&w);
    }
    m->out = l->out.sequence ? m->way[0].h + h : m->way[0].h + plan->steps * h;
    if (l->ways > 1) {
        join(plan, l, s);
        m->out = m->own;
    } else if (l->layer->residual) {
        memcpy(m->own, m->out, (l->out.sequence ? plan->steps : 1) * h * sizeof *m->own);
        m->out = m->own;
    }
    if (l->layer->residual)
        add_residual(plan, l, s);
}

/* dx += the gradient that the shortcut hands to its input. */
static void shortcut_back(const gru_plan *plan, const gru_layer_plan *l, const gru_real *dout,
                          gru_real *dx) {
    if (l->projection_at != SIZE_MAX) {
        plan->kern->affine(dx, l->in.units, NULL, dout, l->out.units, l->dense.transposed, NULL, 0,
                           NULL);
        return;
    }
    for (size_t i = 0; i < l->in.units * L; i++)
        dx[i] += dout[i];
}

static void residual_back(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                          const gru_real *dout, gru_real *din) {
    bool sequence = l->out.sequence;
    size_t steps = sequence ? plan->steps : 1, in = l->in.units * L;
    const gru_real *x = sequence ? s->memory[l->index].in : last_input(l, s);
    if (l->projection_at != SIZE_MAX)
        gru_outer_add(plan, s,
                      &(gru_outer){.w = s->gradient + l->projection_at,
                                   .ld = l->out.units,
                                   .a = x,
                                   .rows = l->in.units,
                                   .a_step = (ptrdiff_t)l->in_step,
                                   .b = dout,
                                   .columns = l->out.units,
                                   .b_step = (ptrdiff_t)l->out_step,
                                   .steps = steps},
                      1);
    for (size_t t = 0; sequence && din && t < steps; t++)
        shortcut_back(plan, l, dout + t * l->out_step, din + t * l->in_step);
    if (sequence || !din)
        return;
    gru_real *dx = s->memory[l->index].way[0].scratch;
    memset(dx, 0, in * sizeof *dx);
    shortcut_back(plan, l, dout, dx);
    for (size_t lane = 0; lane < L; lane++) {
        size_t t = last_valid(s, lane);
        for (size_t i = lane; t != SIZE_MAX && i < in; i += L)
            din[t * l->in_step + i] += dx[i];
    }
}

static void backward_recurrent(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                               const gru_real *dout, gru_real *din) {
    size_t step = l->in_step;
    if (din && !l->tokens) { /* the first way writes its own steps afresh */
        memset(din, 0, s->first * step * sizeof *din);
        memset(din + s->end * step, 0, (plan->steps - s->end) * step * sizeof *din);
    }
    for (size_t way = 0; way < l->ways; way++) {
        walk w = walk_of(plan, l, s, way);
        walk_backward(&w, dout, din);
    }
    gru_slice_enter(s, l, GRU_PART_BACKWARD);
    if (l->layer->residual)
        residual_back(plan, l, s, dout, din);
}

const gru_layer_ops gru_recurrent_ops = {plan_recurrent, refresh_recurrent, reserve_recurrent,
                                         forward_recurrent, backward_recurrent};
