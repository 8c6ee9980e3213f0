/* Weights of other libraries: Keras's and PyTorch's names, shapes and gate orders, both ways.
 *
 * Foreign tensors are named `<n>.<weight>`, n counting the architecture's layers from 0. Keras's
 * are laid out as gru_model's own (kernel (F,3H), gates z,r,h); PyTorch's are transposed
 * (weight_ih_l0 (3H,F)), order a GRU's gates r,z,n, and have two biases in every recurrent layer.
 * Weights that PyTorch has no name for (attention, a learned first state) keep ours. Numbers are
 * moved, never computed with, so that a round trip gives the same bits; the one exception is an
 * LSTM's or a tanh RNN's second PyTorch bias, which is added to the first: gru_weights_keep keeps
 * both beside. */
#ifndef GRU_NN_WEIGHTS_H
#define GRU_NN_WEIGHTS_H

#include "io/bundle.h"
#include "nn/arch.h"
#include "nn/model.h"

typedef enum gru_framework { GRU_FRAMEWORK_KERAS, GRU_FRAMEWORK_TORCH } gru_framework;

/* The framework called "keras" or "torch"; GRU_ERR_USAGE for any other word. */
gru_status gru_framework_find(const char *name, gru_framework *out, gru_error *err);
/* The input that these weights were made for: tokens where the first layer is an embedding, else
 * the number of features that the first layer with weights takes; *out's steps are 0 (unknown).
 * GRU_ERR_DATA when the tensors don't tell. */
gru_status gru_weights_input(const gru_arch *arch, gru_framework from, const gru_bundle *b,
                             gru_input_shape *out, gru_error *err);
/* Gives the normalisations of arch that don't say theirs the epsilon that the framework's have,
 * with a note which where it is not ours. */
void gru_weights_epsilon(gru_arch *arch, gru_framework from);
/* Copies all of b's tensors (F32, F64, F16 or BF16) into m. Every weight of the network must be
 * there and every tensor must be one of its weights, else GRU_ERR_DATA lists what is missing,
 * misshapen (name and both shapes) or left over, and m is unchanged. m may still lack memory for
 * its weights. */
gru_status gru_weights_import(gru_model *m, gru_framework from, const gru_bundle *b,
                              gru_error *err);
/* Adds to a model file's bundle the biases of b that import had to add up ("torch.<n>.bias_ih_l0").
 */
gru_status gru_weights_keep(const gru_model *m, gru_framework from, const gru_bundle *b,
                            gru_bundle *file, gru_error *err);
/* Adds the network's weights to b as F32, and the metadata "format" (keras or torch) and "arch".
 * file is the model's bundle or NULL: biases kept there come out as they came in while they still
 * add up to the network's; else all of a bias is in the first and the second is zero. "arch" says
 * every epsilon, and a warning those that the framework has to be told. GRU_ERR_DATA
 * when the framework has no such layer (PyTorch: reset=before, update=new). */
gru_status gru_weights_export(const gru_model *m, gru_framework to, const gru_bundle *file,
                              gru_bundle *b, gru_error *err);

#endif
