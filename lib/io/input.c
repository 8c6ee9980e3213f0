/* Byte streams in: files, standard input, memory, gzip. */
#include "io/stream.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { BUFFER_BYTES = 1 << 17, PEEK_MAX = 65536, SLURP_STEP = 1 << 16 };

struct gru_input {
    char *name;
    int fd; /* -1: bytes in memory */
    bool owns_fd, regular, started, gzipped, ended;
    off_t first; /* file offset at which the stream began */
    uint64_t consumed;
    const unsigned char *memory; /* what is left of the borrowed bytes */
    size_t memory_left;
    unsigned char *buffer; /* decoded bytes from `at` to `filled` */
    size_t at, filled;
    unsigned char *raw; /* gzip only: undecoded bytes */
    z_stream z;
    bool member_ended;
};

static gru_status make_input(gru_input **out, const char *name, gru_error *err) {
    gru_input *in = calloc(1, sizeof *in);
    *out = NULL;
    if (!in)
        return gru_error_memory(err, sizeof *in);
    in->fd = -1;
    in->name = strdup(name);
    in->buffer = malloc(BUFFER_BYTES);
    if (!in->name || !in->buffer) {
        gru_input_close(in);
        return gru_error_memory(err, BUFFER_BYTES);
    }
    *out = in;
    return GRU_OK;
}

