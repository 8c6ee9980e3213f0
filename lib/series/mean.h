/* The mean and the variance of numbers of which some may be missing. */
#ifndef GRU_SERIES_MEAN_H
#define GRU_SERIES_MEAN_H

#include <stddef.h>

/* Mean of the values that are not NaN; NaN for none. *variance, unless NULL, is theirs about it,
 * divided by their number (ddof 0). Equal values have themselves as their mean, and a variance that
 * is 0 but for rounding. */
double gru_mean(const double *values, size_t count, double *variance);

#endif
