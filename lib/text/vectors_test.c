/* Files of word vectors in each of their forms, and what is wrong with bad ones. */
#include "text/vectors.h"

#include <criterion/criterion.h>
#include <string.h>

enum { WIDTH = 3, ROOM = 8 };

typedef struct content {
    char word[ROOM][64];
    float numbers[ROOM][WIDTH];
    size_t count;
    gru_error err;
} content;

static content read_bytes(const char *bytes, size_t len) {
    content c = {0};
    gru_input *in;
    gru_vectors *v;
    const char *word;
    size_t size;
    cr_assert_eq(gru_input_open_bytes(&in, bytes, len, "v", &c.err), GRU_OK);
    if (gru_vectors_open(&v, in, WIDTH, &c.err) == GRU_OK) {
        while (gru_vectors_next(v, &word, &size, &c.err) == GRU_OK && word) {
            cr_assert(c.count < ROOM && size < sizeof c.word[0]);
            memcpy(c.word[c.count], word, size);
            if (gru_vectors_numbers(v, c.numbers[c.count], &c.err))
                break;
            c.count++;
        }
        gru_vectors_close(v);
    }
    gru_input_close(in);
    return c;
}

static void check(const char *bytes, size_t len, const char *const *words, size_t count,
                  const float *numbers) {
    content c = read_bytes(bytes, len);
    cr_assert_eq(c.err.code, GRU_OK, "%s", c.err.message);
    cr_assert_eq(c.count, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_str_eq(c.word[i], words[i]);
        for (size_t k = 0; k < WIDTH; k++)
            cr_assert(c.numbers[i][k] == numbers[i * WIDTH + k], "%s %zu", words[i], k);
    }
}

static void check_text(const char *text, const char *const *words, size_t count,
                       const float *numbers) {
    check(text, strlen(text), words, count, numbers);
}

static void check_bad_bytes(const char *bytes, size_t len, const char *message) {
    content c = read_bytes(bytes, len);
    cr_assert_eq(c.err.code, GRU_ERR_DATA, "no error rather than: %s", message);
    cr_assert_str_eq(c.err.message, message);
}

static void check_bad(const char *text, const char *message) {
    check_bad_bytes(text, strlen(text), message);
}

static const float two[] = {1, -0.25f, 3e-4f, 0.5f, 2, -1};

Test(vectors, text_forms) {
    static const char *const words[] = {"甲", "b"};
    check_text("2 3\n甲 1 -0.25 3e-4\nb 0.5 2 -1\n", words, 2, two);
    check_text("甲 1 -0.25 3e-4\nb 0.5 2 -1\n", words, 2, two);
    check_text("\xef\xbb\xbf甲 1 -0.25 0.0003 \r\n\r\nb\t0.5\t2\t-1", words, 2, two);
    check_text("2 3 \n甲 1 -0.25 3e-4 \nb 0.5 2 -1 \n", words, 2, two);
}

Test(vectors, words_like_numbers_and_words_of_several_parts) {
    static const char *const dots[] = {". . .", "at x.com"}, *const digits[] = {"2019", "."};
    check_text(". . . 1 -0.25 3e-4\nat x.com 0.5 2 -1\n", dots, 2, two);
    check_text("2019 1 -0.25 3e-4\n. 0.5 2 -1\n", digits, 2, two);
}

/* 1, -0.25, 3e-4 and 0.5, 2, -1 as little-endian floats (by Python's struct.pack). */
#define FIRST "\x00\x00\x80\x3f\x00\x00\x80\xbe\x52\x49\x9d\x39"
#define SECOND "\x00\x00\x00\x3f\x00\x00\x00\x40\x00\x00\x80\xbf"

Test(vectors, binary_with_and_without_line_ends) {
    static const char *const words[] = {"one", "d\xc3\xa9j\xc3\xa0"};
    static const char plain[] = "2 3\none " FIRST "d\xc3\xa9j\xc3\xa0 " SECOND,
                      lines[] = "2 3\none " FIRST "\nd\xc3\xa9j\xc3\xa0 " SECOND "\n";
    check(plain, sizeof plain - 1, words, 2, two);
    check(lines, sizeof lines - 1, words, 2, two);
}

Test(vectors, bad_text) {
    check_bad("", "v: is empty");
    check_bad("2 4\na 1 2 3 4\n", "v: vectors of 4 numbers, but the embedding's have 3");
    check_bad("a 1 2 3 4\n", "v:1: a vector of 4 numbers, but the embedding's have 3");
    check_bad("a 1 2\n", "v:1: a vector of 2 numbers, but the embedding's have 3");
    check_bad("a 1 2 3\nb 1 2\n", "v:2: a vector of 2 numbers, but the embedding's have 3");
    check_bad("a 1 2 3\n1 2 3\n", "v:2: a vector of 2 numbers, but the embedding's have 3");
    check_bad("a 1 2 3\nb 1 x 3\n", "v:2: 'x' is not a number");
    check_bad("a 1 nan 3\n", "v:1: 'nan' is not a number");
    check_bad("a 1 2 1e99\n", "v:1: '1e99' is not a number");
    check_bad("a 1 2 --3\n", "v:1: '--3' is not a number");
    check_bad("3 3\na 1 2 3\nb 1 2 3\n", "v: ends after 2 of 3 vectors");
    check_bad("1 3\na 1 2 3\nb 1 2 3\n", "v:3: more than the 1 vectors that line 1 announces");
    check_bad("a\001b 1 2 3\n", "v: not a file of vectors as word2vec, GloVe and fastText write "
                                "them");
    check_bad("\xba\x16\x4f\x2f\x0c", "v: a binary model of fastText; its vectors are in the .vec "
                                      "file");
}

Test(vectors, bad_binary) {
    static const char cut[] = "2 3\none " FIRST "\ntwo \x00\x00\x00\x3f",
                      fewer[] = "2 3\none " FIRST "\n", more[] = "1 3\none " FIRST "\nx",
                      nan[] = "1 3\none \x00\x00\x80\x3f\x00\x00\xc0\x7f\x00\x00\x80\x3f",
                      word[] = "2 3\none " FIRST "nospace";
    check_bad_bytes(cut, sizeof cut - 1, "v: ends after 29 bytes");
    check_bad_bytes(fewer, sizeof fewer - 1, "v: ends after 1 of 2 vectors");
    check_bad_bytes(more, sizeof more - 1,
                    "v: byte 21: more than the 1 vectors that line 1 announces");
    check_bad_bytes(nan, sizeof nan - 1, "v: byte 12: number 2 of vector 1 is not finite");
    check_bad_bytes(word, sizeof word - 1,
                    "v: byte 20: no word of at most 1000 bytes where vector 2 of 2 should begin");
}

/* A file cut off anywhere is told, thanks to the count in its first line. */
Test(vectors, cut_anywhere) {
    static const char binary[] = "2 3\none " FIRST "two " SECOND,
                      text[] = "2 3\na 1 2 3\nb 4 5 6\n";
    for (size_t len = 0; len < sizeof binary - 1; len++)
        cr_assert_eq(read_bytes(binary, len).err.code, GRU_ERR_DATA, "%zu", len);
    for (size_t len = 0; len + 2 < sizeof text - 1; len++)
        cr_assert_eq(read_bytes(text, len).err.code, GRU_ERR_DATA, "%zu", len);
}
