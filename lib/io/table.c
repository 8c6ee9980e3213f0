/* Reading tables: what kind they are, their rows and columns. Formats are read a block of rows at a
 * time (table_private.h). */
#include "io/table_private.h"

#include "base/mem.h"
#include "base/number.h"
#include "io/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_SHOWN = 60 };

/* ---- opening ---- */

static int never_space(unsigned char c) {
    (void)c;
    return 0;
}

/* What a header's line holds outside quotes. */
typedef struct header_marks {
    bool tab, comma, semicolon;
} header_marks;

/* true when the line is complete in the block, or the block can't grow, or nothing more matters. */
static bool scan_header(const unsigned char *block, size_t count, header_marks *has) {
    bool quoted = false, started = false, field_start = true;
    *has = (header_marks){0};
    for (size_t i = 0; i < count; i++) {
        bool line_end = block[i] == '\n' || block[i] == '\r';
        if (block[i] == '"' && (quoted || field_start))
            quoted = !quoted;
        else if (line_end && !quoted && started)
            return true;
        has->tab = has->tab || (block[i] == '\t' && !quoted);
        has->comma = has->comma || (block[i] == ',' && !quoted);
        has->semicolon = has->semicolon || (block[i] == ';' && !quoted);
        if (has->tab)
            return true;
        started = started || !line_end;
        field_start = line_end || block[i] == ',' || block[i] == ';';
    }
    return count >= GRU_TABLE_BLOCK;
}

static gru_status detect(gru_table *t, gru_error *err) {
    const unsigned char *block;
    size_t count = 0, before;
    header_marks has;
    gru_status status = gru_input_peek(t->in, 4, &block, &count, err);
    if (status)
        return status;
    if (gru_input_is_zip(block, count))
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: is a ZIP archive (.npz, .xlsx, .zip), not a table; unpack it, or "
                             "save a spreadsheet as CSV",
                             gru_input_name(t->in));
    if (count >= 3 && memcmp(block, "\xEF\xBB\xBF", 3) == 0)
        gru_input_consume(t->in, 3);
    do {
        before = count;
        status = gru_input_peek(t->in, before + 1, &block, &count, err);
        if (status)
            return status;
    } while (!scan_header(block, count, &has) && count > before);
    t->csv = !has.tab;
    t->separator = has.semicolon && !has.comma ? ';' : ',';
    return GRU_OK;
}

static gru_status keep_header(gru_table *t, const gru_field *row, size_t count, gru_error *err) {
    t->names = calloc(count, sizeof *t->names);
    if (!t->names)
        return gru_error_memory(err, count * sizeof *t->names);
    for (size_t i = 0; i < count; i++)
        gru_str_add_bytes(&t->header_bytes, row[i].text, row[i].len + 1);
    if (t->header_bytes.failed)
        return gru_error_memory(err, t->header_bytes.len);
    char *at = t->header_bytes.data;
    for (size_t i = 0; i < count; i++) {
        t->names[i] = at;
        at += row[i].len + 1;
    }
    t->columns = count;
    return GRU_OK;
}

static gru_status next_span(gru_table *t, const gru_table_span **span, gru_error *err);
static gru_status check_text(gru_table *t, const gru_table_span *span, gru_error *err);

gru_status gru_table_open(gru_table **out, gru_input *in, bool lossy, gru_error *err) {
    *out = NULL;
    gru_table *t = calloc(1, sizeof *t);
    if (!t)
        return gru_error_memory(err, sizeof *t);
    t->in = in;
    t->lossy = lossy;
    t->line = t->open_line = 1;
    const gru_table_span *span = NULL;
    gru_status status = detect(t, err);
    if (status == GRU_OK && csv_init(&t->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL))
        status = gru_error_memory(err, sizeof t->parser);
    else if (status == GRU_OK)
        t->parser_ready = true;
    if (status == GRU_OK) {
        csv_set_space_func(&t->parser, never_space); /* RFC 4180: blanks belong to the field */
        csv_set_delim(&t->parser, (unsigned char)t->separator);
        status = next_span(t, &span, err);
    }
    if (status == GRU_OK && !span)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: is empty, a header line was expected",
                               gru_input_name(in));
    if (status == GRU_OK)
        status = check_text(t, span, err);
    if (status == GRU_OK)
        status = keep_header(t, &t->fields[span->first], span->count, err);
    if (status) {
        gru_table_close(t);
        return status;
    }
    *out = t;
    return GRU_OK;
}

void gru_table_close(gru_table *t) {
    if (!t)
        return;
    if (t->parser_ready)
        csv_free(&t->parser);
    gru_str_free(&t->header_bytes);
    gru_str_free(&t->repaired);
    free(t->names);
    free(t->bytes);
    free(t->fields);
    free(t->rows);
    free(t);
}

/* ---- rows ---- */

static gru_status next_span(gru_table *t, const gru_table_span **span, gru_error *err) {
    *span = NULL;
    while (t->next_row == t->row_count) {
        if (t->failed) {
            *err = t->failure;
            return t->failed;
        }
        if (t->ended)
            return GRU_OK;
        gru_status status = t->csv ? gru_table_fill_csv(t, err) : gru_table_fill_tsv(t, err);
        if (status) {
            t->row_count = t->next_row = 0;
            t->failed = status;
            if (err)
                t->failure = *err;
            return status;
        }
    }
    *span = &t->rows[t->next_row++];
    t->current_line = (*span)->line;
    return GRU_OK;
}

