/* The runner's life: all memory planned at once, weights packed, everything freed. */
#include "base/cpu.h"
#include "base/mem.h"
#include "nn/outer.h"
#include "nn/runner_private.h"
#include "nn/token_table.h"
#include "nn/tokens.h"

#include <stdlib.h>
#include <string.h>

/* Weights from which their packing is worth waking other threads, and starting them. */
enum { L = GRU_LANES, TASKS_MAX = 16, PACK_SHARED = 16384, PACK_STARTED = 1 << 20 };

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
                              .need_din = below,
                              .tokens = gru_tokens_fit(plan, i)};
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
        l->first_recurrent = gru_layer_recurrent(l->layer) && r->first_recurrent == SIZE_MAX;
        if (l->first_recurrent)
            r->first_recurrent = i;
        if (gru_layer_recurrent(l->layer))
            r->state_layer = i;
    }
    if (plan->options.want_gates && r->state_layer != SIZE_MAX)
        plan->layers[r->state_layer].shows_gates = true;
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
    plan->slots = r->whole_batch ? plan->slices_max : plan->threads;
    if ((plan->options.training && (st = gru_outer_plan(plan, err))) ||
        (st = gru_mem_new(&r->slots, plan->slots, sizeof *r->slots, err)) ||
        (st = gru_mem_new(&r->layer_memory, plan->slots * plan->count, sizeof *r->layer_memory,
                          err)))
        return st;
    gru_arena a = {0};
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < plan->slots; i++) {
            r->slots[i].memory = r->layer_memory + i * plan->count;
            reserve_slot(r, &r->slots[i], &a);
        }
        if (plan->options.training)
            gru_outer_reserve(plan, r->steps_max, &a);
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
        (void)((st = gru_mem_new(&u->row, r->embedding_rows, sizeof *u->row, err)) ||
               (st = gru_mem_new(&u->rows, capacity, sizeof *u->rows, err)) ||
               (st = gru_mem_new(&u->gradient, capacity * r->embedding_width, sizeof *u->gradient,
                                 err)));
    }
    if (!st)
        st = gru_mem_new(&r->used, tasks * capacity, sizeof *r->used, err);
    return st;
}

static gru_status plan_training(gru_runner *r, gru_error *err) {
    const gru_plan *plan = &r->plan;
    if (!plan->options.training)
        return GRU_OK;
    gru_status st = gru_mem_new(&r->task_gradients, plan->tasks * plan->model->dense_count,
                                sizeof(gru_real), err);
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
    if (r->state_layer == SIZE_MAX)
        return GRU_OK;
    const gru_layer_plan *l = &r->plan.layers[r->state_layer];
    size_t units = l->ways * l->layer->units, gates = strlen(gru_gate_names(l));
    if (o->want_states &&
        (st = gru_mem_new(&r->states, rows * steps, units * sizeof(gru_real), err)))
        return st;
    if (o->want_gates && gates)
        st = gru_mem_new(&r->gates, rows * steps, gates * units * sizeof(gru_real), err);
    return st;
}

static void refresh_task(void *arg, size_t task, size_t worker) {
    gru_runner *r = arg;
    (void)worker;
    size_t count = r->plan.packed_count;
    gru_packed_refresh(r->plan.kern, r->plan.packed[task % count], (gru_packed_part)(task / count));
}

/* shared: weights from which other threads take part. */
static void refresh(gru_runner *r, size_t shared) {
    if (r->single) {
        gru_single_refresh(r->single);
        return;
    }
    gru_watch *watch = gru_pool_watch(r->plan.pool, 0);
    size_t place = gru_watch_place(watch);
    gru_watch_enter(watch, GRU_PLACE_PACK);
    bool worth = r->plan.model->dense_count >= shared;
    gru_pool_run(worth ? r->plan.pool : NULL, r->plan.packed_count * GRU_PACKED_PARTS, refresh_task,
                 r);
    for (size_t i = 0; i < r->plan.count; i++) {
        const gru_layer_ops *ops = gru_layer_ops_of(r->plan.layers[i].layer->kind);
        if (ops->refresh)
            ops->refresh(&r->plan, &r->plan.layers[i]);
    }
    if (r->plan.table)
        r->plan.table->generation++;
    gru_watch_enter(watch, place);
}

void gru_runner_refresh(gru_runner *r) {
    refresh(r, PACK_SHARED);
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
    plan->pool = pool;
    plan->threads = gru_pool_threads(pool);
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
                               : gru_token_table_new(plan, err);
    if (st)
        goto fail;
    refresh(r, PACK_STARTED);
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
        free(r->touched[i].row);
        free(r->touched[i].rows);
        free(r->touched[i].gradient);
    }
    void *blocks[] = {r->plan.rooms, r->plan.layers,  r->plan.packed,    r->shared,  r->slot_memory,
                      r->slots,      r->layer_memory, r->task_gradients, r->touched, r->used,
                      r->outputs,    r->attention,    r->states,         r->gates,   r->valid,
                      r->errors,     r->figures,      r->norms};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    free(r);
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
