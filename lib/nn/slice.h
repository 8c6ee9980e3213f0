/* What one slice of 16 rows needs while it passes through the layers (internal to nn/).
 *
 * A gru_plan holds what all slices share: packed weights, offsets. A gru_slice is a worker's (or,
 * with batch norm, a slice's) memory: the outputs and caches of each layer, the gradient it adds
 * to. Layers are rows of gru_layer_ops. Sequences are [T][U][16], vectors [U][16]. */
#ifndef GRU_NN_SLICE_H
#define GRU_NN_SLICE_H

#include "base/random.h"
#include "kern/kern.h"
#include "nn/model_private.h"
#include "nn/profile.h"
#include "nn/runner.h"

/* Elements from one step of a sequence of `units` to the next. */
static inline size_t gru_step_size(size_t units) {
    return (units | 1) * GRU_LANES;
}

/* Hands out pieces of one block: run once with base NULL to count, once to place. */
typedef struct gru_arena {
    gru_real *base;
    size_t used; /* elements */
} gru_arena;
gru_real *gru_arena_take(gru_arena *a, size_t count);
uint16_t *gru_arena_bits(gru_arena *a, size_t count);

/* A weight matrix in panels, for products forward and (transposed) backward. The first `joined`
 * gates lie in common panels, so that one product serves them; the others each have their own. */
typedef struct gru_packed {
    size_t in, out, gates, joined;
    const gru_real *source;         /* in the model's flat block, [in][gates × out] */
    gru_real *forward, *transposed; /* gate g's part begins at g × in × out; transposed NULL: not
                                       needed */
    bool rows;                      /* packed for rows that lie anywhere too */
    gru_real *strips, *strips_back;
} gru_packed;
/* Gates in the part that begins with `gate`. */
static inline size_t gru_packed_gates(const gru_packed *p, size_t gate) {
    return gate ? 1 : p->joined;
}

/* One direction of a recurrent layer. */
typedef struct gru_direction {
    gru_packed kernel, recurrent;
    gru_real *bias; /* [gates + 1][H]: what starts each gate's sum; the last is GRU's cn */
    size_t kernel_at, recurrent_at, bias_at, initial_at, gamma_at,
        beta_at; /* in the flat block; SIZE_MAX: none */
    bool reversed;
} gru_direction;

typedef struct gru_layer_plan {
    const gru_layer *layer;
    gru_shape in, out;
    size_t in_step, out_step; /* elements from one step of a sequence to the next */
    size_t index;
    bool first_recurrent; /* the lowest recurrent layer */
    bool tokens;          /* looks an embedding up itself, by step or by distinct token */
    bool need_din;        /* something below has weights */
    bool dropped;         /* the layer's own dropouts are on (training) */
    bool shows_gates;     /* in inference too those of all steps are kept */
    gru_direction way[2]; /* recurrent */
    size_t ways;
    gru_packed dense, score; /* dense, projection; attention's score */
    size_t kernel_at, bias_at, gamma_at, beta_at, mean_at, variance_at, weight_at, weight_bias_at,
        projection_at;
    gru_real *stats;  /* batch norm: mean, 1/σ, and two sums [4][U], of the whole batch */
    gru_real *states; /* stateful: [slices][ways][2][H][16] */
} gru_layer_plan;

struct gru_plan;
struct gru_slice;
typedef struct gru_layer_ops {
    /* Declares packed weights (shared) and counts them in the arena. */
    gru_status (*plan)(struct gru_plan *plan, gru_layer_plan *l, gru_arena *shared, gru_error *err);
    /* After the weights changed: what is derived from them beside the packed matrices; may be NULL.
     */
    void (*refresh)(const struct gru_plan *plan, const gru_layer_plan *l);
    /* Places a slice's memory; called twice (counting, placing). */
    void (*reserve)(const struct gru_plan *plan, const gru_layer_plan *l, struct gru_slice *s,
                    gru_arena *arena);
    void (*forward)(const struct gru_plan *plan, const gru_layer_plan *l, struct gru_slice *s);
    /* From s->dout to s->din (when need_din); adds weight gradients to s->gradient. */
    void (*backward)(const struct gru_plan *plan, const gru_layer_plan *l, struct gru_slice *s,
                     const gru_real *dout, gru_real *din);
} gru_layer_ops;