/* Copies a row with each bad byte replaced. */
static gru_status repair_row(gru_table *t, const gru_table_span *span, gru_error *err) {
    gru_field *row = &t->fields[span->first];
    gru_str_clear(&t->repaired);
    for (size_t i = 0; i < span->count; i++) {
        size_t start = t->repaired.len;
        gru_utf8_add_repaired(&t->repaired, row[i].text, row[i].len);
        row[i].len = t->repaired.len - start;
        gru_str_add_bytes(&t->repaired, "", 1);
    }
    const char *at = gru_str_text(&t->repaired);
    for (size_t i = 0; i < span->count; i++) {
        row[i].text = at;
        at += row[i].len + 1;
    }
    return gru_str_check(&t->repaired, err);
}

static gru_status check_text(gru_table *t, const gru_table_span *span, gru_error *err) {
    if (t->ascii)
        return GRU_OK;
    const gru_field *row = &t->fields[span->first];
    unsigned long long line = span->line;
    bool bad = false;
    for (size_t i = 0; i < span->count && !bad; i++) {
        const char *nul = memchr(row[i].text, '\0', row[i].len);
        if (nul)
            return gru_table_bad_line(
                t, line + gru_table_newlines(row[i].text, (size_t)(nul - row[i].text)),
                "a NUL byte in the text", err);
        size_t good = gru_utf8_valid(row[i].text, row[i].len);
        bad = good < row[i].len;
        line += t->csv ? gru_table_newlines(row[i].text, bad ? good : row[i].len) : 0;
    }
    if (!bad)
        return GRU_OK;
    if (!t->lossy)
        return gru_table_bad_line(
            t, line, "the text is not valid UTF-8; iconv -f ENCODING -t UTF-8 converts it", err);
    return repair_row(t, span, err);
}

gru_status gru_table_next(gru_table *t, const gru_field **row, gru_error *err) {
    const gru_table_span *span;
    *row = NULL;
    gru_status status = next_span(t, &span, err);
    if (status || !span)
        return status;
    if (span->count != t->columns)
        return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: %zu field%s where the header has %zu",
                             gru_input_name(t->in), span->line, span->count,
                             span->count == 1 ? "" : "s", t->columns);
    status = check_text(t, span, err);
    if (status == GRU_OK)
        *row = &t->fields[span->first];
    return status;
}

unsigned long long gru_table_line(const gru_table *t) {
    return t->current_line;
}

/* ---- columns ---- */

size_t gru_table_columns(const gru_table *t) {
    return t->columns;
}

const char *gru_table_name(const gru_table *t, size_t column) {
    return t->names[column];
}

bool gru_table_is_csv(const gru_table *t) {
    return t->csv;
}

/* The first column called name from `from` on; the number of columns where there is none. */
static size_t find_from(const gru_table *t, const char *name, size_t from) {
    while (from < t->columns && strcmp(t->names[from], name) != 0)
        from++;
    return from;
}

size_t gru_table_column(const gru_table *t, const char *name) {
    size_t column = find_from(t, name, 0);
    return column < t->columns ? column : SIZE_MAX;
}

gru_status gru_table_find(const gru_table *t, const char *name, size_t *column, gru_error *err) {
    *column = find_from(t, name, 0);
    if (*column < t->columns && find_from(t, name, *column + 1) == t->columns)
        return GRU_OK;
    if (*column < t->columns)
        return gru_error_set(err, GRU_ERR_DATA, "%.200s: more than one column is called '%.100s'",
                             gru_input_name(t->in), name);
    gru_str list = {0};
    for (size_t i = 0; i < t->columns && list.len < 400; i++)
        gru_str_addf(&list, "%s%.60s", i ? ", " : "", t->names[i]);
    if (list.len >= 400)
        gru_str_add(&list, ", …");
    gru_error_set(err, GRU_ERR_DATA, "%.200s: no column '%.100s'; there %s %s",
                  gru_input_name(t->in), name, t->columns == 1 ? "is" : "are", gru_str_text(&list));
    gru_str_free(&list);
    return GRU_ERR_DATA;
}

gru_status gru_table_find_list(const gru_table *t, const char *names, size_t **columns,
                               size_t *count, gru_error *err) {
    size_t cap = 0, *found = NULL;
    gru_status status = GRU_OK;
    *count = 0;
    *columns = NULL;
    for (const char *at = names, *end; at && status == GRU_OK; at = *end ? end + 1 : NULL) {
        end = at + strcspn(at, ",");
        char *name = gru_str_copy(at, (size_t)(end - at));
        status = name ? gru_mem_grow(&found, &cap, *count + 1, sizeof *found, err)
                      : gru_error_memory(err, (size_t)(end - at) + 1);
        if (status == GRU_OK)
            status = gru_table_find(t, name, &found[*count], err);
        *count += status == GRU_OK;
        free(name);
    }
    if (status) {
        free(found);
        found = NULL;
        *count = 0;
    }
    *columns = found;
    return status;
}

gru_status gru_table_number(const gru_table *t, const gru_field *row, size_t column, double *value,
                            bool *missing, gru_error *err) {
    const gru_field *f = &row[column];
    if (missing)
        *missing = false;
    if (gru_number_parse(f->text, f->len, value))
        return GRU_OK;
    if (gru_number_missing(f->text, f->len)) {
        *value = NAN;
        if (missing)
            *missing = true;
        return GRU_OK;
    }
    size_t shown = f->len;
    if (shown > WORD_SHOWN)
        for (shown = WORD_SHOWN; shown && ((unsigned char)f->text[shown] & 0xC0) == 0x80;)
            shown--;
    return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: column '%.100s': '%.*s'%s is not a number%s",
                         gru_input_name(t->in), t->current_line, t->names[column], (int)shown,
                         f->text, shown < f->len ? "…" : "", gru_number_hint(f->text, f->len));
}
