/* Figures of training, predictions and the inside of a network, drawn by gnuplot. */
#ifndef GRU_PLOT_FIGURE_H
#define GRU_PLOT_FIGURE_H

#include "base/str.h"
#include "io/table.h"

typedef enum gru_figure_kind {
    GRU_FIGURE_HISTORY,   /* epoch, then figures each with its val_ one */
    GRU_FIGURE_CONFUSION, /* the others down to DISTRIBUTION: predictions.h */
    GRU_FIGURE_ROC,
    GRU_FIGURE_SERIES,
    GRU_FIGURE_SCATTER,
    GRU_FIGURE_DISTRIBUTION, /* scores by true class, or errors of numbers */
    GRU_FIGURE_ATTENTION,    /* id, step, one number; or one row of numbers an id */
    GRU_FIGURE_STATES,       /* step, several numbers: units over the steps of the first id */
    GRU_FIGURE_COUNT
} gru_figure_kind;

typedef enum gru_canvas {
    GRU_CANVAS_TERMINAL,
    GRU_CANVAS_PNG,
    GRU_CANVAS_SVG,
    GRU_CANVAS_PDF
} gru_canvas;

typedef struct gru_figure {
    gru_figure_kind kind;
    gru_canvas canvas;
    int width, height;  /* pixels, on a terminal characters */
    const char *title;  /* NULL: one that says what is shown */
    const char *font;   /* NULL: a good one */
    const char *values; /* axis label of numbers, with their unit; NULL: "value" */
} gru_figure;

gru_figure_kind gru_figure_named(const char *name); /* GRU_FIGURE_COUNT: unknown */
/* PNG, SVG or PDF by the file's ending (any case); NULL or "-" is the terminal. GRU_ERR_USAGE else.
 */
gru_status gru_canvas_for(const char *path, gru_canvas *canvas, gru_error *err);
/* The usual size of a figure on its canvas; that of the terminal at standard output. */
void gru_figure_size(gru_figure *figure);
/* Reads table (file names it in messages) to its end and appends the picture to *out. */
gru_status gru_figure_draw(const gru_figure *figure, gru_table *table, const char *file,
                           gru_str *out, gru_error *err);

#endif
