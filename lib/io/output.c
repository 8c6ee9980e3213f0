/* Byte streams out: whole-or-nothing files, standard output, special files, gzip. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "io/stream.h"

#include "base/number.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { BUFFER_BYTES = 1 << 16, TRIES = 100, LINKS_MAX = 40, NAMES = 16 };

struct gru_output {
    char *name;   /* for messages */
    char *target; /* the final path, links resolved; NULL: written directly */
    char *folder;
    char *temporary; /* a name beside the target that exists now; NULL: none does */
    int fd;
    bool standard, regular, gzipped;
    off_t first; /* file offset at which the stream began */
    unsigned char *buffer;
    size_t filled;
    uint64_t written; /* bytes handed over by the caller */
    unsigned char *packed;
    z_stream z;
};

/* Temporary names that exist now, or are about to: a signal may come as soon as they do. Who takes
 * a name out of here owns it: an output that is done with it, or the handler of a signal. */
static _Atomic(char *) names[NAMES];

static void keep_name(gru_output *out, char *name) {
    out->temporary = name;
    for (int i = 0; i < NAMES; i++) {
        char *none = NULL;
        if (atomic_compare_exchange_strong(&names[i], &none, name))
            return;
    }
}

static void drop_name(gru_output *out) {
    for (int i = 0; out->temporary && i < NAMES; i++) {
        char *name = out->temporary;
        if (atomic_compare_exchange_strong(&names[i], &name, NULL)) {
            free(name);
            break;
        }
    }
    out->temporary = NULL;
}

void gru_output_abandon(void) {
    for (int i = 0; i < NAMES; i++) {
        char *name = atomic_exchange(&names[i], NULL);
        if (name)
            unlink(name);
    }
}

static void release(gru_output *out) {
    if (out->gzipped)
        deflateEnd(&out->z);
    if (out->fd >= 0 && !out->standard)
        close(out->fd);
    if (out->temporary)
        unlink(out->temporary);
    drop_name(out);
    free(out->folder);
    free(out->target);
    free(out->name);
    free(out->buffer);
    free(out->packed);
    free(out);
}

void gru_output_discard(gru_output *out) {
    if (out)
        release(out);
}

const char *gru_output_name(const gru_output *out) {
    return out->name;
}

static gru_status cannot(const gru_output *out, const char *what, gru_error *err) {
    if (errno == EPIPE)
        return gru_error_set(err, GRU_ERR_PIPE, "%s: the reader went away", out->name);
    return gru_error_set(err, GRU_ERR_IO, "%s: cannot %s: %s", out->name, what, strerror(errno));
}

static gru_status cannot_in_folder(const gru_output *out, gru_error *err) {
    return gru_error_set(err, GRU_ERR_IO, "%s: cannot create: directory '%s': %s", out->name,
                         out->folder, strerror(errno));
}

/* A name for the time of writing; short, so that it fits where the target's own name fits. */
static char *temporary_name(const gru_output *out, unsigned number) {
    gru_str name = {0};
    gru_str_addf(&name, "%s/.gru-%ld-%p-%u", out->folder, (long)getpid(), (const void *)out,
                 number);
    return name.failed ? NULL : name.data;
}

/* A file with a temporary name, where the file system has no unnamed ones. */
static gru_status open_named(gru_output *out, gru_error *err) {
    for (unsigned i = 0; i < TRIES; i++) {
        char *name = temporary_name(out, i);
        if (!name)
            return gru_error_memory(err, strlen(out->folder) + 64);
        keep_name(out, name);
        out->fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (out->fd >= 0)
            return GRU_OK;
        int reason = errno;
        drop_name(out);
        errno = reason;
        if (reason != EEXIST)
            break;
    }
    return cannot_in_folder(out, err);
}

static gru_status split_folder(gru_output *out, gru_error *err) {
    const char *slash = strrchr(out->target, '/');
    out->folder = !slash                 ? strdup(".")
                  : slash == out->target ? strdup("/")
                                         : gru_str_copy(out->target, (size_t)(slash - out->target));
    if (!out->folder)
        return gru_error_memory(err, strlen(out->target) + 1);
    if (slash && slash[1] == '\0')
        return gru_error_set(err, GRU_ERR_IO, "%s: is a directory", out->name);
    struct stat st;
    if (stat(out->folder, &st) != 0)
        return cannot_in_folder(out, err);
    return GRU_OK;
}

/* Links that lead to no file yet, too, so that the file appears where they point. */
static gru_status resolve(gru_output *out, const char *path, gru_error *err) {
    out->target = realpath(path, NULL);
    if (!out->target)
        out->target = strdup(path);
    for (int links = 0; out->target; links++) {
        char to[PATH_MAX];
        ssize_t len = readlink(out->target, to, sizeof to);
        if (len < 0)
            return GRU_OK;
        if (links == LINKS_MAX) {
            errno = ELOOP;
            return cannot(out, "create", err);
        }
        const char *slash = strrchr(out->target, '/');
        gru_str next = {0};
        if (slash && to[0] != '/')
            gru_str_add_bytes(&next, out->target, (size_t)(slash + 1 - out->target));
        gru_str_add_bytes(&next, to, (size_t)len);
        free(out->target);
        out->target = next.data;
        if (gru_str_check(&next, err))
            return err->code;
    }
    return gru_error_memory(err, strlen(path) + 1);
}

