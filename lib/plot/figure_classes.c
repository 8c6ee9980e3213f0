/* Figures of class predictions: confusion matrix, ROC curve, scores by true class. */
#include "plot/figure_parts.h"

#include "base/mem.h"
#include "eval/report.h"
#include "plot/gnuplot.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CELLS_MAX = 64,
    CELLS_WRITTEN = 16,
    CURVES_MAX = 10,
    VERTICES = 1000,
    BINS = 40,
    NAME_SHOWN = 18
};

static gru_status evaluate(const gru_drawing *d, gru_evaluation *e, gru_error *err) {
    const gru_evaluate_options how = {.task = GRU_TASK_AUTO};
    gru_predictions p;
    gru_status status = gru_predictions_open(&p, d->table, d->file, true, err);
    if (status != GRU_OK)
        return status;
    if (p.label == GRU_NO_COLUMN)
        status = gru_predictions_lacks(&p, "no column 'label'", err);
    if (status == GRU_OK)
        status = gru_evaluate(e, &p, &how, err);
    gru_predictions_close(&p);
    return status;
}

/* ---- confusion ---- */
static void ticks(gru_drawing *d, const gru_classes *c, const char *axis) {
    bool narrow = c->count <= 8;
    gru_str_addf(&d->script, "set %stics scale 0 (", axis);
    for (size_t i = 0; i < c->count; i++) {
        gru_str_add(&d->script, i ? ", " : "");
        const char *name = gru_classes_name(c, c->order[i]);
        gru_str shown = {0};
        gru_text_cut(&shown, name, NAME_SHOWN);
        gru_gnuplot_quote_tick(&d->script, gru_str_text(&shown));
        gru_str_free(&shown);
        gru_str_addf(&d->script, " %zu", i);
        narrow = narrow && gru_text_width(name) * c->count <= 64;
    }
    gru_str_addf(&d->script, ")%s\n", axis[0] == 'x' && !narrow ? " rotate by 45 right" : "");
}

/* The share of the true class's samples. */
static double share(const gru_classes *c, size_t i, size_t j) {
    const uint64_t truth = c->counts[c->order[i]].truth;
    return truth ? (double)gru_classes_pair(c, c->order[i], c->order[j]) / (double)truth : 0;
}

static void cells(gru_drawing *d, const gru_classes *c) {
    const int size = c->count <= 3 ? 18 : c->count <= 6 ? 13 : 10;
    for (size_t i = 0; c->count <= CELLS_WRITTEN && i < c->count; i++)
        for (size_t j = 0; j < c->count; j++) {
            const char *colour = share(c, i, j) > 0.5 ? "#ffffff" : "#1a1a1a";
            const bool two_lines = c->count <= 6;
            gru_str_addf(&d->script,
                         "set label '%" PRIu64
                         "' at %zu,%zu center offset 0,%s front font ',%d' tc rgb '%s'\n",
                         gru_classes_pair(c, c->order[i], c->order[j]), j, i,
                         two_lines ? size > 14 ? "0.45" : "0.35" : "0", size, colour);
            if (two_lines)
                gru_str_addf(&d->script,
                             "set label '%.1f %%' at %zu,%zu center offset 0,%s front font "
                             "',%d' tc rgb '%s'\n",
                             100 * share(c, i, j), j, i, size > 14 ? "-0.75" : "-0.6",
                             size > 14 ? 11 : 8, colour);
        }
}

static void heat_map(gru_drawing *d, const gru_classes *c) {
    gru_str_add(&d->script, "$c << END_OF_DATA\n");
    for (size_t i = 0; i < c->count; i++) {
        for (size_t j = 0; j < c->count; j++)
            gru_draw_number(d, 100 * share(c, i, j));
        gru_str_add_char(&d->script, '\n');
    }
    gru_str_add(&d->script, "END_OF_DATA\n");
    ticks(d, c, "x");
    ticks(d, c, "y");
    gru_str_addf(&d->script,
                 "set xrange [-0.5:%zu.5]\nset yrange [%zu.5:-0.5]\nunset key\n"
                 "unset grid\nset border 15 lc rgb '#555555'\nset cbrange [0:100]\n"
                 "set cblabel 'share of the true class (%%)'\n"
                 "set palette defined (0 '#f7fbff', 25 '#c6dbef', 50 '#6baed6', 75 '#2171b5', 100 "
                 "'#08306b')\n",
                 c->count - 1, c->count - 1);
    cells(d, c);
    gru_str_add(&d->script, "plot $c matrix with image\n");
}

