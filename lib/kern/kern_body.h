/* The body of every kernel table; included once per instruction set by kern_*.c, which set
 * KERN_TABLE and KERN_NAME. Written with the compiler's vector types (kern_vec.h). Functions with a
 * constant width are inlined into a switch, so that accumulators stay in registers. */
#ifndef GRU_KERN_BODY_H
#define GRU_KERN_BODY_H

#include "kern/kern.h"
#include "kern/kern_dropout.h"
#include "kern/kern_update.h"
#include "kern/kern_vec.h"

#if defined(__AVX512F__)
enum { PANEL = 25 };
#elif defined(__AVX__)
enum { PANEL = 6 };
#else
enum { PANEL = 2 };
#endif
#ifdef GRU_DOUBLE
enum { WIDEST = PANEL / 2 };
#else
enum { WIDEST = PANEL };
#endif

/* ---- products ---- */
/* acc[j] += Σ_k x[k] w[k][j] for k from 1 on. */
INLINE void affine_rest(vec acc[][NV], int width, const gru_real *x, size_t count,
                        const gru_real *w) {
    for (size_t k = 1; k < count; k++) {
        vec y[NV];
        x += GRU_LANES, w += width;
#pragma GCC unroll 8
        for (int v = 0; v < NV; v++)
            y[v] = load(x + v * VW);
#pragma GCC unroll 32
        for (int j = 0; j < width; j++)
#pragma GCC unroll 8
            for (int v = 0; v < NV; v++)
                acc[j][v] += y[v] * w[j];
    }
}

/* Sums begin with a product, not with what they are added to: on Zen 4 a panel that begins by
 * loading its sums while the last one's are stored loses 40 cycles. Hence a first product is
 * rounded before it is added, in both parts alike, so that adding b's part later gives the same
 * bits. */
INLINE void affine_panel(gru_real *out, int width, const gru_real *bias, const gru_real *a,
                         size_t ka, const gru_real *wa, const gru_real *b, size_t kb,
                         const gru_real *wb) {
    vec acc[WIDEST][NV];
#pragma GCC unroll 32
    for (int j = 0; j < width; j++)
#pragma GCC unroll 8
        for (int v = 0; v < NV; v++)
            acc[j][v] = rounded(load(a + v * VW) * wa[j]);
    if (!bias)
#pragma GCC unroll 32
        for (int j = 0; j < width; j++)
#pragma GCC unroll 8
            for (int v = 0; v < NV; v++)
                acc[j][v] += load(out + j * GRU_LANES + v * VW);
    affine_rest(acc, width, a, ka, wa);
    if (bias)
#pragma GCC unroll 32
        for (int j = 0; j < width; j++)
#pragma GCC unroll 8
            for (int v = 0; v < NV; v++)
                acc[j][v] += splat(bias[j]);
    if (kb) {
#pragma GCC unroll 32
        for (int j = 0; j < width; j++)
#pragma GCC unroll 8
            for (int v = 0; v < NV; v++)
                acc[j][v] += rounded(load(b + v * VW) * wb[j]);
        affine_rest(acc, width, b, kb, wb);
    }
#pragma GCC unroll 32
    for (int j = 0; j < width; j++)
#pragma GCC unroll 8
        for (int v = 0; v < NV; v++)
            store(out + j * GRU_LANES + v * VW, acc[j][v]);
}

/* One function a width, and no part of the loop over panels: there the compiler runs out of general
 * registers and keeps addresses in vector registers, where they wait for all multiply-adds before
 * them. */
typedef void panel_function(gru_real *out, const gru_real *bias, const gru_real *a, size_t ka,
                            const gru_real *wa, const gru_real *b, size_t kb, const gru_real *wb);
#define PANEL_FUNCTION(n)                                                                          \
    __attribute__((noinline)) static void affine_panel_##n(                                        \
        gru_real *out, const gru_real *bias, const gru_real *a, size_t ka, const gru_real *wa,     \
        const gru_real *b, size_t kb, const gru_real *wb) {                                        \
        affine_panel(out, n <= WIDEST ? n : 1, bias, a, ka, wa, b, kb, wb);                        \
    }
