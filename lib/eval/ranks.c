/* Ranking figures (ranks.h). */
#include "eval/ranks.h"

#include "base/mem.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

gru_status gru_ranks_add(gru_ranks *r, double score, size_t truth, gru_error *err) {
    gru_status status = gru_mem_grow(&r->at, &r->cap, r->count + 1, sizeof *r->at, err);
    if (status == GRU_OK)
        r->at[r->count++] = (gru_rank){score, (uint32_t)truth};
    return status;
}

void gru_ranks_free(gru_ranks *r) {
    free(r->at);
    *r = (gru_ranks){0};
}

static int falling(const void *a, const void *b) {
    const double x = ((const gru_rank *)a)->score, y = ((const gru_rank *)b)->score;
    return (x < y) - (x > y);
}

void gru_ranks_sort(gru_ranks *r) {
    if (r->count)
        qsort(r->at, r->count, sizeof *r->at, falling);
}

/* Advances *i over one run of equal scores; counts its two sides. */
static void next_run(const gru_ranks *r, size_t positive, size_t *i, double *hits, double *misses) {
    const double score = r->at[*i].score;
    *hits = *misses = 0;
    for (; *i < r->count && !(r->at[*i].score < score); (*i)++)
        *(r->at[*i].truth == positive ? hits : misses) += 1;
}

double gru_ranks_auc(const gru_ranks *r, size_t positive) {
    double area = 0, above = 0, below = 0, hits, misses;
    for (size_t i = 0; i < r->count;) {
        next_run(r, positive, &i, &hits, &misses);
        area += misses * (above + hits / 2);
        above += hits;
        below += misses;
    }
    return above > 0 && below > 0 ? area / above / below : (double)NAN;
}

double gru_ranks_average_precision(const gru_ranks *r, size_t positive) {
    double sum = 0, found = 0, seen = 0, hits, misses;
    for (size_t i = 0; i < r->count;) {
        next_run(r, positive, &i, &hits, &misses);
        found += hits;
        seen += hits + misses;
        sum += hits * (found / seen);
    }
    return found > 0 ? sum / found : (double)NAN;
}

double gru_log_loss_of(double p) {
    return -log(fmin(fmax(p, DBL_EPSILON), 1 - DBL_EPSILON));
}

double gru_ranks_log_loss(const gru_ranks *r, size_t positive) {
    double sum = 0;
    for (size_t i = 0; i < r->count; i++) {
        const double p = r->at[i].score;
        sum += gru_log_loss_of(r->at[i].truth == positive ? p : 1 - p);
    }
    return r->count ? sum / (double)r->count : (double)NAN;
}

double gru_ranks_brier(const gru_ranks *r, size_t positive) {
    double sum = 0;
    for (size_t i = 0; i < r->count; i++) {
        const double e = r->at[i].score - (r->at[i].truth == positive);
        sum += e * e;
    }
    return r->count ? sum / (double)r->count : (double)NAN;
}
