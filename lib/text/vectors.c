/* Files of word vectors: text lines and binary records, told apart by their first bytes. */
#include "text/vectors.h"

#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    PEEK_BYTES = 65536,
    WORD_MAX = 1000,            /* bytes of a word in a binary file */
    LINE_MAX_WORD = PEEK_BYTES, /* bytes of a line, besides its numbers */
    LINE_MAX_NUMBER = 64        /* bytes that a number may take */
};

struct gru_vectors {
    gru_input *in;
    const char *name;
    size_t width;
    bool announced, binary; /* with a first line "COUNT WIDTH" */
    unsigned long long count, done, line, at;
    gru_str text; /* the line, or the binary word */
    size_t numbers_at;
    unsigned char *raw; /* a binary vector's bytes */
};

static bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static void take(gru_vectors *v, size_t count) {
    gru_input_consume(v->in, count);
    v->at += count;
}

/* ---- what kind of file ---- */

/* Text that is no more than a count and a width. */
static bool is_header(const char *line, size_t len, long long *count, long long *width) {
    size_t first = 0, second;
    while (first < len && !blank(line[first]))
        first++;
    second = first;
    while (second < len && blank(line[second]))
        second++;
    return first > 0 && second < len && gru_number_parse_int(line, first, count) &&
           gru_number_parse_int(line + second, len - second, width) && *count >= 0 && *width > 0;
}

/* After the first word a text has a line of readable characters; floats are hardly ever such. */
static bool looks_binary(const unsigned char *bytes, size_t count, size_t width) {
    const unsigned char *space = memchr(bytes, ' ', count);
    size_t from = space ? (size_t)(space - bytes) : 0, readable = 0;
    for (size_t i = from; i < count && readable < 4 * width; i++, readable++) {
        if (bytes[i] == '\n' && readable >= 2 * width)
            break;
        if (bytes[i] >= 0x7f || (bytes[i] < ' ' && !strchr("\t\r\n", bytes[i])) || !bytes[i])
            return true;
    }
    return false;
}

static gru_status check_beginning(const gru_vectors *v, const unsigned char *bytes, size_t count,
                                  size_t line, gru_error *err) {
    if (count == 0)
        return gru_error_set(err, GRU_ERR_DATA, "%s: is empty", v->name);
    if (count >= 4 && memcmp(bytes, "\xba\x16\x4f\x2f", 4) == 0)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: a binary model of fastText; its vectors are in the .vec file",
                             v->name);
    for (size_t i = 0; i < line; i++)
        if (bytes[i] < ' ' && !blank((char)bytes[i]))
            return gru_error_set(err, GRU_ERR_DATA,
                                 "%s: not a file of vectors as word2vec, GloVe and fastText "
                                 "write them",
                                 v->name);
    return GRU_OK;
}

static gru_status read_beginning(gru_vectors *v, gru_error *err) {
    const unsigned char *bytes;
    size_t count, line;
    long long rows, width;
    if (gru_input_peek(v->in, PEEK_BYTES, &bytes, &count, err))
        return err->code;
    if (count >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        take(v, 3);
        bytes += 3;
        count -= 3;
    }
    const unsigned char *end = count ? memchr(bytes, '\n', count) : NULL;
    line = end ? (size_t)(end - bytes) : count;
    if (check_beginning(v, bytes, count, line, err))
        return err->code;
    while (line > 0 && blank((char)bytes[line - 1]))
        line--;
    if (!is_header((const char *)bytes, line, &rows, &width))
        return GRU_OK;
    if ((unsigned long long)width != v->width)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: vectors of %lld numbers, but the embedding's have %zu", v->name,
                             width, v->width);
    v->announced = true;
    v->count = (unsigned long long)rows;
    line = end ? (size_t)(end - bytes) + 1 : count;
    v->binary = looks_binary(bytes + line, count - line, v->width);
    v->line = 1;
    take(v, line);
    return GRU_OK;
}

