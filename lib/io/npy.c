/* Record layouts, and reading tensor streams. Writing is in npy_write.c. */
#include "io/npy.h"

#include "base/mem.h"
#include "base/number.h"
#include "io/npy_header.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const slot_names[] = {"x", "y", "len", "w", "id", "group"};
_Static_assert(sizeof slot_names / sizeof slot_names[0] == GRU_SLOT_COUNT, "one name each");

enum { HEADER_MAX = 1 << 20, RAW_BYTES = 1 << 17 };
#define RECORD_MAX ((size_t)1 << 28)

/* How one field gets from the file's record into memory's. */
typedef struct conversion {
    gru_slot slot;
    gru_npy_field from;
    size_t offset, count; /* in the file's record; elements */
} conversion;

struct gru_npy_reader {
    gru_input *in;
    gru_record_spec spec;
    size_t fields, raw_bytes; /* of a record in the file */
    conversion field[GRU_SLOT_COUNT];
    bool same;                    /* the file's records are memory's */
    uint64_t left, in_array, row; /* of this array; row: of the stream, from 0 */
    unsigned char *raw;
    int fd;
    uint64_t file_size, data_offset;
    bool regular;
};

/* ---- record layouts ---- */

const char *gru_slot_name(gru_slot which) {
    return slot_names[which];
}

void gru_record_set(gru_record_spec *spec, gru_slot which, char type, size_t dims, size_t d0,
                    size_t d1, size_t bytes) {
    spec->slot[which] =
        (gru_slot_spec){.type = type, .dims = dims, .shape = {d0, d1}, .bytes = bytes};
}

gru_status gru_record_layout(gru_record_spec *spec, gru_error *err) {
    size_t at = 0;
    for (int i = 0; i < GRU_SLOT_COUNT; i++) {
        gru_slot_spec *s = &spec->slot[i];
        if (!s->type)
            continue;
        size_t bytes = 4;
        bool fits = true;
        if (s->type == 'S')
            fits = gru_size_add(s->bytes ? s->bytes : 1, 3, &bytes);
        for (size_t d = 0; d < s->dims && fits; d++) {
            if (s->shape[d] == 0)
                return gru_error_set(err, GRU_ERR_DATA, "field '%s' has a dimension of 0",
                                     slot_names[i]);
            fits = gru_size_mul(bytes, s->shape[d], &bytes);
        }
        s->bytes = bytes & ~(size_t)3;
        s->offset = at;
        if (!fits || !gru_size_add(at, s->bytes, &at) || at > RECORD_MAX)
            return gru_error_set(err, GRU_ERR_DATA, "field '%s': a sample of more than 256 MiB",
                                 slot_names[i]);
    }
    spec->bytes = at;
    if (at == 0)
        return gru_error_set(err, GRU_ERR_DATA, "a sample without fields");
    return GRU_OK;
}

bool gru_record_same(const gru_record_spec *a, const gru_record_spec *b) {
    for (int i = 0; i < GRU_SLOT_COUNT; i++) {
        const gru_slot_spec *s = &a->slot[i], *t = &b->slot[i];
        if (s->type != t->type)
            return false;
        if (s->type && (s->dims != t->dims || s->bytes != t->bytes ||
                        (s->dims > 0 && s->shape[0] != t->shape[0]) ||
                        (s->dims > 1 && s->shape[1] != t->shape[1])))
            return false;
    }
    return true;
}

size_t gru_record_text(const gru_record_spec *spec, const void *record, gru_slot which,
                       const char **text) {
    const gru_slot_spec *slot = &spec->slot[which];
    *text = (const char *)record + slot->offset;
    return slot->type ? strnlen(*text, slot->bytes) : 0;
}

/* true when all are finite: an exponent of all ones marks the others. */
static bool all_finite(const unsigned char *bytes, size_t count) {
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, bytes + 4 * i, 4);
        found |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !found;
}

gru_status gru_record_check_finite(const gru_record_spec *spec, const void *records, size_t count,
                                   uint64_t row, const char *name, gru_error *err) {
    const unsigned char *record = records;
    for (size_t i = 0; i < count; i++, record += spec->bytes)
        for (int slot = 0; slot < GRU_SLOT_COUNT; slot++) {
            const gru_slot_spec *s = &spec->slot[slot];
            if (s->type == 'f' && !all_finite(record + s->offset, s->bytes / 4))
                return gru_error_set(err, GRU_ERR_DATA,
                                     "%s: row %llu: field '%s' has a value that is not finite",
                                     name, (unsigned long long)(row + i + 1), slot_names[slot]);
        }
    return GRU_OK;
}

