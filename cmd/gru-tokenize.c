/* gru-tokenize: texts to ids. Fits a vocabulary or applies one; see lib/text/. */
#include "tool.h"

#include "base/cpu.h"
#include "base/log.h"
#include "text/read.h"
#include "text/stop.h"
#include "text/vectorise.h"

#include <string.h>

static const char *text, *label, *id, *fit, *vocab_path, *model_path;
static const char *segment = "auto", *padding = "pre", *truncating = "pre", *form_name = "ids";
static const char *filters, *stop_words, *stem;
static long long size = 10000, max_len, min_count = 1;
static bool lines, lower, no_lower, oov, lossy;
static gru_form form; /* form_name's */

static const gru_option options[] = {
    {"Input", 0, GRU_OPTION_HEADING, NULL, NULL, NULL, 0, 0, NULL},
    {"text", 't', GRU_OPTION_TEXT, &text, "COL", "column of the texts", 0, 0, NULL},
    {"label", 'l', GRU_OPTION_TEXT, &label, "COL", "column of the labels, which become classes", 0,
     0, NULL},
    {"id", 0, GRU_OPTION_TEXT, &id, "COL", "column that names the rows; else their number", 0, 0,
     NULL},
    {"lines", 0, GRU_OPTION_FLAG, &lines, NULL, "every line is a text; there is no header", 0, 0,
     NULL},
    {"lossy", 0, GRU_OPTION_FLAG, &lossy, NULL, "replace bytes that are not UTF-8 by U+FFFD", 0, 0,
     NULL},
    {"Vocabulary", 0, GRU_OPTION_HEADING, NULL, NULL, NULL, 0, 0, NULL},
    {"fit", 0, GRU_OPTION_TEXT, &fit, "VOCAB", "make a vocabulary from the input and save it", 0, 0,
     NULL},
    {"vocab", 0, GRU_OPTION_TEXT, &vocab_path, "VOCAB", "use the vocabulary in a file", 0, 0, NULL},
    {"model", 0, GRU_OPTION_TEXT, &model_path, "MODEL", "use the vocabulary in a model", 0, 0,
     NULL},
    {"vocab-size", 0, GRU_OPTION_INT, &size, "N", "keep ids below N; 0: all", 0, 2147483647, NULL},
    {"min-count", 0, GRU_OPTION_INT, &min_count, "N", "leave out words seen fewer than N times", 1,
     1e15, NULL},
    {"oov", 0, GRU_OPTION_FLAG, &oov, NULL, "id 1 for words without an id; else they are left out",
     0, 0, NULL},
    {"Words", 0, GRU_OPTION_HEADING, NULL, NULL, NULL, 0, 0, NULL},
    {"segment", 0, GRU_OPTION_CHOICE, &segment, "HOW", "what a token is: auto, space, char or word",
     0, 0, "auto|space|char|word"},
    {"filters", 0, GRU_OPTION_TEXT, &filters, "CHARS", "characters to treat as spaces", 0, 0, NULL},
    {"lower", 0, GRU_OPTION_FLAG, &lower, NULL, "lower-case (the default but for char)", 0, 0,
     NULL},
    {"no-lower", 0, GRU_OPTION_FLAG, &no_lower, NULL, "do not lower-case", 0, 0, NULL},
    {"stop-words", 0, GRU_OPTION_TEXT, &stop_words, "FILE|LANG", "words to drop, or en or zh", 0, 0,
     NULL},
    {"stem", 0, GRU_OPTION_TEXT, &stem, "LANG", "stem words of a language, as english", 0, 0, NULL},
    {"Output", 0, GRU_OPTION_HEADING, NULL, NULL, NULL, 0, 0, NULL},
    {"max-len", 0, GRU_OPTION_INT, &max_len, "T", "ids a row; 0: as the longest text has", 0,
     16777216, NULL},
    {"padding", 0, GRU_OPTION_CHOICE, &padding, "WHERE",
     "zeros before (pre) or after (post) a short text", 0, 0, "pre|post"},
    {"truncating", 0, GRU_OPTION_CHOICE, &truncating, "WHERE",
     "cut a long text's start (pre) or end (post)", 0, 0, "pre|post"},
    {"as", 0, GRU_OPTION_CHOICE, &form_name, "FORM", "ids, tokens, count, binary, freq or tfidf", 0,
     0, "ids|tokens|count|binary|freq|tfidf"},
    {0}};

