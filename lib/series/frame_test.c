/* Lines and cells of a table in memory, where rows don't start on successive lines. */
#include "series/frame.h"

#include <criterion/criterion.h>
#include <string.h>

Test(frame, knows_lines_after_blank_ones_and_quotes) {
    static const char text[] = "a,b\n1,2\n3,\n\n\n5,\"6\n7\"\n8,9\n\"10\n11\n12\",13\n14,15\n";
    static const unsigned long long lines[] = {2, 3, 6, 8, 9, 12};
    static const char *const cells[][2] = {
        {"1", "2"}, {"3", ""}, {"5", "6\n7"}, {"8", "9"}, {"10\n11\n12", "13"}, {"14", "15"}};
    gru_error err = {0};
    gru_input *in;
    gru_table *table;
    gru_frame f;
    cr_assert_eq(gru_input_open_bytes(&in, text, strlen(text), "t", &err), GRU_OK);
    cr_assert_eq(gru_table_open(&table, in, false, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_frame_read(&f, table, "t", &err), GRU_OK, "%s", err.message);
    cr_assert_eq(f.rows, sizeof lines / sizeof *lines);
    for (size_t r = 0; r < f.rows; r++) {
        cr_assert_eq(gru_frame_line(&f, r), lines[r], "row %zu: line %llu", r,
                     gru_frame_line(&f, r));
        for (size_t c = 0; c < 2; c++)
            cr_assert_str_eq(gru_frame_cell(&f, r, c), cells[r][c]);
    }
    gru_frame_free(&f);
    gru_table_close(table);
    gru_input_close(in);
}
