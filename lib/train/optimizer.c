/* Optimizers: what a step does to which part of the flat block. The loops are kernels
 * (kern/update.h); a row's missed steps are taken in leaps (train/leap.h). */
#include "train/optimizer_private.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Fixed sizes, so that sums have the same order for any number of threads. */
enum { CHUNK = 8192, ROWS = 64, AHEAD = 4, SOON = 16, SMALL = 32768 };

/* Bytes of a lazy table with its state from which no cache keeps them until they are used again. */
enum { LARGE = 8 << 20 };

static gru_update_loop *loop_of(const gru_updates *u, const gru_optimizer_options *o,
                                size_t *states) {
    switch (o->kind) {
    case GRU_OPTIMIZER_SGD:
        *states = o->momentum > 0;
        if (*states == 0)
            return u->sgd;
        return o->nesterov ? u->nesterov : u->momentum;
    case GRU_OPTIMIZER_RMSPROP:
        *states = o->centered ? 3 : o->momentum > 0 ? 2 : 1;
        return *states == 1 ? u->rmsprop : u->rmsprop_full;
    case GRU_OPTIMIZER_ADAGRAD:
        *states = 1;
        return u->adagrad;
    default:
        *states = o->amsgrad ? 3 : 2;
        return o->amsgrad ? u->amsgrad : u->adam;
    }
}

/* Adam, AdamW and Nadam at step t. */
static void adam_coefficients(gru_optimizer *o, double lr, double t, gru_update *u) {
    const gru_optimizer_options *p = &o->options;
    double bc1 = 1 - pow(p->beta1, t), bc2 = 1 - pow(p->beta2, t);
    u->c1 = (gru_real)(1 - p->beta1);
    u->c2 = (gru_real)(1 - p->beta2);
    u->eps = (gru_real)p->epsilon;
    if (p->kind == GRU_OPTIMIZER_NADAM) {
        double pace = p->torch ? 0.004 : 1;
        double mu = p->beta1 * (1 - 0.5 * pow(0.96, t * pace));
        double next = p->beta1 * (1 - 0.5 * pow(0.96, (t + 1) * pace));
        o->u_product *= mu;
        u->a = (gru_real)(lr * next / (1 - o->u_product * next));
        u->b = (gru_real)(lr * (1 - mu) / (1 - o->u_product));
        u->root = (gru_real)(1 / sqrt(bc2));
    } else if (p->torch) {
        u->a = (gru_real)(lr / bc1);
        u->root = (gru_real)(1 / sqrt(bc2));
    } else { /* Keras folds the correction of the second moment into the rate, not into ε */
        u->a = (gru_real)(lr * sqrt(bc2) / bc1);
        u->root = 1;
    }
}

/* The new weights' share of their moving average. Kingma, Ba 2015, section 7.2: with m̄ₜ = m m̄ₜ₋₁ +
 * (1 − m) θₜ from m̄₀ = 0, the unbiased average is m̄ₜ / (1 − mᵗ). */
static double average_share(const gru_optimizer *o) {
    double m = o->options.average;
    if (o->t == 1)
        return 1;
    return o->options.unbiased ? (1 - m) / (1 - pow(m, (double)o->t)) : 1 - m;
}

static gru_update coefficients_at(gru_optimizer *o, double lr) {
    const gru_optimizer_options *p = &o->options;
    gru_update u = {.scale = 1, .root = 1, .in = 1, .out = 1};
    u.share = (gru_real)average_share(o);
    bool coupled = p->torch && p->kind != GRU_OPTIMIZER_ADAMW;
    u.couple = coupled ? (gru_real)p->weight_decay : 0;
    u.decay = coupled ? 0 : (gru_real)(lr * p->weight_decay);
    u.momentum = (gru_real)p->momentum;
    switch (p->kind) {
    case GRU_OPTIMIZER_SGD:
        u.in = p->torch ? 1 : (gru_real)-lr;
        u.out = p->torch ? (gru_real)-lr : 1;
        break;
    case GRU_OPTIMIZER_RMSPROP:
        u.c1 = u.c2 = (gru_real)(1 - p->rho);
        u.in = p->torch ? 1 : (gru_real)lr;
        u.out = p->torch ? (gru_real)lr : 1;
        break;
    case GRU_OPTIMIZER_ADAGRAD:
        u.in = (gru_real)lr;
        break;
    default:
        adam_coefficients(o, lr, (double)o->t, &u);
        return u;
    }
    u.eps = p->torch ? (gru_real)p->epsilon : 0;
    u.eps_inside = p->torch ? 0 : (gru_real)p->epsilon;
    return u;
}

