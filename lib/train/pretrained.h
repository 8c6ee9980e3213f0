/* Pre-trained word vectors for the embedding layers that ask for them (weights=FILE). */
#ifndef GRU_TRAIN_PRETRAINED_H
#define GRU_TRAIN_PRETRAINED_H

#include "nn/model.h"

/* Reads the vectors of each embedding with weights=FILE (text/vectors.h) into its table: the rows
 * of the vocabulary's words that FILE holds; other rows stay as they are, and row 0, padding,
 * becomes zero. A word spelt exactly so goes before one that differs in case only; of several the
 * first counts. A note says how many words were found. vocab: the text of vocab.tsv, or NULL, which
 * is GRU_ERR_USAGE when some layer has weights=FILE. Does nothing when none has. */
gru_status gru_pretrained_load(gru_model *m, const char *vocab, gru_error *err);

#endif
