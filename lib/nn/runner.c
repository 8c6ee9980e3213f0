/* Batches through a network: gathers slices, runs them over the pool in stages (batch norm
 * separates stages, since it needs the whole batch), and adds up gradients in a fixed order. */
#include "nn/runner.h"

#include "base/cpu.h"
#include "base/mem.h"
#include "nn/penalty.h"
#include "nn/single.h"
#include "nn/slice.h"
#include "nn/token_table.h"
#include "nn/tokens.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* PACK_SHARED: weights from which their packing is worth waking other threads. */
enum {
    L = GRU_LANES,
    TASKS_MAX = 16,
    REDUCE_PIECE = 8192,
    PACK_SHARED = 16384,
    MARKS = sizeof(uint64_t)
};

struct gru_runner {
    gru_plan plan;
    gru_pool *pool;
    size_t steps_max;
    gru_real *shared, *slot_memory; /* blocks the arenas cut up */
    gru_slice *slots;
    gru_layer_memory *layer_memory;
    gru_real *task_gradients; /* [tasks][dense_count] */
    gru_touched *touched;     /* [tasks], embedding that is trained */
    size_t embedding_at, embedding_rows, embedding_width;
    gru_real *gradient;
    uint32_t *used;
    size_t used_count;
    uint8_t *used_mark; /* [rows, and some that are never marked] */
    gru_real *outputs, *attention, *states;
    size_t attention_layer, state_layer, first_recurrent;
    double *norms;        /* [slices + 1][steps]: of each slice, and the batch's at the end */
    size_t *valid;        /* [batch][2] */
    gru_error *errors;    /* [slices] */
    gru_figures *figures; /* [slices] */
    gru_single *single;   /* batches of one row, outputs only */
    const gru_batch *batch;
    size_t slices, tasks;
    bool whole_batch; /* batch norm: every slice keeps its own memory */
    double scale;
};

typedef struct stage {
    gru_runner *r;
    bool training, gather, judge, scored;
    size_t forward_from, forward_to, back_from,
        back_to; /* backward: back_from − 1 down to back_to */
} stage;

void gru_figures_add(gru_figures *sum, const gru_figures *one) {
    sum->loss += one->loss;
    sum->penalty += one->penalty;
    sum->rows += one->rows;
    sum->correct += one->correct;
    sum->absolute += one->absolute;
    sum->squared += one->squared;
}

/* ---- planning ---- */

static gru_status plan_layers(gru_runner *r, gru_arena *shared, gru_error *err) {
    gru_plan *plan = &r->plan;
    const gru_model *m = plan->model;
    bool below = false;
    plan->packed_count = 0;
    r->first_recurrent = SIZE_MAX;
    for (size_t i = 0; i < plan->count; i++) {
        gru_layer_plan *l = &plan->layers[i];
        *l = (gru_layer_plan){.layer = &m->arch->layers[i],
                              .in = m->shapes[i],
                              .out = m->shapes[i + 1],
                              .index = i,
                              .need_din = below};
        l->in_step = i ? l[-1].out_step : m->shapes[i].units * L;
        bool passes = l->layer->kind == GRU_LAYER_DROPOUT; /* its input, where nothing is dropped */
        l->out_step = passes ? l->in_step : gru_step_size(m->shapes[i + 1].units);
        gru_status st = gru_layer_ops_of(l->layer->kind)->plan(plan, l, shared, err);
        if (st)
            return st;
        for (size_t p = 0; p < m->param_count; p++)
            below |= m->params[p].layer == i && !m->params[p].frozen;
        size_t wide = (l->out.sequence ? r->steps_max : 1) * l->out_step;
        plan->widest = wide > plan->widest ? wide : plan->widest;
        wide = (l->in.sequence ? r->steps_max : 1) * l->in_step;
        plan->widest = wide > plan->widest ? wide : plan->widest;
        if (l->layer->kind == GRU_LAYER_ATTENTION)
            r->attention_layer = i;
        l->tokens = gru_tokens_fit(plan, i);
        l->first_recurrent = gru_layer_recurrent(l->layer) && r->first_recurrent == SIZE_MAX;
        if (l->first_recurrent)
            r->first_recurrent = i;
        if (gru_layer_recurrent(l->layer))
            r->state_layer = i;
    }
    return GRU_OK;
}

static void reserve_slot(gru_runner *r, gru_slice *s, gru_arena *a) {
    const gru_plan *plan = &r->plan;
    size_t t = r->steps_max;
    s->x = gru_arena_take(a, plan->model->input.tokens ? 1 : t * plan->model->input.features * L);
    s->ids = (int32_t *)(void *)gru_arena_take(a, t * L);
    s->mask_memory = gru_arena_take(a, t * L);
    s->partial_memory = (uint8_t *)gru_arena_take(a, t / sizeof(gru_real) + 1);
    for (int i = 0; plan->options.training && i < 2; i++)
        s->flow[i] = gru_arena_take(a, plan->widest);
    for (size_t i = 0; i < plan->count; i++)
        gru_layer_ops_of(plan->layers[i].layer->kind)->reserve(plan, &plan->layers[i], s, a);
}

