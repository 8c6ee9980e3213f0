/* A table cleaned step by step (clean.h). Text stays in the frame; the columns of numbers are
 * copied out, and `row` says which of the frame's rows each row that is left came from. */
#include "series/clean.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "series/date.h"
#include "series/frame.h"
#include "series/mean.h"
#include "series/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct work {
    gru_frame frame;
    double **number; /* by column; NULL where it passes as it is */
    double *scratch; /* rows */
    size_t *row, rows;
    size_t index; /* SIZE_MAX: none */
    gru_moment *moment;
} work;

/* ---- words, and their places ---- */

static const char *const kinds[] = {"impute", "outliers", "smooth", "resample", "difference", NULL};
static const char *const imputes[] = {"linear", "forward", "backward", "mean",
                                      "median", "zero",    "drop",     NULL};
static const char *const outliers[] = {"iqr", "zscore", NULL};
static const char *const smooths[] = {"mean", "median", NULL};
static const char *const periods[] = {"day", "week", "month", NULL};
static const char *const values[] = {"last", "first", "mean", "min", "max", "sum", NULL};
enum {
    IMPUTE_LINEAR,
    IMPUTE_FORWARD,
    IMPUTE_BACKWARD,
    IMPUTE_MEAN,
    IMPUTE_MEDIAN,
    IMPUTE_ZERO,
    IMPUTE_DROP
};
enum { OUTLIERS_IQR, OUTLIERS_ZSCORE };
enum { SMOOTH_MEAN, SMOOTH_MEDIAN };
enum { PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH };
enum { VALUE_LAST, VALUE_FIRST, VALUE_MEAN, VALUE_MIN, VALUE_MAX, VALUE_SUM };

static int find_word(const char *const *words, const char *text, size_t len) {
    for (int i = 0; words[i]; i++)
        if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0)
            return i;
    return -1;
}

static gru_status bad_step(const char *text, const char *expected, gru_error *err) {
    return gru_error_set(err, GRU_ERR_USAGE, "--do '%s': expected %s", text, expected);
}

/* What the kinds take, in the words of the manual. */
static const char *const forms[] = {
    "impute=linear, forward, backward, mean, median, zero or drop",
    "outliers=iqr:K or zscore:K, K above 0, and perhaps :missing",
    "smooth=mean:N or median:N, N rows from 1 to 1000000",
    "resample=day, week or month, then :last, first, mean, min, max or sum",
    "difference=N, N rows from 1 to 1000000"};

static bool parse_number(const char *text, size_t len, bool whole, double *out) {
    return gru_number_parse(text, len, out) && *out > 0 && *out <= 1e6 &&
           (!whole || *out == floor(*out));
}

/* "how", "how:number", "how:number:missing", "how:value". */
static bool parse_how(gru_clean_step *s, const char *text) {
    static const char *const *const hows[] = {imputes, outliers, smooths, periods};
    if (s->kind == GRU_CLEAN_DIFFERENCE)
        return parse_number(text, strlen(text), true, &s->number);
    size_t len = strcspn(text, ":");
    s->how = find_word(hows[s->kind], text, len);
    if (s->how < 0 || s->kind == GRU_CLEAN_IMPUTE)
        return s->how >= 0 && !text[len];
    if (!text[len])
        return false;
    text += len + 1;
    len = strcspn(text, ":");
    if (s->kind == GRU_CLEAN_RESAMPLE) {
        s->value = find_word(values, text, len);
        return s->value >= 0 && !text[len];
    }
    s->missing = s->kind == GRU_CLEAN_OUTLIERS && strcmp(text + len, ":missing") == 0;
    return parse_number(text, len, s->kind == GRU_CLEAN_SMOOTH, &s->number) &&
           (s->missing || !text[len]);
}

gru_status gru_clean_parse(gru_clean_step *step, const char *text, gru_error *err) {
    size_t len = strcspn(text, "=");
    int kind = find_word(kinds, text, len);
    if (kind < 0 || !text[len])
        return bad_step(text, "impute=, outliers=, smooth=, resample= or difference=", err);
    *step = (gru_clean_step){.kind = (gru_clean_kind)kind};
    return parse_how(step, text + len + 1) ? GRU_OK : bad_step(text, forms[kind], err);
}

/* ---- steps on one column ---- */

