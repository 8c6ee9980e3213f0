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

/* Columns that lie side by side in b: those before the gap, or after it. */
typedef struct columns_part {
    const gru_real *b;
    gru_real *w;
    size_t count;
} columns_part;

/* Of the columns from … end − 1, those of a part. */
INLINE columns_part part_of(const gru_outer *o, int part, size_t from, size_t end) {
    size_t split = o->gap ? o->split : o->columns;
    if (part)
        from = from > split ? from : split;
    else
        end = end < split ? end : split;
    return (columns_part){.b = o->b + (from + (part ? o->gap : 0)) * GRU_LANES,
                          .w = o->w + from,
                          .count = end > from ? end - from : 0};
}

/* Rows i … i + rows − 1. */
static void outer_strip(const gru_outer *o, size_t i, size_t rows, const columns_part *part) {
    static outer_function *const of_size[OUTER_ROWS][OUTER_WIDE] = {OUTERS(OUTER_NAME)};
    static const size_t widest[] = OUTER_WIDEST;
    size_t blocks = gru_panel_count(part->count, widest[rows - 1]);
    for (size_t q = 0; q < blocks; q++) {
        size_t j = gru_panel_start(part->count, blocks, q);
        size_t wide = gru_panel_start(part->count, blocks, q + 1) - j;
        of_size[rows - 1][wide - 1](part->w + i * o->ld + j, o->ld, o->a + i * GRU_LANES, o->a_step,
                                    part->b + j * GRU_LANES, o->b_step, o->steps);
    }
}

static void outer_few(const gru_outer *o, size_t first_row, const columns_part parts[2]) {
    size_t rows = o->rows - first_row, strips = gru_panel_count(rows, OUTER_ROWS);
    for (size_t s = 0; s < strips; s++) {
        size_t i = gru_panel_start(rows, strips, s), end = gru_panel_start(rows, strips, s + 1);
        outer_strip(o, first_row + i, end - i, &parts[0]);
        outer_strip(o, first_row + i, end - i, &parts[1]);
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

/* For the rows in room. */
static void turned_strip(const gru_outer *o, size_t wide, size_t first_row, size_t rows,
                         const columns_part *part) {
    static turned_function *const of_size[] = {TURNED(TURNED_NAME)};
    size_t blocks = gru_panel_count(part->count, TURNED_TALL);
    for (size_t p = 0; p < blocks; p++) {
        size_t j = gru_panel_start(part->count, blocks, p);
        size_t tall = gru_panel_start(part->count, blocks, p + 1) - j;
        of_size[(wide - 1) * TURNED_TALL + tall - 1](part->w + first_row * o->ld + j, o->ld, rows,
                                                     o->room, part->b + j * GRU_LANES, o->b_step,
                                                     o->steps);
    }
}

/* rows [16][width] = `count` elements of each of 16 rows of a table, with zeros beyond; those of
 * the next step come nearer. */
INLINE void copy_rows(gru_real *rows, int width, const gru_real *table, size_t size,
                      const int32_t *ids, const int32_t *next, size_t count) {
    for (int l = 0; l < GRU_LANES; l++, rows += width) {
        for (int i = 0; i < width; i += VW)
            __builtin_prefetch(table + (size_t)next[l] * size + i);
        for (int i = 0; i < width; i += VW)
            store(rows + i, load_some(table + (size_t)ids[l] * size + i, left_of(count, i)));
    }
}

/* Rows that fill `wide` vectors, or nearly. */
static void turn_rows(const gru_outer *o, size_t wide, size_t first_row, size_t rows) {
    for (size_t t = 0; t < o->steps; t++) {
        gru_real *room = o->room + t * GRU_LANES * wide * VW;
        if (o->ids)
            copy_rows(room, (int)wide * VW, o->table + first_row, o->rows,
                      o->ids + (ptrdiff_t)t * o->a_step,
                      o->ids + (ptrdiff_t)(t + 1 < o->steps ? t + 1 : t) * o->a_step, rows);
        else
            turn(room, (int)wide * VW, o->a + first_row * GRU_LANES + (ptrdiff_t)t * o->a_step,
                 rows, o->a_step);
    }
}

/* Vectors that rows fill but for a few of them, for which sums over lanes are cheaper. */
INLINE size_t vectors_of(const gru_outer *o) {
    if (o->ids)
        return (o->rows + VW - 1) / VW;
    return o->columns < 4 ? 0 : (o->rows + VW / 2 - 1) / VW;
}

static size_t outer_panels(const gru_outer *o) {
    size_t panels = gru_panel_count(vectors_of(o), TURNED_WIDE);
    return panels ? panels : 1;
}

static void outer_panel(const gru_outer *o, size_t panel, size_t from, size_t end, bool ready) {
    size_t vectors = vectors_of(o), panels = outer_panels(o);
    size_t first = gru_panel_start(vectors, panels, panel),
           wide = gru_panel_start(vectors, panels, panel + 1) - first, row = first * VW;
    size_t rows = o->rows - row < wide * VW ? o->rows - row : wide * VW;
    columns_part parts[2] = {part_of(o, 0, from, end), part_of(o, 1, from, end)};
    if (!o->steps)
        return;
    if (rows && !ready)
        turn_rows(o, wide, row, rows);
    for (int i = 0; rows && i < 2; i++)
        turned_strip(o, wide, row, rows, &parts[i]);
    if (panel + 1 == panels)
        outer_few(o, row + rows, parts);
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
