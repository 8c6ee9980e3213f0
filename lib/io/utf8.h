/* UTF-8 (RFC 3629: no overlong forms, no surrogates, up to U+10FFFF): whether text is, character by
 * character, and back. */
#ifndef GRU_IO_UTF8_H
#define GRU_IO_UTF8_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

enum { GRU_UTF8_BYTES = 4, GRU_UTF8_BAD = 0x7fffffff };

/* The length of the longest valid UTF-8 prefix of text[len]. */
size_t gru_utf8_valid(const char *text, size_t len);
/* The character at text[0], of text[len], len ≥ 1: *code and its number of bytes. A byte that
 * starts no valid sequence gives GRU_UTF8_BAD and 1. */
size_t gru_utf8_next(const char *text, size_t len, uint32_t *code);
/* Writes a character; returns its number of bytes. */
size_t gru_utf8_put(char out[GRU_UTF8_BYTES], uint32_t code);
/* Appends text[len] with U+FFFD in place of each byte that starts no valid sequence. */
void gru_utf8_add_repaired(gru_str *out, const char *text, size_t len);

#endif
