/* Where the time of training goes: the places of a network's profile, and the table of them.
 *
 * A profile of gru_profile_places(model) places is given to the pool; runner and layers then enter
 * their places, whoever calls the runner enters GRU_PLACE_DATA, GRU_PLACE_OPTIMIZER and the like.
 * The work counted in a layer is that of the matrix products, in floating-point operations: 2 a
 * weight, row and step (of repeated tokens once), forward and once more in each part of the way
 * back; in GRU_PLACE_DATA it is the number of batches. */
#ifndef GRU_NN_PROFILE_H
#define GRU_NN_PROFILE_H

#include "base/profile.h"
#include "base/str.h"
#include "base/thread.h"
#include "nn/model.h"

enum {
    GRU_PLACE_OTHER = GRU_PLACE_WAIT + 1,
    GRU_PLACE_DATA,      /* choosing, reading and gathering the rows of a batch */
    GRU_PLACE_LOSS,      /* the loss and its gradient */
    GRU_PLACE_SUM,       /* adding up the tasks' gradients */
    GRU_PLACE_OPTIMIZER, /* accumulation, clipping, the step */
    GRU_PLACE_PACK,      /* bringing the new weights into the kernels' order */
    GRU_PLACE_LAYERS     /* the first layer's parts begin here */
};

typedef enum gru_part {
    GRU_PART_FORWARD,
    GRU_PART_BACKWARD, /* the gradient from output to input */
    GRU_PART_WEIGHTS,  /* the weights' gradient */
    GRU_PARTS
} gru_part;

static inline size_t gru_place_of_layer(size_t layer, gru_part part) {
    return GRU_PLACE_LAYERS + layer * GRU_PARTS + (size_t)part;
}
size_t gru_profile_places(const gru_model *m);
/* Floating-point operations a second that all threads of the pool together reach where nothing but
 * fused multiply-adds in registers is done; takes some hundredths of a second. */
gru_status gru_profile_peak(gru_pool *pool, double *peak, gru_error *err);
/* Appends the table: milliseconds a batch (the mean over threads, so that all of it adds up to a
 * batch's time), the share of it, and the share of `peak` at which the products ran. */
void gru_profile_report(const gru_profile *p, const gru_model *m, double peak, gru_str *out);

#endif
