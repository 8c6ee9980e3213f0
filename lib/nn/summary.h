/* A network as a table for people: layers, output shapes, parameters. */
#ifndef GRU_NN_SUMMARY_H
#define GRU_NN_SUMMARY_H

#include "base/str.h"
#include "nn/model.h"

/* Appends Keras's kind of summary: a line a layer, then the totals (trained, frozen). */
void gru_model_summary(const gru_model *m, gru_str *out);

#endif
