/* Batches of rows: blocks of input on their way to fields. */
#include "io/table_private.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

gru_status gru_table_bad_line(const gru_table *t, unsigned long long line, const char *what,
                              gru_error *err) {
    return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: %s", gru_input_name(t->in), line, what);
}

void gru_table_remember_failure(gru_table *t, unsigned long long line, const char *what) {
    t->failed = gru_table_bad_line(t, line, what, &t->failure);
    t->ended = true;
}

gru_status gru_table_peek_block(gru_table *t, const unsigned char **block, size_t *count,
                                gru_error *err) {
    size_t before = 0;
    gru_status status = gru_input_peek(t->in, 1, block, count, err);
    while (status == GRU_OK && *count && *count<GRU_TABLE_BLOCK && * count> before &&
           !memchr(*block, '\n', *count)) {
        before = *count; /* a slow writer, or the last line */
        status = gru_input_peek(t->in, *count + 1, block, count, err);
    }
    if (*count > GRU_TABLE_BLOCK)
        *count = GRU_TABLE_BLOCK;
    return status;
}

gru_status gru_table_begin_batch(gru_table *t, size_t room, gru_error *err) {
    size_t kept = t->field_count - t->open_first;
    char *from = kept ? (char *)(uintptr_t)t->fields[t->open_first].text : t->bytes;
    size_t bytes = kept ? (size_t)(t->bytes + t->used - from) : 0, need;
    if (!gru_size_add(bytes, room, &need) || bytes > GRU_TABLE_ROW_MAX)
        return gru_table_bad_line(t, t->open_line, "the row is longer than 256 MiB", err);
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
    t->checked = false;
    t->field_count = kept;
    t->open_first = t->row_count = t->next_row = 0;
    return GRU_OK;
}

void gru_table_add_field(gru_table *t, const void *text, size_t len) {
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

void gru_table_finish_row(gru_table *t) {
    if (t->no_memory ||
        gru_mem_grow(&t->rows, &t->rows_cap, t->row_count + 1, sizeof *t->rows, NULL)) {
        t->no_memory = true;
        return;
    }
    t->rows[t->row_count++] =
        (gru_table_span){t->open_first, t->field_count - t->open_first, t->open_line};
    t->open_first = t->field_count;
    if (t->columns == 0) /* the header */
        t->columns = t->rows[0].count;
}

size_t gru_table_newlines(const char *text, size_t len) {
    size_t count = 0;
    for (const char *p = text, *end = text + len; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        count++;
    return count;
}

/* Two zeros in a row mean an empty field, so NULs in the text show in the count. */
static bool all_ascii(const char *bytes, size_t len, size_t zeros_wanted) {
    const uint64_t ones = 0x0101010101010101;
    uint64_t seen = 0, word;
    size_t zeros = 0, at = 0;
    for (; at + sizeof word <= len; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        seen |= word;
        zeros += (size_t)((gru_bytes_equal(word, '\0') >> 7) * ones >> 56);
    }
    for (; at < len; at++) {
        seen |= (unsigned char)bytes[at];
        zeros += bytes[at] == 0;
    }
    return !(seen & 0x80 * ones) && zeros == zeros_wanted;
}

gru_status gru_table_finish_batch(gru_table *t, gru_error *err) {
    if (t->no_memory)
        return gru_error_memory(err, t->fields_cap * sizeof *t->fields);
    if (!t->checked)
        t->ascii = all_ascii(t->bytes, t->used, t->field_count);
    return GRU_OK;
}
