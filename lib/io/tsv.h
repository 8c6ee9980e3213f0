/* Linear TSV: a field is one run of bytes between tabs, and what would break it is written \t, \n,
 * \r and \\. Tables, fitted files and the list of classes in a model are such text. */
#ifndef GRU_IO_TSV_H
#define GRU_IO_TSV_H

#include "base/str.h"

#include <stddef.h>

/* Appends text[len] with its escapes. */
void gru_tsv_add(gru_str *out, const char *text, size_t len);
/* Undoes the escapes of text[len] in place and returns its new length; other backslashes stay. No
 * NUL is written. */
size_t gru_tsv_unescape(char *text, size_t len);

#endif
