/* UTF-8, character by character (whether text is UTF-8 at all: io/utf8.h). */
#ifndef GRU_TEXT_UNICODE_H
#define GRU_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GRU_UNICODE_BAD = 0x7fffffff };

/* The character at text[0], of text[len], len ≥ 1: *code and its number of bytes. A byte that
 * starts no valid sequence gives GRU_UNICODE_BAD and 1. Overlong forms and surrogates are invalid.
 */
size_t gru_unicode_next(const char *text, size_t len, uint32_t *code);
/* What Python's str.isspace says: Unicode's white space and the separators U+001C … U+001F. */
bool gru_unicode_space(uint32_t code);

#endif
