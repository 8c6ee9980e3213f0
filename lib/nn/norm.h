/* Layer normalisation of one vector per lane (Ba, Kiros and Hinton 2016, eq. 3 and 4), by
 * √(variance + epsilon) as in Keras and PyTorch. Arrays [units][16]; gamma, beta [units]. */
#ifndef GRU_NN_NORM_H
#define GRU_NN_NORM_H

#include "kern/real.h"

#include <stddef.h>

void gru_norm_forward(gru_real *y, const gru_real *x, const gru_real *gamma, const gru_real *beta,
                      size_t units, double epsilon);
/* d: gradient of y, becomes that of x; adds to dgamma and dbeta. */
void gru_norm_backward(gru_real *d, const gru_real *x, const gru_real *gamma, gru_real *dgamma,
                       gru_real *dbeta, size_t units, double epsilon);

#endif