/* A replaced file stays its owner's, should another one, such as root, replace it; where the system
 * forbids that, the group's. Permissions come last: a new owner clears some of them. */
static gru_status take_after(const gru_output *out, const struct stat *old, gru_error *err) {
    if (fchown(out->fd, old->st_uid, old->st_gid) != 0)
        (void)!fchown(out->fd, (uid_t)-1, old->st_gid);
    return fchmod(out->fd, old->st_mode & 07777) == 0 ? GRU_OK : cannot(out, "create", err);
}

/* In /tmp and the like a file is replaced by its owner only, however writable it is. */
static bool is_sticky(const gru_output *out, const struct stat *old) {
    struct stat folder;
    uid_t user = geteuid();
    return stat(out->folder, &folder) == 0 && (folder.st_mode & S_ISVTX) && user != 0 &&
           user != folder.st_uid && user != old->st_uid;
}

/* A regular file: write beside the target, on the same file system. */
static gru_status open_beside(gru_output *out, const char *path, const struct stat *old,
                              gru_error *err) {
    gru_status status = resolve(out, path, err);
    if (status == GRU_OK)
        status = split_folder(out, err);
    if (status)
        return status;
    if (old && access(out->target, W_OK) != 0)
        return cannot(out, "write", err);
    if (old && is_sticky(out, old)) {
        errno = EPERM;
        return cannot_in_folder(out, err);
    }
#ifdef O_TMPFILE
    if (access("/proc/self/fd", X_OK) == 0)
        out->fd = open(out->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
#endif
    if (out->fd < 0)
        status = open_named(out, err);
    if (status == GRU_OK && old)
        status = take_after(out, old, err);
    out->regular = true;
    return status;
}

/* The number of an open descriptor that the path is a name of; -1: it is none. */
static int descriptor_named(const char *path) {
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (int i = 0; i < 2; i++) {
        size_t len = strlen(folders[i]);
        long long number;
        if (strncmp(path, folders[i], len) == 0 &&
            gru_number_parse_int(path + len, strlen(path + len), &number) && number >= 0 &&
            number <= INT_MAX)
            return (int)number;
    }
    return -1;
}

/* Written where it stands. Replacing the file that it was redirected to would lose what others have
 * written there, and what they will. */
static gru_status open_descriptor(gru_output *out, int number, gru_error *err) {
    struct stat st;
    out->fd = out->standard ? number : fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (out->fd < 0)
        return cannot(out, "open", err);
    int flags = fcntl(out->fd, F_GETFL);
    out->regular =
        fstat(out->fd, &st) == 0 && S_ISREG(st.st_mode) && flags >= 0 && !(flags & O_APPEND);
    out->first = out->regular ? lseek(out->fd, 0, SEEK_CUR) : 0;
    return GRU_OK;
}

static gru_status open_target(gru_output *out, const char *path, gru_error *err) {
    struct stat st;
    bool exists = stat(path, &st) == 0;
    if (!exists && errno == ENAMETOOLONG)
        return cannot(out, "create", err);
    if (exists && S_ISDIR(st.st_mode))
        return gru_error_set(err, GRU_ERR_IO, "%s: is a directory", out->name);
    if (!exists || S_ISREG(st.st_mode))
        return open_beside(out, path, exists ? &st : NULL, err);
    out->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return out->fd < 0 ? cannot(out, "open", err) : GRU_OK;
}

gru_status gru_output_open(gru_output **result, const char *path, gru_output_kind kind,
                           gru_error *err) {
    *result = NULL;
    gru_output *out = calloc(1, sizeof *out);
    if (!out)
        return gru_error_memory(err, sizeof *out);
    int number = path ? descriptor_named(path) : STDOUT_FILENO;
    out->standard = number == STDOUT_FILENO;
    out->fd = -1;
    out->name = strdup(out->standard ? "standard output" : path);
    out->buffer = malloc(BUFFER_BYTES);
    gru_status status = GRU_OK;
    if (!out->name || !out->buffer)
        status = gru_error_memory(err, BUFFER_BYTES);
    else
        status = number < 0 ? open_target(out, path, err) : open_descriptor(out, number, err);
    if (status == GRU_OK && kind == GRU_OUTPUT_BINARY && isatty(out->fd))
        status = gru_error_set(err, GRU_ERR_USAGE,
                               "%s: binary data is not written to a terminal; redirect it or use "
                               "-o FILE",
                               out->name);
    if (status == GRU_OK && !out->standard && gru_str_ends(path, ".gz")) {
        out->packed = malloc(BUFFER_BYTES);
        if (!out->packed ||
            deflateInit2(&out->z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            status = gru_error_memory(err, BUFFER_BYTES);
        else
            out->gzipped = true;
    }
    if (status) {
        release(out);
        return status;
    }
    *result = out;
    return GRU_OK;
}

static gru_status write_raw(gru_output *out, const unsigned char *bytes, size_t count,
                            gru_error *err) {
    while (count) {
        ssize_t n = write(out->fd, bytes, count);
        if (n >= 0) {
            bytes += n;
            count -= (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd wait = {.fd = out->fd, .events = POLLOUT};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return cannot(out, "write", err);
        }
    }
    return GRU_OK;
}

static gru_status deflate_some(gru_output *out, const unsigned char *bytes, size_t count, int flush,
                               gru_error *err) {
    do {
        uInt part = count > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uInt)count;
        out->z.next_in = (unsigned char *)(uintptr_t)bytes;
        out->z.avail_in = part;
        do {
            out->z.next_out = out->packed;
            out->z.avail_out = BUFFER_BYTES;
            if (deflate(&out->z, part == count ? flush : Z_NO_FLUSH) == Z_STREAM_ERROR)
                return gru_error_set(err, GRU_ERR_IO, "%s: cannot compress", out->name);
            gru_status status = write_raw(out, out->packed, BUFFER_BYTES - out->z.avail_out, err);
            if (status)
                return status;
        } while (out->z.avail_out == 0);
        bytes += part;
        count -= part;
    } while (count);
    return GRU_OK;
}

static gru_status pass_on(gru_output *out, const void *bytes, size_t count, int flush,
                          gru_error *err) {
    if (out->gzipped)
        return deflate_some(out, bytes, count, flush, err);
    return write_raw(out, bytes, count, err);
}

static gru_status empty_buffer(gru_output *out, int flush, gru_error *err) {
    size_t count = out->filled;
    out->filled = 0;
    if (count == 0 && (!out->gzipped || flush == Z_NO_FLUSH))
        return GRU_OK;
    return pass_on(out, out->buffer, count, flush, err);
}

gru_status gru_output_write(gru_output *out, const void *bytes, size_t count, gru_error *err) {
    gru_status status = GRU_OK;
    if (count == 0)
        return GRU_OK;
    out->written += count;
    if (count > BUFFER_BYTES - out->filled)
        status = empty_buffer(out, Z_NO_FLUSH, err);
    if (status)
        return status;
    if (count >= BUFFER_BYTES)
        return pass_on(out, bytes, count, Z_NO_FLUSH, err);
    memcpy(out->buffer + out->filled, bytes, count);
    out->filled += count;
    return GRU_OK;
}

gru_status gru_output_flush(gru_output *out, gru_error *err) {
    return empty_buffer(out, Z_SYNC_FLUSH, err);
}

bool gru_output_seekable(const gru_output *out) {
    return out->regular && !out->gzipped && out->first >= 0;
}

uint64_t gru_output_tell(const gru_output *out) {
    return out->written;
}

gru_status gru_output_patch(gru_output *out, uint64_t offset, const void *bytes, size_t count,
                            gru_error *err) {
    gru_status status = empty_buffer(out, Z_NO_FLUSH, err);
    const char *from = bytes;
    off_t at = out->first + (off_t)offset;
    while (status == GRU_OK && count) {
        ssize_t n = pwrite(out->fd, from, count, at);
        if (n > 0) {
            from += n;
            at += n;
            count -= (size_t)n;
        } else if (n < 0 && errno != EINTR) {
            status = cannot(out, "write", err);
        }
    }
    return status;
}

/* Gives the finished file its name, replacing what is there. */
static gru_status appear(gru_output *out, gru_error *err) {
    for (unsigned i = 0; !out->temporary; i++) {
        char from[64], *name = temporary_name(out, i);
        if (!name)
            return gru_error_memory(err, strlen(out->folder) + 64);
        keep_name(out, name);
        snprintf(from, sizeof from, "/proc/self/fd/%d", out->fd);
        if (linkat(AT_FDCWD, from, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0)
            break;
        int reason = errno;
        drop_name(out);
        errno = reason;
        if (reason != EEXIST || i >= TRIES)
            return cannot(out, "create", err);
    }
    if (rename(out->temporary, out->target) != 0)
        return cannot(out, "create", err);
    drop_name(out);
    return GRU_OK;
}

gru_status gru_output_commit(gru_output *out, gru_error *err) {
    gru_status status = empty_buffer(out, Z_FINISH, err);
    if (status == GRU_OK && out->target && fsync(out->fd) != 0 && errno != EINVAL && errno != EROFS)
        status = cannot(out, "write", err);
    if (status == GRU_OK && out->target)
        status = appear(out, err);
    if (status == GRU_OK && !out->standard) {
        int fd = out->fd;
        out->fd = -1;
        if (close(fd) != 0 && errno != EINTR)
            status = cannot(out, "close", err);
    }
    release(out);
    return status;
}

gru_status gru_output_end(gru_output *out, gru_status status, gru_error *err) {
    if (status == GRU_OK)
        return gru_output_commit(out, err);
    gru_output_discard(out);
    return status;
}

gru_status gru_output_save(const char *path, gru_output_kind kind, const void *bytes, size_t count,
                           gru_error *err) {
    gru_output *out;
    gru_status status = gru_output_open(&out, path, kind, err);
    return status ? status : gru_output_end(out, gru_output_write(out, bytes, count, err), err);
}
