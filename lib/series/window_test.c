/* The window maker row by row, its ring many times around, and window.tsv there and back. */
#include "series/window.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Row r has features r and −r, target 100 + r, id "r<r>". */
static const void *push(gru_window_maker *m, int r) {
    double features[] = {r, -r};
    char id[16];
    const void *record;
    gru_error err = {0};
    int len = snprintf(id, sizeof id, "r%d", r);
    cr_assert_eq(gru_window_maker_push(m, features, 100 + r, id, (size_t)len, &record, &err),
                 GRU_OK, "%s", err.message);
    return record;
}

Test(window, records_are_the_rows_and_what_follows) {
    gru_windows w = {.length = 3, .horizon = 2, .stride = 2, .features = 2};
    const gru_window_labels labels = {6, 5, "north", 5};
    gru_window_maker *m;
    gru_error err = {0};
    int windows = 0;
    cr_assert_eq(gru_window_maker_new(&m, &w, &labels, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_window_maker_spec(m)->bytes, 4 * 6 + 4 * 2 + 8 + 8);
    for (int r = 0; r < 40; r++) {
        const unsigned char *record = push(m, r);
        cr_assert_eq(record != NULL, r >= 4 && r % 2 == 0, "row %d", r);
        if (!record)
            continue;
        float x[6], y[2];
        char id[8], want[16] = {0};
        int first = 2 * windows++;
        memcpy(x, record, sizeof x);
        memcpy(y, record + sizeof x, sizeof y);
        memcpy(id, record + sizeof x + sizeof y, sizeof id);
        for (int t = 0; t < 3; t++) {
            cr_assert_eq(x[2 * t], (float)(first + t));
            cr_assert_eq(x[2 * t + 1], (float)-(first + t));
        }
        cr_assert_eq(y[0], (float)(103 + first));
        cr_assert_eq(y[1], (float)(104 + first));
        snprintf(want, sizeof want, "r%d", first + 3);
        cr_assert_arr_eq(id, want, sizeof id);
        cr_assert_arr_eq(record + sizeof x + sizeof y + sizeof id, "north\0\0", 8);
    }
    const float *last = gru_window_maker_last(m);
    cr_assert_eq(last[0], 37.f);
    cr_assert_eq(last[4], 39.f);
    gru_window_maker_free(m);
}

Test(window, a_long_id_and_a_large_window_are_refused) {
    gru_windows w = {.length = 3, .horizon = 1, .stride = 1, .features = 1};
    const gru_window_labels labels = {.id_width = 4};
    gru_window_maker *m;
    gru_error err = {0};
    const void *record;
    double v = 1;
    cr_assert_eq(gru_window_maker_new(&m, &w, &labels, &err), GRU_OK);
    cr_assert_eq(gru_window_maker_push(m, &v, 1, "12345", 5, &record, &err), GRU_ERR_DATA);
    gru_window_maker_free(m);
    w.length = (size_t)-3;
    cr_assert_eq(gru_window_maker_new(&m, &w, &labels, &err), GRU_ERR_DATA);
    cr_assert_null(m);
}

Test(window, text_reads_back) {
    const char *text =
        "#tool gru-window\n#version 0\n#length 60\n#horizon 5\n#stride 1\n"
        "#target Adj Close\n#index a\\tb\n#rows 9\n#windows 3\nfeature\nOpen\nClose\\r\n";
    gru_windows w, again;
    gru_error err = {0};
    gru_str out = {0};
    cr_assert_eq(gru_windows_parse(&w, text, strlen(text), "w", &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_windows_text(&w, &out, &err), GRU_OK);
    cr_assert_eq(gru_windows_parse(&again, out.data, out.len, "w", &err), GRU_OK);
    cr_assert_eq(again.length, 60);
    cr_assert_eq(again.horizon, 5);
    cr_assert_str_eq(again.target, "Adj Close");
    cr_assert_str_eq(again.index, "a\tb");
    cr_assert_null(again.group);
    cr_assert_eq(again.features, 2);
    cr_assert_str_eq(again.feature[1], "Close\r"); /* in the file an escape */
    gru_windows_free(&w);
    gru_windows_free(&again);
    gru_str_free(&out);
    cr_assert_eq(gru_windows_parse(&w, text, 30, "w", &err), GRU_ERR_DATA);
}
