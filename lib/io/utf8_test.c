/* UTF-8: what is well formed, and characters there and back. Codes are those of the Unicode charts.
 */
#include "io/utf8.h"

#include <criterion/criterion.h>
#include <string.h>

Test(utf8, follows_rfc_3629) {
    static const struct {
        const char *text;
        size_t valid;
    } cases[] = {{"plain ascii text", 16}, {"\xC2\xA2", 2},         {"\xC1\x81", 0},
                 {"a\xE0\x80\x80", 1},     {"\xED\xA0\x80", 0},     {"\xF4\x90\x80\x80", 0},
                 {"\xF0\x9F\x98\x80", 4},  {"\xF5\x80\x80\x80", 0}, {"12345678\x80", 8},
                 {"\xE4\xB8", 0},          {"\xEF\xBF\xBF", 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(gru_utf8_valid(cases[i].text, strlen(cases[i].text)), cases[i].valid, "%zu",
                     i);
}

Test(utf8, decodes_what_is_well_formed_only) {
    const struct {
        const char *text;
        uint32_t code;
    } good[] = {
        {"a", 'a'}, {"\xc3\xa9", 0xe9}, {"\xe4\xb8\xad", 0x4e2d}, {"\xf0\x9f\x98\x80", 0x1f600}};
    const char *const bad[] = {"\x80",
                               "\xc0\x80",
                               "\xc1\xbf",
                               "\xe0\x80\x80",
                               "\xed\xa0\x80",
                               "\xf4\x90\x80\x80",
                               "\xf5\x80\x80\x80",
                               "\xff",
                               "\xe4\xb8",
                               "\xc3"};
    uint32_t code;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert_eq(gru_utf8_next(good[i].text, strlen(good[i].text), &code),
                     strlen(good[i].text));
        cr_assert_eq(code, good[i].code);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(gru_utf8_next(bad[i], strlen(bad[i]), &code), 1, "%zu", i);
        cr_assert_eq(code, GRU_UTF8_BAD, "%zu", i);
    }
}

Test(utf8, writes_characters) {
    gru_str s = {0};
    char bytes[GRU_UTF8_BYTES];
    const uint32_t codes[] = {'a',   0x7f,   0x80,   0xe9,    0x7ff,
                              0x800, 0x4e2d, 0xffff, 0x1f600, 0x10ffff};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        gru_str_add_bytes(&s, bytes, gru_utf8_put(bytes, codes[i]));
    cr_assert_str_eq(gru_str_text(&s),
                     "a\x7f\xc2\x80\xc3\xa9\xdf\xbf\xe0\xa0\x80\xe4\xb8\xad\xef\xbf\xbf"
                     "\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf");
    gru_str_free(&s);
}

Test(utf8, each_bad_byte_is_replaced) {
    gru_str s = {0};
    const char text[] = "\xff"
                        "a\xe4\xb8"
                        "b\xc3\xa9\xc3";
    gru_utf8_add_repaired(&s, text, sizeof text - 1);
    cr_assert_str_eq(gru_str_text(&s), "\xef\xbf\xbd"
                                       "a\xef\xbf\xbd\xef\xbf\xbd"
                                       "b\xc3\xa9\xef\xbf\xbd");
    gru_str_free(&s);
}
