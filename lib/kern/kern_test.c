/* Every kernel table this machine can run, against loops in double precision written from the
 * formulas; the cells' gradients against central differences of those loops. */
#include "kern/kern_test.h"

#include <float.h>

/* ---- products ---- */

/* Weights are stored [k][columns] or [columns][k], as forward and backward passes need them. */
static void affine_case(const gru_kern *k, size_t columns, size_t ka, size_t kb, bool bias,
                        bool transposed) {
    gru_real *a = random_block(ka * L), *b = random_block(kb * L), *bi = random_block(columns);
    gru_real *wa = random_block(ka * columns), *wb = random_block(kb * columns);
    gru_real *pa = block(ka * columns), *pb = block(kb * columns);
    gru_real *out = random_block((columns + 1) * L), *before = block((columns + 1) * L);
    size_t row_a = transposed ? 1 : columns, column_a = transposed ? ka : 1;
    size_t row_b = transposed ? 1 : columns, column_b = transposed ? kb : 1;
    memcpy(before, out, (columns + 1) * L * sizeof *out);
    gru_kern_pack(k, pa, columns, ka, wa, row_a, column_a);
    gru_kern_pack(k, pb, columns, kb, wb, row_b, column_b);
    k->affine(out, columns, bias ? bi : NULL, a, ka, pa, kb ? b : NULL, kb, kb ? pb : NULL);
    for (size_t j = 0; j < columns; j++)
        for (size_t l = 0; l < L; l++) {
            double want = bias ? bi[j] : before[j * L + l], scale = fabs(want);
            for (size_t i = 0; i < ka; i++) {
                double term = (double)a[i * L + l] * wa[i * row_a + j * column_a];
                want += term, scale += fabs(term);
            }
            for (size_t i = 0; i < kb; i++) {
                double term = (double)b[i * L + l] * wb[i * row_b + j * column_b];
                want += term, scale += fabs(term);
            }
            check_close(k, "affine", out[j * L + l], want, scale);
        }
    cr_assert_eq(memcmp(out + columns * L, before + columns * L, L * sizeof *out), 0);
    gru_real *all[] = {a, b, bi, wa, wb, pa, pb, out, before};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void test_affine(const gru_kern *k) {
    for (size_t columns = 1; columns <= 2 * k->panel + 2; columns++)
        affine_case(k, columns, draw_count(9), columns % 3, columns % 2, columns % 5 < 2);
    static const size_t sizes[][3] = {{1, 1, 1},    {192, 128, 64}, {96, 64, 32},
                                      {150, 1, 50}, {300, 5, 100},  {1, 64, 0}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int way = 0; way < 4; way++)
            affine_case(k, sizes[i][0], sizes[i][1], sizes[i][2], way & 1, way & 2);
}
Test(kern, affine) {
    each_table(1, test_affine);
}

/* One sequence: rows in memory, columns in the lanes; steps wider than what is computed. */
static void rows_case(const gru_kern *k, size_t rows, size_t inner, size_t columns, bool bias) {
    size_t out_step = columns + 16, w_step = columns + 32, x_step = inner + 3;
    gru_real *out = random_block(rows * out_step), *before = block(rows * out_step);
    gru_real *x = random_block(rows * x_step), *w = random_block(inner * w_step);
    gru_real *b = random_block(columns);
    memcpy(before, out, rows * out_step * sizeof *out);
    k->rows(out, out_step, bias ? b : NULL, x, x_step, rows, inner, w, w_step, columns);
    check_rows(k, "rows", rows, columns, out, before, out_step, bias ? b : NULL, x, x_step, inner,
               w, w_step);
    free(out), free(before), free(x), free(w), free(b);
}

static void test_rows(const gru_kern *k) {
    for (size_t columns = 16; columns <= 208; columns += 16)
        for (size_t rows = 1; rows <= 9; rows++)
            rows_case(k, rows, draw_count(20), columns, (rows + columns / 16) % 2);
    rows_case(k, 50, 128, 192, true);
    rows_case(k, 1, 1, 16, false);
}
Test(kern, rows) {
    each_table(11, test_rows);
}

static void outer_case(const gru_kern *k, size_t rows, size_t columns, size_t steps,
                       bool backwards) {
    size_t a_room = rows + gru_random_below(&source, 3), gap = gru_random_below(&source, 3),
           split = gru_random_below(&source, (uint32_t)columns + 1),
           b_room = columns + gap + gru_random_below(&source, 3);
    size_t ld = columns + gru_random_below(&source, 3);
    gru_real *a = random_block(a_room * L * steps), *b = random_block(b_room * L * steps);
    gru_real *w = random_block(rows * ld), *before = block(rows * ld);
    memcpy(before, w, rows * ld * sizeof *w);
    gru_real *room = block(steps * GRU_OUTER_ROOM);
    ptrdiff_t b_step = (ptrdiff_t)(b_room * L);
    const gru_real *first = backwards ? b + (steps - 1) * b_room * L : b;
    add_outer(k, &(gru_outer){.w = w,
                              .ld = ld,
                              .a = a,
                              .rows = rows,
                              .a_step = (ptrdiff_t)(a_room * L),
                              .b = first,
                              .columns = columns,
                              .split = split,
                              .gap = gap,
                              .b_step = backwards ? -b_step : b_step,
                              .steps = steps,
                              .room = room});
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < ld; j++) {
            double want = before[i * ld + j], scale = fabs(want);
            for (size_t t = 0; j < columns && t < steps; t++)
                for (size_t l = 0; l < L; l++) {
                    size_t u = backwards ? steps - 1 - t : t;
                    double term = (double)a[(t * a_room + i) * L + l] *
                                  b[(u * b_room + j + (j < split ? 0 : gap)) * L + l];
                    want += term, scale += fabs(term);
                }
            if (j < columns)
                check_close(k, "outer", w[i * ld + j], want, scale);
            else
                cr_assert(w[i * ld + j] >= before[i * ld + j] &&
                          w[i * ld + j] <= before[i * ld + j]);
        }
    free(a), free(b), free(w), free(before), free(room);
}