gru_status gru_vectors_open(gru_vectors **out, gru_input *in, size_t width, gru_error *err) {
    gru_vectors *v;
    *out = NULL;
    if (gru_mem_new(&v, 1, sizeof *v, err))
        return err->code;
    v->in = in;
    v->name = gru_input_name(in);
    v->width = width;
    if (read_beginning(v, err) || (v->binary && gru_mem_new(&v->raw, width, 4, err))) {
        gru_vectors_close(v);
        return err->code;
    }
    *out = v;
    return GRU_OK;
}

void gru_vectors_close(gru_vectors *v) {
    if (!v)
        return;
    gru_str_free(&v->text);
    free(v->raw);
    free(v);
}

/* ---- text ---- */

/* Collects the next line without its end; *any false when the input has ended. */
static gru_status next_line(gru_vectors *v, bool *any, gru_error *err) {
    const unsigned char *bytes, *end = NULL;
    size_t count, limit = LINE_MAX_WORD + v->width * LINE_MAX_NUMBER;
    *any = false;
    gru_str_clear(&v->text);
    v->line++;
    while (!end) {
        if (gru_input_peek(v->in, 1, &bytes, &count, err))
            return err->code;
        if (count == 0)
            break;
        *any = true;
        end = memchr(bytes, '\n', count);
        size_t part = end ? (size_t)(end - bytes) : count;
        if (v->text.len + part > limit)
            return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: a line of more than %zu bytes",
                                 v->name, v->line, limit);
        gru_str_add_bytes(&v->text, bytes, part);
        take(v, part + (end ? 1 : 0));
    }
    while (v->text.len > 0 && blank(v->text.data[v->text.len - 1]))
        v->text.len--;
    return gru_str_check(&v->text, err);
}

/* The field that ends before *end, after whose start *end is put. */
static const char *field_before(const char *line, size_t *end, size_t *len) {
    size_t last = *end, first;
    while (last > 0 && blank(line[last - 1]))
        last--;
    first = last;
    while (first > 0 && !blank(line[first - 1]))
        first--;
    *end = first;
    *len = last - first;
    return line + first;
}

static bool numeric(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if ((text[i] < '0' || text[i] > '9') && (!text[i] || !strchr("+-.eE", text[i])))
            return false;
    return len > 0;
}

static gru_status wrong_width(const gru_vectors *v, size_t numbers, gru_error *err) {
    return gru_error_set(err, GRU_ERR_DATA,
                         "%s:%llu: a vector of %zu numbers, but the embedding's "
                         "have %zu",
                         v->name, v->line, numbers, v->width);
}

/* A word may hold blanks (as some of GloVe's do), but not when numbers are all that follows. */
static gru_status check_word(const gru_vectors *v, size_t len, gru_error *err) {
    size_t extra = 0, end = len, size;
    for (;;) {
        const char *field = field_before(v->text.data, &end, &size);
        double value;
        if (end == 0)
            return extra ? wrong_width(v, v->width + extra, err) : GRU_OK;
        if (!gru_number_parse(field, size, &value))
            return GRU_OK;
        extra++;
    }
}

/* Finds where the last `width` fields begin; what precedes them is the word. */
static gru_status split_line(gru_vectors *v, size_t *word, gru_error *err) {
    const char *line = v->text.data;
    size_t end = v->text.len, len, numbers = 0;
    while (numbers < v->width) {
        const char *field = field_before(line, &end, &len);
        if (end == 0) /* the word itself, or nothing */
            return wrong_width(v, numbers, err);
        if (!numeric(field, len))
            return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: '%.*s' is not a number", v->name,
                                 v->line, len < 60 ? (int)len : 60, field);
        numbers++;
    }
    v->numbers_at = end;
    while (end > 0 && blank(line[end - 1]))
        end--;
    *word = end;
    return check_word(v, end, err);
}

