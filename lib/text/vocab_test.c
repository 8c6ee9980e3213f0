/* vocab.tsv: what is written reads back the same; what is wrong is refused with its line. */
#include "text/vocab.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOP "#tool gru-tokenize\n#version 0.1.0\n#segment space\n#lower yes\n#max-len 4\n"
#define TABLE "id\tword\tcount\tdocs\n"

static gru_vocab *parsed(const char *text) {
    gru_error err = {0};
    gru_vocab *v;
    cr_assert_eq(gru_vocab_parse(&v, text, strlen(text), "v", &err), GRU_OK, "%s", err.message);
    return v;
}

static void refused(const char *text, const char *message) {
    gru_error err = {0};
    gru_vocab *v;
    cr_assert_eq(gru_vocab_parse(&v, text, strlen(text), "v", &err), GRU_ERR_DATA, "%s", text);
    cr_assert_null(v);
    cr_assert(strstr(err.message, message), "'%s' is not in '%s'", message, err.message);
}

Test(vocab, encodes_what_it_was_made_for) {
    gru_vocab *v = parsed(TOP "#class neg\n#class pos\n" TABLE "1\tthe\t9\t3\n2\tgood\t5\t2\n"
                              "3\tfilm\t1\t1\n");
    gru_error err = {0};
    gru_segmenter *scratch;
    size_t valid, count;
    int32_t ids[4];
    cr_assert_eq(gru_vocab_size(v), 4);
    cr_assert_str_eq(gru_vocab_word(v, 3), "film");
    cr_assert_null(gru_vocab_word(v, 0));
    cr_assert_null(gru_vocab_word(v, 4));
    cr_assert_eq(gru_vocab_docs(v, 2), 2);
    cr_assert_str_eq(gru_vocab_classes(v, &count)[1], "pos");
    cr_assert_eq(gru_vocab_class(v, "pos", 3), 1);
    cr_assert_eq(gru_vocab_class(v, "po", 2), -1);
    cr_assert_eq(gru_vocab_segmenter(v, &scratch, &err), GRU_OK);
    cr_assert_eq(gru_vocab_encode(v, scratch, "The odd FILM!", 13, ids, &valid, &err), GRU_OK);
    cr_assert_eq(valid, 2);
    cr_assert_arr_eq(ids, ((int32_t[]){0, 0, 1, 3}), sizeof ids);
    cr_assert_eq(gru_vocab_encode(v, scratch, "good the the film film", 22, ids, &valid, &err),
                 GRU_OK);
    cr_assert_arr_eq(ids, ((int32_t[]){1, 1, 3, 3}), sizeof ids);
    gru_segmenter_free(scratch);
    gru_vocab_free(v);
}

Test(vocab, pads_and_cuts_at_either_end) {
    const char *const ends[] = {
        "#padding pre\n#truncating pre\n", "#padding pre\n#truncating post\n",
        "#padding post\n#truncating pre\n", "#padding post\n#truncating post\n"};
    const int32_t cut[4][4] = {{2, 3, 1, 2}, {1, 2, 3, 1}, {2, 3, 1, 2}, {1, 2, 3, 1}};
    const int32_t padded[4][4] = {{0, 0, 1, 2}, {0, 0, 1, 2}, {1, 2, 0, 0}, {1, 2, 0, 0}};
    for (int i = 0; i < 4; i++) {
        char text[512];
        snprintf(text, sizeof text, TOP "%s" TABLE "1\ta\t1\t1\n2\tb\t1\t1\n3\tc\t1\t1\n", ends[i]);
        gru_vocab *v = parsed(text);
        gru_error err = {0};
        gru_segmenter *scratch;
        int32_t ids[4], again[4];
        cr_assert_eq(gru_vocab_segmenter(v, &scratch, &err), GRU_OK);
        cr_assert_eq(gru_vocab_encode(v, scratch, "a b c a x b", 11, ids, NULL, &err), GRU_OK);
        cr_assert_arr_eq(ids, cut[i], sizeof ids);
        gru_vocab_pad(v, (int32_t[]){1, 2, 3, 1, 2}, 5, again);
        cr_assert_arr_eq(again, cut[i], sizeof ids);
        cr_assert_eq(gru_vocab_encode(v, scratch, "a b", 3, ids, NULL, &err), GRU_OK);
        cr_assert_arr_eq(ids, padded[i], sizeof ids);
        gru_vocab_pad(v, (int32_t[]){1, 2}, 2, again);
        cr_assert_arr_eq(again, padded[i], sizeof ids);
        gru_segmenter_free(scratch);
        gru_vocab_free(v);
    }
}

