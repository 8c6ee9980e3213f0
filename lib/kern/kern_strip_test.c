/* Products of rows that lie anywhere, on every kernel table this machine can run, against loops in
 * double precision. */
#include "kern/kern_test.h"

enum { MOST = 97 }; /* rows */

/* Rows that lie apart, in turn: x [rows][k] and out [rows][columns], each row followed by a guard.
 */
static void strip_case(const gru_kern *k, size_t rows, size_t inner, size_t columns, bool bias) {
    size_t out_step = columns + 1, x_step = inner + 3;
    gru_real *out = random_block(rows * out_step), *before = block(rows * out_step);
    gru_real *x = random_block(rows * x_step), *w = random_block(inner * columns);
    gru_real *packed = block(inner * ((columns + 15) / 16 * 16)), *b = random_block(columns);
    gru_real *to[MOST];
    const gru_real *from[MOST];
    for (size_t r = 0; r < rows; r++) {
        to[r] = out + (rows - 1 - r) * out_step;
        from[r] = x + (rows - 1 - r) * x_step;
    }
    memcpy(before, out, rows * out_step * sizeof *out);
    gru_kern_pack_strips(k, packed, columns, inner, w, columns, 1);
    k->strip_product(to, from, rows, inner, bias ? b : NULL, packed, columns);
    check_rows(k, "strip_product", rows, columns, out, before, out_step, bias ? b : NULL, x, x_step,
               inner, w, columns);
    free(out), free(before), free(x), free(w), free(packed), free(b);
}

/* A row's bits are those that it would have in a lane. */
static void strip_and_affine(const gru_kern *k, size_t inner, size_t columns) {
    gru_real *lanes = random_block(inner * L), *rows = block(L * inner);
    gru_real *w = random_block(inner * columns), *b = random_block(columns);
    gru_real *panels = block(inner * columns), *strips = block(inner * (columns + 16));
    gru_real *out = block(columns * L), *out_rows = block(columns * L), *to[L];
    const gru_real *from[L];
    for (size_t l = 0; l < L; l++) {
        from[l] = rows + l * inner;
        to[l] = out_rows + l * columns;
        for (size_t i = 0; i < inner; i++)
            rows[l * inner + i] = lanes[i * L + l];
    }
    gru_kern_pack(k, panels, columns, inner, w, columns, 1);
    gru_kern_pack_strips(k, strips, columns, inner, w, columns, 1);
    k->affine(out, columns, b, lanes, inner, panels, NULL, 0, NULL);
    k->strip_product(to, from, L, inner, b, strips, columns);
    for (size_t j = 0; j < columns; j++)
        for (size_t l = 0; l < L; l++)
            cr_assert_eq(memcmp(&out[j * L + l], &to[l][j], sizeof *out), 0, "%s: column %zu",
                         k->name, j);
    free(lanes), free(rows), free(w), free(b), free(panels), free(strips), free(out);
    free(out_rows);
}

static void test_strip_product(const gru_kern *k) {
    for (size_t columns = 1; columns <= 2 * k->strip + 2; columns++)
        strip_case(k, draw_count(20), draw_count(20), columns, columns % 2);
    strip_case(k, 96, 128, 192, true);
    strip_case(k, 97, 192, 100, false);
    strip_and_affine(k, 1, 1);
    strip_and_affine(k, 50, 150);
    strip_and_affine(k, 33, 64);
}
Test(kern, strip_product) {
    each_table(13, test_strip_product);
}

static void strip_outer_case(const gru_kern *k, size_t rows, size_t height, size_t columns) {
    size_t pitch = (columns + 15) / 16 * 16, ld = columns + 1;
    gru_real *a = random_block(rows * height), *b = random_block(rows * pitch);
    gru_real *w = random_block(height * ld), *before = block(height * ld);
    const gru_real *a_rows[MOST], *b_rows[MOST];
    for (size_t r = 0; r < rows; r++) {
        a_rows[r] = a + (r * 7 + 3) % rows * height; /* some twice */
        b_rows[r] = b + (rows - 1 - r) * pitch;
    }
    memcpy(before, w, height * ld * sizeof *w);
    k->strip_outer(&(gru_strip_outer){.w = w,
                                      .ld = ld,
                                      .height = height,
                                      .columns = columns,
                                      .a = a_rows,
                                      .b = b_rows,
                                      .rows = rows});
    for (size_t i = 0; i < height; i++)
        for (size_t j = 0; j < ld; j++) {
            double want = before[i * ld + j], scale = fabs(want);
            for (size_t r = 0; j < columns && r < rows; r++) {
                double term = (double)a_rows[r][i] * b_rows[r][j];
                want += term, scale += fabs(term);
            }
            if (j < columns)
                check_close(k, "strip_outer", w[i * ld + j], want, scale);
            else
                cr_assert_eq(memcmp(&w[i * ld + j], &before[i * ld + j], sizeof *w), 0);
        }
    free(a), free(b), free(w), free(before);
}

static void test_strip_outer(const gru_kern *k) {
    for (size_t columns = 1; columns <= 2 * k->strip + 2; columns++)
        strip_outer_case(k, draw_count(30), draw_count(20), columns);
    strip_outer_case(k, 96, 128, 192);
    strip_outer_case(k, 0, 3, 5);
}
Test(kern, strip_outer) {
    each_table(14, test_strip_outer);
}

/* Rows of a table that ids name give the sums of the same numbers in lanes. */
static void outer_of_table(const gru_kern *k, size_t rows, size_t columns, size_t steps,
                           bool backwards) {
    enum { TABLE = 9 };
    gru_real *table = random_block(TABLE * rows), *b = random_block(columns * L * steps);
    gru_real *w = random_block(rows * columns), *before = block(rows * columns);
    gru_real *room = block(steps * GRU_OUTER_ROOM);
    int32_t *ids = (int32_t *)(void *)block(steps * L);
    for (size_t i = 0; i < steps * L; i++)
        ids[i] = (int32_t)gru_random_below(&source, TABLE);
    memcpy(before, w, rows * columns * sizeof *w);
    add_outer(k, &(gru_outer){.w = w,
                              .ld = columns,
                              .ids = backwards ? ids + (steps - 1) * L : ids,
                              .table = table,
                              .rows = rows,
                              .a_step = backwards ? -L : L,
                              .b = b,
                              .columns = columns,
                              .b_step = (ptrdiff_t)(columns * L),
                              .steps = steps,
                              .room = room});
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            double want = before[i * columns + j], scale = fabs(want);
            for (size_t t = 0; t < steps; t++)
                for (size_t l = 0; l < L; l++) {
                    size_t from = backwards ? steps - 1 - t : t;
                    double term = (double)table[(size_t)ids[from * L + l] * rows + i] *
                                  b[(t * columns + j) * L + l];
                    want += term, scale += fabs(term);
                }
            check_close(k, "outer of a table", w[i * columns + j], want, scale);
        }
    free(table), free(b), free(w), free(before), free(room), free(ids);
}

static void test_outer_of_table(const gru_kern *k) {
    for (size_t rows = 1; rows <= 50; rows++)
        outer_of_table(k, rows, draw_count(20), draw_count(5), rows % 2);
    outer_of_table(k, 128, 192, 10, true);
}
Test(kern, outer_of_table) {
    each_table(15, test_outer_of_table);
}
