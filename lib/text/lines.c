/* Lines of text from a byte stream. */
#include "text/lines.h"

#include "base/mem.h"
#include "base/str.h"
#include "io/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_LIMIT = 1 << 30 };

struct gru_lines {
    gru_input *in;
    bool lossy;
    gru_str line, repaired;
    unsigned long long number;
};

gru_status gru_lines_open(gru_lines **out, gru_input *in, bool lossy, gru_error *err) {
    gru_status status = gru_mem_new(out, 1, sizeof **out, err);
    if (status)
        return status;
    (*out)->in = in;
    (*out)->lossy = lossy;
    return GRU_OK;
}

void gru_lines_close(gru_lines *lines) {
    if (!lines)
        return;
    gru_str_free(&lines->line);
    gru_str_free(&lines->repaired);
    free(lines);
}

/* Collects bytes up to and without the line feed; *any is false at the end of the input. */
static gru_status collect(gru_lines *l, bool *any, gru_error *err) {
    *any = false;
    gru_str_clear(&l->line);
    for (;;) {
        const unsigned char *bytes;
        size_t count;
        gru_status status = gru_input_peek(l->in, 1, &bytes, &count, err);
        if (status)
            return status;
        if (count == 0)
            return gru_str_check(&l->line, err);
        *any = true;
        const unsigned char *end = memchr(bytes, '\n', count);
        size_t part = end ? (size_t)(end - bytes) : count;
        if (l->line.len + part > LINE_LIMIT)
            return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: a line of more than 1 GiB",
                                 gru_input_name(l->in), l->number);
        gru_str_add_bytes(&l->line, bytes, part);
        gru_input_consume(l->in, part + (end ? 1 : 0));
        if (end || l->line.failed)
            return gru_str_check(&l->line, err);
    }
}

static void repair(gru_lines *l) {
    gru_str_clear(&l->repaired);
    gru_utf8_add_repaired(&l->repaired, l->line.data, l->line.len);
    gru_str swap = l->line;
    l->line = l->repaired;
    l->repaired = swap;
}

gru_status gru_lines_next(gru_lines *l, const char **text, size_t *len, gru_error *err) {
    bool any;
    *text = NULL;
    *len = 0;
    l->number++;
    gru_status status = collect(l, &any, err);
    if (status || !any)
        return status;
    const char *line = gru_str_text(&l->line);
    size_t bad = gru_utf8_valid(line, l->line.len);
    if (bad < l->line.len && !l->lossy)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s:%llu: byte 0x%02x is not UTF-8 (--lossy replaces such bytes)",
                             gru_input_name(l->in), l->number, (unsigned char)line[bad]);
    if (bad < l->line.len)
        repair(l);
    if ((status = gru_str_check(&l->line, err)))
        return status;
    line = gru_str_text(&l->line);
    size_t count = l->line.len;
    if (count > 0 && line[count - 1] == '\r') {
        count--;
        l->line.data[count] = 0;
        l->line.len = count;
    }
    bool mark = l->number == 1 && count >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0;
    *text = line + (mark ? 3 : 0);
    *len = count - (mark ? 3 : 0);
    return GRU_OK;
}

unsigned long long gru_lines_number(const gru_lines *lines) {
    return lines->number;
}
