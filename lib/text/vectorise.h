/* A corpus written out: as ids (a tensor stream), as tokens or as weights (tables).
 *
 * Weights are Keras's Tokenizer.texts_to_matrix. With c how often a word occurs in the text, n the
 * number of the text's words that have an id, N the number of fitted texts and d how many of those
 * hold the word:
 *   count   c
 *   binary  1 where c > 0
 *   freq    c / n
 *   tfidf   (1 + ln c) · ln(1 + N / (1 + d)) where c > 0 */
#ifndef GRU_TEXT_VECTORISE_H
#define GRU_TEXT_VECTORISE_H

#include "text/corpus.h"

typedef enum gru_form {
    GRU_FORM_IDS,    /* records: x int32 (T), y int32 () where there are labels, id */
    GRU_FORM_TOKENS, /* columns: id, tokens joined by spaces, label */
    GRU_FORM_COUNT,  /* columns: id, label, one for each word in the order of ids */
    GRU_FORM_BINARY,
    GRU_FORM_FREQ,
    GRU_FORM_TFIDF,
    GRU_FORM_TOTAL
} gru_form;

bool gru_form_find(const char *name, gru_form *out);
gru_output_kind gru_form_kind(gru_form form);

/* weights[gru_vocab_size(v)], number i for id i (0 stays 0), of a text with ids seq[count]. */
void gru_vectorise(const gru_vocab *v, gru_form form, const int32_t *seq, size_t count,
                   double *weights);

typedef struct gru_vectoriser gru_vectoriser;

/* Writes what comes before the rows. Borrows corpus, vocab and output until gru_vectoriser_free. */
gru_status gru_vectoriser_new(gru_vectoriser **out, const gru_corpus *corpus,
                              const gru_vocab *vocab, gru_form form, bool csv, gru_output *output,
                              gru_error *err);
/* Writes the rows up to row `to`, which is left out, from where the last call ended. */
gru_status gru_vectoriser_rows(gru_vectoriser *e, size_t to, gru_error *err);
/* Finishes the tensor stream or table; the output is the caller's to commit. */
gru_status gru_vectoriser_end(gru_vectoriser *e, gru_error *err);
void gru_vectoriser_free(gru_vectoriser *e);

#endif
