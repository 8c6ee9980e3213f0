/* Rows of a corpus to NPY records or to lines of a table. */
#include "text/vectorise.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/npy.h"
#include "io/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MANY_IDS = 1 << 24 }; /* 64 MiB */

struct gru_vectoriser {
    const gru_corpus *corpus;
    const gru_vocab *vocab;
    gru_form form;
    size_t row;
    gru_record_spec spec;
    gru_npy_writer *npy; /* form IDS, else */
    gru_table_writer table;
    int32_t *record;
    double *weights;
    gru_str tokens;
};

static const char *const names[GRU_FORM_TOTAL] = {"ids",    "tokens", "count",
                                                  "binary", "freq",   "tfidf"};

bool gru_form_find(const char *name, gru_form *out) {
    for (int i = 0; i < GRU_FORM_TOTAL; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (gru_form)i;
            return true;
        }
    return false;
}

gru_output_kind gru_form_kind(gru_form form) {
    return form == GRU_FORM_IDS ? GRU_OUTPUT_BINARY : GRU_OUTPUT_TEXT;
}

void gru_vectorise(const gru_vocab *v, gru_form form, const int32_t *seq, size_t count,
                   double *weights) {
    size_t size = gru_vocab_size(v);
    memset(weights, 0, size * sizeof *weights);
    for (size_t i = 0; i < count; i++)
        weights[seq[i]] += 1;
    double texts = (double)gru_vocab_rows(v);
    for (size_t i = 0; i < size; i++) {
        double c = weights[i];
        if (!(c > 0))
            continue;
        if (form == GRU_FORM_BINARY)
            weights[i] = 1;
        else if (form == GRU_FORM_FREQ)
            weights[i] = c / (double)count;
        else if (form == GRU_FORM_TFIDF)
            weights[i] =
                (1 + log(c)) * log(1 + texts / (1 + (double)gru_vocab_docs(v, (int32_t)i)));
    }
}

/* ---- tensor stream ---- */

/* One text of 100 KB makes every row as long where nothing cuts it, which fills disks. */
static void warn_of_padding(const gru_vectoriser *e) {
    size_t rows = gru_corpus_rows(e->corpus), width = gru_vocab_max_len(e->vocab), count;
    double used = 0, ids = (double)rows * (double)width;
    for (size_t row = 0; ids >= MANY_IDS && row < rows; row++) {
        gru_corpus_row(e->corpus, row, &count);
        used += (double)(count < width ? count : width);
    }
    if (ids >= MANY_IDS && used < 0.1 * ids)
        gru_warn("rows of %zu ids are padding to %.1f %% and take %.0f MiB; a smaller --max-len "
                 "cuts the longest texts",
                 width, 100 - 100 * used / ids, ids * sizeof(int32_t) / 1048576);
}

static gru_status open_npy(gru_vectoriser *e, gru_output *out, gru_error *err) {
    size_t name = gru_corpus_longest_name(e->corpus);
    gru_record_set(&e->spec, GRU_X, 'i', 1, gru_vocab_max_len(e->vocab), 0, 0);
    if (gru_corpus_class(e->corpus, 0) >= 0)
        gru_record_set(&e->spec, GRU_Y, 'i', 0, 0, 0, 0);
    if (name)
        gru_record_set(&e->spec, GRU_ID, 'S', 0, 0, 0, name);
    gru_status status = gru_record_layout(&e->spec, err);
    warn_of_padding(e);
    if (!status)
        status = gru_mem_new(&e->record, e->spec.bytes, 1, err);
    if (!status)
        status = gru_npy_write_open(&e->npy, out, &e->spec, gru_corpus_rows(e->corpus), err);
    return status;
}

static gru_status write_ids(gru_vectoriser *e, gru_error *err) {
    const gru_slot_spec *slot = e->spec.slot;
    char *record = (char *)e->record;
    size_t count;
    const int32_t *seq = gru_corpus_row(e->corpus, e->row, &count);
    gru_vocab_pad(e->vocab, seq, count, e->record + slot[GRU_X].offset / sizeof *e->record);
    int32_t class = gru_corpus_class(e->corpus, e->row);
    if (slot[GRU_Y].type)
        memcpy(record + slot[GRU_Y].offset, &class, sizeof class);
    if (slot[GRU_ID].type) {
        const char *name = gru_corpus_name(e->corpus, e->row, &count);
        memset(record + slot[GRU_ID].offset, 0, slot[GRU_ID].bytes);
        memcpy(record + slot[GRU_ID].offset, name, count);
    }
    return gru_npy_write(e->npy, record, 1, err);
}

/* ---- tables ---- */

