/* Quantiles and medians of numbers, as NumPy's percentile (linear) and median round them. */
#ifndef GRU_SERIES_QUANTILE_H
#define GRU_SERIES_QUANTILE_H

#include <stddef.h>

/* Both: of values[count], none of them NaN, which are left in another order; NaN for none. In time
 * proportional to count. q from 0 to 1. */
double gru_quantile(double *values, size_t count, double q);
/* The mean of the middle two where there is no middle one. */
double gru_median(double *values, size_t count);

#endif
