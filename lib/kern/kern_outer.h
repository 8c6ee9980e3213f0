/* Weight gradients: sums of products over steps and lanes; included by kern_body.h. */
#ifndef GRU_KERN_OUTER_H
#define GRU_KERN_OUTER_H

#include "kern/kern_square.h"

/* What registers hold. OUTER: rows of a block that adds up lanes, and its most columns, by the
 * number of its rows in OUTER_WIDEST; SUMMED: columns whose biases are summed at once. TURNED:
 * vectors of rows, and columns, of a block with transposed rows. */
#if defined(__AVX512F__)
enum { OUTER_ROWS = 5, OUTER_WIDE = 16, SUMMED = 16, TURNED_WIDE = 3, TURNED_TALL = 8 };
#define OUTER_WIDEST                                                                               \
    { 16, 8, 5, 4, 5 }
#elif defined(__AVX__)
enum { OUTER_ROWS = 3, OUTER_WIDE = 9, SUMMED = 8, TURNED_WIDE = 2, TURNED_TALL = 6 };
#define OUTER_WIDEST                                                                               \
    { 9, 4, 3 }
#else
enum { OUTER_ROWS = 2, OUTER_WIDE = 4, SUMMED = 4, TURNED_WIDE = 2, TURNED_TALL = 6 };
#define OUTER_WIDEST                                                                               \
    { 4, 2 }
#endif

#if !defined(GRU_DOUBLE) && defined(__AVX512F__)

/* Lane i of the result is the sum of the lanes of v[i]: a tree that halves the lanes four times, by
 * shuffles that have a constant and no table of lanes (several times their pace on Zen 4). */
INLINE vec sum_lanes_16(const vec v[16]) {
    vec s[8], u[4], t[2];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) { /* quarters 0 + 2 and 1 + 3 of two vectors */
        vec a = v[i % 4 + i / 4 * 8], b = v[i % 4 + i / 4 * 8 + 4];
        s[i] =
            __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
            __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30,
                                    31);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) /* one quarter of four */
        u[i] = __builtin_shufflevector(s[i], s[i + 4], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24,
                                       25, 26, 27) +
               __builtin_shufflevector(s[i], s[i + 4], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23,
                                       28, 29, 30, 31);
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++)
        t[i] = __builtin_shufflevector(u[2 * i], u[2 * i + 1], 0, 2, 16, 18, 4, 6, 20, 22, 8, 10,
                                       24, 26, 12, 14, 28, 30) +
               __builtin_shufflevector(u[2 * i], u[2 * i + 1], 1, 3, 17, 19, 5, 7, 21, 23, 9, 11,
                                       25, 27, 13, 15, 29, 31);
    return __builtin_shufflevector(t[0], t[1], 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14,
                                   28, 30) +
           __builtin_shufflevector(t[0], t[1], 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15,
                                   29, 31);
}
INLINE void sum_lanes(gru_real *sums, const vec *acc, int count) {
    vec all[32];
#pragma GCC unroll 32
    for (int i = 0; i < 32; i++)
        all[i] = i < count ? acc[i] : (vec){0};
    store(sums, sum_lanes_16(all));
    if (count > 16)
        store(sums + 16, sum_lanes_16(all + 16));
}
#else
INLINE void sum_lanes(gru_real *sums, const vec *acc, int count) {
    for (int i = 0; i < count; i++) {
        gru_real total = 0;
        for (int l = 0; l < VW; l++)
            total += acc[i][l];
        sums[i] = total;
    }
}
#endif

/* acc[i][j] (+)= a[i] b[j] */
INLINE void outer_step(vec *acc, int rows, int columns, const gru_real *a, const gru_real *b,
                       bool first) {
#pragma GCC unroll 8
    for (int v = 0; v < NV; v++) {
        vec y[OUTER_WIDE];
#pragma GCC unroll 16
        for (int j = 0; j < columns; j++)
            y[j] = load(b + j * GRU_LANES + v * VW);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            vec x = load(a + i * GRU_LANES + v * VW);
#pragma GCC unroll 16
            for (int j = 0; j < columns; j++)
                acc[i * columns + j] = first && v == 0 ? x * y[j] : acc[i * columns + j] + x * y[j];
        }
    }
}