static void test_outer(const gru_kern *k) {
    for (size_t rows = 1; rows <= 11; rows++)
        for (size_t columns = 1; columns <= 11; columns++)
            outer_case(k, rows, columns, draw_count(4), (rows + columns) % 2);
    for (size_t rows = 12; rows <= 120; rows += 1 + gru_random_below(&source, 9))
        outer_case(k, rows, 1 + gru_random_below(&source, 40), draw_count(4), rows % 2);
    outer_case(k, 64, 96, 20, false);
    outer_case(k, 1, 150, 60, true);
}
Test(kern, outer) {
    each_table(2, test_outer);
}

/* Two pieces give the bits that all steps at once gave. */
static void check_lanes(const gru_kern *k, const gru_real *sums, gru_real *was, const gru_real *b,
                        size_t columns, size_t room, size_t steps) {
    gru_real *lanes = block(columns * L);
    size_t first = steps / 2;
    memset(lanes, 0, columns * L * sizeof *lanes);
    k->column_lanes(lanes, b, columns, (ptrdiff_t)(room * L), first);
    k->column_lanes(lanes, b + first * room * L, columns, (ptrdiff_t)(room * L), steps - first);
    k->column_sums(was, lanes, columns, 0, 1);
    cr_assert_eq(memcmp(was, sums, columns * sizeof *was), 0, "%s: column_lanes", k->name);
    free(lanes);
}

static void test_column_sums(const gru_kern *k) {
    for (size_t columns = 1; columns <= 20; columns++) {
        size_t steps = draw_count(6), room = columns + columns % 2;
        gru_real *b = random_block(room * L * steps), *w = random_block(columns),
                 *was = block(columns);
        memcpy(was, w, columns * sizeof *w);
        k->column_sums(w, b, columns, (ptrdiff_t)(room * L), steps);
        for (size_t j = 0; j < columns; j++) {
            double want = was[j], scale = fabs(want);
            for (size_t t = 0; t < steps; t++)
                for (size_t l = 0; l < L; l++) {
                    want += b[(t * room + j) * L + l];
                    scale += fabs((double)b[(t * room + j) * L + l]);
                }
            check_close(k, "column_sums", w[j], want, scale);
        }
        check_lanes(k, w, was, b, columns, room, steps);
        free(b), free(w), free(was);
    }
}
Test(kern, column_sums) {
    each_table(3, test_column_sums);
}

