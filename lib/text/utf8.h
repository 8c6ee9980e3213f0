/* UTF-8, character by character. */
#ifndef GRU_TEXT_UTF8_H
#define GRU_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GRU_UTF8_BAD = 0x7fffffff };

/* The character at text[0], of text[len], len ≥ 1: *code and its number of bytes. A byte that
 * starts no valid sequence gives GRU_UTF8_BAD and 1. Overlong forms and surrogates are invalid. */
size_t gru_utf8_next(const char *text, size_t len, uint32_t *code);
/* The offset of the first invalid byte, or len when there is none. */
size_t gru_utf8_check(const char *text, size_t len);
/* What Python's str.isspace says: Unicode's white space and the separators U+001C … U+001F. */
bool gru_utf8_space(uint32_t code);

#endif
