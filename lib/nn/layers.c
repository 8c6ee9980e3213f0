/* The layers without a memory: dense, dropout, normalisations, pooling, attention. */
#include "nn/norm.h"
#include "nn/outer.h"
#include "nn/slice.h"

#include <math.h>
#include <string.h>

enum { L = GRU_LANES };

/* Steps of what flows into / out of a layer. */
static size_t steps_of(const gru_plan *plan, const gru_shape *shape) {
    return shape->sequence ? plan->steps : 1;
}
static gru_real *weights_at(const gru_plan *plan, size_t offset) {
    return plan->model->weights + offset;
}

static void reserve_own(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s, gru_arena *a) {
    s->memory[l->index].own = gru_arena_take(a, steps_of(plan, &l->out) * l->out_step);
}

/* ---- dense ---- */
static gru_status plan_dense(gru_plan *plan, gru_layer_plan *l, gru_arena *shared, gru_error *err) {
    l->kernel_at = gru_plan_offset(plan, l->index, "kernel");
    l->bias_at = gru_plan_offset(plan, l->index, "bias");
    l->dense = (gru_packed){.in = l->in.units, .out = l->out.units, .gates = 1, .joined = 1};
    return gru_plan_pack(plan, &l->dense, l->kernel_at, plan->options.training && l->need_din,
                         shared, err);
}

static void reserve_dense(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                          gru_arena *a) {
    size_t size = steps_of(plan, &l->out) * l->out_step;
    gru_layer_memory *m = &s->memory[l->index];
    m->own = gru_arena_take(a, size);
    m->logits = gru_arena_take(a, size);
}

static void forward_dense(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t steps = steps_of(plan, &l->out), out = l->out.units * L;
    for (size_t t = 0; t < steps; t++) {
        gru_real *z = m->logits + t * l->out_step;
        const gru_real *bias = l->bias_at == SIZE_MAX ? NULL : weights_at(plan, l->bias_at);
        if (!bias)
            memset(z, 0, out * sizeof *z);
        plan->kern->affine(z, l->out.units, bias, m->in + t * l->in_step, l->in.units,
                           l->dense.forward, NULL, 0, NULL);
        memcpy(m->own + t * l->out_step, z, out * sizeof *z);
        gru_activate(plan->kern, l->layer->activation, m->own + t * l->out_step, l->out.units);
    }
    m->out = m->own;
}

static void backward_dense(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                           const gru_real *dout, gru_real *din) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t steps = steps_of(plan, &l->out), in = l->in.units * L;
    size_t out = l->out_step;
    gru_real *d = m->own; /* the activations are not needed once their gradient is taken */
    bool logits = plan->fused && l->index + 1 == plan->count;
    for (size_t t = 0; t < steps; t++) {
        if (!logits)
            gru_activate_backward(l->layer->activation, d + t * out, dout + t * out,
                                  m->logits + t * out, l->out.units);
        else
            memcpy(d + t * out, dout + t * out, l->out.units * L * sizeof *d);
        if (!din)
            continue;
        memset(din + t * l->in_step, 0, in * sizeof *din);
        plan->kern->affine(din + t * l->in_step, l->in.units, NULL, d + t * out, l->out.units,
                           l->dense.transposed, NULL, 0, NULL);
    }
    gru_slice_enter(s, l, GRU_PART_WEIGHTS);
    gru_outer_add(plan, s,
                  &(gru_outer){.w = s->gradient + l->kernel_at,
                               .ld = l->out.units,
                               .a = m->in,
                               .rows = l->in.units,
                               .a_step = (ptrdiff_t)l->in_step,
                               .b = d,
                               .columns = l->out.units,
                               .b_step = (ptrdiff_t)out,
                               .steps = steps},
                  1);
    if (l->bias_at != SIZE_MAX)
        plan->kern->column_sums(s->gradient + l->bias_at, d, l->out.units, (ptrdiff_t)out, steps);
}

