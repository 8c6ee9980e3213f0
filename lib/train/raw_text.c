/* From raw text to predictions. */
#include "train/raw.h"

#include "base/log.h"
#include "base/str.h"
#include "text/source.h"
#include "text/vocab.h"
#include "train/answer.h"

#include <ctype.h>
#include <string.h>

enum {
    FIRST_LINE = 65536,
    NAME_MOST = 32,
    ID_WIDTH = 256,
    SAMPLE_MAX = 1 << 26 /* words of a text */
};

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

/* Whether a line has nothing but words between separators: the names of columns rather than a text.
 */
static bool looks_like_header(const char *text, const char *end) {
    size_t fields = 1, len = 0;
    for (; text < end && *text != '\r'; text++) {
        bool word = isalnum((unsigned char)*text) || *text == '_';
        if (separates(*text) ? len == 0 : !word)
            return false;
        fields += separates(*text);
        len = separates(*text) ? 0 : len + 1;
        if (len > NAME_MOST)
            return false;
    }
    return fields > 1 && len > 0;
}

/* Whether the first line is a header with this column. Any other header is warned of. */
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
    for (const char *at = text; !*header && at < end; at++)
        *header = separates(*at) && field_is(at + 1, end, column);
    if (!*header && looks_like_header(text, end)) {
        gru_warn(
            "%s: the first line, '%.*s', looks like the header of a table and is answered as a "
            "text; --text COL names a table's column of texts",
            gru_input_name(in), (int)(end - text), text);
    }
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
    size_t texts, unknown; /* unknown: without a word that the vocabulary has */
} reader;

static gru_status open_vocabulary(reader *r, const gru_package *package, gru_error *err) {
    const char *text = gru_bundle_get(package->bundle, gru_role_key(GRU_ROLE_VOCAB));
    if (!text) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "--raw: no vocab.tsv is attached to the model, so texts cannot become "
                             "tokens; train with --attach vocab.tsv");
    }
    if (gru_vocab_parse(&r->vocab, text, strlen(text), "the model's vocab.tsv", err) ||
        gru_vocab_segmenter(r->vocab, &r->segmenter, err))
        return err->code;
    if (gru_vocab_max_len(r->vocab) > SAMPLE_MAX) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "the model's vocab.tsv has texts of %zu words, "
                             "which is too long",
                             gru_vocab_max_len(r->vocab));
    }
    return GRU_OK;
}

static gru_status open_source(reader *r, const gru_package *package, gru_input *in,
                              const gru_raw_text *how, gru_error *err) {
    gru_source_options o = {.label_optional = true, .lossy = how->lossy};
    const char *column = how->text ? how->text : gru_vocab_text_column(r->vocab);
    const char *name = gru_input_name(in);
    bool table = how->text || (column && is_table_name(name));
    if (!table && has_header(in, column, &table, err))
        return err->code;
    if (table) {
        o.text = column;
        o.label = package->kind != GRU_ANSWER_NUMBERS ? gru_vocab_label_column(r->vocab) : NULL;
        o.id = how->id ? how->id : gru_vocab_id_column(r->vocab);
        o.id_optional = !how->id;
    } else if (how->id) {
        return gru_error_set(err, GRU_ERR_DATA, "%s: lines of text have no column '%s' (--id)",
                             name, how->id);
    }
    return gru_source_open(&r->source, in, &o, err);
}

static gru_status open_reader(reader *r, gru_package *package, gru_input *in,
                              const gru_raw_text *how, const gru_predict_options *options,
                              gru_output *out, gru_error *err) {
    if (open_vocabulary(r, package, err) || open_source(r, package, in, how, err))
        return err->code;
    gru_record_set(&r->spec, GRU_X, 'i', 1, gru_vocab_max_len(r->vocab), 0, 0);
    if (gru_source_has_label(r->source))
        gru_record_set(&r->spec, GRU_Y, 'i', 0, 0, 0, 0);
    if (gru_source_has_id(r->source))
        gru_record_set(&r->spec, GRU_ID, 'S', 0, 0, 0, ID_WIDTH);
    if (gru_record_layout(&r->spec, err))
        return err->code;
    return gru_predictor_new(&r->predictor, package, &r->spec, gru_input_name(in), options, out,
                             err);
}

static gru_status put_id(const reader *r, const gru_source_row *row, unsigned char *record,
                         gru_error *err) {
    if (!r->spec.slot[GRU_ID].type)
        return GRU_OK;
    if (row->id_len > ID_WIDTH) {
        return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: the id '%.80s' has more than %d bytes",
                             gru_source_name(r->source), row->line, row->id, ID_WIDTH);
    }
    memset(record + r->spec.slot[GRU_ID].offset, 0, ID_WIDTH);
    memcpy(record + r->spec.slot[GRU_ID].offset, row->id, row->id_len);
    return GRU_OK;
}

static gru_status encode(reader *r, const gru_source_row *row, unsigned char *record,
                         gru_error *err) {
    int32_t *ids = (int32_t *)(void *)(record + r->spec.slot[GRU_X].offset);
    size_t known;
    if (gru_vocab_encode(r->vocab, r->segmenter, row->text, row->len, ids, &known, err) ||
        put_id(r, row, record, err))
        return err->code;
    r->texts++;
    r->unknown += known == 0 && row->len > 0;
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

gru_status gru_predict_raw_text(gru_package *package, gru_input *in, const gru_raw_text *how,
                                const gru_predict_options *options, gru_output *out,
                                gru_error *err) {
    reader r = {0};
    gru_source_row row;
    bool more = true;
    size_t max;
    gru_status status = open_reader(&r, package, in, how, options, out, err);
    while (status == GRU_OK && more) {
        status = gru_source_next(r.source, &row, &more, err);
        if (status == GRU_OK && more)
            status = encode(&r, &row, gru_predictor_room(r.predictor, &max), err);
        if (status == GRU_OK && more)
            status = gru_predictor_filled(r.predictor, 1, err);
    }
    status = gru_predictor_end(r.predictor, status, err);
    if (status == GRU_OK && r.unknown) {
        gru_warn("%zu of %zu texts have no known word; their answers say nothing about them",
                 r.unknown, r.texts);
    }
    gru_predictor_free(r.predictor);
    gru_source_close(r.source);
    gru_segmenter_free(r.segmenter);
    gru_vocab_free(r.vocab);
    return status;
}