typedef struct gru_plan {
    gru_model *model;
    const gru_kern *kern;
    gru_runner_options options;
    gru_pool *pool;
    size_t threads;               /* of the pool */
    struct gru_outer_room *rooms; /* training: [threads], of outer.h */
    size_t steps, tasks, slices_max, slots;
    gru_layer_plan *layers;
    size_t count;
    struct gru_token_table *table; /* inference: tokens' products; NULL: each slice's own */
    gru_packed **packed;           /* all, for repacking */
    size_t packed_count, packed_cap;
    bool fused;    /* the loss is taken from the last layer's logits */
    bool carried;  /* stateful layers hold what a batch before left */
    size_t widest; /* most elements between two layers per slice */
} gru_plan;

/* A direction's memory in a slice. */
typedef struct gru_way_memory {
    gru_real *h, *c, *gates, *reset, *raw, *dh, *dc, *scratch, *scratch2, *x_masked, *h_masked;
    gru_real *bias_lanes; /* for steps of several pieces: sums of the gates' gradients by lane */
    uint16_t *x_bits, *h_bits;
} gru_way_memory;

typedef struct gru_layer_memory {
    const gru_real *in, *out; /* of the last forward pass */
    gru_real *own;            /* output memory, where the layer has some */
    gru_real *logits;         /* dense: before the activation (out may alias) */
    gru_real *cache, *cache2, *scratch;
    uint16_t *bits;
    gru_way_memory way[2];
} gru_layer_memory;

/* The tokens' products in inference (token_table.h). */
typedef struct gru_token_table {
    gru_real *products[2]; /* of each way: [V] rows */
    uint32_t *stamp;       /* [V]: generation of the weights a row was computed with */
    uint32_t generation;
    uint32_t *missing; /* [V]: what the batch needs and the table has not */
    size_t missing_count;
} gru_token_table;

/* The distinct tokens of a slice (tokens.h), numbered by their places. From `left` on all is of the
 * direction at work. */
enum { GRU_TOKENS_CHUNK = 128 }; /* tokens that are multiplied together */
typedef struct gru_tokens {
    uint32_t *stamp; /* [V]: generation in which `place` is valid */
    uint32_t *place; /* [V] */
    uint32_t *at;    /* [T][16]: place of each position's token; UINT32_MAX where none counts */
    uint32_t *ids;   /* [count] */
    uint32_t *uses;  /* [count]: positions that hold it */
    size_t count;
    bool forward, backward; /* whether tokens rather than positions are multiplied */
    uint32_t generation;
    const gru_token_table *table; /* NULL: the slice's own products */
    gru_real *x;                  /* [D][16]: input of the step at hand, or its gradient */
    gru_real *chunk;              /* rows of the table that are multiplied */
    gru_real *rows;               /* [1 + most]: products, or sums of gradients */
    uint32_t *left;               /* [count]: uses to come */
    uint32_t *row;                /* [count]: the token's row; 0: none */
    uint32_t *free;               /* [free_count]: rows that are no token's */
    size_t free_count;
    size_t ahead; /* forward: position × 16 + lane up to which tokens have products */
    uint32_t pending[GRU_TOKENS_CHUNK + GRU_LANES];     /* backward: whose sums are complete */
    gru_real *pending_dx[GRU_TOKENS_CHUNK + GRU_LANES]; /* their gradients, or NULL */
    size_t pending_count;
} gru_tokens;

