/* Writing bundles as safetensors. */
#include "io/bundle_parts.h"
#include "io/crc32.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_ALIGNMENT = 8 };

static gru_status add_metadata(const gru_bundle *b, json_t *root, gru_error *err) {
    char crc_text[16], metadata_text[GRU_CHECKSUM_SIZE];
    uint32_t crc = 0;
    for (size_t i = 0; i < b->count; i++)
        crc = gru_crc32(crc, b->tensors[i].data, b->tensors[i].bytes);
    snprintf(crc_text, sizeof crc_text, "%08" PRIx32, crc);
    json_t *meta = json_object();
    if (json_object_set_new(root, "__metadata__", meta) != 0)
        return gru_error_memory(err, 64);
    for (size_t i = 0; i < b->pairs; i++)
        if (json_object_set_new(meta, b->meta[i].key, json_string(b->meta[i].text)) != 0)
            return gru_error_set(err, GRU_ERR_DATA, "metadata '%.100s': the text is not UTF-8",
                                 b->meta[i].key);
    gru_bundle_checksum(b, metadata_text);
    if (json_object_set_new(meta, "crc32", json_string(crc_text)) != 0 ||
        json_object_set_new(meta, "crc32.metadata", json_string(metadata_text)) != 0)
        return gru_error_memory(err, 64);
    return GRU_OK;
}

static gru_status add_tensor(const gru_tensor *t, json_t *root, uint64_t *at, gru_error *err) {
    json_t *shape = json_array();
    for (size_t i = 0; i < t->dims; i++)
        json_array_append_new(shape, json_integer((json_int_t)t->shape[i]));
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", t->type, "shape", shape,
                              "data_offsets", (json_int_t)*at, (json_int_t)(*at + t->bytes));
    *at += t->bytes;
    if (json_object_set_new(root, t->name, entry) != 0)
        return gru_error_set(err, GRU_ERR_DATA, "tensor '%.100s': the name is not UTF-8", t->name);
    return GRU_OK;
}

/* The JSON header, padded with spaces so that the tensors are aligned; malloc'd. */
static gru_status make_header(const gru_bundle *b, char **text, size_t *len, gru_error *err) {
    json_t *root = json_object();
    uint64_t at = 0;
    *text = NULL;
    if (!root)
        return gru_error_memory(err, 64);
    gru_status status = add_metadata(b, root, err);
    for (size_t i = 0; i < b->count && status == GRU_OK; i++)
        status = add_tensor(&b->tensors[i], root, &at, err);
    char *json = status ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (status)
        return status;
    if (!json)
        return gru_error_memory(err, 64);
    size_t used = strlen(json);
    *len = (used + HEADER_ALIGNMENT - 1) / HEADER_ALIGNMENT * HEADER_ALIGNMENT;
    *text = malloc(*len + 1);
    if (*text) {
        memcpy(*text, json, used);
        memset(*text + used, ' ', *len - used);
    }
    free(json);
    return *text ? GRU_OK : gru_error_memory(err, *len + 1);
}

gru_status gru_bundle_write(const gru_bundle *b, const char *path, gru_error *err) {
    gru_output *out;
    char *header;
    size_t len = 0;
    gru_status status = make_header(b, &header, &len, err);
    if (status)
        return status;
    status = gru_output_open(&out, path, GRU_OUTPUT_BINARY, err);
    if (status) {
        free(header);
        return status;
    }
    unsigned char head[8];
    for (int i = 0; i < 8; i++)
        head[i] = (unsigned char)((uint64_t)len >> (8 * i));
    status = gru_output_write(out, head, sizeof head, err);
    if (status == GRU_OK)
        status = gru_output_write(out, header, len, err);
    free(header);
    for (size_t i = 0; i < b->count && status == GRU_OK; i++)
        status = gru_output_write(out, b->tensors[i].data, b->tensors[i].bytes, err);
    return gru_output_end(out, status, err);
}
