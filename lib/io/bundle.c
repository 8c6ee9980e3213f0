/* Bundles: safetensors files with a checksum. The JSON header is jansson's work; the sizes in it
 * are a stranger's and are checked before use. */
#include "io/bundle.h"

#include "base/mem.h"
#include "base/str.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { HEADER_MAX = 100 << 20 };

typedef struct entry {
    char *key, *text;
} entry;

struct gru_bundle {
    gru_tensor *tensors;
    size_t count, cap;
    entry *meta;
    size_t meta_count, meta_cap;
};

static const struct {
    const char *name;
    size_t size;
} types[] = {{"F32", 4}, {"F64", 8}, {"I32", 4}, {"I64", 8}, {"U8", 1}};

/* 0 when the type isn't one of ours. */
static size_t type_size(const char *name) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].name, name))
            return types[i].size;
    return 0;
}

gru_status gru_bundle_new(gru_bundle **out, gru_error *err) {
    return gru_mem_new(out, 1, sizeof **out, err);
}

void gru_bundle_free(gru_bundle *b) {
    if (!b)
        return;
    for (size_t i = 0; i < b->count; i++) {
        free((char *)(uintptr_t)b->tensors[i].name);
        free(b->tensors[i].data);
    }
    for (size_t i = 0; i < b->meta_count; i++) {
        free(b->meta[i].key);
        free(b->meta[i].text);
    }
    free(b->tensors);
    free(b->meta);
    free(b);
}

size_t gru_bundle_count(const gru_bundle *b) {
    return b->count;
}
const gru_tensor *gru_bundle_at(const gru_bundle *b, size_t index) {
    return &b->tensors[index];
}
const gru_tensor *gru_bundle_find(const gru_bundle *b, const char *name) {
    for (size_t i = 0; i < b->count; i++)
        if (!strcmp(b->tensors[i].name, name))
            return &b->tensors[i];
    return NULL;
}
const char *gru_bundle_get(const gru_bundle *b, const char *key) {
    for (size_t i = 0; i < b->meta_count; i++)
        if (!strcmp(b->meta[i].key, key))
            return b->meta[i].text;
    return NULL;
}
const char *gru_bundle_key_at(const gru_bundle *b, size_t index) {
    return index < b->meta_count ? b->meta[index].key : NULL;
}

gru_status gru_bundle_set_bytes(gru_bundle *b, const char *key, const char *text, size_t len,
                                gru_error *err) {
    char *copy = gru_str_copy(text, len);
    if (!copy)
        return gru_error_memory(err, len);
    for (size_t i = 0; i < b->meta_count; i++)
        if (!strcmp(b->meta[i].key, key)) {
            free(b->meta[i].text);
            b->meta[i].text = copy;
            return GRU_OK;
        }
    char *name = gru_str_copy(key, strlen(key));
    gru_status st =
        name ? gru_mem_grow(&b->meta, &b->meta_cap, b->meta_count + 1, sizeof *b->meta, err)
             : gru_error_memory(err, strlen(key));
    if (st) {
        free(name);
        free(copy);
        return st;
    }
    b->meta[b->meta_count++] = (entry){name, copy};
    return GRU_OK;
}

gru_status gru_bundle_set(gru_bundle *b, const char *key, const char *text, gru_error *err) {
    return gru_bundle_set_bytes(b, key, text, strlen(text), err);
}

