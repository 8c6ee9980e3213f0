/* Model files made of other files: of weights from Keras or PyTorch, of a checkpoint, of another
 * model. All fill an empty bundle, which the caller writes; name is the input's, for messages. */
#ifndef GRU_TRAIN_CONVERT_H
#define GRU_TRAIN_CONVERT_H

#include "nn/weights.h"
#include "train/package.h"

typedef struct gru_import_options {
    gru_framework from;
    const char *arch; /* file or text */
    bool per_step;    /* a value per step; also understood where the last layers say so */
    size_t steps;     /* of the data, to be shown; 0: unknown */
} gru_import_options;

/* What gru-train would have written, had it trained these weights. */
gru_status gru_convert_import(gru_bundle *made, const gru_bundle *weights,
                              const gru_import_options *options, const gru_attachments *files,
                              const char *name, gru_error *err);

typedef struct gru_convert_options {
    bool best; /* of a checkpoint, the best epoch's weights: GRU_ERR_DATA where it keeps none */
    const char *const *detach; /* [detached] keys of attached files to leave out */
    size_t detached;
} gru_convert_options;

/* A model, or a checkpoint without all that only training needs. `files` take the place of those
 * attached before. GRU_ERR_USAGE for a key that is no attached file's, GRU_ERR_DATA for one that is
 * not attached. */
gru_status gru_convert_model(gru_bundle *made, const gru_bundle *b,
                             const gru_convert_options *options, const gru_attachments *files,
                             const char *name, gru_error *err);

#endif
