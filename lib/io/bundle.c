/* Bundles in memory, and reading them. Writing is in bundle_write.c. */
#include "io/bundle.h"

#include "base/mem.h"
#include "base/str.h"
#include "io/bundle_parts.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define HEADER_MAX ((uint64_t)100000000)
#define TENSOR_MAX ((uint64_t)1 << 40)
enum { GROWTH_START = 1 << 20 };

static const struct {
    const char *name;
    size_t size;
} types[] = {{"F32", 4}, {"F64", 8}, {"I32", 4}, {"I64", 8}, {"U8", 1}};

/* 0 when the type isn't one of ours. */
static size_t type_size(const char *type) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, type) == 0)
            return types[i].size;
    return 0;
}

gru_status gru_bundle_new(gru_bundle **out, gru_error *err) {
    *out = calloc(1, sizeof **out);
    return *out ? GRU_OK : gru_error_memory(err, sizeof **out);
}

static void free_tensor(gru_tensor *t) {
    free((void *)(uintptr_t)t->name);
    free(t->data);
}

void gru_bundle_free(gru_bundle *b) {
    if (!b)
        return;
    for (size_t i = 0; i < b->count; i++)
        free_tensor(&b->tensors[i]);
    for (size_t i = 0; i < b->pairs; i++) {
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
        if (strcmp(b->tensors[i].name, name) == 0)
            return &b->tensors[i];
    return NULL;
}

/* Appends a tensor without data; its name must be new. */
static gru_status append(gru_bundle *b, const char *name, const char *type, size_t dims,
                         const size_t *shape, gru_error *err) {
    size_t size = type_size(type), count = 1, bytes;
    if (!size)
        return gru_error_set(err, GRU_ERR_DATA,
                             "tensor '%.100s': the type %.20s is not supported (F32, F64, I32, I64 "
                             "and U8 are)",
                             name, type);
    if (dims > GRU_TENSOR_DIMS)
        return gru_error_set(err, GRU_ERR_DATA, "tensor '%.100s': %zu dimensions, at most %d", name,
                             dims, GRU_TENSOR_DIMS);
    for (size_t i = 0; i < dims; i++)
        if (!gru_size_mul(count, shape[i], &count))
            return gru_error_set(err, GRU_ERR_DATA, "tensor '%.100s': is too large", name);
    if (!gru_size_mul(count, size, &bytes) || bytes > TENSOR_MAX)
        return gru_error_set(err, GRU_ERR_DATA, "tensor '%.100s': is too large", name);
    gru_status status =
        gru_mem_grow(&b->tensors, &b->tensors_cap, b->count + 1, sizeof *b->tensors, err);
    if (status)
        return status;
    gru_tensor *t = &b->tensors[b->count];
    *t = (gru_tensor){.name = strdup(name), .dims = dims, .count = count, .bytes = bytes};
    if (!t->name)
        return gru_error_memory(err, strlen(name) + 1);
    snprintf(t->type, sizeof t->type, "%s", type);
    for (size_t i = 0; i < dims; i++)
        t->shape[i] = shape[i];
    b->count++;
    return GRU_OK;
}

gru_status gru_bundle_add(gru_bundle *b, const char *name, const char *type, size_t dims,
                          const size_t *shape, const void *data, gru_error *err) {
    if (strcmp(name, "__metadata__") == 0 || gru_bundle_find(b, name))
        return gru_error_set(err, GRU_ERR_DATA, "tensor '%.100s': the name is taken", name);
    gru_status status = append(b, name, type, dims, shape, err);
    if (status)
        return status;
    gru_tensor *t = &b->tensors[b->count - 1];
    status = gru_mem_new(&t->data, t->bytes, 1, err);
    if (status) {
        free_tensor(t);
        b->count--;
    } else if (t->bytes) {
        memcpy(t->data, data, t->bytes);
    }
    return status;
}

static gru_pair *find_pair(const gru_bundle *b, const char *key) {
    for (size_t i = 0; i < b->pairs; i++)
        if (strcmp(b->meta[i].key, key) == 0)
            return &b->meta[i];
    return NULL;
}

const char *gru_bundle_get(const gru_bundle *b, const char *key) {
    const gru_pair *pair = find_pair(b, key);
    return pair ? pair->text : NULL;
}

const char *gru_bundle_key_at(const gru_bundle *b, size_t index) {
    return index < b->pairs ? b->meta[index].key : NULL;
}

/* Appends a pair; the key must be new. */
static gru_status add_pair(gru_bundle *b, const char *key, const char *text, size_t len,
                           gru_error *err) {
    gru_status status = gru_mem_grow(&b->meta, &b->meta_cap, b->pairs + 1, sizeof *b->meta, err);
    if (status)
        return status;
    gru_pair pair = {gru_str_copy(key, strlen(key)), gru_str_copy(text, len)};
    if (!pair.key || !pair.text) {
        free(pair.key);
        free(pair.text);
        return gru_error_memory(err, len + 1);
    }
    b->meta[b->pairs++] = pair;
    return GRU_OK;
}

gru_status gru_bundle_set_bytes(gru_bundle *b, const char *key, const char *text, size_t len,
                                gru_error *err) {
    if (memchr(text, '\0', len))
        return gru_error_set(err, GRU_ERR_DATA, "metadata '%.100s': a NUL byte in the text", key);
    gru_pair *pair = find_pair(b, key);
    if (!pair)
        return add_pair(b, key, text, len, err);
    char *copy = gru_str_copy(text, len);
    if (!copy)
        return gru_error_memory(err, len + 1);
    free(pair->text);
    pair->text = copy;
    return GRU_OK;
}

gru_status gru_bundle_set(gru_bundle *b, const char *key, const char *text, gru_error *err) {
    return gru_bundle_set_bytes(b, key, text, strlen(text), err);
}

/* ---- reading ---- */

/* A tensor's place in the data section. */
typedef struct place {
    uint64_t begin, end;
    size_t index;
} place;

typedef struct reading {
    gru_input *in;
    gru_bundle *b;
    place *places;
    size_t places_cap;
    bool size_known;
} reading;

static gru_status corrupt(const reading *r, const char *what, const char *name, gru_error *err) {
    return gru_error_set(err, GRU_ERR_DATA, "%s: tensor '%.100s': %s", gru_input_name(r->in), name,
                         what);
}

static gru_status read_metadata(reading *r, json_t *object, gru_error *err) {
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return gru_error_set(err, GRU_ERR_DATA, "%s: __metadata__ is not an object",
                             gru_input_name(r->in));
    json_object_foreach(object, key, value) {
        if (!json_is_string(value))
            return gru_error_set(err, GRU_ERR_DATA, "%s: metadata '%.100s' is not a string",
                                 gru_input_name(r->in), key);
        /* keys are unique: the parser refuses duplicates */
        gru_status status =
            add_pair(r->b, key, json_string_value(value), json_string_length(value), err);
        if (status)
            return status;
    }
    return GRU_OK;
}

/* An element of an array as a size; false when it is none. */
static bool get_size(json_t *array, size_t index, uint64_t *out) {
    json_t *item = json_array_get(array, index);
    if (!json_is_integer(item) || json_integer_value(item) < 0)
        return false;
    *out = (uint64_t)json_integer_value(item);
    return true;
}

static gru_status read_entry(reading *r, const char *name, json_t *entry, gru_error *err) {
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    json_t *dims = json_object_get(entry, "shape");
    json_t *offsets = json_object_get(entry, "data_offsets");
    size_t shape[GRU_TENSOR_DIMS] = {0};
    place where = {.index = r->b->count};
    if (!type || !json_is_array(dims) || json_array_size(offsets) != 2 ||
        !get_size(offsets, 0, &where.begin) || !get_size(offsets, 1, &where.end))
        return corrupt(r, "dtype, shape or data_offsets is missing or wrong", name, err);
    for (size_t i = 0; i < json_array_size(dims) && i < GRU_TENSOR_DIMS; i++) {
        uint64_t size;
        if (!get_size(dims, i, &size))
            return corrupt(r, "a dimension is not a whole number", name, err);
        shape[i] = (size_t)size;
    }
    gru_status status = append(r->b, name, type, json_array_size(dims), shape, err);
    if (status)
        return gru_error_at(err, "%s", gru_input_name(r->in));
    if (where.end < where.begin || where.end - where.begin != r->b->tensors[where.index].bytes)
        return corrupt(r, "its offsets don't match its shape", name, err);
    status = gru_mem_grow(&r->places, &r->places_cap, r->b->count, sizeof *r->places, err);
    if (status == GRU_OK)
        r->places[where.index] = where;
    return status;
}

static int by_place(const void *left, const void *right) {
    const place *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

/* Bytes of unknown supply: the block grows as they come, so that a header that lies can't make us
 * allocate what it says. */
static gru_status read_growing(reading *r, gru_tensor *t, gru_error *err) {
    char *block = NULL;
    size_t cap = 0, have = 0, step = GROWTH_START;
    gru_status status = GRU_OK;
    while (have < t->bytes && status == GRU_OK) {
        size_t part = t->bytes - have < step ? t->bytes - have : step;
        status = gru_mem_grow(&block, &cap, have + part, 1, err);
        if (status == GRU_OK)
            status = gru_input_read_all(r->in, block + have, part, err);
        have += part;
        step = have;
    }
    if (status == GRU_OK)
        status = gru_mem_new(&t->data, t->bytes, 1, err);
    if (status == GRU_OK && t->bytes)
        memcpy(t->data, block, t->bytes);
    free(block);
    return status;
}

static gru_status read_tensors(reading *r, gru_error *err) {
    uint64_t at = 0;
    unsigned long crc = crc32(0, NULL, 0);
    if (r->b->count)
        qsort(r->places, r->b->count, sizeof *r->places, by_place);
    for (size_t i = 0; i < r->b->count; i++) {
        gru_tensor *t = &r->b->tensors[r->places[i].index];
        gru_status status;
        if (r->places[i].begin != at)
            return corrupt(r, "its bytes overlap another's or leave a gap", t->name, err);
        if (r->size_known) {
            status = gru_mem_new(&t->data, t->bytes, 1, err);
            if (status == GRU_OK)
                status = gru_input_read_all(r->in, t->data, t->bytes, err);
        } else {
            status = read_growing(r, t, err);
        }
        if (status)
            return status;
        crc = crc32_z(crc, t->data, t->bytes);
        at = r->places[i].end;
    }
    const unsigned char *more;
    size_t count;
    gru_status status = gru_input_peek(r->in, 1, &more, &count, err);
    if (status)
        return status;
    if (count)
        return gru_error_set(err, GRU_ERR_DATA, "%s: bytes follow the last tensor",
                             gru_input_name(r->in));
    char text[16];
    snprintf(text, sizeof text, "%08lx", crc & 0xffffffffu);
    const char *wanted = gru_bundle_get(r->b, "crc32");
    if (wanted && strcmp(wanted, text) != 0)
        return gru_error_set(err, GRU_ERR_DATA, "%s: corrupted (checksum differs)",
                             gru_input_name(r->in));
    return GRU_OK;
}

static gru_status read_header(reading *r, json_t *root, uint64_t data_bytes, gru_error *err) {
    const char *name;
    json_t *entry;
    uint64_t end = 0;
    gru_status status = GRU_OK;
    if (!json_is_object(root))
        return gru_error_set(err, GRU_ERR_DATA, "%s: the header is not a JSON object",
                             gru_input_name(r->in));
    json_object_foreach(root, name, entry) {
        if (strcmp(name, "__metadata__") == 0)
            status = read_metadata(r, entry, err);
        else
            status = read_entry(r, name, entry, err);
        if (status)
            return status;
    }
    for (size_t i = 0; i < r->b->count; i++)
        end = r->places[i].end > end ? r->places[i].end : end;
    if (r->size_known && end > data_bytes)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: ends early: %llu bytes of tensors are announced, %llu are there",
                             gru_input_name(r->in), (unsigned long long)end,
                             (unsigned long long)data_bytes);
    return GRU_OK;
}

/* The header's text, malloc'd; *data_bytes: what follows it, where the size is known. */
static gru_status load_header(reading *r, char **text, size_t *len, uint64_t *data_bytes,
                              gru_error *err) {
    unsigned char head[8];
    uint64_t size = 0, file_size = 0;
    int fd;
    r->size_known = gru_input_mappable(r->in, &fd, &file_size);
    gru_status status = gru_input_read_all(r->in, head, sizeof head, err);
    if (status)
        return status;
    for (int i = 7; i >= 0; i--)
        size = size << 8 | head[i];
    const unsigned char *ahead;
    size_t there;
    status = gru_input_peek(r->in, 1, &ahead, &there, err);
    if (status)
        return status;
    if (size < 2 || size > HEADER_MAX || there == 0 || *ahead != '{' ||
        (r->size_known && size > file_size - 8))
        return gru_error_set(err, GRU_ERR_DATA, "%s: is not a model or safetensors file",
                             gru_input_name(r->in));
    *data_bytes = r->size_known ? file_size - 8 - size : 0;
    *len = (size_t)size;
    gru_tensor bytes = {.bytes = *len};
    status = read_growing(r, &bytes, err);
    *text = bytes.data;
    return status;
}

static gru_status read_all(reading *r, gru_error *err) {
    char *text = NULL;
    size_t len = 0;
    uint64_t data_bytes = 0;
    json_error_t why;
    gru_status status = load_header(r, &text, &len, &data_bytes, err);
    if (status) {
        free(text);
        return status;
    }
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    free(text);
    if (!root)
        return gru_error_set(err, GRU_ERR_DATA, "%s: the header is not JSON: %s",
                             gru_input_name(r->in), why.text);
    status = read_header(r, root, data_bytes, err);
    json_decref(root);
    return status ? status : read_tensors(r, err);
}

gru_status gru_bundle_read(gru_bundle **out, const char *path, gru_error *err) {
    reading r = {0};
    *out = NULL;
    gru_status status = gru_input_open(&r.in, path, err);
    if (status)
        return status;
    status = gru_bundle_new(&r.b, err);
    if (status == GRU_OK)
        status = read_all(&r, err);
    gru_input_close(r.in);
    free(r.places);
    if (status)
        gru_bundle_free(r.b);
    else
        *out = r.b;
    return status;
}
