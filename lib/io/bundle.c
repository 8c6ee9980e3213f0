/* Bundles in memory, and reading them. Writing is in bundle_write.c. */
#include "io/bundle.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/bundle_parts.h"
#include "io/crc32.h"
#include "io/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEADER_MAX ((uint64_t)100000000)
#define TENSOR_MAX ((uint64_t)1 << 40)
enum { GROWTH_START = 1 << 20 };

static const struct {
    const char *name;
    size_t size;
} types[] = {{"F32", 4}, {"F64", 8}, {"I32", 4}, {"I64", 8}, {"U8", 1}, {"F16", 2}, {"BF16", 2}};

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

static void free_tensor(const gru_bundle *b, gru_tensor *t) {
    uintptr_t at = (uintptr_t)t->data, map = (uintptr_t)b->map;
    free((void *)(uintptr_t)t->name);
    if (!b->map || at < map || at - map >= b->map_bytes)
        free(t->data);
}

void gru_bundle_free(gru_bundle *b) {
    if (!b)
        return;
    for (size_t i = 0; i < b->count; i++)
        free_tensor(b, &b->tensors[i]);
    for (size_t i = 0; i < b->pairs; i++) {
        free(b->meta[i].key);
        free(b->meta[i].text);
    }
    if (b->map)
        munmap(b->map, b->map_bytes);
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
                             "tensor '%.100s': the type %.20s is not supported (F32, F64, F16, "
                             "BF16, I32, I64 and U8 are)",
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
        free_tensor(b, t);
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

/* The first pair after `last` in the order of keys, NULL past the end; last NULL: the first. */
static const gru_pair *next_pair(const gru_bundle *b, const gru_pair *last) {
    const gru_pair *next = NULL;
    for (const gru_pair *p = b->meta; p < b->meta + b->pairs; p++)
        if ((!last || strcmp(p->key, last->key) > 0) && (!next || strcmp(p->key, next->key) < 0))
            next = p;
    return next;
}

void gru_bundle_checksum(const gru_bundle *b, char text[GRU_CHECKSUM_SIZE]) {
    uint32_t crc = 0;
    for (const gru_pair *p = NULL; (p = next_pair(b, p));) {
        if (strcmp(p->key, "crc32") == 0 || strcmp(p->key, "crc32.metadata") == 0)
            continue;
        crc = gru_crc32(crc, p->key, strlen(p->key) + 1);
        crc = gru_crc32(crc, p->text, strlen(p->text) + 1);
    }
    snprintf(text, GRU_CHECKSUM_SIZE, "%08" PRIx32, crc);
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
    gru_map *names; /* of tensors and metadata, each behind a letter that says which */
    place *places;
    size_t places_cap;
    bool size_known;
} reading;

static gru_status corrupt(const reading *r, const char *what, const char *name, gru_error *err) {
    return gru_error_set(err, GRU_ERR_DATA, "%s: tensor '%.100s': %s", gru_input_name(r->in), name,
                         what);
}

static gru_status note_name(reading *r, char letter, const char *name, size_t len, gru_error *err) {
    gru_str whole = {0};
    gru_str_add_char(&whole, letter);
    gru_str_add_bytes(&whole, name, len);
    gru_status status = gru_str_check(&whole, err);
    gru_map_entry *seen = status ? NULL : gru_map_put(r->names, whole.data, whole.len);
    gru_str_free(&whole);
    if (!status && !seen)
        status = gru_error_memory(err, len);
    if (!status && seen->value++)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: '%.100s' is there twice",
                               gru_input_name(r->in), name);
    return status;
}

/* One key of the metadata and its text, which move into the bundle. */
static gru_status read_pair(reading *r, gru_json *j, gru_error *err) {
    gru_bundle *b = r->b;
    gru_pair pair = {0};
    size_t key_len = 0, len = 0;
    gru_status status = gru_mem_grow(&b->meta, &b->meta_cap, b->pairs + 1, sizeof *b->meta, err);
    if (status)
        return status;
    gru_json_text(j, &pair.key, &key_len);
    if (pair.key && !gru_json_text(j, &pair.text, &len))
        status = gru_error_set(err, GRU_ERR_DATA, "%s: metadata '%.100s' is not a string",
                               gru_input_name(r->in), pair.key);
    else if (!pair.key || !pair.text)
        status = gru_error_memory(err, 64);
    if (!status)
        status = note_name(r, 'm', pair.key, key_len, err);
    if (!status) {
        b->meta[b->pairs++] = pair;
        return GRU_OK;
    }
    free(pair.key);
    free(pair.text);
    return status;
}

