/* vocab.tsv, written and read: `#key value` lines, then a table of id, word, count and docs. */
#include "text/vocab.h"

#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"
#include "base/version.h"
#include "io/bundle.h"
#include "io/tsv.h"
#include "io/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char header[] = "id\tword\tcount\tdocs";

enum {
    FILE_LIMIT = 1 << 30,
    LINE_BYTES = 8,       /* of the table's shortest line */
    STEPS_LIMIT = 1 << 24 /* no vocabulary may ask for longer rows */
};

/* ---- writing ---- */

static void add_key(gru_str *s, const char *key, const char *value) {
    gru_str_addf(s, "#%s ", key);
    gru_tsv_add(s, value, strlen(value));
    gru_str_add_char(s, '\n');
}

static void add_size(gru_str *s, const char *key, uint64_t value) {
    gru_str_addf(s, "#%s %" PRIu64 "\n", key, value);
}

static void add_options(gru_str *s, const gru_vocab_options *o) {
    add_key(s, "segment", gru_segment_name(o->segment));
    add_key(s, "lower", o->lower ? "yes" : "no");
    add_key(s, "filters", o->filters);
    add_key(s, "oov", o->oov ? "yes" : "no");
    add_size(s, "vocab-size", o->size);
    add_size(s, "min-count", o->min_count);
    add_size(s, "max-len", o->max_len);
    add_key(s, "padding", o->pad_post ? "post" : "pre");
    add_key(s, "truncating", o->cut_post ? "post" : "pre");
    if (o->text_column)
        add_key(s, "text", o->text_column);
    if (o->label_column)
        add_key(s, "label", o->label_column);
    if (o->id_column)
        add_key(s, "id", o->id_column);
    if (o->stem)
        add_key(s, "stem", o->stem);
    for (size_t i = 0; i < o->stop_count; i++)
        add_key(s, "stop", o->stop[i]);
}

gru_status gru_vocab_write(const gru_vocab *v, gru_output *out, gru_error *err) {
    gru_str s = {0};
    size_t count, size = gru_vocab_size(v);
    const char *const *classes = gru_vocab_classes(v, &count);
    add_key(&s, "tool", "gru-tokenize");
    add_key(&s, "version", GRU_VERSION);
    add_options(&s, gru_vocab_get_options(v));
    add_size(&s, "rows", gru_vocab_rows(v));
    add_size(&s, "distinct", gru_vocab_distinct(v));
    for (size_t i = 0; i < count; i++)
        add_key(&s, "class", classes[i]);
    gru_str_addf(&s, "%s\n", header);
    for (int32_t id = gru_vocab_get_options(v)->oov ? 2 : 1; (size_t)id < size; id++) {
        const char *word = gru_vocab_word(v, id);
        gru_str_addf(&s, "%" PRId32 "\t", id);
        gru_tsv_add(&s, word, strlen(word));
        gru_str_addf(&s, "\t%" PRIu64 "\t%" PRIu64 "\n", gru_vocab_count(v, id),
                     gru_vocab_docs(v, id));
    }
    gru_status status = gru_str_check(&s, err);
    if (!status)
        status = gru_output_write(out, gru_str_text(&s), s.len, err);
    gru_str_free(&s);
    return status;
}

/* ---- reading ---- */

typedef struct reader {
    const char *name;
    size_t line, left; /* bytes after the line */
    gru_vocab_options options;
    size_t stop_cap, rows, distinct, min_count;
    gru_vocab *vocab; /* made at the first class or at the header, when all options are known */
    bool in_table;
    gru_str text; /* an unescaped value */
} reader;

static gru_status bad(const reader *r, const char *what, const char *word, gru_error *err) {
    return gru_error_set(err, GRU_ERR_DATA, "%s:%zu: %s: '%.60s'", r->name, r->line, what, word);
}

