/* Ids and weights against Keras's Tokenizer (testdata/golden/tokenizer.tsv). */
#include "text/corpus.h"

#include "base/number.h"
#include "io/table.h"
#include "text/vectorise.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 9, STEPS = 6, WEIGHTS = 64 };

typedef struct golden {
    char *text[TEXTS], *ids[TEXTS], *tfidf[TEXTS], *freq[TEXTS];
    size_t len[TEXTS], count;
} golden;

static golden read_golden(const char *name) {
    golden g = {0};
    gru_error err = {0};
    gru_input *in;
    gru_table *table;
    const gru_field *row;
    cr_assert_eq(gru_input_open(&in, "testdata/golden/tokenizer.tsv", &err), GRU_OK, "%s",
                 err.message);
    cr_assert_eq(gru_table_open(&table, in, false, &err), GRU_OK, "%s", err.message);
    while (gru_table_next(table, &row, &err) == GRU_OK && row) {
        if (strcmp(row[0].text, name) != 0)
            continue;
        cr_assert(g.count < TEXTS);
        g.text[g.count] = strdup(row[3].text);
        g.len[g.count] = row[3].len;
        g.ids[g.count] = strdup(row[4].text);
        g.tfidf[g.count] = strdup(row[5].text);
        g.freq[g.count++] = strdup(row[6].text);
    }
    cr_assert_eq(err.code, GRU_OK, "%s", err.message);
    cr_assert_eq(g.count, TEXTS);
    gru_table_close(table);
    gru_input_close(in);
    return g;
}

static void free_golden(golden *g) {
    for (size_t i = 0; i < g->count; i++) {
        free(g->text[i]);
        free(g->ids[i]);
        free(g->tfidf[i]);
        free(g->freq[i]);
    }
}

static void compare_weights(const gru_vocab *v, gru_form form, const int32_t *seq, size_t count,
                            const char *expected, const char *name, size_t row) {
    double weights[WEIGHTS];
    size_t size = gru_vocab_size(v), i = 1;
    cr_assert(size <= WEIGHTS);
    gru_vectorise(v, form, seq, count, weights);
    for (char *end; *expected; expected = end + (*end == ' '), i++) {
        double value = strtod(expected, &end);
        cr_assert(end != expected && i < size, "%s: more weights than ids", name);
        cr_assert(fabs(weights[i] - value) <= 1e-13 * (1 + fabs(value)),
                  "%s row %zu id %zu: %g, not %g", name, row, i, weights[i], value);
    }
    cr_assert_eq(i, size);
}

static void compare_ids(const int32_t *ids, const char *expected, const char *name, size_t row) {
    for (size_t i = 0; i < STEPS; i++) {
        char *end;
        long id = strtol(expected, &end, 10);
        cr_assert(end != expected);
        cr_assert_eq(ids[i], id, "%s row %zu step %zu: %d, not %ld", name, row, i, ids[i], id);
        expected = end;
    }
}

