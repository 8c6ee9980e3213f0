/* Figures of predicted numbers: over time, against the truth, and their errors. */
#include "plot/figure_parts.h"

#include "base/map.h"
#include "base/mem.h"
#include "eval/predictions.h"
#include "eval/when.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 50, DAY = 86400 };

/* One row: where it stands, what was true (NaN: unknown), what was predicted. */
typedef struct point {
    double x;                   /* seconds, or the row from 1 */
    double at[GRU_DATE_ORDERS]; /* seconds, as long as the order of its date is unknown */
    double truth, predicted;
    size_t group; /* 0 … in the order of their first rows */
    size_t row;
} point;

typedef struct points {
    point *at;
    size_t count, cap, truths;
    gru_date_watch watch;
    gru_map *groups; /* name → number; NULL: no such column */
    bool dates;      /* x is a date, not a row */
} points;

static gru_status find_group(points *all, const gru_field *name, size_t *group, gru_error *err) {
    if (!all->groups && gru_map_new(&all->groups, err))
        return err->code;
    return gru_map_number(all->groups, name->text, name->len, group, err);
}

static gru_status read_point(const gru_predictions *p, points *all, gru_error *err) {
    point new = {.x = (double)all->count + 1, .truth = NAN, .row = all->count};
    gru_status status = gru_predictions_number(p, p->outputs[0], &new.predicted, err);
    if (status == GRU_OK && p->truth_count && !gru_predictions_missing(p, p->truths[0], true)) {
        status = gru_predictions_number(p, p->truths[0], &new.truth, err);
        all->truths++;
    }
    if (p->id != GRU_NO_COLUMN) {
        const gru_field *id = &p->row[p->id];
        memcpy(new.at, gru_when_id(id->text, id->len).at, sizeof new.at);
        gru_date_watch_add(&all->watch, id->text, id->len, gru_table_line(p->table));
    }
    if (status == GRU_OK && p->group != GRU_NO_COLUMN)
        status = find_group(all, &p->row[p->group], &new.group, err);
    if (status == GRU_OK)
        status = gru_mem_grow(&all->at, &all->cap, all->count + 1, sizeof *all->at, err);
    if (status == GRU_OK)
        all->at[all->count++] = new;
    return status;
}