void gru_optimizer_advance(gru_optimizer *o, double lr) {
    o->t++;
    o->now = coefficients_at(o, lr);
}

void gru_optimizer_remember(gru_optimizer *o, double lr, gru_real scale) {
    size_t at = o->t % GRU_OPTIMIZER_RING;
    o->ring[at] = o->now;
    o->ring[at].scale = scale;
    o->rate[at] = lr;
    if (o->leaps)
        gru_leaps_step(o->leaps, o->t, &o->ring[at]);
}

/* A step of n weights; s: their states. */
static void run_loop(const gru_optimizer *o, const gru_update *u, size_t n, gru_real *w,
                     const gru_real *g, gru_real *const s[GRU_UPDATE_STATES + 1]) {
    gru_real *m[GRU_UPDATE_STATES] = {NULL};
    memcpy(m, s, o->moments * sizeof *m);
    o->loop(u, n, w, g, m[0], m[1], m[2]);
    if (gru_optimizer_averages(o))
        o->kern->update.average(u, n, w, g, s[o->moments], NULL, NULL);
}

static void run_flat(const gru_optimizer *o, const gru_update *u, size_t offset, size_t count,
                     const gru_real *g) {
    gru_real *s[GRU_UPDATE_STATES + 1] = {NULL};
    for (size_t i = 0; i < o->states; i++)
        s[i] = o->state[i] + offset;
    run_loop(o, u, count, gru_model_weights(o->model) + offset, g, s);
}

static void run_row(const gru_optimizer *o, const gru_update *u, size_t row, const gru_real *g) {
    gru_real *s[GRU_UPDATE_STATES + 1] = {NULL};
    for (size_t i = 0; i < o->states; i++)
        s[i] = gru_optimizer_row_state(o, row, i);
    run_loop(o, u, o->width, gru_optimizer_row(o, row), g, s);
}

static size_t blocks_of(size_t rows) {
    return (rows + ROWS - 1) / ROWS;
}

/* Tasks one after the other when there is too little to share out. */
static void run_tasks(const gru_optimizer *o, size_t tasks, size_t elements, gru_task *task,
                      void *arg) {
    if (elements >= SMALL) {
        gru_pool_run(o->pool, tasks, task, arg);
        return;
    }
    for (size_t i = 0; i < tasks; i++)
        task(arg, i, 0);
}

/* A row that was never used moves by its decay only. */
bool gru_optimizer_lags(const gru_optimizer *o, size_t row) {
    bool moves = !o->idle && (o->lazy[row].last > 0 || o->options.weight_decay > 0);
    return (moves || o->lazy[row].waits) && o->lazy[row].last < o->upto;
}

/* Step after step, the first with the gradient that waits. */
static void take_steps(gru_optimizer *o, size_t row, const gru_real *g, size_t later) {
    gru_kern_fetch(gru_optimizer_row(o, later), o->width);
    gru_kern_fetch(gru_optimizer_kept(o, later), (1 + o->states) * o->pitch);
    for (uint64_t t = o->lazy[row].last + 1; t <= o->upto && (g || !o->idle); t++, g = NULL)
        run_row(o, &o->ring[t % GRU_OPTIMIZER_RING], row, g ? g : o->zeros);
}

static void take_leaps(gru_optimizer *o, size_t row, const gru_real *g, size_t later) {
    gru_real *kept = gru_optimizer_kept(o, row), *m = kept + o->pitch, *v = m + o->pitch;
    gru_real *next = gru_optimizer_kept(o, later);
    const gru_real *ahead[GRU_LEAP_ROWS] = {gru_optimizer_row(o, later), next, next + o->pitch,
                                            next + 2 * o->pitch, next + 3 * o->pitch};
    for (uint64_t t = o->lazy[row].last + 1; t <= o->upto; g = NULL) {
        const gru_leap *leap = gru_leaps_from(o->leaps, t, &t);
        o->kern->update.adam_leap(leap, o->width, gru_optimizer_row(o, row), g ? g : o->zeros, m, v,
                                  gru_optimizer_averages(o) ? v + o->pitch : NULL, ahead);
    }
}

/* The steps that row has not taken: the first with the gradient that waits for it, the others with
 * gradient 0. Meanwhile the numbers of row `later` come nearer: they lie anywhere in tables that no
 * cache near the processor holds. The second level is near enough: into the first, or claimed for
 * writing, they come in half the pace. */