/* ---- cells ---- */

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

typedef struct cell_flags {
    bool update_new, relu, masked;
} cell_flags;

/* A cell of one unit and one row, from the formulas: v = pre-activations, then h, then c (LSTM) or
 * the state that r multiplies (GRU, reset before). out[0] is the next state; out[1] LSTM's next
 * cell, or r ⊙ h. */
enum { GATES = 4, H = 4, C = 5, INPUTS = 6 };
typedef void cell_formula(const cell_flags *f, const double v[INPUTS], double out[2]);

static double updated(const cell_flags *f, double z, double h, double n) {
    return f->update_new ? (1 - z) * h + z * n : z * h + (1 - z) * n;
}
static void gru_after(const cell_flags *f, const double v[INPUTS], double out[2]) {
    out[0] = updated(f, logistic(v[0]), v[H], tanh(v[2] + logistic(v[1]) * v[3]));
    out[1] = 0;
}
static void gru_before(const cell_flags *f, const double v[INPUTS], double out[2]) {
    out[0] = updated(f, logistic(v[0]), v[H], tanh(v[2]));
    out[1] = logistic(v[1]) * v[C];
}
static void lstm(const cell_flags *f, const double v[INPUTS], double out[2]) {
    (void)f;
    out[1] = logistic(v[1]) * v[C] + logistic(v[0]) * tanh(v[2]);
    out[0] = logistic(v[3]) * tanh(out[1]);
}
static void rnn(const cell_flags *f, const double v[INPUTS], double out[2]) {
    out[0] = f->relu ? fmax(v[0], 0) : tanh(v[0]);
    out[1] = 0;
}

typedef struct cell_case {
    gru_cell_step s;
    size_t size;
    cell_flags flags;
    cell_formula *formula;
    gru_real *start, *c_or_hr; /* pre-activations; the cell before, or hr */
    gru_real *dh, *d2; /* gradients given: of the next state; of the next cell, or of r ⊙ h */
} cell_case;

static cell_case cell_new(cell_formula *formula, size_t units, cell_flags flags) {
    cell_case c = {.size = units * L, .flags = flags, .formula = formula};
    size_t n = c.size;
    gru_real *mask = block(L);
    for (size_t l = 0; l < L; l++)
        mask[l] = draw(0, 1) < 0.5 ? 0 : 1;
    c.start = random_block(GATES * n);
    c.c_or_hr = random_block(n);
    c.dh = random_block(n);
    c.d2 = random_block(n);
    c.s = (gru_cell_step){.units = units,
                          .gates = block(GATES * n),
                          .h = random_block(n),
                          .next = block(n),
                          .c = c.c_or_hr,
                          .c_next = block(n),
                          .mask = flags.masked ? mask : NULL,
                          .update_new = flags.update_new,
                          .relu = flags.relu,
                          .dh = block(n),
                          .dc = block(n),
                          .drh = block(n),
                          .hr = c.c_or_hr,
                          .dhr = random_block(n)};
    memcpy(c.s.gates, c.start, GATES * n * sizeof(gru_real));
    memcpy(c.s.dh, c.dh, n * sizeof(gru_real));
    memcpy(c.s.dc, c.d2, n * sizeof(gru_real));
    if (!flags.masked)
        free(mask);
    return c;
}

static void cell_free(cell_case *c) {
    const gru_real *all[] = {c->start, c->c_or_hr, c->dh,       c->d2,     c->s.gates,
                             c->s.h,   c->s.next,  c->s.c_next, c->s.mask, c->s.dh,
                             c->s.dc,  c->s.drh,   c->s.dhr};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free((void *)(uintptr_t)all[i]);
}

static bool held(const cell_case *c, size_t i) {
    return c->s.mask && !(c->s.mask[i % L] > 0);
}

static void cell_inputs(const cell_case *c, size_t i, double v[INPUTS]) {
    for (size_t g = 0; g < GATES; g++)
        v[g] = c->start[g * c->size + i];
    v[H] = c->s.h[i];
    v[C] = c->c_or_hr[i];
}

