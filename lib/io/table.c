/* Reading tables: CSV through libcsv, TSV and CSV lines without quotes by hand, all a block of rows
 * at a time.
 *
 * A batch holds the fields' bytes one after another, each with a NUL, in one buffer that is made
 * large enough before a block is parsed, so that field pointers stay valid. The unfinished row at
 * a block's end moves to the front of the next batch. Text is checked (UTF-8, no NUL) a batch at
 * a time; only a batch with bytes beyond ASCII is looked at field by field. */
#include "io/table.h"

#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"
#include "io/tsv.h"
#include "io/utf8.h"

#include <csv.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 65536, WORD_SHOWN = 60 };
#define ROW_BYTES_MAX ((size_t)1 << 28)

typedef struct row_span {
    size_t first, count; /* in fields */
    unsigned long long line;
} row_span;

struct gru_table {
    gru_input *in;
    bool csv, lossy, ended;
    char separator; /* of CSV: a comma or a semicolon */
    struct csv_parser parser;
    bool parser_ready;
    gru_str header_bytes; /* names, each with its NUL */
    char **names;
    size_t columns;
    /* the batch */
    char *bytes;
    size_t used, bytes_cap;
    gru_field *fields;
    size_t field_count, fields_cap;
    row_span *rows;
    size_t row_count, rows_cap, next_row;
    size_t open_first; /* first field of the unfinished row */
    unsigned long long open_line, line;
    bool after_cr, no_memory, ascii;
    gru_status failed; /* a syntax error that follows the batch's rows */
    gru_error failure;
    unsigned long long current_line;
    gru_str repaired;
};

static gru_status bad_line(const gru_table *t, unsigned long long line, const char *what,
                           gru_error *err) {
    return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: %s", gru_input_name(t->in), line, what);
}

/* ---- building a batch ---- */

static void add_field(gru_table *t, const void *text, size_t len) {
    if (t->field_count == t->fields_cap &&
        gru_mem_grow(&t->fields, &t->fields_cap, t->field_count + 1, sizeof *t->fields, NULL)) {
        t->no_memory = true;
        return;
    }
    char *to = t->bytes + t->used;
    memcpy(to, text, len);
    to[len] = '\0';
    t->used += len + 1;
    t->fields[t->field_count++] = (gru_field){to, len};
}

static void end_row(gru_table *t) {
    if (t->no_memory ||
        gru_mem_grow(&t->rows, &t->rows_cap, t->row_count + 1, sizeof *t->rows, NULL)) {
        t->no_memory = true;
        return;
    }
    t->rows[t->row_count++] =
        (row_span){t->open_first, t->field_count - t->open_first, t->open_line};
    t->open_first = t->field_count;
    if (t->columns == 0) /* the header */
        t->columns = t->rows[0].count;
}

