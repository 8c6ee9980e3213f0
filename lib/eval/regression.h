/* Errors of predicted numbers, one pass, constant memory. */
#ifndef GRU_EVAL_REGRESSION_H
#define GRU_EVAL_REGRESSION_H

#include <stddef.h>

typedef struct gru_regression {
    size_t count, zeros;               /* zeros: true values of 0, where MAPE means nothing */
    double squared, absolute, percent; /* sums */
    double mean, spread;               /* of the true values: mean, Σ (y − mean)² (Welford) */
} gru_regression;

void gru_regression_add(gru_regression *r, double truth, double predicted);
/* All are NaN when nothing was added. */
double gru_regression_mse(const gru_regression *r);
double gru_regression_rmse(const gru_regression *r);
double gru_regression_mae(const gru_regression *r);
/* Mean of |error / true value| in per cent; a true value of 0 counts as 2⁻⁵². */
double gru_regression_mape(const gru_regression *r);
/* 1 − Σ error² / Σ (y − mean)²; without any spread 1 for a perfect prediction, else 0;
 * NaN for one value, as in scikit-learn. */
double gru_regression_r2(const gru_regression *r);

#endif