/* Sets r->text to value[len] without its escapes, which are rare. */
static gru_status unescape(reader *r, const char *value, size_t len, gru_error *err) {
    const char *end = value + len, *escape;
    gru_str_clear(&r->text);
    while ((escape = memchr(value, '\\', (size_t)(end - value)))) {
        char next = escape + 1 < end ? escape[1] : 0;
        char c = (char)(next == 't' ? '\t' : next == 'n' ? '\n' : next == 'r' ? '\r' : next);
        if (!next || (next != '\\' && c == next))
            return gru_error_set(err, GRU_ERR_DATA, "%s:%zu: an unknown escape", r->name, r->line);
        gru_str_add_bytes(&r->text, value, (size_t)(escape - value));
        gru_str_add_char(&r->text, c);
        value = escape + 2;
    }
    gru_str_add_bytes(&r->text, value, (size_t)(end - value));
    return gru_str_check(&r->text, err);
}

static gru_status take_text(const reader *r, char **to, gru_error *err) {
    free(*to);
    *to = gru_str_copy(gru_str_text(&r->text), r->text.len);
    return *to ? GRU_OK : gru_error_memory(err, r->text.len);
}

static gru_status take_size(const reader *r, const char *text, size_t len, uint64_t max,
                            uint64_t *to, gru_error *err) {
    long long value;
    if (!gru_number_parse_int(text, len, &value) || value < 0 || (uint64_t)value > max)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s:%zu: '%.*s' is not a whole number from 0 to %llu", r->name,
                             r->line, len > 40 ? 40 : (int)len, text, (unsigned long long)max);
    *to = (uint64_t)value;
    return GRU_OK;
}

/* One of two words; *to is true for the second. */
static gru_status take_choice(const reader *r, const char *no, const char *yes, bool *to,
                              gru_error *err) {
    const char *word = gru_str_text(&r->text);
    *to = strcmp(word, yes) == 0;
    if (*to || strcmp(word, no) == 0)
        return GRU_OK;
    return gru_error_set(err, GRU_ERR_DATA, "%s:%zu: expected %s or %s, not '%.60s'", r->name,
                         r->line, no, yes, word);
}

static gru_status take_stop(reader *r, gru_error *err) {
    gru_vocab_options *o = &r->options;
    gru_status status =
        gru_mem_grow(&o->stop, &r->stop_cap, o->stop_count + 1, sizeof *o->stop, err);
    if (status)
        return status;
    o->stop[o->stop_count] = NULL;
    return take_text(r, &o->stop[o->stop_count++], err);
}

static gru_status take_lower(reader *r, gru_error *err) {
    bool yes = false;
    gru_status status = take_choice(r, "no", "yes", &yes, err);
    r->options.lower = yes;
    return status;
}

static gru_status take_segment(reader *r, gru_error *err) {
    const char *word = gru_str_text(&r->text);
    if (!gru_segment_find(word, &r->options.segment) || r->options.segment == GRU_SEGMENT_AUTO)
        return bad(r, "not a way to segment", word, err);
    return GRU_OK;
}

static gru_status take_number(reader *r, const char *key, bool *known, gru_error *err) {
    gru_vocab_options *o = &r->options;
    struct {
        const char *key;
        size_t *to;
        uint64_t max;
    } sizes[] = {{"max-len", &o->max_len, STEPS_LIMIT},
                 {"vocab-size", &o->size, INT64_MAX},
                 {"rows", &r->rows, INT64_MAX},
                 {"distinct", &r->distinct, INT64_MAX},
                 {"min-count", &r->min_count, INT64_MAX}};
    *known = false;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (strcmp(key, sizes[i].key) != 0)
            continue;
        uint64_t value = 0;
        *known = true;
        gru_status status =
            take_size(r, gru_str_text(&r->text), r->text.len, sizes[i].max, &value, err);
        *sizes[i].to = (size_t)value;
        return status;
    }
    return GRU_OK;
}