static void check(const char *name, const gru_vocab_options *options) {
    golden g = read_golden(name);
    gru_error err = {0};
    gru_corpus *corpus;
    gru_vocab *v;
    gru_segmenter *scratch;
    cr_assert_eq(gru_corpus_new(&corpus, options, &err), GRU_OK, "%s", err.message);
    for (size_t i = 0; i < g.count; i++)
        cr_assert_eq(gru_corpus_add(corpus, g.text[i], g.len[i], NULL, 0, &err), GRU_OK);
    cr_assert_eq(gru_corpus_fit(corpus, &v, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_vocab_segmenter(v, &scratch, &err), GRU_OK);
    for (size_t i = 0; i < g.count; i++) {
        int32_t ids[STEPS], again[STEPS];
        size_t count, valid;
        const int32_t *seq = gru_corpus_row(corpus, i, &count);
        size_t used = gru_vocab_pad(v, seq, count, ids);
        compare_ids(ids, g.ids[i], name, i);
        compare_weights(v, GRU_FORM_TFIDF, seq, count, g.tfidf[i], name, i);
        compare_weights(v, GRU_FORM_FREQ, seq, count, g.freq[i], name, i);
        cr_assert_eq(gru_vocab_encode(v, scratch, g.text[i], g.len[i], again, &valid, &err),
                     GRU_OK);
        cr_assert_eq(valid, used);
        cr_assert_arr_eq(again, ids, sizeof ids);
    }
    gru_segmenter_free(scratch);
    gru_vocab_free(v);
    gru_corpus_free(corpus);
    free_golden(&g);
}

static const gru_vocab_options plain = {
    .segment = GRU_SEGMENT_SPACE, .lower = -1, .min_count = 1, .max_len = STEPS};

Test(corpus, agrees_with_keras) {
    check("plain", &plain);
}

Test(corpus, agrees_with_keras_num_words) {
    gru_vocab_options o = plain;
    o.size = 8;
    check("size", &o);
}

Test(corpus, agrees_with_keras_oov_token) {
    gru_vocab_options o = plain;
    o.size = 8;
    o.oov = true;
    check("oov", &o);
}

Test(corpus, agrees_with_keras_without_lower_casing) {
    gru_vocab_options o = plain;
    o.lower = 0;
    check("case", &o);
}

Test(corpus, agrees_with_keras_with_other_filters) {
    gru_vocab_options o = plain;
    char filters[] = "aeiou，！";
    o.filters = filters;
    check("filters", &o);
}

/* ---- what Keras's Tokenizer has not ---- */

static gru_corpus *corpus_of(const gru_vocab_options *o, const char *const *texts,
                             const char *const *labels, size_t count) {
    gru_error err = {0};
    gru_corpus *corpus;
    cr_assert_eq(gru_corpus_new(&corpus, o, &err), GRU_OK, "%s", err.message);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(gru_corpus_add(corpus, texts[i], strlen(texts[i]), labels ? labels[i] : NULL,
                                    labels ? strlen(labels[i]) : 0, &err),
                     GRU_OK, "%s", err.message);
    return corpus;
}

Test(corpus, takes_texts_that_were_split_elsewhere) {
    const char *const texts[] = {"The film, the FILM", "",
                                 "naïve Čapek and the very longest word of all"};
    const gru_vocab_options undecided = {.lower = -1, .max_len = 0};
    gru_error err = {0};
    gru_segmenter *segmenter;
    gru_corpus *whole = corpus_of(&plain, texts, NULL, 3), *split, *other;
    cr_assert_eq(gru_corpus_new(&split, &plain, &err), GRU_OK);
    cr_assert_eq(gru_corpus_segmenter(split, &segmenter, &err), GRU_OK);
    for (size_t i = 0; i < 3; i++) {
        const char *buffer;
        const gru_token *tokens;
        size_t count;
        cr_assert_eq(gru_segmenter_split(segmenter, texts[i], strlen(texts[i]), &buffer, &tokens,
                                         &count, &err),
                     GRU_OK);
        cr_assert_eq(gru_corpus_add_split(split, buffer, tokens, count, NULL, 0, &err), GRU_OK);
    }
    cr_assert_eq(gru_corpus_empty(split), 1);
    for (size_t i = 0; i < 3; i++) {
        size_t count, expected;
        const int32_t *row = gru_corpus_row(split, i, &count),
                      *same = gru_corpus_row(whole, i, &expected);
        cr_assert_eq(count, expected);
        cr_assert(count == 0 || memcmp(row, same, count * sizeof *row) == 0);
    }
    gru_segmenter_free(segmenter);
    cr_assert_eq(gru_corpus_new(&other, &undecided, &err), GRU_OK);
    cr_assert_eq(gru_corpus_segmenter(other, &segmenter, &err), GRU_OK);
    cr_assert_null(segmenter);
    gru_corpus_free(other);
    gru_corpus_free(split);
    gru_corpus_free(whole);
}

Test(corpus, sorts_whole_numbers_as_numbers_and_all_else_as_text) {
    const char *const texts[] = {"a", "b", "c"};
    const char *const numbers[] = {"10", "9", "-1"}, *const words[] = {"10", "9", "x"};
    const char *const *const labels[] = {numbers, words};
    const int32_t expected[2][3] = {{2, 1, 0}, {0, 1, 2}};
    for (int k = 0; k < 2; k++) {
        gru_error err = {0};
        gru_vocab *v;
        size_t count;
        gru_corpus *corpus = corpus_of(&plain, texts, labels[k], 3);
        cr_assert_eq(gru_corpus_fit(corpus, &v, &err), GRU_OK);
        const char *const *classes = gru_vocab_classes(v, &count);
        cr_assert_eq(count, 3);
        for (size_t i = 0; i < 3; i++) {
            cr_assert_eq(gru_corpus_class(corpus, i), expected[k][i]);
            cr_assert_str_eq(classes[expected[k][i]], labels[k][i]);
        }
        gru_vocab_free(v);
        gru_corpus_free(corpus);
    }
}

Test(corpus, refuses_labels_that_are_no_classes) {
    gru_error err = {0};
    gru_vocab *v;
    char label[32];
    gru_corpus *corpus;
    cr_assert_eq(gru_corpus_new(&corpus, &plain, &err), GRU_OK);
    for (int i = 0; i < 30; i++) {
        size_t len = (size_t)snprintf(label, sizeof label, "%d.5", i);
        cr_assert_eq(gru_corpus_add(corpus, "x", 1, label, len, &err), GRU_OK);
    }
    cr_assert_eq(gru_corpus_fit(corpus, &v, &err), GRU_ERR_DATA);
    cr_assert(strstr(err.message, "30 different labels"));
    gru_corpus_free(corpus);
}

Test(corpus, names_the_known_classes_when_a_label_is_new) {
    const char *const texts[] = {"good film", "bad film"}, *const labels[] = {"pos", "neg"};
    gru_error err = {0};
    gru_vocab *v;
    gru_corpus *corpus = corpus_of(&plain, texts, labels, 2), *other;
    cr_assert_eq(gru_corpus_fit(corpus, &v, &err), GRU_OK);
    cr_assert_eq(gru_corpus_new_with(&other, v, &err), GRU_OK);
    cr_assert_eq(gru_corpus_add(other, "film of terror", 14, "neg", 3, &err), GRU_OK);
    cr_assert_eq(gru_corpus_class(other, 0), 0);
    size_t count;
    const int32_t *seq = gru_corpus_row(other, 0, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(seq[0], 1);
    cr_assert_eq(gru_corpus_add(other, "film", 4, "so-so", 5, &err), GRU_ERR_DATA);
    cr_assert(strstr(err.message, "'so-so'") && strstr(err.message, "neg, pos"));
    gru_corpus_free(other);
    gru_corpus_free(corpus);
    gru_vocab_free(v);
}

Test(corpus, takes_the_longest_text_when_no_length_is_given) {
    const char *const texts[] = {"a b c", "a b c d e", ""};
    gru_vocab_options o = plain;
    gru_error err = {0};
    gru_vocab *v;
    o.max_len = 0;
    gru_corpus *corpus = corpus_of(&o, texts, NULL, 3);
    cr_assert_eq(gru_corpus_fit(corpus, &v, &err), GRU_OK);
    cr_assert_eq(gru_vocab_max_len(v), 5);
    cr_assert_eq(gru_corpus_empty(corpus), 1);
    gru_vocab_free(v);
    gru_corpus_free(corpus);
}

Test(corpus, drops_rare_words) {
    const char *const texts[] = {"a a b", "b c"};
    gru_vocab_options o = plain;
    gru_error err = {0};
    gru_vocab *v;
    o.min_count = 2;
    gru_corpus *corpus = corpus_of(&o, texts, NULL, 2);
    cr_assert_eq(gru_corpus_fit(corpus, &v, &err), GRU_OK);
    cr_assert_eq(gru_vocab_size(v), 3);
    cr_assert_eq(gru_vocab_distinct(v), 3);
    cr_assert_eq(gru_vocab_id(v, "c", 1), 0);
    gru_vocab_free(v);
    gru_corpus_free(corpus);
}

static gru_segment guessed(const char *const *texts, size_t count) {
    gru_vocab_options o = plain;
    gru_error err = {0};
    gru_vocab *v;
    o.segment = GRU_SEGMENT_AUTO;
    gru_corpus *corpus = corpus_of(&o, texts, NULL, count);
    cr_assert_eq(gru_corpus_fit(corpus, &v, &err), GRU_OK);
    cr_assert_eq(gru_corpus_rows(corpus), count);
    gru_segment segment = gru_vocab_get_options(v)->segment;
    gru_vocab_free(v);
    gru_corpus_free(corpus);
    return segment;
}

Test(corpus, guesses_the_segmentation) {
    const char *const chinese[] = {"這個產品太棒了，我非常喜歡！", "OK 服務很差"};
    const char *const english[] = {"The tea 龍井 is good", "café"};
    cr_assert_eq(guessed(chinese, 2), GRU_SEGMENT_CHAR);
    cr_assert_eq(guessed(english, 2), GRU_SEGMENT_SPACE);
}
