/* Scaling against hand-computed values of scikit-learn's definitions, and scaler.tsv there and
 * back. */
#include "series/scaler.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

static void near(double got, double want) {
    cr_assert(!(fabs(got - want) > 1e-14 * (1 + fabs(want))) && !isnan(got), "%.17g, not %.17g",
              got, want);
}

static gru_scaler fitted(gru_scale_method method, double low, double high) {
    double values[] = {3, NAN, 1, 10, 2};
    gru_scaler s;
    gru_error err = {0};
    gru_scaler_init(&s, method, low, high);
    s.rows = s.total = 5;
    cr_assert_eq(gru_scaler_add(&s, "a\tb", values, 5, &err), GRU_OK, "%s", err.message);
    return s;
}

Test(scaler, definitions) {
    static const struct {
        gru_scale_method method;
        double low, high, of_10;
    } cases[] = {
        {GRU_SCALE_MINMAX, 0, 1, 1},
        {GRU_SCALE_MINMAX, -2, 3, 3},
        {GRU_SCALE_STANDARD, 0, 1, 1.6970562748477141}, /* (10 − 4) / √12.5 */
        {GRU_SCALE_ROBUST, 0, 1, 2.5},                  /* (10 − 2.5) / (4.75 − 1.75) */
        {GRU_SCALE_MAXABS, 0, 1, 1},
        {GRU_SCALE_LOG, 0, 1, 2.3025850929940457},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gru_scaler s = fitted(cases[i].method, cases[i].low, cases[i].high);
        cr_assert_eq(s.column[0].count, 4);
        near(gru_scaler_apply(&s, 0, 10), cases[i].of_10);
        near(gru_scaler_invert(&s, 0, gru_scaler_apply(&s, 0, 7.25)), 7.25);
        cr_assert(isnan(gru_scaler_apply(&s, 0, NAN)));
        gru_scaler_free(&s);
    }
}

Test(scaler, a_constant_column_has_scale_1) {
    for (int m = 0; m < GRU_SCALE_MAXABS; m++) {
        double values[] = {0.1, 0.1, 0.1};
        gru_scaler s;
        gru_error err = {0};
        gru_scaler_init(&s, (gru_scale_method)m, 0, 1);
        cr_assert_eq(gru_scaler_add(&s, "c", values, 3, &err), GRU_OK);
        near(s.column[0].scale, 1);
        cr_assert(!(fabs(gru_scaler_apply(&s, 0, 0.1)) > DBL_EPSILON));
        gru_scaler_free(&s);
    }
}

/* Plain sums of these are off by 1e-12 and 2e-7 of a row. */
Test(scaler, a_long_constant_column_is_its_own_mean) {
    static const struct {
        double value;
        size_t count;
    } cases[] = {{0.1, 1000000}, {333333333.3333333, 56}, {-1.1, 99999}};
    static double values[1000000];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gru_scaler s;
        gru_error err = {0};
        for (size_t k = 0; k < cases[i].count; k++)
            values[k] = cases[i].value;
        gru_scaler_init(&s, GRU_SCALE_STANDARD, 0, 1);
        cr_assert_eq(gru_scaler_add(&s, "c", values, cases[i].count, &err), GRU_OK);
        double y = gru_scaler_apply(&s, 0, cases[i].value);
        cr_assert(y <= 0 && y >= 0, "%zu times %.17g: %g", cases[i].count, cases[i].value, y);
        gru_scaler_free(&s);
    }
}

Test(scaler, a_zero_comes_back_as_zero) {
    static const double ends[][2] = {{0, 1}, {-1, 1}, {0.1, 0.9}, {-2, 3}, {1, 2}};
    for (int column = 1; column < 500; column++)
        for (size_t i = 0; i < 2 * sizeof ends / sizeof *ends; i++) {
            double values[] = {-7, 0, 3.0 * column, column % 13, column};
            gru_scaler s;
            gru_error err = {0};
            gru_scaler_init(&s, i % 2 ? GRU_SCALE_STANDARD : GRU_SCALE_MINMAX, ends[i / 2][0],
                            ends[i / 2][1]);
            cr_assert_eq(gru_scaler_add(&s, "c", values, 5, &err), GRU_OK);
            double x = gru_scaler_invert(&s, 0, gru_scaler_apply(&s, 0, 0));
            cr_assert(x <= 0 && x >= 0, "column %d, case %zu: %g", column, i, x);
            gru_scaler_free(&s);
        }
}

Test(scaler, text_reads_back_bit_for_bit) {
    gru_scaler s = fitted(GRU_SCALE_STANDARD, 0, 1), t;
    gru_str text = {0};
    gru_error err = {0};
    cr_assert_eq(gru_scaler_text(&s, &text, &err), GRU_OK);
    cr_assert_eq(gru_scaler_parse(&t, text.data, text.len, "s", &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_scaler_find(&t, "a\tb"), 0);
    cr_assert_eq(gru_scaler_find(&t, "a"), -1);
    cr_assert_eq(t.column[0].center, s.column[0].center);
    cr_assert_eq(t.column[0].scale, s.column[0].scale);
    cr_assert_eq(t.method, GRU_SCALE_STANDARD);
    gru_scaler_free(&s);
    gru_scaler_free(&t);
    gru_str_free(&text);
}

Test(scaler, refuses_what_is_no_scaler) {
    static const char *const bad[] = {
        "",
        "a\tb\n1\t2\n",
        "#tool gru-scale\n#method minmax\n#rows 1\n#total 1\n",
        "#tool gru-scale\n#method best\n#rows 1\n#total 1\ncolumn\n",
        "#tool gru-scale\n#method minmax\n#rows 0\n#total "
        "1\ncolumn\tcenter\tscale\tcount\tmin\tmax\n",
        "#tool gru-scale\n#method minmax\n#rows 1\n#total "
        "1\ncolumn\tcenter\tscale\tcount\tmin\tmax\n",
        "#tool gru-scale\n#method minmax\n#rows 1\n#total 1\n"
        "column\tcenter\tscale\tcount\tmin\tmax\na\t0\t0\t1\t0\t0\n",
        "#tool gru-scale\n#method minmax\n#range 1,0\n#rows 1\n#total 1\n"
        "column\tcenter\tscale\tcount\tmin\tmax\na\t0\t1\t1\t0\t0\n",
        "#tool gru-scale\n#method minmax\n#rows 1\n#total 1\n"
        "column\tcenter\tscale\tcount\tmin\tmax\na\t0\t1\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gru_scaler s;
        gru_error err = {0};
        cr_assert_eq(gru_scaler_parse(&s, bad[i], strlen(bad[i]), "s", &err), GRU_ERR_DATA,
                     "case %zu", i);
        cr_assert_eq(strncmp(err.message, "s:", 2), 0, "'%s'", err.message);
    }
}