void gru_record_describe(const gru_record_spec *spec, char *text, size_t size) {
    size_t used = 0;
    if (size)
        text[0] = '\0';
    for (int i = 0; i < GRU_SLOT_COUNT && used < size; i++) {
        const gru_slot_spec *s = &spec->slot[i];
        char part[96];
        if (!s->type)
            continue;
        const char *type = s->type == 'f' ? "float32" : s->type == 'i' ? "int32" : "text";
        if (s->dims == 2)
            snprintf(part, sizeof part, "%s (%zu, %zu)", type, s->shape[0], s->shape[1]);
        else if (s->dims == 1)
            snprintf(part, sizeof part, "%s (%zu)", type, s->shape[0]);
        else
            snprintf(part, sizeof part, "%s", type);
        int n =
            snprintf(text + used, size - used, "%s%s %s", used ? ", " : "", slot_names[i], part);
        used += n > 0 ? (size_t)n : 0;
    }
}

/* ---- headers ---- */

bool gru_npy_magic(const unsigned char *bytes, size_t count) {
    return count >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0;
}

static gru_status shape_error(gru_npy_reader *r, const char *name, const char *wanted,
                              gru_error *err) {
    return gru_error_set(err, GRU_ERR_DATA, "%s: field '%s' must be %s", gru_input_name(r->in),
                         name, wanted);
}

/* The field in memory's terms. */
static gru_status declare(gru_npy_reader *r, gru_record_spec *spec, gru_slot slot,
                          const gru_npy_field *f, gru_error *err) {
    static const char *const wanted[] = {"(T, F) or (T,) numbers",
                                         "(), (H,) or (T, K) numbers",
                                         "one whole number",
                                         "one number",
                                         "S<n>",
                                         "S<n>"};
    size_t dims = f->dims;
    bool real = f->kind == 'f', number = f->kind != 'S';
    bool fits = false;
    switch (slot) {
    case GRU_X:
        fits = number && (dims == 1 || dims == 2);
        break;
    case GRU_Y:
        fits = number && dims <= 2;
        break;
    case GRU_LEN:
        fits = number && !real && dims == 0;
        break;
    case GRU_W:
        fits = number && dims == 0;
        break;
    default:
        fits = !number && dims == 0;
        break;
    }
    if (!fits)
        return shape_error(r, slot_names[slot], wanted[slot], err);
    if (slot == GRU_ID || slot == GRU_GROUP)
        gru_record_set(spec, slot, 'S', 0, 0, 0, f->size);
    else if (slot == GRU_X && real && dims == 1)
        gru_record_set(spec, slot, 'f', 2, f->shape[0], 1, 0);
    else if (slot == GRU_Y && real && dims == 0)
        gru_record_set(spec, slot, 'f', 1, 1, 0, 0);
    else
        gru_record_set(spec, slot, real || dims == 2 || slot == GRU_W ? 'f' : 'i', dims,
                       dims > 0 ? f->shape[0] : 0, dims > 1 ? f->shape[1] : 0, 0);
    return GRU_OK;
}

static bool same_as_memory(const conversion *c, const gru_slot_spec *s) {
    return !c->from.big && c->from.kind == s->type && c->offset == s->offset &&
           c->from.size * c->count == s->bytes && (s->type == 'S' || c->from.size == 4);
}

static gru_status place_fields(gru_npy_reader *r, const gru_npy_header *h, gru_record_spec *spec,
                               gru_error *err) {
    size_t at = 0;
    gru_status status;
    for (size_t i = 0; i < h->count; i++) {
        const gru_npy_field *f = &h->field[i];
        conversion *c = &r->field[i];
        int slot = 0;
        while (slot < GRU_SLOT_COUNT && strcmp(slot_names[slot], h->plain ? "x" : f->name) != 0)
            slot++;
        if (slot == GRU_SLOT_COUNT)
            return gru_error_set(err, GRU_ERR_DATA,
                                 "%s: unknown field '%s'; the fields are x, y, len, w, id, group",
                                 gru_input_name(r->in), f->name);
        if (spec->slot[slot].type)
            return gru_error_set(err, GRU_ERR_DATA, "%s: field '%s' is there twice",
                                 gru_input_name(r->in), f->name);
        status = declare(r, spec, (gru_slot)slot, f, err);
        if (status)
            return status;
        size_t count = 1, bytes;
        bool fits = true;
        for (size_t d = 0; d < f->dims; d++)
            fits = fits && gru_size_mul(count, f->shape[d], &count);
        fits = fits && gru_size_add(at, f->before, &at);
        *c = (conversion){(gru_slot)slot, *f, at, count};
        if (!fits || !gru_size_mul(count, f->size, &bytes) || !gru_size_add(at, bytes, &at) ||
            at > 2 * RECORD_MAX)
            return gru_error_set(err, GRU_ERR_DATA, "%s: field '%s': a sample of more than 256 MiB",
                                 gru_input_name(r->in), slot_names[slot]);
    }
    r->fields = h->count;
    r->raw_bytes = at + h->after;
    if (!spec->slot[GRU_X].type)
        return gru_error_set(err, GRU_ERR_DATA, "%s: the array has no field 'x'",
                             gru_input_name(r->in));
    status = gru_record_layout(spec, err);
    if (status)
        return gru_error_at(err, "%s", gru_input_name(r->in));
    r->same = r->raw_bytes == spec->bytes;
    for (size_t i = 0; i < r->fields; i++)
        r->same = r->same && same_as_memory(&r->field[i], &spec->slot[r->field[i].slot]);
    return GRU_OK;
}

