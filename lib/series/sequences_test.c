/* Groups of a table as samples, bit for bit. */
#include "series/sequences.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Writes text to a file, cuts it, and reads the stream's records back. */
static size_t cut(gru_windows *s, const char *text, gru_record_spec *spec, unsigned char *records,
                  size_t size, gru_error *err) {
    char in_name[] = "/tmp/sequences-in-XXXXXX", out_name[] = "/tmp/sequences-out-XXXXXX";
    int fd = mkstemp(in_name), made = mkstemp(out_name);
    size_t count = 0, got = 1;
    gru_input *in;
    gru_table *table;
    gru_output *out;
    gru_npy_reader *reader;
    cr_assert(fd >= 0 && made >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    close(made);
    cr_assert_eq(gru_input_open(&in, in_name, err), GRU_OK);
    cr_assert_eq(gru_table_open(&table, in, false, err), GRU_OK);
    cr_assert_eq(gru_output_open(&out, out_name, GRU_OUTPUT_BINARY, err), GRU_OK);
    if (gru_sequences_cut(s, table, "t.csv", out, NULL, err)) {
        gru_output_discard(out);
    } else {
        cr_assert_eq(gru_output_commit(out, err), GRU_OK);
        gru_input *back;
        cr_assert_eq(gru_input_open(&back, out_name, err), GRU_OK);
        cr_assert_eq(gru_npy_open(&reader, back, err), GRU_OK);
        *spec = *gru_npy_spec(reader);
        while (got) {
            unsigned char *to = records + count * spec->bytes;
            size_t room = size / spec->bytes - count;
            cr_assert_eq(gru_npy_next(reader, to, room, &got, err), GRU_OK);
            count += got;
        }
        gru_npy_close(reader);
        gru_input_close(back);
    }
    gru_table_close(table);
    gru_input_close(in);
    remove(in_name);
    remove(out_name);
    return count;
}

Test(sequences, groups_in_the_order_of_their_first_rows) {
    char *a = (char[]){"a"};
    gru_windows s = {.feature = &a,
                     .features = 1,
                     .target = (char[]){"b,a"},
                     .group = (char[]){"g"},
                     .horizon = 1,
                     .sequences = true};
    _Alignas(4) unsigned char records[400];
    gru_record_spec spec;
    gru_error err = {0};
    /* y's rows are one below x's; the last group has no step */
    size_t count = cut(&s, "g,a,b\nq,1,-1\np,2,-2\nq,3,-3\np,4,-4\nq,5,-5\nr,6,-6\n", &spec,
                       records, sizeof records, &err);
    const float x[2][2] = {{1, 3}, {2, 0}}, y[2][4] = {{-3, 3, -5, 5}, {-4, 4, 0, 0}};
    cr_assert_eq(count, 2, "%s", err.message);
    for (size_t i = 0; i < 2; i++) {
        const unsigned char *r = records + i * spec.bytes;
        int32_t len;
        memcpy(&len, r + spec.slot[GRU_LEN].offset, sizeof len);
        cr_assert_eq(len, i == 0 ? 2 : 1);
        cr_assert_eq(memcmp(r + spec.slot[GRU_X].offset, x[i], sizeof x[i]), 0);
        cr_assert_eq(memcmp(r + spec.slot[GRU_Y].offset, y[i], sizeof y[i]), 0);
        cr_assert_eq(r[spec.slot[GRU_ID].offset], i == 0 ? 'q' : 'p');
    }
}

Test(sequences, too_long_for_the_length_is_named) {
    char *a = (char[]){"a"};
    gru_windows s = {.feature = &a,
                     .features = 1,
                     .target = a,
                     .group = (char[]){"g"},
                     .length = 1,
                     .sequences = true};
    _Alignas(4) unsigned char records[40];
    gru_record_spec spec;
    gru_error err = {0};
    cr_assert_eq(cut(&s, "g,a\nq,1\nq,2\n", &spec, records, sizeof records, &err), 0);
    cr_assert_eq(err.code, GRU_ERR_DATA);
    cr_assert_str_eq(err.message, "t.csv: the sequence 'q' has 2 steps, more than --length 1");
}