static void catch_up_row(gru_optimizer *o, size_t row, size_t later) {
    if (!gru_optimizer_lags(o, row))
        return;
    const gru_real *g = o->lazy[row].waits ? gru_optimizer_kept(o, row) : NULL;
    if (o->leaps)
        take_leaps(o, row, g, later);
    else
        take_steps(o, row, g, later);
    o->lazy[row].waits = false;
    o->lazy[row].last = o->upto;
}

static void catch_up_task(void *arg, size_t task, size_t worker) {
    (void)worker;
    gru_optimizer *o = arg;
    size_t end = (task + 1) * ROWS < o->row_count ? (task + 1) * ROWS : o->row_count;
    for (size_t i = task * ROWS; i < end; i++) {
        size_t later = i + AHEAD < o->row_count ? i + AHEAD : i;
        if (o->row && i + SOON < o->row_count)
            __builtin_prefetch(&o->lazy[o->row[i + SOON]], 1);
        catch_up_row(o, o->row ? o->row[i] : i, o->row ? o->row[later] : later);
    }
}

static void catch_up(gru_optimizer *o, const uint32_t *rows, size_t count) {
    if (o->sparse == SIZE_MAX || count == 0)
        return;
    o->row = rows;
    o->row_count = count;
    o->upto = o->t;
    run_tasks(o, blocks_of(count), count * o->width * 4, catch_up_task, o);
}

void gru_optimizer_catch_up(gru_optimizer *o, const uint32_t *rows, size_t count) {
    if (rows)
        catch_up(o, rows, count);
}

void gru_optimizer_flush(gru_optimizer *o) {
    catch_up(o, NULL, o->rows);
}

/* ---- a step ---- */

static double square_sum(const gru_real *g, size_t n) {
    double part[8] = {0}, sum = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++)
            part[k] += (double)g[i + k] * (double)g[i + k];
    for (; i < n; i++)
        sum += (double)g[i] * (double)g[i];
    for (size_t k = 0; k < 8; k++)
        sum += part[k];
    return sum;
}

static void square_task(void *arg, size_t task, size_t worker) {
    (void)worker;
    gru_optimizer *o = arg;
    if (task < o->chunk_count) {
        const gru_chunk *c = &o->chunks[task];
        o->chunk_square[task] = square_sum(o->gradients + c->offset, c->count);
        return;
    }
    size_t block = task - o->chunk_count, end = (block + 1) * ROWS;
    double sum = 0;
    for (size_t i = block * ROWS; i < end && i < o->touched_count; i++)
        sum += square_sum(o->touched[i].gradient, o->width);
    o->row_square[block] = sum;
}

static size_t elements(const gru_optimizer *o) {
    return o->dense + o->touched_count * o->width;
}

/* Keras: each gradient times c / max(norm, c), or all times c · min(1/norm, 1/c). A norm that isn't
 * finite makes every gradient NaN, which the loop then reports. */
static void clip_norms(gru_optimizer *o) {
    size_t params = gru_model_param_count(o->model), rows = blocks_of(o->touched_count);
    double global = 0, *square = o->row_square + blocks_of(o->rows);
    memset(square, 0, params * sizeof *square);
    run_tasks(o, o->chunk_count + rows, elements(o), square_task, o);
    for (size_t i = 0; i < o->chunk_count; i++)
        square[o->chunks[i].param] += o->chunk_square[i];
    for (size_t i = 0; i < rows; i++)
        square[o->sparse] += o->row_square[i];
    for (size_t p = 0; p < params; p++) {
        double norm = sqrt(square[p]), most = o->options.clip_norm;
        o->scale[p] = (gru_real)(norm <= most ? 1 : most / norm);
        global += square[p];
    }
    if (o->options.clip_global_norm > 0) {
        double norm = sqrt(global), most = o->options.clip_global_norm;
        double scale = norm <= most ? 1 : most / norm;
        for (size_t p = 0; p < params; p++)
            o->scale[p] = (gru_real)(isfinite(norm) ? scale : NAN);
    }
}

static void clip_value(gru_real *g, size_t n, gru_real most) {
    for (size_t i = 0; i < n; i++)
        g[i] = g[i] > most ? most : g[i] < -most ? -most : g[i];
}

static void step_chunk(gru_optimizer *o, const gru_chunk *c) {
    gru_update u = o->now;
    gru_real *g = o->gradients + c->offset;
    u.scale = o->scale[c->param];
    if (o->options.clip_value > 0)
        clip_value(g, c->count, (gru_real)o->options.clip_value);
    run_flat(o, &u, c->offset, c->count, g);
}

