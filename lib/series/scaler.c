/* Scaling: fitting, applying, inverting, and scaler.tsv (scaler.h). */
#include "series/scaler.h"

#include "base/mem.h"
#include "base/number.h"
#include "io/bundle.h"
#include "io/tsv.h"
#include "series/fitted.h"
#include "series/mean.h"
#include "series/quantile.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const method_names[] = {"minmax", "standard", "robust", "maxabs", "log"};
static_assert(sizeof method_names / sizeof *method_names == GRU_SCALE_METHOD_COUNT,
              "one name a method");

const char *gru_scale_method_name(gru_scale_method method) {
    return method_names[method];
}

gru_status gru_scale_method_parse(const char *text, gru_scale_method *method, gru_error *err) {
    for (int i = 0; i < GRU_SCALE_METHOD_COUNT; i++)
        if (strcmp(text, method_names[i]) == 0) {
            *method = (gru_scale_method)i;
            return GRU_OK;
        }
    return gru_error_set(err, GRU_ERR_DATA,
                         "'%s' is no method; there are minmax, standard, robust, maxabs, log",
                         text);
}

void gru_scaler_init(gru_scaler *s, gru_scale_method method, double low, double high) {
    *s = (gru_scaler){.method = method, .low = low, .high = high};
}

void gru_scaler_free(gru_scaler *s) {
    for (size_t i = 0; i < s->count; i++)
        free(s->column[i].name);
    free(s->column);
    *s = (gru_scaler){0};
}

/* ---- fitting ---- */

static void fit_standard(gru_scaler_column *c, const double *values, size_t count) {
    double n = (double)count, variance, mean = gru_mean(values, count, &variance);
    double noise = n * mean * DBL_EPSILON;
    /* scikit-learn's bound below which a variance is nothing but rounding */
    bool constant = variance <= n * DBL_EPSILON * variance + noise * noise;
    c->center = mean;
    c->scale = constant ? 1 : sqrt(variance);
}

/* A range so small that it can only be rounding counts as constant, as in scikit-learn. */
static double range_or_one(double range) {
    return range < 10 * DBL_EPSILON ? 1 : range;
}

static void fit_column(gru_scale_method method, gru_scaler_column *c, double *values,
                       size_t count) {
    c->count = count;
    c->min = c->max = values[0];
    for (size_t i = 1; i < count; i++) {
        c->min = fmin(c->min, values[i]);
        c->max = fmax(c->max, values[i]);
    }
    c->center = 0;
    c->scale = 1;
    switch (method) {
    case GRU_SCALE_MINMAX:
        c->center = c->min;
        c->scale = range_or_one(c->max - c->min);
        break;
    case GRU_SCALE_STANDARD:
        fit_standard(c, values, count);
        break;
    case GRU_SCALE_ROBUST:
        c->center = gru_median(values, count);
        c->scale =
            range_or_one(gru_quantile(values, count, 0.75) - gru_quantile(values, count, 0.25));
        break;
    case GRU_SCALE_MAXABS:
        c->scale = range_or_one(fmax(fabs(c->min), fabs(c->max)));
        break;
    case GRU_SCALE_LOG:
    case GRU_SCALE_METHOD_COUNT:
        break;
    }
}

static gru_status append(gru_scaler *s, const char *name, const gru_scaler_column *fitted,
                         gru_error *err) {
    gru_scaler_column *grown = realloc(s->column, (s->count + 1) * sizeof *grown);
    if (!grown)
        return gru_error_memory(err, (s->count + 1) * sizeof *grown);
    s->column = grown;
    grown[s->count] = *fitted;
    grown[s->count].name = gru_str_copy(name, strlen(name));
    if (!grown[s->count].name)
        return gru_error_memory(err, strlen(name));
    s->count++;
    return GRU_OK;
}