/* The numbers that are there, to out; returns how many. */
static size_t present(const double *x, size_t count, double *out) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(x[i]))
            out[n++] = x[i];
    return n;
}

static void impute_line(double *x, size_t rows) {
    size_t last = SIZE_MAX;
    for (size_t i = 0; i < rows; i++) {
        if (isnan(x[i]))
            continue;
        for (size_t k = last + 1; last != SIZE_MAX && k < i; k++)
            x[k] = x[last] + (x[i] - x[last]) * (double)(k - last) / (double)(i - last);
        last = i;
    }
}

static void impute(const gru_clean_step *s, double *x, size_t rows, double *scratch) {
    double with = 0;
    if (s->how == IMPUTE_LINEAR)
        impute_line(x, rows);
    for (size_t i = 1; s->how == IMPUTE_FORWARD && i < rows; i++)
        x[i] = isnan(x[i]) ? x[i - 1] : x[i];
    for (size_t i = rows; s->how == IMPUTE_BACKWARD && i-- > 1;)
        x[i - 1] = isnan(x[i - 1]) ? x[i] : x[i - 1];
    if (s->how < IMPUTE_MEAN || s->how == IMPUTE_DROP)
        return;
    if (s->how == IMPUTE_MEAN)
        with = gru_mean(x, rows, NULL);
    else if (s->how == IMPUTE_MEDIAN)
        with = gru_median(scratch, present(x, rows, scratch));
    for (size_t i = 0; i < rows; i++)
        x[i] = isnan(x[i]) ? with : x[i];
}

static void cut_outliers(const gru_clean_step *s, double *x, size_t rows, double *scratch) {
    double low, high;
    if (s->how == OUTLIERS_IQR) {
        size_t n = present(x, rows, scratch);
        double q1 = gru_quantile(scratch, n, 0.25), q3 = gru_quantile(scratch, n, 0.75);
        low = q1 - s->number * (q3 - q1);
        high = q3 + s->number * (q3 - q1);
    } else {
        double variance, middle = gru_mean(x, rows, &variance);
        low = middle - s->number * sqrt(variance);
        high = middle + s->number * sqrt(variance);
    }
    for (size_t i = 0; i < rows; i++)
        if (x[i] < low || x[i] > high)
            x[i] = s->missing ? NAN : x[i] < low ? low : high;
}

/* From this row and those before it only: a mean that looks ahead would tell the future. */
static void smooth(const gru_clean_step *s, double *x, size_t rows, double *scratch) {
    size_t window = (size_t)s->number;
    for (size_t i = rows; i-- > 0;) {
        size_t n = i + 1 < window ? i + 1 : window;
        const double *from = x + (i + 1 - n);
        if (isnan(x[i]))
            continue;
        x[i] = s->how == SMOOTH_MEAN ? gru_mean(from, n, NULL)
                                     : gru_median(scratch, present(from, n, scratch));
    }
}

static void difference(double *x, size_t rows, size_t lag) {
    for (size_t i = 0; i + lag < rows; i++)
        x[i] = x[i + lag] - x[i];
}

/* ---- steps that change the rows ---- */

static void drop_gaps(work *w) {
    size_t left = 0;
    for (size_t r = 0; r < w->rows; r++) {
        bool whole = true;
        for (size_t c = 0; c < w->frame.columns; c++)
            whole = whole && (!w->number[c] || !isnan(w->number[c][r]));
        if (!whole)
            continue;
        for (size_t c = 0; c < w->frame.columns; c++)
            if (w->number[c])
                w->number[c][left] = w->number[c][r];
        w->row[left++] = w->row[r];
    }
    w->rows = left;
}

static int64_t period_of(gru_moment moment, int period) {
    int64_t days = gru_date_days_of(moment);
    int year, month, day;
    if (period == PERIOD_DAY)
        return days;
    if (period == PERIOD_WEEK)
        return days - gru_date_weekday(days);
    gru_date_civil(days, &year, &month, &day);
    return (int64_t)year * 12 + month;
}

static double gather(const double *x, size_t count, int value) {
    double found = NAN;
    if (value == VALUE_MEAN)
        return gru_mean(x, count, NULL);
    for (size_t i = 0; i < count; i++) {
        if (isnan(x[i]))
            continue;
        if (isnan(found) || value == VALUE_LAST || (value == VALUE_MIN && x[i] < found) ||
            (value == VALUE_MAX && x[i] > found))
            found = x[i];
        else if (value == VALUE_SUM)
            found += x[i];
    }
    return found;
}