static int by_group(const void *a, const void *b) {
    const point *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static gru_status read_points(const gru_drawing *d, bool want_truth, points *all, gru_error *err) {
    gru_predictions p;
    *all = (points){0};
    gru_status status = gru_predictions_open(&p, d->table, d->file, want_truth, err);
    if (status != GRU_OK)
        return status;
    if (p.output_count == 0)
        status = gru_predictions_lacks(&p, "no column 'y_pred'", err);
    while (status == GRU_OK) {
        status = gru_predictions_next(&p, err);
        if (status != GRU_OK || !p.row)
            break;
        status = read_point(&p, all, err);
    }
    if (status == GRU_OK && all->count == 0)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: no rows, only a header", d->file);
    if (status == GRU_OK && want_truth && all->truths == 0)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: no row has a y_true", d->file);
    const gru_date_order order = gru_date_watch_order(&all->watch);
    all->dates = status == GRU_OK && p.id != GRU_NO_COLUMN && order != GRU_DATE_ORDERS;
    for (size_t i = 0; all->dates && i < all->count; i++)
        all->at[i].x = all->at[i].at[order];
    if (all->groups)
        qsort(all->at, all->count, sizeof *all->at, by_group);
    gru_predictions_close(&p);
    return status;
}

static void free_points(points *all) {
    gru_map_free(all->groups);
    free(all->at);
}

static const char *value_name(const gru_drawing *d) {
    return d->figure->values ? d->figure->values : "value";
}

static void write_points(gru_drawing *d, const points *all) {
    gru_str_add(&d->script, "$p << END_OF_DATA\n");
    for (size_t i = 0; i < all->count; i++) {
        if (i > 0 && all->at[i].group != all->at[i - 1].group)
            gru_str_add_char(&d->script, '\n'); /* where gnuplot ends a line */
        gru_draw_number(d, all->at[i].x);
        gru_draw_number(d, all->at[i].truth);
        gru_draw_number(d, all->at[i].predicted);
        gru_str_add_char(&d->script, '\n');
    }
    gru_str_add(&d->script, "END_OF_DATA\n");
}

/* ---- over time ---- */
static void date_axis(gru_drawing *d, const points *all) {
    double low = all->at[0].x, high = low;
    for (size_t i = 0; i < all->count; i++) {
        low = fmin(low, all->at[i].x);
        high = fmax(high, all->at[i].x);
    }
    const double days = (high - low) / DAY;
    bool whole_days = true;
    for (size_t i = 0; i < all->count; i++)
        whole_days = whole_days && !(fmod(all->at[i].x, DAY) > 0);
    const char *format = days > 20 * 365          ? "%Y"
                         : days > 120             ? "%Y-%m"
                         : whole_days || days > 3 ? "%Y-%m-%d"
                                                  : "%m-%d\\n%H:%M";
    gru_str_addf(&d->script,
                 "set rmargin 6\nset xdata time\nset timefmt '%%s'\nset format x \"%s\"\nset "
                 "xrange ['%.0f':'%.0f']\n",
                 format, low, high > low ? high : low + DAY);
}

gru_status gru_draw_series(gru_drawing *d, gru_error *err) {
    points all;
    gru_status status = read_points(d, false, &all, err);
    if (status == GRU_OK) {
        const bool dates = all.dates;
        const bool dots = all.count <= 60 && !gru_draw_plain(d);
        write_points(d, &all);
        gru_draw_title(d, all.truths ? "Actual and predicted values" : "Predicted values");
        gru_draw_labels(d, dates ? "date" : "row", value_name(d));
        if (dates)
            date_axis(d, &all);
        gru_str_add(&d->script, "plot ");
        if (all.truths)
            gru_str_addf(&d->script,
                         "$p using 1:2 with %s lw 2 lc rgb '" GRU_COLOUR_FIRST "' title 'actual', ",
                         dots ? "linespoints pt 7 ps 0.5" : "lines");
        gru_str_addf(&d->script,
                     "$p using 1:3 with %s lw 2 lc rgb '" GRU_COLOUR_SECOND "' title 'predicted'\n",
                     dots ? "linespoints pt 7 ps 0.5" : "lines");
    }
    free_points(&all);
    return status;
}

/* ---- against the truth ---- */
gru_status gru_draw_scatter(gru_drawing *d, gru_error *err) {
    points all;
    gru_status status = read_points(d, true, &all, err);
    if (status == GRU_OK) {
        double low = HUGE_VAL, high = -HUGE_VAL;
        for (size_t i = 0; i < all.count; i++) {
            if (isnan(all.at[i].truth))
                continue;
            low = fmin(low, fmin(all.at[i].truth, all.at[i].predicted));
            high = fmax(high, fmax(all.at[i].truth, all.at[i].predicted));
        }
        const double room = high > low ? (high - low) * 0.04 : 1;
        char x[160], y[160];
        snprintf(x, sizeof x, "actual %.120s", value_name(d));
        snprintf(y, sizeof y, "predicted %.120s", value_name(d));
        write_points(d, &all);
        gru_draw_title(d, "Predicted against actual values");
        gru_draw_labels(d, x, y);
        gru_str_addf(&d->script, "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\n", low - room,
                     high + room, low - room, high + room);
        if (!gru_draw_plain(d))
            gru_str_add(&d->script, "set size ratio 1\n");
        gru_str_addf(&d->script,
                     "plot $p using 2:3 with points pt 7 ps %s lc rgb '" GRU_COLOUR_FIRST "' title "
                     "'samples', x with lines dt 2 lw 1.5 lc rgb '" GRU_COLOUR_MARK
                     "' title 'predicted = actual'\n",
                     all.count > 2000 ? "0.3" : "0.6");
    }
    free_points(&all);
    return status;
}

/* ---- errors ---- */
static void error_bins(gru_drawing *d, const points *all) {
    double low = HUGE_VAL, high = -HUGE_VAL;
    size_t bins[BINS] = {0};
    for (size_t i = 0; i < all->count; i++) {
        const double error = all->at[i].predicted - all->at[i].truth;
        if (!isnan(error)) {
            low = fmin(low, error);
            high = fmax(high, error);
        }
    }
    const double width = high > low ? (high - low) / BINS : 1;
    for (size_t i = 0; i < all->count; i++) {
        const double error = all->at[i].predicted - all->at[i].truth;
        if (isnan(error))
            continue;
        const size_t bin = (size_t)((error - low) / width);
        bins[bin < BINS ? bin : BINS - 1]++;
    }
    gru_str_add(&d->script, "$d << END_OF_DATA\n");
    for (size_t i = 0; i < BINS; i++)
        gru_str_addf(&d->script, "%.9g %zu\n", low + ((double)i + 0.5) * width, bins[i]);
    gru_str_addf(&d->script,
                 "END_OF_DATA\nset style fill solid 0.6 noborder\nset boxwidth %.9g\n"
                 "set yrange [0:*]\n"
                 "set arrow from 0, graph 0 to 0, graph 1 nohead dt 2 lw 1.5 lc rgb '%s' front\n"
                 "unset key\nplot $d using 1:2 with boxes lc rgb '%s'\n",
                 width * 0.95, GRU_COLOUR_MARK, GRU_COLOUR_FIRST);
}

gru_status gru_draw_distribution(gru_drawing *d, gru_error *err) {
    if (gru_table_column(d->table, "label") != GRU_NO_COLUMN)
        return gru_draw_scores(d, err);
    points all;
    gru_status status = read_points(d, true, &all, err);
    if (status == GRU_OK) {
        char x[200];
        snprintf(x, sizeof x, "error: predicted minus actual %.120s", value_name(d));
        gru_draw_title(d, "Errors");
        gru_draw_labels(d, x, "samples");
        error_bins(d, &all);
    }
    free_points(&all);
    return status;
}
