/* A corpus filled from a source: one thread reads and splits texts into words while another
 * counts them. */
#ifndef GRU_TEXT_READ_H
#define GRU_TEXT_READ_H

#include "text/corpus.h"
#include "text/source.h"

/* Adds every row of source, with its label and its name. threads: 1 or more; the result is the
 * same. Messages name the file and the line. */
gru_status gru_corpus_read(gru_corpus *corpus, gru_source *source, size_t threads, gru_error *err);

#endif