/* One `#key value` line with the value in r->text; unknown keys are left to newer versions. */
static gru_status take_key(reader *r, const char *key, gru_error *err) {
    gru_vocab_options *o = &r->options;
    bool known;
    gru_status status = take_number(r, key, &known, err);
    if (status || known)
        return status;
    if (strcmp(key, "segment") == 0)
        return take_segment(r, err);
    if (strcmp(key, "lower") == 0)
        return take_lower(r, err);
    if (strcmp(key, "oov") == 0)
        return take_choice(r, "no", "yes", &o->oov, err);
    if (strcmp(key, "padding") == 0)
        return take_choice(r, "pre", "post", &o->pad_post, err);
    if (strcmp(key, "truncating") == 0)
        return take_choice(r, "pre", "post", &o->cut_post, err);
    if (strcmp(key, "stop") == 0)
        return take_stop(r, err);
    char **text = strcmp(key, "filters") == 0 ? &o->filters
                  : strcmp(key, "text") == 0  ? &o->text_column
                  : strcmp(key, "label") == 0 ? &o->label_column
                  : strcmp(key, "id") == 0    ? &o->id_column
                  : strcmp(key, "stem") == 0  ? &o->stem
                                              : NULL;
    return text ? take_text(r, text, err) : GRU_OK;
}

static gru_status make_vocab(reader *r, gru_error *err) {
    if (r->vocab)
        return GRU_OK;
    if (r->options.segment == GRU_SEGMENT_AUTO || r->options.max_len == 0)
        return gru_error_set(err, GRU_ERR_DATA, "%s: no '#segment' or no '#max-len' line", r->name);
    r->options.min_count = r->min_count;
    gru_status status = gru_vocab_new(&r->vocab, &r->options, err);
    gru_segmenter *trial = NULL;
    if (!status && gru_vocab_segmenter(r->vocab, &trial, err)) { /* unknown stemmers, bad filters */
        gru_error_at(err, "%s", r->name);
        status = err->code = GRU_ERR_DATA;
    }
    gru_segmenter_free(trial);
    return status;
}

static gru_status read_key(reader *r, const char *line, size_t len, gru_error *err) {
    char key[32];
    const char *blank = memchr(line, ' ', len);
    size_t key_len = blank ? (size_t)(blank - line) - 1 : 0;
    if (key_len == 0 || key_len >= sizeof key)
        return gru_error_set(err, GRU_ERR_DATA, "%s:%zu: not a '#key value' line", r->name,
                             r->line);
    memcpy(key, line + 1, key_len);
    key[key_len] = 0;
    gru_status status = unescape(r, blank + 1, len - key_len - 2, err);
    if (status)
        return status;
    if (r->line == 1 &&
        (strcmp(key, "tool") != 0 || strcmp(gru_str_text(&r->text), "gru-tokenize") != 0))
        return gru_error_set(err, GRU_ERR_DATA, "%s: not a vocabulary made by gru-tokenize",
                             r->name);
    if (strcmp(key, "class") != 0)
        return r->vocab ? bad(r, "a line out of place", key, err) : take_key(r, key, err);
    status = make_vocab(r, err);
    if (!status && gru_vocab_add_class(r->vocab, gru_str_text(&r->text), r->text.len, err))
        status = gru_error_at(err, "%s:%zu", r->name, r->line);
    return status;
}

static gru_status read_word(reader *r, const char *line, size_t line_len, gru_error *err) {
    const char *field[4];
    size_t width[4], n = 0;
    for (const char *p = line, *end = line + line_len; n < 4; n++) {
        const char *tab = memchr(p, '\t', (size_t)(end - p));
        field[n] = p;
        width[n] = (size_t)((tab ? tab : end) - p);
        if (!tab)
            break;
        p = tab + 1;
    }
    if (n != 3)
        return gru_error_set(err, GRU_ERR_DATA, "%s:%zu: expected id, word, count and docs",
                             r->name, r->line);
    uint64_t id, count, docs;
    gru_status status = take_size(r, field[0], width[0], INT32_MAX, &id, err);
    if (!status)
        status = take_size(r, field[2], width[2], INT64_MAX, &count, err);
    if (!status)
        status = take_size(r, field[3], width[3], INT64_MAX, &docs, err);
    const char *word = field[1];
    size_t len = width[1];
    if (!status && memchr(word, '\\', len)) {
        status = unescape(r, word, len, err);
        word = gru_str_text(&r->text);
        len = r->text.len;
    }
    if (status)
        return status;
    if (id != gru_vocab_size(r->vocab))
        return gru_error_set(err, GRU_ERR_DATA, "%s:%zu: expected id %zu, not %" PRIu64, r->name,
                             r->line, gru_vocab_size(r->vocab), id);
    if (gru_vocab_add(r->vocab, word, len, count, docs, err))
        return gru_error_at(err, "%s:%zu", r->name, r->line);
    return GRU_OK;
}