gru_status gru_scaler_add(gru_scaler *s, const char *name, double *values, size_t count,
                          gru_error *err) {
    size_t present = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            values[present++] = values[i];
    if (!present)
        return gru_error_set(err, GRU_ERR_DATA,
                             "column '%s' has no number in the %zu rows to fit from", name, count);
    gru_scaler_column c = {0};
    fit_column(s->method, &c, values, present);
    if (s->method == GRU_SCALE_LOG && !(c.min > 0))
        return gru_error_set(err, GRU_ERR_DATA,
                             "column '%s' has %g, and only positive numbers have a logarithm", name,
                             c.min);
    if (!isfinite(c.center) || !isfinite(c.scale))
        return gru_error_set(err, GRU_ERR_DATA, "column '%s': its numbers are too large to scale",
                             name);
    return append(s, name, &c, err);
}

/* ---- using ---- */

ptrdiff_t gru_scaler_find(const gru_scaler *s, const char *column) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->column[i].name, column) == 0)
            return (ptrdiff_t)i;
    return -1;
}

double gru_scaler_apply(const gru_scaler *s, size_t index, double value) {
    const gru_scaler_column *c = &s->column[index];
    if (s->method == GRU_SCALE_LOG)
        return value > 0 ? log(value) : NAN;
    double y = (value - c->center) / c->scale;
    return s->method == GRU_SCALE_MINMAX ? y * (s->high - s->low) + s->low : y;
}

double gru_scaler_invert(const gru_scaler *s, size_t index, double value) {
    const gru_scaler_column *c = &s->column[index];
    if (s->method == GRU_SCALE_LOG)
        return exp(value);
    double noise = fabs(c->center);
    if (s->method == GRU_SCALE_MINMAX) {
        noise += fabs(s->low) * c->scale / (s->high - s->low);
        value = (value - s->low) / (s->high - s->low);
    }
    double x = value * c->scale + c->center;
    /* where all but rounding cancels, a 0 was scaled */
    return fabs(x) <= 2 * DBL_EPSILON * noise ? 0 : x;
}

/* ---- scaler.tsv ---- */

static const char *const field_names[] = {"center", "scale", "count", "min", "max"};
enum { FIELDS = sizeof field_names / sizeof *field_names };

static gru_status read_columns(gru_scaler *s, const gru_fitted *f, gru_error *err) {
    size_t name, at[FIELDS];
    gru_status status = gru_fitted_column(f, "column", &name, err);
    for (int i = 0; !status && i < FIELDS; i++)
        status = gru_fitted_column(f, field_names[i], &at[i], err);
    for (size_t r = 0; !status && r < f->rows; r++) {
        double v[FIELDS];
        const char *column = gru_fitted_cell(f, r, name);
        for (int i = 0; !status && i < FIELDS; i++)
            status = gru_fitted_number(f, r, at[i], &v[i], err);
        if (status)
            break;
        if (!(v[1] > 0) || !(v[2] >= 1 && v[2] <= 9e15))
            return gru_error_set(err, GRU_ERR_DATA,
                                 "%s:%zu: column '%s' needs a scale above 0 and a count from 1",
                                 f->name, f->line[r], column);
        if (gru_scaler_find(s, column) >= 0)
            return gru_error_set(err, GRU_ERR_DATA, "%s:%zu: column '%s' is there twice", f->name,
                                 f->line[r], column);
        gru_scaler_column c = {
            .center = v[0], .scale = v[1], .count = (size_t)v[2], .min = v[3], .max = v[4]};
        status = append(s, column, &c, err);
    }
    return status;
}

static gru_status read_range(gru_scaler *s, const gru_fitted *f, gru_error *err) {
    const char *text = gru_fitted_get(f, "range"), *comma = text ? strchr(text, ',') : NULL;
    s->low = 0;
    s->high = 1;
    if (!text)
        return GRU_OK;
    if (!comma || !gru_number_parse(text, (size_t)(comma - text), &s->low) ||
        !gru_number_parse(comma + 1, strlen(comma + 1), &s->high) || !(s->low < s->high))
        return gru_error_set(err, GRU_ERR_DATA, "%s: '#range %s' is not LOW,HIGH", f->name, text);
    return GRU_OK;
}

