/* Splits against scikit-learn's (scripts/golden/split.py), and plans that cannot be. */
#include "train/split.h"

#include "series/fitted.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

/* Numbers separated by blanks; returns how many. */
static size_t numbers(const char *text, size_t *out) {
    size_t count = 0;
    char *end;
    for (size_t v = strtoul(text, &end, 10); end != text && count < MOST;
         text = end, v = strtoul(text, &end, 10))
        out[count++] = v;
    return count;
}

static const char *cell(const gru_fitted *f, size_t row, const char *column) {
    gru_error err = {0};
    size_t at;
    cr_assert_eq(gru_fitted_column(f, column, &at, &err), GRU_OK, "%s", err.message);
    return gru_fitted_cell(f, row, at);
}

static gru_split_plan plan_of(const gru_fitted *f, size_t row) {
    const char *order = cell(f, row, "order");
    double test = strtod(cell(f, row, "test"), NULL);
    double validation = strtod(cell(f, row, "validation"), NULL);
    return (gru_split_plan){
        .order = *order == 't'   ? GRU_SPLIT_TIME
                 : *order == 'r' ? GRU_SPLIT_RANDOM
                                 : GRU_SPLIT_STRATIFIED,
        .test = {.given = test > 0, .share = test},
        .validation = {.given = validation > 0, .share = validation},
        .seed = (uint32_t)strtoul(cell(f, row, "seed"), NULL, 10),
        .folds = strtoul(cell(f, row, "folds"), NULL, 10),
        .fold = strtoul(cell(f, row, "fold"), NULL, 10),
        .forward = *cell(f, row, "forward") == '1',
    };
}

static void expect(const char *text, const size_t *rows, size_t count, const char *what, size_t c) {
    static size_t want[MOST];
    size_t wanted = numbers(text, want);
    cr_assert_eq(count, wanted, "case %zu: %zu %s rows, not %zu", c + 1, count, what, wanted);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(rows[i], want[i], "case %zu: %s row %zu is %zu, not %zu", c + 1, what, i,
                     rows[i], want[i]);
}

Test(split, equals_scikit_learn) {
    gru_fitted f;
    gru_error err = {0};
    static size_t labels[MOST];
    static uint32_t classes[MOST];
    cr_assert_eq(gru_fitted_load(&f, "testdata/golden/split.tsv", &err), GRU_OK, "%s", err.message);
    cr_assert_gt(f.rows, 50);
    for (size_t c = 0; c < f.rows; c++) {
        gru_split s;
        gru_split_plan plan = plan_of(&f, c);
        size_t rows = numbers(cell(&f, c, "classes"), labels);
        for (size_t i = 0; i < rows; i++)
            classes[i] = (uint32_t)labels[i];
        cr_assert_eq(gru_split_make(&s, &plan, rows,
                                    plan.order == GRU_SPLIT_STRATIFIED ? classes : NULL, &err),
                     GRU_OK, "case %zu: %s", c + 1, err.message);
        expect(cell(&f, c, "train"), s.train, s.train_count, "training", c);
        expect(cell(&f, c, "held"), s.validation, s.validation_count, "validation", c);
        expect(cell(&f, c, "tested"), s.test, s.test_count, "test", c);
        gru_split_free(&s);
    }
    gru_fitted_free(&f);
}

Test(split, sliding_trains_on_a_fixed_number_of_rows) {
    gru_error err = {0};
    gru_split s;
    gru_split_plan plan = {.folds = 3, .fold = 3, .forward = true, .sliding = true, .gap = 2};
    cr_assert_eq(gru_split_make(&s, &plan, 23, NULL, &err), GRU_OK, "%s", err.message);
    /* blocks of 5: the first training part has 23 − 15 − 2 = 6 rows, fold 3 tests rows 18 … 22 */
    cr_assert_eq(s.test_count, 5);
    cr_assert_eq(s.test[0], 18);
    cr_assert_eq(s.train_count, 6);
    cr_assert_eq(s.train[0], 10);
    cr_assert_eq(s.train[5], 15);
    gru_split_free(&s);
}

Test(split, counts_and_gaps) {
    gru_error err = {0};
    gru_split s;
    gru_split_plan plan = {.test = {.given = true, .is_count = true, .count = 3}, .gap = 2};
    cr_assert_eq(gru_split_make(&s, &plan, 10, NULL, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(s.train_count, 5);
    cr_assert_eq(s.test[0], 7);
    gru_split_free(&s);
}

static void refused(gru_split_plan plan, size_t rows, const uint32_t *classes, gru_status expected,
                    const char *word) {
    gru_error err = {0};
    gru_split s;
    cr_assert_eq(gru_split_make(&s, &plan, rows, classes, &err), expected, "%s", err.message);
    cr_assert(strstr(err.message, word), "'%s' does not say '%s'", err.message, word);
    gru_split_free(&s);
}

Test(split, refuses_what_cannot_be) {
    const uint32_t lonely[] = {0, 0, 0, 1, 0, 0}, two[] = {0, 0, 0, 1, 1, 1};
    gru_share half = {.given = true, .share = 0.5}, none = {.given = true};
    refused((gru_split_plan){0}, 9, NULL, GRU_ERR_USAGE, "--test");
    refused((gru_split_plan){.test = none}, 9, NULL, GRU_ERR_DATA, "at least one");
    refused((gru_split_plan){.test = {.given = true, .is_count = true, .count = 9}}, 9, NULL,
            GRU_ERR_DATA, "9 of 9");
    refused((gru_split_plan){.folds = 3, .fold = 4}, 9, NULL, GRU_ERR_USAGE, "--fold");
    refused((gru_split_plan){.folds = 30, .fold = 4}, 9, NULL, GRU_ERR_DATA, "30 folds");
    refused((gru_split_plan){.test = half, .fold = 1}, 9, NULL, GRU_ERR_USAGE, "--folds");
    refused((gru_split_plan){.test = half, .order = GRU_SPLIT_STRATIFIED}, 6, lonely, GRU_ERR_DATA,
            "only 1 row");
    refused((gru_split_plan){.test = {.given = true, .share = 0.1}, .order = GRU_SPLIT_STRATIFIED},
            6, two, GRU_ERR_DATA, "too small");
    refused((gru_split_plan){.test = half}, 1, NULL, GRU_ERR_DATA, "cannot be divided");
}