static gru_status plan_slots(gru_runner *r, gru_error *err) {
    gru_plan *plan = &r->plan;
    gru_status st;
    for (size_t i = 0; i < plan->count; i++)
        r->whole_batch |= plan->layers[i].layer->kind == GRU_LAYER_BATCH_NORM;
    plan->slots = r->whole_batch ? plan->slices_max : gru_pool_threads(r->pool);
    if ((st = gru_mem_new(&r->slots, plan->slots, sizeof *r->slots, err)) ||
        (st = gru_mem_new(&r->layer_memory, plan->slots * plan->count, sizeof *r->layer_memory,
                          err)))
        return st;
    gru_arena a = {0};
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < plan->slots; i++) {
            r->slots[i].memory = r->layer_memory + i * plan->count;
            reserve_slot(r, &r->slots[i], &a);
        }
        if (pass == 0) {
            if ((st = gru_mem_new(&r->slot_memory, a.used, sizeof(gru_real), err)))
                return st;
            a = (gru_arena){r->slot_memory, 0};
        }
    }
    return GRU_OK;
}

static gru_status plan_embedding(gru_runner *r, gru_error *err) {
    const gru_model *m = r->plan.model;
    r->embedding_at = SIZE_MAX;
    for (size_t i = 0; i < m->param_count; i++)
        if (m->params[i].sparse && !m->params[i].frozen) {
            r->embedding_at = m->params[i].offset;
            r->embedding_rows = m->params[i].shape[0];
            r->embedding_width = m->params[i].shape[1];
        }
    if (r->embedding_at == SIZE_MAX)
        return GRU_OK;
    size_t tasks = r->plan.tasks;
    size_t slices = (r->plan.slices_max + tasks - 1) / tasks;
    size_t capacity = slices * L * r->steps_max;
    capacity = capacity < r->embedding_rows ? capacity : r->embedding_rows;
    gru_status st = gru_mem_new(&r->touched, tasks, sizeof *r->touched, err);
    for (size_t i = 0; !st && i < tasks; i++) {
        gru_touched *u = &r->touched[i];
        u->capacity = capacity;
        (void)((st = gru_mem_new(&u->stamp, r->embedding_rows, sizeof *u->stamp, err)) ||
               (st = gru_mem_new(&u->place, r->embedding_rows, sizeof *u->place, err)) ||
               (st = gru_mem_new(&u->rows, capacity, sizeof *u->rows, err)) ||
               (st = gru_mem_new(&u->gradient, capacity * r->embedding_width, sizeof *u->gradient,
                                 err)));
    }
    if (!st)
        st = gru_mem_new(&r->used, r->embedding_rows, sizeof *r->used, err);
    if (!st)
        st = gru_mem_new(&r->used_mark, r->embedding_rows + MARKS, 1, err);
    return st;
}

static gru_status plan_training(gru_runner *r, gru_error *err) {
    const gru_plan *plan = &r->plan;
    if (!plan->options.training)
        return GRU_OK;
    gru_status st = gru_mem_new(&r->task_gradients, plan->tasks * plan->model->dense_count,
                                sizeof(gru_real), err);
    if (!st)
        st = gru_mem_new(&r->gradient, plan->model->weight_count, sizeof(gru_real), err);
    return st ? st : plan_embedding(r, err);
}

static gru_status plan_results(gru_runner *r, gru_error *err) {
    const gru_runner_options *o = &r->plan.options;
    size_t rows = o->batch, steps = r->steps_max, each = gru_model_outputs(r->plan.model);
    gru_status st;
    if (r->plan.model->per_step)
        each *= steps;
    if ((st = gru_mem_new(&r->outputs, rows * each, sizeof(gru_real), err)) ||
        (st = gru_mem_new(&r->valid, rows * 2, sizeof *r->valid, err)) ||
        (st = gru_mem_new(&r->errors, r->plan.slices_max, sizeof *r->errors, err)) ||
        (st = gru_mem_new(&r->figures, r->plan.slices_max, sizeof *r->figures, err)))
        return st;
    if (o->want_attention && r->attention_layer != SIZE_MAX &&
        (st = gru_mem_new(&r->attention, rows * steps, sizeof(gru_real), err)))
        return st;
    if (o->want_gradient_norms && r->first_recurrent != SIZE_MAX &&
        (st = gru_mem_new(&r->norms, (r->plan.slices_max + 1) * steps, sizeof *r->norms, err)))
        return st;
    if (o->want_states && r->state_layer != SIZE_MAX) {
        const gru_layer_plan *l = &r->plan.layers[r->state_layer];
        st = gru_mem_new(&r->states, rows * steps * l->ways * l->layer->units, sizeof(gru_real),
                         err);
    }
    return st;
}

