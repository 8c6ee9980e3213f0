/* A table through a scaler (rescale.h). Cells that are missing or not to be scaled pass as they
 * are. */
#include "series/rescale.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "series/frame.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How each of a table's columns is treated; with[c] is the scaler's column or −1. */
typedef struct mapping {
    const gru_scaler *scaler;
    bool invert;
    const char *source;
    char **name;
    ptrdiff_t *with;
    size_t columns;
} mapping;

static void free_mapping(mapping *m) {
    for (size_t c = 0; m->name && c < m->columns; c++)
        free(m->name[c]);
    free(m->name);
    free(m->with);
}

static gru_status new_mapping(mapping *m, const gru_scaler *s, bool invert, const gru_table *table,
                              const char *source, gru_error *err) {
    *m = (mapping){
        .scaler = s, .invert = invert, .source = source, .columns = gru_table_columns(table)};
    m->name = calloc(m->columns, sizeof *m->name);
    m->with = calloc(m->columns, sizeof *m->with);
    if (!m->name || !m->with)
        return gru_error_memory(err, m->columns * sizeof *m->with);
    for (size_t c = 0; c < m->columns; c++) {
        const char *name = gru_table_name(table, c);
        m->with[c] = -1;
        m->name[c] = gru_str_copy(name, strlen(name));
        if (!m->name[c])
            return gru_error_memory(err, strlen(name));
    }
    return GRU_OK;
}

/* One word of --columns: "A", or "B=A" where no column has that very name. */
static gru_status map_word(mapping *m, const gru_table *table, char *word, gru_error *err) {
    size_t column;
    char *as = word, *equals = strchr(word, '=');
    gru_error ignored = {0};
    if (equals && gru_table_find(table, word, &column, &ignored)) {
        *equals = '\0';
        as = equals + 1;
    }
    gru_status status = gru_table_find(table, word, &column, err);
    if (status)
        return status;
    m->with[column] = gru_scaler_find(m->scaler, as);
    if (m->with[column] >= 0)
        return GRU_OK;
    gru_str known = {0};
    for (size_t i = 0; i < m->scaler->count; i++)
        gru_str_addf(&known, "%s%s", i ? ", " : "", m->scaler->column[i].name);
    status = gru_error_set(err, GRU_ERR_DATA, "the scaler has no column '%s'; it has %.500s", as,
                           gru_str_text(&known));
    gru_str_free(&known);
    return status;
}

static gru_status map_columns(mapping *m, const gru_table *table, const char *columns,
                              gru_error *err) {
    gru_status status = GRU_OK;
    if (!columns) {
        for (size_t i = 0; !status && i < m->scaler->count; i++) {
            size_t column;
            status = gru_table_find(table, m->scaler->column[i].name, &column, err);
            if (!status)
                m->with[column] = (ptrdiff_t)i;
        }
        return status;
    }
    char *copy = gru_str_copy(columns, strlen(columns));
    if (!copy)
        return gru_error_memory(err, strlen(columns));
    for (char *word = copy, *next; !status && word; word = next) {
        next = strchr(word, ',');
        if (next)
            *next++ = '\0';
        status = map_word(m, table, word, err);
    }
    free(copy);
    return status;
}

static gru_status cannot_scale(const mapping *m, size_t column, unsigned long long line,
                               const char *text, gru_error *err) {
    const char *why = m->invert ? "gives too large a number"
                      : m->scaler->method == GRU_SCALE_LOG
                          ? "has no logarithm: only positive numbers do"
                          : "is too large once scaled";
    return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: column '%s': '%.100s' %s", m->source, line,
                         m->name[column], text, why);
}

/* Whether a float's shortest digits, read as a double, invert to the float that value is. */
static bool leads_back(const gru_scaler *s, size_t with, float scaled, double value) {
    char digits[GRU_NUMBER_MAX];
    double read;
    size_t len = gru_number_format(scaled, digits);
    return gru_number_parse(digits, len, &read) &&
           (float)gru_scaler_invert(s, with, read) == (float)value;
}

