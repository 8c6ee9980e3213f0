/* Heat maps: attention weights of samples over their steps, hidden states of units over steps.
 *
 * A table with a step and one number is turned on its side (a row an id); with a step and several
 * numbers, it is the units of the first id; without a step, its rows are drawn as they are. */
#include "plot/figure_parts.h"

#include "base/mem.h"
#include "plot/gnuplot.h"

#include <math.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MAX = 2000, ROWS_NAMED = 40, SHADES = 10, TICKS_MAX = 20 };

typedef struct heat {
    double *cells; /* as read: line after line */
    size_t count, cap;
    size_t id, group, step, *columns, width; /* columns of numbers */
    char **names;                            /* of lines that start a new id */
    size_t name_count, name_cap;
    size_t *starts, start_cap; /* first cell of each id */
} heat;

static gru_status find_columns(const gru_drawing *d, heat *h, gru_error *err) {
    const size_t columns = gru_table_columns(d->table);
    h->id = h->group = h->step = SIZE_MAX;
    gru_status status = gru_mem_new(&h->columns, columns, sizeof *h->columns, err);
    for (size_t i = 0; status == GRU_OK && i < columns; i++) {
        const char *name = gru_table_name(d->table, i);
        if (!strcmp(name, "id"))
            h->id = i;
        else if (!strcmp(name, "group"))
            h->group = i;
        else if (!strcmp(name, "step"))
            h->step = i;
        else if (strcmp(name, "token") != 0 && strcmp(name, "label") != 0)
            h->columns[h->width++] = i;
    }
    if (status == GRU_OK && (h->width == 0 || h->width > SIDE_MAX))
        status =
            gru_error_set(err, GRU_ERR_DATA, "%s: %zu columns of numbers; 1 to %d can be drawn",
                          d->file, h->width, SIDE_MAX);
    return status;
}

/* What a row's sample is called: its id, with its group, or its number. */
static void name_sample(const heat *h, const gru_field *row, gru_str *name) {
    if (h->id == SIZE_MAX)
        gru_str_addf(name, "%zu", h->name_count + 1);
    else
        gru_str_add(name, row[h->id].text);
    if (h->group != SIZE_MAX)
        gru_str_addf(name, " %s", row[h->group].text);
}

/* Begins a sample. */
static gru_status add_name(heat *h, const char *name, gru_error *err) {
    const size_t n = h->name_count;
    if (gru_mem_grow(&h->names, &h->name_cap, n + 1, sizeof *h->names, err) ||
        gru_mem_grow(&h->starts, &h->start_cap, n + 1, sizeof *h->starts, err))
        return err->code;
    if (!(h->names[n] = gru_str_copy(name, strlen(name))))
        return gru_error_memory(err, strlen(name));
    h->starts[n] = h->count;
    h->name_count++;
    return GRU_OK;
}

/* Notes where a new id, or without a step each line, begins. */
static gru_status new_id(heat *h, const gru_field *row, gru_error *err) {
    const size_t n = h->name_count;
    const bool goes_on = n > 0 && h->step != SIZE_MAX;
    if (goes_on && h->id == SIZE_MAX)
        return GRU_OK;
    gru_str name = {0};
    name_sample(h, row, &name);
    gru_status status = gru_str_check(&name, err);
    if (status == GRU_OK && !(goes_on && !strcmp(gru_str_text(&name), h->names[n - 1])))
        status = add_name(h, gru_str_text(&name), err);
    gru_str_free(&name);
    return status;
}

/* Whether enough was read: all lines that fit, or the whole first id. */
static bool enough(const heat *h) {
    if (h->step != SIZE_MAX && h->width > 1)
        return h->name_count > 1;
    return h->name_count > SIDE_MAX;
}

static gru_status read_cells(const gru_drawing *d, heat *h, gru_error *err) {
    gru_status status = GRU_OK;
    while (status == GRU_OK) {
        const gru_field *row;
        status = gru_table_next(d->table, &row, err);
        if (status != GRU_OK || !row)
            break;
        status = new_id(h, row, err);
        if (status != GRU_OK || enough(h))
            break;
        status = gru_mem_grow(&h->cells, &h->cap, h->count + h->width, sizeof *h->cells, err);
        for (size_t i = 0; status == GRU_OK && i < h->width; i++) {
            bool missing;
            status = gru_table_number(d->table, row, h->columns[i], &h->cells[h->count + i],
                                      &missing, err);
        }
        h->count += h->width;
    }
    if (status == GRU_OK && h->count == 0)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: no rows, only a header", d->file);
    return status;
}

/* The picture's size and its cells: rows are ids, or units. */
static void shape(const heat *h, bool units, size_t *rows, size_t *columns) {
    *rows = units ? h->width : h->name_count < SIDE_MAX ? h->name_count : SIDE_MAX;
    *columns = units ? h->count / h->width : 0;
    for (size_t i = 0; !units && i < *rows; i++) {
        const size_t end = i + 1 < h->name_count ? h->starts[i + 1] : h->count;
        if (end - h->starts[i] > *columns)
            *columns = end - h->starts[i];
    }
    if (*columns > SIDE_MAX)
        *columns = SIDE_MAX;
}

static double cell(const heat *h, bool units, size_t row, size_t column) {
    if (units)
        return h->cells[column * h->width + row];
    const size_t end = row + 1 < h->name_count ? h->starts[row + 1] : h->count;
    const size_t at = h->starts[row] + column;
    return at < end ? h->cells[at] : (double)NAN;
}