gru_status gru_runner_new(gru_runner **out, gru_model *model, gru_pool *pool,
                          const gru_runner_options *options, gru_error *err) {
    gru_runner *r;
    gru_isa isa;
    *out = NULL;
    gru_status st = gru_cpu_isa(&isa, err);
    if (st || (st = gru_mem_new(&r, 1, sizeof *r, err)))
        return st;
    gru_plan *plan = &r->plan;
    *plan = (gru_plan){.model = model, .options = *options, .kern = gru_kern_get(isa)};
    plan->count = model->arch->count;
    plan->slices_max = (options->batch + L - 1) / L;
    plan->tasks = plan->slices_max < TASKS_MAX ? plan->slices_max : TASKS_MAX;
    plan->steps = r->steps_max = options->steps;
    r->pool = pool;
    r->attention_layer = r->state_layer = SIZE_MAX;
    const gru_loss *loss = options->loss;
    gru_activation a = gru_model_activation(model);
    plan->fused = loss && ((loss->kind == GRU_LOSS_BINARY && a == GRU_SIGMOID) ||
                           (loss->kind == GRU_LOSS_CATEGORICAL && a == GRU_SOFTMAX));
    if ((st = gru_mem_new(&plan->layers, plan->count, sizeof *plan->layers, err)))
        goto fail;
    gru_arena shared = {0};
    if ((st = plan_layers(r, &shared, err)) ||
        (st = gru_mem_new(&r->shared, shared.used, sizeof(gru_real), err)))
        goto fail;
    shared = (gru_arena){r->shared, 0};
    if ((st = plan_layers(r, &shared, err)) || (st = plan_slots(r, err)) ||
        (st = plan_training(r, err)) || (st = plan_results(r, err)))
        goto fail;
    st = gru_single_fits(plan) ? gru_single_new(&r->single, plan, pool, r->steps_max, err)
                               : gru_token_table_new(plan, gru_pool_threads(pool), err);
    if (st)
        goto fail;
    gru_runner_refresh(r);
    *out = r;
    return GRU_OK;
fail:
    gru_runner_free(r);
    return st;
}

void gru_runner_free(gru_runner *r) {
    if (!r)
        return;
    gru_single_free(r->single);
    gru_token_table_free(r->plan.table);
    for (size_t i = 0; r->touched && i < r->plan.tasks; i++) {
        free(r->touched[i].stamp);
        free(r->touched[i].place);
        free(r->touched[i].rows);
        free(r->touched[i].gradient);
    }
    void *blocks[] = {r->plan.layers,  r->plan.packed,    r->shared,    r->slot_memory, r->slots,
                      r->layer_memory, r->task_gradients, r->touched,   r->gradient,    r->used,
                      r->used_mark,    r->outputs,        r->attention, r->states,      r->valid,
                      r->errors,       r->figures,        r->norms};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    free(r);
}

static void refresh_task(void *arg, size_t task, size_t worker) {
    gru_runner *r = arg;
    (void)worker;
    gru_packed_refresh(r->plan.kern, r->plan.packed[task]);
}

void gru_runner_refresh(gru_runner *r) {
    if (r->single) {
        gru_single_refresh(r->single);
        return;
    }
    gru_watch *watch = gru_pool_watch(r->pool, 0);
    size_t place = gru_watch_place(watch);
    gru_watch_enter(watch, GRU_PLACE_PACK);
    bool worth = r->plan.model->dense_count >= PACK_SHARED;
    gru_pool_run(worth ? r->pool : NULL, r->plan.packed_count, refresh_task, r);
    for (size_t i = 0; i < r->plan.count; i++) {
        const gru_layer_ops *ops = gru_layer_ops_of(r->plan.layers[i].layer->kind);
        if (ops->refresh)
            ops->refresh(&r->plan, &r->plan.layers[i]);
    }
    if (r->plan.table)
        r->plan.table->generation++;
    gru_watch_enter(watch, place);
}

void gru_runner_reset_states(gru_runner *r) {
    r->plan.carried = false;
    for (size_t i = 0; i < r->plan.count; i++) {
        const gru_layer_plan *l = &r->plan.layers[i];
        if (l->states)
            memset(l->states, 0,
                   r->plan.slices_max * l->ways * 2 * l->layer->units * L * sizeof(gru_real));
    }
}

/* ---- gathering ---- */
static gru_status row_ids(const gru_runner *r, size_t row, const int32_t **out, gru_error *err) {
    size_t rows = r->plan.model->arch->layers[0].rows;
    const unsigned char *x = r->batch->records[row] + r->batch->spec->slot[GRU_X].offset;
    const int32_t *ids = *out = (const int32_t *)(const void *)x;
    for (size_t t = 0; t < r->plan.steps; t++)
        if (ids[t] < 0 || (size_t)ids[t] >= rows)
            return gru_error_set(err, GRU_ERR_DATA,
                                 "token id %d is outside the embedding's 0 … %zu", (int)ids[t],
                                 rows - 1);
    return GRU_OK;
}