/* y, or a neighbour of it that inverts to the float that value is. A value midway between two
 * floats, as odd numbers above 16,777,216 are, may need one: rounding puts its inverse on either
 * side. */
static double led_back(const gru_scaler *s, size_t with, double y, double value) {
    for (int tries = 0; tries < 8; tries++) {
        float back = (float)gru_scaler_invert(s, with, y);
        if (!(back < (float)value) && !(back > (float)value))
            break;
        y = nextafter(y, back < (float)value ? INFINITY : -INFINITY);
    }
    return y;
}

/* A scaled number is written with a float's digits where these lead back to the same float, else
 * with a double's, so that --invert returns what was read. */
static gru_status put_cell(const mapping *m, size_t column, const char *text, size_t len,
                           unsigned long long line, gru_table_writer *to, gru_error *err) {
    double value;
    if (m->with[column] < 0 || gru_number_missing(text, len))
        return gru_table_put(to, text, len, err);
    if (!gru_number_parse(text, len, &value) || !isfinite(value))
        return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: column '%s': '%.100s' is not a number%s",
                             m->source, line, m->name[column], text, gru_number_hint(text, len));
    size_t with = (size_t)m->with[column];
    double y = m->invert ? gru_scaler_invert(m->scaler, with, value)
                         : gru_scaler_apply(m->scaler, with, value);
    float rounded = (float)y;
    if (!isfinite(rounded))
        return cannot_scale(m, column, line, text, err);
    if (m->invert || leads_back(m->scaler, with, rounded, value))
        return gru_table_put_float(to, rounded, err);
    return gru_table_put_double(to, led_back(m->scaler, with, y, value), err);
}

static gru_status put_header(const mapping *m, gru_table_writer *to, gru_error *err) {
    gru_status status = GRU_OK;
    for (size_t c = 0; !status && c < m->columns; c++)
        status = gru_table_put_text(to, m->name[c], err);
    return status ? status : gru_table_end_row(to, err);
}

gru_status gru_rescale_apply(const gru_scaler *s, bool invert, const char *columns,
                             gru_table *table, const char *source, gru_table_writer *to,
                             gru_error *err) {
    mapping m;
    size_t rows = 0;
    gru_status status = new_mapping(&m, s, invert, table, source, err);
    if (!status)
        status = map_columns(&m, table, columns, err);
    if (!status)
        status = put_header(&m, to, err);
    while (!status) {
        const gru_field *row;
        status = gru_table_next(table, &row, err);
        if (status || !row)
            break;
        rows++;
        for (size_t c = 0; !status && c < m.columns; c++)
            status = put_cell(&m, c, row[c].text, row[c].len, gru_table_line(table), to, err);
        if (!status)
            status = gru_table_end_row(to, err);
    }
    free_mapping(&m);
    if (!status && !rows)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: no rows after the header", source);
    return status;
}

/* ---- fitting ---- */

static gru_status write_frame(const mapping *m, const gru_frame *f, gru_table_writer *to,
                              gru_error *err) {
    gru_status status = put_header(m, to, err);
    for (size_t r = 0; !status && r < f->rows; r++) {
        unsigned long long line = gru_frame_line(f, r);
        for (size_t c = 0; !status && c < f->columns; c++) {
            const char *text = gru_frame_cell(f, r, c);
            status = put_cell(m, c, text, strlen(text), line, to, err);
        }
        if (!status)
            status = gru_table_end_row(to, err);
    }
    return status;
}

/* Without --columns: all numbers but dates, and a note which. */
static gru_status choose_columns(const gru_frame *f, size_t **columns, size_t *count,
                                 gru_error *err) {
    gru_str names = {0};
    gru_status status = gru_mem_new(columns, f->columns, sizeof **columns, err);
    if (status)
        return status;
    *count = 0;
    for (size_t c = 0; c < f->columns; c++)
        if (gru_frame_is_numeric(f, c)) {
            gru_str_addf(&names, "%s%s", *count ? ", " : "", f->name[c]);
            (*columns)[(*count)++] = c;
        }
    if (*count)
        gru_note("scaling %s", gru_str_text(&names));
    else
        status = gru_error_set(err, GRU_ERR_DATA,
                               "%s: no column of numbers to scale; with --columns A the first word "
                               "in A that is none is named",
                               f->source);
    gru_str_free(&names);
    return status;
}