static gru_status read_metadata(reading *r, gru_json *j, gru_error *err) {
    gru_status status = GRU_OK;
    if (!gru_json_into(j, '{'))
        return gru_error_set(err, GRU_ERR_DATA, "%s: __metadata__ is not an object",
                             gru_input_name(r->in));
    while (!status && gru_json_more(j))
        status = read_pair(r, j, err);
    return status;
}

/* What the header says of a tensor. */
typedef struct entry {
    char *type; /* NULL: not said */
    bool has_shape, whole;
    size_t dims, shape[GRU_TENSOR_DIMS], offsets;
    uint64_t offset[2];
} entry;

static void read_shape(entry *e, gru_json *j) {
    e->has_shape = gru_json_into(j, '[');
    e->whole = true;
    for (; e->has_shape && gru_json_more(j); e->dims++) {
        uint64_t size;
        e->whole &= gru_json_whole(j, &size);
        if (e->dims < GRU_TENSOR_DIMS)
            e->shape[e->dims] = (size_t)size;
    }
}

static void read_offsets(entry *e, gru_json *j) {
    uint64_t offset;
    bool whole = gru_json_into(j, '[');
    for (e->offsets = 0; whole && gru_json_more(j); e->offsets++)
        if (!gru_json_whole(j, &offset))
            e->offsets = 2; /* makes too many of them */
        else if (e->offsets < 2)
            e->offset[e->offsets] = offset;
}

static void read_parts(entry *e, gru_json *j) {
    if (!gru_json_into(j, '{'))
        return;
    while (gru_json_more(j)) {
        char *key;
        size_t len;
        gru_json_text(j, &key, &len);
        if (key && strcmp(key, "dtype") == 0) {
            free(e->type);
            gru_json_text(j, &e->type, &len);
        } else if (key && strcmp(key, "shape") == 0) {
            e->dims = 0;
            read_shape(e, j);
        } else if (key && strcmp(key, "data_offsets") == 0) {
            read_offsets(e, j);
        } else {
            gru_json_skip(j);
        }
        free(key);
    }
}

static gru_status place_tensor(reading *r, const char *name, const entry *e, gru_error *err) {
    place where = {e->offset[0], e->offset[1], r->b->count};
    if (!e->type || !e->has_shape || e->offsets != 2)
        return corrupt(r, "dtype, shape or data_offsets is missing or wrong", name, err);
    if (!e->whole)
        return corrupt(r, "a dimension is not a whole number", name, err);
    gru_status status = append(r->b, name, e->type, e->dims, e->shape, err);
    if (status)
        return gru_error_at(err, "%s", gru_input_name(r->in));
    if (where.end < where.begin || where.end - where.begin != r->b->tensors[where.index].bytes)
        return corrupt(r, "its offsets don't match its shape", name, err);
    status = gru_mem_grow(&r->places, &r->places_cap, r->b->count, sizeof *r->places, err);
    if (status == GRU_OK)
        r->places[where.index] = where;
    return status;
}

