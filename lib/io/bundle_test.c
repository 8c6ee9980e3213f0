/* Bundles: against a file of the safetensors package, written and read back, and damaged. */
#include "io/bundle.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HERE "testdata/npy/"

static gru_error err;
static char path[] = "/tmp/gru-bundle-XXXXXX";

static void make_file(void) {
    close(mkstemp(path));
}
static void remove_file(void) {
    unlink(path);
}
TestSuite(bundle, .init = make_file, .fini = remove_file);

Test(bundle, reads_what_safetensors_writes) {
    gru_bundle *b;
    cr_assert_eq(gru_bundle_read(&b, HERE "three.safetensors", &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_bundle_count(b), 3);
    cr_assert_str_eq(gru_bundle_get(b, "format"), "x");
    cr_assert_str_eq(gru_bundle_get(b, "k"), "價");
    cr_assert_null(gru_bundle_get(b, "none"));
    const gru_tensor *a = gru_bundle_find(b, "a"), *s = gru_bundle_find(b, "s");
    cr_assert_str_eq(a->type, "F32");
    cr_assert(a->dims == 2 && a->shape[0] == 2 && a->shape[1] == 3 && a->count == 6);
    cr_assert_eq((uintptr_t)a->data % sizeof(float), 0);
    for (int i = 0; i < 6; i++)
        cr_assert(((float *)a->data)[i] == (float)i);
    cr_assert_eq(((int64_t *)gru_bundle_find(b, "b")->data)[1], -2);
    cr_assert(s->dims == 0 && s->count == 1 && *(double *)s->data == 2.5);
    gru_bundle_free(b);
    cr_assert_eq(gru_bundle_read(&b, HERE "half.safetensors", &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_bundle_find(b, "h")->bytes, 4);
    gru_bundle_free(b);
}

static void write_one(void) {
    static const float values[3] = {1.5f, -2, 3};
    gru_bundle *b;
    cr_assert_eq(gru_bundle_new(&b, &err), GRU_OK);
    cr_assert_eq(gru_bundle_set(b, "arch", "old", &err), GRU_OK);
    cr_assert_eq(gru_bundle_set(b, "arch", "gru 4\n\"x\" 中", &err), GRU_OK);
    cr_assert_eq(gru_bundle_add(b, "w", "F32", 1, (size_t[]){3}, values, &err), GRU_OK);
    cr_assert_eq(gru_bundle_add(b, "empty", "U8", 2, (size_t[]){0, 5}, NULL, &err), GRU_OK);
    cr_assert_eq(gru_bundle_add(b, "w", "F32", 1, (size_t[]){3}, values, &err), GRU_ERR_DATA);
    cr_assert_eq(gru_bundle_add(b, "h", "I16", 1, (size_t[]){3}, values, &err), GRU_ERR_DATA);
    cr_assert_eq(gru_bundle_set_bytes(b, "nul", "a\0b", 3, &err), GRU_ERR_DATA);
    cr_assert_eq(gru_bundle_write(b, path, &err), GRU_OK, "%s", err.message);
    gru_bundle_free(b);
}

static size_t load(char *bytes, size_t room) {
    FILE *f = fopen(path, "rb");
    size_t size = fread(bytes, 1, room, f);
    fclose(f);
    return size;
}

static void store(const char *bytes, size_t size) {
    FILE *f = fopen(path, "wb");
    fwrite(bytes, 1, size, f);
    fclose(f);
}

Test(bundle, what_is_written_reads_back) {
    gru_bundle *b;
    write_one();
    cr_assert_eq(gru_bundle_read(&b, path, &err), GRU_OK, "%s", err.message);
    cr_assert_str_eq(gru_bundle_get(b, "arch"), "gru 4\n\"x\" 中");
    cr_assert_eq(strlen(gru_bundle_get(b, "crc32")), 8);
    cr_assert_str_eq(gru_bundle_key_at(b, 0), "arch");
    cr_assert_eq(strlen(gru_bundle_get(b, "crc32.metadata")), 8);
    cr_assert_null(gru_bundle_key_at(b, 3));
    cr_assert(((float *)gru_bundle_find(b, "w")->data)[1] == -2);
    cr_assert_eq(gru_bundle_find(b, "empty")->count, 0);
    gru_bundle_free(b);
}

Test(bundle, every_cut_and_every_changed_byte_of_the_tensors_shows) {
    static char bytes[4096];
    gru_bundle *b;
    write_one();
    size_t size = load(bytes, sizeof bytes);
    for (size_t cut = 0; cut < size; cut++) {
        store(bytes, cut);
        cr_assert_eq(gru_bundle_read(&b, path, &err), GRU_ERR_DATA, "%zu", cut);
        cr_assert_null(b);
    }
    for (size_t at = size - 12; at < size; at++) {
        bytes[at] ^= 1;
        store(bytes, size);
        cr_assert_eq(gru_bundle_read(&b, path, &err), GRU_ERR_DATA);
        cr_assert(strstr(err.message, "corrupted (checksum differs)"), "%s", err.message);
        bytes[at] ^= 1;
    }
    bytes[size] = 0;
    store(bytes, size + 1);
    cr_assert_eq(gru_bundle_read(&b, path, &err), GRU_ERR_DATA);
    cr_assert(strstr(err.message, "bytes follow the last tensor"), "%s", err.message);
}

/* A scaler's digits are metadata: one that changes must not become another forecast. The sum is
 * Python's zlib.crc32(b'arch\0gru 4\0'). */
Test(bundle, a_changed_byte_of_the_metadata_shows) {
    static char bytes[4096];
    gru_bundle *b;
    cr_assert_eq(gru_bundle_new(&b, &err), GRU_OK);
    cr_assert_eq(gru_bundle_set(b, "arch", "gru 4", &err), GRU_OK);
    cr_assert_eq(gru_bundle_write(b, path, &err), GRU_OK, "%s", err.message);
    gru_bundle_free(b);
    size_t size = load(bytes, sizeof bytes);
    cr_assert(strstr(bytes + 8, "\"crc32.metadata\":\"27e4c22a\""), "%s", bytes + 8);
    *strchr(strstr(bytes + 8, "gru 4"), '4') = '5';
    store(bytes, size);
    cr_assert_eq(gru_bundle_read(&b, path, &err), GRU_ERR_DATA);
    cr_assert(strstr(err.message, "corrupted (checksum of the metadata differs)"), "%s",
              err.message);
}

static void refused(const char *json, size_t data, const char *wanted) {
    char bytes[1024] = {0};
    gru_bundle *b;
    size_t len = strlen(json);
    bytes[0] = (char)len;
    bytes[1] = (char)(len >> 8);
    memcpy(bytes + 8, json, len);
    store(bytes, 8 + len + data);
    cr_assert_eq(gru_bundle_read(&b, path, &err), GRU_ERR_DATA, "%s", json);
    cr_assert(strstr(err.message, wanted), "%s", err.message);
}

#define ENTRY(shape, offsets) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

/* Other programs need not align what they write. */
Test(bundle, tensors_at_odd_places_are_read) {
    static const char json[] = "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                               "\"a\":" ENTRY("[2]", "[1,9]") "}";
    char bytes[256] = {sizeof json - 1};
    const float values[2] = {1.5f, -3};
    gru_bundle *b;
    memcpy(bytes + 8, json, sizeof json - 1);
    memcpy(bytes + 8 + sizeof json, values, sizeof values);
    store(bytes, 8 + sizeof json + sizeof values);
    cr_assert_eq(gru_bundle_read(&b, path, &err), GRU_OK, "%s", err.message);
    const float *read = gru_bundle_find(b, "a")->data;
    cr_assert_eq((uintptr_t)read % sizeof *read, 0);
    cr_assert(read[0] == 1.5f && read[1] == -3);
    gru_bundle_free(b);
}

/* The first bytes of torch.save (now and before 1.6), pickle, Keras's .keras, and HDF5. */
#define BYTES(text) text, sizeof text - 1
Test(bundle, files_of_others_are_named) {
    static const struct {
        const char *bytes;
        size_t count;
        const char *wanted;
    } files[] = {
        {BYTES("PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\12\0\30\0m/data.pklFB\24"),
         "but PyTorch's; gru-model(1) has the line of Python"},
        {BYTES("\200\2\212\12l\374\234F\371 j\250P\31."), "but a pickle of Python's or PyTorch's;"},
        {BYTES("PK\3\4\24\0\0\0\0\0\0\0!\0\342\302\263=@\0\0\0@\0\0\0\15\0\0\0metadata.json{"),
         "but Keras's;"},
        {BYTES("\211HDF\r\n\32\n\0\0\0\0"), "but Keras's HDF5;"},
        {BYTES("PK\3\4 of some other program"), "is not a model or safetensors file"},
        {BYTES("\50\0\0\0\0\0\0\0{\"a\":"),
         "ends early: a header of 40 bytes is announced, 5 are there"},
        {BYTES("\2"), "is not a model or safetensors file"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        gru_bundle *b;
        store(files[i].bytes, files[i].count);
        cr_assert_eq(gru_bundle_read(&b, path, &err), GRU_ERR_DATA);
        cr_expect_not_null(strstr(err.message, files[i].wanted), "%zu: %s", i, err.message);
    }
}

Test(bundle, hostile_headers_are_refused) {
    refused("[1]", 0, "is not a model or safetensors file");
    refused(
        "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
        "tensor 'a': the type F8_E4M3 is not supported (F32, F64, F16, BF16, I32, I64 and U8 are)");
    refused("{\"a\":1", 0, "is not JSON");
    refused("{\"a\":1}", 0, "dtype, shape or data_offsets is missing or wrong");
    refused("{\"a\":" ENTRY("[2]", "[0,4]") "}", 8, "its offsets don't match its shape");
    refused("{\"a\":" ENTRY("[-1]", "[0,4]") "}", 8, "a dimension is not a whole number");
    refused("{\"a\":" ENTRY("[2]", "[-8,0]") "}", 8, "missing or wrong");
    refused("{\"a\":" ENTRY("[4611686018427387904,4]", "[0,0]") "}", 8, "is too large");
    refused("{\"a\":" ENTRY("[1,1,1,1,1]", "[0,4]") "}", 4, "5 dimensions, at most 4");
    refused("{\"a\":" ENTRY("[1000000000]", "[0,4000000000]") "}", 8, "ends early");
    refused("{\"a\":" ENTRY("[1]", "[0,4]") ",\"b\":" ENTRY("[1]", "[0,4]") "}", 8, "overlap");
    refused("{\"a\":" ENTRY("[1]", "[4,8]") "}", 8, "leave a gap");
    refused("{\"a\":" ENTRY("[1]", "[0,4]") ",\"a\":" ENTRY("[1]", "[4,8]") "}", 8,
            "'a' is there twice");
    refused("{\"__metadata__\":{\"a\":1}}", 0, "metadata 'a' is not a string");
    refused("{\"__metadata__\":{\"a\":\"1\",\"a\":\"1\"}}", 0, "'a' is there twice");
    refused("{\"a\":" ENTRY("[1]", "[0,4,8]") "}", 4, "missing or wrong");
    refused("{\"a\":" ENTRY("[1]", "[0]") "}", 4, "missing or wrong");
}