gru_status gru_draw_confusion(gru_drawing *d, gru_error *err) {
    gru_evaluation e = {0};
    char title[96];
    gru_status status = evaluate(d, &e, err);
    const gru_classes *c = &e.classes;
    if (status == GRU_OK && c->count > CELLS_MAX)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: %zu classes are too many to draw (most: %d)",
                               d->file, c->count, CELLS_MAX);
    if (status == GRU_OK && gru_draw_plain(d)) {
        if (d->figure->title)
            gru_str_addf(d->plain, "%s\n\n", d->figure->title);
        gru_report_matrix(c, d->plain);
        status = gru_str_check(d->plain, err);
    } else if (status == GRU_OK) {
        snprintf(title, sizeof title, "Confusion matrix: %.1f %% of %" PRIu64 " right",
                 100 * gru_classes_accuracy(c), c->total);
        gru_draw_title(d, title);
        gru_draw_labels(d, "predicted class", "true class");
        heat_map(d, c);
    }
    gru_evaluation_free(&e);
    return status;
}

/* ---- ROC ---- */
/* The curve's corners, thinned out where there are very many. */
static void curve(gru_drawing *d, const gru_ranks *r, size_t positive, size_t number) {
    double sides[2] = {0, 0}, at[2] = {0, 0};
    for (size_t i = 0; i < r->count; i++)
        sides[r->at[i].truth == positive]++;
    gru_str_addf(&d->script, "$r%zu << END_OF_DATA\n0 0\n", number);
    double x = 0, y = 0;
    for (size_t i = 0; i < r->count; i++) {
        at[r->at[i].truth == positive]++;
        const bool run_ends = i + 1 == r->count || r->at[i + 1].score < r->at[i].score;
        const double nx = at[0] / sides[0], ny = at[1] / sides[1];
        if (!run_ends || (nx - x < 1.0 / VERTICES && ny - y < 1.0 / VERTICES && i + 1 < r->count))
            continue;
        gru_draw_number(d, x = nx);
        gru_draw_number(d, y = ny);
        gru_str_add_char(&d->script, '\n');
    }
    gru_str_add(&d->script, "END_OF_DATA\n");
}

static void roc_title(gru_str *title, const gru_evaluation *e, size_t positive, double area) {
    gru_str_addf(title, "%s (area %.4f)", gru_classes_name(&e->classes, positive), area);
}

static gru_status draw_curves(gru_drawing *d, const gru_evaluation *e, gru_error *err) {
    static const char *const colours[CURVES_MAX] = {
        GRU_COLOUR_FIRST, GRU_COLOUR_SECOND, "#2a8c4a", "#8e5bb5", "#b8860b",
        "#17a2b8",        "#c2338f",         "#6b4a3a", "#555555", "#9aa800"};
    const size_t count = e->curve_count < CURVES_MAX ? e->curve_count : CURVES_MAX;
    gru_str plot = {0}, title = {0};
    size_t drawn = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t positive = e->task == GRU_TASK_BINARY ? e->positive_id : i;
        const double area = gru_ranks_auc(&e->curves[i], positive);
        if (isnan(area))
            continue;
        curve(d, &e->curves[i], positive, i);
        gru_str_clear(&title);
        roc_title(&title, e, positive, area);
        gru_str_addf(&plot, "$r%zu using 1:2 with lines lw 2.5 lc rgb '%s' title ", i, colours[i]);
        gru_gnuplot_quote(&plot, gru_str_text(&title));
        gru_str_add(&plot, ", ");
        drawn++;
    }
    gru_str_add(&d->script, "plot ");
    gru_str_add(&d->script, gru_str_text(&plot));
    gru_str_add(&d->script, "x with lines lw 1.5 dt 2 lc rgb '" GRU_COLOUR_MARK
                            "' title 'guessing (area 0.5)'\n");
    gru_str_free(&plot);
    gru_str_free(&title);
    return drawn ? GRU_OK
                 : gru_error_set(err, GRU_ERR_DATA, "%s: no ROC curve: y_true holds one class only",
                                 d->file);
}