static const gru_tool tool = {
    "gru-tokenize",
    "turn texts into ids that a network can read",
    "[OPTION]... [INPUT]",
    "gru-tokenize --fit vocab.tsv --text review --label label reviews.csv >x.npy",
    options,
    0,
    1};

/* The name of an option given that a vocabulary has already; NULL without. */
static const char *fitting_option(void) {
    const struct {
        bool given;
        const char *name;
    } option[] = {{size != 10000, "vocab-size"},
                  {min_count != 1, "min-count"},
                  {oov, "oov"},
                  {strcmp(segment, "auto") != 0, "segment"},
                  {filters, "filters"},
                  {lower || no_lower, no_lower ? "no-lower" : "lower"},
                  {stop_words, "stop-words"},
                  {stem, "stem"},
                  {max_len, "max-len"},
                  {strcmp(padding, "pre") != 0, "padding"},
                  {strcmp(truncating, "pre") != 0, "truncating"}};
    for (size_t i = 0; i < sizeof option / sizeof *option; i++)
        if (option[i].given)
            return option[i].name;
    return NULL;
}

static gru_status check_options(gru_error *err) {
    if ((fit != NULL) + (vocab_path != NULL) + (model_path != NULL) > 1)
        return gru_error_set(err, GRU_ERR_USAGE, "--fit, --vocab and --model exclude each other");
    if (lines && (text || label || id))
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--lines has no columns: --text, --label and --id exclude it");
    if (lower && no_lower)
        return gru_error_set(err, GRU_ERR_USAGE, "--lower and --no-lower exclude each other");
    bool apply = vocab_path || model_path;
    if (!apply && !lines && !text)
        return gru_error_set(err, GRU_ERR_USAGE, "--text COL or --lines is needed");
    if (apply && fitting_option())
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--%s is for fitting; the vocabulary says how to segment and pad",
                             fitting_option());
    return GRU_OK;
}

/* The vocabulary of --vocab or --model; *vocab stays NULL when one is to be fitted. */
static gru_status load_vocab(gru_vocab **vocab, gru_error *err) {
    return vocab_path   ? gru_vocab_load(vocab, vocab_path, err)
           : model_path ? gru_vocab_load_model(vocab, model_path, err)
                        : GRU_OK;
}

static gru_status open_corpus(const gru_vocab *vocab, gru_corpus **corpus, gru_error *err) {
    if (vocab)
        return gru_corpus_new_with(corpus, vocab, err);
    gru_vocab_options o = {.lower = no_lower ? 0
                                    : lower  ? 1
                                             : -1,
                           .filters = (char *)filters,
                           .oov = oov,
                           .stem = (char *)stem,
                           .size = (size_t)size,
                           .min_count = (uint64_t)min_count,
                           .max_len = (size_t)max_len,
                           .pad_post = strcmp(padding, "post") == 0,
                           .cut_post = strcmp(truncating, "post") == 0,
                           .text_column = (char *)text,
                           .label_column = (char *)label,
                           .id_column = (char *)id};
    gru_segment_find(segment, &o.segment);
    gru_status status =
        stop_words ? gru_stop_load(stop_words, &o.stop, &o.stop_count, err) : GRU_OK;
    if (!status)
        status = gru_corpus_new(corpus, &o, err);
    gru_stop_free(o.stop, o.stop_count);
    return status;
}

