/* A set of samples: in memory while it is small, else in a file that is read by pieces. */
#include "train/dataset.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "io/crc32.h"
#include "io/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL = 64 << 20, SPOOL_BLOCK = 1 << 20, WINDOW = 1 << 20 };

/* The rows of a large set that were looked at last. */
typedef struct window {
    unsigned char *records;
    size_t first, count, cap;
} window;

struct gru_dataset {
    gru_record_spec spec;
    char *name;
    size_t count;
    unsigned char *memory; /* all records, or NULL: a large set, whose file is open */
    int fd;                /* or −1 */
    uint64_t offset;       /* of the first record in the file */
    window *window;        /* of a large set */
};

static gru_status failed(const char *what, gru_error *err) {
    return gru_error_set(err, GRU_ERR_IO, "%s: %s", what, strerror(errno));
}

static gru_status keep_file(gru_dataset *d, int fd, uint64_t offset, gru_error *err) {
    size_t rows = d->spec.bytes < WINDOW ? WINDOW / d->spec.bytes : 1;
    d->offset = offset;
    d->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (d->fd < 0)
        return failed(d->name, err);
    if (gru_mem_new(&d->window, 1, sizeof *d->window, err))
        return err->code;
    d->window->cap = rows;
    return gru_mem_new(&d->window->records, rows, d->spec.bytes, err);
}

/* A small file is read rather than mapped too: its pages would be as many, and one that another
 * program cuts would end this one by a signal. */
static gru_status read_all(gru_dataset *d, int fd, uint64_t offset, gru_error *err) {
    if (gru_mem_new(&d->memory, d->count, d->spec.bytes, err))
        return err->code;
    return gru_file_read(fd, d->name, offset, d->memory, d->count * d->spec.bytes, err);
}

static gru_status check_finite(const gru_dataset *d, gru_error *err) {
    const unsigned char *record;
    for (size_t row = 0; row < d->count; row++)
        if (gru_dataset_look(d, row, &record, err) ||
            gru_record_check_finite(&d->spec, record, 1, row, d->name, err))
            return err->code;
    return GRU_OK;
}

/* What memory holds already and the rest of the stream, into a file that is kept. */
static gru_status spool_to_file(gru_dataset *d, gru_npy_reader *reader, size_t block,
                                gru_error *err) {
    int fd;
    size_t got = d->count;
    if (gru_temporary_open(&fd, err))
        return err->code;
    d->count = 0;
    gru_status status = GRU_OK;
    while (status == GRU_OK && got > 0) {
        status = gru_temporary_write(fd, d->memory, got * d->spec.bytes, err);
        d->count += got;
        if (status == GRU_OK)
            status = gru_npy_next(reader, d->memory, block, &got, err);
    }
    if (status == GRU_OK)
        status = keep_file(d, fd, 0, err);
    close(fd);
    free(d->memory);
    d->memory = NULL;
    return status;
}

static gru_status spool(gru_dataset *d, gru_npy_reader *reader, gru_error *err) {
    size_t bytes = d->spec.bytes, got = 1, cap = 0;
    size_t block = bytes < SPOOL_BLOCK ? SPOOL_BLOCK / bytes : 1;
    while (got > 0) {
        if (d->count > 0 && d->count >= SMALL / bytes && cap - d->count < block)
            return spool_to_file(d, reader, block, err);
        if (gru_mem_grow(&d->memory, &cap, d->count + block, bytes, err) ||
            gru_npy_next(reader, d->memory + d->count * bytes, block, &got, err))
            return err->code;
        d->count += got;
    }
    return GRU_OK;
}

static gru_status load(gru_dataset *d, gru_npy_reader *reader, gru_error *err) {
    int fd;
    uint64_t offset, count;
    d->spec = *gru_npy_spec(reader);
    if (gru_npy_mappable(reader, &fd, &offset, &count) && offset % 4 == 0 && count > 0) {
        size_t bytes;
        d->count = (size_t)count;
        if (count > SIZE_MAX || !gru_size_mul(d->count, d->spec.bytes, &bytes))
            return gru_error_memory(err, UINT64_MAX);
        gru_status status =
            bytes > SMALL ? keep_file(d, fd, offset, err) : read_all(d, fd, offset, err);
        if (status || check_finite(d, err))
            return err->code;
    } else if (spool(d, reader, err)) {
        return err->code;
    }
    if (d->count == 0)
        return gru_error_set(err, GRU_ERR_DATA, "%s: no samples", d->name);
    if (d->count > UINT32_MAX) {
        return gru_error_set(err, GRU_ERR_DATA, "%s: %zu samples; at most %u can be used", d->name,
                             d->count, UINT32_MAX);
    }
    return GRU_OK;
}

gru_status gru_dataset_open(gru_dataset **out, const char *path, gru_error *err) {
    gru_dataset *d;
    gru_input *in = NULL;
    gru_npy_reader *reader = NULL;
    *out = NULL;
    if (gru_mem_new(&d, 1, sizeof *d, err))
        return err->code;
    d->fd = -1;
    gru_status status = gru_input_open(&in, path, err);
    if (status == GRU_OK) {
        const char *name = gru_input_name(in);
        d->name = gru_str_copy(name, strlen(name));
        status = d->name ? gru_npy_open(&reader, in, err) : gru_error_memory(err, strlen(name));
    }
    if (status == GRU_OK)
        status = load(d, reader, err);
    gru_npy_close(reader);
    gru_input_close(in);
    if (status != GRU_OK) {
        gru_dataset_close(d);
        return status;
    }
    *out = d;
    return GRU_OK;
}