static gru_status gather_ids(gru_runner *r, gru_slice *s, gru_error *err) {
    for (size_t i = 0; i < L; i++) {
        const int32_t *ids = NULL;
        if (i < s->rows && row_ids(r, s->first_row + i, &ids, err))
            return err->code;
        for (size_t t = 0; t < r->plan.steps; t++)
            s->ids[t * L + i] = ids ? ids[t] : 0;
    }
    return GRU_OK;
}

static void gather_numbers(gru_runner *r, gru_slice *s, const gru_batch *b) {
    size_t at = b->spec->slot[GRU_X].offset, count = r->plan.steps * r->plan.model->input.features;
    const float *rows[L];
    for (size_t i = 0; i < L; i++) { /* rows that are not there repeat the last */
        size_t row = i < s->rows ? i : s->rows - 1;
        rows[i] = (const float *)(const void *)(b->records[s->first_row + row] + at);
    }
#ifdef GRU_DOUBLE
    for (size_t k = 0; k < count * L; k++)
        s->x[k] = (gru_real)rows[k % L][k / L];
#else
    r->plan.kern->to_lanes(s->x, rows, count);
#endif
}

static gru_status valid_steps(const gru_runner *r, const gru_batch *b, const unsigned char *record,
                              size_t *steps, gru_error *err) {
    const gru_slot_spec *slot = &b->spec->slot[GRU_LEN];
    int32_t len;
    *steps = r->plan.steps;
    if (!slot->type)
        return GRU_OK;
    memcpy(&len, record + slot->offset, sizeof len);
    if (len < 0 || (size_t)len > r->plan.steps)
        return gru_error_set(err, GRU_ERR_DATA, "len %d is outside 0 … %zu", (int)len,
                             r->plan.steps);
    *steps = (size_t)len;
    return GRU_OK;
}

/* Which steps of which rows count: from `len`, and from the padding where the embedding masks. */
static gru_status gather_mask(gru_runner *r, gru_slice *s, const gru_batch *b, gru_error *err) {
    const gru_layer *first = &r->plan.model->arch->layers[0];
    bool by_id = first->kind == GRU_LAYER_EMBEDDING && first->mask, any = false;
    size_t steps = r->plan.steps;
    s->first = 0;
    s->end = steps;
    s->mask = NULL;
    for (size_t i = 0; i < s->rows; i++) {
        r->valid[2 * (s->first_row + i)] = 0;
        r->valid[2 * (s->first_row + i) + 1] = steps;
    }
    if (!by_id && !b->spec->slot[GRU_LEN].type)
        return GRU_OK;
    memset(s->mask_memory, 0, steps * L * sizeof *s->mask_memory);
    memset(s->partial_memory, 0, steps);
    s->first = steps;
    s->end = 0;
    for (size_t i = 0; i < s->rows; i++) {
        size_t len, low = steps, high = 0;
        gru_status st = valid_steps(r, b, b->records[s->first_row + i], &len, err);
        if (st)
            return st;
        for (size_t t = 0; t < steps; t++) {
            bool valid = t < len && (!by_id || s->ids[t * L + i] != 0);
            s->mask_memory[t * L + i] = valid;
            s->partial_memory[t] |= !valid;
            any |= !valid;
            low = valid && t < low ? t : low;
            high = valid ? t + 1 : high;
        }
        r->valid[2 * (s->first_row + i)] = low < high ? low : 0;
        r->valid[2 * (s->first_row + i) + 1] = high;
        s->first = low < s->first ? low : s->first;
        s->end = high > s->end ? high : s->end;
    }
    if (s->first > s->end)
        s->first = s->end = 0;
    if (any) {
        s->mask = s->mask_memory;
        s->partial = s->partial_memory;
    }
    return GRU_OK;
}

static gru_status gather(gru_runner *r, gru_slice *s, gru_error *err) {
    const gru_batch *b = r->batch;
    s->first_row = s->number * L;
    s->rows = b->rows - s->first_row < L ? b->rows - s->first_row : L;
    s->batch = (uint32_t)b->index;
    s->epoch = (uint32_t)b->epoch;
    s->figures = (gru_figures){0};
    gru_status st = GRU_OK;
    if (r->plan.model->input.tokens)
        st = gather_ids(r, s, err);
    else
        gather_numbers(r, s, b);
    return st ? st : gather_mask(r, s, b, err);
}

/* ---- a slice through the layers ---- */
static double operations(const gru_packed *p) {
    return 2 * (double)p->gates * (double)p->in * (double)p->out;
}

/* Counts what the products of a layer cost in one direction: two operations a weight, row and
 * step that the slice computes, or distinct token. */