gru_status gru_draw_roc(gru_drawing *d, gru_error *err) {
    gru_evaluation e = {0};
    gru_status status = evaluate(d, &e, err);
    const bool scores = e.curve_count > 0 && e.curves && e.curves[0].count > 0;
    if (status == GRU_OK && !scores)
        status = gru_error_set(err, GRU_ERR_DATA,
                               "%s: a ROC curve needs probabilities: a column 'score', or up to 64 "
                               "'p_<class>'",
                               d->file);
    if (status == GRU_OK) {
        gru_draw_title(d, "ROC curve");
        gru_draw_labels(d, "false positive rate", "true positive rate");
        gru_str_addf(&d->script,
                     "set xrange [0:1]\nset yrange [0:1]\n%s"
                     "set key bmargin center vertical maxcols %d reverse Left height 1\n",
                     gru_draw_plain(d) ? "" : "set size ratio 1\n", e.curve_count > 4 ? 2 : 1);
        status = draw_curves(d, &e, err);
    }
    gru_evaluation_free(&e);
    return status;
}

/* ---- scores by true class ---- */
static gru_status score_bins(gru_drawing *d, const gru_evaluation *e, gru_error *err) {
    const gru_ranks *r = &e->curves[0];
    const size_t ids = gru_map_count(e->classes.names);
    uint64_t *bins = NULL;
    gru_status status = gru_mem_new(&bins, 2 * BINS, sizeof *bins, err);
    if (status != GRU_OK)
        return status;
    for (size_t i = 0; i < r->count; i++) {
        const size_t bin = (size_t)(r->at[i].score * BINS);
        bins[(r->at[i].truth & 1) * BINS + (bin < BINS ? bin : BINS - 1)]++;
    }
    gru_str_add(&d->script, "$d << END_OF_DATA\n");
    for (size_t i = 0; i < BINS; i++)
        gru_str_addf(&d->script, "%g %" PRIu64 " %" PRIu64 "\n", ((double)i + 0.5) / BINS, bins[i],
                     bins[BINS + i]);
    gru_str_add(&d->script, "END_OF_DATA\nset style fill transparent solid 0.55 noborder\n");
    gru_str_addf(&d->script, "set boxwidth %g\nset xrange [0:1]\nset yrange [0:*]\nplot ",
                 1.0 / BINS);
    for (size_t i = 0; i < ids && i < 2; i++) {
        gru_str_addf(&d->script, "%s$d using 1:%zu with boxes lc rgb '%s' title ", i ? ", " : "",
                     i + 2, i == e->positive_id ? GRU_COLOUR_FIRST : GRU_COLOUR_SECOND);
        gru_str name = {0};
        gru_str_addf(&name, "true class %s", gru_classes_name(&e->classes, i));
        gru_gnuplot_quote(&d->script, gru_str_text(&name));
        gru_str_free(&name);
    }
    gru_str_add_char(&d->script, '\n');
    free(bins);
    return GRU_OK;
}

gru_status gru_draw_scores(gru_drawing *d, gru_error *err) {
    gru_evaluation e = {0};
    gru_status status = evaluate(d, &e, err);
    if (status == GRU_OK && (e.task != GRU_TASK_BINARY || !e.curves[0].count || !e.positive))
        status = gru_error_set(
            err, GRU_ERR_DATA,
            "%s: a distribution needs a column 'score' (two classes), or 'y_pred'", d->file);
    if (status == GRU_OK) {
        gru_str x = {0};
        gru_str_addf(&x, "score: predicted probability of %s", e.positive);
        gru_draw_title(d, "Scores by true class");
        gru_draw_labels(d, gru_str_text(&x), "samples");
        gru_str_free(&x);
        status = score_bins(d, &e, err);
    }
    gru_evaluation_free(&e);
    return status;
}