/* The array's own shape: (N,) of records, or (N, T[, F]) where it is plain. */
static gru_status array_shape(gru_npy_reader *r, gru_npy_header *h, gru_error *err) {
    const char *name = gru_input_name(r->in);
    if (h->plain) {
        if (h->dims != 2 && h->dims != 3)
            return gru_error_set(err, GRU_ERR_DATA,
                                 "%s: the array has %zu dimension%s; (N, T, F) or (N, T) was "
                                 "expected",
                                 name, h->dims, h->dims == 1 ? "" : "s");
        h->field[0].dims = h->dims - 1;
        memcpy(h->field[0].shape, h->shape + 1, (h->dims - 1) * sizeof h->shape[0]);
    } else if (h->dims != 1) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: an array of records has %zu dimensions; one was expected", name,
                             h->dims);
    }
    r->in_array = r->left = h->shape[0];
    return GRU_OK;
}

/* Reads magic, version and dictionary into malloc'd *text. */
static gru_status read_dictionary(gru_npy_reader *r, char **text, size_t *len, gru_error *err) {
    unsigned char head[12];
    const char *name = gru_input_name(r->in);
    *text = NULL;
    gru_status status = gru_input_read_all(r->in, head, 8, err);
    if (status)
        return status;
    if (gru_input_is_zip(head, 8))
        return gru_error_set(
            err, GRU_ERR_DATA,
            "%s: is a ZIP archive; of an .npz, unpack the arrays (unzip), or put x "
            "and y into one structured array and numpy.save it",
            name);
    if (!gru_npy_magic(head, 6))
        return gru_error_set(err, GRU_ERR_DATA, "%s: is not an NPY array", name);
    if (head[6] < 1 || head[6] > 3)
        return gru_error_set(err, GRU_ERR_DATA, "%s: NPY version %d.%d is not known", name, head[6],
                             head[7]);
    size_t size = head[6] == 1 ? 2 : 4;
    status = gru_input_read_all(r->in, head + 8, size, err);
    if (status)
        return status;
    *len = (size_t)head[8] | (size_t)head[9] << 8;
    if (size == 4)
        *len |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    if (*len > HEADER_MAX)
        return gru_error_set(err, GRU_ERR_DATA, "%s: an NPY header of %zu bytes is too long", name,
                             *len);
    *text = malloc(*len + 1);
    if (!*text)
        return gru_error_memory(err, *len + 1);
    r->data_offset = 8 + size + *len;
    status = gru_input_read_all(r->in, *text, *len, err);
    return status;
}

static gru_status read_header(gru_npy_reader *r, gru_record_spec *spec, gru_error *err) {
    char *text;
    size_t len = 0;
    gru_npy_header h;
    gru_status status = read_dictionary(r, &text, &len, err);
    if (status == GRU_OK)
        status = gru_npy_header_parse(&h, text, len, gru_input_name(r->in), err);
    free(text);
    if (status == GRU_OK)
        status = array_shape(r, &h, err);
    if (status == GRU_OK)
        status = place_fields(r, &h, spec, err);
    return status;
}

static gru_status cut_short(const gru_npy_reader *r, uint64_t records, gru_error *err) {
    return gru_error_set(err, GRU_ERR_DATA, "%s: ends after %llu of %llu records",
                         gru_input_name(r->in), (unsigned long long)records,
                         (unsigned long long)r->in_array);
}

