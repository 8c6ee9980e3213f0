/* Unnamed temporary files (temporary.h). */
#define _GNU_SOURCE /* mkostemp */
#include "io/temporary.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder(void) {
    const char *name = getenv("TMPDIR");
    return name && *name ? name : "/tmp";
}

gru_status gru_temporary_failed(const char *what, gru_error *err) {
    return gru_error_set(err, GRU_ERR_IO,
                         "temporary file in '%s': cannot %s: %s (TMPDIR names the directory)",
                         folder(), what, strerror(errno));
}

gru_status gru_temporary_open(int *fd, gru_error *err) {
    gru_str path = {0};
    *fd = -1;
    gru_str_addf(&path, "%s/gru-XXXXXX", folder());
    gru_status status = gru_str_check(&path, err);
    if (status == GRU_OK) {
        *fd = mkostemp(path.data, O_CLOEXEC);
        if (*fd < 0)
            status = gru_temporary_failed("create", err);
        else
            unlink(path.data);
    }
    gru_str_free(&path);
    return status;
}

gru_status gru_temporary_write(int fd, const void *bytes, size_t count, gru_error *err) {
    const char *from = bytes;
    while (count) {
        ssize_t n = write(fd, from, count);
        if (n < 0 && errno != EINTR)
            return gru_temporary_failed("write", err);
        from += n > 0 ? n : 0;
        count -= n > 0 ? (size_t)n : 0;
    }
    return GRU_OK;
}
