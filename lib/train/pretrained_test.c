/* Whose vector comes into whose row. */
#include "train/pretrained.h"

#include "base/log.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 7, WIDTH = 2 };

static char last_note[2048];

static void keep_note(void *arg, gru_log_level level, const char *message) {
    (void)arg;
    if (level == GRU_LOG_NOTE)
        snprintf(last_note, sizeof last_note, "%s", message);
}

/* Ids 1 … 5 (2 … 6 with oov): good, Film, film, École, none. */
static char *vocabulary(bool oov) {
    static char text[512];
    static const char *const words[] = {"good", "Film", "film", "École", "none"};
    int n = snprintf(text, sizeof text,
                     "#tool gru-tokenize\n#version 0.1.0\n#segment space\n#lower no\n#filters \n"
                     "#oov %s\n#vocab-size 100\n#min-count 1\n#max-len 4\n#padding pre\n"
                     "#truncating pre\n#rows 1\n#distinct 5\nid\tword\tcount\tdocs\n",
                     oov ? "yes" : "no");
    for (int i = 0; i < 5; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%d\t%s\t1\t1\n", i + (oov ? 2 : 1),
                      words[i]);
    return text;
}

typedef struct outcome {
    float before[ROWS * WIDTH], after[ROWS * WIDTH];
    gru_status status;
    gru_error err;
} outcome;

static outcome load(const char *vectors, const char *vocab) {
    outcome o = {0};
    gru_arch *arch;
    gru_model *model;
    const gru_input_shape shape = {.tokens = true, .steps = 3};
    char path[] = "/tmp/gru-vectors-XXXXXX", text[256];
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, vectors, strlen(vectors)) == (ssize_t)strlen(vectors));
    close(fd);
    snprintf(text, sizeof text, "embedding %d %d weights=%s; gru 3; dense 1", ROWS, WIDTH, path);
    cr_assert_eq(gru_arch_parse(&arch, text, "test", &o.err), GRU_OK, "%s", o.err.message);
    cr_assert_eq(gru_model_new(&model, arch, &shape, false, &o.err), GRU_OK);
    cr_assert_eq(gru_model_initialise(model, 1, &o.err), GRU_OK);
    const gru_real *table =
        gru_model_weights(model) + gru_model_find(model, "0.embeddings")->offset;
    memcpy(o.before, table, sizeof o.before);
    gru_log_set_sink(keep_note, NULL);
    o.status = gru_pretrained_load(model, vocab, &o.err);
    gru_log_set_sink(NULL, NULL);
    memcpy(o.after, table, sizeof o.after);
    gru_model_free(model);
    unlink(path);
    return o;
}

static void check_row(const outcome *o, size_t id, float a, float b) {
    cr_assert(o->after[id * WIDTH] == a && o->after[id * WIDTH + 1] == b, "row %zu: %g %g", id,
              (double)o->after[id * WIDTH], (double)o->after[id * WIDTH + 1]);
}

static void check_kept(const outcome *o, size_t id) {
    check_row(o, id, o->before[id * WIDTH], o->before[id * WIDTH + 1]);
}

Test(pretrained, exact_words_first_then_other_cases_then_what_was_there) {
    outcome o = load("Good 9 9\ngood 1 2\ngood 8 8\nFILM 3 4\nfilm 5 6\n\xc3\xa9"
                     "cole 7 8\nother 1 1\n",
                     vocabulary(false));
    cr_assert_eq(o.status, GRU_OK, "%s", o.err.message);
    check_row(&o, 0, 0, 0);
    check_row(&o, 1, 1, 2); /* not Good's, not the second good's */
    check_row(&o, 2, 3, 4); /* Film: from FILM */
    check_row(&o, 3, 5, 6); /* film: its own */
    check_row(&o, 4, 7, 8); /* École: from école */
    check_kept(&o, 5);
    check_kept(&o, 6); /* no word has this row */
    cr_assert_not_null(strstr(last_note, ": 4 of 5 words found, 2 of them in another case"), "%s",
                       last_note);
}

Test(pretrained, leaves_the_row_of_unknown_words_alone) {
    outcome o = load("<oov> 9 9\nunheard 9 9\ngood 1 2\n", vocabulary(true));
    cr_assert_eq(o.status, GRU_OK, "%s", o.err.message);
    check_kept(&o, 1);
    check_row(&o, 2, 1, 2);
    check_kept(&o, 3);
    cr_assert_not_null(strstr(last_note, ": 1 of 5 words found"), "%s", last_note);
}

Test(pretrained, needs_a_vocabulary_and_the_same_width) {
    outcome o = load("good 1 2\n", NULL);
    cr_assert_eq(o.status, GRU_ERR_USAGE);
    cr_assert_not_null(strstr(o.err.message, "--attach vocab.tsv"), "%s", o.err.message);
    o = load("1 3\ngood 1 2 3\n", vocabulary(false));
    cr_assert_eq(o.status, GRU_ERR_DATA);
    cr_assert_not_null(strstr(o.err.message, "vectors of 3 numbers, but the embedding's have 2"),
                       "%s", o.err.message);
}