/* Sums begin with a product here too (affine_panel). */
INLINE void outer_block(gru_real *w, size_t ld, int rows, int columns, const gru_real *a,
                        ptrdiff_t a_step, const gru_real *b, ptrdiff_t b_step, size_t steps) {
    vec acc[OUTER_ROWS * OUTER_WIDE];
    outer_step(acc, rows, columns, a, b, true);
    for (size_t t = 1; t < steps; t++)
        outer_step(acc, rows, columns, a += a_step, b += b_step, false);
    gru_real sums[32] __attribute__((aligned(64)));
    sum_lanes(sums, acc, rows * columns);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 16
        for (int j = 0; j < columns; j++)
            w[(size_t)i * ld + (size_t)j] += sums[i * columns + j];
}

typedef void outer_function(gru_real *w, size_t ld, const gru_real *a, ptrdiff_t a_step,
                            const gru_real *b, ptrdiff_t b_step, size_t steps);
#define OUTER_FUNCTION(r, c)                                                                       \
    __attribute__((noinline)) static void outer_##r##_##c(                                         \
        gru_real *w, size_t ld, const gru_real *a, ptrdiff_t a_step, const gru_real *b,            \
        ptrdiff_t b_step, size_t steps) {                                                          \
        outer_block(w, ld, r, c, a, a_step, b, b_step, steps);                                     \
    }
#define OUTER_NAME(r, c) [r - 1][c - 1] = outer_##r##_##c,
#define OUTER_3(x, r) x(r, 1) x(r, 2) x(r, 3)
#define OUTER_4(x, r) OUTER_3(x, r) x(r, 4)
#if defined(__AVX512F__)
#define OUTER_8(x, r) OUTER_4(x, r) x(r, 5) x(r, 6) x(r, 7) x(r, 8)
#define OUTER_16(x, r)                                                                             \
    OUTER_8(x, r) x(r, 9) x(r, 10) x(r, 11) x(r, 12) x(r, 13) x(r, 14) x(r, 15) x(r, 16)
#define OUTERS(x)                                                                                  \
    OUTER_16(x, 1) OUTER_8(x, 2) OUTER_4(x, 3) x(3, 5) OUTER_4(x, 4) OUTER_4(x, 5) x(5, 5)
#elif defined(__AVX__)
#define OUTERS(x) OUTER_4(x, 1) x(1, 5) x(1, 6) x(1, 7) x(1, 8) x(1, 9) OUTER_4(x, 2) OUTER_3(x, 3)
#else
#define OUTERS(x) OUTER_4(x, 1) x(2, 1) x(2, 2)
#endif
OUTERS(OUTER_FUNCTION)

/* Columns before the gap, or after it. */
INLINE size_t part_columns(const gru_outer *o, int part) {
    size_t first = o->gap ? o->split : o->columns;
    return part ? o->columns - first : first;
}
INLINE const gru_real *part_of_b(const gru_outer *o, int part) {
    return o->b + (part ? o->split + o->gap : 0) * GRU_LANES;
}

/* Rows i … i + rows − 1 of a part's columns. */
static void outer_strip(const gru_outer *o, size_t i, size_t rows, int part) {
    static outer_function *const of_size[OUTER_ROWS][OUTER_WIDE] = {OUTERS(OUTER_NAME)};
    static const size_t widest[] = OUTER_WIDEST;
    size_t columns = part_columns(o, part), blocks = gru_panel_count(columns, widest[rows - 1]);
    gru_real *w = o->w + i * o->ld + (part ? o->split : 0);
    for (size_t q = 0; q < blocks; q++) {
        size_t j = gru_panel_start(columns, blocks, q);
        size_t wide = gru_panel_start(columns, blocks, q + 1) - j;
        of_size[rows - 1][wide - 1](w + j, o->ld, o->a + i * GRU_LANES, o->a_step,
                                    part_of_b(o, part) + j * GRU_LANES, o->b_step, o->steps);
    }
}

static void outer_few(const gru_outer *o, size_t first_row) {
    size_t rows = o->rows - first_row, strips = gru_panel_count(rows, OUTER_ROWS);
    for (size_t s = 0; s < strips; s++) {
        size_t i = gru_panel_start(rows, strips, s), end = gru_panel_start(rows, strips, s + 1);
        outer_strip(o, first_row + i, end - i, 0);
        outer_strip(o, first_row + i, end - i, 1);
    }
}

/* ---- many rows ---- */

