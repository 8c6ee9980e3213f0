/* One sequence through a recurrent layer, the units in the lanes; a part of kern_body.h.
 *
 * A step multiplies one vector with a matrix: every weight is read once and used once, so its pace
 * is that of the first two caches. What can be gained lies between the products: the sequence is
 * one call, gates are computed from registers while the next panel's products begin, and a panel
 * has enough independent sums (gates × vectors × chains, which split the sum over the state) to
 * cover the latency of a multiply-add. */
#ifndef GRU_KERN_SINGLE_H
#define GRU_KERN_SINGLE_H

#include "kern/kern_vec.h"

#include <string.h>

#if defined(__AVX512F__)
enum { LONE_SUMS = 16 };
#else
enum { LONE_SUMS = 12 };
#endif

typedef enum lone_kind { LONE_GRU, LONE_RESET, LONE_BEFORE, LONE_LSTM, LONE_RNN } lone_kind;

/* Elements from a panel's first vector of units to vector j, blocks lying `block` apart. */
INLINE size_t lone_at(int j, size_t block) {
    return (size_t)(j / NV) * block + (size_t)(j % NV * VW);
}

/* acc[j × gates + g] += Σ_k x[k] u[k][gate g of vector j] over k_count rows of blocks of weights
 * that lie `block` apart; u is a panel's first column. The sum runs from k = 0 on, or (down) from
 * the other end. */
INLINE void lone_product(vec *acc, int width, int gates, bool down, const gru_real *x,
                         size_t k_count, const gru_real *u, size_t block) {
    const size_t row = (size_t)(gates * GRU_LANES);
    const int n = width * gates, most = LONE_SUMS / n, chains = most > 4 ? 4 : most > 1 ? most : 1;
    const ptrdiff_t next = down ? -1 : 1, step = next * (ptrdiff_t)row;
    vec sum[4][LONE_SUMS];
#pragma GCC unroll 64
    for (int i = 0; i < n * chains; i++)
        sum[i / n][i % n] = i < n ? acc[i] : (vec){0};
    x += down ? k_count - 1 : 0;
    u += down ? (k_count - 1) * row : 0;
    size_t k = 0;
    for (; k + (size_t)chains <= k_count; k += (size_t)chains)
#pragma GCC unroll 4
        for (int c = 0; c < chains; c++, u += step, x += next) {
            vec s = splat(*x);
#pragma GCC unroll 16
            for (int i = 0; i < n; i++)
                sum[c][i] += s * load(u + lone_at(i / gates, block) + i % gates * GRU_LANES);
        }
    for (; k < k_count; k++, u += step, x += next)
#pragma GCC unroll 16
        for (int i = 0; i < n; i++)
            sum[0][i] += splat(*x) * load(u + lone_at(i / gates, block) + i % gates * GRU_LANES);
#pragma GCC unroll 16
    for (int i = 0; i < n; i++) {
        if (chains == 2)
            sum[0][i] += sum[1][i];
        else if (chains == 3)
            sum[0][i] += sum[1][i] + sum[2][i];
        else if (chains == 4)
            sum[0][i] = (sum[0][i] + sum[1][i]) + (sum[2][i] + sum[3][i]);
        acc[i] = sum[0][i];
    }
}

/* Where the panels of a side read and write at a step. */
typedef struct lone_step {
    const gru_real *sums, *h;
    gru_real *next;
    bool up;                /* from the first panel to the last */
    size_t own[2], rest[2]; /* the side's own units, from … to, and the others */
} lone_step;

/* A sum over the states, as long as it takes. A step's first panel sums its own side's first, which
 * a thread knows before the other side's, and other panels last, so that the next step, which goes
 * the other way, finds what it begins with in the first-level cache. */
typedef struct lone_sum {
    bool first;
    unsigned parts; /* LONE_BEGIN: from the beginning; LONE_END: to the end */
} lone_sum;
enum { LONE_BEGIN = 1, LONE_END = 2 };

INLINE void lone_sum_up(vec *acc, int width, int gates, const lone_step *p, lone_sum sum,
                        const gru_real *x, size_t units, const gru_real *u) {
    const size_t row = (size_t)(gates * GRU_LANES);
    for (unsigned i = !(sum.parts & LONE_BEGIN); i < (sum.parts & LONE_END ? 2u : 1u); i++) {
        const size_t *range = sum.first == (i == 0) ? p->own : p->rest;
        if (range[0] < range[1])
            lone_product(acc, width, gates, sum.first, x + range[0], range[1] - range[0],
                         u + range[0] * row, units * row);
    }
}

