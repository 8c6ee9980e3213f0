/* One function a kind of figure, and what they share; private to lib/plot. */
#ifndef GRU_PLOT_FIGURE_PARTS_H
#define GRU_PLOT_FIGURE_PARTS_H

#include "plot/figure.h"

/* Colours: true or training, predicted or validation, marks. */
#define GRU_COLOUR_FIRST "#1f5fa8"
#define GRU_COLOUR_SECOND "#d9541e"
#define GRU_COLOUR_MARK "#777777"

typedef struct gru_drawing {
    const gru_figure *figure;
    gru_table *table;
    const char *file;
    gru_str script; /* grows; the terminal's line is put before it at the end */
    gru_str *plain; /* what is drawn without gnuplot (terminal only) */
} gru_drawing;

gru_status gru_draw_history(gru_drawing *d, gru_error *err);
gru_status gru_draw_confusion(gru_drawing *d, gru_error *err);
gru_status gru_draw_roc(gru_drawing *d, gru_error *err);
gru_status gru_draw_series(gru_drawing *d, gru_error *err);
gru_status gru_draw_scatter(gru_drawing *d, gru_error *err);
gru_status gru_draw_distribution(gru_drawing *d, gru_error *err);
/* The distribution of scores; gru_draw_distribution calls it for tables without y_pred. */
gru_status gru_draw_scores(gru_drawing *d, gru_error *err);
gru_status gru_draw_heat(gru_drawing *d, gru_error *err);

/* "set title '…'": the user's, or usual. */
void gru_draw_title(gru_drawing *d, const char *usual);
/* "set xlabel '…'; set ylabel '…'". */
void gru_draw_labels(gru_drawing *d, const char *x, const char *y);
/* A number, or NaN as gnuplot reads it. */
void gru_draw_number(gru_drawing *d, double value);
/* true on a terminal of characters. */
bool gru_draw_plain(const gru_drawing *d);

#endif