gru_status gru_npy_open(gru_npy_reader **out, gru_input *in, gru_error *err) {
    *out = NULL;
    gru_npy_reader *r = calloc(1, sizeof *r);
    if (!r)
        return gru_error_memory(err, sizeof *r);
    r->in = in;
    r->regular = gru_input_mappable(in, &r->fd, &r->file_size);
    const unsigned char *bytes;
    size_t count;
    gru_status status = gru_input_peek(in, 1, &bytes, &count, err);
    if (status == GRU_OK && count == 0)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: is empty, a tensor stream was expected",
                               gru_input_name(in));
    if (status == GRU_OK)
        status = read_header(r, &r->spec, err);
    /* a file that can't hold what its header says is refused before anyone allocates for it */
    if (status == GRU_OK && r->regular) {
        uint64_t there = (r->file_size - r->data_offset) / r->raw_bytes;
        if (there < r->left)
            status = cut_short(r, there, err);
    }
    if (status == GRU_OK && !r->same) {
        r->raw = malloc(r->raw_bytes > RAW_BYTES ? r->raw_bytes : RAW_BYTES);
        if (!r->raw)
            status = gru_error_memory(err, r->raw_bytes);
    }
    if (status) {
        gru_npy_close(r);
        return status;
    }
    *out = r;
    return GRU_OK;
}

void gru_npy_close(gru_npy_reader *r) {
    if (!r)
        return;
    free(r->raw);
    free(r);
}

const gru_record_spec *gru_npy_spec(const gru_npy_reader *r) {
    return &r->spec;
}

bool gru_npy_mappable(const gru_npy_reader *r, int *fd, uint64_t *offset, uint64_t *count) {
    if (!r->regular || !r->same || r->row || r->data_offset % 4 != 0 ||
        r->file_size - r->data_offset != r->in_array * r->raw_bytes)
        return false;
    *fd = r->fd;
    *offset = r->data_offset;
    *count = r->in_array;
    return true;
}

/* ---- values ---- */

static uint64_t load_word(const unsigned char *p, size_t size, bool big) {
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)p[i] << (8 * (big ? size - 1 - i : i));
    return word;
}

static double real_value(const unsigned char *p, size_t size, bool big) {
    uint64_t word = load_word(p, size, big);
    if (size == 2)
        return (double)gru_number_half((uint16_t)word);
    if (size == 4) {
        uint32_t bits = (uint32_t)word;
        float value;
        memcpy(&value, &bits, sizeof value);
        return (double)value;
    }
    double value;
    memcpy(&value, &word, sizeof value);
    return value;
}

static gru_status does_not_fit(const gru_npy_reader *r, const conversion *c, uint64_t row,
                               const char *text, const char *type, gru_error *err) {
    return gru_error_set(err, GRU_ERR_DATA, "%s: row %llu: field '%s': %s does not fit %s",
                         gru_input_name(r->in), (unsigned long long)row + 1, slot_names[c->slot],
                         text, type);
}

static gru_status convert_real(const gru_npy_reader *r, const conversion *c,
                               const unsigned char *from, float *to, uint64_t row, gru_error *err) {
    for (size_t i = 0; i < c->count; i++, from += c->from.size) {
        double value = real_value(from, c->from.size, c->from.big);
        to[i] = (float)value;
        if (isinf(to[i]) && !isinf(value)) {
            char text[40];
            snprintf(text, sizeof text, "%g", value);
            return does_not_fit(r, c, row, text, "float32", err);
        }
    }
    return GRU_OK;
}

/* Whole numbers into int32, or into float32 where that holds them exactly. */
static gru_status convert_whole(const gru_npy_reader *r, const conversion *c,
                                const unsigned char *from, void *to, uint64_t row, gru_error *err) {
    bool to_float = r->spec.slot[c->slot].type == 'f';
    size_t size = c->from.size;
    for (size_t i = 0; i < c->count; i++, from += size) {
        uint64_t word = load_word(from, size, c->from.big);
        bool negative = c->from.kind == 'i' && word >> (8 * size - 1);
        uint64_t most = to_float ? (uint64_t)1 << 24 : negative ? (uint64_t)1 << 31 : INT32_MAX;
        uint64_t magnitude = word;
        if (negative)
            magnitude = (0 - word) & (size == 8 ? UINT64_MAX : ((uint64_t)1 << 8 * size) - 1);
        if (magnitude > most) {
            char text[40];
            snprintf(text, sizeof text, "%s%llu", negative ? "-" : "",
                     (unsigned long long)magnitude);
            return does_not_fit(r, c, row, text, to_float ? "float32 exactly" : "int32", err);
        }
        int64_t value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
        if (c->from.kind == 'b')
            value = magnitude != 0;
        if (to_float)
            ((float *)to)[i] = (float)value;
        else
            ((int32_t *)to)[i] = (int32_t)value;
    }
    return GRU_OK;
}