gru_status gru_input_open(gru_input **out, const char *path, gru_error *err) {
    bool standard = !path || strcmp(path, "-") == 0;
    gru_input *in;
    gru_status status = make_input(&in, standard ? "standard input" : path, err);
    *out = NULL;
    if (status)
        return status;
    in->owns_fd = !standard;
    in->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    if (in->fd < 0 || fstat(in->fd, &st) != 0)
        status = gru_error_set(err, GRU_ERR_IO, "%s: cannot open: %s", in->name, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        status = gru_error_set(err, GRU_ERR_IO, "%s: is a directory", in->name);
    if (status) {
        gru_input_close(in);
        return status;
    }
    in->regular = S_ISREG(st.st_mode);
    if (in->regular) {
        in->first = lseek(in->fd, 0, SEEK_CUR);
        posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    *out = in;
    return GRU_OK;
}

gru_status gru_input_open_bytes(gru_input **out, const void *bytes, size_t count, const char *name,
                                gru_error *err) {
    gru_status status = make_input(out, name, err);
    if (status == GRU_OK) {
        (*out)->memory = bytes;
        (*out)->memory_left = count;
    }
    return status;
}

void gru_input_close(gru_input *in) {
    if (!in)
        return;
    if (in->gzipped)
        inflateEnd(&in->z);
    if (in->owns_fd && in->fd >= 0)
        close(in->fd);
    free(in->raw);
    free(in->buffer);
    free(in->name);
    free(in);
}

const char *gru_input_name(const gru_input *in) {
    return in->name;
}

/* Undecoded bytes from the system or from memory; 0 at the end. */
static gru_status read_raw(gru_input *in, void *to, size_t want, size_t *got, gru_error *err) {
    *got = 0;
    if (in->fd < 0) {
        *got = want < in->memory_left ? want : in->memory_left;
        if (*got)
            memcpy(to, in->memory, *got);
        in->memory += *got;
        in->memory_left -= *got;
        return GRU_OK;
    }
    for (;;) {
        ssize_t n = read(in->fd, to, want);
        if (n >= 0) {
            *got = (size_t)n;
            return GRU_OK;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd wait = {.fd = in->fd, .events = POLLIN};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return gru_error_set(err, GRU_ERR_IO, "%s: cannot read: %s", in->name, strerror(errno));
        }
    }
}

/* Reads the first bytes and tells gzip by its magic. */
static gru_status start(gru_input *in, gru_error *err) {
    in->started = true;
    while (in->filled < 2) {
        size_t got;
        gru_status status =
            read_raw(in, in->buffer + in->filled, BUFFER_BYTES - in->filled, &got, err);
        if (status)
            return status;
        if (!got)
            break;
        in->filled += got;
    }
    if (in->filled < 2 || in->buffer[0] != 0x1f || in->buffer[1] != 0x8b)
        return GRU_OK;
    in->raw = malloc(BUFFER_BYTES);
    if (!in->raw || inflateInit2(&in->z, 16 + MAX_WBITS) != Z_OK)
        return gru_error_memory(err, BUFFER_BYTES);
    in->gzipped = true;
    memcpy(in->raw, in->buffer, in->filled);
    in->z.next_in = in->raw;
    in->z.avail_in = (uInt)in->filled;
    in->filled = 0;
    return GRU_OK;
}

static gru_status refill_raw(gru_input *in, bool *ended, gru_error *err) {
    size_t got;
    gru_status status = read_raw(in, in->raw, BUFFER_BYTES, &got, err);
    *ended = got == 0;
    in->z.next_in = in->raw;
    in->z.avail_in = (uInt)got;
    return status;
}

/* After a member: another one, padding with zeros, or the end. */
static gru_status next_member(gru_input *in, gru_error *err) {
    bool ended = false;
    for (;;) {
        while (in->z.avail_in && *in->z.next_in == 0) {
            in->z.next_in++;
            in->z.avail_in--;
        }
        if (in->z.avail_in)
            break;
        gru_status status = refill_raw(in, &ended, err);
        if (status)
            return status;
        if (ended) {
            in->ended = true;
            return GRU_OK;
        }
    }
    if (*in->z.next_in != 0x1f)
        return gru_error_set(err, GRU_ERR_DATA, "%s: other bytes follow the gzip data", in->name);
    inflateReset(&in->z);
    in->member_ended = false;
    return GRU_OK;
}

static gru_status inflate_some(gru_input *in, void *to, size_t want, size_t *got, gru_error *err) {
    *got = 0;
    while (*got == 0 && !in->ended) {
        gru_status status = GRU_OK;
        bool ended = false;
        if (in->member_ended)
            status = next_member(in, err);
        else if (in->z.avail_in == 0)
            status = refill_raw(in, &ended, err);
        if (status)
            return status;
        if (ended)
            return gru_error_set(err, GRU_ERR_DATA, "%s: gzip data ends early", in->name);
        if (in->ended)
            break;
        uInt room = want > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uInt)want;
        in->z.next_out = to;
        in->z.avail_out = room;
        int result = inflate(&in->z, Z_NO_FLUSH);
        *got = room - in->z.avail_out;
        if (result == Z_STREAM_END)
            in->member_ended = true;
        else if (result == Z_MEM_ERROR)
            return gru_error_memory(err, BUFFER_BYTES);
        else if (result != Z_OK && result != Z_BUF_ERROR)
            return gru_error_set(err, GRU_ERR_DATA, "%s: corrupt gzip data (%s)", in->name,
                                 in->z.msg ? in->z.msg : "needs a dictionary");
    }
    return GRU_OK;
}

/* Decoded bytes, not through the buffer. */
static gru_status read_decoded(gru_input *in, void *to, size_t want, size_t *got, gru_error *err) {
    *got = 0;
    if (in->ended)
        return GRU_OK;
    if (in->gzipped)
        return inflate_some(in, to, want, got, err);
    gru_status status = read_raw(in, to, want, got, err);
    in->ended = status == GRU_OK && *got == 0;
    return status;
}

gru_status gru_input_read(gru_input *in, void *buffer, size_t want, size_t *got, gru_error *err) {
    gru_status status = GRU_OK;
    *got = 0;
    if (!in->started && (status = start(in, err)) != GRU_OK)
        return status;
    if (want == 0)
        return GRU_OK;
    if (in->at == in->filled && want >= BUFFER_BYTES) {
        status = read_decoded(in, buffer, want, got, err);
        in->consumed += *got;
        return status;
    }
    if (in->at == in->filled) {
        in->at = in->filled = 0;
        status = read_decoded(in, in->buffer, BUFFER_BYTES, &in->filled, err);
        if (status)
            return status;
    }
    *got = in->filled - in->at < want ? in->filled - in->at : want;
    memcpy(buffer, in->buffer + in->at, *got);
    gru_input_consume(in, *got);
    return GRU_OK;
}

gru_status gru_input_read_all(gru_input *in, void *buffer, size_t want, gru_error *err) {
    size_t done = 0;
    while (done < want) {
        size_t got;
        gru_status status = gru_input_read(in, (char *)buffer + done, want - done, &got, err);
        if (status)
            return status;
        if (got == 0)
            return gru_error_set(err, GRU_ERR_DATA, "%s: ends after %llu bytes", in->name,
                                 (unsigned long long)in->consumed);
        done += got;
    }
    return GRU_OK;
}

gru_status gru_input_peek(gru_input *in, size_t want, const unsigned char **bytes, size_t *count,
                          gru_error *err) {
    gru_status status = GRU_OK;
    *bytes = in->buffer;
    *count = 0;
    if (!in->started && (status = start(in, err)) != GRU_OK)
        return status;
    if (want > PEEK_MAX)
        want = PEEK_MAX;
    if (in->at && in->filled - in->at < want) {
        memmove(in->buffer, in->buffer + in->at, in->filled - in->at);
        in->filled -= in->at;
        in->at = 0;
    }
    while (in->filled - in->at < want && !in->ended) {
        size_t got;
        status = read_decoded(in, in->buffer + in->filled, BUFFER_BYTES - in->filled, &got, err);
        if (status)
            return status;
        in->filled += got;
    }
    *bytes = in->buffer + in->at;
    *count = in->filled - in->at;
    return GRU_OK;
}

void gru_input_consume(gru_input *in, size_t count) {
    in->at += count;
    in->consumed += count;
}

bool gru_input_is_zip(const unsigned char *bytes, size_t count) {
    return count >= 4 && memcmp(bytes, "PK\3\4", 4) == 0;
}

bool gru_input_mappable(const gru_input *in, int *fd, uint64_t *size) {
    unsigned char magic[2];
    struct stat st;
    if (!in->regular || in->gzipped || in->consumed || in->first != 0 || fstat(in->fd, &st) != 0)
        return false;
    if (pread(in->fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b)
        return false;
    *fd = in->fd;
    *size = (uint64_t)st.st_size;
    return true;
}

gru_status gru_file_read(int fd, const char *name, uint64_t at, void *to, size_t want,
                         gru_error *err) {
    for (size_t done = 0; done < want;) {
        ssize_t n = pread(fd, (char *)to + done, want - done, (off_t)(at + done));
        if (n < 0 && errno != EINTR)
            return gru_error_set(err, GRU_ERR_IO, "%s: %s", name, strerror(errno));
        if (n == 0)
            return gru_error_set(err, GRU_ERR_DATA, "%s: was cut while it was in use", name);
        done += n > 0 ? (size_t)n : 0;
    }
    return GRU_OK;
}

gru_status gru_input_slurp(gru_input *in, size_t limit, char **text, size_t *count,
                           gru_error *err) {
    char *block = NULL;
    size_t used = 0, cap = 0, got = 1;
    gru_status status = GRU_OK;
    while (got && status == GRU_OK) {
        status = gru_mem_grow(&block, &cap, used + SLURP_STEP + 1, 1, err);
        if (status)
            break;
        status = gru_input_read(in, block + used, SLURP_STEP, &got, err);
        used += got;
        if (status == GRU_OK && used > limit)
            status = gru_error_set(err, GRU_ERR_DATA, "%s: larger than %zu bytes", in->name, limit);
    }
    if (status) {
        free(block);
        block = NULL;
        used = 0;
    } else {
        block[used] = '\0';
    }
    *text = block;
    *count = used;
    return status;
}
