/* Fitted files: "#key value" lines and a small TSV table (fitted.h). */
#include "series/fitted.h"

#include "base/mem.h"
#include "base/number.h"
#include "base/version.h"
#include "io/stream.h"
#include "io/tsv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A fitted file describes columns, not rows; anything larger is something else. */
enum { FILE_LIMIT = 64 << 20 };

/* text without its escapes. */
static void unescape(char *text) {
    text[gru_tsv_unescape(text, strlen(text))] = '\0';
}

static gru_status add_key(gru_fitted *f, char *text, gru_error *err) {
    gru_status status = gru_mem_grow(&f->key, &f->key_cap, f->keys + 1, sizeof *f->key, err);
    if (!status)
        status = gru_mem_grow(&f->value, &f->value_cap, f->keys + 1, sizeof *f->value, err);
    if (status)
        return status;
    char *blank = strchr(text, ' ');
    f->key[f->keys] = text;
    f->value[f->keys] = blank ? blank + 1 : text + strlen(text);
    if (blank)
        *blank = '\0';
    unescape(f->value[f->keys++]);
    return GRU_OK;
}

/* Splits one line of the table at its tabs; the first is the header. */
static gru_status add_row(gru_fitted *f, char *text, size_t line, gru_error *err) {
    size_t cells = 1, first = f->columns * (f->rows + 1);
    bool header = f->columns == 0;
    if (header)
        first = 0;
    for (const char *c = text; *c; c++)
        cells += *c == '\t';
    if (!header && cells != f->columns)
        return gru_error_set(err, GRU_ERR_DATA, "%s:%zu: %zu fields where the header has %zu",
                             f->name, line, cells, f->columns);
    gru_status status = gru_mem_grow(&f->cell, &f->cell_cap, first + cells, sizeof *f->cell, err);
    if (!status)
        status = gru_mem_grow(&f->line, &f->line_cap, f->rows + 1, sizeof *f->line, err);
    if (status)
        return status;
    for (size_t i = 0; i < cells; i++) {
        char *tab = strchr(text, '\t');
        f->cell[first + i] = text;
        if (tab) {
            *tab = '\0';
            text = tab + 1;
        }
        unescape(f->cell[first + i]);
    }
    if (header)
        f->columns = cells;
    else
        f->line[f->rows++] = line;
    return GRU_OK;
}

static gru_status parse_lines(gru_fitted *f, gru_error *err) {
    size_t line = 0;
    char *next = f->block;
    while (next && *next) {
        char *text = next, *end = strchr(text, '\n');
        line++;
        next = end ? end + 1 : NULL;
        if (end)
            *end = '\0';
        size_t len = strlen(text);
        if (len && text[len - 1] == '\r')
            text[--len] = '\0';
        if (!len)
            continue;
        gru_status status =
            *text == '#' && !f->columns ? add_key(f, text + 1, err) : add_row(f, text, line, err);
        if (status)
            return status;
    }
    if (!f->columns)
        return gru_error_set(err, GRU_ERR_DATA, "%s: no table in it; was it fitted by --fit?",
                             f->name);
    return GRU_OK;
}

gru_status gru_fitted_parse(gru_fitted *f, const char *bytes, size_t len, const char *name,
                            gru_error *err) {
    *f = (gru_fitted){0};
    if (memchr(bytes, '\0', len))
        return gru_error_set(err, GRU_ERR_DATA, "%s: holds a NUL byte; it is not a fitted file",
                             name);
    f->name = gru_str_copy(name, strlen(name));
    f->block = gru_str_copy(bytes, len);
    gru_status status = f->name && f->block ? parse_lines(f, err) : gru_error_memory(err, len);
    if (status)
        gru_fitted_free(f);
    return status;
}

gru_status gru_fitted_load(gru_fitted *f, const char *path, gru_error *err) {
    *f = (gru_fitted){0};
    gru_input *in = NULL;
    char *text = NULL;
    size_t count = 0;
    gru_status status = gru_input_open(&in, path, err);
    if (status)
        return status;
    status = gru_input_slurp(in, FILE_LIMIT, &text, &count, err);
    if (!status)
        status = gru_fitted_parse(f, text, count, gru_input_name(in), err);
    free(text);
    gru_input_close(in);
    return status;
}

void gru_fitted_free(gru_fitted *f) {
    free(f->name);
    free(f->block);
    free(f->key);
    free(f->value);
    free(f->cell);
    free(f->line);
    *f = (gru_fitted){0};
}

const char *gru_fitted_get(const gru_fitted *f, const char *key) {
    for (size_t i = 0; i < f->keys; i++)
        if (strcmp(f->key[i], key) == 0)
            return f->value[i];
    return NULL;
}

gru_status gru_fitted_count(const gru_fitted *f, const char *key, size_t min, size_t *out,
                            gru_error *err) {
    const char *text = gru_fitted_get(f, key);
    long long value;
    if (!text)
        return gru_error_set(err, GRU_ERR_DATA, "%s: no line '#%s'", f->name, key);
    if (!gru_number_parse_int(text, strlen(text), &value) || value < 0 || (size_t)value < min)
        return gru_error_set(err, GRU_ERR_DATA, "%s: '#%s %s' is not a whole number from %zu",
                             f->name, key, text, min);
    *out = (size_t)value;
    return GRU_OK;
}

gru_status gru_fitted_column(const gru_fitted *f, const char *name, size_t *column,
                             gru_error *err) {
    for (size_t i = 0; i < f->columns; i++)
        if (strcmp(f->cell[i], name) == 0) {
            *column = i;
            return GRU_OK;
        }
    return gru_error_set(err, GRU_ERR_DATA, "%s: no column '%s' in its table", f->name, name);
}

const char *gru_fitted_cell(const gru_fitted *f, size_t row, size_t column) {
    return f->cell[(row + 1) * f->columns + column];
}

gru_status gru_fitted_number(const gru_fitted *f, size_t row, size_t column, double *out,
                             gru_error *err) {
    const char *text = gru_fitted_cell(f, row, column);
    if (!gru_number_parse(text, strlen(text), out) || !isfinite(*out))
        return gru_error_set(err, GRU_ERR_DATA, "%s:%zu: column '%s': '%s' is not a number",
                             f->name, f->line[row], f->cell[column], text);
    return GRU_OK;
}

void gru_fitted_put(gru_str *text, const char *key, const char *value) {
    if (!value)
        return;
    gru_str_addf(text, "#%s ", key);
    gru_tsv_add(text, value, strlen(value));
    gru_str_add_char(text, '\n');
}

void gru_fitted_put_count(gru_str *text, const char *key, size_t value) {
    gru_str_addf(text, "#%s %zu\n", key, value);
}

void gru_fitted_head(gru_str *text, const char *tool) {
    gru_fitted_put(text, "tool", tool);
    gru_fitted_put(text, "version", GRU_VERSION);
}

gru_status gru_fitted_save(const gru_str *text, const char *path, gru_error *err) {
    gru_status status = gru_str_check(text, err);
    return status ? status : gru_output_save(path, GRU_OUTPUT_TEXT, text->data, text->len, err);
}