static void count_work(const gru_layer_plan *l, const gru_slice *s, gru_part part) {
    bool back = part == GRU_PART_BACKWARD, tokens = l->tokens && s->tokens.groups;
    double work = 0,
           vectors = l->in.sequence ? (double)(s->rows * (s->end - s->first)) : (double)s->rows;
    if (!s->watch)
        return;
    const gru_packed *all[] = {&l->way[0].kernel, &l->way[1].kernel, &l->way[0].recurrent,
                               &l->way[1].recurrent, &l->dense};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!back || all[i]->transposed)
            work += operations(all[i]) * (tokens && i < 2 ? (double)s->tokens.count : vectors);
    gru_watch_work(s->watch, gru_place_of_layer(l->index, part), work);
}

static void forward(gru_runner *r, gru_slice *s, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        const gru_layer_plan *l = &r->plan.layers[i];
        gru_slice_enter(s, l, GRU_PART_FORWARD);
        count_work(l, s, GRU_PART_FORWARD);
        s->memory[i].in = i ? s->memory[i - 1].out : s->x;
        gru_layer_ops_of(l->layer->kind)->forward(&r->plan, l, s);
    }
}

/* The gradient of layer i's output is in flow[(count − 1 − i) % 2]. */
static gru_real *flow_of(const gru_runner *r, gru_slice *s, size_t layer) {
    return s->flow[(r->plan.count - 1 - layer) % 2];
}

static void backward(gru_runner *r, gru_slice *s, size_t from, size_t to) {
    for (size_t i = from; i-- > to;) {
        const gru_layer_plan *l = &r->plan.layers[i];
        gru_real *din = i && l->need_din ? flow_of(r, s, i - 1) : NULL;
        gru_slice_enter(s, l, GRU_PART_BACKWARD);
        count_work(l, s, GRU_PART_BACKWARD);
        count_work(l, s, GRU_PART_WEIGHTS);
        gru_layer_ops_of(l->layer->kind)->backward(&r->plan, l, s, flow_of(r, s, i), din);
        if (!din && l->layer->kind != GRU_LAYER_EMBEDDING)
            return;
    }
}

static void copy_out(gru_real *to, const gru_real *lanes, size_t rows, size_t count,
                     size_t stride) {
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < count; k++)
            to[i * stride + k] = lanes[k * L + i];
}

static void copy_results(gru_runner *r, gru_slice *s) {
    const gru_plan *plan = &r->plan;
    const gru_layer_plan *last = &plan->layers[plan->count - 1];
    size_t steps = plan->steps, width = last->out.units,
           answers = plan->model->per_step ? steps : 1;
    for (size_t t = 0; t < answers; t++)
        copy_out(r->outputs + (s->first_row * answers + t) * width,
                 s->memory[last->index].out + t * last->out_step, s->rows, width, answers * width);
    if (r->attention)
        copy_out(r->attention + s->first_row * steps, s->memory[r->attention_layer].cache2, s->rows,
                 steps, steps);
    if (!r->states)
        return;
    const gru_layer_plan *l = &plan->layers[r->state_layer];
    size_t h = l->layer->units, all = h * l->ways;
    for (size_t t = 0; t < steps; t++)
        for (size_t w = 0; w < l->ways; w++) {
            size_t p = w ? steps - 1 - t : t;
            copy_out(r->states + (s->first_row * steps + t) * all + w * h,
                     s->memory[r->state_layer].way[w].h + (p + 1) * gru_step_size(h), s->rows, h,
                     steps * all);
        }
}

static void run_slice(const stage *g, gru_slice *s, size_t task) {
    gru_runner *r = g->r;
    gru_error *err = &r->errors[s->number];
    const gru_plan *plan = &r->plan;
    s->training = g->training;
    s->gradient = g->training ? r->task_gradients + task * plan->model->dense_count : NULL;
    s->norms = g->training && r->norms ? r->norms + s->number * r->steps_max : NULL;
    s->touched = g->training && r->touched ? &r->touched[task] : NULL;
    gru_watch_enter(s->watch, GRU_PLACE_DATA);
    if (g->gather && gather(r, s, err))
        return;
    forward(r, s, g->forward_from, g->forward_to);
    gru_watch_enter(s->watch, GRU_PLACE_LOSS);
    if (g->judge) {
        gru_real *d = g->training ? flow_of(r, s, plan->count - 1) : NULL;
        if (!g->training)
            copy_results(r, s);
        if (g->scored && gru_objective_slice(plan, s, r->batch, r->scale, d, err))
            return;
        r->figures[s->number] = s->figures;
    }
    if (g->training && g->back_from > g->back_to)
        backward(r, s, g->back_from, g->back_to);
}

