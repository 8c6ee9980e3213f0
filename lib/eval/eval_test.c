/* Figures of evaluations, against values worked out by hand; scikit-learn's are in gru-eval.bats.
 */
#include "eval/report.h"
#include "eval/when.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void near(double got, double want, double tolerance) {
    cr_assert(fabs(got - want) <= tolerance, "%.17g is not %.17g", got, want);
}

static gru_status evaluate(const char *text, gru_evaluate_options how, gru_evaluation *e,
                           gru_error *err) {
    gru_input *in;
    gru_table *table;
    gru_predictions p;
    *e = (gru_evaluation){0};
    cr_assert_eq(gru_input_open_bytes(&in, text, strlen(text), "t", err), GRU_OK);
    cr_assert_eq(gru_table_open(&table, in, false, err), GRU_OK);
    gru_status status = gru_predictions_open(&p, table, "t", true, err);
    if (status == GRU_OK) {
        status = gru_evaluate(e, &p, &how, err);
        gru_predictions_close(&p);
    }
    gru_table_close(table);
    gru_input_close(in);
    return status;
}

static double figure(const gru_evaluation *e, const char *name, const char *group) {
    const gru_metric *m = gru_evaluation_find(e, name, group);
    cr_assert_not_null(m, "no figure %s", name);
    return m->value;
}

Test(ranks, ties_count_half) {
    gru_ranks r = {0};
    gru_error err = {0};
    const double scores[] = {0.1, 0.4, 0.4, 0.8};
    const size_t truth[] = {0, 0, 1, 1};
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(gru_ranks_add(&r, scores[i], truth[i], &err), GRU_OK);
    gru_ranks_sort(&r);
    near(gru_ranks_auc(&r, 1), 0.875, 1e-15);
    near(gru_ranks_auc(&r, 0), 0.125, 1e-15);
    near(gru_ranks_average_precision(&r, 1), 0.5 + 0.5 * 2 / 3, 1e-15);
    cr_assert(isnan(gru_ranks_auc(&r, 7)));
    gru_ranks_free(&r);
}

Test(regression, hand_worked) {
    gru_regression r = {0};
    gru_regression_add(&r, 1, 2);
    gru_regression_add(&r, 3, 3);
    gru_regression_add(&r, 5, 3);
    near(gru_regression_mse(&r), 5.0 / 3, 1e-15);
    near(gru_regression_mae(&r), 1, 1e-15);
    near(gru_regression_mape(&r), (100 + 0 + 40) / 3.0, 1e-12);
    near(gru_regression_r2(&r), 1 - 5.0 / 8, 1e-15);
}

Test(regression, no_spread_and_nothing) {
    gru_regression r = {0};
    cr_assert(isnan(gru_regression_mse(&r)));
    gru_regression_add(&r, 2, 2);
    cr_assert(isnan(gru_regression_r2(&r)));
    gru_regression_add(&r, 2, 2);
    near(gru_regression_r2(&r), 1, 0);
    gru_regression_add(&r, 2, 3);
    near(gru_regression_r2(&r), 0, 0);
}

Test(classes, zero_division_and_order) {
    gru_classes c;
    gru_error err = {0};
    size_t ten, two;
    cr_assert_eq(gru_classes_init(&c, &err), GRU_OK);
    cr_assert_eq(gru_classes_id(&c, "10", 2, &ten, &err), GRU_OK);
    cr_assert_eq(gru_classes_id(&c, "2", 1, &two, &err), GRU_OK);
    gru_classes_count(&c, ten, two);
    gru_classes_count(&c, two, two);
    cr_assert_eq(gru_classes_finish(&c, &err), GRU_OK);
    cr_assert_eq(c.order[0], two, "whole numbers sort as numbers");
    near(gru_classes_score(&c, ten).precision, 0, 0);
    near(gru_classes_score(&c, two).precision, 0.5, 0);
    near(gru_classes_mcc(&c), 0, 0);
    near(gru_classes_kappa(&c), 0, 1e-15);
    gru_classes_free(&c);
}

Test(evaluate, finds_the_positive_class_from_the_scores) {
    gru_evaluation e;
    gru_error err = {0};
    cr_assert_eq(evaluate("y_true,label,score\nno,no,.1\nyes,no,.3\nyes,yes,.9\nno,yes,.6\n",
                          (gru_evaluate_options){0}, &e, &err),
                 GRU_OK, "%s", err.message);
    cr_assert_str_eq(e.positive, "yes");
    near(figure(&e, "roc_auc", NULL), 0.75, 1e-15);
    near(figure(&e, "precision", NULL), 0.5, 0);
    near(figure(&e, "log_loss", NULL), -(log(.9) + log(.3) + log(.9) + log(.4)) / 4, 1e-15);
    gru_evaluation_free(&e);
    cr_assert_eq(evaluate("y_true,label,score\nno,no,.7\nyes,yes,.3\nyes,no,.1\n",
                          (gru_evaluate_options){0}, &e, &err),
                 GRU_ERR_DATA);
    cr_assert(strstr(err.message, "do not follow the scores"));
    gru_evaluation_free(&e);
}