static gru_status read_entry(reading *r, gru_json *j, gru_error *err) {
    entry e = {0};
    char *name;
    size_t len;
    gru_json_text(j, &name, &len);
    gru_status status = name ? note_name(r, 't', name, len, err) : gru_error_memory(err, 64);
    if (!status && strcmp(name, "__metadata__") == 0) {
        status = read_metadata(r, j, err);
    } else if (!status) {
        read_parts(&e, j);
        status = place_tensor(r, name, &e, err);
    }
    free(e.type);
    free(name);
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

/* Into memory of its own. */
static gru_status read_tensor(reading *r, gru_tensor *t, gru_error *err) {
    if (!r->size_known)
        return read_growing(r, t, err);
    gru_status status = gru_mem_new(&t->data, t->bytes, 1, err);
    return status ? status : gru_input_read_all(r->in, t->data, t->bytes, err);
}

/* Its place in the map, which a file by another program may have put at odd addresses. */
static gru_status map_tensor(gru_tensor *t, const unsigned char *at, gru_error *err) {
    gru_status status = GRU_OK;
    if (t->bytes && (uintptr_t)at % type_size(t->type) == 0) {
        t->data = (void *)(uintptr_t)at;
    } else {
        status = gru_mem_new(&t->data, t->bytes, 1, err);
        if (status == GRU_OK && t->bytes)
            memcpy(t->data, at, t->bytes);
    }
    return status;
}

static gru_status check_end(reading *r, const unsigned char *data, uint64_t data_bytes, uint64_t at,
                            gru_error *err) {
    const unsigned char *more;
    size_t count = data && data_bytes > at;
    if (!data && gru_input_peek(r->in, 1, &more, &count, err))
        return err->code;
    if (count)
        return gru_error_set(err, GRU_ERR_DATA, "%s: bytes follow the last tensor",
                             gru_input_name(r->in));
    return GRU_OK;
}

/* data NULL: the tensors are read from the stream, else they lie in data[data_bytes]. */
static gru_status read_tensors(reading *r, const unsigned char *data, uint64_t data_bytes,
                               gru_error *err) {
    uint64_t at = 0;
    uint32_t crc = 0;
    if (r->b->count)
        qsort(r->places, r->b->count, sizeof *r->places, by_place);
    for (size_t i = 0; i < r->b->count; i++) {
        gru_tensor *t = &r->b->tensors[r->places[i].index];
        if (r->places[i].begin != at)
            return corrupt(r, "its bytes overlap another's or leave a gap", t->name, err);
        gru_status status = data ? map_tensor(t, data + at, err) : read_tensor(r, t, err);
        if (status)
            return status;
        crc = gru_crc32(crc, t->data, t->bytes);
        at = r->places[i].end;
    }
    if (check_end(r, data, data_bytes, at, err))
        return err->code;
    char text[16];
    snprintf(text, sizeof text, "%08" PRIx32, crc);
    const char *wanted = gru_bundle_get(r->b, "crc32");
    if (wanted && strcmp(wanted, text) != 0)
        return gru_error_set(err, GRU_ERR_DATA, "%s: corrupted (checksum differs)",
                             gru_input_name(r->in));
    return GRU_OK;
}

static gru_status check_metadata(const reading *r, gru_error *err) {
    const char *wanted = gru_bundle_get(r->b, "crc32.metadata");
    char text[GRU_CHECKSUM_SIZE];
    gru_bundle_checksum(r->b, text);
    if (wanted && strcmp(wanted, text) != 0)
        return gru_error_set(err, GRU_ERR_DATA, "%s: corrupted (checksum of the metadata differs)",
                             gru_input_name(r->in));
    return GRU_OK;
}

static gru_status read_header(reading *r, const char *text, size_t len, uint64_t data_bytes,
                              gru_error *err) {
    gru_json j = {text};
    size_t at;
    uint64_t end = 0;
    const char *wrong = gru_json_check(text, len, &at);
    if (wrong)
        return gru_error_set(err, GRU_ERR_DATA, "%s: the header is not JSON: byte %zu: %s",
                             gru_input_name(r->in), at, wrong);
    gru_status status = gru_map_new(&r->names, err);
    gru_json_into(&j, '{');
    while (!status && gru_json_more(&j))
        status = read_entry(r, &j, err);
    if (status)
        return status;
    for (size_t i = 0; i < r->b->count; i++)
        end = r->places[i].end > end ? r->places[i].end : end;
    if (r->size_known && end > data_bytes)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: ends early: %llu bytes of tensors are announced, %llu are there",
                             gru_input_name(r->in), (unsigned long long)end,
                             (unsigned long long)data_bytes);
    return check_metadata(r, err);
}

/* What the first eight bytes say. */
static uint64_t length_of(const unsigned char *head, size_t count) {
    uint64_t size = 0;
    for (int i = 7; count > 8 && i >= 0; i--)
        size = size << 8 | head[i];
    return size;
}