static void run_task(void *arg, size_t task, size_t worker) {
    const stage *g = arg;
    gru_runner *r = g->r;
    gru_watch *watch = gru_pool_watch(r->pool, worker);
    gru_watch_enter(watch, GRU_PLACE_SUM);
    if (g->training && g->gather) {
        memset(r->task_gradients + task * r->plan.model->dense_count, 0,
               r->plan.model->dense_count * sizeof(gru_real));
        if (r->touched) {
            r->touched[task].count = 0;
            r->touched[task].generation++;
        }
    }
    for (size_t i = task; i < r->slices; i += r->tasks) {
        gru_slice *s = &r->slots[r->whole_batch ? i : worker];
        s->number = i;
        s->watch = watch;
        run_slice(g, s, task);
    }
}

/* ---- batch normalisation's figures, between stages ---- */
static bool counts(const gru_layer_plan *l, const gru_slice *s, size_t t, size_t lane) {
    return lane < s->rows && (!l->out.sequence || !s->mask || s->mask[t * L + lane] > 0);
}

/* Σ a and Σ a b over the batch, a given lane by lane by `value`. */
static void batch_moments(gru_runner *r, const gru_layer_plan *l) {
    size_t units = l->out.units, steps = l->out.sequence ? r->plan.steps : 1;
    gru_real *w = r->plan.model->weights;
    for (size_t u = 0; u < units; u++) {
        double n = 0, sum = 0, square = 0;
        for (int pass = 0; pass < 2; pass++)
            for (size_t i = 0; i < r->slices; i++)
                for (size_t t = 0; t < steps; t++)
                    for (size_t lane = 0; lane < L; lane++) {
                        const gru_slice *s = &r->slots[i];
                        if (!counts(l, s, t, lane))
                            continue;
                        double x = (double)(l->index ? s->memory[l->index - 1].out
                                                     : s->x)[t * l->in_step + u * L + lane];
                        if (pass == 0) {
                            n++;
                            sum += x;
                        } else {
                            square += (x - sum / n) * (x - sum / n);
                        }
                    }
        double mean = n > 0 ? sum / n : 0, variance = n > 0 ? square / n : 0;
        l->stats[u] = (gru_real)mean;
        l->stats[units + u] = (gru_real)(1 / sqrt(variance + GRU_BATCH_NORM_EPSILON));
        gru_real *m = &w[l->mean_at + u], *v = &w[l->variance_at + u];
        *m = (gru_real)(*m * 0.99 + mean * 0.01);
        *v = (gru_real)(*v * 0.99 + variance * 0.01);
    }
}

static void batch_gradient(gru_runner *r, const gru_layer_plan *l) {
    size_t units = l->out.units, steps = l->out.sequence ? r->plan.steps : 1;
    for (size_t u = 0; u < units; u++) {
        double n = 0, sum = 0, along = 0;
        for (size_t i = 0; i < r->slices; i++)
            for (size_t t = 0; t < steps; t++)
                for (size_t lane = 0; lane < L; lane++) {
                    gru_slice *s = &r->slots[i];
                    if (!counts(l, s, t, lane))
                        continue;
                    size_t at = t * l->in_step + u * L + lane;
                    double d = (double)flow_of(r, s, l->index)[t * l->out_step + u * L + lane];
                    n++;
                    sum += d;
                    along += d * (double)((s->memory[l->index].in[at] - l->stats[u]) *
                                          l->stats[units + u]);
                }
        r->task_gradients[l->gamma_at + u] += (gru_real)along;
        r->task_gradients[l->beta_at + u] += (gru_real)sum;
        l->stats[2 * units + u] = (gru_real)(sum / n);
        l->stats[3 * units + u] = (gru_real)(along / n);
    }
}

static void moving_moments(gru_runner *r, const gru_layer_plan *l) {
    const gru_real *w = r->plan.model->weights;
    for (size_t u = 0; u < l->out.units; u++) {
        l->stats[u] = w[l->mean_at + u];
        l->stats[l->out.units + u] =
            (gru_real)(1 / sqrt((double)w[l->variance_at + u] + GRU_BATCH_NORM_EPSILON));
    }
}

/* ---- a batch ---- */
static gru_status run_stage(gru_runner *r, stage g, gru_error *err) {
    g.r = r;
    gru_pool_run(r->pool, r->tasks, run_task, &g);
    for (size_t i = 0; i < r->slices; i++)
        if (r->errors[i].code) {
            *err = r->errors[i];
            return err->code;
        }
    return GRU_OK;
}

static const gru_layer_plan *next_batch_norm(const gru_runner *r, size_t from, bool down) {
    for (size_t i = from; down ? i-- > 0 : i < r->plan.count; i += down ? 0 : 1)
        if (r->plan.layers[i].layer->kind == GRU_LAYER_BATCH_NORM)
            return &r->plan.layers[i];
    return NULL;
}