/* ∂(dh·out[0] + d2·out[1])/∂v by central differences. */
static void cell_slopes(const cell_case *c, size_t i, double d2, double slope[INPUTS]) {
    double v[INPUTS], up[2], down[2];
    const double step = 1e-5;
    cell_inputs(c, i, v);
    for (int n = 0; n < INPUTS; n++) {
        double was = v[n];
        v[n] = was + step;
        c->formula(&c->flags, v, up);
        v[n] = was - step;
        c->formula(&c->flags, v, down);
        v[n] = was;
        slope[n] = (c->dh[i] * (up[0] - down[0]) + d2 * (up[1] - down[1])) / (2 * step);
    }
}

static void cell_check(const gru_kern *k, const cell_case *c, const char *what, size_t i,
                       double got, double want) {
    cr_assert(fabs(got - want) <= 5e-6, "%s %s, unit %zu row %zu: %.9g, expected %.9g", k->name,
              what, i / L, i % L, got, want);
    (void)c;
}

static void check_forward(const gru_kern *k, const cell_case *c, const char *what, bool has_cell) {
    for (size_t i = 0; i < c->size; i++) {
        double v[INPUTS], out[2];
        cell_inputs(c, i, v);
        c->formula(&c->flags, v, out);
        cell_check(k, c, what, i, c->s.next[i], held(c, i) ? v[H] : out[0]);
        if (has_cell)
            cell_check(k, c, what, i, c->s.c_next[i], held(c, i) ? v[C] : out[1]);
    }
}

/* Gates' gradients [gates], and the gradient that passes to h besides U. */
static void check_backward(const gru_kern *k, const cell_case *c, const char *what, int gates,
                           bool two) {
    for (size_t i = 0; i < c->size; i++) {
        double slope[INPUTS];
        cell_slopes(c, i, two ? c->d2[i] : 0, slope);
        for (int g = 0; g < gates; g++)
            cell_check(k, c, what, i, c->s.gates[(size_t)g * c->size + i],
                       held(c, i) ? 0 : slope[g]);
        cell_check(k, c, what, i, c->s.dh[i], held(c, i) ? c->dh[i] : slope[H]);
    }
}

static void gru_after_case(const gru_kern *k, size_t units, cell_flags flags) {
    cell_case c = cell_new(gru_after, units, flags);
    k->gru_forward(&c.s);
    check_forward(k, &c, "gru", false);
    k->gru_backward(&c.s);
    check_backward(k, &c, "gru backward", 4, false);
    cell_free(&c);
}

static void gru_before_case(const gru_kern *k, size_t units, cell_flags flags) {
    cell_case c = cell_new(gru_before, units, flags);
    size_t n = c.size;
    k->gru_before_reset(&c.s);
    for (size_t i = 0; i < n; i++)
        cell_check(k, &c, "r ⊙ h", i, c.s.drh[i], logistic(c.start[n + i]) * c.c_or_hr[i]);
    k->gru_before_forward(&c.s);
    check_forward(k, &c, "gru before", false);
    gru_real *dhr = block(n);
    memcpy(dhr, c.s.dhr, n * sizeof *dhr);
    k->gru_before_backward(&c.s);
    for (size_t i = 0; i < n; i++) /* dn is 0 where the state is held, so is dn Unᵀ */
        c.s.drh[i] = c.d2[i] = held(&c, i) ? 0 : c.d2[i];
    k->gru_before_backward_reset(&c.s);
    check_backward(k, &c, "gru before backward", 3, true);
    for (size_t i = 0; i < n; i++)
        cell_check(k, &c, "dhr", i, c.s.dhr[i], dhr[i] + c.d2[i] * logistic(c.start[n + i]));
    free(dhr);
    cell_free(&c);
}

static void lstm_case(const gru_kern *k, size_t units, cell_flags flags) {
    cell_case c = cell_new(lstm, units, flags);
    k->lstm_forward(&c.s);
    check_forward(k, &c, "lstm", true);
    k->lstm_backward(&c.s);
    check_backward(k, &c, "lstm backward", 4, true);
    for (size_t i = 0; i < c.size; i++) {
        double slope[INPUTS];
        cell_slopes(&c, i, c.d2[i], slope);
        cell_check(k, &c, "lstm dc", i, c.s.dc[i], held(&c, i) ? c.d2[i] : slope[C]);
    }
    cell_free(&c);
}

