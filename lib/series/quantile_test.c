/* Quantiles against numpy.percentile and numpy.median of the same numbers. */
#include "series/quantile.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>

Test(quantile, interpolates_between_neighbours) {
    double values[] = {7, 1, 3, 10};
    cr_assert_eq(gru_quantile(values, 4, 0), 1.0);
    cr_assert_eq(gru_quantile(values, 4, 0.25), 2.5);
    cr_assert_eq(gru_median(values, 4), 5.0);
    cr_assert_eq(gru_quantile(values, 4, 0.75), 7.75);
    cr_assert_eq(gru_quantile(values, 4, 1), 10.0);
    cr_assert_eq(gru_median(values, 3), gru_quantile(values, 3, 0.5));
    cr_assert(isnan(gru_median(values, 0)));
    cr_assert(isnan(gru_quantile(values, 0, 0.5)));
}

/* Each whole number from 0 to 9999 once, in an order that is neither rising nor random: what is at
 * place k is k. */
Test(quantile, finds_places_among_many) {
    static double values[10000];
    for (uint32_t i = 0; i < 10000; i++)
        values[i] = (i * 3001) % 10000;
    cr_assert_eq(gru_quantile(values, 10000, 0.25), 2499.75);
    cr_assert_eq(gru_median(values, 10000), 4999.5);
    cr_assert_eq(gru_quantile(values, 10000, 0.75), 7499.25);
}
