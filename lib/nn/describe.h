/* What a model file holds beside its weights, in words for people. */
#ifndef GRU_NN_DESCRIBE_H
#define GRU_NN_DESCRIBE_H

#include "base/str.h"
#include "io/bundle.h"
#include "nn/model.h"

/* Appends the architecture's text, the input, the loss, the classes, the attached files and how the
 * network was trained (metadata "train", JSON; text that isn't JSON is shown as it is). m is the
 * network that b holds. Control characters of the file come out as '?'. */
gru_status gru_model_describe(const gru_model *m, const gru_bundle *b, gru_str *out,
                              gru_error *err);

#endif
