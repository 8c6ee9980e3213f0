/* Weight gradients of a slice (internal to nn/).
 *
 * Sums of products over steps are taken in pieces of steps that stay in the cache, each in panels
 * of rows, which are turned in a thread's room first. Panels and blocks of columns are handed out
 * one by one to the slice's own thread and to those that wait for it. Whoever adds up a block, and
 * however long it is, its bits are the same. */
#ifndef GRU_NN_OUTER_H
#define GRU_NN_OUTER_H

#include "nn/slice.h"

/* Weight gradients are summed in pieces that stay in the cache; piece p of them ends before step
 * steps × (p + 1) / pieces. */
enum { GRU_OUTER_STEPS = 64, GRU_OUTERS = 8 };
static inline size_t gru_outer_pieces(size_t steps) {
    return (steps + GRU_OUTER_STEPS - 1) / GRU_OUTER_STEPS;
}

/* The rooms of all threads, for at most `steps` steps. */
gru_status gru_outer_plan(gru_plan *plan, gru_error *err);
void gru_outer_reserve(gru_plan *plan, size_t steps, gru_arena *a);

/* Weight gradients of up to GRU_OUTERS products y = a W, the first of which has the most steps; all
 * without room. Piece by piece, each shared with threads that wait; who calls it with each piece in
 * turn gets the same bits. */
void gru_outer_add(const gru_plan *plan, const gru_slice *s, const gru_outer *all, size_t count);

#endif