void gru_dataset_close(gru_dataset *d) {
    if (!d)
        return;
    if (d->window) {
        free(d->window->records);
        free(d->window);
    }
    if (d->fd >= 0)
        close(d->fd);
    free(d->memory);
    free(d->name);
    free(d);
}

const gru_record_spec *gru_dataset_spec(const gru_dataset *d) {
    return &d->spec;
}

const char *gru_dataset_name(const gru_dataset *d) {
    return d->name;
}

size_t gru_dataset_count(const gru_dataset *d) {
    return d->count;
}

bool gru_dataset_large(const gru_dataset *d) {
    return !d->memory;
}

const unsigned char *gru_dataset_record(const gru_dataset *d, size_t i) {
    return d->memory + i * d->spec.bytes;
}

gru_status gru_dataset_read(const gru_dataset *d, size_t first, size_t count, void *to,
                            gru_error *err) {
    uint64_t at = d->offset + (uint64_t)first * d->spec.bytes;
    return gru_file_read(d->fd, d->name, at, to, count * d->spec.bytes, err);
}

gru_status gru_dataset_look(const gru_dataset *d, size_t i, const unsigned char **record,
                            gru_error *err) {
    window *w = d->window;
    if (!w) {
        *record = gru_dataset_record(d, i);
        return GRU_OK;
    }
    if (i < w->first || i - w->first >= w->count) {
        size_t count = d->count - i < w->cap ? d->count - i : w->cap;
        w->count = 0;
        if (gru_dataset_read(d, i, count, w->records, err))
            return err->code;
        w->first = i;
        w->count = count;
    }
    *record = w->records + (i - w->first) * d->spec.bytes;
    return GRU_OK;
}

/* Whether an int32 field of a record holds a value outside 0 … limit − 1: true, with the first. */
static bool out_of_range(const gru_record_spec *spec, const unsigned char *record, gru_slot which,
                         size_t limit, int32_t *value) {
    const gru_slot_spec *slot = &spec->slot[which];
    for (size_t i = 0; slot->type == 'i' && i < slot->bytes; i += sizeof *value) {
        memcpy(value, record + slot->offset + i, sizeof *value);
        if (*value < 0 || (size_t)*value >= limit)
            return true;
    }
    return false;
}

gru_status gru_dataset_check_classes(const gru_dataset *d, size_t classes, gru_error *err) {
    const unsigned char *record;
    int32_t value;
    for (size_t row = 0; row < d->count; row++) {
        if (gru_dataset_look(d, row, &record, err))
            return err->code;
        if (out_of_range(&d->spec, record, GRU_Y, classes, &value)) {
            return gru_error_set(
                err, GRU_ERR_DATA,
                "%s: row %zu: class %d is not one of 0 to %zu; the network has %zu classes",
                d->name, row + 1, value, classes - 1, classes);
        }
    }
    return GRU_OK;
}

gru_status gru_dataset_check_shares(const gru_dataset *d, gru_error *err) {
    const gru_slot_spec *slot = &d->spec.slot[GRU_Y];
    const unsigned char *record;
    float value;
    for (size_t row = 0; slot->type == 'f' && row < d->count; row++) {
        if (gru_dataset_look(d, row, &record, err))
            return err->code;
        for (size_t i = 0; i < slot->bytes; i += sizeof value) {
            memcpy(&value, record + slot->offset + i, sizeof value);
            if (!(value >= 0 && value <= 1)) {
                return gru_error_set(err, GRU_ERR_DATA,
                                     "%s: row %zu: the target %g is not from 0 to 1, as a "
                                     "cross-entropy needs",
                                     d->name, row + 1, (double)value);
            }
        }
    }
    return GRU_OK;
}

gru_status gru_record_check(const gru_record_spec *spec, const unsigned char *record, size_t row,
                            size_t tokens, gru_error *err) {
    size_t steps = spec->slot[GRU_X].dims ? spec->slot[GRU_X].shape[0] : 1;
    int32_t value;
    if (tokens && out_of_range(spec, record, GRU_X, tokens, &value)) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "row %zu: token %d is not one of the embedding's 0 to %zu", row + 1,
                             value, tokens - 1);
    }
    if (out_of_range(spec, record, GRU_LEN, steps + 1, &value)) {
        return gru_error_set(err, GRU_ERR_DATA, "row %zu: len %d is not one of 0 to %zu steps",
                             row + 1, value, steps);
    }
    return GRU_OK;
}

gru_status gru_dataset_check_input(const gru_dataset *d, size_t tokens, gru_error *err) {
    const unsigned char *record;
    for (size_t row = 0; row < d->count; row++) {
        if (gru_dataset_look(d, row, &record, err))
            return err->code;
        if (gru_record_check(&d->spec, record, row, tokens, err))
            return gru_error_at(err, "%s", d->name);
    }
    return GRU_OK;
}

gru_status gru_dataset_checksum(const gru_dataset *d, uint32_t *crc, gru_error *err) {
    const unsigned char *record;
    *crc = 0;
    for (size_t row = 0; row < d->count; row++) {
        if (gru_dataset_look(d, row, &record, err))
            return err->code;
        *crc = gru_crc32(*crc, record, d->spec.bytes);
    }
    return GRU_OK;
}

void gru_order_shuffle(uint32_t *order, size_t count, uint64_t seed, uint64_t epoch) {
    gru_random random;
    gru_random_init(&random, seed, GRU_PURPOSE_SHUFFLE, (uint32_t)epoch);
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    for (size_t i = count; i-- > 1;) {
        uint32_t j = gru_random_below(&random, (uint32_t)(i + 1)), other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
}
