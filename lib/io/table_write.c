/* Writing tables: CSV (RFC 4180) or linear TSV. */
#include "base/number.h"
#include "base/str.h"
#include "io/table.h"
#include "io/tsv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void gru_table_writer_init(gru_table_writer *w, gru_output *out, bool csv) {
    *w = (gru_table_writer){.out = out, .csv = csv};
}

static gru_status put_quoted(gru_table_writer *w, const char *text, size_t len, gru_error *err) {
    gru_status status = gru_output_write(w->out, "\"", 1, err);
    while (status == GRU_OK && len) {
        const char *quote = memchr(text, '"', len);
        size_t part = quote ? (size_t)(quote - text) + 1 : len;
        status = gru_output_write(w->out, text, part, err);
        if (status == GRU_OK && quote)
            status = gru_output_write(w->out, "\"", 1, err);
        text += part;
        len -= part;
    }
    return status ? status : gru_output_write(w->out, "\"", 1, err);
}

static gru_status put_escaped(gru_table_writer *w, const char *text, size_t len, gru_error *err) {
    gru_str escaped = {0};
    gru_tsv_add(&escaped, text, len);
    gru_status status = gru_str_check(&escaped, err);
    if (status == GRU_OK)
        status = gru_output_write(w->out, gru_str_text(&escaped), escaped.len, err);
    gru_str_free(&escaped);
    return status;
}

/* A byte that can't stand as it is; tabs are quoted in CSV too, so that its header isn't taken for
 * a TSV's. */
static bool needs_care(const char *text, size_t len, bool csv) {
    for (size_t i = 0; i < len; i++)
        switch (text[i]) {
        case '\t':
        case '\n':
        case '\r':
            return true;
        case ',':
        case '"':
            if (csv)
                return true;
            break;
        case '\\':
            if (!csv)
                return true;
            break;
        default:
            break;
        }
    return false;
}

static gru_status put_plain(gru_table_writer *w, const char *text, size_t len, gru_error *err) {
    gru_status status = w->started ? gru_output_write(w->out, w->csv ? "," : "\t", 1, err) : GRU_OK;
    w->started = true;
    return status ? status : gru_output_write(w->out, text, len, err);
}

gru_status gru_table_put(gru_table_writer *w, const char *text, size_t len, gru_error *err) {
    if (!needs_care(text, len, w->csv))
        return put_plain(w, text, len, err);
    gru_status status = put_plain(w, "", 0, err);
    if (status)
        return status;
    return w->csv ? put_quoted(w, text, len, err) : put_escaped(w, text, len, err);
}

gru_status gru_table_put_text(gru_table_writer *w, const char *text, gru_error *err) {
    return gru_table_put(w, text, strlen(text), err);
}

gru_status gru_table_put_float(gru_table_writer *w, float value, gru_error *err) {
    char text[GRU_NUMBER_MAX];
    return put_plain(w, text, isnan(value) ? 0 : gru_number_format(value, text), err);
}

gru_status gru_table_put_double(gru_table_writer *w, double value, gru_error *err) {
    char text[GRU_NUMBER_MAX];
    return put_plain(w, text, isnan(value) ? 0 : gru_number_format_double(value, text), err);
}

gru_status gru_table_put_int(gru_table_writer *w, long long value, gru_error *err) {
    char text[GRU_NUMBER_MAX];
    int len = snprintf(text, sizeof text, "%lld", value);
    return put_plain(w, text, (size_t)len, err);
}

gru_status gru_table_end_row(gru_table_writer *w, gru_error *err) {
    w->started = false;
    return gru_output_write(w->out, "\n", 1, err);
}
