/* Learning curves: one panel a figure, training and validation, the best epoch marked. */
#include "plot/figure_parts.h"

#include "base/mem.h"
#include "plot/gnuplot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PANELS_MAX = 4, ROWS_MAX = 1000000 };

typedef struct panel {
    size_t train, validation; /* columns; SIZE_MAX: none */
} panel;

typedef struct history {
    size_t epoch;
    panel panels[PANELS_MAX];
    size_t count;
    double best, best_epoch; /* lowest val_loss, or loss */
    size_t rows;
} history;

static gru_status find_panels(const gru_drawing *d, history *h, gru_error *err) {
    gru_status status = gru_table_find(d->table, "epoch", &h->epoch, err);
    if (status == GRU_OK && gru_table_column(d->table, "step") != SIZE_MAX)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: a table with steps, not a history, which has one row an epoch; "
                             "gru-train(1) shows how to draw what --gradients writes",
                             d->file);
    for (size_t i = 0; status == GRU_OK && i < gru_table_columns(d->table); i++) {
        const char *name = gru_table_name(d->table, i);
        char validation[128];
        snprintf(validation, sizeof validation, "val_%s", name);
        if (!strcmp(name, "epoch") || !strcmp(name, "lr") || !strcmp(name, "seconds") ||
            !strncmp(name, "val_", 4) || h->count == PANELS_MAX)
            continue;
        h->panels[h->count++] = (panel){i, gru_table_column(d->table, validation)};
    }
    if (status == GRU_OK && h->count == 0) /* which says that it is missing */
        status = gru_table_find(d->table, "loss", &h->panels[0].train, err);
    return status;
}

/* Writes epoch, then the two columns of each panel. */
static gru_status write_row(gru_drawing *d, history *h, const gru_field *row, gru_error *err) {
    double epoch, value[2];
    bool missing;
    gru_status status = gru_table_number(d->table, row, h->epoch, &epoch, &missing, err);
    if (status != GRU_OK)
        return status;
    gru_draw_number(d, epoch);
    for (size_t i = 0; status == GRU_OK && i < h->count; i++) {
        const size_t columns[2] = {h->panels[i].train, h->panels[i].validation};
        for (size_t k = 0; status == GRU_OK && k < 2; k++) {
            value[k] = NAN;
            if (columns[k] != SIZE_MAX)
                status = gru_table_number(d->table, row, columns[k], &value[k], &missing, err);
            gru_draw_number(d, value[k]);
        }
        const double judged = h->panels[0].validation == SIZE_MAX ? value[0] : value[1];
        if (i == 0 && (h->rows == 0 || isnan(h->best) || judged < h->best)) {
            h->best = judged;
            h->best_epoch = epoch;
        }
    }
    gru_str_add_char(&d->script, '\n');
    h->rows++;
    return status;
}

static gru_status write_rows(gru_drawing *d, history *h, gru_error *err) {
    gru_status status = GRU_OK;
    gru_str_add(&d->script, "$h << END_OF_DATA\n");
    while (status == GRU_OK) {
        const gru_field *row;
        status = gru_table_next(d->table, &row, err);
        if (status != GRU_OK || !row)
            break;
        if (h->rows == ROWS_MAX)
            return gru_error_set(err, GRU_ERR_DATA, "%s: more than %d epochs", d->file, ROWS_MAX);
        status = write_row(d, h, row, err);
    }
    gru_str_add(&d->script, "END_OF_DATA\n");
    if (status == GRU_OK && h->rows == 0)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: no epochs, only a header", d->file);
    return status;
}

static void draw_panel(gru_drawing *d, const history *h, size_t index) {
    const panel *p = &h->panels[index];
    const char *name = gru_table_name(d->table, p->train);
    /* Few epochs deserve points; gnuplot can't draw a line through one. */
    const char *with = h->rows <= 60 ? "linespoints pt 7 ps 0.6" : "lines";
    const bool validated = p->validation != SIZE_MAX;
    gru_draw_labels(d, "epoch", name);
    gru_str_addf(&d->script,
                 "plot $h using 1:%zu with %s lw 2 lc rgb '" GRU_COLOUR_FIRST "' title ",
                 2 * index + 2, gru_draw_plain(d) ? "lines" : with);
    gru_gnuplot_quote(&d->script, "training");
    if (validated)
        gru_str_addf(&d->script,
                     ", $h using 1:%zu with %s lw 2 lc rgb '" GRU_COLOUR_SECOND
                     "' title 'validation'",
                     2 * index + 3, gru_draw_plain(d) ? "lines" : with);
    gru_str_add_char(&d->script, '\n');
}

gru_status gru_draw_history(gru_drawing *d, gru_error *err) {
    history h = {.best = NAN};
    char title[96];
    gru_status status = find_panels(d, &h, err);
    if (status == GRU_OK)
        status = write_rows(d, &h, err);
    if (status != GRU_OK)
        return status;
    snprintf(title, sizeof title, "Learning curves (lowest %s: epoch %.0f)",
             h.panels[0].validation == SIZE_MAX ? "loss" : "validation loss", h.best_epoch);
    if (gru_draw_plain(d)) {
        h.count = 1; /* characters are too coarse for several panels */
        /* nor may a curve lie where the axis is drawn, which would hide it */
        gru_str_add(&d->script, "set offsets 0, 0, graph 0.08, graph 0.08\n"
                                "set autoscale y noextend\n");
    }
    if (h.count > 1) {
        gru_str_addf(&d->script, "set multiplot layout %d,2 title ", h.count > 2 ? 2 : 1);
        gru_gnuplot_quote(&d->script, d->figure->title ? d->figure->title : title);
        gru_str_add(&d->script, " font ',15'\n");
    } else {
        gru_draw_title(d, title);
    }
    gru_str_addf(&d->script, "set xrange [%s]\nset format x '%%.0f'\nset xtics autofreq\n",
                 h.rows > 1 ? "*:*" : "0:2");
    if (h.rows <= 12)
        gru_str_add(&d->script, "set xtics 1\n");
    gru_str_addf(&d->script,
                 "set arrow from %.0f, graph 0 to %.0f, graph 0.97 nohead dt 2 lw 1.5 lc rgb "
                 "'" GRU_COLOUR_MARK "'\n",
                 h.best_epoch, h.best_epoch);
    for (size_t i = 0; i < h.count; i++)
        draw_panel(d, &h, i);
    if (h.count > 1)
        gru_str_add(&d->script, "unset multiplot\n");
    return GRU_OK;
}
