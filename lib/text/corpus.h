/* A corpus: texts as rows of ids, with their labels, kept compactly (4 bytes a token).
 *
 * Either to fit a vocabulary: new, add every text, fit; or with a vocabulary that exists: new_with,
 * add. In both cases the rows can then be asked for. */
#ifndef GRU_TEXT_CORPUS_H
#define GRU_TEXT_CORPUS_H

#include "text/vocab.h"

typedef struct gru_corpus gru_corpus;

/* options->segment may be AUTO: the first MiB of text then decides. Copies what it needs. */
gru_status gru_corpus_new(gru_corpus **out, const gru_vocab_options *options, gru_error *err);
/* Borrows vocab until gru_corpus_free. */
gru_status gru_corpus_new_with(gru_corpus **out, const gru_vocab *vocab, gru_error *err);
void gru_corpus_free(gru_corpus *c);
/* The next text, valid UTF-8, and its label (NULL: it has none; all have one or none has). With a
 * vocabulary a label that isn't among its classes is GRU_ERR_DATA and the message lists them. */
gru_status gru_corpus_add(gru_corpus *c, const char *text, size_t len, const char *label,
                          size_t label_len, gru_error *err);
/* The same for a text that was split before, by a segmenter from gru_corpus_segmenter: its tokens
 * in buffer. */
gru_status gru_corpus_add_split(gru_corpus *c, const char *buffer, const gru_token *tokens,
                                size_t count, const char *label, size_t label_len, gru_error *err);
/* A segmenter of the caller's own, to split texts on another thread; *out NULL while AUTO is not
 * decided. Free it with gru_segmenter_free. */
gru_status gru_corpus_segmenter(const gru_corpus *c, gru_segmenter **out, gru_error *err);
/* Names the text added last (a date, a key): all are named or none is. */
gru_status gru_corpus_add_name(gru_corpus *c, const char *name, size_t len, gru_error *err);
/* Ranks the words, sorts the classes (as whole numbers if all are, else by bytes) and turns the
 * rows into ids. GRU_ERR_DATA when there is no text or no word, or when the labels are so many that
 * they can't be classes. *out is the caller's. */
gru_status gru_corpus_fit(gru_corpus *c, gru_vocab **out, gru_error *err);

size_t gru_corpus_rows(const gru_corpus *c);
/* Rows without any id. */
size_t gru_corpus_empty(const gru_corpus *c);
/* The ids of a row, neither padded nor cut. */
const int32_t *gru_corpus_row(const gru_corpus *c, size_t row, size_t *count);
/* The class of a row, or −1 where there are no labels. */
int32_t gru_corpus_class(const gru_corpus *c, size_t row);
/* The name of a row (not NUL-terminated), *len bytes; empty where there are none. */
const char *gru_corpus_name(const gru_corpus *c, size_t row, size_t *len);
size_t gru_corpus_longest_name(const gru_corpus *c);

#endif
