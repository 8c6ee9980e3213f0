/* A whole table in memory (frame.h). */
#include "series/frame.h"

#include "base/mem.h"
#include "base/number.h"
#include "series/date.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static gru_status copy_names(gru_frame *f, const gru_table *table, gru_error *err) {
    size_t columns = gru_table_columns(table);
    f->name = calloc(columns, sizeof *f->name);
    if (!f->name)
        return gru_error_memory(err, columns * sizeof *f->name);
    f->columns = columns;
    for (size_t c = 0; c < columns; c++) {
        const char *name = gru_table_name(table, c);
        f->name[c] = gru_str_copy(name, strlen(name));
        if (!f->name[c])
            return gru_error_memory(err, strlen(name));
    }
    return GRU_OK;
}

/* Notes the line of the row that comes next. */
static gru_status note_line(gru_frame *f, unsigned long long line, gru_error *err) {
    if (f->jumps && line - f->jump[f->jumps - 1].line == f->rows - f->jump[f->jumps - 1].row)
        return GRU_OK;
    gru_status status = gru_mem_grow(&f->jump, &f->jump_cap, f->jumps + 1, sizeof *f->jump, err);
    if (!status)
        f->jump[f->jumps++] = (gru_frame_jump){f->rows, line};
    return status;
}

static gru_status add_row(gru_frame *f, const gru_field *row, unsigned long long line,
                          gru_error *err) {
    size_t used = f->rows * f->columns, start = f->text.len;
    gru_status status =
        gru_mem_grow(&f->cell, &f->cell_cap, used + f->columns, sizeof *f->cell, err);
    if (!status)
        status = gru_mem_grow(&f->start, &f->start_cap, f->rows + 1, sizeof *f->start, err);
    if (!status)
        status = note_line(f, line, err);
    if (status)
        return status;
    for (size_t c = 0; c < f->columns; c++) {
        f->cell[used + c] = (uint32_t)(f->text.len - start); /* a table refuses longer rows */
        gru_str_add_bytes(&f->text, row[c].text, row[c].len + 1);
    }
    f->start[f->rows++] = start;
    return gru_str_check(&f->text, err);
}

gru_status gru_frame_read(gru_frame *f, gru_table *table, const char *source, gru_error *err) {
    *f = (gru_frame){.source = gru_str_copy(source, strlen(source))};
    gru_status status = f->source ? GRU_OK : gru_error_memory(err, strlen(source));
    if (!status)
        status = copy_names(f, table, err);
    while (!status) {
        const gru_field *row;
        status = gru_table_next(table, &row, err);
        if (status || !row)
            break;
        status = add_row(f, row, gru_table_line(table), err);
    }
    if (status)
        gru_frame_free(f);
    return status;
}

void gru_frame_free(gru_frame *f) {
    for (size_t c = 0; c < f->columns; c++)
        free(f->name[c]);
    free(f->name);
    free(f->source);
    gru_str_free(&f->text);
    free(f->start);
    free(f->cell);
    free(f->jump);
    *f = (gru_frame){0};
}

const char *gru_frame_cell(const gru_frame *f, size_t row, size_t column) {
    return f->text.data + f->start[row] + f->cell[row * f->columns + column];
}

unsigned long long gru_frame_line(const gru_frame *f, size_t row) {
    size_t at = 0, end = f->jumps;
    while (end - at > 1) {
        size_t middle = at + (end - at) / 2;
        if (f->jump[middle].row <= row)
            at = middle;
        else
            end = middle;
    }
    return f->jump[at].line + (row - f->jump[at].row);
}

gru_status gru_frame_numbers(const gru_frame *f, size_t column, double *numbers, gru_error *err) {
    for (size_t r = 0; r < f->rows; r++) {
        const char *text = gru_frame_cell(f, r, column);
        size_t len = strlen(text);
        if (gru_number_missing(text, len))
            numbers[r] = NAN;
        else if (!gru_number_parse(text, len, &numbers[r]) || !isfinite(numbers[r]))
            return gru_error_set(
                err, GRU_ERR_DATA, "%s:%llu: column '%s': '%.100s' is not a number%s", f->source,
                gru_frame_line(f, r), f->name[column], text, gru_number_hint(text, len));
    }
    return GRU_OK;
}

bool gru_frame_is_numeric(const gru_frame *f, size_t column) {
    bool any = false, dates = true;
    for (size_t r = 0; r < f->rows; r++) {
        const char *text = gru_frame_cell(f, r, column);
        size_t len = strlen(text);
        double number;
        gru_moment moment;
        if (gru_number_missing(text, len))
            continue;
        if (!gru_number_parse(text, len, &number))
            return false;
        any = true;
        dates = dates && gru_date_parse(text, len, GRU_DATE_YMD, &moment);
    }
    return any && !dates;
}
