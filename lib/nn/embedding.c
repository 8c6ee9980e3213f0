/* The embedding: a table's rows for tokens, and their gradients. */
#include "nn/embedding.h"

#include "nn/tokens.h"

#include <string.h>

enum { L = GRU_LANES };

static gru_status plan_embedding(gru_plan *plan, gru_layer_plan *l, gru_arena *shared,
                                 gru_error *err) {
    (void)shared;
    (void)err;
    l->kernel_at = gru_plan_offset(plan, l->index, "embeddings");
    return GRU_OK;
}

/* Whether the next layer looks up by itself. */
static bool is_read(const gru_plan *plan) {
    return plan->count > 1 && plan->layers[1].tokens;
}

static void reserve_embedding(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                              gru_arena *a) {
    if (is_read(plan))
        gru_tokens_reserve(plan, s, a);
    else
        s->memory[l->index].own =
            gru_arena_take(a, (l->out.sequence ? plan->steps : 1) * l->out_step);
}

const gru_real *gru_embedding_table(const gru_plan *plan) {
    return plan->model->weights + plan->layers[0].kernel_at;
}

void gru_embedding_look_up(const gru_plan *plan, const gru_slice *s, size_t t, size_t next,
                           gru_real *x) {
    const gru_real *table = gru_embedding_table(plan), *rows[L];
    size_t width = plan->layers[0].out.units;
    for (size_t i = 0; i < L; i++) {
        gru_kern_fetch(table + (size_t)s->ids[next * L + i] * width, width);
        rows[i] = table + (size_t)s->ids[t * L + i] * width;
    }
    plan->kern->to_lanes(x, rows, width);
}

static void forward_embedding(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s) {
    gru_layer_memory *m = &s->memory[l->index];
    size_t step = l->out_step;
    m->out = m->own;
    s->tokens.table = s->training ? NULL : plan->table;
    if (is_read(plan)) {
        if (!s->tokens.table)
            gru_tokens_list(plan, s);
        return;
    }
    for (size_t t = s->first; t < s->end; t++)
        gru_embedding_look_up(plan, s, t, t + 1 < s->end ? t + 1 : t, m->own + t * step);
    /* what lies outside is never read by a layer that knows the mask; others must see numbers */
    memset(m->own, 0, s->first * step * sizeof *m->own);
    memset(m->own + s->end * step, 0, (plan->steps - s->end) * step * sizeof *m->own);
}

gru_real *gru_embedding_touch(gru_touched *u, uint32_t id, size_t width, bool *fresh) {
    gru_touched_row *row = &u->row[id];
    *fresh = row->generation != u->generation;
    if (*fresh) {
        *row = (gru_touched_row){u->generation, (uint32_t)u->count};
        u->rows[u->count++] = id;
    }
    return u->gradient + row->place * width;
}

void gru_embedding_expect(const gru_slice *s, size_t t) {
    for (size_t i = 0; s->touched && t >= s->first && t < s->end && i < L; i++)
        __builtin_prefetch(&s->touched->row[s->ids[t * L + i]]);
}

void gru_embedding_add(const gru_plan *plan, gru_slice *s, size_t t, const gru_real *dx) {
    gru_real *rows[L];
    size_t width = plan->layers[0].out.units;
    unsigned all = 0;
    for (size_t i = 0; i < L; i++) {
        bool fresh = false;
        rows[i] = gru_slice_counts(s, t, i)
                      ? gru_embedding_touch(s->touched, (uint32_t)s->ids[t * L + i], width, &fresh)
                      : NULL;
        all |= (unsigned)fresh << i;
    }
    plan->kern->add_rows(rows, dx, width, all);
}

static void backward_embedding(const gru_plan *plan, const gru_layer_plan *l, gru_slice *s,
                               const gru_real *dout, gru_real *din) {
    (void)din;
    if (!s->touched || is_read(plan))
        return;
    gru_slice_enter(s, l, GRU_PART_WEIGHTS);
    for (size_t t = s->first; t < s->end; t++)
        gru_embedding_add(plan, s, t, dout + t * l->out_step);
}

const gru_layer_ops gru_embedding_ops = {plan_embedding, NULL, reserve_embedding, forward_embedding,
                                         backward_embedding};
