/* Regularisers: the L1 and L2 terms of a network's loss, l1 Σ|w| + l2 Σw² for each tensor that has
 * them (as Keras defines them; internal to nn/). */
#ifndef GRU_NN_PENALTY_H
#define GRU_NN_PENALTY_H

#include "nn/model.h"

double gru_penalty(const gru_model *m);
/* Adds its gradient; flat, as gru_model_weights. */
void gru_penalty_back(const gru_model *m, gru_real *gradient);

#endif
