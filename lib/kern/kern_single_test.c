/* One sequence through each cell, on every kernel table this machine can run, against loops in
 * double precision written from the formulas. */
#include "kern/kern.h"

#include "base/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { L = GRU_LANES, GATES = 4, UNITS = 80, STEPS = 9 };
typedef enum cell { AFTER, BEFORE, LSTM, RNN, CELLS } cell;

typedef struct sequence_case {
    cell cell;
    size_t units, steps, cut;
    bool reversed, masked, update_new, relu;
} sequence_case;
typedef void steps_kernel(const gru_lone *s, const gru_lone_part *part);

/* The numbers of one case in the order of the formulas. */
static struct numbers {
    double sums[STEPS][GATES][UNITS], u[UNITS][GATES][UNITS], cn[UNITS];
    double h[STEPS + 1][UNITS], c[UNITS]; /* h[0], c: before the first step; results later */
    uint8_t valid[STEPS];
} n;
static gru_random source;

static double draw(double size) {
    return (double)(gru_real)((2 * gru_random_uniform(&source) - 1) * size);
}

static size_t gates_of(cell c) {
    return c == LSTM ? 4 : c == RNN ? 1 : 3;
}

static void draw_numbers(const sequence_case *s) {
    size_t gates = gates_of(s->cell);
    for (size_t j = 0; j < s->units; j++) {
        for (size_t g = 0; g < gates; g++) {
            for (size_t t = 0; t < s->steps; t++)
                n.sums[t][g][j] = draw(2);
            for (size_t k = 0; k < s->units; k++)
                n.u[k][g][j] = draw(1.5 / sqrt((double)s->units));
        }
        n.cn[j] = draw(1);
        n.h[0][j] = draw(1);
        n.c[j] = draw(1);
    }
    for (size_t t = 0; t < s->steps; t++)
        n.valid[t] = !s->masked || gru_random_below(&source, 3) > 0;
}

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

/* Σ_k x[k] u[k][gate][j] */
static double times_u(const sequence_case *s, const double *x, size_t gate, size_t j) {
    double sum = 0;
    for (size_t k = 0; k < s->units; k++)
        sum += x[k] * n.u[k][gate][j];
    return sum;
}

static void reference_gru(const sequence_case *s, double sums[GATES][UNITS], const double *h,
                          double *next) {
    double rh[UNITS];
    for (size_t j = 0; j < s->units; j++)
        rh[j] = logistic(sums[1][j] + times_u(s, h, 1, j)) * h[j];
    for (size_t j = 0; j < s->units; j++) {
        double z = logistic(sums[0][j] + times_u(s, h, 0, j)), r = rh[j] / h[j];
        double inner =
            s->cell == BEFORE ? times_u(s, rh, 2, j) : r * (times_u(s, h, 2, j) + n.cn[j]);
        double new = tanh(sums[2][j] + inner), keep = s->update_new ? 1 - z : z;
        next[j] = keep * h[j] + (1 - keep) * new;
    }
}

static void reference_step(const sequence_case *s, double sums[GATES][UNITS], const double *h,
                           double *next) {
    if (s->cell == AFTER || s->cell == BEFORE) {
        reference_gru(s, sums, h, next);
        return;
    }
    double c[UNITS];
    for (size_t j = 0; j < s->units; j++) {
        double a[GATES];
        for (size_t g = 0; g < gates_of(s->cell); g++)
            a[g] = sums[g][j] + times_u(s, h, g, j);
        c[j] = logistic(a[1]) * n.c[j] + logistic(a[0]) * tanh(a[2]);
        next[j] = s->cell == LSTM ? logistic(a[3]) * tanh(c[j])
                  : s->relu       ? fmax(a[0], 0)
                                  : tanh(a[0]);
    }
    memcpy(n.c, c, s->units * sizeof *c);
}

/* n.h[i + 1] after the i-th step computed. */
static void reference(const sequence_case *s) {
    for (size_t i = 0; i < s->steps; i++) {
        size_t t = s->reversed ? s->steps - 1 - i : i;
        if (n.valid[t])
            reference_step(s, n.sums[t], n.h[i], n.h[i + 1]);
        else
            memcpy(n.h[i + 1], n.h[i], sizeof n.h[i]);
    }
}

static gru_real *block(size_t count) {
    size_t bytes = (count * sizeof(gru_real) + 127) / 64 * 64;
    gru_real *p = aligned_alloc(64, bytes);
    cr_assert(p);
    memset(p, 0, bytes);
    return p;
}

/* Gates [first, first + gates) of u in the kernels' layout. */
static gru_real *lay_out_u(const sequence_case *s, size_t first, size_t gates) {
    gru_real *u = block(s->units * gru_lone_columns(s->units, gates));
    for (size_t k = 0; k < s->units; k++)
        for (size_t g = 0; g < gates; g++)
            for (size_t j = 0; j < s->units; j++)
                u[gru_lone_weight(s->units, gates, k, g, j)] = (gru_real)n.u[k][first + g][j];
    return u;
}

/* Columns of a row of sums, and one of them. */
static size_t columns_of(const sequence_case *s) {
    return s->cell == BEFORE ? gru_lone_columns(s->units, 2) + gru_lone_columns(s->units, 1)
                             : gru_lone_columns(s->units, gates_of(s->cell));
}
static size_t column_of(const sequence_case *s, size_t gate, size_t unit) {
    if (s->cell != BEFORE)
        return gru_lone_column(s->units, gates_of(s->cell), gate, unit);
    return gate < 2 ? gru_lone_column(s->units, 2, gate, unit)
                    : gru_lone_columns(s->units, 2) + gru_lone_column(s->units, 1, 0, unit);
}

