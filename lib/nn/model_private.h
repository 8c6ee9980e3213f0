/* The inside of a network, for the files of this layer. */
#ifndef GRU_NN_MODEL_PRIVATE_H
#define GRU_NN_MODEL_PRIVATE_H

#include "nn/model.h"

typedef struct gru_shape { /* what flows between two layers */
    bool sequence, tokens;
    size_t units;
} gru_shape;

struct gru_model {
    gru_arch *arch;
    gru_input_shape input;
    bool per_step;
    gru_shape *shapes; /* [layers + 1]: input of layer i is shapes[i] */
    gru_param *params;
    size_t param_count, param_cap;
    size_t dense_count; /* elements of the flat block before the embedding tables */
    size_t weight_count;
    gru_real *weights;
};

#endif
