/* Bundles: named tensors and text metadata in one safetensors file (models, checkpoints, weights).
 *
 * File: 8-byte little-endian header length, JSON header, raw little-endian tensors. A plain file is
 * mapped, so what was read should be copied or dropped before anyone may write into it.
 * __metadata__ holds strings. gru_bundle_write adds "crc32" (of the tensor bytes, 8 hex digits,
 * zlib) and "crc32.metadata" (of the other strings); gru_bundle_read checks what is present of
 * them. All sizes and offsets are checked before use. */
#ifndef GRU_IO_BUNDLE_H
#define GRU_IO_BUNDLE_H

#include "io/stream.h"

#include <stddef.h>
#include <stdint.h>

enum { GRU_TENSOR_DIMS = 4 };

typedef struct gru_tensor {
    const char *name;
    char type[8]; /* "F32", "F64", "F16", "BF16", "I32", "I64", "U8" */
    size_t dims, shape[GRU_TENSOR_DIMS];
    size_t count; /* elements */
    size_t bytes;
    void *data; /* owned by the bundle, aligned for its type */
} gru_tensor;

typedef struct gru_bundle gru_bundle;

gru_status gru_bundle_new(gru_bundle **out, gru_error *err);
void gru_bundle_free(gru_bundle *b);
/* path NULL or "-" is standard input. */
gru_status gru_bundle_read(gru_bundle **out, const char *path, gru_error *err);
/* The text of one key of a file's metadata, malloc'd: what is attached to a model. GRU_ERR_DATA
 * "stock.gru: no scaler.tsv is attached to it"; *text is NULL after a failure. */
gru_status gru_bundle_read_text(const char *path, const char *key, char **text, gru_error *err);
/* Tensors in the order in which the file lists them. */
size_t gru_bundle_count(const gru_bundle *b);
const gru_tensor *gru_bundle_at(const gru_bundle *b, size_t index);
const gru_tensor *gru_bundle_find(const gru_bundle *b, const char *name); /* NULL: not there */
/* Adds a copy of data. type as above; shape[dims]. */
gru_status gru_bundle_add(gru_bundle *b, const char *name, const char *type, size_t dims,
                          const size_t *shape, const void *data, gru_error *err);
/* Metadata; get returns NULL when the key isn't there. key_at gives the keys in order, NULL past
 * the end. */
const char *gru_bundle_get(const gru_bundle *b, const char *key);
const char *gru_bundle_key_at(const gru_bundle *b, size_t index);
gru_status gru_bundle_set(gru_bundle *b, const char *key, const char *text, gru_error *err);
gru_status gru_bundle_set_bytes(gru_bundle *b, const char *key, const char *text, size_t len,
                                gru_error *err);
/* Writes atomically (gru_output_open). */
gru_status gru_bundle_write(const gru_bundle *b, const char *path, gru_error *err);

#endif
