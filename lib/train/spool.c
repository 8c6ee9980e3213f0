/* Bytes kept in memory while they are few, else in an unnamed file (spool.h). */
#include "train/spool.h"

#include "base/mem.h"
#include "io/temporary.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void gru_spool_init(gru_spool *s, size_t limit) {
    *s = (gru_spool){.fd = -1, .limit = limit};
}

void gru_spool_free(gru_spool *s) {
    if (s->map)
        munmap(s->map, (size_t)s->total);
    if (s->fd >= 0)
        close(s->fd);
    free(s->block);
    gru_spool_init(s, s->limit);
}

static gru_status write_out(gru_spool *s, gru_error *err) {
    gru_status status = gru_temporary_write(s->fd, s->block, s->used, err);
    s->used = 0;
    return status;
}

gru_status gru_spool_add(gru_spool *s, const void *bytes, size_t count, gru_error *err) {
    gru_status status = GRU_OK;
    if (s->used && (count > s->limit || s->used > s->limit - count)) {
        if (s->fd < 0)
            status = gru_temporary_open(&s->fd, err);
        if (!status)
            status = write_out(s, err);
    }
    if (!status)
        status = gru_mem_grow(&s->block, &s->cap, s->used + count, 1, err);
    if (status)
        return status;
    memcpy(s->block + s->used, bytes, count);
    s->used += count;
    s->total += count;
    return GRU_OK;
}

gru_status gru_spool_finish(gru_spool *s, const unsigned char **base, gru_error *err) {
    *base = s->block;
    if (s->fd < 0)
        return GRU_OK;
    gru_status status = write_out(s, err);
    if (status)
        return status;
    free(s->block);
    s->block = NULL;
    s->cap = 0;
    if (s->total > SIZE_MAX)
        return gru_error_memory(err, s->total);
    s->map = mmap(NULL, (size_t)s->total, PROT_READ, MAP_PRIVATE, s->fd, 0);
    if (s->map == MAP_FAILED) {
        s->map = NULL;
        return gru_temporary_failed("map", err);
    }
    *base = s->map;
    return GRU_OK;
}