/* What was learned goes by names. */
static gru_status check_names(const gru_table *table, const gru_frame *f, const size_t *columns,
                              size_t count, gru_error *err) {
    gru_status status = GRU_OK;
    size_t same;
    for (size_t i = 0; !status && i < count; i++)
        status = gru_table_find(table, f->name[columns[i]], &same, err);
    return status;
}

/* Rows that were not fitted must scale too, which has to be known before the fit is saved.
 * numbers[rows] is the column's; what was fitted is in range anyhow. */
static gru_status check_rest(const gru_frame *f, size_t column, const gru_scaler *s,
                             const double *numbers, gru_error *err) {
    size_t with = s->count - 1;
    for (size_t r = s->rows; r < f->rows; r++)
        if (!isnan(numbers[r]) && !isfinite((float)gru_scaler_apply(s, with, numbers[r]))) {
            mapping m = {.scaler = s, .source = f->source, .name = f->name};
            return cannot_scale(&m, column, gru_frame_line(f, r), gru_frame_cell(f, r, column),
                                err);
        }
    return GRU_OK;
}

static gru_status fit_columns(const gru_rescale_fit *fit, const gru_frame *f, const size_t *columns,
                              size_t count, gru_scaler *s, gru_error *err) {
    double *numbers = NULL;
    gru_scaler_init(s, fit->method, fit->low, fit->high);
    s->rows = s->total = f->rows;
    gru_status status =
        fit->rows.given ? gru_share_rows(&fit->rows, f->rows, "--fit-rows", &s->rows, err) : GRU_OK;
    if (!status && !s->rows)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: --fit-rows leaves no row of %zu to fit from",
                               f->source, f->rows);
    if (!status)
        status = gru_mem_new(&numbers, f->rows, sizeof *numbers, err);
    for (size_t i = 0; !status && i < count; i++) {
        status = gru_frame_numbers(f, columns[i], numbers, err);
        if (!status && gru_scaler_find(s, f->name[columns[i]]) < 0) {
            status = gru_scaler_add(s, f->name[columns[i]], numbers, s->rows, err);
            status = status ? gru_error_at(err, "%s", f->source)
                            : check_rest(f, columns[i], s, numbers, err);
        }
    }
    free(numbers);
    return status;
}

gru_status gru_rescale_learn(const gru_rescale_fit *fit, gru_table *table, const char *source,
                             gru_table_writer *to, gru_error *err) {
    gru_frame f = {0};
    gru_scaler s = {0};
    mapping m = {0};
    size_t *columns = NULL, count = 0;
    gru_status status = GRU_OK;
    if (fit->columns)
        status = gru_table_find_list(table, fit->columns, &columns, &count, err);
    if (!status)
        status = gru_frame_read(&f, table, source, err);
    if (!status && !f.rows)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: no rows after the header", source);
    if (!status && !columns)
        status = choose_columns(&f, &columns, &count, err);
    if (!status)
        status = check_names(table, &f, columns, count, err);
    if (!status)
        status = fit_columns(fit, &f, columns, count, &s, err);
    if (!status)
        status = new_mapping(&m, &s, false, table, source, err);
    for (size_t i = 0; !status && i < count; i++)
        m.with[columns[i]] = gru_scaler_find(&s, f.name[columns[i]]);
    if (!status && fit->file)
        status = gru_scaler_save(&s, fit->file, err);
    if (!status)
        status = write_frame(&m, &f, to, err);
    if (!status)
        gru_detail("fitted %zu columns from %zu of %zu rows (%s)", s.count, s.rows, s.total,
                   gru_scale_method_name(s.method));
    free(columns);
    free_mapping(&m);
    gru_scaler_free(&s);
    gru_frame_free(&f);
    return status;
}