/* ---- dropout (Srivastava et al. 2014, inverted) ---- */
static gru_status plan_nothing(gru_plan *plan, gru_layer_plan *l, gru_arena *shared,
                               gru_error *err) {
    (void)plan;
    (void)l;
    (void)shared;
    (void)err;
    return GRU_OK;
}

static void reserve_dropout(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                            gru_arena *a) {
    if (!plan->options.training)
        return;
    reserve_own(plan, l, s, a);
    s->memory[l->index].bits = gru_arena_bits(a, steps_of(plan, &l->out) * l->out_step / L);
}

static void forward_dropout(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t count = steps_of(plan, &l->out) * l->out_step / L;
    uint32_t key[2];
    m->out = m->in;
    if (!s->training || !(l->layer->rate > 0))
        return;
    gru_mask_key(plan, l->index, 0, key);
    plan->kern->dropout_bits(m->bits, count, l->layer->rate, key, (uint32_t)s->first_row, s->batch,
                             s->epoch);
    plan->kern->dropout_apply(m->own, m->in, m->bits, count, l->layer->rate);
    m->out = m->own;
}

static void backward_dropout(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                             const gru_real *dout, gru_real *din) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t count = steps_of(plan, &l->out) * l->out_step / L;
    if (!din)
        return;
    if (l->layer->rate > 0)
        plan->kern->dropout_apply(din, dout, m->bits, count, l->layer->rate);
    else
        memcpy(din, dout, count * L * sizeof *din);
}

/* ---- layer normalisation ---- */
static gru_status plan_norm(gru_plan *plan, gru_layer_plan *l, gru_arena *shared, gru_error *err) {
    (void)err;
    l->gamma_at = gru_plan_offset(plan, l->index, "gamma");
    l->beta_at = gru_plan_offset(plan, l->index, "beta");
    l->mean_at = gru_plan_offset(plan, l->index, "moving_mean");
    l->variance_at = gru_plan_offset(plan, l->index, "moving_variance");
    if (l->layer->kind == GRU_LAYER_BATCH_NORM)
        l->stats = gru_arena_take(shared, 4 * l->out.units);
    return GRU_OK;
}

static void forward_norm(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s) {
    gru_layer_memory *m = &s->memory[l->index];
    for (size_t t = 0; t < steps_of(plan, &l->out); t++)
        gru_norm_forward(m->own + t * l->out_step, m->in + t * l->in_step,
                         weights_at(plan, l->gamma_at), weights_at(plan, l->beta_at), l->out.units,
                         gru_layer_epsilon(l->layer));
    m->out = m->own;
}

static void backward_norm(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                          const gru_real *dout, gru_real *din) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t width = l->out.units * L;
    for (size_t t = 0; t < steps_of(plan, &l->out); t++) {
        gru_real *d = m->own + t * l->out_step;
        memcpy(d, dout + t * l->out_step, width * sizeof *d);
        gru_norm_backward(d, m->in + t * l->in_step, weights_at(plan, l->gamma_at),
                          s->gradient + l->gamma_at, s->gradient + l->beta_at, l->out.units,
                          gru_layer_epsilon(l->layer));
        if (din)
            memcpy(din + t * l->in_step, d, width * sizeof *d);
    }
}

/* ---- batch normalisation (Ioffe and Szegedy 2015); the runner fills stats between slices ---- */
static void forward_batch_norm(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t units = l->out.units, steps = steps_of(plan, &l->out);
    const gru_real *gamma = weights_at(plan, l->gamma_at), *beta = weights_at(plan, l->beta_at);
    for (size_t t = 0; t < steps; t++)
        for (size_t i = 0; i < units * L; i++) {
            size_t u = i / L;
            gru_real hat = (m->in[t * l->in_step + i] - l->stats[u]) * l->stats[units + u];
            m->own[t * l->out_step + i] = hat * gamma[u] + beta[u];
        }
    m->out = m->own;
}

/* dx = γ/σ (dy − mean(dy) − x̂ mean(dy x̂)); stats holds the two means, rows that are not there get
 * none. */
