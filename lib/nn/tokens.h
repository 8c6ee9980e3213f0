/* Products of repeated tokens, computed once (internal to nn/).
 *
 * When a recurrent layer reads an embedding, x W depends on the token alone. A slice then lists its
 * distinct tokens, and between the two layers there flow not T steps of 16 rows but groups of 16
 * distinct tokens: the embedding looks up each once, the recurrent layer multiplies each once and
 * gathers the products into its gates step by step. Backward, the gates' gradients of a token are
 * added up first; dW and the token's own gradient then come from the sum:
 *
 *     Σ_i x_iᵀ dg_i = Eᵀ S,  Σ_i dg_i Wᵀ = S Wᵀ,  S_v = Σ dg_i over the positions i that hold v.
 *
 * Forward the sums are those of the plain road, term by term, so the bits are too. Backward they
 * differ in order, which depends on the slice's tokens only. */
#ifndef GRU_NN_TOKENS_H
#define GRU_NN_TOKENS_H

#include "nn/slice.h"

/* Whether layer i of the plan reads tokens' rows as they are, at least in inference. */
bool gru_tokens_fit(const gru_plan *plan, size_t layer);
void gru_tokens_reserve(const gru_plan *plan, gru_slice *s, gru_arena *a);
/* Memory for the products of one direction. */
gru_real *gru_tokens_reserve_products(const gru_plan *plan, const gru_layer_plan *l, gru_arena *a);
/* Lists the slice's distinct tokens; false and no groups where that would not pay. */
bool gru_tokens_list(const gru_plan *plan, gru_slice *s);
/* Elements of a token's row of products. */
size_t gru_tokens_row_size(const gru_layer_plan *l);
/* rows = bias + x W for x [D][16]; NULL rows are skipped. lanes [gates × H][16] is scratch. */
void gru_tokens_multiply_group(const gru_plan *plan, const gru_layer_plan *l,
                               const gru_direction *d, const gru_real *x, gru_real *lanes,
                               gru_real *const rows[GRU_LANES]);
/* Before the first step of a direction: products = bias + x W of each distinct token. */
void gru_tokens_multiply(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                         const gru_way_memory *m, const gru_slice *s);
/* gates [gates × H][16] = the products of the tokens at time t. */
void gru_tokens_gather(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                       const gru_way_memory *m, const gru_slice *s, size_t t, gru_real *gates);
/* Before the last step backward: no gradient yet. */
void gru_tokens_clear(const gru_layer_plan *l, const gru_way_memory *m, const gru_slice *s);
/* Adds the gates' gradients at time t to the sums of its tokens. */
void gru_tokens_scatter(const gru_plan *plan, const gru_layer_plan *l, const gru_way_memory *m,
                        const gru_slice *s, size_t t, const gru_real *gates);
/* dW, and din [groups][D][16] += S Wᵀ unless NULL. Overwrites the direction's gates. */
void gru_tokens_back(const gru_plan *plan, const gru_layer_plan *l, const gru_direction *d,
                     const gru_way_memory *m, gru_slice *s, gru_real *din);

#endif
