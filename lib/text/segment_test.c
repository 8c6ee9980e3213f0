/* Segmentation: what each way makes of a text. Expected tokens are written by hand. */
#include "text/segment.h"

#include "base/str.h"
#include "text/unicode.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* The tokens of text joined by '|'. */
static void check(const gru_segment_options *options, const char *text, const char *expected) {
    gru_error err = {0};
    gru_segmenter *s;
    const char *buffer;
    const gru_token *tokens;
    size_t count;
    gru_str joined = {0};
    cr_assert_eq(gru_segmenter_new(&s, options, &err), GRU_OK, "%s", err.message);
    for (int twice = 0; twice < 2; twice++) { /* scratch memory of the first text mustn't show */
        cr_assert_eq(gru_segmenter_split(s, text, strlen(text), &buffer, &tokens, &count, &err),
                     GRU_OK, "%s", err.message);
        gru_str_clear(&joined);
        for (size_t i = 0; i < count; i++) {
            if (i)
                gru_str_add_char(&joined, '|');
            gru_str_add_bytes(&joined, buffer + tokens[i].start, tokens[i].len);
        }
        cr_assert_str_eq(gru_str_text(&joined), expected);
    }
    gru_str_free(&joined);
    gru_segmenter_free(s);
}

static const gru_segment_options space = {
    .segment = GRU_SEGMENT_SPACE, .lower = true, .filters = GRU_FILTERS_DEFAULT};

Test(segment, splits_at_spaces_only) {
    check(&space, "It's (very)GOOD\n\nfilm", "it's|very|good|film");
    check(&space,
          "a\xc2\xa0"
          "b\rc",
          "a\xc2\xa0"
          "b\rc");
    check(&space, "", "");
    check(&space, " .,!", "");
}

Test(segment, filters_what_lower_casing_leaves) {
    gru_segment_options o = space;
    o.filters = "a";
    check(&o, "CAT dog", "c|t|dog");
    check(&o, "CAT dog é", "c|t|dog|é");
    o.filters = "A";
    check(&o, "CAT ABA", "cat|aba");
    check(&o, "CAT ABA é", "cat|aba|é");
    o.lower = false;
    check(&o, "CAT ABA aBa", "C|T|B|aBa");
}

Test(segment, lowers_as_python_does) {
    check(&space, "ÀÉ ΟΔΥΣΣΕΥΣ ΣΑΣ. İ STRASSE ẞ", "àé|οδυσσευς|σας|i̇|strasse|ß");
}

Test(segment, gives_every_visible_character) {
    gru_segment_options o = {.segment = GRU_SEGMENT_CHAR};
    check(&o, "Ab，\xe3\x80\x80很 好\t!\xc2\x85😀", "A|b|，|很|好|!|😀");
    o.lower = true;
    o.filters = "，!";
    check(&o, "Ab，很!", "a|b|很");
}

Test(segment, breaks_words_by_dictionary) {
    gru_segment_options o = space;
    o.segment = GRU_SEGMENT_WORD;
    check(&o, "The CAN'T-do 3.5 stars", "the|can't|do|3|5|stars");
    check(&o, "我非常喜欢！😀", "我|非常|喜欢|😀");
}

Test(segment, drops_stop_words_and_stems) {
    const char *const stop[] = {"The", "is"};
    gru_segment_options o = space;
    o.stop = stop;
    o.stop_count = 2;
    check(&o, "the film IS running", "film|running");
    o.stem = "english";
    check(&o, "the films IS running", "film|run");
}

Test(segment, refuses_an_unknown_stemmer) {
    gru_error err = {0};
    gru_segmenter *s;
    gru_segment_options o = space;
    o.stem = "klingon";
    cr_assert_eq(gru_segmenter_new(&s, &o, &err), GRU_ERR_USAGE);
    cr_assert(strstr(err.message, "klingon"));
}

Test(unicode, knows_the_white_space_of_python) {
    /* [c for c in range(0x110000) if chr(c).isspace()] of Python 3.11 */
    const uint32_t expected[] = {9,      10,     11,     12,     13,     28,     29,     30,
                                 31,     32,     0x85,   0xa0,   0x1680, 0x2000, 0x2001, 0x2002,
                                 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a,
                                 0x2028, 0x2029, 0x202f, 0x205f, 0x3000};
    size_t found = 0;
    for (uint32_t c = 0; c < 0x110000; c++)
        if (gru_unicode_space(c)) {
            cr_assert(found < sizeof expected / sizeof expected[0]);
            cr_assert_eq(c, expected[found++]);
        }
    cr_assert_eq(found, sizeof expected / sizeof expected[0]);
}
