/* Inference: the products x W of an embedding and the recurrent layer behind it, by token, for as
 * long as the weights stay (internal to nn/; tokens.h tells of the products).
 *
 * A token's row is computed when a batch first holds it, so what a run costs grows with the tokens
 * it meets, and after some batches of text hardly anything is left to compute. A row's bits are
 * those of the product in its place, whatever was predicted before. */
#ifndef GRU_NN_TOKEN_TABLE_H
#define GRU_NN_TOKEN_TABLE_H

#include "nn/slice.h"

/* Plans plan->table, or leaves it NULL where no layer could use it or it would be large. */
gru_status gru_token_table_new(gru_plan *plan, gru_error *err);
void gru_token_table_free(gru_token_table *table);
/* Computes the rows that the batch needs and that the table has not. */
void gru_token_table_fill(gru_plan *plan, gru_pool *pool, const gru_batch *batch);

#endif