static bool has_label(const gru_vectoriser *e) {
    return gru_corpus_class(e->corpus, 0) >= 0;
}

static gru_status put_label(gru_vectoriser *e, gru_error *err) {
    size_t count;
    const char *const *classes = gru_vocab_classes(e->vocab, &count);
    return gru_table_put_text(&e->table, classes[gru_corpus_class(e->corpus, e->row)], err);
}

static gru_status put_name(gru_vectoriser *e, gru_error *err) {
    size_t len;
    const char *name = gru_corpus_name(e->corpus, e->row, &len);
    return gru_table_put(&e->table, name, len, err);
}

static gru_status write_header(gru_vectoriser *e, gru_error *err) {
    const char *label = gru_vocab_label_column(e->vocab);
    bool tokens = e->form == GRU_FORM_TOKENS;
    gru_status status = gru_table_put_text(&e->table, "id", err);
    if (!status && tokens)
        status = gru_table_put_text(&e->table, "tokens", err);
    if (!status && has_label(e))
        status = gru_table_put_text(&e->table, label ? label : "label", err);
    size_t size = tokens ? 0 : gru_vocab_size(e->vocab);
    for (int32_t id = 1; !status && (size_t)id < size; id++)
        status = gru_table_put_text(&e->table, gru_vocab_word(e->vocab, id), err);
    return status ? status : gru_table_end_row(&e->table, err);
}

static gru_status write_tokens(gru_vectoriser *e, gru_error *err) {
    size_t count;
    const int32_t *seq = gru_corpus_row(e->corpus, e->row, &count);
    gru_str_clear(&e->tokens);
    for (size_t i = 0; i < count; i++) {
        if (i)
            gru_str_add_char(&e->tokens, ' ');
        gru_str_add(&e->tokens, gru_vocab_word(e->vocab, seq[i]));
    }
    gru_status status = gru_str_check(&e->tokens, err);
    if (!status)
        status = put_name(e, err);
    if (!status)
        status = gru_table_put(&e->table, gru_str_text(&e->tokens), e->tokens.len, err);
    if (!status && has_label(e))
        status = put_label(e, err);
    return status ? status : gru_table_end_row(&e->table, err);
}

static gru_status write_weights(gru_vectoriser *e, gru_error *err) {
    size_t count, size = gru_vocab_size(e->vocab);
    const int32_t *seq = gru_corpus_row(e->corpus, e->row, &count);
    gru_vectorise(e->vocab, e->form, seq, count, e->weights);
    gru_status status = put_name(e, err);
    if (!status && has_label(e))
        status = put_label(e, err);
    for (size_t i = 1; !status && i < size; i++)
        status = e->weights[i] > 0 ? gru_table_put_double(&e->table, e->weights[i], err)
                                   : gru_table_put(&e->table, "0", 1, err);
    return status ? status : gru_table_end_row(&e->table, err);
}

/* ---- both ---- */

gru_status gru_vectoriser_new(gru_vectoriser **out, const gru_corpus *corpus,
                              const gru_vocab *vocab, gru_form form, bool csv, gru_output *output,
                              gru_error *err) {
    gru_vectoriser *e;
    *out = NULL;
    gru_status status = gru_mem_new(&e, 1, sizeof *e, err);
    if (status)
        return status;
    e->corpus = corpus;
    e->vocab = vocab;
    e->form = form;
    if (form == GRU_FORM_IDS) {
        status = open_npy(e, output, err);
    } else {
        gru_table_writer_init(&e->table, output, csv);
        status = gru_mem_new(&e->weights, gru_vocab_size(vocab), sizeof *e->weights, err);
        if (!status)
            status = write_header(e, err);
    }
    if (status)
        gru_vectoriser_free(e);
    else
        *out = e;
    return status;
}

gru_status gru_vectoriser_rows(gru_vectoriser *e, size_t to, gru_error *err) {
    gru_status status = GRU_OK;
    for (; !status && e->row < to; e->row++)
        status = e->form == GRU_FORM_IDS      ? write_ids(e, err)
                 : e->form == GRU_FORM_TOKENS ? write_tokens(e, err)
                                              : write_weights(e, err);
    return status;
}

gru_status gru_vectoriser_end(gru_vectoriser *e, gru_error *err) {
    if (!e->npy)
        return GRU_OK;
    gru_npy_writer *npy = e->npy;
    e->npy = NULL;
    return gru_npy_write_close(npy, err);
}

void gru_vectoriser_free(gru_vectoriser *e) {
    if (!e)
        return;
    if (e->npy)
        gru_npy_write_abort(e->npy);
    free(e->record);
    free(e->weights);
    gru_str_free(&e->tokens);
    free(e);
}
