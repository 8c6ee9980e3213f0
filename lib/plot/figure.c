/* Canvas, fonts, common looks, and the choice of figure (figure.h). */
#include "plot/figure_parts.h"

#include "base/log.h"
#include "base/number.h"
#include "plot/gnuplot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const struct {
    const char *name;
    gru_status (*draw)(gru_drawing *d, gru_error *err);
} kinds[] = {{"history", gru_draw_history}, {"confusion", gru_draw_confusion},
             {"roc", gru_draw_roc},         {"series", gru_draw_series},
             {"scatter", gru_draw_scatter}, {"distribution", gru_draw_distribution},
             {"attention", gru_draw_heat},  {"states", gru_draw_heat}};
_Static_assert(sizeof kinds / sizeof *kinds == GRU_FIGURE_COUNT, "one function a kind");

gru_figure_kind gru_figure_named(const char *name) {
    for (int i = 0; i < GRU_FIGURE_COUNT; i++)
        if (!strcmp(kinds[i].name, name))
            return (gru_figure_kind)i;
    return GRU_FIGURE_COUNT;
}

gru_status gru_canvas_for(const char *path, gru_canvas *canvas, gru_error *err) {
    static const char *const endings[] = {NULL, ".png", ".svg", ".pdf"};
    *canvas = GRU_CANVAS_TERMINAL;
    if (!path || !strcmp(path, "-"))
        return GRU_OK;
    const char *dot = strrchr(path, '.');
    for (int i = GRU_CANVAS_PNG; dot && i <= GRU_CANVAS_PDF; i++)
        if (!strcasecmp(dot, endings[i])) {
            *canvas = (gru_canvas)i;
            return GRU_OK;
        }
    return gru_error_set(err, GRU_ERR_USAGE, "-o %s: the name must end in .png, .svg or .pdf",
                         path);
}

void gru_figure_size(gru_figure *figure) {
    struct winsize window;
    const bool square = figure->kind == GRU_FIGURE_CONFUSION || figure->kind == GRU_FIGURE_ROC ||
                        figure->kind == GRU_FIGURE_SCATTER;
    if (figure->canvas != GRU_CANVAS_TERMINAL) {
        figure->width = square ? 720 : 1000;
        figure->height = square ? 640 : 560;
    } else if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col >= 20 &&
               window.ws_row >= 10) {
        figure->width = window.ws_col - 1;
        figure->height = window.ws_row - 1;
    } else {
        figure->width = 79;
        figure->height = 24;
    }
}

void gru_draw_title(gru_drawing *d, const char *usual) {
    gru_str_add(&d->script, "set title ");
    gru_gnuplot_quote(&d->script, d->figure->title ? d->figure->title : usual);
    gru_str_add(&d->script, gru_draw_plain(d) ? "\n" : " font ',15'\n");
}

void gru_draw_labels(gru_drawing *d, const char *x, const char *y) {
    gru_str_add(&d->script, "set xlabel ");
    gru_gnuplot_quote(&d->script, x);
    gru_str_add(&d->script, "\nset ylabel ");
    gru_gnuplot_quote(&d->script, y);
    gru_str_add(&d->script, "\n");
}

void gru_draw_number(gru_drawing *d, double value) {
    char text[GRU_NUMBER_MAX];
    gru_number_format_double(value, text);
    gru_str_addf(&d->script, " %s", isfinite(value) ? text : "NaN");
}

bool gru_draw_plain(const gru_drawing *d) {
    return d->figure->canvas == GRU_CANVAS_TERMINAL;
}

/* "NAME,SIZE": the user's font, one with Chinese characters where they are needed, or a plain one.
 */
static void choose_font(const gru_drawing *d, char *font, size_t size) {
    char family[128];
    bool known = false;
    const bool cjk = gru_text_has_cjk(gru_str_text(&d->script));
    if (d->figure->font) {
        snprintf(font, size, "%s%s", d->figure->font, strchr(d->figure->font, ',') ? "" : ",12");
    } else if (cjk && gru_font_for_cjk(family, sizeof family, &known)) {
        snprintf(font, size, "%s,12", family);
    } else {
        snprintf(font, size, "%s,12", d->figure->canvas == GRU_CANVAS_SVG ? "sans-serif" : "Sans");
        if (cjk && known)
            gru_warn("no installed font has Chinese characters, so boxes are drawn for them "
                     "(Debian: apt-get install fonts-noto-cjk, or fonts-wqy-zenhei)");
    }
}

static void canvas_line(const gru_drawing *d, gru_str *script) {
    const gru_figure *f = d->figure;
    char font[256] = "";
    if (!gru_draw_plain(d))
        choose_font(d, font, sizeof font);
    gru_str_add(script, "set encoding utf8\n");
    if (f->canvas == GRU_CANVAS_PDF) /* 100 pixels an inch */
        gru_str_addf(script, "set terminal pdfcairo noenhanced size %.2fin,%.2fin font ",
                     f->width / 100.0, f->height / 100.0);
    else if (f->canvas == GRU_CANVAS_TERMINAL)
        gru_str_addf(script, "set terminal dumb noenhanced size %d,%d\n", f->width, f->height);
    else
        gru_str_addf(script, "set terminal %s noenhanced size %d,%d background rgb '#ffffff' font ",
                     f->canvas == GRU_CANVAS_PNG ? "pngcairo" : "svg", f->width, f->height);
    if (!gru_draw_plain(d)) {
        gru_gnuplot_quote(script, font);
        gru_str_add(script, "\nset border 3 lc rgb '#555555'\nset tics nomirror textcolor rgb "
                            "'#333333'\nset grid back lt 1 lc rgb '#dddddd' lw 0.8\n"
                            "set title offset 0,0.3\n");
    }
    gru_str_add(script, "set key bmargin center horizontal height 1\nset datafile missing 'NaN'\n");
}

/* gnuplot's drawing with characters without its form feed and the blanks at the ends of lines. */
static void trim_lines(gru_str *text, size_t from) {
    size_t to = from;
    for (size_t i = from; i < text->len; i++) {
        if (text->data[i] == '\f')
            continue;
        while (text->data[i] == '\n' && to > from && text->data[to - 1] == ' ')
            to--;
        text->data[to++] = text->data[i];
    }
    while (to > from + 1 && text->data[to - 1] == '\n' && text->data[to - 2] == '\n')
        to--;
    text->data[to] = '\0';
    text->len = to;
}

gru_status gru_figure_draw(const gru_figure *figure, gru_table *table, const char *file,
                           gru_str *out, gru_error *err) {
    gru_str script = {0};
    gru_drawing d = {.figure = figure, .table = table, .file = file, .plain = out};
    const size_t before = out->len;
    gru_status status = kinds[figure->kind].draw(&d, err);
    if (status == GRU_OK)
        status = gru_str_check(&d.script, err);
    if (status == GRU_OK && out->len == before) {
        canvas_line(&d, &script);
        gru_str_add_bytes(&script, gru_str_text(&d.script), d.script.len);
        status = gru_gnuplot_run(&script, out, err);
        if (status == GRU_OK && gru_draw_plain(&d))
            trim_lines(out, before);
    }
    gru_str_free(&script);
    gru_str_free(&d.script);
    return status;
}
