/* CSV (RFC 4180): whole rows are split by hand, where they are copied to. What that stops at, from
 * mistakes and lone carriage returns to rows longer than a block and a last line without an end,
 * goes through libcsv until the row is complete. */
#include "io/table_private.h"

#include <string.h>

static void on_csv_field(void *text, size_t len, void *arg) {
    gru_table *t = arg;
    t->after_cr = false;
    gru_table_add_field(t, text ? text : "", len);
    if (len)
        t->line += gru_table_newlines(text, len);
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
        gru_table_finish_row(t);
    else if (t->columns == 1) { /* a blank line is an empty field where there is one column */
        gru_table_add_field(t, "", 0);
        gru_table_finish_row(t);
    }
    t->line++;
    t->open_line = t->line;
}

/* Splits lines without quotes and carriage returns, from `at` to `end` of the batch's bytes. A loop
 * over each short field's bytes would end where the processor doesn't expect it, so ends are looked
 * for in eight bytes at a time. Returns `end`. */
static char *split_plain(gru_table *t, char *at, char *end) {
    char *field = at;
    uint64_t seen = 0, zeros = 0;
    for (; at < end; at += sizeof(uint64_t)) {
        uint64_t word = gru_bytes_load(at), lines = gru_bytes_equal(word, '\n');
        seen |= word;
        zeros |= gru_bytes_equal(word, '\0');
        for (uint64_t ends = lines | gru_bytes_equal(word, t->separator); ends; ends &= ends - 1) {
            char *stop = at + __builtin_ctzll(ends) / 8;
            bool line = lines & ends & (0 - ends),
                 blank = field == stop && t->field_count == t->open_first;
            if (!line || !blank || t->columns == 1)
                gru_table_end_field(t, field, stop);
            if (line)
                on_csv_row('\n', t);
            field = stop + 1;
        }
    }
    t->ascii = !(seen & UINT64_C(0x8080808080808080)) && !zeros;
    t->checked = true;
    return end;
}

/* The end of an unquoted field: a separator, the end of a line, or a quote that has no place there.
 */
static char *plain_end(const gru_table *t, char *at) {
    for (;; at += sizeof(uint64_t)) {
        uint64_t word = gru_bytes_load(at);
        uint64_t ends = gru_bytes_equal(word, t->separator) | gru_bytes_equal(word, '\n') |
                        gru_bytes_equal(word, '\r') | gru_bytes_equal(word, '"');
        if (ends)
            return at + __builtin_ctzll(ends) / 8;
    }
}

/* The end of a field behind its opening quote, once its doubled quotes are single ones; *after:
 * what follows the closing quote. NULL when there is none. */
static char *quoted_end(char *at, const char *end, char **after) {
    for (char *to = at, *quote; (quote = memchr(at, '"', (size_t)(end - at))); at = quote + 2) {
        if (to != at)
            memmove(to, at, (size_t)(quote - at));
        to += quote - at;
        *after = quote + 1;
        if (quote[1] != '"')
            return to;
        *to++ = '"';
    }
    return NULL;
}

/* Splits a row of the batch's bytes up to `end`, which follows a line's end. What follows the row,
 * or NULL when it is not all there, or no plain RFC 4180. */
static char *split_row(gru_table *t, char *at, const char *end) {
    for (;;) {
        bool quoted = *at == '"', first = t->field_count == t->open_first;
        char *field = at + quoted, *after, *stop;
        stop = quoted ? quoted_end(field, end, &after) : (after = plain_end(t, at));
        if (!stop)
            return NULL;
        bool crlf = after[0] == '\r' && after[1] == '\n', line = crlf || *after == '\n';
        if (!line && *after != t->separator)
            return NULL;
        if (quoted)
            t->line += gru_table_newlines(field, (size_t)(stop - field));
        if (!line || quoted || !first || field != stop || t->columns == 1)
            gru_table_end_field(t, field, stop);
        at = after + 1 + crlf;
        if (line) {
            on_csv_row('\n', t);
            return at;
        }
    }
}

/* Splits rows that may have quotes or carriage returns; returns what follows the last that it can.
 */
static char *split_rows(gru_table *t, char *at, const char *end) {
    for (char *next; at < end && (next = split_row(t, at, end));)
        at = next;
    t->field_count = t->open_first;
    t->line = t->open_line;
    return at;
}

/* The block's whole rows, split where they are copied to; 0 when there is none, else the bytes they
 * take. */
static size_t split(gru_table *t, const char *block, size_t count) {
    while (count && block[count - 1] != '\n')
        count--;
    bool plain = !memchr(block, '"', count) && !memchr(block, '\r', count);
    char *start = memcpy(t->bytes + t->used, block, count), *end = start + count;
    memset(end, ' ', sizeof(uint64_t)); /* words are read past the end: begin_batch left room */
    size_t taken =
        (size_t)((plain ? split_plain(t, start, end) : split_rows(t, start, end)) - start);
    t->used += taken;
    return taken;
}

/* The bytes up to the end of libcsv's row, or all. */
static size_t through_row(gru_table *t, const unsigned char *block, size_t count) {
    size_t at = 0;
    for (t->within = true; at < count && t->within; at++) {
        t->quoted ^= block[at] == '"';
        t->within = t->quoted || block[at] != '\n';
    }
    return at;
}

static gru_status parse_row(gru_table *t, const unsigned char *block, size_t count,
                            gru_error *err) {
    count = through_row(t, block, count);
    gru_status status = gru_table_begin_batch(t, t->parser.entry_pos + count + 2, err);
    if (status)
        return status;
    size_t parsed = csv_parse(&t->parser, block, count, on_csv_field, on_csv_row, t);
    gru_input_consume(t->in, count);
    if (parsed < count && csv_error(&t->parser) != CSV_EPARSE)
        return gru_error_memory(err, t->parser.entry_size);
    if (parsed < count) {
        unsigned long long line =
            t->line + gru_table_newlines((char *)t->parser.entry_buf, t->parser.entry_pos);
        gru_table_remember_failure(t, line,
                                   "a quote inside a field (quote the whole field and double the "
                                   "quotes in it)");
    } else if (t->parser.entry_pos > GRU_TABLE_ROW_MAX) {
        gru_table_remember_failure(t, t->line,
                                   t->quoted ? "the quote opened here is never closed"
                                             : "the row is longer than 256 MiB");
    }
    return GRU_OK;
}

static gru_status end_csv(gru_table *t, gru_error *err) {
    unsigned long long opened = t->line;
    gru_status status = gru_table_begin_batch(t, t->parser.entry_pos + 2, err);
    if (status)
        return status;
    t->ended = true;
    if (csv_fini(&t->parser, on_csv_field, on_csv_row, t) != 0)
        gru_table_remember_failure(t, opened, "the quote opened here is never closed");
    return GRU_OK;
}

gru_status gru_table_fill_csv(gru_table *t, gru_error *err) {
    const unsigned char *block;
    size_t count, taken = 0;
    gru_status status = gru_table_peek_block(t, &block, &count, err);
    if (status)
        return status;
    if (!t->within && count) {
        status = gru_table_begin_batch(t, count + 2 + sizeof(uint64_t), err);
        if (status)
            return status;
        taken = split(t, (const char *)block, count);
        gru_input_consume(t->in, taken);
    }
    if (!taken)
        status = count ? parse_row(t, block, count, err) : end_csv(t, err);
    return status ? status : gru_table_finish_batch(t, err);
}
