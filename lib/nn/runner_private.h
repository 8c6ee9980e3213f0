/* What the files of the runner share: the runner itself, and the steps of a batch's way through it
 * that have a file of their own. */
#ifndef GRU_NN_RUNNER_PRIVATE_H
#define GRU_NN_RUNNER_PRIVATE_H

#include "nn/runner.h"
#include "nn/single.h"
#include "nn/slice.h"

struct gru_runner {
    gru_plan plan;
    size_t steps_max;
    gru_real *shared, *slot_memory; /* blocks the arenas cut up */
    gru_slice *slots;
    gru_layer_memory *layer_memory;
    gru_real *task_gradients; /* [tasks][dense_count]; the first become the batch's */
    gru_touched *touched;     /* [tasks], embedding that is trained */
    size_t embedding_at, embedding_rows, embedding_width;
    gru_row_gradient *used; /* [used_count]; room for all that the tasks touch */
    size_t used_count;
    gru_real *outputs, *attention, *states, *gates;
    size_t attention_layer, state_layer, first_recurrent;
    double *norms;        /* [slices + 1][steps]: of each slice, and the batch's at the end */
    size_t *valid;        /* [batch][2] */
    gru_error *errors;    /* [slices] */
    gru_figures *figures; /* [slices] */
    gru_single *single;   /* batches of one row, outputs only */
    const gru_batch *batch;
    size_t slices, tasks;
    bool whole_batch; /* batch norm: every slice keeps its own memory */
    double scale;
};

/* ---- gather.c ---- */
/* Fills slice number s->number of the batch: its ids or numbers, its masks and valid steps. */
gru_status gru_gather_slice(gru_runner *r, gru_slice *s, gru_error *err);
/* The ids of a row where they lie, [steps], checked. */
gru_status gru_gather_ids(const gru_runner *r, size_t row, const int32_t **ids, gru_error *err);
/* Which of its steps count; alone for a batch of one row. */
gru_status gru_gather_mask(gru_runner *r, gru_slice *s, const gru_batch *b, gru_error *err);

/* ---- moments.c: batch normalisation's figures, between stages ---- */
/* Mean and variance of the layer's input over the batch; the moving ones follow. */
void gru_moments_batch(gru_runner *r, const gru_layer_plan *l);
/* The moving ones, for inference. */
void gru_moments_moving(gru_runner *r, const gru_layer_plan *l);
/* The layer's own gradients, and what its backward pass needs of the whole batch. */
void gru_moments_gradient(gru_runner *r, const gru_layer_plan *l);

/* The gates that a recurrent layer shows, a letter each, in the order of their memory; an LSTM's
 * cell comes after them. */
static inline const char *gru_gate_names(const gru_layer_plan *l) {
    return l->layer->kind == GRU_LAYER_GRU    ? "zrn"
           : l->layer->kind == GRU_LAYER_LSTM ? "ifgoc"
                                              : "";
}

/* The gradient of layer i's output is in flow[(count − 1 − i) % 2]. */
static inline gru_real *gru_flow_of(const gru_runner *r, gru_slice *s, size_t layer) {
    return s->flow[(r->plan.count - 1 - layer) % 2];
}

#endif