static gru_status read_fitted(gru_scaler *s, const gru_fitted *f, gru_error *err) {
    const char *tool = gru_fitted_get(f, "tool"), *method = gru_fitted_get(f, "method");
    if (!tool || strcmp(tool, "gru-scale") != 0 || !method)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: not made by gru-scale (no '#tool gru-scale' or no '#method')",
                             f->name);
    gru_status status = gru_scale_method_parse(method, &s->method, err);
    if (status)
        return gru_error_at(err, "%s", f->name);
    status = read_range(s, f, err);
    if (!status)
        status = gru_fitted_count(f, "rows", 1, &s->rows, err);
    if (!status)
        status = gru_fitted_count(f, "total", s->rows, &s->total, err);
    if (!status)
        status = read_columns(s, f, err);
    if (!status && !s->count)
        return gru_error_set(err, GRU_ERR_DATA, "%s: no columns in it", f->name);
    return status;
}

/* Takes f over. */
static gru_status from_fitted(gru_scaler *s, gru_fitted *f, gru_error *err) {
    gru_status status = read_fitted(s, f, err);
    if (status)
        gru_scaler_free(s);
    gru_fitted_free(f);
    return status;
}

gru_status gru_scaler_parse(gru_scaler *s, const char *bytes, size_t len, const char *name,
                            gru_error *err) {
    gru_fitted f;
    *s = (gru_scaler){0};
    gru_status status = gru_fitted_parse(&f, bytes, len, name, err);
    return status ? status : from_fitted(s, &f, err);
}

gru_status gru_scaler_load(gru_scaler *s, const char *path, gru_error *err) {
    gru_fitted f;
    *s = (gru_scaler){0};
    gru_status status = gru_fitted_load(&f, path, err);
    return status ? status : from_fitted(s, &f, err);
}

gru_status gru_scaler_load_model(gru_scaler *s, const char *path, gru_error *err) {
    char *text;
    *s = (gru_scaler){0};
    gru_status status = gru_bundle_read_text(path, "scaler.tsv", &text, err);
    if (!status && gru_scaler_parse(s, text, strlen(text), "scaler.tsv", err))
        status = gru_error_at(err, "%s", path);
    free(text);
    return status;
}

static void add_number(gru_str *text, char before, double value) {
    char digits[GRU_NUMBER_MAX];
    gru_str_add_char(text, before);
    gru_str_add_bytes(text, digits, gru_number_format_double(value, digits));
}

gru_status gru_scaler_text(const gru_scaler *s, gru_str *text, gru_error *err) {
    gru_fitted_head(text, "gru-scale");
    gru_fitted_put(text, "method", gru_scale_method_name(s->method));
    if (s->method == GRU_SCALE_MINMAX) {
        gru_str_add(text, "#range");
        add_number(text, ' ', s->low);
        add_number(text, ',', s->high);
        gru_str_add_char(text, '\n');
    }
    gru_fitted_put_count(text, "rows", s->rows);
    gru_fitted_put_count(text, "total", s->total);
    gru_str_add(text, "column\tcenter\tscale\tcount\tmin\tmax\n");
    for (size_t i = 0; i < s->count; i++) {
        const gru_scaler_column *c = &s->column[i];
        gru_tsv_add(text, c->name, strlen(c->name));
        add_number(text, '\t', c->center);
        add_number(text, '\t', c->scale);
        gru_str_addf(text, "\t%zu", c->count);
        add_number(text, '\t', c->min);
        add_number(text, '\t', c->max);
        gru_str_add_char(text, '\n');
    }
    return gru_str_check(text, err);
}

gru_status gru_scaler_save(const gru_scaler *s, const char *path, gru_error *err) {
    gru_str text = {0};
    gru_status status = gru_scaler_text(s, &text, err);
    if (!status)
        status = gru_fitted_save(&text, path, err);
    gru_str_free(&text);
    return status;
}
