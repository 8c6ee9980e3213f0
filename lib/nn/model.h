/* A network: an architecture, the shape of its input, and its weights.
 *
 * The weights are one flat block of gru_real; gru_param says where each tensor lies, in Keras's
 * layout (kernel [in][gates × units], gates z,r,h or i,f,c,o). An optimizer works on the flat
 * block; gru_runner (runner.h) computes outputs and gradients. Life: gru_model_new,
 * gru_model_initialise or gru_model_load, …, gru_model_free. */
#ifndef GRU_NN_MODEL_H
#define GRU_NN_MODEL_H

#include "io/bundle.h"
#include "io/npy.h"
#include "kern/real.h"
#include "nn/arch.h"
#include "nn/loss.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GRU_PARAM_NAME = 48 };

typedef struct gru_param {
    char name[GRU_PARAM_NAME]; /* "1.kernel", "2.backward.recurrent_kernel" */
    size_t layer;              /* number in the architecture, from 0 */
    size_t dims, shape[2];
    size_t count, offset; /* elements; in the flat block */
    double l1, l2;
    bool frozen;      /* not trained */
    bool state;       /* batch norm's moving figures: not trained, updated by the forward pass */
    bool sparse;      /* an embedding's table: gradients touch rows */
    const char *init; /* borrowed from the architecture, or a default */
    double fan_in, fan_out;
} gru_param;

typedef struct gru_input_shape {
    bool tokens;     /* x is int32 ids */
    size_t features; /* F when not tokens */
    size_t steps;    /* T of the data at hand; weights don't depend on it */
} gru_input_shape;

/* What the target needs of the network's end. */
typedef enum gru_target_kind {
    GRU_TARGET_NONE,
    GRU_TARGET_CLASS,           /* y <i4 () */
    GRU_TARGET_NUMBERS,         /* y <f4 (H,) */
    GRU_TARGET_CLASS_PER_STEP,  /* y <i4 (T,) */
    GRU_TARGET_NUMBERS_PER_STEP /* y <f4 (T,K) */
} gru_target_kind;

typedef struct gru_model gru_model;

/* The shape of x in a tensor stream; GRU_ERR_DATA when x is missing. */
gru_status gru_input_shape_of(const gru_record_spec *spec, gru_input_shape *out, gru_error *err);
gru_target_kind gru_target_kind_of(const gru_record_spec *spec);

/* Takes ownership of arch (also on failure). per_step: the target has a value per step, so the last
 * recurrent layer returns its sequence. Shapes that don't fit name both layers and both shapes. */
gru_status gru_model_new(gru_model **out, gru_arch *arch, const gru_input_shape *input,
                         bool per_step, gru_error *err);
/* The same without memory for weights (gru_model_weights gives NULL) until gru_model_allocate: what
 * a file's weights are compared with before its word for their sizes is taken. */
gru_status gru_model_declare(gru_model **out, gru_arch *arch, const gru_input_shape *input,
                             bool per_step, gru_error *err);
gru_status gru_model_allocate(gru_model *m, gru_error *err);
void gru_model_free(gru_model *m);
/* Fresh weights from the seed (Philox, stream = tensor number). */
gru_status gru_model_initialise(gru_model *m, uint64_t seed, gru_error *err);

const gru_arch *gru_model_arch(const gru_model *m);
const gru_input_shape *gru_model_input(const gru_model *m);
bool gru_model_per_step(const gru_model *m);
size_t gru_model_outputs(const gru_model *m);            /* K: numbers per sample (or per step) */
gru_activation gru_model_activation(const gru_model *m); /* of the last layer */
size_t gru_model_param_count(const gru_model *m);
const gru_param *gru_model_param(const gru_model *m, size_t index);
const gru_param *gru_model_find(const gru_model *m, const char *name); /* NULL: none */
size_t gru_model_weight_count(const gru_model *m); /* elements of the flat block */
gru_real *gru_model_weights(gru_model *m);
/* Output shape of layer i: *steps 0 when it isn't a sequence. */
void gru_model_layer_shape(const gru_model *m, size_t layer, size_t *steps, size_t *units);
size_t gru_model_layer_params(const gru_model *m, size_t layer);
/* The loss that follows from the last layer and the target; GRU_ERR_DATA when they don't fit. */
gru_status gru_model_default_loss(const gru_model *m, const gru_record_spec *spec, gru_loss *out,
                                  gru_error *err);
/* Checks the data of a stream against the network and the loss, says both shapes. */
gru_status gru_model_check_data(const gru_model *m, const gru_record_spec *spec,
                                const gru_loss *loss, gru_error *err);

/* Adds all tensors and the metadata "format", "arch" and "input" to a bundle. */
gru_status gru_model_save(const gru_model *m, gru_bundle *b, gru_error *err);
/* A network from a model file's bundle; missing or misshapen tensors are GRU_ERR_DATA. */
gru_status gru_model_load(gru_model **out, const gru_bundle *b, gru_error *err);
/* The same without its weights, as gru_model_declare: to look at its layers. */
gru_status gru_model_outline(gru_model **out, const gru_bundle *b, gru_error *err);

#endif