static gru_status convert_record(const gru_npy_reader *r, const unsigned char *raw,
                                 unsigned char *record, uint64_t row, gru_error *err) {
    gru_status status = GRU_OK;
    for (size_t i = 0; i < r->fields && status == GRU_OK; i++) {
        const conversion *c = &r->field[i];
        const gru_slot_spec *s = &r->spec.slot[c->slot];
        unsigned char *to = record + s->offset;
        const unsigned char *from = raw + c->offset;
        if (same_as_memory(c, s) ||
            (c->from.kind == s->type && !c->from.big && s->type != 'S' && c->from.size == 4)) {
            memcpy(to, from, s->bytes);
        } else if (s->type == 'S') {
            memcpy(to, from, c->from.size);
            memset(to + c->from.size, 0, s->bytes - c->from.size);
        } else if (c->from.kind == 'f') {
            status = convert_real(r, c, from, (float *)(void *)to, row, err);
        } else {
            status = convert_whole(r, c, from, to, row, err);
        }
    }
    return status;
}

/* ---- reading ---- */

/* Whole records into `to`, as many as come at once, at least one unless the stream ends. */
static gru_status read_records(gru_npy_reader *r, unsigned char *to, size_t max, size_t *got,
                               gru_error *err) {
    size_t want = max * r->raw_bytes, done = 0;
    *got = 0;
    while (done < want) {
        size_t part;
        gru_status status = gru_input_read(r->in, to + done, want - done, &part, err);
        if (status)
            return status;
        if (part == 0)
            return cut_short(r, r->in_array - r->left + done / r->raw_bytes, err);
        done += part;
        if (done % r->raw_bytes == 0)
            break;
        if (done > r->raw_bytes) /* finish the record that has begun */
            want = (done / r->raw_bytes + 1) * r->raw_bytes;
    }
    *got = done / r->raw_bytes;
    return GRU_OK;
}

/* After an array's last record: the next array, or the end (left stays 0). */
static gru_status next_array(gru_npy_reader *r, gru_error *err) {
    while (r->left == 0) {
        const unsigned char *bytes;
        size_t count;
        gru_status status = gru_input_peek(r->in, 6, &bytes, &count, err);
        if (status || count == 0)
            return status;
        if (!gru_npy_magic(bytes, count))
            return gru_error_set(err, GRU_ERR_DATA,
                                 "%s: after %llu records come bytes that are no NPY array",
                                 gru_input_name(r->in), (unsigned long long)r->row);
        gru_record_spec spec = {0};
        size_t raw_bytes = r->raw_bytes;
        r->regular = false;
        status = read_header(r, &spec, err);
        if (status)
            return status;
        if (!gru_record_same(&spec, &r->spec)) {
            char before[256], now[256];
            gru_record_describe(&r->spec, before, sizeof before);
            gru_record_describe(&spec, now, sizeof now);
            return gru_error_set(err, GRU_ERR_DATA, "%s: an array of (%s) follows one of (%s)",
                                 gru_input_name(r->in), now, before);
        }
        if (!r->same && (!r->raw || r->raw_bytes > raw_bytes)) {
            free(r->raw);
            r->raw = malloc(r->raw_bytes > RAW_BYTES ? r->raw_bytes : RAW_BYTES);
            if (!r->raw)
                return gru_error_memory(err, r->raw_bytes);
        }
    }
    return GRU_OK;
}

gru_status gru_npy_next(gru_npy_reader *r, void *buffer, size_t max, size_t *got, gru_error *err) {
    *got = 0;
    gru_status status = max ? next_array(r, err) : GRU_OK;
    if (status || max == 0 || r->left == 0)
        return status;
    if (max > r->left)
        max = (size_t)r->left;
    size_t count = max, fit = RAW_BYTES / r->raw_bytes;
    if (!r->same && count > fit)
        count = fit ? fit : 1;
    if (count > SIZE_MAX / r->raw_bytes)
        count = SIZE_MAX / r->raw_bytes;
    status = read_records(r, r->same ? buffer : r->raw, count, &count, err);
    for (size_t i = 0; i < count && status == GRU_OK && !r->same; i++)
        status = convert_record(r, r->raw + i * r->raw_bytes,
                                (unsigned char *)buffer + i * r->spec.bytes, r->row + i, err);
    if (status == GRU_OK)
        status =
            gru_record_check_finite(&r->spec, buffer, count, r->row, gru_input_name(r->in), err);
    if (status)
        return status;
    r->left -= count;
    r->row += count;
    *got = count;
    return GRU_OK;
}
