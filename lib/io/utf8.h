/* Is text UTF-8? (What it means is the text layer's.) */
#ifndef GRU_IO_UTF8_H
#define GRU_IO_UTF8_H

#include <stddef.h>

/* The length of the longest valid UTF-8 prefix of text[len] (RFC 3629: no overlong forms, no
 * surrogates, up to U+10FFFF). */
size_t gru_utf8_valid(const char *text, size_t len);

#endif