typedef struct gru_slice {
    gru_watch *watch;               /* of the thread at work, or NULL */
    size_t worker;                  /* its number */
    size_t number, rows, first_row; /* of this batch */
    size_t first, end;              /* steps with any valid row */
    const gru_real *mask;           /* [T][16] or NULL: all valid */
    const uint8_t *partial;         /* [T]: 1 where some live row is masked */
    bool training;
    uint32_t batch, epoch;
    gru_real *gradient;       /* of this task, dense part of the flat block */
    gru_layer_memory *memory; /* [layers] */
    gru_real *x;              /* [T][F][16] */
    int32_t *ids;             /* [T][16] */
    gru_real *mask_memory;
    uint8_t *partial_memory;
    gru_real *flow[2];  /* gradients between layers */
    gru_real *target;   /* objective's scratch */
    float *lane_weight; /* [16] */
    gru_real *losses;   /* objective's [16] */
    gru_figures figures;
    gru_tokens tokens;
    double *norms; /* [T]: Σ (∂loss/∂state)² by step, each row's last valid one at T − 1; or NULL */
    size_t last[GRU_LANES]; /* with norms: each row's last valid step, SIZE_MAX if it has none */
    /* embedding gradient of the task: rows used and their gradients */
    struct gru_touched *touched;
} gru_slice;

/* Whether lane i holds a row that counts at time t. */
static inline bool gru_slice_counts(const gru_slice *s, size_t t, size_t i) {
    return i < s->rows && !(s->mask && s->partial[t] && !(s->mask[t * GRU_LANES + i] > 0));
}

/* From here on the time is that of this part of layer l. */
static inline void gru_slice_enter(gru_slice *s, const gru_layer_plan *l, gru_part part) {
    gru_watch_enter(s->watch, gru_place_of_layer(l->index, part));
}

/* Where the gradient of an embedding's row is, if the generation is that of gru_touched. */
typedef struct gru_touched_row {
    uint32_t generation, place;
} gru_touched_row;

/* Rows of an embedding table that a task used, with their gradients. */
typedef struct gru_touched {
    gru_touched_row *row; /* [V] */
    uint32_t *rows;       /* [capacity] */
    gru_real *gradient;   /* [capacity][D] */
    size_t count, capacity;
    uint32_t generation;
} gru_touched;

extern const gru_layer_ops gru_recurrent_ops, gru_embedding_ops;
/* Elements from a step's gates of a recurrent layer to the next step's. */
size_t gru_gate_step(const gru_layer *l);
const gru_layer_ops *gru_layer_ops_of(gru_layer_kind kind);

/* Declares a packed matrix whose in, out, gates and joined are set: [in][gates × out] at offset in
 * the flat block. */
gru_status gru_plan_pack(gru_plan *plan, gru_packed *packed, size_t offset, bool transposed,
                         gru_arena *shared, gru_error *err);
/* One of the parts in which threads pack a matrix. */
typedef enum gru_packed_part {
    GRU_PACKED_BACK_JOINED,
    GRU_PACKED_FORWARD_JOINED,
    GRU_PACKED_BACK,
    GRU_PACKED_FORWARD,
    GRU_PACKED_PARTS
} gru_packed_part;
void gru_packed_refresh(const gru_kern *kern, const gru_packed *p, gru_packed_part part);
/* out [in][16] += d Wᵀ, d [gates × out][16]. */
void gru_packed_back(const gru_kern *kern, const gru_packed *p, gru_real *out, const gru_real *d);
/* Offset of layer i's parameter called name ("kernel"); SIZE_MAX when it has none. */
size_t gru_plan_offset(const gru_plan *plan, size_t layer, const char *name);
/* Philox key of a layer's masks. */
void gru_mask_key(const gru_plan *plan, size_t layer, uint32_t part, uint32_t key[2]);

/* The loss of a slice: fills s->figures; with gradient also ∂loss/∂outputs (logits when fused) into
 * d. scale is 1 / the number of rows (or valid steps) of the whole batch. */
gru_status gru_objective_slice(const gru_plan *plan, gru_slice *s, const gru_batch *batch,
                               double scale, gru_real *d, gru_error *err);
/* In place on [K][16]. */
void gru_activate(const gru_kern *kern, gru_activation a, gru_real *x, size_t units);
/* y (the outputs) becomes the gradient of the logits, dout being that of the outputs. */
void gru_activate_backward(gru_activation a, gru_real *y, const gru_real *dout,
                           const gru_real *logits, size_t units);

#endif