static void rnn_case(const gru_kern *k, size_t units, cell_flags flags) {
    cell_case c = cell_new(rnn, units, flags);
    for (size_t i = 0; i < c.size;
         i++) /* keep off the bend, where differences don't tell the slope */
        if (fabs((double)c.start[i]) < 1e-3)
            c.start[i] = c.s.gates[i] = (gru_real)0.5;
    k->rnn_forward(&c.s);
    check_forward(k, &c, "rnn", false);
    k->rnn_backward(&c.s);
    check_backward(k, &c, "rnn backward", 1, false);
    cell_free(&c);
}

static void test_cells(const gru_kern *k) {
    static const size_t units[] = {1, 2, 3, 7, 16, 33, 64};
    for (size_t u = 0; u < sizeof units / sizeof *units; u++)
        for (int way = 0; way < 4; way++) {
            cell_flags flags = {.update_new = way & 1, .relu = way & 1, .masked = way & 2};
            gru_after_case(k, units[u], flags);
            gru_before_case(k, units[u], flags);
            lstm_case(k, units[u], flags);
            rnn_case(k, units[u], flags);
        }
}
Test(kern, cells) {
    each_table(4, test_cells);
}

/* ---- elementary functions ---- */

typedef double exact(double);
typedef void inplace(gru_real *x, size_t count);

/* Distance in units of the last place of the float nearest to want. */
static double ulps(float got, double want) {
    float near = (float)want;
    double unit = (double)nextafterf(fabsf(near), INFINITY) - (double)fabsf(near);
    return fabs((double)got - want) / unit;
}

/* All floats from -limit to limit, one in `stride`. */
static void sweep(const gru_kern *k, const char *what, inplace *ours, exact *theirs, float limit,
                  double below) {
    enum { CHUNK = 1024, STRIDE = 3001 };
    gru_real *x = block(CHUNK);
    float in[CHUNK];
    uint32_t top;
    memcpy(&top, &limit, sizeof top);
    for (uint64_t bits = 0; bits <= 2ull * top;) {
        for (size_t i = 0; i < CHUNK; i++, bits += STRIDE) {
            uint64_t b = bits > 2ull * top ? 2ull * top : bits;
            uint32_t word = b > top ? 0x80000000u | (uint32_t)(b - top) : (uint32_t)b;
            memcpy(&in[i], &word, sizeof word);
            x[i] = in[i];
        }
        ours(x, CHUNK);
        for (size_t i = 0; i < CHUNK; i++) {
            double want = theirs(in[i]);
            if (want < below)
                cr_assert(x[i] >= 0 && x[i] <= 2 * below, "%s %s(%a) = %a", k->name, what, in[i],
                          x[i]);
            else
                cr_assert(ulps((float)x[i], want) <= 4, "%s %s(%a) = %a, expected %a", k->name,
                          what, in[i], x[i], want);
        }
    }
    free(x);
}

static void test_functions(const gru_kern *k) {
    /* Below exp(-87), about the smallest normal float, sigmoid stays there instead of going on to
     * 0. */
    sweep(k, "sigmoid", k->sigmoid, logistic, FLT_MAX, 2 * (double)FLT_MIN);
    sweep(k, "tanh", k->tanh, tanh, FLT_MAX, -2);
    sweep(k, "exp", k->exp, exp, 87, -1);
}
Test(kern, functions_within_4_ulp) {
    each_table(5, test_functions);
}