static steps_kernel *kernel_of(const gru_kern *k, cell c) {
    return c == AFTER    ? k->gru_steps
           : c == BEFORE ? k->gru_before_steps
           : c == LSTM   ? k->lstm_steps
                         : k->rnn_steps;
}

/* As two threads do it, each stage begun by both before either ends it: gives the same bits. */
static void run_in_parts(steps_kernel *steps, const gru_lone *whole, size_t width) {
    gru_lone side[] = {*whole, *whole};
    size_t states = (whole->steps + 1) * width;
    gru_real *h = block(states), *c = block(width), *begun = block(GRU_LONE_BEGUN);
    memcpy(h, whole->h, states * sizeof *h);
    memcpy(c, whole->c, width * sizeof *c);
    side[1].begun = begun;
    side[0].h = side[1].h = h;
    side[0].c = side[1].c = c;
    steps(whole, &(gru_lone_part){0, whole->steps, GRU_LONE_LOW | GRU_LONE_HIGH,
                                  GRU_LONE_RESETS | GRU_LONE_STATES});
    for (size_t i = 0; i < whole->steps; i++)
        for (unsigned stage = GRU_LONE_RESETS_BEGIN; stage <= GRU_LONE_STATES_END; stage *= 2) {
            steps(&side[1], &(gru_lone_part){i, i + 1, GRU_LONE_HIGH, stage});
            steps(&side[0], &(gru_lone_part){i, i + 1, GRU_LONE_LOW, stage});
        }
    cr_assert_eq(memcmp(h, whole->h, states * sizeof *h), 0, "%zu units cut at %zu", whole->units,
                 whole->cut);
    cr_assert_eq(memcmp(c, whole->c, width * sizeof *c), 0);
    free(h);
    free(c);
    free(begun);
}

static void run_case(const gru_kern *k, const sequence_case *s) {
    size_t gates = gates_of(s->cell), width = (s->units + L - 1) / L * L;
    size_t columns = columns_of(s);
    gru_real *sums = block(s->steps * columns), *h = block((s->steps + 1) * width),
             *c = block(width), *z = block(width), *reset = block(width), *cn = block(width),
             *begun = block(GRU_LONE_BEGUN);
    const gru_real *rows[STEPS];
    draw_numbers(s);
    gru_real *u = lay_out_u(s, 0, s->cell == BEFORE ? 2 : gates);
    gru_real *un = s->cell == BEFORE ? lay_out_u(s, 2, 1) : NULL;
    for (size_t t = 0; t < s->steps; t++) {
        rows[t] = sums + t * columns;
        for (size_t g = 0; g < gates; g++)
            for (size_t j = 0; j < s->units; j++)
                sums[t * columns + column_of(s, g, j)] = (gru_real)n.sums[t][g][j];
    }
    for (size_t j = 0; j < s->units; j++) {
        h[(s->reversed ? s->steps * width : 0) + j] = (gru_real)n.h[0][j];
        c[j] = (gru_real)n.c[j];
        cn[j] = (gru_real)n.cn[j];
    }
    gru_lone run = {.units = s->units,
                    .blocks = width / L,
                    .steps = s->steps,
                    .cut = s->cut,
                    .reversed = s->reversed,
                    .sums = rows,
                    .u = u,
                    .un = un,
                    .bias = cn,
                    .h = h,
                    .c = c,
                    .z = z,
                    .reset = reset,
                    .begun = begun,
                    .valid = s->masked ? n.valid : NULL,
                    .update_new = s->update_new,
                    .relu = s->relu};
    run_in_parts(kernel_of(k, s->cell), &run, width);
    reference(s);
    for (size_t i = 0; i <= s->steps; i++)
        for (size_t j = 0; j < width; j++) {
            double want = j < s->units ? n.h[i][j] : 0;
            double got = (double)h[(s->reversed ? s->steps - i : i) * width + j];
            cr_assert(fabs(got - want) <= 4e-6 * (1 + fabs(want)),
                      "%s cell %d, %zu units, state %zu of unit %zu: %.9g, expected %.9g", k->name,
                      s->cell, s->units, i, j, got, want);
        }
    for (size_t j = 0; s->cell == LSTM && j < s->units; j++)
        cr_assert(fabs((double)c[j] - n.c[j]) <= 4e-6 * (1 + fabs(n.c[j])));
    gru_real *all[] = {sums, h, c, z, reset, cn, u, un, begun};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void test_table(const gru_kern *k) {
    static const size_t units[] = {1, 2, 4, 5, 6, 15, 16, 17, 20, 21, 31, 32, 33, 36, 50, 64, 80};
    gru_random_init(&source, 1, GRU_PURPOSE_TEST, 20);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        for (cell c = 0; c < CELLS; c++)
            for (int way = 0; way < 4; way++) {
                sequence_case s = {.cell = c,
                                   .units = units[i],
                                   .steps = 1 + gru_random_below(&source, STEPS),
                                   .cut =
                                       gru_random_below(&source, (uint32_t)(units[i] + L - 1) / L),
                                   .reversed = way & 1,
                                   .masked = way & 2,
                                   .update_new = gru_random_below(&source, 2),
                                   .relu = gru_random_below(&source, 2)};
                run_case(k, &s);
            }
}

Test(kern_single, sequences) {
    gru_isa best;
    gru_error err;
    unsetenv("GRU_ISA");
    cr_assert_eq(gru_cpu_isa(&best, &err), GRU_OK);
    for (gru_isa isa = GRU_ISA_GENERIC; isa <= best; isa++)
        test_table(gru_kern_get(isa));
}