/* Reads all texts, and fits *vocab where there is none yet. */
static gru_status read_input(const char *path, gru_vocab **fitted, gru_corpus *corpus,
                             size_t threads, gru_error *err) {
    const gru_vocab *vocab = *fitted;
    gru_source_options o = {.text = text, .label = label, .id = id, .lossy = lossy};
    if (vocab && !lines && !text)
        o.text = gru_vocab_text_column(vocab);
    if (vocab && o.text) {
        o.label = label ? label : gru_vocab_label_column(vocab);
        o.id = id ? id : gru_vocab_id_column(vocab);
        o.label_optional = !label;
        o.id_optional = !id;
    }
    gru_input *in;
    gru_source *source = NULL;
    if (gru_input_open(&in, path, err))
        return err->code;
    gru_status status = gru_source_open(&source, in, &o, err);
    if (!status)
        status = gru_corpus_read(corpus, source, threads, err);
    if (!status && gru_corpus_rows(corpus) == 0)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: there is no text", gru_input_name(in));
    else if (!status && !vocab && gru_corpus_fit(corpus, fitted, err))
        status = gru_error_at(err, "%s", gru_input_name(in));
    gru_source_close(source);
    gru_input_close(in);
    return status;
}

/* All rows but the last, then the vocabulary, then the last: whoever has read the whole stream
 * finds the vocabulary on disk. */
static gru_status write_all(gru_vectoriser *writer, size_t rows, const gru_vocab *vocab,
                            gru_output *out, gru_output **fitted, gru_error *err) {
    gru_status status = gru_vectoriser_rows(writer, rows - 1, err);
    if (!status && *fitted)
        status = gru_output_flush(out, err);
    if (!status && *fitted)
        status = gru_vocab_write(vocab, *fitted, err);
    if (!status && *fitted) {
        gru_output *file = *fitted;
        *fitted = NULL;
        status = gru_output_commit(file, err);
    }
    if (!status)
        status = gru_vectoriser_rows(writer, rows, err);
    return status ? status : gru_vectoriser_end(writer, err);
}

static void report(const gru_corpus *corpus, const gru_vocab *vocab) {
    size_t classes;
    gru_vocab_classes(vocab, &classes);
    gru_detail("%zu texts, %zu distinct words, %zu ids, %zu steps, %zu classes, segment %s",
               gru_corpus_rows(corpus), gru_vocab_distinct(vocab), gru_vocab_size(vocab),
               gru_vocab_max_len(vocab), classes,
               gru_segment_name(gru_vocab_get_options(vocab)->segment));
    if (gru_corpus_empty(corpus))
        gru_warn("%zu of %zu texts have no known word; their rows are all padding",
                 gru_corpus_empty(corpus), gru_corpus_rows(corpus));
    if (classes == 1)
        gru_warn("all labels are the same");
}

static gru_status convert(const gru_common *common, const char *path, gru_vocab **vocab,
                          gru_corpus *corpus, gru_output *out, gru_output **fitted,
                          gru_error *err) {
    size_t threads = common->threads ? (size_t)common->threads : gru_cpu_count();
    gru_status status = read_input(path, vocab, corpus, threads, err);
    gru_vectoriser *writer = NULL;
    if (!status)
        status = gru_vectoriser_new(&writer, corpus, *vocab, form, common->csv, out, err);
    if (!status)
        status = write_all(writer, gru_corpus_rows(corpus), *vocab, out, fitted, err);
    if (!status)
        report(corpus, *vocab);
    gru_vectoriser_free(writer);
    return status;
}

static gru_status run(const gru_common *common, const char *const *operands, size_t count,
                      gru_error *err) {
    gru_vocab *vocab = NULL;
    gru_corpus *corpus = NULL;
    gru_output *out = NULL, *fitted = NULL;
    gru_form_find(form_name, &form);
    gru_status status = check_options(err);
    if (!status)
        status = gru_tool_check_fit(fit, count ? operands[0] : NULL, common->output, err);
    if (!status)
        status = load_vocab(&vocab, err);
    if (!status)
        status = open_corpus(vocab, &corpus, err);
    if (!status)
        status = gru_output_open(&out, common->output, gru_form_kind(form), err);
    if (!status && fit)
        status = gru_output_open(&fitted, fit, GRU_OUTPUT_TEXT, err);
    if (!status)
        status = convert(common, count ? operands[0] : NULL, &vocab, corpus, out, &fitted, err);
    gru_output_discard(fitted);
    status = gru_output_end(out, status, err);
    gru_corpus_free(corpus);
    gru_vocab_free(vocab);
    return status;
}

int main(int argc, char **argv) {
    return gru_tool_main(&tool, GRU_COMMON_OUTPUT | GRU_COMMON_CSV, run, argc, argv);
}