#define PANEL_NAME(n) affine_panel_##n,
#if defined(__AVX512F__)
#define PANELS(x)                                                                                  \
    x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14) x(15) x(16) x(17)   \
        x(18) x(19) x(20) x(21) x(22) x(23) x(24) x(25)
#elif defined(__AVX__)
#define PANELS(x) x(1) x(2) x(3) x(4) x(5) x(6)
#else
#define PANELS(x) x(1) x(2)
#endif
PANELS(PANEL_FUNCTION)

static void affine(gru_real *out, size_t columns, const gru_real *bias, const gru_real *a,
                   size_t ka, const gru_real *wa, const gru_real *b, size_t kb,
                   const gru_real *wb) {
    static panel_function *const of_width[] = {PANELS(PANEL_NAME)};
    size_t panels = gru_panel_count(columns, WIDEST);
    for (size_t p = 0; p < panels; p++) {
        size_t from = gru_panel_start(columns, panels, p);
        size_t width = gru_panel_start(columns, panels, p + 1) - from;
        of_width[width - 1](out + from * GRU_LANES, bias ? bias + from : NULL, a, ka,
                            wa + from * ka, b, kb, kb ? wb + from * kb : NULL);
    }
}

#include "kern/kern_outer.h"

/* R rows × C vectors of columns, in registers. */
INLINE void rows_block(int r_count, int c_count, gru_real *out, size_t out_step,
                       const gru_real *bias, const gru_real *x, size_t x_step, size_t k_count,
                       const gru_real *w, size_t w_step) {
    vec acc[4 * 24];
#pragma GCC unroll 4
    for (int r = 0; r < r_count; r++)
#pragma GCC unroll 24
        for (int c = 0; c < c_count; c++)
            acc[r * c_count + c] =
                bias ? load(bias + c * VW) : load(out + (size_t)r * out_step + (size_t)(c * VW));
    for (size_t k = 0; k < k_count; k++, w += w_step) {
        vec y[24];
#pragma GCC unroll 24
        for (int c = 0; c < c_count; c++)
            y[c] = load(w + c * VW);
#pragma GCC unroll 4
        for (int r = 0; r < r_count; r++)
#pragma GCC unroll 24
            for (int c = 0; c < c_count; c++)
                acc[r * c_count + c] += y[c] * x[(size_t)r * x_step + k];
    }
#pragma GCC unroll 4
    for (int r = 0; r < r_count; r++)
#pragma GCC unroll 24
        for (int c = 0; c < c_count; c++)
            store(out + (size_t)r * out_step + (size_t)(c * VW), acc[r * c_count + c]);
}

#if defined(__AVX512F__)
enum { ROWS_WIDE = 12, ROWS_TALL = 4, ROWS_TALL_WIDE = 6 };
#else
enum { ROWS_WIDE = 8, ROWS_TALL = 2, ROWS_TALL_WIDE = 4 };
#endif

/* All columns for `r` rows: blocks of `wide` vectors, then single ones. */
INLINE void rows_strip(int r, int wide, gru_real *out, size_t out_step, const gru_real *bias,
                       const gru_real *x, size_t x_step, size_t k, const gru_real *w, size_t w_step,
                       size_t columns) {
    size_t j = 0;
    for (; j + (size_t)(wide * VW) <= columns; j += (size_t)(wide * VW))
        rows_block(r, wide, out + j, out_step, bias ? bias + j : NULL, x, x_step, k, w + j, w_step);
    for (; j + 4 * VW <= columns; j += 4 * VW)
        rows_block(r, 4, out + j, out_step, bias ? bias + j : NULL, x, x_step, k, w + j, w_step);
    for (; j < columns; j += VW)
        rows_block(r, 1, out + j, out_step, bias ? bias + j : NULL, x, x_step, k, w + j, w_step);
}

static void rows_product(gru_real *out, size_t out_step, const gru_real *bias, const gru_real *x,
                         size_t x_step, size_t rows, size_t k, const gru_real *w, size_t w_step,
                         size_t columns) {
    size_t r = 0;
    for (; r + ROWS_TALL <= rows; r += ROWS_TALL)
        rows_strip(ROWS_TALL, ROWS_TALL_WIDE, out + r * out_step, out_step, bias, x + r * x_step,
                   x_step, k, w, w_step, columns);
    for (; r < rows; r++)
        rows_strip(1, ROWS_WIDE, out + r * out_step, out_step, bias, x + r * x_step, x_step, k, w,
                   w_step, columns);
}

