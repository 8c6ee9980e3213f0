/* How far back in time the loss is heard: the norm of its gradient with respect to the first
 * recurrent layer's state, step by step, averaged over the batches of each epoch. Padding is not
 * counted, and steps are, wherever it lies, as though it were in front. */
#ifndef GRU_TRAIN_GRADIENTS_H
#define GRU_TRAIN_GRADIENTS_H

#include "io/table.h"

#include <stdbool.h>
#include <stddef.h>

/* All zero but steps is empty. */
typedef struct gru_gradients {
    size_t steps;   /* of a sample */
    size_t first;   /* number of the first epoch kept, from 0: the rest was before --resume */
    size_t count;   /* epochs kept */
    size_t batches; /* seen of the epoch after them */
    double *norm;   /* [count + 1][steps]: means of whole epochs, then the sums of this one */
    size_t cap;     /* numbers that norm has room for */
} gru_gradients;

void gru_gradients_free(gru_gradients *g);
/* One batch of the running epoch; norms[steps] by step, oldest first. */
gru_status gru_gradients_add(gru_gradients *g, const double *norms, gru_error *err);
/* The epoch is over; one in which no batch was seen is not kept. number counts from 0. */
void gru_gradients_end_epoch(gru_gradients *g, size_t number);
/* Table: epoch, step (from 1), back (0: the last step), norm; path "-" is standard output. */
gru_status gru_gradients_write(const gru_gradients *g, const char *path, bool csv, gru_error *err);

#endif
