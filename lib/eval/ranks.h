/* Figures that need the scores in order: area under the ROC curve, average precision; and those
 * of the probabilities themselves: log loss and Brier score. 16 bytes a sample. */
#ifndef GRU_EVAL_RANKS_H
#define GRU_EVAL_RANKS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct gru_rank {
    double score;   /* probability of the class in question */
    uint32_t truth; /* id of the true class */
} gru_rank;

typedef struct gru_ranks {
    gru_rank *at;
    size_t count, cap;
} gru_ranks;

gru_status gru_ranks_add(gru_ranks *r, double score, size_t truth, gru_error *err);
void gru_ranks_free(gru_ranks *r);
/* Highest score first; the figures below but the last two want this done. */
void gru_ranks_sort(gru_ranks *r);
/* Exact, a tie counting half; NaN when one of the two sides is empty. */
double gru_ranks_auc(const gru_ranks *r, size_t positive);
/* Σ (R_n − R_{n−1}) P_n over the distinct scores; NaN without a positive sample. */
double gru_ranks_average_precision(const gru_ranks *r, size_t positive);
/* Mean −log p of the true side, p kept 2⁻⁵² away from 0 and 1, as scikit-learn does. */
double gru_ranks_log_loss(const gru_ranks *r, size_t positive);
double gru_ranks_brier(const gru_ranks *r, size_t positive);
/* −log p with that same limit. */
double gru_log_loss_of(double p);

#endif
