/* Data for measuring, the same for every program that is measured.
 *
 *     data series ROWS STEPS FEATURES CLASSES FILE    uniform numbers in [0, 1)
 *     data tokens ROWS STEPS VOCAB CLASSES FILE       ids below VOCAB, all alike often
 *     data zipf ROWS STEPS VOCAB CLASSES FILE         ids as in real texts: the n-th word 1/n as
 * often data text ROWS WORDS VOCAB FILE                 a CSV of such texts: columns text,
 * sentiment
 *
 * The first three write NPY (fields x and y): y is a class, or with CLASSES 0 one number. The same
 * arguments give the same file. */
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "io/npy.h"
#include "io/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct source {
    gru_random random;
    uint32_t vocab;
    double *below; /* [vocab]: share of the words before this one; NULL: all alike often */
} source;

static gru_status source_init(source *s, uint32_t vocab, bool zipf, gru_error *err) {
    *s = (source){.vocab = vocab};
    gru_random_init(&s->random, 42, GRU_PURPOSE_TEST, 0);
    if (!zipf)
        return GRU_OK;
    if (gru_mem_new(&s->below, vocab, sizeof *s->below, err))
        return err->code;
    double sum = 0;
    for (uint32_t i = 1; i < vocab; i++) {
        s->below[i] = sum;
        sum += 1.0 / i;
    }
    for (uint32_t i = 1; i < vocab; i++)
        s->below[i] /= sum;
    return GRU_OK;
}

/* An id, 1 … vocab − 1. */
static uint32_t draw(source *s) {
    if (!s->below)
        return 1 + gru_random_below(&s->random, s->vocab - 1);
    double share = gru_random_uniform(&s->random);
    uint32_t low = 1, high = s->vocab;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (s->below[middle] <= share)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void fill_record(source *s, const gru_record_spec *spec, uint32_t classes,
                        unsigned char *record) {
    size_t count = spec->slot[GRU_X].bytes / 4;
    for (size_t i = 0; i < count; i++) {
        float number = (float)gru_random_uniform(&s->random);
        int32_t id = s->vocab ? (int32_t)draw(s) : 0;
        memcpy(record + 4 * i, s->vocab ? (void *)&id : (void *)&number, 4);
    }
    int32_t class = classes ? (int32_t)gru_random_below(&s->random, classes) : 0;
    float number = (float)gru_random_uniform(&s->random);
    memcpy(record + spec->slot[GRU_Y].offset, classes ? (void *)&class : (void *)&number, 4);
}

static gru_status write_samples(source *s, const uint32_t size[4], gru_output *out,
                                gru_error *err) {
    gru_record_spec spec = {0};
    gru_npy_writer *writer;
    unsigned char *record;
    gru_record_set(&spec, GRU_X, s->vocab ? 'i' : 'f', s->vocab ? 1 : 2, size[1], size[2], 0);
    gru_record_set(&spec, GRU_Y, size[3] ? 'i' : 'f', size[3] ? 0 : 1, 1, 0, 0);
    if (gru_record_layout(&spec, err))
        return err->code;
    if (gru_mem_new(&record, 1, spec.bytes, err) ||
        gru_npy_write_open(&writer, out, &spec, size[0], err))
        return err->code;
    gru_status st = GRU_OK;
    for (size_t i = 0; !st && i < size[0]; i++) {
        fill_record(s, &spec, size[3], record);
        st = gru_npy_write(writer, record, 1, err);
    }
    free(record);
    if (st) {
        gru_npy_write_abort(writer);
        return st;
    }
    return gru_npy_write_close(writer, err);
}

/* The n-th word: n in letters, so that frequent words are short. */
static void put_word(gru_str *text, uint32_t n) {
    for (; n; n = (n - 1) / 26)
        gru_str_add_char(text, (char)('a' + (n - 1) % 26));
    gru_str_add_char(text, ' ');
}

static gru_status write_texts(source *s, size_t rows, uint32_t words, gru_output *out,
                              gru_error *err) {
    gru_table_writer to;
    gru_str text = {0};
    gru_table_writer_init(&to, out, true);
    gru_status st = gru_table_put_text(&to, "text", err);
    if (st || (st = gru_table_put_text(&to, "sentiment", err)) ||
        (st = gru_table_end_row(&to, err)))
        return st;
    for (size_t i = 0; !st && i < rows; i++) {
        gru_str_clear(&text);
        for (uint32_t w = 0; w < words; w++)
            put_word(&text, draw(s));
        (void)((st = gru_str_check(&text, err)) ||
               (st = gru_table_put(&to, gru_str_text(&text), text.len, err)) ||
               (st = gru_table_put_int(&to, gru_random_below(&s->random, 2), err)) ||
               (st = gru_table_end_row(&to, err)));
    }
    gru_str_free(&text);
    return st;
}

static gru_status write_prices(source *s, size_t rows, gru_output *out, gru_error *err) {
    char line[128];
    const char *header = "Day,Open,High,Low,Close,Volume\n";
    gru_status st = gru_output_write(out, header, strlen(header), err);
    for (size_t i = 1; !st && i <= rows; i++) {
        double price[4];
        for (int p = 0; p < 4; p++)
            price[p] = 100 + 900 * gru_random_uniform(&s->random);
        int length =
            snprintf(line, sizeof line, "%zu,%.2f,%.2f,%.2f,%.2f,%u\n", i, price[0], price[1],
                     price[2], price[3], 1000000 + gru_random_below(&s->random, 9000000));
        st = gru_output_write(out, line, (size_t)length, err);
    }
    return st;
}

static gru_status make(const char *kind, const uint32_t size[4], const char *path, gru_error *err) {
    gru_output *out;
    source s;
    bool text = strcmp(kind, "text") == 0, prices = strcmp(kind, "prices") == 0;
    bool words = text || strcmp(kind, "zipf") == 0 || strcmp(kind, "tokens") == 0;
    if (source_init(&s, words ? size[2] : 0, words && strcmp(kind, "tokens") != 0, err) ||
        gru_output_open(&out, path, text || prices ? GRU_OUTPUT_TEXT : GRU_OUTPUT_BINARY, err))
        return err->code;
    gru_status st = text     ? write_texts(&s, size[0], size[1], out, err)
                    : prices ? write_prices(&s, size[0], out, err)
                             : write_samples(&s, size, out, err);
    free(s.below);
    if (st == GRU_OK)
        return gru_output_commit(out, err);
    gru_output_discard(out);
    return st;
}

int main(int argc, char **argv) {
    uint32_t size[4] = {0};
    gru_error err = {0};
    if (argc < 4 || argc > 7) {
        fputs("usage: data KIND ROWS STEPS FEATURES|VOCAB CLASSES FILE\n"
              "       data text ROWS WORDS VOCAB FILE\n"
              "       data prices ROWS FILE\n",
              stderr);
        return 2;
    }
    for (int i = 2; i < argc - 1; i++)
        size[i - 2] = (uint32_t)strtoul(argv[i], NULL, 10);
    if (make(argv[1], size, argv[argc - 1], &err)) {
        fprintf(stderr, "data: %s\n", err.message);
        return 1;
    }
    return 0;
}
