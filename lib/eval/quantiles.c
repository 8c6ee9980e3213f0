/* Sums over forecasts of quantiles (quantiles.h). */
#include "eval/quantiles.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

gru_status gru_quantiles_init(gru_quantiles *q, const double *levels, size_t count, size_t horizons,
                              gru_error *err) {
    *q = (gru_quantiles){.levels = levels, .count = count, .horizons = horizons};
    gru_status status = gru_mem_new(&q->sums, horizons * count, sizeof *q->sums, err);
    if (status == GRU_OK)
        status = gru_mem_new(&q->intervals, horizons, sizeof *q->intervals, err);
    return status;
}

void gru_quantiles_free(gru_quantiles *q) {
    free(q->sums);
    free(q->intervals);
    *q = (gru_quantiles){0};
}

double gru_pinball(double q, double truth, double forecast) {
    return fmax(q * (truth - forecast), (q - 1) * (truth - forecast));
}

void gru_quantiles_add(gru_quantiles *q, size_t horizon, double truth, const double *forecasts,
                       const double *naive) {
    gru_interval_sum *interval = &q->intervals[horizon];
    const double low = forecasts[0], high = forecasts[q->count - 1];
    for (size_t i = 0; i < q->count; i++) {
        gru_quantile_sum *sum = &q->sums[horizon * q->count + i];
        const double pinball = gru_pinball(q->levels[i], truth, forecasts[i]);
        sum->pinball += pinball;
        sum->below += truth <= forecasts[i];
        if (naive) {
            interval->naive += gru_pinball(q->levels[i], truth, *naive);
            interval->beside += pinball;
        }
    }
    interval->count++;
    interval->within += truth >= low && truth <= high;
    interval->width += high - low;
    interval->naives += naive != NULL;
}
