/* The road of distinct tokens between an embedding and a recurrent layer. */
#include "nn/tokens.h"

#include "nn/embedding.h"

#include <string.h>

enum { L = GRU_LANES, CHUNK = GRU_TOKENS_CHUNK };

/* No token: a row that is not there, or a masked step. */
#define NONE UINT32_MAX

/* What the road costs in multiplications, measured: a column of products to gather at a position, a
 * column of gradients to add up there, and a token beside its products. */
enum { GATHER = 20, SCATTER = 1, SETTLE = 800 };

/* ---- planning ---- */
bool gru_tokens_fit(const gru_plan *plan, size_t layer) {
    const gru_layer *l = &plan->model->arch->layers[layer];
    return layer == 1 && l[-1].kind == GRU_LAYER_EMBEDDING && gru_layer_recurrent(l) &&
           !l->residual && !(plan->options.training && l->dropout > 0);
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

/* Rows of the table lie a power of two apart, more often than not; where they are multiplied, an
 * odd number of lines, lest they fall into a few sets of the cache. */
static size_t chunk_step(const gru_plan *plan) {
    return gru_step_size((plan->layers[0].out.units + L - 1) / L);
}

void gru_tokens_reserve(const gru_plan *plan, gru_slice *s, gru_arena *a) {
    size_t vocabulary = plan->layers[0].layer->rows, most = plan->steps * L;
    gru_tokens *k = &s->tokens;
    most = most < vocabulary ? most : vocabulary;
    k->stamp = take_words(a, vocabulary);
    k->place = take_words(a, vocabulary);
    k->at = take_words(a, plan->steps * L);
    k->ids = take_words(a, most);
    k->uses = take_words(a, most);
    k->left = take_words(a, most);
    k->row = take_words(a, most);
    k->free = take_words(a, most);
    k->x = gru_arena_take(a, plan->layers[0].out.units * L);
    k->chunk = gru_arena_take(a, CHUNK * chunk_step(plan));
    k->rows = gru_arena_take(a, (most + 1) * gru_tokens_row_size(&plan->layers[1]));
}

/* ---- which tokens there are ---- */
static uint32_t place_of(gru_tokens *k, uint32_t id) {
    if (k->stamp[id] != k->generation) {
        k->stamp[id] = k->generation;
        k->place[id] = (uint32_t)k->count;
        k->uses[k->count] = 0;
        k->ids[k->count++] = id;
    }
    k->uses[k->place[id]]++;
    return k->place[id];
}

void gru_tokens_list(const gru_plan *plan, gru_slice *s) {
    gru_tokens *k = &s->tokens;
    size_t positions = (s->end - s->first) * L, width = plan->layers[0].out.units;
    size_t columns = columns_of(&plan->layers[1]);
    k->generation++;
    k->count = 0;
    for (size_t t = s->first; t < s->end; t++)
        for (size_t i = 0; i < L; i++)
            k->at[t * L + i] =
                gru_slice_counts(s, t, i) ? place_of(k, (uint32_t)s->ids[t * L + i]) : NONE;
    size_t spared = (positions - k->count) * width * columns;
    k->forward = spared > positions * GATHER * columns;
    k->backward = s->training && spared > positions * SCATTER * columns + k->count * SETTLE;
}

/* ---- rows ---- */
/* Row 0 is nobody's, and zero. The one given back last is warm and handed out next. */
void gru_tokens_begin(gru_slice *s, size_t from) {
    gru_tokens *k = &s->tokens;
    if (k->table)
        return;
    memcpy(k->left, k->uses, k->count * sizeof *k->left);
    memset(k->row, 0, k->count * sizeof *k->row);
    k->free_count = k->count;
    for (size_t i = 0; i < k->count; i++)
        k->free[i] = (uint32_t)(k->count - i);
    k->ahead = from * L;
    k->pending_count = 0;
}

static gru_real *row_of(const gru_tokens *k, uint32_t place, size_t size) {
    return k->rows + (place == NONE ? 0 : k->row[place]) * size;
}
static void take_row(gru_tokens *k, uint32_t place) {
    k->row[place] = k->free[--k->free_count];
}
static void give_row(gru_tokens *k, uint32_t place) {
    k->free[k->free_count++] = k->row[place];
}

static const gru_real *embedding_of(const gru_plan *plan, const gru_tokens *k, uint32_t place) {
    return gru_embedding_table(plan) + k->ids[place] * plan->layers[0].out.units;
}

/* Copies the table's rows x to where they are multiplied. */
static void bring(const gru_plan *plan, const gru_tokens *k, const gru_real **x, size_t count) {
    size_t bytes = plan->layers[0].out.units * sizeof(gru_real);
    for (size_t i = 0; i < count; i++)
        x[i] = memcpy(k->chunk + i * chunk_step(plan), x[i], bytes);
}

/* ---- forward ---- */
void gru_tokens_multiply(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                         gru_real *const *out, const gru_real *const *x, size_t rows) {
    plan->kern->strip_product(out, x, rows, l->in.units, d->bias, d->kernel.strips, columns_of(l));
}

/* The products of the next tokens that have none yet. */
static void multiply_ahead(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                           gru_tokens *k, size_t end) {
    const gru_real *x[CHUNK];
    gru_real *out[CHUNK];
    size_t count = 0;
    for (; k->ahead < end && count < CHUNK; k->ahead++) {
        size_t p = k->ahead / L, t = d->reversed ? plan->steps - 1 - p : p;
        uint32_t place = k->at[t * L + k->ahead % L];
        if (place == NONE || k->row[place])
            continue;
        take_row(k, place);
        x[count] = embedding_of(plan, k, place);
        gru_kern_fetch(x[count], l->in.units);
        out[count++] = row_of(k, place, gru_tokens_row_size(l));
    }
    bring(plan, k, x, count);
    gru_tokens_multiply(plan, l, d, out, x, count);
}

static void gather_kept(const gru_plan *plan, const gru_layer_plan *l, const gru_real *products,
                        const int32_t *ids, gru_real *gates) {
    const gru_real *rows[L];
    for (size_t i = 0; i < L; i++)
        rows[i] = products + (size_t)ids[i] * gru_tokens_row_size(l);
    plan->kern->to_lanes(gates, rows, columns_of(l));
}

void gru_tokens_gather(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                       gru_slice *s, size_t p, size_t to, gru_real *gates) {
    const gru_real *rows[L];
    gru_tokens *k = &s->tokens;
    size_t t = d->reversed ? plan->steps - 1 - p : p;
    const uint32_t *places = k->at + t * L;
    if (k->table) {
        gather_kept(plan, l, k->table->products[d == &l->way[1]], s->ids + t * L, gates);
        return;
    }
    while (k->ahead < (p + 1) * L)
        multiply_ahead(plan, l, d, k, to * L);
    for (size_t i = 0; i < L; i++)
        rows[i] = row_of(k, places[i], gru_tokens_row_size(l));
    plan->kern->to_lanes(gates, rows, columns_of(l));
    for (size_t i = 0; i < L; i++)
        if (places[i] != NONE && --k->left[places[i]] == 0)
            give_row(k, places[i]);
}

/* ---- backward ---- */
/* A token's gradient row; new ones start at zero. */
static gru_real *gradient_of(gru_slice *s, uint32_t place, size_t width) {
    bool fresh;
    gru_real *row = gru_embedding_touch(s->touched, s->tokens.ids[place], width, &fresh);
    if (fresh)
        memset(row, 0, width * sizeof *row);
    else
        gru_kern_fetch(row, width);
    return row;
}

/* The token's sum is complete. What it will be multiplied with and added to comes nearer until
 * then. */
static void complete(const gru_plan *plan, gru_slice *s, uint32_t place) {
    gru_tokens *k = &s->tokens;
    size_t width = plan->layers[0].out.units;
    gru_kern_fetch(embedding_of(plan, k, place), width);
    k->pending_dx[k->pending_count] = s->touched ? gradient_of(s, place, width) : NULL;
    k->pending[k->pending_count++] = place;
}

/* The first `count` tokens whose sums are complete. */
static void settle(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                   gru_slice *s, size_t count) {
    gru_tokens *k = &s->tokens;
    const gru_real *x[CHUNK], *sums[CHUNK];
    size_t in = l->in.units, columns = columns_of(l);
    for (size_t i = 0; i < count; i++) {
        x[i] = embedding_of(plan, k, k->pending[i]);
        sums[i] = row_of(k, k->pending[i], gru_tokens_row_size(l));
        give_row(k, k->pending[i]);
    }
    bring(plan, k, x, count);
    if (s->touched)
        plan->kern->strip_product(k->pending_dx, sums, count, columns, NULL, d->kernel.strips_back,
                                  in);
    gru_slice_enter(s, l, GRU_PART_WEIGHTS);
    plan->kern->strip_outer(&(gru_strip_outer){.w = s->gradient + d->kernel_at,
                                               .ld = columns,
                                               .height = in,
                                               .columns = columns,
                                               .a = x,
                                               .b = sums,
                                               .rows = count});
    gru_slice_enter(s, l, GRU_PART_BACKWARD);
    k->pending_count -= count;
    memmove(k->pending, k->pending + count, k->pending_count * sizeof *k->pending);
    memmove(k->pending_dx, k->pending_dx + count, k->pending_count * sizeof *k->pending_dx);
}

void gru_tokens_scatter(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                        gru_slice *s, size_t t, const gru_real *gates) {
    gru_tokens *k = &s->tokens;
    gru_real *rows[L] = {NULL};
    unsigned fresh = 0;
    gru_embedding_expect(s, d->reversed ? t + 1 : t - 1);
    for (size_t i = 0; i < L; i++) {
        uint32_t place = k->at[t * L + i];
        if (place == NONE)
            continue;
        if (!k->row[place]) {
            take_row(k, place);
            fresh |= 1U << i;
        }
        rows[i] = row_of(k, place, gru_tokens_row_size(l));
        if (--k->left[place] == 0)
            complete(plan, s, place);
    }
    plan->kern->add_rows(rows, gates, columns_of(l), fresh);
    if (k->pending_count >= CHUNK)
        settle(plan, l, d, s, CHUNK);
}

void gru_tokens_finish(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                       gru_slice *s) {
    settle(plan, l, d, s, s->tokens.pending_count);
}