static void backward_batch_norm(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                                const gru_real *dout, gru_real *din) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t units = l->out.units, steps = steps_of(plan, &l->out);
    const gru_real *gamma = weights_at(plan, l->gamma_at), *mean = l->stats;
    const gru_real *scale = mean + units, *sum = scale + units, *along = sum + units;
    for (size_t k = 0; din && k < steps * units * L; k++) {
        size_t t = k / (units * L), i = k % (units * L), u = i / L;
        bool counted = !l->out.sequence || !s->mask || s->mask[t * L + i % L] > 0;
        gru_real hat = (m->in[t * l->in_step + i] - mean[u]) * scale[u];
        gru_real through = counted ? sum[u] + hat * along[u] : 0;
        gru_real d = gamma[u] * scale[u] * (dout[t * l->out_step + i] - through);
        din[t * l->in_step + i] = i % L < s->rows ? d : 0;
    }
}

/* ---- pooling over the valid steps ---- */
static bool valid_at(const gru_slice *s, size_t t, size_t lane) {
    return !s->mask || s->mask[t * L + lane] > 0;
}

/* cache: the step that max or last took, [U][16]; −1 where no step is valid. cache2: valid steps
 * [16]. */
static void reserve_pool(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                         gru_arena *a) {
    reserve_own(plan, l, s, a);
    s->memory[l->index].cache = gru_arena_take(a, l->in.units * L);
    s->memory[l->index].cache2 = gru_arena_take(a, L);
}

/* One step enters; whole[16] is 1 where the step counts. */
static void pool_step(gru_real *y, gru_real *taken, const gru_real *x, const gru_real *whole,
                      size_t count, gru_real t, gru_pool_kind kind) {
    for (size_t i = 0; i < count; i++) {
        gru_real counts = whole[i % L];
        if (kind == GRU_POOL_AVERAGE) {
            y[i] += counts * x[i];
            continue;
        }
        bool take = counts > 0 && (kind == GRU_POOL_LAST || taken[i] < 0 || x[i] > y[i]);
        y[i] = take ? x[i] : y[i];
        taken[i] = take ? t : taken[i];
    }
}

static void forward_pool(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t count = l->in.units * L;
    (void)plan;
    memset(m->own, 0, count * sizeof *m->own);
    memset(m->cache2, 0, L * sizeof *m->cache2);
    for (size_t i = 0; i < count; i++)
        m->cache[i] = -1;
    for (size_t t = s->first; t < s->end; t++) {
        gru_real whole[L];
        for (size_t i = 0; i < L; i++) {
            whole[i] = valid_at(s, t, i);
            m->cache2[i] += whole[i];
        }
        pool_step(m->own, m->cache, m->in + t * l->in_step, whole, count, (gru_real)t,
                  l->layer->pool);
    }
    for (size_t i = 0; l->layer->pool == GRU_POOL_AVERAGE && i < count; i++)
        m->own[i] = m->cache2[i % L] > 0 ? m->own[i] / m->cache2[i % L] : 0;
    m->out = m->own;
}

static void backward_pool(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                          const gru_real *dout, gru_real *din) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t count = l->in.units * L;
    if (!din)
        return;
    memset(din, 0, plan->steps * l->in_step * sizeof *din);
    for (size_t i = 0; l->layer->pool != GRU_POOL_AVERAGE && i < count; i++)
        if (m->cache[i] >= 0)
            din[(size_t)m->cache[i] * l->in_step + i] = dout[i];
    for (size_t t = s->first; l->layer->pool == GRU_POOL_AVERAGE && t < s->end; t++)
        for (size_t i = 0; i < count; i++)
            if (valid_at(s, t, i % L))
                din[t * l->in_step + i] = dout[i] / m->cache2[i % L];
}

/* ---- attention: α = softmax over steps of v · tanh(W h + b) + c, out = Σ α h
 * (after Bahdanau et al. 2015, eq. 5 and 6, and Yang et al. 2016, eq. 5 to 7) ---- */