Test(vocab, reads_back_what_it_wrote) {
    static const char text[] = "#tool gru-tokenize\n#version 0.1.0\n#segment char\n#lower "
                               "yes\n#filters \\t\\n\\\\！\n#oov yes\n"
                               "#vocab-size 100\n#min-count 2\n#max-len 7\n#padding "
                               "post\n#truncating post\n#text my text\n"
                               "#label the label\n#stem english\n#stop of\n#stop a b\n#rows "
                               "12\n#distinct 34\n#class a\\tb\n"
                               "#class c d\n" TABLE "2\t#\t5\t4\n3\t\\\\\t4\t3\n4\t\\t\t3\t2\n";
    char name[64], again[1024];
    gru_error err = {0};
    gru_output *out;
    gru_vocab *v = parsed(text);
    snprintf(name, sizeof name, "/tmp/gru-vocab-test-%ld", (long)getpid());
    cr_assert_eq(gru_output_open(&out, name, GRU_OUTPUT_TEXT, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_vocab_write(v, out, &err), GRU_OK);
    cr_assert_eq(gru_output_commit(out, &err), GRU_OK, "%s", err.message);
    gru_vocab_free(v);
    cr_assert_eq(gru_vocab_load(&v, name, &err), GRU_OK, "%s", err.message);
    const gru_vocab_options *o = gru_vocab_get_options(v);
    cr_assert_str_eq(o->filters, "\t\n\\！");
    cr_assert_str_eq(o->stop[1], "a b");
    cr_assert_eq(o->min_count, 2);
    cr_assert_eq(gru_vocab_id(v, "#", 1), 2);
    cr_assert_eq(gru_vocab_id(v, "?", 1), 1);
    cr_assert_eq(gru_vocab_size(v), 5);
    gru_vocab_free(v);
    FILE *file = fopen(name, "rb");
    size_t len = fread(again, 1, sizeof again - 1, file);
    fclose(file);
    again[len] = 0;
    remove(name);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) { /* order is free */
        char one[128];
        snprintf(one, sizeof one, "%.*s", (int)(strchr(line, '\n') + 1 - line), line);
        cr_assert(strstr(again, one), "missing: %s", one);
    }
    cr_assert_eq(len, sizeof text - 1);
}

Test(vocab, has_the_words_of_its_table_whatever_size_it_tells) {
    static const char *const sizes[] = {"0", "2", "9223372036854775807"};
    for (int i = 0; i < 3; i++) {
        char text[200];
        snprintf(text, sizeof text, TOP "#vocab-size %s\n" TABLE "1\ta\t2\t1\n2\tb\\\\\t1\t1\n",
                 sizes[i]);
        gru_vocab *v = parsed(text);
        cr_assert_eq(gru_vocab_size(v), 3);
        cr_assert_eq(gru_vocab_id(v, "b\\", 2), 2);
        gru_vocab_free(v);
    }
}

Test(vocab, refuses_what_it_did_not_write) {
    refused("", "no vocabulary");
    refused("a,b\n1,2\n", "not a vocabulary");
    refused("#tool gru-scale\n", "not a vocabulary");
    refused("#tool gru-tokenize\n", "no vocabulary");
    refused("#tool gru-tokenize\n" TABLE, "#segment");
    refused("#tool gru-tokenize\n#segment maybe\n", "v:2");
    refused("#tool gru-tokenize\n#segment auto\n", "v:2");
    refused("#tool gru-tokenize\n#max-len 99999999999\n", "v:2");
    refused("#tool gru-tokenize\n#max-len -1\n", "'-1'");
    refused("#tool gru-tokenize\n#oov maybe\n", "no or yes");
    refused(TOP "#stem klingon\n" TABLE, "klingon");
    refused(TOP "#class a\n#class a\n" TABLE, "v:7");
    refused(TOP "#class a\n#lower no\n" TABLE, "out of place");
    refused(TOP TABLE "2\ta\t1\t1\n", "expected id 1");
    refused(TOP TABLE "1\ta\t1\t1\n2\ta\t1\t1\n", "twice");
    refused(TOP TABLE "1\ta\t1\n", "v:7: expected id, word, count");
    refused(TOP TABLE "1\ta\\x\t1\t1\n", "escape");
    refused(TOP TABLE "1\ta\\\t1\t1\n", "escape");
    refused(TOP TABLE "1\t\xff\t1\t1\n", "UTF-8");
}
