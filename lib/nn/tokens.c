/* The road of distinct tokens between an embedding and a recurrent layer. */
#include "nn/tokens.h"

#include <string.h>

enum { L = GRU_LANES };

/* To gather a column of products and to add its gradient up costs about as much as this many
 * multiplications of the column's products. */
enum { GATHER = 16 };

/* ---- planning ---- */
bool gru_tokens_fit(const gru_plan *plan, size_t layer) {
    const gru_layer *l = &plan->model->arch->layers[layer];
    return layer == 1 && l[-1].kind == GRU_LAYER_EMBEDDING && gru_layer_recurrent(l) &&
           l[-1].units > GATHER && !l->residual && !(plan->options.training && l->dropout > 0);
}

static size_t columns_of(const gru_layer_plan *l) {
    return gru_layer_gates(l->layer) * l->layer->units;
}
/* Whole cache lines, an odd number of them. */
size_t gru_tokens_row_size(const gru_layer_plan *l) {
    return gru_step_size((columns_of(l) + L - 1) / L);
}

static uint32_t *take_words(gru_arena *a, size_t count) {
    return (uint32_t *)(void *)gru_arena_take(a, count);
}

void gru_tokens_reserve(const gru_plan *plan, gru_slice *s, gru_arena *a) {
    size_t vocabulary = plan->layers[0].layer->rows;
    s->tokens.stamp = take_words(a, vocabulary);
    s->tokens.place = take_words(a, vocabulary);
    s->tokens.ids = take_words(a, plan->steps * L);
    s->tokens.at = take_words(a, plan->steps * L);
}

gru_real *gru_tokens_reserve_products(const gru_plan *plan, const gru_layer_plan *l, gru_arena *a) {
    return gru_arena_take(a, plan->steps * L * gru_tokens_row_size(l));
}

/* ---- which tokens there are ---- */
static uint32_t place_of(gru_tokens *k, uint32_t id, size_t *count) {
    if (k->stamp[id] != k->generation) {
        k->stamp[id] = k->generation;
        k->place[id] = (uint32_t)*count;
        k->ids[(*count)++] = id;
    }
    return k->place[id];
}

bool gru_tokens_list(const gru_plan *plan, gru_slice *s) {
    gru_tokens *k = &s->tokens;
    size_t count = 0, steps = s->end - s->first, width = plan->layers[0].out.units;
    k->generation++;
    for (size_t t = s->first; t < s->end; t++) {
        const gru_real *mask = s->mask && s->partial[t] ? s->mask + t * L : NULL;
        for (size_t i = 0; i < L; i++) {
            bool counts = i < s->rows && !(mask && !(mask[i] > 0));
            k->at[t * L + i] = counts ? place_of(k, (uint32_t)s->ids[t * L + i], &count) : 0;
        }
    }
    k->groups = (count + L - 1) / L;
    if (k->groups * width + GATHER * steps >= steps * width)
        k->groups = 0;
    k->count = count;
    for (; count < k->groups * L; count++)
        k->ids[count] = k->ids[0];
    return k->groups > 0;
}

/* ---- forward ---- */
static void rows_of_group(const gru_layer_plan *l, const gru_way_memory *m, size_t group,
                          gru_real *rows[L]) {
    for (size_t i = 0; i < L; i++)
        rows[i] = m->products + (group * L + i) * gru_tokens_row_size(l);
}

void gru_tokens_multiply_group(const gru_plan *plan, const gru_layer_plan *l,
                               const gru_direction *d, const gru_real *x, gru_real *lanes,
                               gru_real *const rows[L]) {
    size_t u = l->layer->units, in = l->in.units;
    for (size_t g = 0; g < d->kernel.gates; g += gru_packed_gates(&d->kernel, g))
        plan->kern->affine(lanes + g * u * L, gru_packed_gates(&d->kernel, g) * u, d->bias + g * u,
                           x, in, d->kernel.forward + g * in * u, NULL, 0, NULL);
    for (size_t i = 0; i < L; i++)
        if (rows[i])
            memset(rows[i], 0, columns_of(l) * sizeof(gru_real));
    plan->kern->add_rows(rows, lanes, columns_of(l), 0);
}

void gru_tokens_multiply(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                         const gru_way_memory *m, const gru_slice *s) {
    gru_real *rows[L];
    for (size_t g = 0; g < s->tokens.groups; g++) {
        rows_of_group(l, m, g, rows);
        gru_tokens_multiply_group(plan, l, d, s->memory[l->index].in + g * l->in_step, m->gates,
                                  rows);
    }
}

void gru_tokens_gather(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                       const gru_way_memory *m, const gru_slice *s, size_t t, gru_real *gates) {
    const gru_token_table *table = s->tokens.table;
    const gru_real *rows[L], *from = table ? table->products[d == &l->way[1]] : m->products;
    for (size_t i = 0; i < L; i++) {
        size_t at = table ? (size_t)s->ids[t * L + i] : s->tokens.at[t * L + i];
        rows[i] = from + at * gru_tokens_row_size(l);
    }
    plan->kern->to_lanes(gates, rows, columns_of(l));
}

/* ---- backward ---- */
void gru_tokens_clear(const gru_layer_plan *l, const gru_way_memory *m, const gru_slice *s) {
    memset(m->products, 0, s->tokens.groups * L * gru_tokens_row_size(l) * sizeof(gru_real));
}

void gru_tokens_scatter(const gru_plan *plan, const gru_layer_plan *l, const gru_way_memory *m,
                        const gru_slice *s, size_t t, const gru_real *gates) {
    gru_real *rows[L];
    for (size_t i = 0; i < L; i++)
        rows[i] = m->products + s->tokens.at[t * L + i] * gru_tokens_row_size(l);
    plan->kern->add_rows(rows, gates, columns_of(l), 0);
}

void gru_tokens_back(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                     const gru_way_memory *m, gru_slice *s, gru_real *din) {
    size_t in = l->in.units, columns = columns_of(l);
    size_t step = gru_step_size(columns);
    gru_real *rows[L], *sums = m->gates;
    gru_slice_enter(s, l, GRU_PART_BACKWARD);
    for (size_t g = 0; g < s->tokens.groups; g++) {
        rows_of_group(l, m, g, rows);
        plan->kern->to_lanes(sums + g * step, (const gru_real *const *)rows, columns);
        if (din)
            gru_packed_back(plan->kern, &d->kernel, din + g * l->in_step, sums + g * step);
    }
    gru_slice_enter(s, l, GRU_PART_WEIGHTS);
    gru_add_outer(plan, s,
                  &(gru_outer){.w = s->gradient + d->kernel_at,
                               .ld = columns,
                               .a = s->memory[l->index].in,
                               .rows = in,
                               .a_step = (ptrdiff_t)l->in_step,
                               .b = sums,
                               .columns = columns,
                               .b_step = (ptrdiff_t)step,
                               .steps = s->tokens.groups});
}