static void test_extremes(const gru_kern *k) {
    gru_real *x = block(L);
    inplace *const all[] = {k->sigmoid, k->tanh, k->exp};
    for (size_t f = 0; f < 3; f++) {
        for (size_t l = 0; l < L; l++)
            x[l] = l % 4 == 0   ? (gru_real)NAN
                   : l % 4 == 1 ? (gru_real)INFINITY
                   : l % 4 == 2 ? -(gru_real)INFINITY
                                : 0;
        all[f](x, L);
        for (size_t l = 0; l < L; l += 4) {
            cr_assert(isnan(x[l]), "%s: function %zu loses NaN", k->name, f);
            cr_assert(f == 2 ? x[l + 1] > 1e37f : x[l + 1] >= 1 && x[l + 1] <= 1);
            cr_assert(f == 1 ? x[l + 2] >= -1 && x[l + 2] <= -1
                             : x[l + 2] >= 0 && x[l + 2] < 1e-37f);
            gru_real at_zero = f == 0 ? (gru_real)0.5 : f == 1 ? 0 : 1;
            cr_assert(x[l + 3] >= at_zero && x[l + 3] <= at_zero);
        }
    }
    free(x);
}
Test(kern, functions_at_extremes) {
    each_table(6, test_extremes);
}

/* ---- dropout ---- */

static bool kept_by_definition(size_t i, double rate, const uint32_t key[2], uint32_t row,
                               uint32_t batch, uint32_t epoch) {
    uint32_t counter[4] = {(uint32_t)(i / 8), row, batch, epoch}, word[4];
    gru_philox(key, counter, word);
    uint32_t half = word[i % 8 / 2] >> (i % 2 ? 16 : 0) & 0xffffu;
    return half >= (uint32_t)lround(rate * 65536.0);
}

static void test_dropout(const gru_kern *k) {
    static const double rates[] = {0, 0.1, 0.2, 0.5, 0.9};
    static const uint32_t key[2] = {123456789, 42};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++)
        for (size_t count = 1; count <= 2000; count = count * 3 + 1) {
            uint16_t bits[2048];
            memset(bits, 0xa5, sizeof bits);
            uint32_t row = gru_random_word(&source), batch = gru_random_word(&source);
            k->dropout_bits(bits, count, rates[r], key, row, batch, 7);
            size_t kept = 0;
            for (size_t i = 0; i < count; i++)
                for (uint32_t l = 0; l < L; l++) {
                    bool want = kept_by_definition(i, rates[r], key, row + l, batch, 7);
                    cr_assert_eq(bits[i] >> l & 1, want, "%s: element %zu row %u", k->name, i, l);
                    kept += want;
                }
            cr_assert_eq(bits[count], 0xa5a5);
            double n = (double)count * L, deviation = sqrt(n * rates[r] * (1 - rates[r]));
            cr_assert(fabs((double)kept - n * (1 - rates[r])) <= 5 * deviation + n / 65536);
        }
}
Test(kern, dropout_bits) {
    each_table(7, test_dropout);
}

static void test_dropout_apply(const gru_kern *k) {
    for (size_t count = 1; count <= 40; count++) {
        uint16_t bits[40];
        gru_real *x = random_block(count * L), *out = block((count + 1) * L);
        for (size_t i = 0; i < count; i++)
            bits[i] = (uint16_t)gru_random_word(&source);
        k->dropout_apply(out, x, bits, count, 0.3);
        cr_assert(out[count * L] <= guard && out[count * L] >= guard);
        for (size_t i = 0; i < count * L; i++)
            check_close(k, "dropout_apply", out[i], bits[i / L] >> i % L & 1 ? x[i] / 0.7 : 0, 2);
        k->dropout_apply(x, x, bits, count, 0.3);
        cr_assert_eq(memcmp(x, out, count * L * sizeof *x), 0);
        free(x), free(out);
    }
}
Test(kern, dropout_apply) {
    each_table(8, test_dropout_apply);
}

/* ---- lanes ---- */

static void test_lanes(const gru_kern *k) {
    for (size_t count = 1; count <= 37; count++) {
        gru_real values[L][37];
        const gru_real *rows[L];
        gru_real *lanes = block((count + 1) * L);
        for (size_t l = 0; l < L; l++) {
            for (size_t i = 0; i < count; i++)
                values[l][i] = (gru_real)draw(-1, 1);
            rows[l] = values[l];
        }
        k->to_lanes(lanes, rows, count);
        for (size_t i = 0; i < count * L; i++) {
            gru_real want = values[i % L][i / L];
            cr_assert(lanes[i] >= want && lanes[i] <= want);
        }
        cr_assert(lanes[count * L] <= guard && lanes[count * L] >= guard);
        free(lanes);
    }
}
Test(kern, to_lanes) {
    each_table(9, test_lanes);
}