/* Appends a tensor with room for its data. */
static gru_status append(gru_bundle *b, const char *name, const char *type, size_t dims,
                         const size_t *shape, gru_tensor **out, gru_error *err) {
    gru_tensor t = {.dims = dims, .count = 1};
    size_t size = type_size(type);
    if (!size || dims > GRU_TENSOR_DIMS)
        return gru_error_set(err, GRU_ERR_DATA,
                             "tensor '%s': type %s with %zu dimensions is not supported", name,
                             type, dims);
    snprintf(t.type, sizeof t.type, "%s", type);
    for (size_t d = 0; d < dims; d++) {
        t.shape[d] = shape[d];
        if (!gru_size_mul(t.count, shape[d], &t.count))
            return gru_error_set(err, GRU_ERR_DATA, "tensor '%s' is too large", name);
    }
    if (!gru_size_mul(t.count, size, &t.bytes))
        return gru_error_set(err, GRU_ERR_DATA, "tensor '%s' is too large", name);
    gru_status st = gru_mem_grow(&b->tensors, &b->cap, b->count + 1, sizeof *b->tensors, err);
    if (!st)
        st = gru_mem_new(&t.data, t.bytes, 1, err);
    if (st)
        return st;
    if (!(t.name = gru_str_copy(name, strlen(name)))) {
        free(t.data);
        return gru_error_memory(err, strlen(name));
    }
    b->tensors[b->count] = t;
    *out = &b->tensors[b->count++];
    return GRU_OK;
}

gru_status gru_bundle_add(gru_bundle *b, const char *name, const char *type, size_t dims,
                          const size_t *shape, const void *data, gru_error *err) {
    gru_tensor *t;
    if (gru_bundle_find(b, name))
        return gru_error_set(err, GRU_ERR_DATA, "tensor '%s' is there twice", name);
    gru_status st = append(b, name, type, dims, shape, &t, err);
    if (!st && t->bytes)
        memcpy(t->data, data, t->bytes);
    return st;
}

/* ---- reading ---- */
static bool read_whole(const json_t *value, size_t *out) {
    json_int_t v = json_integer_value(value);
    *out = (size_t)v;
    return json_is_integer(value) && v >= 0;
}

typedef struct place { /* where a tensor's bytes lie in the file */
    size_t tensor, from, to;
} place;

static gru_status read_entry(gru_bundle *b, const char *file, const char *name, const json_t *e,
                             place *where, gru_error *err) {
    const char *type = json_string_value(json_object_get(e, "dtype"));
    const json_t *shape = json_object_get(e, "shape"),
                 *offsets = json_object_get(e, "data_offsets");
    size_t dims = json_array_size(shape), sizes[GRU_TENSOR_DIMS];
    if (!type || !json_is_array(shape) || json_array_size(offsets) != 2)
        return gru_error_set(err, GRU_ERR_DATA, "%s: tensor '%.100s' is badly described", file,
                             name);
    if (!type_size(type) || dims > GRU_TENSOR_DIMS)
        return gru_error_set(
            err, GRU_ERR_DATA,
            "%s: tensor '%.100s' has type %.20s and %zu dimensions; F32, F64, I32, "
            "I64 or U8 with at most %d are read",
            file, name, type, dims, GRU_TENSOR_DIMS);
    size_t size = type_size(type);
    for (size_t d = 0; d < dims; d++)
        if (!read_whole(json_array_get(shape, d), &sizes[d]) ||
            !gru_size_mul(size, sizes[d], &size))
            return gru_error_set(err, GRU_ERR_DATA, "%s: tensor '%.100s' has a bad shape", file,
                                 name);
    if (!read_whole(json_array_get(offsets, 0), &where->from) ||
        !read_whole(json_array_get(offsets, 1), &where->to) || where->to < where->from ||
        where->to - where->from != size)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: tensor '%.100s': its place in the file does not fit its shape",
                             file, name);
    where->tensor = b->count;
    gru_tensor *t;
    /* room is made when the data is known to be there */
    size_t none[GRU_TENSOR_DIMS] = {0};
    gru_status st = append(b, name, type, dims, none, &t, err);
    if (st)
        return st;
    memcpy(t->shape, sizes, dims * sizeof *sizes);
    t->bytes = size;
    t->count = size / type_size(type);
    return GRU_OK;
}

static int by_place(const void *a, const void *b) {
    size_t x = ((const place *)a)->from, y = ((const place *)b)->from;
    return x < y ? -1 : x > y;
}