static gru_status read_line(reader *r, const char *line, size_t len, gru_error *err) {
    r->line++;
    if (len && line[len - 1] == '\r')
        len--;
    if (r->in_table)
        return read_word(r, line, len, err);
    if (len && line[0] == '#')
        return read_key(r, line, len, err);
    if (r->line == 1 || len != sizeof header - 1 || memcmp(line, header, len) != 0)
        return gru_error_set(err, GRU_ERR_DATA, "%s:%zu: not a vocabulary made by gru-tokenize",
                             r->name, r->line);
    r->in_table = true;
    size_t words = r->left / LINE_BYTES, size = r->options.size;
    gru_status status = make_vocab(r, err);
    return status ? status : gru_vocab_reserve(r->vocab, size && size < words ? size : words, err);
}

static void free_reader(reader *r) {
    for (size_t i = 0; i < r->options.stop_count; i++)
        free(r->options.stop[i]);
    free(r->options.stop);
    free(r->options.filters);
    free(r->options.text_column);
    free(r->options.label_column);
    free(r->options.id_column);
    free(r->options.stem);
    gru_str_free(&r->text);
    gru_vocab_free(r->vocab);
}

gru_status gru_vocab_parse(gru_vocab **out, const char *bytes, size_t len, const char *name,
                           gru_error *err) {
    reader r = {.name = name, .options = {.lower = -1}};
    gru_status status = GRU_OK;
    *out = NULL;
    if (gru_utf8_valid(bytes, len) != len || memchr(bytes, 0, len))
        status =
            gru_error_set(err, GRU_ERR_DATA, "%s: not a vocabulary: it is not UTF-8 text", name);
    for (size_t from = 0; !status && from < len;) {
        const char *end = memchr(bytes + from, '\n', len - from);
        size_t n = end ? (size_t)(end - bytes) - from : len - from;
        from += n + 1;
        r.left = from < len ? len - from : 0;
        status = read_line(&r, end ? end - n : bytes + len - n, n, err);
    }
    if (!status && !r.in_table)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: no vocabulary in it", name);
    if (!status) {
        gru_vocab_set_origin(r.vocab, r.rows, r.distinct, r.options.max_len);
        *out = r.vocab;
        r.vocab = NULL;
    }
    free_reader(&r);
    return status;
}

gru_status gru_vocab_load(gru_vocab **out, const char *path, gru_error *err) {
    gru_input *in;
    char *text = NULL;
    size_t len = 0;
    *out = NULL;
    gru_status status = gru_input_open(&in, path, err);
    if (status)
        return status;
    status = gru_input_slurp(in, FILE_LIMIT, &text, &len, err);
    if (!status)
        status = gru_vocab_parse(out, text, len, gru_input_name(in), err);
    free(text);
    gru_input_close(in);
    return status;
}

gru_status gru_vocab_load_model(gru_vocab **out, const char *path, gru_error *err) {
    char *text;
    *out = NULL;
    gru_status status = gru_bundle_read_text(path, "vocab.tsv", &text, err);
    if (!status && gru_vocab_parse(out, text, strlen(text), "vocab.tsv", err))
        status = gru_error_at(err, "%s", path);
    free(text);
    return status;
}
