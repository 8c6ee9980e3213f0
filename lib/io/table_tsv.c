/* Tables of tab-separated values: a line is a row. */
#include "io/table_private.h"

#include "io/tsv.h"

#include <string.h>

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
        gru_table_add_field(t, line, (size_t)(tab - line));
        if (!escapes || t->no_memory)
            continue;
        gru_field *f = &t->fields[t->field_count - 1];
        char *text = (char *)(uintptr_t)f->text;
        f->len = gru_tsv_unescape(text, f->len);
        text[f->len] = '\0';
        t->used = (size_t)(text + f->len + 1 - t->bytes);
    }
    gru_table_finish_row(t);
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
        if (line.len > GRU_TABLE_ROW_MAX)
            status = gru_table_bad_line(t, t->line, "the row is longer than 256 MiB", err);
        else
            status = gru_str_check(&line, err);
    }
    if (status == GRU_OK)
        status = gru_table_begin_batch(t, line.len + 2, err);
    if (status == GRU_OK) {
        t->open_line = t->line++;
        split_tsv_line(t, gru_str_text(&line), line.len);
        status = gru_table_finish_batch(t, err);
    }
    gru_str_free(&line);
    return status;
}

gru_status gru_table_fill_tsv(gru_table *t, gru_error *err) {
    const unsigned char *block;
    size_t count;
    gru_status status = gru_table_peek_block(t, &block, &count, err);
    if (status)
        return status;
    if (count == 0) {
        t->ended = true;
        status = gru_table_begin_batch(t, 1, err);
        return status ? status : gru_table_finish_batch(t, err);
    }
    if (!memchr(block, '\n', count))
        return fill_tsv_long(t, err);
    status = gru_table_begin_batch(t, count + 2, err);
    if (status)
        return status;
    const char *at = (const char *)block, *end = at + count;
    for (const char *stop; (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1) {
        t->open_line = t->line++;
        split_tsv_line(t, at, (size_t)(stop - at));
    }
    gru_input_consume(t->in, (size_t)(at - (const char *)block));
    return gru_table_finish_batch(t, err);
}