static gru_status run_batch(gru_runner *r, bool training, bool scored, gru_error *err) {
    size_t count = r->plan.count;
    if (r->plan.table && !training)
        gru_token_table_fill(&r->plan, r->pool, r->batch);
    stage g = {.training = training, .scored = scored, .gather = true};
    gru_status st;
    for (const gru_layer_plan *l;
         training && (l = next_batch_norm(r, g.forward_from + !g.gather, false));) {
        g.forward_to = l->index;
        if ((st = run_stage(r, g, err)))
            return st;
        batch_moments(r, l);
        g.forward_from = l->index;
        g.gather = false;
    }
    for (size_t i = 0; !training && i < count; i++)
        if (r->plan.layers[i].layer->kind == GRU_LAYER_BATCH_NORM)
            moving_moments(r, &r->plan.layers[i]);
    g.forward_to = count;
    g.judge = true;
    g.back_from = count;
    for (;;) { /* each stage ends above a batch norm; the next begins with that layer */
        const gru_layer_plan *l =
            training ? next_batch_norm(r, g.back_from - !g.judge, true) : NULL;
        g.back_to = l ? l->index + 1 : 0;
        if ((st = run_stage(r, g, err)))
            return st;
        if (!l)
            break;
        batch_gradient(r, l);
        g.forward_from = g.forward_to = 0;
        g.judge = g.gather = false;
        g.back_from = l->index + 1;
    }
    r->plan.carried = true;
    return GRU_OK;
}

static gru_status begin(gru_runner *r, const gru_batch *b, gru_error *err) {
    const gru_plan *plan = &r->plan;
    size_t steps = b->spec->slot[GRU_X].dims ? b->spec->slot[GRU_X].shape[0] : 1;
    if (b->rows > plan->options.batch || steps > r->steps_max || !b->rows)
        return gru_error_set(err, GRU_ERR_DATA, "a batch of %zu × %zu steps was not planned for",
                             b->rows, steps);
    r->plan.steps = steps;
    r->batch = b;
    r->slices = (b->rows + L - 1) / L;
    r->tasks = r->slices < plan->tasks ? r->slices : plan->tasks;
    memset(r->errors, 0, r->slices * sizeof *r->errors);
    memset(r->figures, 0, r->slices * sizeof *r->figures);
    return GRU_OK;
}

/* 1 / the samples, or the valid steps, that the mean loss is over. */
static double loss_scale(const gru_runner *r, const gru_batch *b) {
    const gru_slot_spec *x = &b->spec->slot[GRU_X], *len = &b->spec->slot[GRU_LEN];
    const gru_layer *first = &r->plan.model->arch->layers[0];
    size_t n = 0, steps = r->plan.steps;
    if (!r->plan.model->per_step)
        return 1 / (double)b->rows;
    for (size_t i = 0; i < b->rows; i++) {
        size_t valid = steps;
        int32_t k;
        if (len->type) {
            memcpy(&k, b->records[i] + len->offset, sizeof k);
            valid = k < 0 ? 0 : (size_t)k < steps ? (size_t)k : steps;
        }
        const int32_t *ids = (const int32_t *)(const void *)(b->records[i] + x->offset);
        for (size_t t = 0; t < valid; t++)
            n += !(first->kind == GRU_LAYER_EMBEDDING && first->mask) || ids[t] != 0;
    }
    return n ? 1 / (double)n : 0;
}

static void add_up(const gru_runner *r, gru_figures *f) {
    *f = (gru_figures){0};
    for (size_t i = 0; i < r->slices; i++)
        gru_figures_add(f, &r->figures[i]);
    f->penalty = gru_penalty(r->plan.model) * f->rows;
}

/* ---- gradients of the tasks, added in order ---- */
static void reduce_task(void *arg, size_t piece, size_t worker) {
    gru_runner *r = arg;
    size_t dense = r->plan.model->dense_count, from = piece * REDUCE_PIECE;
    size_t n = dense - from < REDUCE_PIECE ? dense - from : REDUCE_PIECE;
    gru_real *sum = r->gradient + from;
    (void)worker;
    memcpy(sum, r->task_gradients + from, n * sizeof *sum);
    for (size_t t = 1; t < r->tasks; t++) {
        const gru_real *g = r->task_gradients + t * dense + from;
        r->plan.kern->add(sum, g, n);
    }
}

/* The marked rows in ascending order; their marks are taken away. (A sort would be slower, and the
 * C library's may allocate.) */
static void list_used(gru_runner *r) {
    size_t count = 0;
    for (size_t row = 0; row < r->embedding_rows; row += MARKS) {
        uint64_t marks;
        memcpy(&marks, r->used_mark + row, sizeof marks);
        for (size_t k = 0; marks && k < MARKS; k++) {
            if (r->used_mark[row + k])
                r->used[count++] = (uint32_t)(row + k);
            r->used_mark[row + k] = 0;
        }
    }
    r->used_count = count;
}

