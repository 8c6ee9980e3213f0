/* The rows of an embedding, and their gradients, step by step (internal to nn/): for the layer
 * itself, and for a recurrent layer above it, which looks up what a step needs just before, while
 * the caches still hold it when it is multiplied. The embedding is layer 0. */
#ifndef GRU_NN_EMBEDDING_H
#define GRU_NN_EMBEDDING_H

#include "nn/slice.h"

/* The table [V][D]. */
const gru_real *gru_embedding_table(const gru_plan *plan);
/* x [D][16] = the rows at time t; those at time `next` come nearer: they lie anywhere. */
void gru_embedding_look_up(const gru_plan *plan, const gru_slice *s, size_t t, size_t next,
                           gru_real *x);
/* Adds dx [D][16] at time t to the gradients of the slice's task; s->touched is there. */
void gru_embedding_add(const gru_plan *plan, gru_slice *s, size_t t, const gru_real *dx);
/* The tokens at time t, if the slice has such a time, are touched soon: the places of their
 * gradients, which lie anywhere, come nearer. */
void gru_embedding_expect(const gru_slice *s, size_t t);
/* The gradient row of token id; fresh: it has no numbers yet. */
gru_real *gru_embedding_touch(gru_touched *u, uint32_t id, size_t width, bool *fresh);

#endif