static void extent(const heat *h, double *low, double *high) {
    *low = HUGE_VAL;
    *high = -HUGE_VAL;
    for (size_t i = 0; i < h->count; i++) {
        *low = fmin(*low, h->cells[i]);
        *high = fmax(*high, h->cells[i]);
    }
}

/* ---- with characters ---- */
/* The cells that place `at` of `places` covers: first … end − 1 of `cells`, at least one. */
static void covered(size_t at, size_t places, size_t cells, size_t *first, size_t *end) {
    *first = at * cells / places;
    *end = (at + 1) * cells / places;
    if (*end == *first)
        ++*end;
}

/* The mean of the cells under a character; NaN where none has a number. */
static double mean_of(const heat *h, bool units, const size_t rows[2], const size_t columns[2]) {
    double sum = 0;
    size_t count = 0;
    for (size_t i = rows[0]; i < rows[1]; i++) {
        for (size_t j = columns[0]; j < columns[1]; j++) {
            const double v = cell(h, units, i, j);
            if (isnan(v))
                continue;
            sum += v;
            count++;
        }
    }
    return count ? sum / (double)count : (double)NAN;
}

/* Cells are as many whole characters as fit; where none do, a character is the mean of several. */
static size_t places_for(size_t cells, size_t room) {
    return cells < room ? room / cells * cells : room;
}

static void shades(gru_drawing *d, const heat *h, bool units) {
    static const char ramp[SHADES + 1] = " .:-=+*#%@";
    const gru_figure *f = d->figure;
    size_t rows, columns, row[2], column[2];
    double low, high;
    shape(h, units, &rows, &columns);
    extent(h, &low, &high);
    if (f->title)
        gru_str_addf(d->plain, "%s\n", f->title);
    const size_t lines = places_for(rows, (size_t)f->height - (f->title ? 2 : 1));
    const size_t width = places_for(columns, (size_t)f->width);
    for (size_t i = 0; i < lines; i++) {
        covered(i, lines, rows, &row[0], &row[1]);
        for (size_t j = 0; j < width; j++) {
            covered(j, width, columns, &column[0], &column[1]);
            const double v = (mean_of(h, units, row, column) - low) / (high > low ? high - low : 1);
            gru_str_add_char(d->plain, isnan(v) ? ' ' : ramp[(int)(v * (SHADES - 1) + 0.5)]);
        }
        gru_str_add_char(d->plain, '\n');
    }
    gru_str_addf(d->plain, "rows: %s, columns: steps; ' ' is %.4g, '@' is %.4g\n",
                 units ? "units" : "samples", low, high);
}

/* ---- as a picture ---- */
/* The distance of ticks on an axis of `cells` steps or units: a whole one, 1, 2 or 5 × 10ⁿ. */
static size_t tick_step(size_t cells) {
    size_t step = 1;
    for (size_t i = 0; cells > TICKS_MAX * step; i++)
        step = i % 3 == 1 ? step / 2 * 5 : step * 2;
    return step;
}

static void picture(gru_drawing *d, const heat *h, bool units) {
    size_t rows, columns;
    double low, high;
    shape(h, units, &rows, &columns);
    extent(h, &low, &high);
    gru_str_add(&d->script, "$m << END_OF_DATA\n");
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++)
            gru_draw_number(d, cell(h, units, i, j));
        gru_str_add_char(&d->script, '\n');
    }
    gru_str_addf(&d->script,
                 "END_OF_DATA\nunset key\nunset grid\nset xrange [0.5:%zu.5]\nset yrange "
                 "[%zu.5:0.5]\nset cblabel '%s'\nset xtics %zu\nset ytics %zu\n",
                 columns, rows, units ? "state" : "weight", tick_step(columns), tick_step(rows));
    const double most = fmax(fabs(low), fabs(high));
    if (low < 0) /* signed: white is 0 */
        gru_str_addf(
            &d->script,
            "set cbrange [%.9g:%.9g]\nset palette defined (-1 '#2166ac', -0.5 '#92c5de', 0 "
            "'#f7f7f7', 0.5 '#f4a582', 1 '#b2182b')\n",
            -most, most);
    else
        gru_str_add(&d->script, "set palette defined (0 '#f7fbff', 1 '#c6dbef', 2 '#6baed6', 3 "
                                "'#2171b5', 4 '#08306b')\n");
    if (!units && rows <= ROWS_NAMED) {
        gru_str_add(&d->script, "set ytics scale 0 (");
        for (size_t i = 0; i < rows; i++) {
            gru_str_add(&d->script, i ? ", " : "");
            gru_gnuplot_quote_tick(&d->script, h->names[i]);
            gru_str_addf(&d->script, " %zu", i + 1);
        }
        gru_str_add(&d->script, ")\n");
    }
    gru_str_add(&d->script, "plot $m matrix using ($1+1):($2+1):3 with image\n");
}

gru_status gru_draw_heat(gru_drawing *d, gru_error *err) {
    heat h = {0};
    gru_status status = find_columns(d, &h, err);
    if (status == GRU_OK)
        status = read_cells(d, &h, err);
    const bool units = h.step != SIZE_MAX && h.width > 1;
    if (status == GRU_OK && gru_draw_plain(d)) {
        shades(d, &h, units);
        status = gru_str_check(d->plain, err);
    } else if (status == GRU_OK) {
        gru_draw_title(d, d->figure->kind == GRU_FIGURE_STATES ? "Hidden states" : "Attention");
        gru_draw_labels(d, "step", units ? "unit" : "sample");
        picture(d, &h, units);
    }
    for (size_t i = 0; i < h.name_count; i++)
        free(h.names[i]);
    free(h.names);
    free(h.starts);
    free(h.columns);
    free(h.cells);
    return status;
}
