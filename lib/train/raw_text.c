/* From raw text to predictions. */
#include "train/raw.h"

#include "base/str.h"
#include "text/source.h"
#include "text/vocab.h"
#include "train/answer.h"

#include <string.h>

enum { FIRST_LINE = 65536, SAMPLE_MAX = 1 << 26 /* words of a text */ };

bool gru_package_reads_text(const gru_package *package) {
    return gru_model_input(package->model)->tokens;
}

static bool separates(char c) {
    return c == ',' || c == ';' || c == '\t';
}

/* true where the field that starts at text is name, bare or in quotes. */
static bool field_is(const char *text, const char *end, const char *name) {
    size_t len = strlen(name);
    bool quoted = text < end && *text == '"';
    text += quoted;
    if ((size_t)(end - text) < len + quoted || memcmp(text, name, len) != 0)
        return false;
    text += len + quoted;
    return text == end || *text == '\r' || separates(*text);
}

/* Whether the first line is a header with the vocabulary's text column. */
static gru_status has_header(gru_input *in, const char *column, bool *header, gru_error *err) {
    const unsigned char *bytes;
    size_t count, want = 256;
    const char *end = NULL, *text = NULL;
    *header = false;
    if (!column)
        return GRU_OK;
    /* a little first: a line of a slow pipe shall not wait for 64 KiB */
    for (; !end && want <= FIRST_LINE; want *= 2) {
        if (gru_input_peek(in, want == 256 ? 1 : want, &bytes, &count, err))
            return err->code;
        text = (const char *)bytes;
        end = memchr(text, '\n', count);
        if (!end && want > 256 && count < want)
            end = text + count;
    }
    if (!end)
        return GRU_OK;
    if (end - text >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    *header = field_is(text, end, column);
    for (; !*header && text < end; text++)
        *header = separates(*text) && field_is(text + 1, end, column);
    return GRU_OK;
}

/* Of a file called a table the missing column is an error; lines of it would be answered with
 * nonsense. */
static bool is_table_name(const char *name) {
    static const char *const ends[] = {".csv", ".tsv", ".csv.gz", ".tsv.gz"};
    bool is = false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        is |= gru_str_ends(name, ends[i]);
    return is;
}

typedef struct reader {
    gru_vocab *vocab;
    gru_segmenter *segmenter;
    gru_source *source;
    gru_predictor *predictor;
    gru_record_spec spec;
} reader;

static gru_status open_reader(reader *r, gru_package *package, gru_input *in, bool lossy,
                              const gru_predict_options *options, gru_output *out, gru_error *err) {
    const char *text = gru_bundle_get(package->bundle, gru_role_key(GRU_ROLE_VOCAB));
    gru_source_options how = {.label_optional = true, .lossy = lossy};
    bool header;
    if (!text) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "--raw: no vocab.tsv is attached to the model, so texts cannot become "
                             "tokens; train with --attach vocab.tsv");
    }
    if (gru_vocab_parse(&r->vocab, text, strlen(text), "the model's vocab.tsv", err) ||
        gru_vocab_segmenter(r->vocab, &r->segmenter, err) ||
        has_header(in, gru_vocab_text_column(r->vocab), &header, err))
        return err->code;
    if (gru_vocab_max_len(r->vocab) > SAMPLE_MAX) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "the model's vocab.tsv has texts of %zu words, "
                             "which is too long",
                             gru_vocab_max_len(r->vocab));
    }
    if (header || (gru_vocab_text_column(r->vocab) && is_table_name(gru_input_name(in)))) {
        how.text = gru_vocab_text_column(r->vocab);
        how.label = package->kind != GRU_ANSWER_NUMBERS ? gru_vocab_label_column(r->vocab) : NULL;
    }
    if (gru_source_open(&r->source, in, &how, err))
        return err->code;
    gru_record_set(&r->spec, GRU_X, 'i', 1, gru_vocab_max_len(r->vocab), 0, 0);
    if (gru_source_has_label(r->source))
        gru_record_set(&r->spec, GRU_Y, 'i', 0, 0, 0, 0);
    if (gru_record_layout(&r->spec, err))
        return err->code;
    return gru_predictor_new(&r->predictor, package, &r->spec, gru_input_name(in), options, out,
                             err);
}

static gru_status encode(reader *r, const gru_source_row *row, unsigned char *record,
                         gru_error *err) {
    int32_t *ids = (int32_t *)(void *)(record + r->spec.slot[GRU_X].offset);
    if (gru_vocab_encode(r->vocab, r->segmenter, row->text, row->len, ids, NULL, err))
        return err->code;
    if (!r->spec.slot[GRU_Y].type)
        return GRU_OK;
    int32_t class =
        row->label_len ? gru_vocab_class(r->vocab, row->label, row->label_len) : GRU_CLASS_UNKNOWN;
    if (row->label_len && class < 0) {
        return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: label '%.80s' is not one of the model's",
                             gru_source_name(r->source), row->line, row->label);
    }
    memcpy(record + r->spec.slot[GRU_Y].offset, &class, sizeof class);
    return GRU_OK;
}

gru_status gru_predict_raw_text(gru_package *package, gru_input *in, bool lossy,
                                const gru_predict_options *options, gru_output *out,
                                gru_error *err) {
    reader r = {0};
    gru_source_row row;
    bool more = true;
    size_t max;
    gru_status status = open_reader(&r, package, in, lossy, options, out, err);
    while (status == GRU_OK && more) {
        status = gru_source_next(r.source, &row, &more, err);
        if (status == GRU_OK && more)
            status = encode(&r, &row, gru_predictor_room(r.predictor, &max), err);
        if (status == GRU_OK && more)
            status = gru_predictor_filled(r.predictor, 1, err);
    }
    status = gru_predictor_end(r.predictor, status, err);
    gru_predictor_free(r.predictor);
    if (r.source)
        gru_source_close(r.source);
    gru_segmenter_free(r.segmenter);
    gru_vocab_free(r.vocab);
    return status;
}