/* A period's row carries the date and the text of the period's last. */
static void resample(work *w, const gru_clean_step *s) {
    size_t left = 0;
    for (size_t from = 0, to; from < w->rows; from = to) {
        int64_t period = period_of(w->moment[w->row[from]], s->how);
        for (to = from; to < w->rows && period_of(w->moment[w->row[to]], s->how) == period;)
            to++;
        for (size_t c = 0; c < w->frame.columns; c++)
            if (w->number[c])
                w->number[c][left] = gather(w->number[c] + from, to - from, s->value);
        w->row[left++] = w->row[to - 1];
    }
    w->rows = left;
}

static gru_status take_step(work *w, const gru_clean_step *s, gru_error *err) {
    size_t lag = s->kind == GRU_CLEAN_DIFFERENCE ? (size_t)s->number : 0;
    if (lag && lag >= w->rows)
        return gru_error_set(err, GRU_ERR_DATA, "%s: difference=%zu leaves nothing of %zu rows",
                             w->frame.source, lag, w->rows);
    for (size_t c = 0; c < w->frame.columns; c++) {
        double *x = w->number[c];
        if (x && s->kind == GRU_CLEAN_IMPUTE)
            impute(s, x, w->rows, w->scratch);
        else if (x && s->kind == GRU_CLEAN_OUTLIERS)
            cut_outliers(s, x, w->rows, w->scratch);
        else if (x && s->kind == GRU_CLEAN_SMOOTH)
            smooth(s, x, w->rows, w->scratch);
        else if (x && lag)
            difference(x, w->rows, lag);
    }
    if (s->kind == GRU_CLEAN_RESAMPLE)
        resample(w, s);
    else if (s->kind == GRU_CLEAN_IMPUTE && s->how == IMPUTE_DROP)
        drop_gaps(w);
    w->rows -= lag;
    if (lag)
        memmove(w->row, w->row + lag, w->rows * sizeof *w->row);
    if (w->rows == 0)
        return gru_error_set(err, GRU_ERR_DATA, "%s: a step left no rows", w->frame.source);
    return GRU_OK;
}

/* ---- the table ---- */

static gru_status read_dates(work *w, gru_error *err) {
    gru_date_watch watch = {0};
    unsigned long long line;
    const gru_frame *f = &w->frame;
    if (gru_mem_new(&w->moment, f->rows, sizeof *w->moment, err))
        return err->code;
    for (size_t r = 0; r < f->rows; r++) {
        const char *text = gru_frame_cell(f, r, w->index);
        gru_date_watch_add(&watch, text, strlen(text), gru_frame_line(f, r));
        if (gru_date_watch_order(&watch) == GRU_DATE_ORDERS)
            return gru_error_set(err, GRU_ERR_DATA, "%s:%llu: column '%s': '%.100s' is not a date",
                                 f->source, gru_frame_line(f, r), f->name[w->index], text);
    }
    if (gru_date_watch_falls(&watch, &line))
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s:%llu: column '%s' runs backwards; sort it first", f->source, line,
                             f->name[w->index]);
    gru_date_order order = gru_date_watch_order(&watch);
    for (size_t r = 0; r < f->rows; r++) {
        const char *text = gru_frame_cell(f, r, w->index);
        gru_date_parse(text, strlen(text), order, &w->moment[r]);
    }
    return GRU_OK;
}

static gru_status read_column(work *w, size_t column, gru_error *err) {
    if (w->number[column])
        return GRU_OK;
    return gru_mem_new(&w->number[column], w->frame.rows, sizeof(double), err)
               ? err->code
               : gru_frame_numbers(&w->frame, column, w->number[column], err);
}

/* A column that is left alone for a few cells is hardly meant to be. */
static void warn_of_strays(const gru_frame *f, size_t column) {
    size_t numbers = 0, strays = 0, first = 0;
    double number;
    for (size_t r = 0; r < f->rows; r++) {
        const char *text = gru_frame_cell(f, r, column);
        size_t len = strlen(text);
        if (gru_number_missing(text, len))
            continue;
        if (gru_number_parse(text, len, &number))
            numbers++;
        else if (strays++ == 0)
            first = r;
    }
    if (strays && numbers > strays) {
        gru_warn("%s:%llu: column '%s' is left as it is: '%.80s' is not a number", f->source,
                 gru_frame_line(f, first), f->name[column], gru_frame_cell(f, first, column));
    }
}