/* Lays the gradient of step t by for a row that has taken all steps before. */
static void lay_by(gru_optimizer *o, const gru_row_gradient *touched) {
    size_t row = touched->row;
    gru_real *to = gru_optimizer_kept(o, row);
    catch_up_row(o, row, row);
    if (o->options.clip_value > 0)
        clip_value(touched->gradient, o->width, (gru_real)o->options.clip_value);
    if (o->large)
        o->kern->update.lay_by(to, touched->gradient, o->width);
    else
        memcpy(to, touched->gradient, o->width * sizeof *to);
    o->lazy[row].waits = true;
    o->lazy[row].last = o->t - 1;
}

static void step_task(void *arg, size_t task, size_t worker) {
    (void)worker;
    gru_optimizer *o = arg;
    if (task < o->chunk_count) {
        step_chunk(o, &o->chunks[task]);
        return;
    }
    size_t block = task - o->chunk_count, end = (block + 1) * ROWS;
    for (size_t i = block * ROWS; i < end && i < o->touched_count; i++) {
        if (i + AHEAD < o->touched_count)
            gru_kern_fetch(o->touched[i + AHEAD].gradient, o->width);
        if (i + SOON < o->touched_count)
            __builtin_prefetch(&o->lazy[o->touched[i + SOON].row], 1);
        lay_by(o, &o->touched[i]);
    }
    o->kern->update.laid_by();
}

void gru_optimizer_step(gru_optimizer *o, gru_real *gradients, const gru_row_gradient *touched,
                        size_t count, double lr) {
    gru_optimizer_advance(o, lr);
    o->gradients = gradients;
    o->touched = touched;
    o->touched_count = o->sparse == SIZE_MAX || !touched ? 0 : count;
    o->upto = o->t - 1;
    if (o->options.clip_norm > 0 || o->options.clip_global_norm > 0)
        clip_norms(o);
    run_tasks(o, o->chunk_count + blocks_of(o->touched_count), elements(o), step_task, o);
    if (o->sparse == SIZE_MAX)
        return;
    gru_optimizer_remember(o, lr, o->scale[o->sparse]);
    if (o->t % (GRU_OPTIMIZER_RING - 1) == 0)
        gru_optimizer_flush(o); /* before the ring forgets what the rows still need */
}

