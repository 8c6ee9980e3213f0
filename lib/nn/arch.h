/* The architecture language: one layer a line (or ';' between), '#' comments, sizes first, then
 * key=value and bare flags. The same text is printed by gru_arch_print, so it round-trips. */
#ifndef GRU_NN_ARCH_H
#define GRU_NN_ARCH_H

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum gru_layer_kind {
    GRU_LAYER_EMBEDDING,
    GRU_LAYER_RNN,
    GRU_LAYER_LSTM,
    GRU_LAYER_GRU,
    GRU_LAYER_ATTENTION,
    GRU_LAYER_DENSE,
    GRU_LAYER_DROPOUT,
    GRU_LAYER_NORM,
    GRU_LAYER_BATCH_NORM,
    GRU_LAYER_POOL,
    GRU_LAYER_COUNT
} gru_layer_kind;

typedef enum gru_activation {
    GRU_LINEAR,
    GRU_SIGMOID,
    GRU_SOFTMAX,
    GRU_TANH,
    GRU_RELU,
    GRU_SOFTPLUS,
    GRU_ACTIVATION_COUNT
} gru_activation;

typedef enum gru_merge { /* bidirectional layers */
                         GRU_MERGE_NONE,
                         GRU_MERGE_CONCAT,
                         GRU_MERGE_SUM,
                         GRU_MERGE_AVERAGE,
                         GRU_MERGE_MULTIPLY
} gru_merge;

typedef enum gru_pool_kind { GRU_POOL_MAX, GRU_POOL_AVERAGE, GRU_POOL_LAST } gru_pool_kind;
typedef enum gru_returns { GRU_RETURNS_AUTO, GRU_RETURNS_SEQUENCES, GRU_RETURNS_LAST } gru_returns;

enum { GRU_INIT_TEXT = 48 };

typedef struct gru_layer {
    gru_layer_kind kind;
    int line;     /* where it was written, from 1 */
    size_t units; /* outputs: embedding width, recurrent units, dense width, attention N */
    size_t rows;  /* embedding: vocabulary size */
    gru_activation activation; /* dense; rnn: tanh or relu */
    double rate;               /* dropout P */
    double dropout, recurrent_dropout;
    double kernel_l1, kernel_l2, recurrent_l1, recurrent_l2, bias_l1, bias_l2;
    double epsilon; /* normalisations; 0: not given (gru_layer_epsilon) */
    gru_merge bidirectional;
    bool reset_before, update_new, no_bias, norm, residual, stateful, mask, frozen, learned_state;
    gru_returns returns; /* AUTO: a sequence when the next layer wants one */
    gru_pool_kind pool;
    char init[GRU_INIT_TEXT], recurrent_init[GRU_INIT_TEXT],
        bias_init[GRU_INIT_TEXT]; /* empty: the default */
    char *weights;                /* embedding: file of vectors, or NULL; owned by the arch */
} gru_layer;

typedef struct gru_arch {
    size_t count;
    gru_layer *layers;
} gru_arch;

/* name: of the text, for messages. A mistake is GRU_ERR_DATA "sentiment.arch:2: 'grue': expected a
 * layer (embedding, rnn, …)". */
gru_status gru_arch_parse(gru_arch **out, const char *text, const char *name, gru_error *err);
/* FILE|TEXT: an existing file's name means the file. */
gru_status gru_arch_load(gru_arch **out, const char *file_or_text, gru_error *err);
void gru_arch_free(gru_arch *arch);
/* One layer a line, in canonical spelling. */
void gru_arch_print(const gru_arch *arch, gru_str *out);
void gru_layer_print(const gru_layer *layer, gru_str *out);
/* rnn, lstm or gru. */
bool gru_layer_recurrent(const gru_layer *layer);
/* layer-norm, batch-norm, or a recurrent layer with layer-norm. */
bool gru_layer_normalises(const gru_layer *layer);
/* What a normalisation adds to the variance: Keras's unless given. */
#define GRU_KERAS_EPSILON 1e-3
double gru_layer_epsilon(const gru_layer *layer);
/* Kernels that lie side by side in a recurrent layer: rnn 1, gru 3, lstm 4. */
size_t gru_layer_gates(const gru_layer *layer);
const char *gru_layer_kind_name(gru_layer_kind kind);
const char *gru_activation_name(gru_activation activation);

#endif
