/* The numeric kernels: one table of functions, one body, compiled once per instruction set.
 *
 * Everything works on a slice of GRU_LANES = 16 rows of a batch, with the rows in the vector lanes:
 * an array written [U][16] below holds one number for each of 16 rows per unit. One vector register
 * then holds one unit, so units need no padding and every row is computed alike. Products take the
 * weights as broadcasts from panels (gru_kern_pack). Arrays of lanes are 64-byte aligned.
 *
 * gru_kern_generic is plain C and always there; gru_kern_get gives the table of an instruction set.
 */
#ifndef GRU_KERN_KERN_H
#define GRU_KERN_KERN_H

#include "base/cpu.h"
#include "kern/real.h"
#include "kern/update.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GRU_LANES = 16, GRU_OUTER_ROOM = 48 * GRU_LANES };

/* One step of a gated cell for a slice; all arrays [units][16] unless said. */
typedef struct gru_cell_step {
    size_t units;
    gru_real *gates;   /* GRU: z, r, n, hn [4·units]; LSTM: i, f, g, o; RNN: h' pre-activation */
    const gru_real *h; /* state before the step */
    gru_real *next;    /* state after it */
    const gru_real *c; /* LSTM: cell before */
    gru_real *c_next;
    const gru_real *mask; /* [16]: 1 where the step is valid, 0 where the state is held; or NULL */
    bool update_new, relu;
    /* backward */
    gru_real *dh;  /* in: ∂loss/∂next; out: the part of ∂loss/∂h that does not pass U */
    gru_real *dc;  /* LSTM: in ∂loss/∂c_next; out ∂loss/∂c */
    gru_real *drh; /* GRU, reset before: r ⊙ h forward, its gradient backward */
    const gru_real *hr; /* GRU, reset before: the state that r multiplies (dropout applied) */
    gru_real *dhr;      /* its gradient, added to */
} gru_cell_step;

/* One sequence through a recurrent layer, with the units in the lanes. Units are cut into blocks of
 * 16, the last one filled up with units whose weights are zero and whose states stay zero. A row of
 * sums holds a block's gates side by side (gru_lone_column); the recurrent weights lie block by
 * block, each with all its rows (gru_lone_weight), so that a block is read from front to back. */
typedef struct gru_lone {
    size_t units, blocks, steps; /* blocks = ⌈units / 16⌉ */
    size_t
        cut; /* no panel has blocks of both sides of it; the sums' order depends on it. 0: none */
    bool reversed;               /* from the last step to the first */
    const gru_real *const *sums; /* [steps]: a step's x W + biases */
    const gru_real *u;           /* recurrent weights; GRU, reset before: z and r only */
    const gru_real *un;          /* that GRU's n */
    const gru_real *bias;        /* GRU, reset after: cn [blocks × 16] */
    /* [steps + 1][blocks × 16] in order of time: a step reads the row before it and writes the next
     * one; reversed, the other way. The first row that is read comes filled. */
    gru_real *h;
    gru_real *c;          /* LSTM: [blocks × 16], the cell before the first step; the last after */
    gru_real *z, *reset;  /* GRU, reset before: scratch, [blocks × 16] each */
    gru_real *begun;      /* scratch, [GRU_LONE_BEGUN]: of a stage that has begun */
    const uint8_t *valid; /* [steps]: 0 holds the state; NULL: all count */
    bool update_new, relu;
} gru_lone;
enum { GRU_LONE_BEGUN = 16 * GRU_LANES };

/* What a call computes of a sequence. Two threads that have a side each have a gru_lone each. A
 * stage begins with what it can sum from its own side of `h`, or of `reset`; to end it, it needs
 * the other side of that. */
enum {
    GRU_LONE_LOW = 1, /* blocks before the cut */
    GRU_LONE_HIGH = 2,
    GRU_LONE_RESETS_BEGIN = 1, /* GRU, reset before: z and reset from the state */
    GRU_LONE_RESETS_END = 2,
    GRU_LONE_STATES_BEGIN = 4, /* the next state; all there is in the other cells */
    GRU_LONE_STATES_END = 8,
    GRU_LONE_RESETS = GRU_LONE_RESETS_BEGIN | GRU_LONE_RESETS_END,
    GRU_LONE_STATES = GRU_LONE_STATES_BEGIN | GRU_LONE_STATES_END
};
typedef struct gru_lone_part {
    size_t first, end; /* of the steps, counted as they are computed */
    unsigned sides, stages;
} gru_lone_part;

/* The gradient of weights: w[i·ld + j] += Σ_t Σ_lane a[t][i] b[t][j]; steps of a and b in elements.
 */