Test(evaluate, naive_forecast_of_following_rows_only) {
    gru_evaluation e;
    gru_error err = {0};
    cr_assert_eq(evaluate("id,y_true,y_pred\n1,10,10\n2,12,11\n4,20,20\n5,21,21\n",
                          (gru_evaluate_options){.mistakes = 1}, &e, &err),
                 GRU_OK, "%s", err.message);
    near(figure(&e, "naive_mse", NULL), (4 + 1) / 2.0, 1e-15);
    near(figure(&e, "mse", NULL), 0.25, 1e-15);
    near(figure(&e, "skill", NULL), 1 - sqrt(0.25) / sqrt(2.5), 1e-15);
    cr_assert_str_eq(e.mistakes.at[0].id, "2");
    gru_evaluation_free(&e);
    cr_assert_eq(evaluate("id,y_true,y_pred\n9,10,10\n2,12,11\n4,20,20\n",
                          (gru_evaluate_options){0}, &e, &err),
                 GRU_OK);
    cr_assert_not(e.has_naive, "shuffled rows have no yesterday");
    gru_evaluation_free(&e);
}

Test(evaluate, horizons) {
    gru_evaluation e;
    gru_error err = {0};
    cr_assert_eq(evaluate("id,y_true_1,y_true_2,y_pred_1,y_pred_2\n1,1,2,1,4\n2,2,3,3,3\n",
                          (gru_evaluate_options){0}, &e, &err),
                 GRU_OK, "%s", err.message);
    near(figure(&e, "mse", "1"), 0.5, 1e-15);
    near(figure(&e, "mse", "2"), 2, 1e-15);
    near(figure(&e, "mse", NULL), 1.25, 1e-15);
    near(figure(&e, "naive_mse", "2"), 4, 1e-15);
    gru_evaluation_free(&e);
}

Test(evaluate, labelling_language_and_notes) {
    gru_evaluation e;
    gru_error err = {0};
    cr_assert_eq(evaluate("id,step,y_true,label\na,1,N,N\na,2,V,N\nb,1,N,N\nb,2,N,N\n",
                          (gru_evaluate_options){0}, &e, &err),
                 GRU_OK, "%s", err.message);
    cr_assert_eq(e.task, GRU_TASK_LABELLING);
    near(figure(&e, "accuracy", NULL), 0.75, 0);
    near(figure(&e, "sequences", NULL), 2, 0);
    near(figure(&e, "sequence_accuracy", NULL), 0.5, 0);
    gru_evaluation_free(&e);
    cr_assert_eq(
        evaluate("y_true,label,p_true\na,a,.5\nb,a,.125\n", (gru_evaluate_options){0}, &e, &err),
        GRU_OK, "%s", err.message);
    near(figure(&e, "bits_per_token", NULL), 2, 1e-12);
    near(figure(&e, "perplexity", NULL), 4, 1e-12);
    gru_evaluation_free(&e);
    cr_assert_eq(evaluate("id,step,y_true_1,y_true_2,y_pred_1,y_pred_2\na,1,1,0,.5,.5\n"
                          "a,2,1,0,.75,.75\n",
                          (gru_evaluate_options){0}, &e, &err),
                 GRU_OK, "%s", err.message);
    near(figure(&e, "nll_per_step", NULL), (2 * log(2) - log(.75) - log(.25)) / 2, 1e-12);
    gru_evaluation_free(&e);
}

Test(require, parses_and_compares) {
    gru_evaluation e = {0};
    gru_error err = {0};
    gru_evaluation_add(&e, "rmse", NULL, 2, &err);
    gru_evaluation_add(&e, "f1", "a:b", NAN, &err);
    cr_assert_eq(gru_evaluation_require(&e, "rmse<=2,rmse>=2,rmse>1.5,rmse<3", &err), GRU_OK);
    cr_assert_eq(gru_evaluation_require(&e, "rmse<2", &err), GRU_ERR_REQUIRE);
    cr_assert_str_eq(err.message, "rmse is 2, required is < 2");
    cr_assert_eq(gru_evaluation_require(&e, "f1:a:b>=0", &err), GRU_ERR_REQUIRE,
                 "NaN is never enough");
    cr_assert_eq(gru_evaluation_require(&e, "mse<2", &err), GRU_ERR_USAGE);
    const char *const bad[] = {"",      "rmse",   "rmse=2",  ">2",
                               "rmse>", "rmse>x", "rmse>2,", "rmse>nan"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(gru_require_check(bad[i], &err), GRU_ERR_USAGE, "'%s' was taken", bad[i]);
    gru_evaluation_free(&e);
}

Test(mistakes, keeps_the_worst_in_order) {
    char text[4000] = "id,y_true,y_pred\n";
    gru_evaluation e;
    gru_error err = {0};
    for (int i = 0; i < 100; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%d,0,%d\n", i, i * 37 % 100);
    cr_assert_eq(evaluate(text, (gru_evaluate_options){.mistakes = 5}, &e, &err), GRU_OK);
    cr_assert_eq(e.mistakes.count, 5);
    for (int i = 0; i < 5; i++)
        near(e.mistakes.at[i].size, 99 - i, 0);
    gru_evaluation_free(&e);
}

Test(when, dates_rows_and_neither) {
    cr_assert_eq(gru_when_id("12", 2).kind, GRU_WHEN_ROW);
    cr_assert_eq(gru_when_id("review-12", 9).kind, GRU_WHEN_UNKNOWN);
    const gru_when a = gru_when_id("2024-02-29", 10), b = gru_when_id("2024-03-01", 10);
    cr_assert_eq(a.kind, GRU_WHEN_DATE);
    near(b.at[GRU_DATE_YMD] - a.at[GRU_DATE_YMD], 86400, 0);
    cr_assert(gru_when_follows(&a, &b));
    cr_assert_not(gru_when_follows(&b, &a));
}

Test(text, width_and_cut) {
    gru_str s = {0};
    cr_assert_eq(gru_text_width("a正面é"), 6);
    gru_text_cut(&s, "正面評論", 6);
    cr_assert_str_eq(gru_str_text(&s), "正面…");
    gru_str_free(&s);
}
