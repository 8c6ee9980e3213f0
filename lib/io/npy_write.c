/* Writing tensor streams: NPY 1.0 with a header that has room for the final count. */
#include "base/mem.h"
#include "base/str.h"
#include "io/npy.h"
#include "io/temporary.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COUNT_DIGITS = 20, HEADER_ALIGNMENT = 64, COPY_BYTES = 1 << 16 };

struct gru_npy_writer {
    gru_output *out;
    gru_record_spec spec;
    uint64_t promised, written;
    uint64_t start; /* of the array in the output */
    int spool;      /* descriptor, or -1 */
};

static void add_shape(gru_str *s, const gru_slot_spec *slot) {
    if (slot->dims == 1)
        gru_str_addf(s, ", (%zu,)", slot->shape[0]);
    else if (slot->dims == 2)
        gru_str_addf(s, ", (%zu, %zu)", slot->shape[0], slot->shape[1]);
}

/* The whole header, always of the same length for one spec: the dictionary is followed by spaces
 * up to where it would end with a count of COUNT_DIGITS digits, and on to a multiple of 64. */
static gru_status make_header(const gru_npy_writer *w, uint64_t count, gru_str *s, gru_error *err) {
    gru_str_add_bytes(s, "\x93NUMPY\x01\x00\x00\x00", 10);
    gru_str_add(s, "{'descr': [");
    for (int i = 0, first = 1; i < GRU_SLOT_COUNT; i++) {
        const gru_slot_spec *slot = &w->spec.slot[i];
        if (!slot->type)
            continue;
        gru_str_addf(s, "%s('%s', '", first ? "" : ", ", gru_slot_name((gru_slot)i));
        first = 0;
        if (slot->type == 'S')
            gru_str_addf(s, "|S%zu'", slot->bytes);
        else
            gru_str_addf(s, "<%c4'", slot->type);
        add_shape(s, slot);
        gru_str_add_char(s, ')');
    }
    gru_str_add(s, "], 'fortran_order': False, 'shape': (");
    size_t longest = s->len + COUNT_DIGITS + strlen(",), }\n");
    size_t total = (longest + HEADER_ALIGNMENT - 1) / HEADER_ALIGNMENT * HEADER_ALIGNMENT;
    gru_str_addf(s, "%llu,), }", (unsigned long long)count);
    while (s->len + 1 < total && !s->failed)
        gru_str_add_char(s, ' ');
    gru_str_add_char(s, '\n');
    if (s->failed)
        return gru_error_memory(err, total);
    s->data[8] = (char)(unsigned char)((total - 10) & 255);
    s->data[9] = (char)(unsigned char)((total - 10) >> 8);
    return GRU_OK;
}

static gru_status write_header(const gru_npy_writer *w, uint64_t count, bool patch,
                               gru_error *err) {
    gru_str header = {0};
    gru_status status = make_header(w, count, &header, err);
    if (status == GRU_OK)
        status = patch ? gru_output_patch(w->out, w->start, header.data, header.len, err)
                       : gru_output_write(w->out, header.data, header.len, err);
    gru_str_free(&header);
    return status;
}

gru_status gru_npy_write_open(gru_npy_writer **result, gru_output *out, const gru_record_spec *spec,
                              uint64_t count, gru_error *err) {
    *result = NULL;
    gru_npy_writer *w = calloc(1, sizeof *w);
    if (!w)
        return gru_error_memory(err, sizeof *w);
    *w = (gru_npy_writer){.out = out, .spec = *spec, .promised = count, .spool = -1};
    w->start = gru_output_tell(out);
    gru_status status;
    if (count == UINT64_MAX && !gru_output_seekable(out))
        status = gru_temporary_open(&w->spool, err);
    else
        status = write_header(w, count == UINT64_MAX ? 0 : count, false, err);
    if (status) {
        gru_npy_write_abort(w);
        return status;
    }
    *result = w;
    return GRU_OK;
}

gru_status gru_npy_write(gru_npy_writer *w, const void *records, size_t count, gru_error *err) {
    size_t bytes;
    if (!gru_size_mul(count, w->spec.bytes, &bytes))
        return gru_error_memory(err, UINT64_MAX);
    w->written += count;
    if (w->spool < 0)
        return gru_output_write(w->out, records, bytes, err);
    return gru_temporary_write(w->spool, records, bytes, err);
}

static gru_status copy_spool(gru_npy_writer *w, gru_error *err) {
    char *block = malloc(COPY_BYTES);
    if (!block)
        return gru_error_memory(err, COPY_BYTES);
    gru_status status = write_header(w, w->written, false, err);
    off_t at = 0;
    while (status == GRU_OK) {
        ssize_t n = pread(w->spool, block, COPY_BYTES, at);
        if (n == 0)
            break;
        if (n > 0)
            status = gru_output_write(w->out, block, (size_t)n, err);
        else if (errno != EINTR)
            status = gru_temporary_failed("read", err);
        at += n > 0 ? n : 0;
    }
    free(block);
    return status;
}

gru_status gru_npy_write_close(gru_npy_writer *w, gru_error *err) {
    gru_status status = GRU_OK;
    if (w->spool >= 0)
        status = copy_spool(w, err);
    else if (w->promised == UINT64_MAX)
        status = write_header(w, w->written, true, err);
    else if (w->promised != w->written)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: %llu records announced, %llu written",
                               gru_output_name(w->out), (unsigned long long)w->promised,
                               (unsigned long long)w->written);
    gru_npy_write_abort(w);
    return status;
}

void gru_npy_write_abort(gru_npy_writer *w) {
    if (!w)
        return;
    if (w->spool >= 0)
        close(w->spool);
    free(w);
}