static void test_add_rows(const gru_kern *k) {
    enum { TARGETS = 5 };
    for (size_t count = 1; count <= 37; count++) {
        gru_real *lanes = random_block(count * L), *table = random_block(TARGETS * (count + 1));
        double want[TARGETS][38];
        gru_real *rows[L];
        bool met[TARGETS + 1] = {false};
        unsigned fresh = 0;
        for (size_t t = 0; t < TARGETS; t++)
            for (size_t i = 0; i <= count; i++)
                want[t][i] = table[t * (count + 1) + i];
        for (size_t l = 0; l < L; l++) {
            size_t t = gru_random_below(&source, TARGETS + 1); /* rows repeat; the last is none */
            rows[l] = t == TARGETS ? NULL : table + t * (count + 1);
            bool first = t < TARGETS && t % 2 && !met[t];
            met[t] = true;
            fresh |= (unsigned)first << l;
            for (size_t i = 0; first && i < count; i++)
                want[t][i] = 0;
            for (size_t i = 0; t < TARGETS && i < count; i++)
                want[t][i] += lanes[i * L + l];
        }
        k->add_rows(rows, lanes, count, fresh);
        for (size_t t = 0; t < TARGETS; t++)
            for (size_t i = 0; i <= count; i++)
                check_close(k, "add_rows", table[t * (count + 1) + i], want[t][i], 20);
        free(lanes), free(table);
    }
}
Test(kern, add_rows) {
    each_table(12, test_add_rows);
}

static void test_scale_and_dot(const gru_kern *k) {
    for (size_t count = 1; count <= 37; count++) {
        gru_real *a = random_block(count * L), *b = random_block(count * L), *s = random_block(L);
        gru_real *out = random_block(count * L), *was = block(count * L), *sums = random_block(L);
        double want[L], scale[L];
        memcpy(was, out, count * L * sizeof *out);
        for (size_t l = 0; l < L; l++) {
            want[l] = sums[l], scale[l] = fabs(want[l]);
            for (size_t i = 0; i < count; i++) {
                double term = (double)a[i * L + l] * b[i * L + l];
                want[l] += term, scale[l] += fabs(term);
            }
        }
        k->scale_add(out, a, s, count);
        for (size_t i = 0; i < count * L; i++)
            check_close(k, "scale_add", out[i], was[i] + (double)a[i] * s[i % L], 6);
        k->dot(sums, a, b, count);
        for (size_t l = 0; l < L; l++)
            check_close(k, "dot", sums[l], want[l], scale[l]);
        free(a), free(b), free(s), free(out), free(was), free(sums);
    }
}
Test(kern, scale_add_and_dot) {
    each_table(10, test_scale_and_dot);
}

static void test_add(const gru_kern *k) {
    for (size_t count = 0; count <= 70; count++) {
        gru_real *a = random_block(count + 1), *out = random_block(count + 2);
        gru_real *was = block(count + 2);
        memcpy(was, out, (count + 2) * sizeof *out);
        k->add(out + 1, a + 1, count);
        cr_assert_eq(out[0], was[0]);
        for (size_t i = 1; i <= count; i++)
            cr_assert_eq(out[i], was[i] + a[i], "%s add", k->name);
        cr_assert_eq(out[count + 1], was[count + 1], "%s add goes too far", k->name);
        free(a), free(out), free(was);
    }
}
Test(kern, add) {
    each_table(12, test_add);
}

static void test_peak(const gru_kern *k) {
    gru_real *out = block(L);
    for (size_t operations = 1; operations < 5000000; operations = operations * 7 + 3) {
        double done = 0;
        for (size_t l = 0; l < L; l++)
            out[l] = 1;
        k->peak(out, operations);
        for (size_t l = 0; l < L; l++)
            done += 2 * (double)out[l];
        cr_assert(done >= (double)operations && done <= (double)operations + 2 * 12 * L,
                  "%s: %g operations of %zu", k->name, done, operations);
    }
    free(out);
}
Test(kern, peak_does_all_its_operations) {
    each_table(12, test_peak);
}