/* rows [16][width] = lanes [width][16] transposed, with zeros beyond `count`. */
INLINE void turn(gru_real *rows, int width, const gru_real *lanes, size_t count, ptrdiff_t step) {
    for (int i = 0; i < width; i += VW)
        for (int from = 0; from < GRU_LANES; from += VW) {
            vec v[VW];
#pragma GCC unroll 16
            for (int l = 0; l < VW; l++)
                __builtin_prefetch(lanes + step + (i + l) * GRU_LANES);
#pragma GCC unroll 16
            for (int l = 0; l < VW; l++)
                v[l] =
                    (size_t)(i + l) < count ? load(lanes + (i + l) * GRU_LANES + from) : (vec){0};
            transpose(v);
#pragma GCC unroll 16
            for (int l = 0; l < VW; l++)
                store(rows + (from + l) * width + i, v[l]);
        }
}

/* w[i·ld + j] += Σ_k turned[k][i] b[k][j] for `wide` vectors of rows and `tall` columns. */
INLINE void turned_block(gru_real *w, size_t ld, int wide, int tall, size_t rows,
                         const gru_real *turned, const gru_real *b, ptrdiff_t b_step,
                         size_t steps) {
    vec acc[TURNED_TALL * TURNED_WIDE];
#pragma GCC unroll 32
    for (int i = 0; i < tall * wide; i++)
        acc[i] = (vec){0};
    for (size_t t = 0; t < steps; t++, b += b_step)
        for (int l = 0; l < GRU_LANES; l++, turned += wide * VW) {
            __builtin_prefetch(b + b_step + (l % TURNED_TALL) * GRU_LANES);
            vec y[TURNED_WIDE];
#pragma GCC unroll 4
            for (int v = 0; v < wide; v++)
                y[v] = load(turned + v * VW);
#pragma GCC unroll 8
            for (int j = 0; j < tall; j++) {
                vec x = splat(b[j * GRU_LANES + l]);
#pragma GCC unroll 4
                for (int v = 0; v < wide; v++)
                    acc[j * wide + v] += y[v] * x;
            }
        }
    gru_real sums[TURNED_TALL * TURNED_WIDE * VW] __attribute__((aligned(64)));
#pragma GCC unroll 32
    for (int i = 0; i < tall * wide; i++)
        store(sums + i * VW, acc[i]);
    for (size_t i = 0; i < rows; i++, w += ld)
        for (int j = 0; j < tall; j++)
            w[j] += sums[j * wide * VW + (int)i];
}

typedef void turned_function(gru_real *w, size_t ld, size_t rows, const gru_real *turned,
                             const gru_real *b, ptrdiff_t b_step, size_t steps);
#define TURNED_FUNCTION(wide, tall)                                                                \
    __attribute__((noinline)) static void turned_##wide##_##tall(                                  \
        gru_real *w, size_t ld, size_t rows, const gru_real *turned, const gru_real *b,            \
        ptrdiff_t b_step, size_t steps) {                                                          \
        turned_block(w, ld, wide, tall, rows, turned, b, b_step, steps);                           \
    }
#define TURNED_NAME(wide, tall) turned_##wide##_##tall,
#define TURNED_ROW(x, wide)                                                                        \
    x(wide, 1) x(wide, 2) x(wide, 3) x(wide, 4) x(wide, 5) x(wide, 6) TURNED_TALLEST(x, wide)
#if defined(__AVX512F__)
#define TURNED_TALLEST(x, wide) x(wide, 7) x(wide, 8)
#define TURNED(x) TURNED_ROW(x, 1) TURNED_ROW(x, 2) TURNED_ROW(x, 3)
#else
#define TURNED_TALLEST(x, wide)
#define TURNED(x) TURNED_ROW(x, 1) TURNED_ROW(x, 2)
#endif
TURNED(TURNED_FUNCTION)

/* A part's columns for the rows in room. */
static void turned_strip(const gru_outer *o, size_t wide, size_t first_row, size_t rows, int part) {
    static turned_function *const of_size[] = {TURNED(TURNED_NAME)};
    size_t columns = part_columns(o, part), blocks = gru_panel_count(columns, TURNED_TALL);
    gru_real *w = o->w + first_row * o->ld + (part ? o->split : 0);
    for (size_t p = 0; p < blocks; p++) {
        size_t j = gru_panel_start(columns, blocks, p);
        size_t tall = gru_panel_start(columns, blocks, p + 1) - j;
        of_size[(wide - 1) * TURNED_TALL + tall - 1](
            w + j, o->ld, rows, o->room, part_of_b(o, part) + j * GRU_LANES, o->b_step, o->steps);
    }
}