static gru_status plan_attention(gru_plan *plan, gru_layer_plan *l, gru_arena *shared,
                                 gru_error *err) {
    l->kernel_at = gru_plan_offset(plan, l->index, "score.kernel");
    l->bias_at = gru_plan_offset(plan, l->index, "score.bias");
    l->weight_at = gru_plan_offset(plan, l->index, "weight.kernel");
    l->weight_bias_at = gru_plan_offset(plan, l->index, "weight.bias");
    l->dense = (gru_packed){.in = l->in.units, .out = l->layer->units, .gates = 1, .joined = 1};
    return gru_plan_pack(plan, &l->dense, l->kernel_at, plan->options.training && l->need_din,
                         shared, err);
}

static void reserve_attention(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                              gru_arena *a) {
    gru_layer_memory *m = &s->memory[l->index];
    m->own = gru_arena_take(a, l->out.units * L);
    m->cache = gru_arena_take(a, plan->steps * l->layer->units * L); /* tanh values */
    m->cache2 = gru_arena_take(a, plan->steps * L);                  /* weights α */
    m->scratch = gru_arena_take(a, plan->steps * L);
}

/* Softmax over the steps of each lane, in place; masked steps get 0. */
static void softmax_steps(const gru_plan *plan, const gru_slice *s, gru_real *e) {
    gru_real top[L], sum[L] = {0};
    for (size_t i = 0; i < L; i++)
        top[i] = -INFINITY;
    for (size_t t = s->first; t < s->end; t++)
        for (size_t i = 0; i < L; i++)
            if (valid_at(s, t, i) && e[t * L + i] > top[i])
                top[i] = e[t * L + i];
    for (size_t t = s->first; t < s->end; t++)
        for (size_t i = 0; i < L; i++)
            e[t * L + i] = valid_at(s, t, i) ? e[t * L + i] - top[i] : 0;
    plan->kern->exp(e + s->first * L, (s->end - s->first) * L);
    for (size_t t = s->first; t < s->end; t++)
        for (size_t i = 0; i < L; i++) {
            e[t * L + i] *= valid_at(s, t, i) ? 1 : 0;
            sum[i] += e[t * L + i];
        }
    for (size_t t = s->first; t < s->end; t++)
        for (size_t i = 0; i < L; i++)
            e[t * L + i] = sum[i] > 0 ? e[t * L + i] / sum[i] : 0;
}

static void forward_attention(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t n = l->layer->units, in = l->in_step;
    const gru_real *v = weights_at(plan, l->weight_at);
    gru_real *alpha = m->cache2;
    memset(alpha, 0, plan->steps * L * sizeof *alpha);
    for (size_t t = s->first; t < s->end; t++) {
        gru_real *u = m->cache + t * n * L, *e = alpha + t * L;
        plan->kern->affine(u, n, weights_at(plan, l->bias_at), m->in + t * in, l->in.units,
                           l->dense.forward, NULL, 0, NULL);
        plan->kern->tanh(u, n * L);
        plan->kern->affine(e, 1, weights_at(plan, l->weight_bias_at), u, n, v, NULL, 0, NULL);
    }
    softmax_steps(plan, s, alpha);
    memset(m->own, 0, l->in.units * L * sizeof *m->own);
    for (size_t t = s->first; t < s->end; t++)
        plan->kern->scale_add(m->own, m->in + t * in, alpha + t * L, l->in.units);
    m->out = m->own;
}

/* From u = tanh(W h + b) to the gradient of what is in the tanh: de vⱼ (1 − uⱼ²). */
static void back_score(gru_real *restrict u, const gru_real *restrict de,
                       const gru_real *restrict v, size_t n) {
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < L; i++) {
            gru_real y = u[j * L + i];
            u[j * L + i] = de[i] * v[j] * (1 - y * y);
        }
}

