/* Sums of errors and the figures made from them (regression.h). */
#include "eval/regression.h"

#include <float.h>
#include <math.h>

void gru_regression_add(gru_regression *r, double truth, double predicted) {
    const double error = predicted - truth;
    r->count++;
    r->squared += error * error;
    r->absolute += fabs(error);
    r->percent += 100 * fabs(error) / fmax(fabs(truth), DBL_EPSILON);
    r->zeros += fabs(truth) < DBL_EPSILON;
    const double off = truth - r->mean;
    r->mean += off / (double)r->count;
    r->spread += off * (truth - r->mean);
}

static double mean_of(double sum, size_t count) {
    return count ? sum / (double)count : (double)NAN;
}

double gru_regression_mse(const gru_regression *r) {
    return mean_of(r->squared, r->count);
}

double gru_regression_rmse(const gru_regression *r) {
    return sqrt(gru_regression_mse(r));
}

double gru_regression_mae(const gru_regression *r) {
    return mean_of(r->absolute, r->count);
}

double gru_regression_mape(const gru_regression *r) {
    return mean_of(r->percent, r->count);
}

double gru_regression_r2(const gru_regression *r) {
    if (r->count < 2)
        return (double)NAN;
    if (r->spread > 0)
        return 1 - r->squared / r->spread;
    return r->squared > 0 ? 0 : 1;
}
