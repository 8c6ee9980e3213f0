/* Escapes of linear TSV, written by hand. */
#include "io/tsv.h"

#include <criterion/criterion.h>
#include <string.h>

Test(tsv, escapes_go_there_and_back) {
    const char text[] = "\tone\ntwo\r\\three\\n";
    char back[64];
    gru_str s = {0};
    gru_tsv_add(&s, text, strlen(text));
    cr_assert_str_eq(gru_str_text(&s), "\\tone\\ntwo\\r\\\\three\\\\n");
    memcpy(back, s.data, s.len);
    cr_assert_eq(gru_tsv_unescape(back, s.len), strlen(text));
    cr_assert_eq(memcmp(back, text, strlen(text)), 0);
    gru_str_free(&s);
}

Test(tsv, other_backslashes_stay) {
    char text[] = "C:\\dir\\x\\";
    cr_assert_eq(gru_tsv_unescape(text, strlen(text)), 9);
    cr_assert_str_eq(text, "C:\\dir\\x\\");
}