/* Tensors must follow each other without a gap; memory grows with what has really come. */
static gru_status read_data(gru_bundle *b, gru_input *in, place *places, gru_error *err) {
    uLong sum = crc32(0, NULL, 0);
    size_t at = 0;
    const char *file = gru_input_name(in), *want = gru_bundle_get(b, "crc32");
    qsort(places, b->count, sizeof *places, by_place);
    for (size_t i = 0; i < b->count; i++) {
        gru_tensor *t = &b->tensors[places[i].tensor];
        if (places[i].from != at)
            return gru_error_set(err, GRU_ERR_DATA,
                                 "%s: tensor '%.100s' overlaps another or leaves a gap", file,
                                 t->name);
        at = places[i].to;
        size_t got = 0, room = 0;
        free(t->data);
        t->data = NULL;
        while (got < t->bytes) {
            /* small steps first: a header may promise more than there is */
            room = room ? room * 2 : 1 << 20;
            room = room < t->bytes ? room : t->bytes;
            void *more = NULL;
            gru_status st = gru_mem_new(&more, room, 1, err);
            if (st)
                return st;
            if (t->data)
                memcpy(more, t->data, got);
            free(t->data);
            t->data = more;
            if ((st = gru_input_read_all(in, (char *)t->data + got, room - got, err)))
                return st;
            got = room;
        }
        if (!t->data) {
            gru_status st = gru_mem_new(&t->data, 1, 1, err);
            if (st)
                return st;
        }
        for (size_t k = 0; k < t->bytes; k += 1 << 30)
            sum = crc32(sum, (const Bytef *)t->data + k,
                        (uInt)(t->bytes - k < 1 << 30 ? t->bytes - k : 1 << 30));
    }
    char have[16];
    snprintf(have, sizeof have, "%08lx", (unsigned long)sum);
    if (want && strcmp(want, have))
        return gru_error_set(err, GRU_ERR_DATA, "%s: corrupted (checksum differs)", file);
    unsigned char extra;
    size_t got;
    gru_status st = gru_input_read(in, &extra, 1, &got, err);
    if (!st && got)
        return gru_error_set(err, GRU_ERR_DATA, "%s: more bytes than its header describes", file);
    return st;
}

static gru_status read_header(gru_bundle *b, const char *file, json_t *root, place *places,
                              gru_error *err) {
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value) {
        gru_status st = GRU_OK;
        if (strcmp(key, "__metadata__")) {
            st = read_entry(b, file, key, value, &places[b->count], err);
        } else {
            const char *name;
            json_t *text;
            json_object_foreach(value, name, text) {
                if (!json_is_string(text))
                    return gru_error_set(err, GRU_ERR_DATA, "%s: metadata '%.100s' is not a string",
                                         file, name);
                if ((st = gru_bundle_set_bytes(b, name, json_string_value(text),
                                               json_string_length(text), err)))
                    return st;
            }
        }
        if (st)
            return st;
    }
    return GRU_OK;
}

static gru_status read_json(gru_input *in, char **text, size_t *length, gru_error *err) {
    unsigned char head[8];
    gru_status st = gru_input_read_all(in, head, sizeof head, err);
    if (st)
        return st;
    uint64_t n = 0;
    for (int i = 8; i-- > 0;)
        n = n << 8 | head[i];
    if (n < 2 || n > HEADER_MAX)
        return gru_error_set(err, GRU_ERR_DATA, "%s: not a safetensors file (a model, weights)",
                             gru_input_name(in));
    *length = (size_t)n;
    /* the first byte tells before any room is made for what may be no header at all */
    const unsigned char *ahead;
    size_t count;
    if ((st = gru_input_peek(in, 1, &ahead, &count, err)))
        return st;
    if (!count || *ahead != '{')
        return gru_error_set(err, GRU_ERR_DATA, "%s: not a safetensors file (a model, weights)",
                             gru_input_name(in));
    if ((st = gru_mem_new(text, *length + 1, 1, err)))
        return st;
    return gru_input_read_all(in, *text, *length, err);
}

