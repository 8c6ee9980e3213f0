/* The products of tokens, kept from batch to batch in inference. */
#include "nn/token_table.h"

#include "base/mem.h"
#include "nn/embedding.h"
#include "nn/tokens.h"

#include <stdlib.h>
#include <string.h>

/* GROUPS_SHARED: groups of tokens from which other threads are woken. */
enum { L = GRU_LANES, BYTES_MAX = 256 << 20, GROUPS_SHARED = 16 };

gru_status gru_token_table_new(gru_plan *plan, gru_error *err) {
    if (plan->count < 2 || !plan->layers[1].tokens)
        return GRU_OK;
    const gru_layer_plan *l = &plan->layers[1];
    size_t vocabulary = plan->layers[0].layer->rows, size = gru_tokens_row_size(l);
    if (vocabulary > BYTES_MAX / sizeof(gru_real) / size / l->ways)
        return GRU_OK;
    gru_status st = gru_mem_new(&plan->table, 1, sizeof *plan->table, err);
    if (st)
        return st;
    gru_token_table *k = plan->table;
    for (size_t w = 0; !st && w < l->ways; w++)
        st = gru_mem_room(&k->products[w], vocabulary * size, sizeof(gru_real), err);
    if (st || (st = gru_mem_new(&k->stamp, vocabulary, sizeof *k->stamp, err)))
        return st;
    return gru_mem_new(&k->missing, vocabulary, sizeof *k->missing, err);
}

void gru_token_table_free(gru_token_table *k) {
    if (!k)
        return;
    free(k->products[0]);
    free(k->products[1]);
    free(k->stamp);
    free(k->missing);
    free(k);
}

static void need(gru_token_table *k, uint32_t id) {
    if (k->stamp[id] == k->generation)
        return;
    k->stamp[id] = k->generation;
    k->missing[k->missing_count++] = id;
}

static void fill_group(void *arg, size_t group, size_t worker) {
    const gru_plan *plan = arg;
    const gru_layer_plan *e = &plan->layers[0], *l = &plan->layers[1];
    gru_token_table *k = plan->table;
    const gru_real *table = gru_embedding_table(plan), *x[L];
    gru_real *rows[L];
    const uint32_t *ids = k->missing + group * L;
    size_t left = k->missing_count - group * L, count = left < L ? left : L;
    (void)worker;
    for (size_t i = 0; i < count; i++)
        x[i] = table + ids[i] * e->out.units;
    for (size_t w = 0; w < l->ways; w++) {
        for (size_t i = 0; i < count; i++)
            rows[i] = k->products[w] + ids[i] * gru_tokens_row_size(l);
        gru_tokens_multiply(plan, l, &l->way[w], rows, x, count);
    }
}

void gru_token_table_fill(gru_plan *plan, gru_pool *pool, const gru_batch *batch) {
    gru_token_table *k = plan->table;
    const gru_slot_spec *x = &batch->spec->slot[GRU_X];
    k->missing_count = 0;
    need(k, 0); /* rows of a slice that are not there read it */
    for (size_t r = 0; r < batch->rows; r++) {
        const int32_t *ids = (const int32_t *)(const void *)(batch->records[r] + x->offset);
        for (size_t t = 0; t < plan->steps; t++)
            if (ids[t] >= 0 && (size_t)ids[t] < plan->layers[0].layer->rows)
                need(k, (uint32_t)ids[t]);
    }
    size_t groups = (k->missing_count + L - 1) / L;
    gru_pool_run(groups < GROUPS_SHARED ? NULL : pool, groups, fill_group, plan);
}
