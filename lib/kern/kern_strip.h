/* Products of rows that lie anywhere in memory, with columns in the lanes; included by kern_body.h.
 * They serve the distinct tokens of a batch: rows of an embedding's table need not be brought into
 * lanes, nor what is made of them. */
#ifndef GRU_KERN_STRIP_H
#define GRU_KERN_STRIP_H

#include "kern/kern_vec.h"

/* What registers hold: vectors of columns in a strip, and rows. */
#if defined(__AVX512F__)
enum { STRIP_WIDE = 3, STRIP_TALL = 8 };
#else
enum { STRIP_WIDE = 2, STRIP_TALL = 6 };
#endif

/* to = sums + from, in a strip of which `columns` columns are left. */
INLINE void add_strip(gru_real *to, const vec *sums, int wide, const gru_real *from,
                      size_t columns) {
    if (columns >= (size_t)(wide * VW)) {
#pragma GCC unroll 4
        for (int v = 0; v < wide; v++)
            *(loose *)(to + v * VW) = sums[v] + *(const loose *)(from + v * VW);
        return;
    }
#pragma GCC unroll 4
    for (int v = 0; v < wide; v++) {
        size_t left = left_of(columns, v * VW);
        store_some(to + v * VW, sums[v] + load_some(from + v * VW, left), left);
    }
}

/* Sums have the order of affine_panel, so that both give the same bits. */
INLINE void strip_block(int tall, int wide, gru_real *const *out, size_t at, size_t columns,
                        const gru_real *const *x, size_t k, const gru_real *bias,
                        const gru_real *w) {
    vec acc[STRIP_TALL * STRIP_WIDE], y[STRIP_WIDE];
    const gru_real *row[STRIP_TALL];
#pragma GCC unroll 4
    for (int v = 0; v < wide; v++)
        y[v] = load(w + v * VW);
#pragma GCC unroll 8
    for (int r = 0; r < tall; r++) {
        row[r] = x[r];
#pragma GCC unroll 4
        for (int v = 0; v < wide; v++)
            acc[r * wide + v] = rounded(y[v] * row[r][0]);
    }
    for (size_t i = 1; i < k; i++) {
        w += wide * VW;
#pragma GCC unroll 4
        for (int v = 0; v < wide; v++)
            y[v] = load(w + v * VW);
#pragma GCC unroll 8
        for (int r = 0; r < tall; r++) {
            vec each = splat(row[r][i]);
#pragma GCC unroll 4
            for (int v = 0; v < wide; v++)
                acc[r * wide + v] += y[v] * each;
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < tall; r++)
        add_strip(out[r] + at, acc + r * wide, wide, bias ? bias + at : out[r] + at, columns);
}

/* An address that the compiler computes here. It would else compute what it adds to a row's before
 * the loop, keep that in vector registers, and wait there for all multiply-adds. */
INLINE const gru_real *at_hand(const gru_real *p) {
    __asm__("" : "+r"(p));
    return p;
}

/* acc[i][v] = Σ_r a[r][i] b[r][v] for `tall` elements of a. */
INLINE void sums_block(int tall, int wide, gru_real *w, size_t ld, size_t columns,
                       const gru_real *const *a, size_t i, const gru_real *const *b, size_t at,
                       size_t rows) {
    vec acc[STRIP_TALL * STRIP_WIDE];
#pragma GCC unroll 32
    for (int j = 0; j < tall * wide; j++)
        acc[j] = (vec){0};
    for (size_t r = 0; r < rows; r++) {
        const gru_real *x = at_hand(a[r] + i), *row = at_hand(b[r] + at);
        vec y[STRIP_WIDE];
#pragma GCC unroll 4
        for (int v = 0; v < wide; v++)
            y[v] = load(row + v * VW);
#pragma GCC unroll 8
        for (int j = 0; j < tall; j++) {
            vec each = splat(x[j]);
#pragma GCC unroll 4
            for (int v = 0; v < wide; v++)
                acc[j * wide + v] += y[v] * each;
        }
    }
#pragma GCC unroll 8
    for (int j = 0; j < tall; j++, w += ld)
        add_strip(w, acc + j * wide, wide, w, columns);
}

typedef void strip_function(gru_real *const *out, size_t at, size_t columns,
                            const gru_real *const *x, size_t k, const gru_real *bias,
                            const gru_real *w);
typedef void sums_function(gru_real *w, size_t ld, size_t columns, const gru_real *const *a,
                           size_t i, const gru_real *const *b, size_t at, size_t rows);
#define STRIP_FUNCTIONS(tall, wide)                                                                \
    __attribute__((noinline)) static void strip_##tall##_##wide(                                   \
        gru_real *const *out, size_t at, size_t columns, const gru_real *const *x, size_t k,       \
        const gru_real *bias, const gru_real *w) {                                                 \
        strip_block(tall, wide, out, at, columns, x, k, bias, w);                                  \
    }                                                                                              \
    __attribute__((noinline)) static void sums_##tall##_##wide(                                    \
        gru_real *w, size_t ld, size_t columns, const gru_real *const *a, size_t i,                \
        const gru_real *const *b, size_t at, size_t rows) {                                        \
        sums_block(tall, wide, w, ld, columns, a, i, b, at, rows);                                 \
    }