/* The header's length from the file's first bytes; 0 where they are no model's. */
static size_t header_length(const unsigned char *head, size_t count, uint64_t most) {
    uint64_t size = length_of(head, count);
    return size < 2 || size > HEADER_MAX || size > most || head[8] != '{' ? 0 : (size_t)size;
}

static bool holds(const unsigned char *head, size_t count, const char *word) {
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= count; i++)
        if (memcmp(head + i, word, len) == 0)
            return true;
    return false;
}

/* What people have in hand instead, told by its first bytes: PyTorch's and Keras's archives name
 * their first member. */
static const char *owner_of(const unsigned char *head, size_t count) {
    if (gru_input_is_zip(head, count))
        return holds(head, count, "data.pkl") ? "PyTorch's"
               : holds(head, count, "metadata.json") || holds(head, count, "config.json")
                   ? "Keras's"
                   : NULL;
    if (count > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5)
        return "a pickle of Python's or PyTorch's";
    return count > 8 && memcmp(head, "\211HDF\r\n\032\n", 8) == 0 ? "Keras's HDF5" : NULL;
}

static gru_status no_model(const reading *r, const unsigned char *head, size_t count,
                           gru_error *err) {
    const char *owner = owner_of(head, count < 128 ? count : 128);
    uint64_t size = length_of(head, count);
    if (owner)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: is not a model or safetensors file but %s; gru-model(1) has the "
                             "line of Python that saves the weights",
                             gru_input_name(r->in), owner);
    if (size >= 2 && size <= HEADER_MAX && head[8] == '{')
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: ends early: a header of %llu bytes is announced, %zu are there",
                             gru_input_name(r->in), (unsigned long long)size, count - 8);
    return gru_error_set(err, GRU_ERR_DATA, "%s: is not a model or safetensors file",
                         gru_input_name(r->in));
}

static gru_status read_stream(reading *r, gru_error *err) {
    const unsigned char *head;
    size_t there;
    gru_status status = gru_input_peek(r->in, 128, &head, &there, err);
    if (status)
        return status;
    gru_tensor text = {.bytes = header_length(head, there, UINT64_MAX)};
    if (!text.bytes)
        return no_model(r, head, there, err);
    gru_input_consume(r->in, 8);
    status = read_growing(r, &text, err);
    if (status == GRU_OK)
        status = read_header(r, text.data, text.bytes, 0, err);
    free(text.data);
    return status ? status : read_tensors(r, NULL, 0, err);
}

/* A plain file: no byte of it is copied. */
static gru_status read_map(reading *r, int fd, uint64_t size, gru_error *err) {
    gru_bundle *b = r->b;
    void *map = size > 8 && size <= SIZE_MAX
                    ? mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0)
                    : MAP_FAILED;
    if (map == MAP_FAILED)
        return size > 8 ? read_stream(r, err) : no_model(r, NULL, 0, err);
    b->map = map;
    b->map_bytes = (size_t)size;
    const unsigned char *bytes = map;
    size_t len = header_length(bytes, b->map_bytes, size - 8);
    if (!len)
        return no_model(r, bytes, b->map_bytes, err);
    r->size_known = true;
    uint64_t data_bytes = size - 8 - len;
    gru_status status = read_header(r, (const char *)bytes + 8, len, data_bytes, err);
    return status ? status : read_tensors(r, bytes + 8 + len, data_bytes, err);
}

static gru_status read_all(reading *r, gru_error *err) {
    uint64_t size;
    int fd;
    return gru_input_mappable(r->in, &fd, &size) ? read_map(r, fd, size, err) : read_stream(r, err);
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
    gru_map_free(r.names);
    free(r.places);
    if (status)
        gru_bundle_free(r.b);
    else
        *out = r.b;
    return status;
}

gru_status gru_bundle_read_text(const char *path, const char *key, char **text, gru_error *err) {
    gru_bundle *b;
    *text = NULL;
    gru_status status = gru_bundle_read(&b, path, err);
    if (status)
        return status;
    const char *there = gru_bundle_get(b, key);
    if (!there)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: no %s is attached to it", path, key);
    else if (!(*text = gru_str_copy(there, strlen(there))))
        status = gru_error_memory(err, strlen(there));
    gru_bundle_free(b);
    return status;
}
