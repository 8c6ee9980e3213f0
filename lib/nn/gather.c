/* From the records of a batch to the lanes of a slice: ids or numbers, masks, valid steps. */
#include "nn/runner_private.h"

#include <string.h>

enum { L = GRU_LANES };

gru_status gru_gather_ids(const gru_runner *r, size_t row, const int32_t **out, gru_error *err) {
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

static gru_status token_lanes(gru_runner *r, gru_slice *s, gru_error *err) {
    for (size_t i = 0; i < L; i++) {
        const int32_t *ids = NULL;
        if (i < s->rows && gru_gather_ids(r, s->first_row + i, &ids, err))
            return err->code;
        for (size_t t = 0; t < r->plan.steps; t++)
            s->ids[t * L + i] = ids ? ids[t] : 0;
    }
    return GRU_OK;
}

static void number_lanes(gru_runner *r, gru_slice *s, const gru_batch *b) {
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
gru_status gru_gather_mask(gru_runner *r, gru_slice *s, const gru_batch *b, gru_error *err) {
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

gru_status gru_gather_slice(gru_runner *r, gru_slice *s, gru_error *err) {
    const gru_batch *b = r->batch;
    s->first_row = s->number * L;
    s->rows = b->rows - s->first_row < L ? b->rows - s->first_row : L;
    s->batch = (uint32_t)b->index;
    s->epoch = (uint32_t)b->epoch;
    s->figures = (gru_figures){0};
    gru_status st = GRU_OK;
    if (r->plan.model->input.tokens)
        st = token_lanes(r, s, err);
    else
        number_lanes(r, s, b);
    return st ? st : gru_gather_mask(r, s, b, err);
}