#if defined(__AVX512F__)
#define STRIPS(x) x(8, 1) x(8, 2) x(8, 3) x(4, 1) x(4, 2) x(4, 3) x(1, 1) x(1, 2) x(1, 3)
#define STRIP_TABLE(name)                                                                          \
    {                                                                                              \
        {name##_8_1, name##_8_2, name##_8_3}, {name##_4_1, name##_4_2, name##_4_3},                \
            {name##_1_1, name##_1_2, name##_1_3},                                                  \
    }
static const size_t strip_tall[] = {8, 4, 1};
#else
#define STRIPS(x) x(6, 1) x(6, 2) x(2, 1) x(2, 2) x(1, 1) x(1, 2)
#define STRIP_TABLE(name)                                                                          \
    { {name##_6_1, name##_6_2}, {name##_2_1, name##_2_2}, {name##_1_1, name##_1_2}, }
static const size_t strip_tall[] = {6, 2, 1};
#endif
enum { STRIP_SIZES = 3 };
STRIPS(STRIP_FUNCTIONS)

/* Vectors of the strip that begins with the first of `columns` columns. */
INLINE int strip_vectors(size_t columns) {
    size_t vectors = (columns + VW - 1) / VW;
    return vectors < STRIP_WIDE ? (int)vectors : STRIP_WIDE;
}

/* Rows of the next block: they lie anywhere. */
INLINE void fetch_rows(const gru_real *const *x, size_t from, size_t rows, size_t k) {
    for (size_t r = from; r < from + STRIP_TALL && r < rows; r++)
        gru_kern_fetch(x[r], k);
}

static void strip_product(gru_real *const *out, const gru_real *const *x, size_t rows, size_t k,
                          const gru_real *bias, const gru_real *w, size_t columns) {
    static strip_function *const of_size[STRIP_SIZES][STRIP_WIDE] = STRIP_TABLE(strip);
    for (size_t at = 0; at < columns; at += STRIP_WIDE * VW) {
        int wide = strip_vectors(columns - at);
        size_t r = 0;
        for (int size = 0; size < STRIP_SIZES; size++)
            for (size_t tall = strip_tall[size]; r + tall <= rows; r += tall) {
                if (at == 0)
                    fetch_rows(x, r + tall, rows, k);
                of_size[size][wide - 1](out + r, at, columns - at, x + r, k, bias, w);
            }
        w += k * (size_t)wide * VW;
    }
}

static void strip_outer(const gru_strip_outer *o) {
    static sums_function *const of_size[STRIP_SIZES][STRIP_WIDE] = STRIP_TABLE(sums);
    for (size_t at = 0; at < o->columns; at += STRIP_WIDE * VW) {
        size_t left = o->columns - at, i = 0;
        int wide = strip_vectors(left);
        for (int size = 0; size < STRIP_SIZES; size++)
            for (size_t tall = strip_tall[size]; i + tall <= o->height; i += tall)
                of_size[size][wide - 1](o->w + i * o->ld + at, o->ld, left, o->a, i, o->b, at,
                                        o->rows);
    }
}

#endif
