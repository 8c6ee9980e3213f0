/* Losses. Values and gradients are Keras's (losses of a final sigmoid or softmax are taken from the
 * logits); the mean is over samples, over steps × samples where the target has a value per step. */
#ifndef GRU_NN_LOSS_H
#define GRU_NN_LOSS_H

#include "base/error.h"
#include "base/str.h"

#include <stddef.h>

typedef enum gru_loss_kind {
    GRU_LOSS_BINARY,      /* binary-crossentropy */
    GRU_LOSS_CATEGORICAL, /* categorical-crossentropy: class ids or one-hot */
    GRU_LOSS_MSE,
    GRU_LOSS_MAE,
    GRU_LOSS_HUBER,    /* huber:delta=1 */
    GRU_LOSS_QUANTILE, /* quantile:0.1/0.5/0.9: one output each, per target number */
    GRU_LOSS_COUNT
} gru_loss_kind;

enum { GRU_QUANTILES_MAX = 16 };

typedef struct gru_loss {
    gru_loss_kind kind;
    double smoothing; /* label smoothing, cross-entropies */
    double delta;     /* Huber */
    size_t quantile_count;
    double quantiles[GRU_QUANTILES_MAX];
} gru_loss;

/* "mse", "binary-crossentropy:smoothing=0.1", "huber:delta=0.5", "quantile:0.1/0.5/0.9". */
gru_status gru_loss_parse(gru_loss *out, const char *text, gru_error *err);
void gru_loss_print(const gru_loss *loss, gru_str *out);
/* The class that a target of numbers stands for: of K > 1 (one-hot) the first of the largest, of
 * one (the share of class 1) 0 or 1, whichever is nearer. */
size_t gru_loss_class(const float *target, size_t count);

#endif