/* ---- cells ---- */
INLINE vec hold(const gru_cell_step *s, size_t at, vec next, vec before) {
    if (!s->mask)
        return next;
    vec m = load(s->mask + at % GRU_LANES);
    return choose(m > (gru_real)0, next, before);
}
INLINE vec masked(const gru_cell_step *s, size_t at, vec x) {
    if (!s->mask)
        return x;
    return choose(load(s->mask + at % GRU_LANES) > (gru_real)0, x, (vec){0});
}

/* Vectors of a gate that are computed at once; a pass over a step's units cuts them into such
 * groups and single ones. */
#if defined(__AVX512F__) && !defined(GRU_DOUBLE)
enum { GROUP = AT_ONCE };
#else
enum { GROUP = 1 };
#endif
#define GROUPS(cell)                                                                               \
    size_t size = s->units * GRU_LANES, i = 0;                                                     \
    for (; i + GROUP * VW <= size; i += GROUP * VW)                                                \
        cell(s, i, GROUP);                                                                         \
    for (; i < size; i += VW)                                                                      \
        cell(s, i, 1);

INLINE void load_all(vec *x, const gru_real *p, int n) {
    EACH_OF(n) x[i] = load(p + i * VW);
}
INLINE void store_all(gru_real *p, const vec *x, int n) {
    EACH_OF(n) store(p + i * VW, x[i]);
}

/* The state after a step, from the one before it, z and n. */
INLINE void gru_next(const gru_cell_step *s, size_t at, const vec *z, const vec *new, int n) {
    EACH_OF(n) {
        vec h = load(s->h + at + i * VW);
        vec next = either(s->update_new, h + z[i] * (new[i] - h), new[i] + z[i] * (h - new[i]));
        store(s->next + at + i * VW, hold(s, at + (size_t)(i * VW), next, h));
    }
}

INLINE void gru_forward_group(const gru_cell_step *s, size_t at, int n) {
    size_t size = s->units * GRU_LANES;
    gru_real *g = s->gates + at;
    vec z[GROUP], r[GROUP], new[GROUP];
    load_all(r, g + size, n);
    sigmoids(r, n);
    store_all(g + size, r, n);
    EACH_OF(n) new[i] = load(g + 2 * size + i * VW) + r[i] * load(g + 3 * size + i * VW);
    load_all(z, g, n);
    sigmoids(z, n);
    store_all(g, z, n);
    tanhs(new, n);
    store_all(g + 2 * size, new, n);
    gru_next(s, at, z, new, n);
}
static void gru_forward(const gru_cell_step *s) {
    GROUPS(gru_forward_group)
}

/* From h' = z ⊙ h + (1 − z) ⊙ n: dz = dh' ⊙ (h − n) z (1 − z), dn = dh' ⊙ (1 − z)(1 − n²), dh = dh'
 * ⊙ z; the other form of the update exchanges z and 1 − z. */
static void gru_backward(const gru_cell_step *s) {
    size_t size = s->units * GRU_LANES;
    gru_real *z = s->gates, *r = z + size, *n = r + size, *hn = n + size;
    for (size_t i = 0; i < size; i += VW) {
        vec d = load(s->dh + i), h = load(s->h + i);
        vec zi = load(z + i), ri = load(r + i), ni = load(n + i);
        vec kept = either(s->update_new, 1 - zi, zi);
        vec toward = either(s->update_new, ni - h, h - ni);
        vec dn = masked(s, i, d * (1 - kept) * (1 - ni * ni));
        store(z + i, masked(s, i, d * toward * zi * (1 - zi)));
        store(r + i, dn * load(hn + i) * ri * (1 - ri));
        store(n + i, dn);
        store(hn + i, dn * ri);
        store(s->dh + i, hold(s, i, d * kept, d));
    }
}

