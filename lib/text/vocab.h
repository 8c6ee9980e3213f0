/* A vocabulary: everything needed to turn new texts into the ids a network was trained on.
 *
 * Made by gru_corpus_fit (corpus.h), kept in vocab.tsv: `#key value` lines with the options, the
 * counts, the stop words and the classes; then a table of id, word, count and docs (the number of
 * fitted texts that hold the word). \t, \n, \r and \\ are escaped.
 *
 * Ids: 0 is padding; 1 … size − 1 are words by falling count, then first appearance. With `oov` id
 * 1 stands for every word that has no id of its own; without, such words are left out. As in Keras,
 * vocab-size N keeps ids below N. */
#ifndef GRU_TEXT_VOCAB_H
#define GRU_TEXT_VOCAB_H

#include "base/error.h"
#include "io/stream.h"
#include "text/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Strings are owned by the vocabulary once they are in one. */
typedef struct gru_vocab_options {
    gru_segment segment;
    int lower;     /* 1, 0; −1: as fits the segmentation (char: no; else yes) */
    char *filters; /* NULL: as fits the segmentation (char: none; else Keras's) */
    bool oov;
    char **stop; /* stop words */
    size_t stop_count;
    char *stem;         /* NULL: none */
    size_t size;        /* vocab-size; 0: no limit */
    uint64_t min_count; /* words seen less often have no id */
    size_t max_len;     /* T; 0 before fitting: the longest text's */
    bool pad_post;      /* zeros after the text rather than before it */
    bool cut_post;      /* a text longer than T loses its end rather than its start */
    char *text_column;  /* NULL: texts were lines */
    char *label_column; /* NULL: no labels */
    char *id_column;    /* NULL: rows have no names but their numbers */
} gru_vocab_options;

typedef struct gru_vocab gru_vocab;

/* ---- making, loading, saving ---- */

/* An empty vocabulary with copies of what options point to; lower and filters are settled. */
gru_status gru_vocab_new(gru_vocab **out, const gru_vocab_options *options, gru_error *err);
/* Makes room for so many words at once. */
gru_status gru_vocab_reserve(gru_vocab *v, size_t words, gru_error *err);
/* Adds the next word, in the order of ids; a word that is there already is GRU_ERR_DATA. */
gru_status gru_vocab_add(gru_vocab *v, const char *word, size_t len, uint64_t count, uint64_t docs,
                         gru_error *err);
/* Adds the next class, in the order of their ids; one that is there already is GRU_ERR_DATA. */
gru_status gru_vocab_add_class(gru_vocab *v, const char *label, size_t len, gru_error *err);
/* What was fitted on: texts, different words, and T where the options left it open. */
void gru_vocab_set_origin(gru_vocab *v, size_t rows, size_t distinct, size_t max_len);

/* From the contents of a vocab.tsv, for instance gru_bundle_get(model, "vocab.tsv"); name is for
 * messages. Nothing is borrowed. */
gru_status gru_vocab_parse(gru_vocab **out, const char *bytes, size_t len, const char *name,
                           gru_error *err);
gru_status gru_vocab_load(gru_vocab **out, const char *path, gru_error *err);
/* The vocabulary attached to a model file. */
gru_status gru_vocab_load_model(gru_vocab **out, const char *path, gru_error *err);
/* The text of vocab.tsv to out; the caller commits. */
gru_status gru_vocab_write(const gru_vocab *v, gru_output *out, gru_error *err);
void gru_vocab_free(gru_vocab *v); /* NULL is fine */

/* ---- asking ---- */

const gru_vocab_options *gru_vocab_get_options(const gru_vocab *v);
size_t gru_vocab_max_len(const gru_vocab *v);
size_t gru_vocab_size(const gru_vocab *v);     /* ids run 1 … size − 1 */
size_t gru_vocab_distinct(const gru_vocab *v); /* words before vocab-size and min-count */
size_t gru_vocab_rows(const gru_vocab *v);     /* texts it was fitted on */
/* The classes' names in order of their ids; *count 0 and maybe NULL when there were no labels. */
const char *const *gru_vocab_classes(const gru_vocab *v, size_t *count);
/* The class of a label, or −1. */
int32_t gru_vocab_class(const gru_vocab *v, const char *label, size_t len);
/* Names of the columns that were read when fitting, or NULL. */
const char *gru_vocab_text_column(const gru_vocab *v);
const char *gru_vocab_label_column(const gru_vocab *v);
const char *gru_vocab_id_column(const gru_vocab *v);

/* The word of id 1 … size − 1 (the oov id's is "<oov>"); NULL for others. */
const char *gru_vocab_word(const gru_vocab *v, int32_t id);
/* How often the word of this id was seen when fitting, and in how many texts; 0 for the oov id. */
uint64_t gru_vocab_count(const gru_vocab *v, int32_t id);
uint64_t gru_vocab_docs(const gru_vocab *v, int32_t id);
/* The id of a token: its own, or the oov id; 0 when it is to be left out. */
int32_t gru_vocab_id(const gru_vocab *v, const char *word, size_t len);

/* A segmenter made as the vocabulary's texts were segmented; one per thread. Free it with
 * gru_segmenter_free. */
gru_status gru_vocab_segmenter(const gru_vocab *v, gru_segmenter **out, gru_error *err);
/* text[len] (valid UTF-8) → ids[max_len], padded and cut as when fitting; *valid (may be NULL) is
 * the number of ids that aren't padding, 0 for a text without known words. */
gru_status gru_vocab_encode(const gru_vocab *v, gru_segmenter *scratch, const char *text,
                            size_t len, int32_t *ids, size_t *valid, gru_error *err);
/* Puts seq[count] into ids[max_len] with this vocabulary's padding and cutting; returns what
 * gru_vocab_encode gives as valid. */
size_t gru_vocab_pad(const gru_vocab *v, const int32_t *seq, size_t count, int32_t *ids);

#endif