static void swap(gru_real *a, gru_real *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        gru_real kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

bool gru_optimizer_swap(gru_optimizer *o) {
    if (!gru_optimizer_averages(o))
        return false;
    for (size_t i = 0; i < o->chunk_count; i++) {
        const gru_chunk *c = &o->chunks[i];
        swap(gru_model_weights(o->model) + c->offset, o->state[o->moments] + c->offset, c->count);
    }
    for (size_t r = 0; r < o->rows; r++)
        swap(gru_optimizer_row(o, r), gru_optimizer_row_state(o, r, o->moments), o->width);
    return true;
}

size_t gru_optimizer_sparse(const gru_optimizer *o) {
    return o->sparse;
}

uint64_t gru_optimizer_steps(const gru_optimizer *o) {
    return o->t;
}

/* ---- life ---- */

static gru_status plan_dense(gru_optimizer *o, gru_error *err) {
    size_t cap = 0;
    for (size_t p = 0; p < gru_model_param_count(o->model); p++) {
        const gru_param *param = gru_model_param(o->model, p);
        if (param->frozen || param->state)
            continue;
        if (param->sparse && o->sparse == SIZE_MAX && param->dims == 2) {
            o->sparse = p;
            o->rows = param->shape[0];
            o->width = param->shape[1];
            o->offset = param->offset;
            continue;
        }
        for (size_t at = 0; at < param->count; at += CHUNK) {
            if (gru_mem_grow(&o->chunks, &cap, o->chunk_count + 1, sizeof *o->chunks, err))
                return err->code;
            size_t left = param->count - at;
            o->chunks[o->chunk_count++] =
                (gru_chunk){p, param->offset + at, left < CHUNK ? left : CHUNK};
        }
        o->dense += param->count;
    }
    return GRU_OK;
}

static gru_status plan_sparse(gru_optimizer *o, gru_error *err) {
    const gru_optimizer_options *p = &o->options;
    bool still =
        (p->kind == GRU_OPTIMIZER_SGD && o->moments == 0) || p->kind == GRU_OPTIMIZER_ADAGRAD;
    bool coupled = p->torch && p->kind != GRU_OPTIMIZER_ADAMW && p->weight_decay > 0;
    o->idle = still && p->weight_decay <= 0 && !gru_optimizer_averages(o);
    if (o->sparse == SIZE_MAX)
        return GRU_OK;
    o->large = o->rows * o->width * (o->states + 2) * sizeof(gru_real) >= LARGE;
    if (gru_mem_new(&o->lazy, o->rows, sizeof *o->lazy, err) ||
        gru_mem_new(&o->zeros, o->width, sizeof *o->zeros, err))
        return err->code;
    if (o->loop == o->kern->update.adam && !coupled &&
        gru_leaps_new(&o->leaps, GRU_OPTIMIZER_RING, err))
        return err->code;
    if (gru_mem_new(&o->ring, GRU_OPTIMIZER_RING, sizeof *o->ring, err))
        return err->code;
    return gru_mem_new(&o->rate, GRU_OPTIMIZER_RING, sizeof *o->rate, err);
}

static void start_adagrad(gru_optimizer *o, size_t flat) {
    for (size_t i = 0; i < flat; i++)
        o->state[0][i] = (gru_real)o->options.initial;
    for (size_t r = 0; r < o->rows; r++)
        for (size_t i = 0; i < o->width; i++)
            gru_optimizer_row_state(o, r, 0)[i] = (gru_real)o->options.initial;
}

/* What is never trained stays what it is in the average. */
static void start_average(gru_optimizer *o, size_t flat) {
    memcpy(o->state[o->moments], gru_model_weights(o->model), flat * sizeof(gru_real));
    for (size_t r = 0; r < o->rows; r++)
        memcpy(gru_optimizer_row_state(o, r, o->moments), gru_optimizer_row(o, r),
               o->width * sizeof(gru_real));
}

/* The table is the end of the flat block. */
static gru_status plan_state(gru_optimizer *o, gru_error *err) {
    size_t params = gru_model_param_count(o->model);
    o->weights = gru_model_weight_count(o->model);
    size_t flat = o->sparse == SIZE_MAX ? o->weights : o->offset;
    o->pitch = (o->width + GRU_LANES - 1) / GRU_LANES * GRU_LANES;
    o->loop = loop_of(&o->kern->update, &o->options, &o->moments);
    o->states = o->moments + (o->options.average > 0);
    for (size_t i = 0; i < o->states; i++)
        if (gru_mem_new(&o->state[i], flat, sizeof(gru_real), err))
            return err->code;
    if (gru_mem_new(&o->kept, o->rows * (1 + o->states) * o->pitch, sizeof *o->kept, err))
        return err->code;
    if (o->options.kind == GRU_OPTIMIZER_ADAGRAD)
        start_adagrad(o, flat);
    if (gru_optimizer_averages(o))
        start_average(o, flat);
    if (gru_mem_new(&o->scale, params, sizeof *o->scale, err))
        return err->code;
    for (size_t p = 0; p < params; p++)
        o->scale[p] = 1;
    if (gru_mem_new(&o->chunk_square, o->chunk_count, sizeof(double), err))
        return err->code;
    return gru_mem_new(&o->row_square, blocks_of(o->rows) + params, sizeof(double), err);
}

gru_status gru_optimizer_new(gru_optimizer **out, gru_model *model, gru_pool *pool,
                             const gru_optimizer_options *options, gru_error *err) {
    gru_optimizer *o;
    gru_isa isa;
    *out = NULL;
    if (gru_cpu_isa(&isa, err) || gru_mem_new(&o, 1, sizeof *o, err))
        return err->code;
    o->kern = gru_kern_get(isa);
    o->options = *options;
    o->model = model;
    o->pool = pool;
    o->sparse = SIZE_MAX;
    o->u_product = 1;
    if (plan_dense(o, err) || plan_state(o, err) || plan_sparse(o, err)) {
        gru_optimizer_free(o);
        return err->code;
    }
    *out = o;
    return GRU_OK;
}

void gru_optimizer_free(gru_optimizer *o) {
    if (!o)
        return;
    for (size_t i = 0; i < o->states; i++)
        free(o->state[i]);
    free(o->chunks);
    free(o->chunk_square);
    free(o->row_square);
    free(o->scale);
    free(o->lazy);
    free(o->kept);
    free(o->zeros);
    free(o->ring);
    free(o->rate);
    gru_leaps_free(o->leaps);
    free(o);
}
