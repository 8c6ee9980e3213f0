/* Tensor streams against files that NumPy wrote (testdata/npy, made by scripts/golden/npy.py). */
#include "io/npy.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HERE "testdata/npy/"

static gru_error err;

typedef struct opened {
    gru_input *in;
    gru_npy_reader *r;
} opened;

static opened begin(const char *path) {
    opened o;
    cr_assert_eq(gru_input_open(&o.in, path, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_npy_open(&o.r, o.in, &err), GRU_OK, "%s", err.message);
    return o;
}

static void end(opened o) {
    gru_npy_close(o.r);
    gru_input_close(o.in);
}

/* All records, as many as fit `room`; their number. */
static size_t all(gru_npy_reader *r, void *to, size_t room) {
    size_t done = 0, got = 1;
    while (got) {
        cr_assert_eq(
            gru_npy_next(r, (char *)to + done * gru_npy_spec(r)->bytes, room - done, &got, &err),
            GRU_OK, "%s", err.message);
        done += got;
    }
    return done;
}

static void described(const gru_npy_reader *r, const char *wanted) {
    char text[200];
    gru_record_describe(gru_npy_spec(r), text, sizeof text);
    cr_assert_str_eq(text, wanted);
}

/* Opening or reading fails with the message. */
static void refused(gru_input *in, const char *wanted) {
    gru_npy_reader *r;
    char buffer[4096];
    size_t got = 1;
    gru_status status = gru_npy_open(&r, in, &err);
    while (status == GRU_OK && got)
        status = gru_npy_next(r, buffer, 8, &got, &err);
    cr_assert_eq(status, GRU_ERR_DATA, "%s", wanted);
    cr_assert_str_eq(err.message, wanted);
    gru_npy_close(r);
    gru_input_close(in);
}

static void refused_file(const char *path, const char *wanted) {
    gru_input *in;
    cr_assert_eq(gru_input_open(&in, path, &err), GRU_OK);
    refused(in, wanted);
}

typedef struct record {
    float x[2][2];
    int32_t y, len;
    float w;
    char id[8];
} record;

/* The same values from float32 in our order, from big-endian float64, int64, uint8, float16, and
 * from fields that NumPy aligned. */
Test(npy, records_in_any_order_and_type) {
    static const char *const paths[] = {HERE "records.npy", HERE "big.npy", HERE "aligned.npy"};
    static const char ids[3][8] = {"a", "bcdef", ""};
    for (int f = 0; f < 3; f++) {
        opened o = begin(paths[f]);
        record got[4];
        described(o.r, "x float32 (2, 2), y int32, len int32, w float32, id text");
        cr_assert_eq(gru_npy_spec(o.r)->bytes, sizeof(record));
        cr_assert_eq(all(o.r, got, 4), 3);
        for (int i = 0; i < 3; i++) {
            for (int k = 0; k < 4; k++)
                cr_assert(got[i].x[k / 2][k % 2] == (float)(4 * i + k) / 4);
            cr_assert_eq(got[i].y, ((int[]){1, 0, 2})[i]);
            cr_assert_eq(got[i].len, ((int[]){2, 1, 2})[i]);
            cr_assert(got[i].w == ((float[]){1, 0.5f, 2})[i]);
            cr_assert_arr_eq(got[i].id, ids[i], 8);
        }
        end(o);
    }
}

Test(npy, versions_one_to_three) {
    for (char v = '1'; v <= '3'; v++) {
        char path[] = HERE "vN.npy";
        path[sizeof HERE] = v;
        opened o = begin(path);
        float got[2][7];
        int fd;
        uint64_t offset, count;
        cr_assert(gru_npy_mappable(o.r, &fd, &offset, &count));
        cr_assert(offset % 64 == 0 && count == 2);
        cr_assert_eq(all(o.r, got, 2), 2);
        cr_assert(got[0][0] == -5 && got[0][6] == 7 && got[1][5] == 6 && got[1][6] == 8);
        end(o);
    }
}

Test(npy, plain_arrays_are_x) {
    float floats[8];
    int32_t ids[8];
    opened o = begin(HERE "plain_f8.npy");
    described(o.r, "x float32 (3, 1)");
    cr_assert_eq(all(o.r, floats, 2), 2);
    cr_assert(floats[5] == 0.625f);
    end(o);
    o = begin(HERE "plain_i8.npy");
    described(o.r, "x int32 (3)");
    cr_assert_eq(all(o.r, ids, 2), 2);
    cr_assert(ids[3] == -4 && ids[5] == INT32_MAX);
    end(o);
    o = begin(HERE "bool.npy");
    described(o.r, "x float32 (1, 2)");
    cr_assert_eq(all(o.r, floats, 2), 2);
    cr_assert(floats[0] == 1 && floats[1] == 0 && floats[2] == 0 && floats[3] == 1);
    end(o);
}

Test(npy, what_cannot_be_kept_is_refused) {
    refused_file(HERE "too_big.npy",
                 HERE "too_big.npy: row 2: field 'x': 3000000000 does not fit int32");
    refused_file(HERE "overflow.npy",
                 HERE "overflow.npy: row 2: field 'x': 1e+300 does not fit float32");
    refused_file(HERE "nan.npy", HERE "nan.npy: row 2: field 'x' has a value that is not finite");
    refused_file(HERE "fortran.npy", HERE "fortran.npy: the array is in Fortran order; save "
                                          "numpy.ascontiguousarray(a)");
    refused_file(HERE "unknown.npy",
                 HERE "unknown.npy: unknown field 'z'; the fields are x, y, len, w, id, group");
    refused_file(HERE "text.npy", HERE "text.npy: field 'x' has the type '<U1'; float, int, bool "
                                       "and S<n> are understood");
}

/* A header with the given dictionary, and some bytes of data. */
static void refused_header(const char *dictionary, size_t data, const char *wanted) {
    static unsigned char bytes[4096];
    size_t len = strlen(dictionary);
    memcpy(bytes, "\x93NUMPY\x01\x00", 8);
    bytes[8] = (unsigned char)len;
    bytes[9] = (unsigned char)(len >> 8);
    memcpy(bytes + 10, dictionary, len);
    gru_input *in;
    cr_assert_eq(gru_input_open_bytes(&in, bytes, 10 + len + data, "n", &err), GRU_OK);
    refused(in, wanted);
}

#define DICT(descr, shape) "{'descr': " descr ", 'fortran_order': False, 'shape': " shape ", }"

Test(npy, hostile_headers_are_refused) {
    refused_header(DICT("'<f4'", "(5, 2)"), 19, "n: ends after 2 of 5 records");
    refused_header(DICT("'<f4'", "(1, 0)"), 0, "n: field 'x' has a dimension of 0");
    refused_header(DICT("'<f4'", "(1, 4294967296, 4294967296)"), 0,
                   "n: field 'x': a sample of more than 256 MiB");
    refused_header(DICT("'<f4'", "(1, 99999999999999999999)"), 0,
                   "n: NPY header: a size is too large");
    refused_header(DICT("'<f4'", "(1, -2)"), 0, "n: NPY header: a size was expected");
    refused_header(DICT("'<f4'", "(1, 2, 3, 4, 5)"), 0, "n: NPY header: more than four dimensions");
    refused_header(DICT("'<f4'", "(3,)"), 12,
                   "n: the array has 1 dimension; (N, T, F) or (N, T) was expected");
    refused_header(DICT("'|O'", "(3, 2)"), 0,
                   "n: field 'x' has the type '|O'; float, int, bool and S<n> are understood");
    refused_header(DICT("[('y', '<i4')]", "(3,)"), 0, "n: the array has no field 'x'");
    refused_header(DICT("[('x', '<i4', (2,)), ('x', '<i4', (2,))]", "(3,)"), 0,
                   "n: field 'x' is there twice");
    refused_header(DICT("'|V4'", "(3, 2)"), 0,
                   "n: field 'x' has the type '|V4'; float, int, bool and S<n> are understood");
    refused_header(DICT("[('', '|V4', (9,)), ('x', '<i4', (2,))]", "(3,)"), 0,
                   "n: NPY header: ')' was expected after padding");
    refused_header(DICT("[('', '|V65536'), ('', '|V1'), ('x', '<i4', (2,))]", "(3,)"), 0,
                   "n: NPY header: too much padding");
    refused_header(DICT("[('x', [('a', '<f4')])]", "(3,)"), 0,
                   "n: field 'x' has fields of its own");
    refused_header("{'descr': '<f4', 'shape': (1, 2)}", 8,
                   "n: NPY header: descr, fortran_order and shape are not all there");
    refused_header("{'descr': '<f4", 0, "n: NPY header: a string is not closed or has an escape");
    refused_header(DICT("'<f4'", "(1, 2)") "x", 8,
                   "n: NPY header: something follows the dictionary");
    refused_header(DICT("'<i4'", "(1, 2)"), 10,
                   "n: after 1 records come bytes that are no NPY array");
}

/* Every cut of a good file is an error or, at its end, none. */
Test(npy, truncation_is_noticed_everywhere) {
    gru_input *in;
    char *bytes;
    size_t size;
    cr_assert_eq(gru_input_open(&in, HERE "big.npy", &err), GRU_OK);
    cr_assert_eq(gru_input_slurp(in, 1 << 20, &bytes, &size, &err), GRU_OK);
    gru_input_close(in);
    for (size_t cut = 0; cut < size; cut++) {
        gru_npy_reader *r;
        record got[4];
        size_t n = 1;
        cr_assert_eq(gru_input_open_bytes(&in, bytes, cut, "n", &err), GRU_OK);
        gru_status status = gru_npy_open(&r, in, &err);
        while (status == GRU_OK && n)
            status = gru_npy_next(r, got, 4, &n, &err);
        cr_assert_eq(status, GRU_ERR_DATA, "%zu", cut);
        gru_npy_close(r);
        gru_input_close(in);
    }
    free(bytes);
}

static gru_record_spec small_spec(void) {
    gru_record_spec spec = {0};
    gru_record_set(&spec, GRU_X, 'f', 2, 3, 2, 0);
    gru_record_set(&spec, GRU_Y, 'i', 0, 0, 0, 0);
    gru_record_set(&spec, GRU_ID, 'S', 0, 0, 0, 6);
    cr_assert_eq(gru_record_layout(&spec, &err), GRU_OK);
    cr_assert_eq(spec.bytes, 24 + 4 + 8);
    return spec;
}

static void write_records(gru_output *o, uint64_t count, int first, int records) {
    gru_record_spec spec = small_spec();
    gru_npy_writer *w;
    cr_assert_eq(gru_npy_write_open(&w, o, &spec, count, &err), GRU_OK, "%s", err.message);
    for (int i = first; i < first + records; i++) {
        char bytes[36] = {0};
        int32_t y = i;
        float x = (float)i / 2;
        memcpy(bytes, &x, 4);
        memcpy(bytes + 24, &y, 4);
        snprintf(bytes + 28, 8, "r%d", i);
        cr_assert_eq(gru_npy_write(w, bytes, 1, &err), GRU_OK);
    }
    cr_assert_eq(gru_npy_write_close(w, &err), GRU_OK, "%s", err.message);
}

/* Patched, counted in advance, spooled (a .gz can't be patched): the same bytes; and two arrays
 * after each other are one stream. */
Test(npy, what_is_written_reads_back) {
    char folder[] = "/tmp/gru-npy-XXXXXX", paths[3][64];
    static char texts[3][8192];
    size_t sizes[3];
    cr_assert(mkdtemp(folder));
    for (int k = 0; k < 3; k++) {
        gru_output *o;
        gru_input *in;
        char *text;
        snprintf(paths[k], sizeof paths[k], "%s/%d.npy%s", folder, k, k == 2 ? ".gz" : "");
        cr_assert_eq(gru_output_open(&o, paths[k], GRU_OUTPUT_BINARY, &err), GRU_OK);
        write_records(o, k == 1 ? 100 : UINT64_MAX, 0, 100);
        write_records(o, k == 1 ? 5 : UINT64_MAX, 100, 5);
        cr_assert_eq(gru_output_commit(o, &err), GRU_OK);
        cr_assert_eq(gru_input_open(&in, paths[k], &err), GRU_OK);
        cr_assert_eq(gru_input_slurp(in, 8000, &text, &sizes[k], &err), GRU_OK, "%s", err.message);
        memcpy(texts[k], text, sizes[k]);
        free(text);
        gru_input_close(in);
        opened again = begin(paths[k]);
        char got[110][36];
        cr_assert_eq(all(again.r, got, 110), 105);
        for (int i = 0; i < 105; i++) {
            int32_t y;
            memcpy(&y, got[i] + 24, 4);
            cr_assert_eq(y, i);
            cr_assert_eq(atoi(got[i] + 29), i);
        }
        end(again);
        unlink(paths[k]);
    }
    rmdir(folder);
    cr_assert_eq(sizes[0], sizes[1]);
    cr_assert_eq(sizes[0], sizes[2]);
    cr_assert_arr_eq(texts[0], texts[1], sizes[0]);
    cr_assert_arr_eq(texts[0], texts[2], sizes[0]);
    cr_assert_eq((texts[0][8] + 10 + 256 * texts[0][9]) % 64, 0);
}
