/* JSON: what RFC 8259 allows and what it does not, and the cursor. */
#include "io/json.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char *wrong_of(const char *text) {
    size_t at;
    return gru_json_check(text, strlen(text), &at);
}

Test(json, takes_what_is_json) {
    static const char *const good[] = {"{}",
                                       " [ ] ",
                                       "[0,-0,1.5,-12e3,1E+2,2.5e-7]",
                                       "[true,false,null]",
                                       "{\"a\":{\"b\":[1,{\"c\":\"\"}]},\"d\":\"\\u00e9\\\"\"}",
                                       "[\"\\ud83d\\ude00 \\/ \\b\\f\\n\\r\\t\"]",
                                       "[\"價\"]\n"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_assert_null(wrong_of(good[i]), "%s: %s", good[i], wrong_of(good[i]));
}

Test(json, refuses_what_is_not) {
    static const char *const bad[] = {"",
                                      "1",
                                      "\"a\"",
                                      "[",
                                      "[1",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{a:1}",
                                      "{\"a\":1,}",
                                      "[01]",
                                      "[1.]",
                                      "[.5]",
                                      "[-]",
                                      "[1e]",
                                      "[+1]",
                                      "[tru]",
                                      "[nul]",
                                      "[\"a]",
                                      "[\"\\x\"]",
                                      "[\"\\u12\"]",
                                      "[\"\\u0000\"]",
                                      "[\"\t\"]",
                                      "[\"\\ud800\"]",
                                      "[\"\\ude00\"]",
                                      "[1] 2",
                                      "[\"\xff\"]",
                                      "{} {}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not_null(wrong_of(bad[i]), "%s", bad[i]);
}

Test(json, says_where) {
    size_t at;
    cr_assert_str_eq(gru_json_check("[1, x]", 6, &at), "a value is missing");
    cr_assert_eq(at, 4);
}

Test(json, depth_is_limited) {
    char text[65] = "";
    memset(text, '[', 32);
    memset(text + 32, ']', 32);
    cr_assert_null(wrong_of(text));
    cr_assert_not_null(gru_json_check(
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", 66, &(size_t){0}));
}

/* No cut of a text is JSON, and none is read past its end (the sanitizers look). */
Test(json, every_cut_is_refused) {
    static const char text[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\\ud83d\\ude00\\n\"],\"b\":true}";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        char *copy = malloc(len + 1);
        size_t at;
        memcpy(copy, text, len);
        cr_assert_not_null(gru_json_check(copy, len, &at), "%zu", len);
        cr_assert_leq(at, len);
        free(copy);
    }
}

Test(json, a_quote_behind_backslashes_may_be_none) {
    gru_json j = {"[\"\\\"\", \"\\\\\", \"a\\\\\\\"\\/\", \"\"]"};
    const char *const want[] = {"\"", "\\", "a\\\"/", ""};
    cr_assert(gru_json_into(&j, '['));
    for (int i = 0; i < 4; i++) {
        char *text;
        size_t len;
        cr_assert(gru_json_more(&j) && gru_json_text(&j, &text, &len));
        cr_assert_str_eq(text, want[i]);
        free(text);
    }
    cr_assert_not(gru_json_more(&j));
}

Test(json, the_cursor_walks) {
    gru_json j = {
        "{ \"name\" : \"a\\u00e9\\ud83d\\ude00\\n\\\\\" , \"skip\" : {\"x\":[1,{}],\"y\":\"]\"},"
        "\"list\":[ 1 , -1, 18446744073709551615, 18446744073709551616, 1.5, \"2\"] }"};
    char *text;
    size_t len;
    uint64_t n;
    cr_assert(gru_json_into(&j, '{') && gru_json_more(&j) && gru_json_text(&j, &text, &len));
    cr_assert_str_eq(text, "name");
    free(text);
    cr_assert(gru_json_text(&j, &text, &len));
    cr_assert_str_eq(text, "aé😀\n\\");
    cr_assert_eq(len, strlen(text));
    free(text);
    cr_assert(gru_json_more(&j));
    gru_json_skip(&j);
    gru_json_skip(&j);
    cr_assert(gru_json_more(&j));
    gru_json_skip(&j);
    cr_assert_eq(gru_json_kind(&j), '[');
    cr_assert(gru_json_into(&j, '['));
    static const bool whole[] = {true, false, true, false, false, false};
    for (int i = 0; i < 6; i++) {
        cr_assert(gru_json_more(&j));
        cr_assert_eq(gru_json_whole(&j, &n), whole[i], "%d", i);
        cr_assert(i != 2 || n == UINT64_MAX);
    }
    cr_assert_not(gru_json_more(&j));
    cr_assert_not(gru_json_more(&j));
}
