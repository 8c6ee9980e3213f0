/* Unnamed temporary files, in $TMPDIR or /tmp, for what does not fit into memory. */
#ifndef GRU_IO_TEMPORARY_H
#define GRU_IO_TEMPORARY_H

#include "base/error.h"

#include <stddef.h>

/* To read and write; gone once it is closed, and not inherited by programs that are started. */
gru_status gru_temporary_open(int *fd, gru_error *err);
gru_status gru_temporary_write(int fd, const void *bytes, size_t count, gru_error *err);
/* What could not be done to such a file, by errno; names the directory, which may be full. */
gru_status gru_temporary_failed(const char *what, gru_error *err);

#endif
