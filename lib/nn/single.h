/* One sequence at a time: the units lie in the vector lanes, weights are read as rows.
 *
 * A slice computes 16 rows however few are there; for a runner planned for batches of one row, this
 * does a sixteenth of the work. The input products of tokens are kept from one sequence to the
 * next, up to 32 MiB in a direction, touched as they are used. Inference only. Layers it lacks
 * (normalisations, pooling, residual, stateful) make gru_single_fits false, and the runner takes
 * slices. */
#ifndef GRU_NN_SINGLE_H
#define GRU_NN_SINGLE_H

#include "nn/slice.h"

typedef struct gru_single gru_single;

bool gru_single_fits(const gru_plan *plan);
/* plan and pool are borrowed. The ways of a large bidirectional layer, or the first layers where
 * they are large or several, may run on two threads; the bits are those of one. */
gru_status gru_single_new(gru_single **out, const gru_plan *plan, gru_pool *pool, size_t steps_max,
                          gru_error *err);
void gru_single_free(gru_single *s);
/* After the weights changed. */
void gru_single_refresh(gru_single *s);
/* ids [T] or x [T][F] of the one row; valid [T] is NULL or tells which steps count. */
void gru_single_run(gru_single *s, const int32_t *ids, const gru_real *x, const uint8_t *valid,
                    size_t steps, gru_real *outputs);

#endif