INLINE void gru_before_reset_group(const gru_cell_step *s, size_t at, int n) {
    gru_real *z = s->gates + at, *r = z + s->units * GRU_LANES;
    vec x[GROUP];
    load_all(x, r, n);
    sigmoids(x, n);
    store_all(r, x, n);
    EACH_OF(n) store(s->drh + at + i * VW, x[i] * load(s->hr + at + i * VW));
    load_all(x, z, n);
    sigmoids(x, n);
    store_all(z, x, n);
}
static void gru_before_reset(const gru_cell_step *s){GROUPS(gru_before_reset_group)}

INLINE void gru_before_forward_group(const gru_cell_step *s, size_t at, int n) {
    gru_real *g = s->gates + at, *to = g + 2 * s->units * GRU_LANES;
    vec z[GROUP], new[GROUP];
    load_all(new, to, n);
    tanhs(new, n);
    store_all(to, new, n);
    load_all(z, g, n);
    gru_next(s, at, z, new, n);
}
static void gru_before_forward(const gru_cell_step *s) {
    GROUPS(gru_before_forward_group)
}

static void gru_before_backward(const gru_cell_step *s) {
    size_t size = s->units * GRU_LANES;
    gru_real *z = s->gates, *n = z + 2 * size;
    for (size_t i = 0; i < size; i += VW) {
        vec d = load(s->dh + i), h = load(s->h + i), zi = load(z + i), ni = load(n + i);
        vec kept = either(s->update_new, 1 - zi, zi);
        vec toward = either(s->update_new, ni - h, h - ni);
        store(z + i, masked(s, i, d * toward * zi * (1 - zi)));
        store(n + i, masked(s, i, d * (1 - kept) * (1 - ni * ni)));
        store(s->dh + i, hold(s, i, d * kept, d));
    }
}

static void gru_before_backward_reset(const gru_cell_step *s) {
    size_t size = s->units * GRU_LANES;
    gru_real *r = s->gates + size;
    for (size_t i = 0; i < size; i += VW) {
        vec ri = load(r + i), d = load(s->drh + i);
        store(r + i, d * load(s->hr + i) * ri * (1 - ri));
        store(s->dhr + i, load(s->dhr + i) + d * ri);
    }
}

INLINE void lstm_forward_group(const gru_cell_step *s, size_t at, int n) {
    size_t size = s->units * GRU_LANES;
    gru_real *in = s->gates + at, *f = in + size, *g = f + size, *o = g + size;
    vec x[GROUP], y[GROUP], next[GROUP];
    load_all(x, in, n);
    sigmoids(x, n);
    store_all(in, x, n);
    load_all(y, g, n);
    tanhs(y, n);
    store_all(g, y, n);
    EACH_OF(n) next[i] = x[i] * y[i];
    load_all(x, f, n);
    sigmoids(x, n);
    store_all(f, x, n);
    load_all(y, s->c + at, n);
    EACH_OF(n) next[i] += x[i] * y[i];
    EACH_OF(n) store(s->c_next + at + i * VW, hold(s, at + (size_t)(i * VW), next[i], y[i]));
    load_all(x, o, n);
    sigmoids(x, n);
    store_all(o, x, n);
    tanhs(next, n);
    load_all(y, s->h + at, n);
    EACH_OF(n) store(s->next + at + i * VW, hold(s, at + (size_t)(i * VW), x[i] * next[i], y[i]));
}
static void lstm_forward(const gru_cell_step *s) {
    GROUPS(lstm_forward_group)
}

static void lstm_backward(const gru_cell_step *s) {
    size_t size = s->units * GRU_LANES;
    gru_real *in = s->gates, *f = in + size, *g = f + size, *o = g + size;
    for (size_t i = 0; i < size; i += VW) {
        vec ii = load(in + i), fi = load(f + i), gi = load(g + i), oi = load(o + i);
        vec d = load(s->dh + i), dc0 = load(s->dc + i), c = load(s->c + i);
        vec tc = vec_tanh(fi * c + ii * gi);
        vec dc = dc0 + d * oi * (1 - tc * tc);
        store(in + i, masked(s, i, dc * gi * ii * (1 - ii)));
        store(f + i, masked(s, i, dc * c * fi * (1 - fi)));
        store(g + i, masked(s, i, dc * ii * (1 - gi * gi)));
        store(o + i, masked(s, i, d * tc * oi * (1 - oi)));
        store(s->dc + i, hold(s, i, dc * fi, dc0));
        store(s->dh + i, hold(s, i, (vec){0}, d));
    }
}

