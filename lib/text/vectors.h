/* Files of word vectors, a word at a time: word2vec (text and binary), fastText's .vec, GloVe.
 *
 * word2vec and fastText begin with a line "COUNT WIDTH", which their text and binary forms share;
 * GloVe has none, and is always text: a word and its numbers a line, between blanks. A binary
 * vector is a word, a blank and little-endian floats. Memory does not grow with the file. */
#ifndef GRU_TEXT_VECTORS_H
#define GRU_TEXT_VECTORS_H

#include "io/stream.h"

#include <stddef.h>

typedef struct gru_vectors gru_vectors;

/* Tells the kind by the first bytes. Takes no ownership of in. width: how many numbers the vectors
 * must have; GRU_ERR_DATA with both widths when the first line announces another. */
gru_status gru_vectors_open(gru_vectors **out, gru_input *in, size_t width, gru_error *err);
void gru_vectors_close(gru_vectors *v); /* NULL is fine */
/* The next word, not NUL-terminated, valid until the next call; *word NULL at the end. In text it
 * may hold blanks. GRU_ERR_DATA names the line or byte of what is no vector, and the count when the
 * first line announced another. */
gru_status gru_vectors_next(gru_vectors *v, const char **word, size_t *len, gru_error *err);
/* The current word's numbers, finite, to out[width]. */
gru_status gru_vectors_numbers(const gru_vectors *v, float *out, gru_error *err);

#endif