static gru_status read_columns(work *w, const gru_clean_plan *plan, const gru_table *table,
                               gru_error *err) {
    size_t *chosen = NULL, count = 0;
    gru_status status = GRU_OK;
    if (plan->columns)
        status = gru_table_find_list(table, plan->columns, &chosen, &count, err);
    for (size_t i = 0; !status && i < count; i++)
        status = chosen[i] == w->index
                     ? gru_error_set(err, GRU_ERR_USAGE, "--columns names --index's column '%s'",
                                     plan->index)
                     : read_column(w, chosen[i], err);
    for (size_t c = 0; !status && !plan->columns && c < w->frame.columns; c++)
        if (c != w->index && gru_frame_is_numeric(&w->frame, c)) {
            status = read_column(w, c, err);
            count++;
        } else if (c != w->index) {
            warn_of_strays(&w->frame, c);
        }
    free(chosen);
    if (!status && !count)
        return gru_error_set(
            err, GRU_ERR_DATA,
            "%s: no column of numbers; with --columns A the first word in A that is none is named",
            w->frame.source);
    return status;
}

static gru_status read_table(work *w, const gru_clean_plan *plan, gru_table *table,
                             const char *source, gru_error *err) {
    w->index = SIZE_MAX;
    if ((plan->index && gru_table_find(table, plan->index, &w->index, err)) ||
        gru_frame_read(&w->frame, table, source, err))
        return err->code;
    w->rows = w->frame.rows;
    if (!w->rows)
        return gru_error_set(err, GRU_ERR_DATA, "%s: no rows after the header", source);
    if (gru_mem_new(&w->number, w->frame.columns, sizeof *w->number, err) ||
        gru_mem_new(&w->scratch, w->rows, sizeof *w->scratch, err) ||
        gru_mem_new(&w->row, w->rows, sizeof *w->row, err))
        return err->code;
    for (size_t r = 0; r < w->rows; r++)
        w->row[r] = r;
    if (plan->index && read_dates(w, err))
        return err->code;
    return read_columns(w, plan, table, err);
}

static gru_status write_table(const work *w, gru_table_writer *to, gru_error *err) {
    const gru_frame *f = &w->frame;
    gru_status status = GRU_OK;
    for (size_t c = 0; !status && c < f->columns; c++)
        status = gru_table_put_text(to, f->name[c], err);
    if (!status)
        status = gru_table_end_row(to, err);
    for (size_t r = 0; !status && r < w->rows; r++) {
        for (size_t c = 0; !status && c < f->columns; c++)
            status = w->number[c] ? gru_table_put_double(to, w->number[c][r], err)
                                  : gru_table_put_text(to, gru_frame_cell(f, w->row[r], c), err);
        if (!status)
            status = gru_table_end_row(to, err);
    }
    return status;
}

static gru_status check_size(const work *w, gru_error *err) {
    for (size_t c = 0; c < w->frame.columns; c++)
        for (size_t r = 0; w->number[c] && r < w->rows; r++)
            if (isinf(w->number[c][r]))
                return gru_error_set(
                    err, GRU_ERR_DATA, "%s:%llu: column '%s': a step makes too large a number",
                    w->frame.source, gru_frame_line(&w->frame, w->row[r]), w->frame.name[c]);
    return GRU_OK;
}

gru_status gru_clean_run(const gru_clean_plan *plan, gru_table *table, const char *source,
                         gru_table_writer *to, gru_error *err) {
    work w = {0};
    for (size_t i = 0; i < plan->count; i++)
        if (plan->steps[i].kind == GRU_CLEAN_RESAMPLE && !plan->index)
            return gru_error_set(err, GRU_ERR_USAGE,
                                 "resample needs --index: which column has the "
                                 "dates");
    gru_status status = read_table(&w, plan, table, source, err);
    for (size_t i = 0; !status && i < plan->count; i++)
        status = take_step(&w, &plan->steps[i], err);
    if (!status)
        status = check_size(&w, err);
    if (!status)
        status = write_table(&w, to, err);
    for (size_t c = 0; w.number && c < w.frame.columns; c++)
        free(w.number[c]);
    free(w.number);
    free(w.scratch);
    free(w.row);
    free(w.moment);
    gru_frame_free(&w.frame);
    return status;
}
