/* A growing run of bytes that may outgrow memory: kept in memory while small, else in an unnamed
 * temporary file (in $TMPDIR or /tmp) that is mapped once everything is in it. */
#ifndef GRU_TRAIN_SPOOL_H
#define GRU_TRAIN_SPOOL_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct gru_spool {
    unsigned char *block; /* all bytes, or those not yet in the file */
    size_t used, cap;
    int fd;         /* −1 while in memory */
    uint64_t total; /* bytes appended */
    void *map;
    size_t limit; /* bytes kept in memory */
} gru_spool;

void gru_spool_init(gru_spool *s, size_t limit);
gru_status gru_spool_add(gru_spool *s, const void *bytes, size_t count, gru_error *err);
/* Ends appending; *base is everything, until gru_spool_free. */
gru_status gru_spool_finish(gru_spool *s, const unsigned char **base, gru_error *err);
void gru_spool_free(gru_spool *s);

#endif