static size_t count_newlines(const char *text, size_t len) {
    size_t count = 0;
    for (const char *p = text, *end = text + len; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        count++;
    return count;
}

static void on_csv_field(void *text, size_t len, void *arg) {
    gru_table *t = arg;
    t->after_cr = false;
    add_field(t, text ? text : "", len);
    if (len)
        t->line += count_newlines(text, len);
}

/* Called for every line end outside quotes; c is -1 at the end of a last line without one. */
static void on_csv_row(int c, void *arg) {
    gru_table *t = arg;
    bool second_half = c == '\n' && t->after_cr;
    t->after_cr = c == '\r';
    if (second_half) {
        t->open_line = t->line;
        return;
    }
    if (t->field_count > t->open_first)
        end_row(t);
    else if (t->columns == 1) { /* a blank line is an empty field where there is one column */
        add_field(t, "", 0);
        end_row(t);
    }
    t->line++;
    t->open_line = t->line;
}

/* Moves the unfinished row to the front; `room` more bytes and as many NULs will fit. */
static gru_status begin_batch(gru_table *t, size_t room, gru_error *err) {
    size_t kept = t->field_count - t->open_first;
    char *from = kept ? (char *)(uintptr_t)t->fields[t->open_first].text : t->bytes;
    size_t bytes = kept ? (size_t)(t->bytes + t->used - from) : 0, need;
    if (!gru_size_add(bytes, room, &need) || bytes > ROW_BYTES_MAX)
        return bad_line(t, t->open_line, "the row is longer than 256 MiB", err);
    if (bytes)
        memmove(t->bytes, from, bytes);
    gru_status status = gru_mem_grow(&t->bytes, &t->bytes_cap, need, 1, err);
    if (status)
        return status;
    char *at = t->bytes;
    for (size_t i = 0; i < kept; i++) {
        size_t len = t->fields[t->open_first + i].len;
        t->fields[i] = (gru_field){at, len};
        at += len + 1;
    }
    t->used = bytes;
    t->field_count = kept;
    t->open_first = t->row_count = t->next_row = 0;
    return GRU_OK;
}

/* The highest bit of each byte of a word that is c: adding 127 to a byte's lower bits carries into
 * its highest unless they are zero. */
static uint64_t bytes_equal(uint64_t word, char c) {
    const uint64_t ones = 0x0101010101010101, lower = 0x7f * ones;
    uint64_t other = word ^ ones * (unsigned char)c;
    return ~(((other & lower) + lower) | other | lower);
}

/* Two zeros in a row mean an empty field, so NULs in the text show in the count. */
static bool all_ascii(const char *bytes, size_t len, size_t zeros_wanted) {
    const uint64_t ones = 0x0101010101010101;
    uint64_t seen = 0, word;
    size_t zeros = 0, at = 0;
    for (; at + sizeof word <= len; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        seen |= word;
        zeros += (size_t)((bytes_equal(word, '\0') >> 7) * ones >> 56);
    }
    for (; at < len; at++) {
        seen |= (unsigned char)bytes[at];
        zeros += bytes[at] == 0;
    }
    return !(seen & 0x80 * ones) && zeros == zeros_wanted;
}

static gru_status finish_batch(gru_table *t, gru_error *err) {
    if (t->no_memory)
        return gru_error_memory(err, t->fields_cap * sizeof *t->fields);
    t->ascii = all_ascii(t->bytes, t->used, t->field_count);
    return GRU_OK;
}

static void remember_failure(gru_table *t, unsigned long long line, const char *what) {
    t->failed = bad_line(t, line, what, &t->failure);
    t->ended = true;
}

/* A block; at least a line of it, unless the line is longer or the last one without an end. */
static gru_status peek_block(gru_table *t, const unsigned char **block, size_t *count,
                             gru_error *err) {
    size_t before = 0;
    gru_status status = gru_input_peek(t->in, 1, block, count, err);
    while (status == GRU_OK && *count && *count<BLOCK_BYTES && * count> before &&
           !memchr(*block, '\n', *count)) {
        before = *count; /* a slow writer, or the last line */
        status = gru_input_peek(t->in, *count + 1, block, count, err);
    }
    if (*count > BLOCK_BYTES)
        *count = BLOCK_BYTES;
    return status;
}

/* Whether libcsv is between two rows, and the block's lines are fields and separators only. */
static bool is_plain(const gru_table *t, const unsigned char *block, size_t count) {
    enum { ROW_NOT_BEGUN }; /* libcsv's name for its first state */
    return t->parser.pstate == ROW_NOT_BEGUN && !t->after_cr && !memchr(block, '"', count) &&
           !memchr(block, '\r', count);
}

/* Eight bytes, the first in the lowest place: an expression that compilers make one load, which
 * they don't make of a loop. */
static uint64_t load_word(const char *at) {
    const unsigned char *p = (const unsigned char *)at;
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

/* The field from `start` to a separator or line end of the batch's bytes. */
static void end_field(gru_table *t, const char *start, char *stop) {
    if (t->field_count == t->fields_cap &&
        gru_mem_grow(&t->fields, &t->fields_cap, t->field_count + 1, sizeof *t->fields, NULL)) {
        t->no_memory = true;
        return;
    }
    *stop = '\0';
    t->fields[t->field_count++] = (gru_field){start, (size_t)(stop - start)};
}

/* The block's whole lines, split where they are copied to; 0 when there is none, else the bytes
 * they take. A loop over each short field's bytes would end where the processor doesn't expect it,
 * so ends are looked for in eight bytes at a time. */
static size_t split_plain(gru_table *t, const char *block, size_t count) {
    while (count && block[count - 1] != '\n')
        count--;
    char *at = memcpy(t->bytes + t->used, block, count), *field = at, *end = at + count;
    t->used += count;
    memset(end, 0, sizeof(uint64_t)); /* begin_batch left room */
    for (; at < end; at += sizeof(uint64_t)) {
        uint64_t word = load_word(at), lines = bytes_equal(word, '\n');
        for (uint64_t ends = lines | bytes_equal(word, t->separator); ends; ends &= ends - 1) {
            char *stop = at + __builtin_ctzll(ends) / 8;
            bool line = lines & ends & (0 - ends),
                 blank = field == stop && t->field_count == t->open_first;
            if (!line || !blank || t->columns == 1)
                end_field(t, field, stop);
            if (line)
                on_csv_row('\n', t);
            field = stop + 1;
        }
    }
    return count;
}

static gru_status fill_csv(gru_table *t, gru_error *err) {
    const unsigned char *block, *line_end;
    size_t count, taken;
    gru_status status = peek_block(t, &block, &count, err);
    if (status)
        return status;
    bool plain = is_plain(t, block, count);
    /* Within a row: to its end, where libcsv may be left. */
    if (!plain && !t->parser.quoted && t->parser.pstate && (line_end = memchr(block, '\n', count)))
        count = (size_t)(line_end - block) + 1;
    status = begin_batch(t, t->parser.entry_pos + count + 2 + sizeof(uint64_t), err);
    if (status)
        return status;
    if (count == 0) {
        t->ended = true;
        unsigned long long opened = t->line;
        if (csv_fini(&t->parser, on_csv_field, on_csv_row, t) != 0)
            remember_failure(t, opened, "the quote opened here is never closed");
        return finish_batch(t, err);
    }
    if (plain && (taken = split_plain(t, (const char *)block, count))) {
        gru_input_consume(t->in, taken);
        return finish_batch(t, err);
    }
    size_t parsed = csv_parse(&t->parser, block, count, on_csv_field, on_csv_row, t);
    gru_input_consume(t->in, count);
    if (parsed < count) {
        unsigned long long line =
            t->line + count_newlines((char *)t->parser.entry_buf, t->parser.entry_pos);
        if (csv_error(&t->parser) != CSV_EPARSE)
            return gru_error_memory(err, t->parser.entry_size);
        remember_failure(t, line,
                         "a quote inside a field (quote the whole field and double the quotes "
                         "in it)");
    } else if (t->parser.entry_pos > ROW_BYTES_MAX) {
        remember_failure(t, t->line,
                         t->parser.quoted ? "the quote opened here is never closed"
                                          : "the row is longer than 256 MiB");
    }
    return finish_batch(t, err);
}

/* One line of TSV, without its line end; unescapes in place. */
static void split_tsv_line(gru_table *t, const char *line, size_t len) {
    if (len && line[len - 1] == '\r')
        len--;
    if (len == 0 && t->columns != 1)
        return;
    bool escapes = memchr(line, '\\', len) != NULL;
    for (const char *end = line + len, *tab; line <= end; line = tab + 1) {
        tab = memchr(line, '\t', (size_t)(end - line));
        if (!tab)
            tab = end;
        add_field(t, line, (size_t)(tab - line));
        if (!escapes || t->no_memory)
            continue;
        gru_field *f = &t->fields[t->field_count - 1];
        char *text = (char *)(uintptr_t)f->text;
        f->len = gru_tsv_unescape(text, f->len);
        text[f->len] = '\0';
        t->used = (size_t)(text + f->len + 1 - t->bytes);
    }
    end_row(t);
}

/* A line longer than a block, collected apart. */
static gru_status fill_tsv_long(gru_table *t, gru_error *err) {
    gru_str line = {0};
    gru_status status = GRU_OK;
    for (bool found = false; !found && status == GRU_OK;) {
        const unsigned char *block;
        size_t count;
        status = gru_input_peek(t->in, 1, &block, &count, err);
        if (status || count == 0)
            break;
        const unsigned char *end = memchr(block, '\n', count);
        found = end != NULL;
        size_t take = found ? (size_t)(end - block) : count;
        gru_str_add_bytes(&line, block, take);
        gru_input_consume(t->in, take + found);
        if (line.len > ROW_BYTES_MAX)
            status = bad_line(t, t->line, "the row is longer than 256 MiB", err);
        else
            status = gru_str_check(&line, err);
    }
    if (status == GRU_OK)
        status = begin_batch(t, line.len + 2, err);
    if (status == GRU_OK) {
        t->open_line = t->line++;
        split_tsv_line(t, gru_str_text(&line), line.len);
        status = finish_batch(t, err);
    }
    gru_str_free(&line);
    return status;
}

static gru_status fill_tsv(gru_table *t, gru_error *err) {
    const unsigned char *block;
    size_t count;
    gru_status status = peek_block(t, &block, &count, err);
    if (status)
        return status;
    if (count == 0) {
        t->ended = true;
        status = begin_batch(t, 1, err);
        return status ? status : finish_batch(t, err);
    }
    if (!memchr(block, '\n', count))
        return fill_tsv_long(t, err);
    status = begin_batch(t, count + 2, err);
    if (status)
        return status;
    const char *at = (const char *)block, *end = at + count;
    for (const char *stop; (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1) {
        t->open_line = t->line++;
        split_tsv_line(t, at, (size_t)(stop - at));
    }
    gru_input_consume(t->in, (size_t)(at - (const char *)block));
    return finish_batch(t, err);
}

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
    return count >= BLOCK_BYTES;
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

static gru_status next_span(gru_table *t, const row_span **span, gru_error *err);
static gru_status check_text(gru_table *t, const row_span *span, gru_error *err);

gru_status gru_table_open(gru_table **out, gru_input *in, bool lossy, gru_error *err) {
    *out = NULL;
    gru_table *t = calloc(1, sizeof *t);
    if (!t)
        return gru_error_memory(err, sizeof *t);
    t->in = in;
    t->lossy = lossy;
    t->line = t->open_line = 1;
    const row_span *span = NULL;
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

static gru_status next_span(gru_table *t, const row_span **span, gru_error *err) {
    *span = NULL;
    while (t->next_row == t->row_count) {
        if (t->failed) {
            *err = t->failure;
            return t->failed;
        }
        if (t->ended)
            return GRU_OK;
        gru_status status = t->csv ? fill_csv(t, err) : fill_tsv(t, err);
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
static gru_status repair_row(gru_table *t, const row_span *span, gru_error *err) {
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

static gru_status check_text(gru_table *t, const row_span *span, gru_error *err) {
    if (t->ascii)
        return GRU_OK;
    const gru_field *row = &t->fields[span->first];
    unsigned long long line = span->line;
    bool bad = false;
    for (size_t i = 0; i < span->count && !bad; i++) {
        const char *nul = memchr(row[i].text, '\0', row[i].len);
        if (nul)
            return bad_line(t, line + count_newlines(row[i].text, (size_t)(nul - row[i].text)),
                            "a NUL byte in the text", err);
        size_t good = gru_utf8_valid(row[i].text, row[i].len);
        bad = good < row[i].len;
        line += t->csv ? count_newlines(row[i].text, bad ? good : row[i].len) : 0;
    }
    if (!bad)
        return GRU_OK;
    if (!t->lossy)
        return bad_line(t, line,
                        "the text is not valid UTF-8; iconv -f ENCODING -t UTF-8 converts it", err);
    return repair_row(t, span, err);
}

gru_status gru_table_next(gru_table *t, const gru_field **row, gru_error *err) {
    const row_span *span;
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
