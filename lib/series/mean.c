/* Means in two passes: the second finds what rounding left in the first (mean.h). */
#include "series/mean.h"

#include <math.h>

double gru_mean(const double *values, size_t count, double *variance) {
    double n = 0, sum = 0, squares = 0, rest = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i])) {
            sum += values[i];
            n++;
        }
    double mean = n > 0 ? sum / n : NAN;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i])) {
            double d = values[i] - mean;
            squares += d * d;
            rest += d;
        }
    if (variance)
        *variance = n > 0 ? fmax(squares - rest * rest / n, 0) / n : NAN;
    return mean + rest / n;
}