typedef struct gru_outer {
    gru_real *w;
    size_t ld;
    const gru_real *a; /* [steps][rows][16] */
    /* Instead of a: table [any][rows], whose rows ids [steps][16] name; a_step is that of ids. */
    const int32_t *ids;
    const gru_real *table;
    size_t rows;
    ptrdiff_t a_step;
    const gru_real *b; /* [steps][columns][16] */
    size_t columns;
    size_t split, gap; /* columns from `split` on lie `gap` columns further on in b; 0: no gap */
    ptrdiff_t b_step;
    size_t steps;
    gru_real *room; /* scratch, [steps][GRU_OUTER_ROOM], 64-byte aligned */
} gru_outer;

/* The same of rows that lie anywhere: w[i·ld + j] += Σ_r a[r][i] b[r][j] for i < height, j <
 * columns. b's rows are 64-byte aligned and filled up to 16 elements. */
typedef struct gru_strip_outer {
    gru_real *w;
    size_t ld, height, columns;
    const gru_real *const *a, *const *b;
    size_t rows;
} gru_strip_outer;

typedef struct gru_kern {
    const char *name;
    size_t panel;         /* most columns of a panel */
    size_t vector, strip; /* elements of a vector, and most columns of a strip, whole vectors */
    /* out[j] (+)= Σ_k a[k] wa[k][j] + Σ_k b[k] wb[k][j] for j < columns. bias [columns] starts the
     * sum, NULL: out is added to. wa, wb: packed panels; ka ≥ 1, kb may be 0. */
    void (*affine)(gru_real *out, size_t columns, const gru_real *bias, const gru_real *a,
                   size_t ka, const gru_real *wa, const gru_real *b, size_t kb, const gru_real *wb);
    /* For one sequence, columns in the lanes: out[r][j] = bias[j] + Σ_k x[r][k] w[k][j] for r <
     * rows, j < columns (a multiple of 16); bias NULL: out is added to. out, w and their steps (in
     * elements) are 64-byte aligned. */
    void (*rows)(gru_real *out, size_t out_step, const gru_real *bias, const gru_real *x,
                 size_t x_step, size_t rows, size_t k, const gru_real *w, size_t w_step,
                 size_t columns);
    /* In panels of rows, each in blocks of columns that may be chosen freely, as may their order:
     * the bits are the same. outer_panel adds up columns from … end − 1; ready: the panel before in
     * this room was the same one. */
    size_t (*outer_panels)(const gru_outer *o);
    void (*outer_panel)(const gru_outer *o, size_t panel, size_t from, size_t end, bool ready);
    /* out[r][j] = bias[j] + Σ_k x[r][k] w[k][j] for j < columns, with the bits of affine; bias
     * NULL: out is added to. Rows may lie anywhere, none twice in out; w: packed strips. */
    void (*strip_product)(gru_real *const *out, const gru_real *const *x, size_t rows, size_t k,
                          const gru_real *bias, const gru_real *w, size_t columns);
    void (*strip_outer)(const gru_strip_outer *o);
    /* w[j] += Σ_t Σ_lane b[t][j] */
    void (*column_sums)(gru_real *w, const gru_real *b, size_t columns, ptrdiff_t b_step,
                        size_t steps);
    /* The same for steps that come in pieces: lanes [columns][16], zero at first, takes in a piece,
     * and column_sums of lanes as the only step ends with the bits that it gives for all steps. */
    void (*column_lanes)(gru_real *lanes, const gru_real *b, size_t columns, ptrdiff_t b_step,
                         size_t steps);
    /* GRU, reset after (Keras, PyTorch, cuDNN). gates come with the pre-activations of z and r, x
     * Wn + bn in n and h Un + cn in hn; leave with z, r, n, and hn. */
    void (*gru_forward)(const gru_cell_step *s);
    /* gates become the gradients of the pre-activations z, r, n (input side), n (recurrent side).
     */
    void (*gru_backward)(const gru_cell_step *s);
    /* GRU, reset before (Cho et al. 2014): z and r first, drh = r ⊙ hr, then n and the state. */
    void (*gru_before_reset)(const gru_cell_step *s);
    void (*gru_before_forward)(const gru_cell_step *s);
    /* First z and n from dh; after the caller has made drh = dn Unᵀ: r's gradient and dhr += r ⊙
     * drh. */
    void (*gru_before_backward)(const gru_cell_step *s);
    void (*gru_before_backward_reset)(const gru_cell_step *s);
    void (*lstm_forward)(const gru_cell_step *s);
    void (*lstm_backward)(const gru_cell_step *s);
    void (*rnn_forward)(const gru_cell_step *s);
    void (*rnn_backward)(const gru_cell_step *s);
    void (*gru_steps)(const gru_lone *s, const gru_lone_part *part);
    void (*gru_before_steps)(const gru_lone *s, const gru_lone_part *part);
    void (*lstm_steps)(const gru_lone *s, const gru_lone_part *part);
    void (*rnn_steps)(const gru_lone *s, const gru_lone_part *part);
    void (*sigmoid)(gru_real *x, size_t count); /* in place; count a multiple of 16 */
    void (*tanh)(gru_real *x, size_t count);
    void (*exp)(gru_real *x, size_t count);
    /* Dropout masks: bit l of bits[i] is 1 where row first_row + l keeps element i. Philox counter
     * (i/8, row, batch, epoch). */
    void (*dropout_bits)(uint16_t *bits, size_t count, double rate, const uint32_t key[2],
                         uint32_t first_row, uint32_t batch, uint32_t epoch);
    /* out = x ⊙ bits / (1 − rate); out may be x. */
    void (*dropout_apply)(gru_real *out, const gru_real *x, const uint16_t *bits, size_t count,
                          double rate);
    /* lanes[i][l] = rows[l][i] for i < count. */
    void (*to_lanes)(gru_real *lanes, const gru_real *const rows[GRU_LANES], size_t count);
    /* rows[l][i] += lanes[i][l], lane by lane, so that rows may be the same; NULL rows are skipped.
     * Where bit l of fresh is set, the row has no numbers yet. */
    void (*add_rows)(gru_real *const rows[GRU_LANES], const gru_real *lanes, size_t count,
                     unsigned fresh);
    /* out[i] += a[i]; any count, any alignment */
    void (*add)(gru_real *out, const gru_real *a, size_t count);
    /* out[i] += a[i] × s for [count][16] with s [16] */
    void (*scale_add)(gru_real *out, const gru_real *a, const gru_real *s, size_t count);
    /* s[16] += Σ_i a[i] b[i] for [count][16] */
    void (*dot)(gru_real *s, const gru_real *a, const gru_real *b, size_t count);
    /* At least `operations` floating-point operations, multiply-adds between registers only: the
     * most this processor can do. out[16] comes with ones; its sum is then how many multiply-adds
     * there were, exactly up to 2^24 of a lane's. */
    void (*peak)(gru_real *out, size_t operations);
    gru_updates update; /* the optimizers' loops */
} gru_kern;

