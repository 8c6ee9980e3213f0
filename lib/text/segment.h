/* Segmentation: a text becomes tokens (words or characters), normalised.
 *
 * space  what Keras's Tokenizer does: lower-case (Unicode, as Python's str.lower), every character
 *        of the filters becomes a space, split at spaces, empty tokens dropped.
 * char   every character that isn't white space is a token (Python's str.isspace); neither
 *        lower-cased nor filtered unless asked for.
 * word   words by Unicode's rules and ICU's dictionaries (Chinese, Japanese, Thai, …); lower-cased
 *        and filtered as space; emoji are words.
 * auto   char where Chinese, Japanese or Thai letters outnumber the words of other scripts, else
 * space; decided while fitting.
 *
 * After that stop words are dropped and what remains is stemmed, if asked for. */
#ifndef GRU_TEXT_SEGMENT_H
#define GRU_TEXT_SEGMENT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum gru_segment {
    GRU_SEGMENT_AUTO,
    GRU_SEGMENT_SPACE,
    GRU_SEGMENT_CHAR,
    GRU_SEGMENT_WORD,
    GRU_SEGMENT_COUNT
} gru_segment;

#define GRU_FILTERS_DEFAULT "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n"

typedef struct gru_segment_options {
    gru_segment segment;     /* not AUTO: gru_segment_guess comes first */
    bool lower;              /* lower-case */
    const char *filters;     /* UTF-8; each character becomes a space; "" filters nothing */
    const char *const *stop; /* stop_count words, compared after lower-casing; may be NULL */
    size_t stop_count;
    const char *stem; /* language of libstemmer (english, en, …); NULL: none */
} gru_segment_options;

/* A token: bytes start … start + len of the segmenter's buffer. */
typedef struct gru_token {
    uint32_t start, len;
} gru_token;

/* Tables and scratch memory; one per thread. */
typedef struct gru_segmenter gru_segmenter;

/* Copies what options point to. GRU_ERR_USAGE for a language that libstemmer lacks. */
gru_status gru_segmenter_new(gru_segmenter **out, const gru_segment_options *options,
                             gru_error *err);
void gru_segmenter_free(gru_segmenter *s);
/* The tokens of text[len] (valid UTF-8, at most 1 GiB): (*tokens)[*count] into *buffer; all valid
 * until the next call. */
gru_status gru_segmenter_split(gru_segmenter *s, const char *text, size_t len, const char **buffer,
                               const gru_token **tokens, size_t *count, gru_error *err);

/* Adds to counts[0] the letters of scripts written without spaces (Chinese, Japanese, Thai, …) and
 * to counts[1] the words of others. */
void gru_segment_count(const char *text, size_t len, uint64_t counts[2]);
/* CHAR or SPACE, from such counts. */
gru_segment gru_segment_guess(const uint64_t counts[2]);

const char *gru_segment_name(gru_segment segment);
bool gru_segment_find(const char *name, gru_segment *out);

#endif
