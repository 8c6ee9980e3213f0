/* What forecasts of quantiles are worth, one pass, constant memory.
 *
 * The pinball loss of a forecast f of quantile q is max(q (y − f), (q − 1)(y − f)), whose mean is
 * least for the true quantile (Koenker and Bassett 1978); at q = 0.5 it is half the absolute error.
 * A forecast of quantile q is calibrated when a share q of the true values is not above it, and the
 * interval between the outermost two when it holds the share between them. */
#ifndef GRU_EVAL_QUANTILES_H
#define GRU_EVAL_QUANTILES_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct gru_quantile_sum {
    double pinball;
    uint64_t below; /* true values that are not above the forecast */
} gru_quantile_sum;

typedef struct gru_interval_sum {
    uint64_t count, within; /* within: from the lowest to the highest quantile, both included */
    double width;
    uint64_t naives; /* values that have a naive forecast */
    double naive;    /* its pinball loss, summed over the quantiles, as it says the same of all */
    double beside;   /* the network's for these values */
} gru_interval_sum;

typedef struct gru_quantiles {
    const double *levels; /* [count] rising, borrowed */
    size_t count, horizons;
    gru_quantile_sum *sums;      /* [horizons][count] */
    gru_interval_sum *intervals; /* [horizons] */
} gru_quantiles;

gru_status gru_quantiles_init(gru_quantiles *q, const double *levels, size_t count, size_t horizons,
                              gru_error *err);
void gru_quantiles_free(gru_quantiles *q);
/* A true value and the forecasts [count] of its quantiles; naive: NULL, or the naive forecast. */
void gru_quantiles_add(gru_quantiles *q, size_t horizon, double truth, const double *forecasts,
                       const double *naive);
double gru_pinball(double q, double truth, double forecast);

#endif