/* rows [16][width] = `count` elements of each of 16 rows of a table, with zeros beyond. */
INLINE void copy_rows(gru_real *rows, int width, const gru_real *table, size_t size,
                      const int32_t *ids, size_t count) {
    for (int l = 0; l < GRU_LANES; l++, rows += width)
        for (int i = 0; i < width; i += VW)
            store(rows + i, load_some(table + (size_t)ids[l] * size + i, left_of(count, i)));
}

/* For rows that fill `wide` vectors, or nearly. */
static void outer_turned(const gru_outer *o, size_t wide, size_t first_row, size_t rows) {
    for (size_t t = 0; t < o->steps; t++) {
        gru_real *room = o->room + t * GRU_LANES * wide * VW;
        if (o->ids)
            copy_rows(room, (int)wide * VW, o->table + first_row, o->rows,
                      o->ids + (ptrdiff_t)t * o->a_step, rows);
        else
            turn(room, (int)wide * VW, o->a + first_row * GRU_LANES + (ptrdiff_t)t * o->a_step,
                 rows, o->a_step);
    }
    turned_strip(o, wide, first_row, rows, 0);
    turned_strip(o, wide, first_row, rows, 1);
}

/* Rows fill vectors but for a few of them, for which sums over lanes are cheaper. */
static void outer(const gru_outer *o) {
    if (!o->steps)
        return;
    size_t vectors = o->columns < 4 ? 0 : (o->rows + VW / 2 - 1) / VW, done = 0;
    if (o->ids)
        vectors = (o->rows + VW - 1) / VW;
    size_t panels = gru_panel_count(vectors, TURNED_WIDE);
    for (size_t p = 0; p < panels; p++) {
        size_t from = gru_panel_start(vectors, panels, p);
        size_t wide = gru_panel_start(vectors, panels, p + 1) - from;
        size_t rows = o->rows - done < wide * VW ? o->rows - done : wide * VW;
        outer_turned(o, wide, done, rows);
        done += rows;
    }
    outer_few(o, done);
}

/* acc[j] += the vectors of column j of each step */
INLINE void add_columns(vec *acc, int columns, const gru_real *b, ptrdiff_t b_step, size_t steps) {
    for (size_t t = 0; t < steps; t++, b += b_step)
#pragma GCC unroll 16
        for (int j = 0; j < columns; j++)
#pragma GCC unroll 8
            for (int v = 0; v < NV; v++)
                acc[j] += load(b + j * GRU_LANES + v * VW);
}

INLINE void sum_columns(gru_real *w, int columns, const gru_real *b, ptrdiff_t b_step,
                        size_t steps) {
    vec acc[SUMMED];
    gru_real sums[SUMMED] __attribute__((aligned(64)));
#pragma GCC unroll 16
    for (int j = 0; j < columns; j++)
        acc[j] = (vec){0};
    add_columns(acc, columns, b, b_step, steps);
    sum_lanes(sums, acc, columns);
    for (int j = 0; j < columns; j++)
        w[j] += sums[j];
}

static void column_sums(gru_real *w, const gru_real *b, size_t columns, ptrdiff_t b_step,
                        size_t steps) {
    size_t j = 0;
    for (; j + SUMMED <= columns; j += SUMMED)
        sum_columns(w + j, SUMMED, b + j * GRU_LANES, b_step, steps);
    for (; j < columns; j++)
        sum_columns(w + j, 1, b + j * GRU_LANES, b_step, steps);
}

INLINE void lanes_of_columns(gru_real *lanes, int columns, const gru_real *b, ptrdiff_t b_step,
                             size_t steps) {
    vec acc[SUMMED];
#pragma GCC unroll 16
    for (int j = 0; j < columns; j++)
        acc[j] = load(lanes + j * GRU_LANES);
    add_columns(acc, columns, b, b_step, steps);
#pragma GCC unroll 16
    for (int j = 0; j < columns; j++)
        store(lanes + j * GRU_LANES, acc[j]);
}

static void column_lanes(gru_real *lanes, const gru_real *b, size_t columns, ptrdiff_t b_step,
                         size_t steps) {
    size_t j = 0;
    for (; j + SUMMED <= columns; j += SUMMED)
        lanes_of_columns(lanes + j * GRU_LANES, SUMMED, b + j * GRU_LANES, b_step, steps);
    for (; j < columns; j++)
        lanes_of_columns(lanes + j * GRU_LANES, 1, b + j * GRU_LANES, b_step, steps);
}

#endif