/* The state of one vector of units from its gates; `at` is its first unit, x GRU's x Wn + bn. */
INLINE void lone_cell(lone_kind kind, const gru_lone *s, const lone_step *p, size_t at,
                      const vec *gate, vec x) {
    vec h = load(p->h + at);
    if (kind == LONE_GRU) {
        vec z = vec_sigmoid(gate[0]), r = vec_sigmoid(gate[1]);
        vec n = vec_tanh(x + r * gate[2]);
        store(p->next + at, either(s->update_new, h + z * (n - h), n + z * (h - n)));
    } else if (kind == LONE_RESET) {
        store(s->z + at, vec_sigmoid(gate[0]));
        store(s->reset + at, vec_sigmoid(gate[1]) * h);
    } else if (kind == LONE_BEFORE) {
        vec z = load(s->z + at), n = vec_tanh(gate[0]);
        store(p->next + at, either(s->update_new, h + z * (n - h), n + z * (h - n)));
    } else if (kind == LONE_LSTM) {
        vec c = vec_sigmoid(gate[1]) * load(s->c + at) + vec_sigmoid(gate[0]) * vec_tanh(gate[2]);
        store(s->c + at, c);
        store(p->next + at, vec_sigmoid(gate[3]) * vec_tanh(c));
    } else {
        store(p->next + at,
              either(s->relu, choose(gate[0] > (gru_real)0, gate[0], (vec){0}), vec_tanh(gate[0])));
    }
}

/* Gates that are summed at a time. */
INLINE int lone_gates(lone_kind kind) {
    return kind == LONE_LSTM ? 4 : kind == LONE_GRU ? 3 : kind == LONE_RESET ? 2 : 1;
}

/* `width` vectors of units from unit `at` on. */
INLINE void lone_panel(lone_kind kind, int width, const gru_lone *s, const lone_step *p, size_t at,
                       lone_sum sum) {
    const int gates = lone_gates(kind);
    const size_t row = (size_t)(gates * GRU_LANES), lane = at % GRU_LANES;
    const size_t first = at / GRU_LANES * row;
    const gru_real *u = (kind == LONE_BEFORE ? s->un : s->u) + first * s->units + lane;
    const gru_real *sums = p->sums + first + lane;
    vec acc[LONE_SUMS];
#pragma GCC unroll 16
    for (int i = 0; i < width * gates; i++)
        acc[i] = !(sum.parts & LONE_BEGIN) ? load(s->begun + i * VW)
                 : kind == LONE_GRU && i % gates == 2
                     ? load(s->bias + at + i / gates * VW)
                     : load(sums + lone_at(i / gates, row) + i % gates * GRU_LANES);
    lone_sum_up(acc, width, gates, p, sum, kind == LONE_BEFORE ? s->reset : p->h, s->units, u);
    if (!(sum.parts & LONE_END)) {
#pragma GCC unroll 16
        for (int i = 0; i < width * gates; i++)
            store(s->begun + i * VW, acc[i]);
        return;
    }
#pragma GCC unroll 4
    for (int j = 0; j < width; j++)
        lone_cell(kind, s, p, at + (size_t)(j * VW), acc + j * gates,
                  kind == LONE_GRU ? load(sums + lone_at(j, row) + 2 * GRU_LANES) : (vec){0});
}

/* ---- a last block whose gates share 16 columns (gru_lone_tight) ---- */
enum { LONE_FEW = 16 / 3, LONE_PARTS = (LONE_FEW + VW - 1) / VW }; /* most units, their vectors */

/* Columns [from, from + few) moved to the front, zeros behind them. */
INLINE void lone_spread(vec out[LONE_PARTS], const vec block[NV], size_t from, size_t few) {
#if defined(__AVX512F__) && !defined(GRU_DOUBLE)
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    out[0] = _mm512_maskz_permutexvar_ps(
        (__mmask16)((1u << few) - 1), _mm512_add_epi32(lane, _mm512_set1_epi32((int)from)), *block);
#else
    gru_real all[GRU_LANES], some[LONE_PARTS * VW] = {0};
    memcpy(all, block, sizeof all);
    for (size_t i = 0; i < few; i++)
        some[i] = all[from + i];
    memcpy(out, some, sizeof some);
#endif
}

INLINE void lone_tight(lone_kind kind, const gru_lone *s, const lone_step *p, lone_sum sum) {
    const int gates = lone_gates(kind);
    const size_t few = s->units % GRU_LANES, at = s->units - few, first = at * (size_t)gates;
    vec x[NV], acc[NV], part[4][LONE_PARTS], xn[LONE_PARTS] = {{0}};
    for (int v = 0; v < NV; v++) {
        vec column = {0};
        for (int l = 0; l < VW; l++)
            column[l] = (gru_real)(v * VW + l);
        x[v] = acc[v] = load(p->sums + first + v * VW);
        if (kind == LONE_GRU) /* x Wn stays outside the reset */
            acc[v] = choose(column < (gru_real)(2 * few), x[v], (vec){0});
    }
    for (int v = 0; v < NV && !(sum.parts & LONE_BEGIN); v++)
        acc[v] = load(s->begun + v * VW);
    lone_sum_up(acc, NV, 1, p, sum, p->h, s->units, s->u + first * s->units);
    for (int v = 0; v < NV && !(sum.parts & LONE_END); v++)
        store(s->begun + v * VW, acc[v]);
    if (!(sum.parts & LONE_END))
        return;
    for (int g = 0; g < gates; g++)
        lone_spread(part[g], acc, (size_t)g * few, few);
    if (kind == LONE_GRU)
        lone_spread(xn, x, 2 * few, few);
    for (int v = 0; v < LONE_PARTS; v++) {
        vec gate[4];
        for (int g = 0; g < gates; g++)
            gate[g] = part[g][v];
        if (kind == LONE_GRU)
            gate[2] += load(s->bias + at + v * VW);
        lone_cell(kind, s, p, at + (size_t)(v * VW), gate, xn[v]);
    }
}

