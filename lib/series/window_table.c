/* A table cut into windows (window_table.h). */
#include "series/window_table.h"

#include "base/log.h"
#include "base/mem.h"
#include "series/cell.h"
#include "series/date.h"
#include "series/window_groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes for an id: a date with its time, and for longer ones room to grow. */
enum { ID_WIDTH = 24 };

typedef struct cutter {
    gru_windows *w;
    gru_table *table;
    const char *source;
    size_t *feature; /* columns of the table */
    size_t target, index, group;
    double *values; /* F */
    gru_window_groups groups;
    gru_npy_writer *to;
    gru_date_watch all; /* of all rows, whatever their group */
} cutter;

static gru_status find_columns(cutter *c, gru_error *err) {
    const gru_windows *w = c->w;
    gru_status status = gru_mem_new(&c->feature, w->features, sizeof *c->feature, err);
    if (!status)
        status = gru_mem_new(&c->values, w->features, sizeof *c->values, err);
    for (size_t i = 0; !status && i < w->features; i++)
        status = gru_table_find(c->table, w->feature[i], &c->feature[i], err);
    if (!status)
        status = gru_table_find(c->table, w->target, &c->target, err);
    if (!status && w->index)
        status = gru_table_find(c->table, w->index, &c->index, err);
    if (!status && w->group)
        status = gru_table_find(c->table, w->group, &c->group, err);
    return status;
}

static gru_status read_number(cutter *c, const gru_field *row, size_t column, double *value,
                              gru_error *err) {
    const gru_cells cells = {c->table, c->source, NULL};
    return gru_cells_number(&cells, row, column, -1, value, err);
}

/* The id of a row: its index, or its number. */
static const char *name_row(const cutter *c, const gru_field *row, char number[24], size_t *len) {
    if (c->w->index) {
        *len = row[c->index].len;
        return row[c->index].text;
    }
    *len = (size_t)snprintf(number, 24, "%zu", c->w->rows);
    return number;
}

static gru_status cut_row(cutter *c, const gru_field *row, gru_error *err) {
    size_t number, len;
    char digits[24];
    double target;
    const void *record = NULL;
    c->w->rows++;
    const char *id = name_row(c, row, digits, &len);
    if (!c->groups.id_width) /* the first row tells how long ids are */
        c->groups.id_width = 2 * len > ID_WIDTH ? 2 * len : ID_WIDTH;
    gru_status status =
        gru_window_groups_find(&c->groups, c->w->group ? &row[c->group] : NULL, &number, err);
    for (size_t i = 0; !status && i < c->w->features; i++)
        status = read_number(c, row, c->feature[i], &c->values[i], err);
    if (!status)
        status = read_number(c, row, c->target, &target, err);
    if (status)
        return status;
    gru_window_group *group = &c->groups.at[number];
    if (c->w->index) {
        gru_date_watch_add(&group->watch, id, len, gru_table_line(c->table));
        gru_date_watch_add(&c->all, id, len, gru_table_line(c->table));
    }
    status = gru_window_maker_push(group->maker, c->values, target, id, len, &record, err);
    if (status)
        return gru_error_at(err, "%s:%llu", c->source, gru_table_line(c->table));
    if (!record)
        return GRU_OK;
    c->w->windows++;
    return gru_npy_write(c->to, record, 1, err);
}

static gru_status no_window(const cutter *c, gru_error *err) {
    const gru_windows *w = c->w;
    if (!w->rows)
        return gru_error_set(err, GRU_ERR_DATA, "%s: no rows after the header", c->source);
    if (w->group)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: %zu rows in %zu groups, and no group has the %zu rows of one "
                             "window (length %zu + horizon %zu)",
                             c->source, w->rows, c->groups.count, w->length + w->horizon, w->length,
                             w->horizon);
    return gru_error_set(err, GRU_ERR_DATA,
                         "%s: %zu rows, but one window needs %zu (length %zu + horizon %zu)",
                         c->source, w->rows, w->length + w->horizon, w->length, w->horizon);
}

static void warn_of_disorder(const cutter *c) {
    unsigned long long line;
    if (gru_window_groups_warn(&c->groups))
        return;
    if (c->w->index && c->w->group && gru_date_watch_falls(&c->all, &line))
        gru_warn("%s:%llu: column '%s' begins again with another '%s'; sort the rows by it, or the "
                 "last rows are not the latest where gru-split --order time or gru-train "
                 "--validation-split holds them back",
                 c->source, line, c->w->index, c->w->group);
}

/* The layout has to be known to open the writer, and the first row tells the ids' width; so the
 * writer is opened at the first row, whose record cannot be due yet (a window has two rows). */
static gru_status cut_rows(cutter *c, gru_output *out, gru_error *err) {
    gru_status status = GRU_OK;
    const gru_field *row;
    while (!(status = gru_table_next(c->table, &row, err)) && row) {
        status = cut_row(c, row, err);
        if (!status && !c->to)
            status = gru_npy_write_open(&c->to, out, gru_window_maker_spec(c->groups.at[0].maker),
                                        UINT64_MAX, err);
        if (status)
            break;
    }
    return status;
}

static void free_cutter(cutter *c) {
    gru_window_groups_free(&c->groups);
    free(c->feature);
    free(c->values);
}

gru_status gru_windows_cut(gru_windows *w, gru_table *table, const char *source, gru_output *out,
                           const char *fit, gru_error *err) {
    cutter c = {.w = w, .table = table, .source = source, .groups = {.w = w, .source = source}};
    w->rows = w->windows = 0;
    gru_status status = find_columns(&c, err);
    if (!status)
        status = cut_rows(&c, out, err);
    if (!status && !w->windows)
        status = no_window(&c, err);
    if (!status)
        warn_of_disorder(&c);
    if (!status && fit)
        status = gru_windows_save(w, fit, err);
    if (!status)
        gru_detail("%zu windows from %zu rows", w->windows, w->rows);
    if (c.to && status)
        gru_npy_write_abort(c.to);
    else if (c.to)
        status = gru_npy_write_close(c.to, err);
    free_cutter(&c);
    return status;
}
