/* A batch through a network: its slices run over the pool in stages (batch norm separates stages,
 * since it needs the whole batch), and gradients are added up in a fixed order. */
#include "nn/penalty.h"
#include "nn/runner_private.h"
#include "nn/token_table.h"

#include <math.h>
#include <string.h>

enum { L = GRU_LANES, REDUCE_PIECE = 8192, REDUCE_ROWS = 512 };

typedef struct stage {
    gru_runner *r;
    bool training, gather, judge, scored;
    size_t forward_from, forward_to, back_from,
        back_to; /* backward: back_from − 1 down to back_to */
} stage;

void gru_figures_add(gru_figures *sum, const gru_figures *one) {
    sum->loss += one->loss;
    sum->penalty += one->penalty;
    sum->samples += one->samples;
    sum->rows += one->rows;
    sum->correct += one->correct;
    sum->absolute += one->absolute;
    sum->squared += one->squared;
}

/* ---- a slice through the layers ---- */
static double operations(const gru_packed *p) {
    return 2 * (double)p->gates * (double)p->in * (double)p->out;
}

/* Counts what the products of a layer cost in one direction: two operations a weight, row and
 * step that the slice computes, or distinct token. */
static void count_work(const gru_layer_plan *l, const gru_slice *s, gru_part part) {
    bool back = part == GRU_PART_BACKWARD, forward = part == GRU_PART_FORWARD;
    bool tokens = l->tokens && (forward ? s->tokens.forward : s->tokens.backward);
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

static void backward(gru_runner *r, gru_slice *s, size_t from, size_t to) {
    for (size_t i = from; i-- > to;) {
        const gru_layer_plan *l = &r->plan.layers[i];
        gru_real *din = i && l->need_din ? gru_flow_of(r, s, i - 1) : NULL;
        gru_slice_enter(s, l, GRU_PART_BACKWARD);
        count_work(l, s, GRU_PART_BACKWARD);
        count_work(l, s, GRU_PART_WEIGHTS);
        gru_layer_ops_of(l->layer->kind)->backward(&r->plan, l, s, gru_flow_of(r, s, i), din);
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

/* A way's units at every time to columns of to [rows][steps][width]; from: at position 0, the next
 * one's lie `step` further. */
static void copy_way(const gru_runner *r, const gru_slice *s, size_t way, gru_real *to,
                     size_t width, const gru_real *from, size_t step) {
    size_t h = r->plan.layers[r->state_layer].layer->units, steps = r->plan.steps;
    for (size_t t = 0; t < steps; t++) {
        size_t p = way ? steps - 1 - t : t;
        copy_out(to + (s->first_row * steps + t) * width, from + p * step, s->rows, h,
                 steps * width);
    }
}

static void copy_states(const gru_runner *r, const gru_slice *s) {
    const gru_layer_plan *l = &r->plan.layers[r->state_layer];
    size_t h = l->layer->units, step = gru_step_size(h);
    for (size_t w = 0; w < l->ways; w++)
        copy_way(r, s, w, r->states + w * h, h * l->ways, s->memory[l->index].way[w].h + step,
                 step);
}

static void copy_gates(const gru_runner *r, const gru_slice *s) {
    const gru_layer_plan *l = &r->plan.layers[r->state_layer];
    const char *names = gru_gate_names(l);
    size_t h = l->layer->units, all = h * l->ways, width = strlen(names) * all;
    for (size_t w = 0; w < l->ways; w++) {
        const gru_way_memory *m = &s->memory[l->index].way[w];
        for (size_t g = 0; names[g]; g++) {
            gru_real *to = r->gates + g * all + w * h;
            if (names[g] == 'c')
                copy_way(r, s, w, to, width, m->c + gru_step_size(h), gru_step_size(h));
            else
                copy_way(r, s, w, to, width, m->gates + g * h * L, gru_gate_step(l->layer));
        }
    }
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
    if (r->states)
        copy_states(r, s);
    if (r->gates)
        copy_gates(r, s);
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
    if (g->gather && gru_gather_slice(r, s, err))
        return;
    forward(r, s, g->forward_from, g->forward_to);
    gru_watch_enter(s->watch, GRU_PLACE_LOSS);
    if (g->judge) {
        gru_real *d = g->training ? gru_flow_of(r, s, plan->count - 1) : NULL;
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
    gru_watch *watch = gru_pool_watch(r->plan.pool, worker);
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
        s->worker = worker;
        run_slice(g, s, task);
    }
}

/* ---- a batch ---- */
static gru_status run_stage(gru_runner *r, stage g, gru_error *err) {
    g.r = r;
    gru_pool_run(r->plan.pool, r->tasks, run_task, &g);
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
        gru_token_table_fill(&r->plan, r->plan.pool, r->batch);
    stage g = {.training = training, .scored = scored, .gather = true};
    gru_status st;
    for (const gru_layer_plan *l;
         training && (l = next_batch_norm(r, g.forward_from + !g.gather, false));) {
        g.forward_to = l->index;
        if ((st = run_stage(r, g, err)))
            return st;
        gru_moments_batch(r, l);
        g.forward_from = l->index;
        g.gather = false;
    }
    for (size_t i = 0; !training && i < count; i++)
        if (r->plan.layers[i].layer->kind == GRU_LAYER_BATCH_NORM)
            gru_moments_moving(r, &r->plan.layers[i]);
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
        gru_moments_gradient(r, l);
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
    f->samples = (double)r->batch->rows;
    if (r->plan.model->per_step && f->rows > 0)
        f->loss *= f->samples / f->rows;
    f->penalty = gru_penalty(r->plan.model) * f->samples;
}

/* ---- gradients of the tasks, added in order to those of the first ---- */
static size_t pieces(const gru_runner *r) {
    return r->tasks > 1 ? (r->plan.model->dense_count + REDUCE_PIECE - 1) / REDUCE_PIECE : 0;
}

static void reduce_dense(gru_runner *r, size_t piece) {
    size_t dense = r->plan.model->dense_count, from = piece * REDUCE_PIECE;
    size_t n = dense - from < REDUCE_PIECE ? dense - from : REDUCE_PIECE;
    for (size_t t = 1; t < r->tasks; t++)
        r->plan.kern->add(r->task_gradients + from, r->task_gradients + t * dense + from, n);
}

static gru_real *row_of(const gru_touched *u, uint32_t row, size_t width) {
    const gru_touched_row *at = &u->row[row];
    return at->generation == u->generation ? u->gradient + at->place * width : NULL;
}

/* Row i of a task's: its gradient stays where it is, those of later tasks are added; NULL where an
 * earlier task has it. */
static gru_real *reduce_row(const gru_runner *r, size_t task, size_t i) {
    size_t width = r->embedding_width;
    uint32_t row = r->touched[task].rows[i];
    for (size_t t = 0; t < task; t++)
        if (r->touched[t].row[row].generation == r->touched[t].generation)
            return NULL;
    gru_real *sum = r->touched[task].gradient + i * width;
    for (size_t t = task + 1; t < r->tasks; t++) {
        const gru_real *g = row_of(&r->touched[t], row, width);
        if (g)
            r->plan.kern->add(sum, g, width);
    }
    return sum;
}

/* Rows from … end of all tasks' one after the other. */
static void reduce_rows(gru_runner *r, size_t from, size_t end) {
    size_t start = 0;
    for (size_t t = 0; t < r->tasks; start += r->touched[t++].count) {
        size_t stop = start + r->touched[t].count < end ? start + r->touched[t].count : end;
        for (size_t i = from > start ? from : start; i < stop; i++)
            r->used[i] =
                (gru_row_gradient){r->touched[t].rows[i - start], reduce_row(r, t, i - start)};
    }
}

static void reduce_task(void *arg, size_t task, size_t worker) {
    gru_runner *r = arg;
    size_t dense = pieces(r);
    (void)worker;
    if (task < dense)
        reduce_dense(r, task);
    else
        reduce_rows(r, (task - dense) * REDUCE_ROWS, (task - dense + 1) * REDUCE_ROWS);
}

static void reduce(gru_runner *r) {
    size_t rows = 0;
    for (size_t t = 0; r->touched && t < r->tasks; t++)
        rows += r->touched[t].count;
    gru_pool_run(r->plan.pool, pieces(r) + (rows + REDUCE_ROWS - 1) / REDUCE_ROWS, reduce_task, r);
    r->used_count = 0;
    for (size_t i = 0; i < rows; i++)
        if (r->used[i].gradient)
            r->used[r->used_count++] = r->used[i];
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
    gru_watch *watch = gru_pool_watch(r->plan.pool, 0);
    size_t place = gru_watch_place(watch);
    gru_status st = begin(r, batch, err);
    if (st)
        return st;
    r->scale = loss_scale(r, batch);
    if (r->norms)
        memset(r->norms, 0, (r->plan.slices_max + 1) * r->steps_max * sizeof *r->norms);
    if ((st = run_batch(r, true, true, err)))
        return st;
    gru_watch_enter(watch, GRU_PLACE_SUM);
    reduce(r);
    gru_penalty_back(r->plan.model, r->task_gradients);
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
    if (input->tokens && gru_gather_ids(r, 0, &ids, err))
        return err->code;
    for (size_t t = 0; ids && t < r->plan.steps; t++)
        s->ids[t * L] = ids[t];
    gru_status st = gru_gather_mask(r, s, r->batch, err);
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
const gru_real *gru_runner_gates(const gru_runner *r, size_t *units, const char **names) {
    *units = 0;
    *names = "";
    if (r->gates) {
        const gru_layer_plan *l = &r->plan.layers[r->state_layer];
        *units = l->layer->units * l->ways;
        *names = gru_gate_names(l);
    }
    return r->gates;
}
const double *gru_runner_gradient_norms(const gru_runner *r) {
    return r->norms ? r->norms + r->plan.slices_max * r->steps_max : NULL;
}
void gru_runner_valid(const gru_runner *r, size_t row, size_t *first, size_t *end) {
    *first = r->valid[2 * row];
    *end = r->valid[2 * row + 1];
}
gru_real *gru_runner_gradients(gru_runner *r) {
    return r->task_gradients;
}
const gru_row_gradient *gru_runner_touched(const gru_runner *r, size_t *count) {
    *count = r->used_count;
    return r->used;
}