gru_status gru_bundle_read(gru_bundle **out, const char *path, gru_error *err) {
    gru_input *in = NULL;
    gru_bundle *b = NULL;
    char *text = NULL;
    json_t *root = NULL;
    place *places = NULL;
    size_t length = 0;
    json_error_t why;
    *out = NULL;
    gru_status st = gru_input_open(&in, path, err);
    if (st || (st = gru_bundle_new(&b, err)) || (st = read_json(in, &text, &length, err)))
        goto done;
    root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        st = gru_error_set(err, GRU_ERR_DATA, "%s: its header is damaged: %.100s",
                           gru_input_name(in), root ? "not an object" : why.text);
        goto done;
    }
    if ((st = gru_mem_new(&places, json_object_size(root) + 1, sizeof *places, err)) ||
        (st = read_header(b, gru_input_name(in), root, places, err)))
        goto done;
    st = read_data(b, in, places, err);
done:
    free(places);
    json_decref(root);
    free(text);
    gru_input_close(in);
    if (st)
        gru_bundle_free(b);
    else
        *out = b;
    return st;
}

/* ---- writing ---- */
static gru_status header_text(const gru_bundle *b, gru_str *out, gru_error *err) {
    json_t *root = json_object(), *meta = json_object();
    uLong sum = crc32(0, NULL, 0);
    size_t at = 0;
    char hex[16];
    for (size_t i = 0; i < b->count; i++) {
        const gru_tensor *t = &b->tensors[i];
        for (size_t k = 0; k < t->bytes; k += 1 << 30)
            sum = crc32(sum, (const Bytef *)t->data + k,
                        (uInt)(t->bytes - k < 1 << 30 ? t->bytes - k : 1 << 30));
    }
    for (size_t i = 0; i < b->meta_count; i++)
        json_object_set_new(meta, b->meta[i].key, json_string(b->meta[i].text));
    snprintf(hex, sizeof hex, "%08lx", (unsigned long)sum);
    json_object_set_new(meta, "crc32", json_string(hex));
    json_object_set_new(root, "__metadata__", meta);
    for (size_t i = 0; i < b->count; i++) {
        const gru_tensor *t = &b->tensors[i];
        json_t *shape = json_array();
        for (size_t d = 0; d < t->dims; d++)
            json_array_append_new(shape, json_integer((json_int_t)t->shape[d]));
        json_object_set_new(root, t->name,
                            json_pack("{s:s, s:o, s:[I,I]}", "dtype", t->type, "shape", shape,
                                      "data_offsets", (json_int_t)at, (json_int_t)(at + t->bytes)));
        at += t->bytes;
    }
    char *text = json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(root);
    if (!text)
        return gru_error_set(err, GRU_ERR_DATA, "metadata that is not UTF-8 cannot be written");
    gru_str_add(out, text);
    free(text);
    while (out->len % 8) /* the tensors begin aligned */
        gru_str_add_char(out, ' ');
    return gru_str_check(out, err);
}

gru_status gru_bundle_write(const gru_bundle *b, const char *path, gru_error *err) {
    gru_str text = {0};
    gru_output *out = NULL;
    unsigned char head[8];
    gru_status st = header_text(b, &text, err);
    for (int i = 0; i < 8; i++)
        head[i] = (unsigned char)((uint64_t)text.len >> (8 * i));
    if (!st && !(st = gru_output_open(&out, path, GRU_OUTPUT_BINARY, err)) &&
        !(st = gru_output_write(out, head, sizeof head, err)))
        st = gru_output_write(out, text.data, text.len, err);
    for (size_t i = 0; !st && i < b->count; i++)
        st = gru_output_write(out, b->tensors[i].data, b->tensors[i].bytes, err);
    gru_str_free(&text);
    if (st) {
        gru_output_discard(out);
        return st;
    }
    return gru_output_commit(out, err);
}