/* Vectors of units in a panel: whole blocks, so that a cache line is read once, where registers
 * hold all their gates. */
INLINE int lone_width(int gates) {
    if (gates == 1 || (NV == 4 && gates < 4))
        return 4;
    return NV == 1 && gates == 4 ? 1 : 2;
}

/* The units of one side of the cut, up or down; only the first panel can be begun. */
INLINE void lone_side(lone_kind kind, const gru_lone *s, const lone_step *p, bool high,
                      unsigned parts) {
    const int wide = lone_width(lone_gates(kind));
    const size_t from = high ? s->cut : 0, to = high ? s->blocks : s->cut;
    const bool tight =
        high && lone_gates(kind) > 2 && gru_lone_tight(s->units, (size_t)lone_gates(kind));
    const size_t first = from * NV, vectors = (to - from - tight) * NV,
                 whole = vectors / (size_t)wide, rest = vectors % (size_t)wide;
    const size_t panels = whole + rest + tight;
    for (size_t i = 0; i < (parts & LONE_END ? panels : 1); i++) {
        const size_t panel = p->up ? i : panels - 1 - i;
        const lone_sum sum = {i == 0, i == 0 ? parts : LONE_BEGIN | LONE_END};
        if (panel < whole)
            lone_panel(kind, wide, s, p, (first + panel * (size_t)wide) * VW, sum);
        else if (panel < whole + rest)
            lone_panel(kind, 1, s, p, (first + whole * (size_t)wide + panel - whole) * VW, sum);
        else
            lone_tight(kind, s, p, sum);
    }
}

INLINE void lone_sides(lone_kind kind, const gru_lone *s, lone_step *p, unsigned sides,
                       unsigned parts) {
    const size_t cut = s->cut * GRU_LANES;
    for (unsigned i = 0; i < 2; i++) {
        const bool high = p->up == (i == 1);
        const size_t low_units[2] = {0, cut}, high_units[2] = {cut, s->units};
        memcpy(p->own, high ? high_units : low_units, sizeof p->own);
        memcpy(p->rest, high ? low_units : high_units, sizeof p->rest);
        if (p->own[0] < p->own[1] && (sides & (high ? GRU_LONE_HIGH : GRU_LONE_LOW)))
            lone_side(kind, s, p, high, parts);
    }
}

/* A row of sums may come from anywhere in a large table. */
INLINE void lone_fetch(const gru_real *sums, size_t columns) {
    for (size_t i = 0; i < columns; i += 64 / sizeof *sums)
        __builtin_prefetch(sums + i);
}

/* Steps go through the weights up and down in turn, so that each finds in the first-level cache
 * what the one before it read last. */
INLINE void lone_steps(lone_kind kind, const gru_lone *s, const gru_lone_part *part) {
    const size_t width = s->blocks * GRU_LANES;
    const size_t columns =
        kind == LONE_BEFORE ? 3 * width : gru_lone_columns(s->units, (size_t)lone_gates(kind));
    for (size_t i = part->first; i < part->end; i++) {
        size_t t = s->reversed ? s->steps - 1 - i : i;
        lone_step p = {.sums = s->sums[t],
                       .h = s->h + (t + s->reversed) * width,
                       .next = s->h + (t + !s->reversed) * width,
                       .up = i % 2 == 0};
        if (i + 1 < s->steps)
            lone_fetch(s->sums[s->reversed ? t - 1 : t + 1], columns);
        if (s->valid && !s->valid[t]) {
            memcpy(p.next, p.h, width * sizeof *p.h);
            continue;
        }
        if (kind == LONE_BEFORE) {
            if (part->stages & GRU_LONE_RESETS)
                lone_sides(LONE_RESET, s, &p, part->sides, part->stages & GRU_LONE_RESETS);
            p.sums += 2 * width;
        }
        if (part->stages & GRU_LONE_STATES)
            lone_sides(kind, s, &p, part->sides, part->stages / GRU_LONE_STATES_BEGIN);
    }
}

static void gru_steps(const gru_lone *s, const gru_lone_part *part) {
    lone_steps(LONE_GRU, s, part);
}
static void gru_before_steps(const gru_lone *s, const gru_lone_part *part) {
    lone_steps(LONE_BEFORE, s, part);
}
static void lstm_steps(const gru_lone *s, const gru_lone_part *part) {
    lone_steps(LONE_LSTM, s, part);
}
static void rnn_steps(const gru_lone *s, const gru_lone_part *part) {
    lone_steps(LONE_RNN, s, part);
}

#endif