static void reduce_embedding(gru_runner *r) {
    size_t width = r->embedding_width;
    r->used_count = 0;
    if (!r->touched)
        return;
    for (size_t t = 0; t < r->tasks; t++) {
        const gru_touched *u = &r->touched[t];
        for (size_t i = 0; i < u->count; i++) {
            gru_real *sum = r->gradient + r->embedding_at + u->rows[i] * width;
            const gru_real *g = u->gradient + i * width;
            if (!r->used_mark[u->rows[i]]) {
                r->used_mark[u->rows[i]] = 1;
                memcpy(sum, g, width * sizeof *sum);
                continue;
            }
            for (size_t k = 0; k < width; k++)
                sum[k] += g[k];
        }
    }
    list_used(r);
}

static void add_norms(gru_runner *r) {
    double *sum = r->norms + r->plan.slices_max * r->steps_max;
    for (size_t t = 0; t < r->plan.steps; t++) {
        for (size_t i = 0; i < r->slices; i++)
            sum[t] += r->norms[i * r->steps_max + t];
        sum[t] = sqrt(sum[t]);
    }
}

gru_status gru_runner_train(gru_runner *r, const gru_batch *batch, gru_figures *figures,
                            gru_error *err) {
    gru_watch *watch = gru_pool_watch(r->pool, 0);
    size_t place = gru_watch_place(watch);
    gru_status st = begin(r, batch, err);
    if (st)
        return st;
    r->scale = loss_scale(r, batch);
    if (r->norms)
        memset(r->norms, 0, (r->plan.slices_max + 1) * r->steps_max * sizeof *r->norms);
    if ((st = run_batch(r, true, true, err)))
        return st;
    size_t pieces = (r->plan.model->dense_count + REDUCE_PIECE - 1) / REDUCE_PIECE;
    gru_watch_enter(watch, GRU_PLACE_SUM);
    gru_pool_run(r->pool, pieces, reduce_task, r);
    reduce_embedding(r);
    gru_penalty_back(r->plan.model, r->gradient);
    if (r->norms)
        add_norms(r);
    add_up(r, figures);
    gru_watch_enter(watch, place);
    return GRU_OK;
}

gru_status gru_runner_evaluate(gru_runner *r, const gru_batch *batch, gru_figures *figures,
                               gru_error *err) {
    gru_status st = begin(r, batch, err);
    if (!st && !(st = run_batch(r, false, true, err)))
        add_up(r, figures);
    return st;
}

/* The one record's ids or numbers are read where they lie. */
static gru_status run_single(gru_runner *r, gru_error *err) {
    gru_slice *s = &r->slots[0];
    const gru_input_shape *input = &r->plan.model->input;
    const unsigned char *record = r->batch->records[0] + r->batch->spec->slot[GRU_X].offset;
    const float *numbers = (const float *)(const void *)record;
    const int32_t *ids = NULL;
    s->first_row = 0;
    s->rows = 1;
    if (input->tokens && row_ids(r, 0, &ids, err))
        return err->code;
    for (size_t t = 0; ids && t < r->plan.steps; t++)
        s->ids[t * L] = ids[t];
    gru_status st = gather_mask(r, s, r->batch, err);
    if (st)
        return st;
    for (size_t t = 0; s->mask && t < r->plan.steps; t++)
        s->partial_memory[t] = s->mask[t * L] > 0;
#ifdef GRU_DOUBLE
    for (size_t k = 0; !ids && k < r->plan.steps * input->features; k++)
        s->x[k] = (gru_real)numbers[k];
    const gru_real *x = s->x;
#else
    const gru_real *x = numbers;
#endif
    gru_single_run(r->single, ids, x, s->mask ? s->partial_memory : NULL, r->plan.steps,
                   r->outputs);
    return GRU_OK;
}

gru_status gru_runner_predict(gru_runner *r, const gru_batch *batch, gru_error *err) {
    gru_status st = begin(r, batch, err);
    if (st)
        return st;
    return r->single ? run_single(r, err) : run_batch(r, false, false, err);
}

const gru_real *gru_runner_outputs(const gru_runner *r) {
    return r->outputs;
}
const gru_real *gru_runner_attention(const gru_runner *r) {
    return r->attention;
}
const gru_real *gru_runner_states(const gru_runner *r, size_t *units) {
    *units = 0;
    if (r->states)
        *units = r->plan.layers[r->state_layer].layer->units * r->plan.layers[r->state_layer].ways;
    return r->states;
}
const double *gru_runner_gradient_norms(const gru_runner *r) {
    return r->norms ? r->norms + r->plan.slices_max * r->steps_max : NULL;
}
void gru_runner_valid(const gru_runner *r, size_t row, size_t *first, size_t *end) {
    *first = r->valid[2 * row];
    *end = r->valid[2 * row + 1];
}
gru_real *gru_runner_gradients(gru_runner *r) {
    return r->gradient;
}
const uint32_t *gru_runner_touched(const gru_runner *r, size_t *count) {
    *count = r->used_count;
    return r->used;
}