static void backward_attention(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                               const gru_real *dout, gru_real *din) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t n = l->layer->units, in = l->in_step, steps = s->end - s->first;
    const gru_real *v = weights_at(plan, l->weight_at);
    gru_real *alpha = m->cache2, *de = m->scratch;
    double total[L] = {0}; /* what Σ de = 0, the gradient of the last bias, hangs on */
    if (din)
        memset(din, 0, plan->steps * in * sizeof *din);
    if (!steps)
        return;
    memset(de, 0, plan->steps * L * sizeof *de);
    for (size_t t = s->first; t < s->end; t++) {
        plan->kern->dot(de + t * L, m->in + t * in, dout, l->in.units); /* dα */
        for (size_t i = 0; i < L; i++)
            total[i] += (double)de[t * L + i] * (double)alpha[t * L + i];
    }
    for (size_t t = s->first; t < s->end; t++)
        for (size_t i = 0; i < L; i++) /* through the softmax: de = α (dα − Σ α dα) */
            de[t * L + i] = alpha[t * L + i] * (de[t * L + i] - (gru_real)total[i]);
    gru_real *u = m->cache + s->first * n * L;
    gru_outer_add(plan, s,
                  &(gru_outer){.w = s->gradient + l->weight_at,
                               .ld = 1,
                               .a = u,
                               .rows = n,
                               .a_step = (ptrdiff_t)(n * L),
                               .b = de + s->first * L,
                               .columns = 1,
                               .b_step = L,
                               .steps = steps},
                  1);
    for (size_t t = s->first; t < s->end; t++) {
        back_score(m->cache + t * n * L, de + t * L, v, n);
        if (!din)
            continue;
        plan->kern->scale_add(din + t * in, dout, alpha + t * L, l->in.units);
        plan->kern->affine(din + t * in, l->in.units, NULL, m->cache + t * n * L, n,
                           l->dense.transposed, NULL, 0, NULL);
    }
    gru_slice_enter(s, l, GRU_PART_WEIGHTS);
    gru_outer_add(plan, s,
                  &(gru_outer){.w = s->gradient + l->kernel_at,
                               .ld = n,
                               .a = m->in + s->first * in,
                               .rows = l->in.units,
                               .a_step = (ptrdiff_t)in,
                               .b = u,
                               .columns = n,
                               .b_step = (ptrdiff_t)(n * L),
                               .steps = steps},
                  1);
    plan->kern->column_sums(s->gradient + l->bias_at, u, n, (ptrdiff_t)(n * L), steps);
    plan->kern->column_sums(s->gradient + l->weight_bias_at, de + s->first * L, 1, L, steps);
}

const gru_layer_ops *gru_layer_ops_of(gru_layer_kind kind) {
    static const gru_layer_ops dense = {plan_dense, NULL, reserve_dense, forward_dense,
                                        backward_dense};
    static const gru_layer_ops dropout = {plan_nothing, NULL, reserve_dropout, forward_dropout,
                                          backward_dropout};
    static const gru_layer_ops norm = {plan_norm, NULL, reserve_own, forward_norm, backward_norm};
    static const gru_layer_ops batch_norm = {plan_norm, NULL, reserve_own, forward_batch_norm,
                                             backward_batch_norm};
    static const gru_layer_ops pool = {plan_nothing, NULL, reserve_pool, forward_pool,
                                       backward_pool};
    static const gru_layer_ops attention = {plan_attention, NULL, reserve_attention,
                                            forward_attention, backward_attention};
    static const gru_layer_ops *const table[GRU_LAYER_COUNT] = {
        [GRU_LAYER_EMBEDDING] = &gru_embedding_ops,
        [GRU_LAYER_RNN] = &gru_recurrent_ops,
        [GRU_LAYER_LSTM] = &gru_recurrent_ops,
        [GRU_LAYER_GRU] = &gru_recurrent_ops,
        [GRU_LAYER_ATTENTION] = &attention,
        [GRU_LAYER_DENSE] = &dense,
        [GRU_LAYER_DROPOUT] = &dropout,
        [GRU_LAYER_NORM] = &norm,
        [GRU_LAYER_BATCH_NORM] = &batch_norm,
        [GRU_LAYER_POOL] = &pool};
    return table[kind];
}
