/* Lines of text, one after the other: UTF-8 checked, byte order mark and line ends (\n, \r\n)
 * removed. */
#ifndef GRU_TEXT_LINES_H
#define GRU_TEXT_LINES_H

#include "io/stream.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct gru_lines gru_lines;

/* Takes no ownership of in. lossy: a byte that isn't UTF-8 becomes U+FFFD rather than an error. */
gru_status gru_lines_open(gru_lines **out, gru_input *in, bool lossy, gru_error *err);
void gru_lines_close(gru_lines *lines);
/* The next line, NUL-terminated, valid until the next call; *text NULL at the end. GRU_ERR_DATA
 * names file and line. A line is given out as soon as it is read. */
gru_status gru_lines_next(gru_lines *lines, const char **text, size_t *len, gru_error *err);
/* Number of the current line, from 1. */
unsigned long long gru_lines_number(const gru_lines *lines);

#endif
