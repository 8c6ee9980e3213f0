/* What all slices of a network share: the plan of its layers and the packed weights. */
#include "nn/slice.h"

#include "base/mem.h"

#include <string.h>

gru_real *gru_arena_take(gru_arena *a, size_t count) {
    gru_real *piece = a->base ? a->base + a->used : NULL;
    /* whole cache lines, and an odd number of them, so that arrays don't share cache sets */
    size_t lines = (count + 15) / 16;
    a->used += (lines | 1) * 16;
    return piece;
}

uint16_t *gru_arena_bits(gru_arena *a, size_t count) {
    return (uint16_t *)(void *)gru_arena_take(a, (count * 2 + sizeof(gru_real) - 1) /
                                                     sizeof(gru_real));
}

size_t gru_plan_offset(const gru_plan *plan, size_t layer, const char *name) {
    for (size_t i = 0; i < plan->model->param_count; i++) {
        const gru_param *p = &plan->model->params[i];
        const char *dot = strchr(p->name, '.');
        if (p->layer == layer && dot && !strcmp(dot + 1, name))
            return p->offset;
    }
    return SIZE_MAX;
}

static size_t whole(size_t columns) {
    return (columns + GRU_LANES - 1) / GRU_LANES * GRU_LANES;
}

gru_status gru_plan_pack(gru_plan *plan, gru_packed *packed, size_t offset, bool transposed,
                         gru_arena *shared, gru_error *err) {
    size_t count = packed->in * packed->out * packed->gates;
    packed->source = plan->model->weights + offset;
    packed->forward = gru_arena_take(shared, count);
    packed->transposed = transposed ? gru_arena_take(shared, count) : NULL;
    if (packed->rows)
        packed->strips = gru_arena_take(shared, packed->in * whole(packed->gates * packed->out));
    if (packed->rows && transposed)
        packed->strips_back =
            gru_arena_take(shared, packed->gates * packed->out * whole(packed->in));
    gru_status st = gru_mem_grow(&plan->packed, &plan->packed_cap, plan->packed_count + 1,
                                 sizeof(gru_packed *), err);
    if (!st)
        plan->packed[plan->packed_count++] = packed;
    return st;
}

static void pack_gates(const gru_kern *kern, const gru_packed *p, size_t gate, size_t gates,
                       bool transposed) {
    const gru_real *w = p->source + gate * p->out;
    size_t at = gate * p->in * p->out, wide = gates * p->out, ld = p->gates * p->out;
    if (!transposed)
        gru_kern_pack(kern, p->forward + at, wide, p->in, w, ld, 1);
    else if (p->transposed)
        gru_kern_pack(kern, p->transposed + at, p->in, wide, w, 1, ld);
}

static void pack_others(const gru_kern *kern, const gru_packed *p, bool transposed) {
    for (size_t g = p->joined; g < p->gates; g++)
        pack_gates(kern, p, g, 1, transposed);
}

void gru_packed_refresh(const gru_kern *kern, const gru_packed *p, gru_packed_part part) {
    size_t ld = p->gates * p->out;
    switch (part) {
    case GRU_PACKED_BACK_JOINED:
        pack_gates(kern, p, 0, p->joined, true);
        break;
    case GRU_PACKED_FORWARD_JOINED:
        pack_gates(kern, p, 0, p->joined, false);
        break;
    case GRU_PACKED_BACK:
        pack_others(kern, p, true);
        if (p->strips_back)
            gru_kern_pack_strips(kern, p->strips_back, p->in, ld, p->source, 1, ld);
        break;
    default:
        pack_others(kern, p, false);
        if (p->strips)
            gru_kern_pack_strips(kern, p->strips, ld, p->in, p->source, ld, 1);
    }
}

void gru_packed_back(const gru_kern *kern, const gru_packed *p, gru_real *out, const gru_real *d) {
    size_t size = p->in * p->out, g = p->joined, wide = g * p->out;
    bool two = g + 1 == p->gates; /* parts, which one call adds up in registers */
    kern->affine(out, p->in, NULL, d, wide, p->transposed, two ? d + wide * GRU_LANES : NULL,
                 two ? p->out : 0, p->transposed + g * size);
    for (; !two && g < p->gates; g++)
        kern->affine(out, p->in, NULL, d + g * p->out * GRU_LANES, p->out, p->transposed + g * size,
                     NULL, 0, NULL);
}

void gru_mask_key(const gru_plan *plan, size_t layer, uint32_t part, uint32_t key[2]) {
    uint64_t seed = plan->options.seed;
    key[0] = (uint32_t)seed ^ ((uint32_t)GRU_PURPOSE_DROPOUT << 24);
    key[1] = (uint32_t)(seed >> 32) ^ ((uint32_t)layer << 8) ^ part;
}