static gru_status next_text(gru_vectors *v, bool *any, size_t *word, gru_error *err) {
    do {
        if (next_line(v, any, err))
            return err->code;
    } while (*any && v->text.len == 0);
    if (!*any)
        return GRU_OK;
    if (v->announced && v->done == v->count)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s:%llu: more than the %llu vectors that line 1 announces", v->name,
                             v->line, v->count);
    return split_line(v, word, err);
}

static gru_status parse_numbers(const gru_vectors *v, float *out, gru_error *err) {
    const char *line = v->text.data;
    size_t at = v->numbers_at;
    for (size_t i = 0; i < v->width; i++) {
        size_t from = at;
        double value;
        while (at < v->text.len && !blank(line[at]))
            at++;
        bool good = gru_number_parse(line + from, at - from, &value);
        out[i] = good ? (float)value : 0;
        if (!good || !isfinite(out[i]))
            return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: '%.*s' is not a number", v->name,
                                 v->line, (int)(at - from), line + from);
        while (at < v->text.len && blank(line[at]))
            at++;
    }
    return GRU_OK;
}

/* ---- binary ---- */

static float float_at(const unsigned char *p) {
    uint32_t bits =
        (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static gru_status read_floats(gru_vectors *v, gru_error *err) {
    if (gru_input_read_all(v->in, v->raw, v->width * 4, err))
        return err->code;
    for (size_t i = 0; i < v->width; i++)
        if (!isfinite(float_at(v->raw + 4 * i)))
            return gru_error_set(err, GRU_ERR_DATA,
                                 "%s: byte %llu: number %zu of vector %llu is not finite", v->name,
                                 v->at + 4 * i, i + 1, v->done + 1);
    v->at += v->width * 4;
    return GRU_OK;
}

static gru_status next_binary(gru_vectors *v, bool *any, size_t *word, gru_error *err) {
    const unsigned char *bytes, *space = NULL;
    size_t count;
    if (gru_input_peek(v->in, WORD_MAX + 2, &bytes, &count, err))
        return err->code;
    if (count > 0 && bytes[0] == '\n') { /* the original tool ends each vector so */
        take(v, 1);
        bytes++;
        count--;
    }
    *any = count > 0;
    if (count == 0)
        return GRU_OK;
    if (v->done == v->count)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: byte %llu: more than the %llu vectors that line 1 announces",
                             v->name, v->at, v->count);
    space = memchr(bytes, ' ', count < WORD_MAX + 1 ? count : WORD_MAX + 1);
    if (!space)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: byte %llu: no word of at most %d bytes where vector %llu of %llu "
                             "should begin",
                             v->name, v->at, WORD_MAX, v->done + 1, v->count);
    *word = (size_t)(space - bytes);
    gru_str_clear(&v->text);
    gru_str_add_bytes(&v->text, bytes, *word);
    take(v, *word + 1);
    return gru_str_check(&v->text, err) ? err->code : read_floats(v, err);
}

/* ---- either ---- */

gru_status gru_vectors_next(gru_vectors *v, const char **word, size_t *len, gru_error *err) {
    bool any = false;
    *word = NULL;
    *len = 0;
    if (v->binary ? next_binary(v, &any, len, err) : next_text(v, &any, len, err))
        return err->code;
    if (!any && v->announced && v->done < v->count)
        return gru_error_set(err, GRU_ERR_DATA, "%s: ends after %llu of %llu vectors", v->name,
                             v->done, v->count);
    if (any) {
        v->done++;
        *word = gru_str_text(&v->text);
    }
    return GRU_OK;
}

gru_status gru_vectors_numbers(const gru_vectors *v, float *out, gru_error *err) {
    if (!v->binary)
        return parse_numbers(v, out, err);
    for (size_t i = 0; i < v->width; i++)
        out[i] = float_at(v->raw + 4 * i);
    return GRU_OK;
}