INLINE void rnn_forward_group(const gru_cell_step *s, size_t at, int n) {
    vec x[GROUP], y[GROUP];
    load_all(x, s->gates + at, n);
    EACH_OF(n) y[i] = choose(x[i] > (gru_real)0, x[i], (vec){0});
    tanhs(x, n);
    EACH_OF(n) x[i] = either(s->relu, y[i], x[i]);
    store_all(s->gates + at, x, n);
    load_all(y, s->h + at, n);
    EACH_OF(n) store(s->next + at + i * VW, hold(s, at + (size_t)(i * VW), x[i], y[i]));
}
static void rnn_forward(const gru_cell_step *s) {
    GROUPS(rnn_forward_group)
}

static void rnn_backward(const gru_cell_step *s) {
    for (size_t i = 0; i < s->units * GRU_LANES; i += VW) {
        vec y = load(s->gates + i), d = load(s->dh + i);
        vec slope = either(s->relu, choose(y > (gru_real)0, splat(1), (vec){0}), 1 - y * y);
        store(s->gates + i, masked(s, i, d * slope));
        store(s->dh + i, hold(s, i, (vec){0}, d));
    }
}

#include "kern/kern_single.h"
#include "kern/kern_strip.h"

/* ---- elementwise ---- */
typedef void elementary(vec *x, int n);
INLINE void apply(elementary *f, gru_real *x, size_t count) {
    size_t at = 0;
    vec v[GROUP];
    for (; at + GROUP * VW <= count; at += GROUP * VW) {
        load_all(v, x + at, GROUP);
        f(v, GROUP);
        store_all(x + at, v, GROUP);
    }
    for (; at < count; at += VW) {
        load_all(v, x + at, 1);
        f(v, 1);
        store_all(x + at, v, 1);
    }
}
static void sigmoid(gru_real *x, size_t count) {
    apply(sigmoids, x, count);
}
static void tanh_all(gru_real *x, size_t count) {
    apply(tanhs, x, count);
}
static void exp_all(gru_real *x, size_t count) {
    apply(exps, x, count);
}

#if !defined(GRU_DOUBLE) && defined(__AVX__)
/* Whole squares; returns how many elements are done. */
INLINE size_t to_lanes_blocks(gru_real *lanes, const gru_real *const rows[GRU_LANES],
                              size_t count) {
    size_t i = 0;
    for (; i + VW <= count; i += VW)
        for (size_t from = 0; from < GRU_LANES; from += VW) {
            vec v[VW];
#pragma GCC unroll 16
            for (size_t l = 0; l < VW; l++)
                v[l] = *(const loose *)(rows[from + l] + i);
            transpose(v);
#pragma GCC unroll 16
            for (size_t l = 0; l < VW; l++)
                store(lanes + (i + l) * GRU_LANES + from, v[l]);
        }
    return i;
}
INLINE size_t add_rows_blocks(gru_real *const rows[GRU_LANES], const gru_real *lanes, size_t count,
                              unsigned fresh) {
    size_t i = 0;
    for (; i + VW <= count; i += VW)
        for (size_t from = 0; from < GRU_LANES; from += VW) {
            vec v[VW];
#pragma GCC unroll 16
            for (size_t l = 0; l < VW; l++)
                v[l] = load(lanes + (i + l) * GRU_LANES + from);
            transpose(v);
#pragma GCC unroll 16
            for (size_t l = 0; l < VW; l++)
                if (fresh >> (from + l) & 1)
                    *(loose *)(rows[from + l] + i) = v[l];
                else if (rows[from + l])
                    *(loose *)(rows[from + l] + i) += v[l];
        }
    return i;
}
#else
INLINE size_t to_lanes_blocks(gru_real *lanes, const gru_real *const rows[GRU_LANES],
                              size_t count) {
    (void)lanes, (void)rows, (void)count;
    return 0;
}
INLINE size_t add_rows_blocks(gru_real *const rows[GRU_LANES], const gru_real *lanes, size_t count,
                              unsigned fresh) {
    (void)rows, (void)lanes, (void)count, (void)fresh;
    return 0;
}
#endif

