/* What a model file holds: beside its weights in words for people, its weights as TSV. */
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
/* Appends a table of the weights: weight (its name), shape, numbers (how many), least, mean, most.
 */
gru_status gru_model_list_weights(const gru_model *m, gru_str *out, gru_error *err);
/* Appends the weight so called as a table: row (from 1; of an embedding token, from 0), then a
 * column for each of the last dimension, named by gate and unit (z_1 … r_1 … h_1 …; LSTM i, f, c,
 * o; else w_1 …). GRU_ERR_USAGE lists the names when there is no such weight. */
gru_status gru_model_print_weight(const gru_model *m, const char *name, gru_str *out,
                                  gru_error *err);

#endif