extern const gru_kern gru_kern_generic;
const gru_kern *gru_kern_get(gru_isa isa);

/* These elements come nearer meanwhile, into the second-level cache. */
static inline void gru_kern_fetch(const gru_real *block, size_t count) {
    for (size_t k = 0; k < count; k += 64 / sizeof *block)
        __builtin_prefetch(block + k, 0, 2);
}

/* Columns are cut into panels of nearly equal width, at most kern->panel. */
static inline size_t gru_panel_count(size_t columns, size_t panel) {
    return (columns + panel - 1) / panel;
}
static inline size_t gru_panel_start(size_t columns, size_t panels, size_t index) {
    return columns * index / panels;
}
/* For one sequence: units beyond whole blocks that are so few that 16 columns hold all their gates
 * share them, gate by gate. */
static inline bool gru_lone_tight(size_t units, size_t gates) {
    size_t few = units % GRU_LANES;
    return few && gates > 2 && few * gates <= GRU_LANES;
}
/* Columns of a row of sums, and where a gate's unit lies in it. Of a GRU with the reset before, z
 * and r come first, as of 2 gates, and n after them, as of 1. */
static inline size_t gru_lone_columns(size_t units, size_t gates) {
    size_t blocks = (units + GRU_LANES - 1) / GRU_LANES;
    return (blocks * gates - (gru_lone_tight(units, gates) ? gates - 1 : 0)) * GRU_LANES;
}
static inline size_t gru_lone_column(size_t units, size_t gates, size_t gate, size_t unit) {
    size_t few = units % GRU_LANES, first = unit / GRU_LANES * gates * GRU_LANES;
    if (unit >= units - few && gru_lone_tight(units, gates))
        return first + gate * few + unit % GRU_LANES;
    return first + gate * GRU_LANES + unit % GRU_LANES;
}
/* Where the recurrent weight from unit k to a gate of a unit lies. */
static inline size_t gru_lone_weight(size_t units, size_t gates, size_t k, size_t gate,
                                     size_t unit) {
    size_t block = unit / GRU_LANES * gates * GRU_LANES;
    bool tight = unit >= units - units % GRU_LANES && gru_lone_tight(units, gates);
    return block * units + k * (tight ? 1 : gates) * GRU_LANES +
           (gru_lone_column(units, gates, gate, unit) - block);
}
/* packed[k·columns elements] from w: element (k, j) at w[k·row_step + j·column_step]; panels
 * [panel][k][width]. */
void gru_kern_pack(const gru_kern *kern, gru_real *packed, size_t columns, size_t k,
                   const gru_real *w, size_t row_step, size_t column_step);
/* The same into strips [strip][k][columns of it], the last filled up with 0 to whole vectors; all
 * are at most k × columns elements, rounded up to a multiple of 16. */
void gru_kern_pack_strips(const gru_kern *kern, gru_real *packed, size_t columns, size_t k,
                          const gru_real *w, size_t row_step, size_t column_step);

#endif