static void to_lanes(gru_real *lanes, const gru_real *const rows[GRU_LANES], size_t count) {
    size_t done = to_lanes_blocks(lanes, rows, count);
    for (size_t l = 0; l < GRU_LANES; l++)
        for (size_t i = done; i < count; i++)
            lanes[i * GRU_LANES + l] = rows[l][i];
}

static void add_rows(gru_real *const rows[GRU_LANES], const gru_real *lanes, size_t count,
                     unsigned fresh) {
    size_t done = add_rows_blocks(rows, lanes, count, fresh);
    for (size_t l = 0; l < GRU_LANES; l++)
        for (size_t i = done; rows[l] && i < count; i++)
            rows[l][i] = (fresh >> l & 1 ? 0 : rows[l][i]) + lanes[i * GRU_LANES + l];
}

static void add(gru_real *out, const gru_real *a, size_t count) {
    size_t i = 0;
    for (; i + VW <= count; i += VW)
        *(loose *)(out + i) += *(const loose *)(a + i);
    for (; i < count; i++)
        out[i] += a[i];
}

static void scale_add(gru_real *out, const gru_real *a, const gru_real *s, size_t count) {
    for (size_t i = 0; i < count * GRU_LANES; i += VW)
        store(out + i, load(out + i) + load(a + i) * load(s + i % GRU_LANES));
}

static void dot(gru_real *s, const gru_real *a, const gru_real *b, size_t count) {
    vec acc[NV];
    for (int v = 0; v < NV; v++)
        acc[v] = load(s + v * VW);
    for (size_t i = 0; i < count; i++)
        for (int v = 0; v < NV; v++)
            acc[v] += load(a + i * GRU_LANES + (size_t)(v * VW)) *
                      load(b + i * GRU_LANES + (size_t)(v * VW));
    for (int v = 0; v < NV; v++)
        store(s + v * VW, acc[v]);
}

/* Twelve sums at a time cover the latency of two units, and still fit 16 registers. They count, by
 * a one that the compiler doesn't know: of constants it finds sums that never change, and leaves
 * them out. */
static void peak(gru_real *out, size_t operations) {
    enum { SUMS = 12 };
    vec sums[SUMS], one = load(out);
    for (int i = 0; i < SUMS; i++)
        sums[i] = (vec){0};
    for (size_t done = 0; done < operations; done += 2 * SUMS * VW)
#pragma GCC unroll 16
        for (int i = 0; i < SUMS; i++)
            sums[i] = sums[i] * one + one;
    for (int i = 1; i < SUMS; i++)
        sums[0] += sums[i];
    for (int v = 0; v < NV; v++)
        store(out + v * VW, v ? (vec){0} : sums[0]);
}

const gru_kern KERN_TABLE = {
    .name = KERN_NAME,
    .panel = WIDEST,
    .vector = VW,
    .strip = STRIP_WIDE * VW,
    .affine = affine,
    .rows = rows_product,
    .outer_panels = outer_panels,
    .outer_panel = outer_panel,
    .strip_product = strip_product,
    .strip_outer = strip_outer,
    .column_sums = column_sums,
    .column_lanes = column_lanes,
    .gru_forward = gru_forward,
    .gru_backward = gru_backward,
    .gru_before_reset = gru_before_reset,
    .gru_before_forward = gru_before_forward,
    .gru_before_backward = gru_before_backward,
    .gru_before_backward_reset = gru_before_backward_reset,
    .lstm_forward = lstm_forward,
    .lstm_backward = lstm_backward,
    .rnn_forward = rnn_forward,
    .rnn_backward = rnn_backward,
    .gru_steps = gru_steps,
    .gru_before_steps = gru_before_steps,
    .lstm_steps = lstm_steps,
    .rnn_steps = rnn_steps,
    .sigmoid = sigmoid,
    .tanh = tanh_all,
    .exp = exp_all,
    .dropout_bits = dropout_bits,
    .dropout_apply = dropout_apply,
    .to_lanes = to_lanes,
    .add_rows = add_rows,
    .add = add,
    .scale_add = scale_add,
    .dot = dot,
    .peak = peak,
    .update = KERN_UPDATES,
};

#endif
