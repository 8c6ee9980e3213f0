/* Stop words: words too frequent to say much, dropped before counting. */
#ifndef GRU_TEXT_STOP_H
#define GRU_TEXT_STOP_H

#include "base/error.h"

#include <stddef.h>

/* The words of `source`: an existing file's name (one word a line, UTF-8, # starts a comment) or a
 * language that has a built-in list (en, zh). *words is an array of *count strings; free both with
 * gru_stop_free. GRU_ERR_USAGE when source is neither. */
gru_status gru_stop_load(const char *source, char ***words, size_t *count, gru_error *err);
void gru_stop_free(char **words, size_t count);

#endif
