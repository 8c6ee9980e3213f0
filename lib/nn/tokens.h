/* Products of repeated tokens, computed once (internal to nn/).
 *
 * When a recurrent layer reads an embedding, x W depends on the token alone. A slice then lists its
 * distinct tokens, whose rows of the table are multiplied as rows, once each, and a little ahead of
 * the step that first needs them; the steps gather the products into their gates.
 * Backward, the gates' gradients of a token are added up, and where its last one is in, the sum
 * makes dW and the token's own gradient:
 *
 *     Σ_i x_iᵀ dg_i = Eᵀ S,  Σ_i dg_i Wᵀ = S Wᵀ,  S_v = Σ dg_i over the positions i that hold v.
 *
 * Products and sums live in rows that are handed out and taken back, so that tokens that occur once
 * leave no trace in the caches. Forward the sums are those of the plain road, term by term, so the
 * bits are too. Backward they differ in order, which depends on the slice's tokens only. */
#ifndef GRU_NN_TOKENS_H
#define GRU_NN_TOKENS_H

#include "nn/slice.h"

/* Whether layer i of the plan reads tokens' rows as they are, at least in inference. */
bool gru_tokens_fit(const gru_plan *plan, size_t layer);
void gru_tokens_reserve(const gru_plan *plan, gru_slice *s, gru_arena *a);
/* Lists the slice's distinct tokens, and tells in which directions their road pays. */
void gru_tokens_list(const gru_plan *plan, gru_slice *s);

/* Elements of a token's row of products. */
size_t gru_tokens_row_size(const gru_layer_plan *l);
/* out[i] = bias + x[i] W. */
void gru_tokens_multiply(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                         gru_real *const *out, const gru_real *const *x, size_t rows);

/* Before the first step of a direction, forward from position `from` on, or backward. */
void gru_tokens_begin(gru_slice *s, size_t from);
/* gates [gates × H][16] = the products of the tokens at position p, which come in ascending order;
 * positions end before `to`. */
void gru_tokens_gather(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                       gru_slice *s, size_t p, size_t to, gru_real *gates);
/* Takes in the gates' gradients at time t. */
void gru_tokens_scatter(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                        gru_slice *s, size_t t, const gru_real *gates);
/* After the last step backward: what is left of dW and the tokens' gradients. */
void gru_tokens_finish(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                       gru_slice *s);

#endif
