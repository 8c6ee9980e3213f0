/* Texts from a table or from lines. */
#include "text/source.h"

#include "base/mem.h"
#include "io/table.h"
#include "text/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct gru_source {
    gru_input *in;
    gru_table *table; /* or */
    gru_lines *lines;
    size_t text, label, id; /* columns, SIZE_MAX: none */
    uint64_t rows;
    char number[24];
};

/* SIZE_MAX where name is NULL, or there is no such column and need not be. */
static gru_status find(gru_table *table, const char *name, bool optional, size_t *column,
                       gru_error *err) {
    *column = SIZE_MAX;
    gru_status status = name ? gru_table_find(table, name, column, err) : GRU_OK;
    if (status != GRU_ERR_DATA || !optional)
        return status;
    *err = (gru_error){0};
    *column = SIZE_MAX;
    return GRU_OK;
}

static gru_status open_table(gru_source *s, const gru_source_options *o, gru_error *err) {
    if (gru_table_open(&s->table, s->in, o->lossy, err) ||
        find(s->table, o->text, false, &s->text, err) ||
        find(s->table, o->id, o->id_optional, &s->id, err))
        return err->code;
    return find(s->table, o->label, o->label_optional, &s->label, err);
}

gru_status gru_source_open(gru_source **out, gru_input *in, const gru_source_options *o,
                           gru_error *err) {
    gru_source *s;
    *out = NULL;
    gru_status status = gru_mem_new(&s, 1, sizeof *s, err);
    if (status)
        return status;
    s->in = in;
    s->text = s->label = s->id = SIZE_MAX;
    status = o->text ? open_table(s, o, err) : gru_lines_open(&s->lines, in, o->lossy, err);
    if (status)
        gru_source_close(s);
    else
        *out = s;
    return status;
}

void gru_source_close(gru_source *s) {
    if (!s)
        return;
    gru_table_close(s->table);
    gru_lines_close(s->lines);
    free(s);
}

gru_status gru_source_next(gru_source *s, gru_source_row *row, bool *more, gru_error *err) {
    gru_status status;
    *row = (gru_source_row){0};
    *more = false;
    if (s->lines) {
        status = gru_lines_next(s->lines, &row->text, &row->len, err);
        *more = row->text != NULL;
    } else {
        const gru_field *field;
        status = gru_table_next(s->table, &field, err);
        if (!status && field) {
            *more = true;
            row->text = field[s->text].text;
            row->len = field[s->text].len;
            if (s->label != SIZE_MAX) {
                row->label = field[s->label].text;
                row->label_len = field[s->label].len;
            }
            if (s->id != SIZE_MAX) {
                row->id = field[s->id].text;
                row->id_len = field[s->id].len;
            }
        }
    }
    if (status || !*more)
        return status;
    s->rows++;
    row->line = s->table ? gru_table_line(s->table) : gru_lines_number(s->lines);
    if (!row->id) {
        row->id_len = (size_t)snprintf(s->number, sizeof s->number, "%" PRIu64, s->rows);
        row->id = s->number;
    }
    return GRU_OK;
}

bool gru_source_has_label(const gru_source *s) {
    return s->label != SIZE_MAX;
}
bool gru_source_has_id(const gru_source *s) {
    return s->id != SIZE_MAX;
}

const char *gru_source_name(const gru_source *s) {
    return gru_input_name(s->in);
}
