/* Numbers as text against the C library's, which is slower and right. */
#include "base/number.h"

#include "base/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void formats(double value, const char *wanted) {
    char text[GRU_NUMBER_MAX];
    size_t len = gru_number_format_double(value, text);
    cr_assert_str_eq(text, wanted);
    cr_assert_eq(len, strlen(wanted));
}

static void formats_float(float value, const char *wanted) {
    char text[GRU_NUMBER_MAX];
    gru_number_format(value, text);
    cr_assert_str_eq(text, wanted);
}

Test(number, writes_what_a_person_would) {
    formats(0, "0");
    formats(-0.0, "-0");
    formats(0.25, "0.25");
    formats(12, "12");
    formats(123.45, "123.45");
    formats(1e-7, "1e-07");
    formats(0.00001, "0.00001");
    formats(1e15, "1000000000000000");
    formats(1e16, "1e+16");
    formats(1.5e300, "1.5e+300");
    formats(0.1 + 0.2, "0.30000000000000004");
    formats(5e-324, "5e-324");
    formats(1.7976931348623157e308, "1.7976931348623157e+308");
    formats(NAN, "nan");
    formats(-INFINITY, "-inf");
    formats_float(0.1f, "0.1");
    formats_float(16777216.0f, "16777216");
    formats_float(3.4028235e38f, "3.4028235e+38");
    formats_float(1e-45f, "1e-45");
    formats_float(-33554432.0f, "-33554432");
}

/* Digits of the significand in a formatted number. */
static int digits_in(const char *text) {
    char digits[GRU_NUMBER_MAX];
    int n = 0;
    for (; *text && *text != 'e'; text++)
        if (*text >= '0' && *text <= '9' && (n || *text != '0'))
            digits[n++] = *text;
    while (n && digits[n - 1] == '0')
        n--;
    return n;
}

static int fewest_float(float value) {
    char text[48];
    int n = 0;
    do
        snprintf(text, sizeof text, "%.*e", n++, (double)value);
    while (strtof(text, NULL) != value);
    return n;
}

static int fewest_double(double value) {
    char text[48];
    int n = 0;
    do
        snprintf(text, sizeof text, "%.*e", n++, value);
    while (strtod(text, NULL) != value);
    return n;
}

Test(number, writes_any_float_with_the_fewest_digits) {
    gru_random r;
    gru_random_init(&r, 1, GRU_PURPOSE_TEST, 0);
    for (int i = 0; i < 30000; i++) {
        uint32_t bits = gru_random_word(&r);
        if (i % 2) /* half of them of everyday size */
            bits = (bits & 0x807fffffu) | ((117 + bits % 20) << 23);
        float value;
        char text[GRU_NUMBER_MAX];
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        gru_number_format(value, text);
        cr_assert(strtof(text, NULL) == value, "%s for %.9g", text, (double)value);
        cr_assert_leq(digits_in(text), fewest_float(value), "%s", text);
    }
}

Test(number, writes_any_double_with_the_fewest_digits) {
    gru_random r;
    gru_random_init(&r, 2, GRU_PURPOSE_TEST, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)gru_random_word(&r) << 32 | gru_random_word(&r);
        if (i % 2)
            bits = (bits & 0x800fffffffffffffu) | ((1010 + bits % 30) << 52);
        double value;
        char text[GRU_NUMBER_MAX];
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        gru_number_format_double(value, text);
        cr_assert(strtod(text, NULL) == value, "%s for %.17g", text, value);
        cr_assert_leq(digits_in(text), fewest_double(value), "%s", text);
    }
}

Test(number, reads_as_the_library_does) {
    static const char *const texts[] = {
        "0",
        "-0",
        "1",
        "1.",
        ".5",
        "+2.5e3",
        "29.139999389648438",
        "9007199254740993",
        "9007199254740992.5",
        "1e22",
        "1e23",
        "8.98846567431158e307",
        "2.2250738585072011e-308",
        "4.9e-324",
        "2.4e-324",
        "123456789012345678901234567890",
        "0.1e-400",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124",
        "0.000000000000000000000000000000000000000000000000000000000001e60"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double value, wanted = strtod(texts[i], NULL);
        cr_assert(gru_number_parse(texts[i], strlen(texts[i]), &value), "%s", texts[i]);
        cr_assert(memcmp(&value, &wanted, sizeof value) == 0, "%s: %.17g", texts[i], value);
    }
    gru_random r;
    gru_random_init(&r, 3, GRU_PURPOSE_TEST, 0);
    for (int i = 0; i < 50000; i++) {
        char text[64];
        int n =
            snprintf(text, sizeof text, "%u%u.%ue%d", gru_random_word(&r) % 1000,
                     gru_random_word(&r), gru_random_word(&r), (int)gru_random_below(&r, 60) - 30);
        double value;
        cr_assert(gru_number_parse(text, (size_t)n, &value));
        cr_assert(value == strtod(text, NULL), "%s: %.17g", text, value);
    }
}

/* Digits, points and the characters beside them: what is a number, and which, by the library's way,
 * which stops where it understands no more. */
Test(number, reads_short_words) {
    static const char set[] = "00112233445566778899../:";
    gru_random r;
    gru_random_init(&r, 4, GRU_PURPOSE_TEST, 0);
    int numbers = 0;
    for (int i = 0; i < 200000; i++) {
        char text[16] = {0}, *end;
        size_t len = 1 + gru_random_below(&r, 10);
        for (size_t k = 0; k < len; k++)
            text[k] = set[gru_random_below(&r, sizeof set - 1)];
        double value = -1, wanted = strtod(text, &end);
        bool is = end == text + len;
        cr_assert_eq(gru_number_parse(text, len, &value), is, "%s", text);
        cr_assert(!is || memcmp(&value, &wanted, sizeof value) == 0, "%s: %.17g", text, value);
        numbers += is;
    }
    cr_assert(numbers > 50000 && numbers < 150000, "%d", numbers);
}

Test(number, refuses_what_is_no_number) {
    static const char *const texts[] = {"",    " ",   "abc", "1e",    "1e+", "--1", "0x10", "nan",
                                        "inf", "1,5", "1 2", "1e999", ".",   "1_0", "e5",   "-"};
    double value;
    long long whole;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_not(gru_number_parse(texts[i], strlen(texts[i]), &value), "%s", texts[i]);
    cr_assert(gru_number_parse(" \t7 ", 4, &value) && value == 7);
    cr_assert(gru_number_parse("12x", 2, &value) && value == 12, "reads past its end");
    cr_assert(gru_number_parse_int("-9223372036854775808", 20, &whole) && whole == INT64_MIN);
    cr_assert_not(gru_number_parse_int("9223372036854775808", 19, &whole));
    cr_assert_not(gru_number_parse_int("1.0", 3, &whole));
    cr_assert_not(gru_number_parse_int("+", 1, &whole));
}

Test(number, knows_missing_values) {
    cr_assert(gru_number_missing("", 0) && gru_number_missing(" na ", 4) &&
              gru_number_missing("NaN", 3) && gru_number_missing("NULL", 4));
    cr_assert_not(gru_number_missing("0", 1) || gru_number_missing("none", 4));
}

Test(number, groups_digits) {
    static const struct {
        size_t value;
        const char *text;
    } cases[] = {
        {0, "0"}, {999, "999"}, {1000, "1,000"}, {123456, "123,456"}, {1234567, "1,234,567"}};
    char text[GRU_NUMBER_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gru_number_group(cases[i].value, text);
        cr_assert_str_eq(text, cases[i].text);
    }
}
