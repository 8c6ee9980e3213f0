/* gru-plot: draws a table: learning curves, predictions, attention, states. */
#include "tool.h"

#include "base/number.h"
#include "io/stream.h"
#include "plot/figure.h"

#include <stdio.h>
#include <string.h>

static const char *title, *font, *size, *values;

static const gru_option options[] = {
    {"title", 0, GRU_OPTION_TEXT, &title, "TEXT", "title of the figure", 0, 0, NULL},
    {"size", 0, GRU_OPTION_TEXT, &size, "WxH",
     "width and height in pixels (PDF: 100 an inch; terminal: characters)", 0, 0, NULL},
    {"font", 0, GRU_OPTION_TEXT, &font, "NAME[,SIZE]",
     "font and its size in points; found unless given, with Chinese characters where needed", 0, 0,
     NULL},
    {"values", 0, GRU_OPTION_TEXT, &values, "TEXT",
     "what the predicted numbers are, with their unit, for the axis", 0, 0, NULL},
    {0}};

static const gru_tool tool = {
    "gru-plot",
    "draw training and predictions through gnuplot",
    "[OPTION]... history|confusion|roc|series|scatter|distribution| attention|states [INPUT]",
    "gru-predict stock.gru test.npy | gru-plot series -o prices.png",
    options,
    1,
    2};

static gru_status parse_size(gru_figure *figure, gru_error *err) {
    char rest;
    gru_figure_size(figure);
    if (!size)
        return GRU_OK;
    const bool text = figure->canvas == GRU_CANVAS_TERMINAL;
    const int least = text ? 20 : 100, most = text ? 1000 : 10000;
    if (sscanf(size, "%5dx%5d%c", &figure->width, &figure->height, &rest) != 2 ||
        figure->width < least || figure->height < (text ? 8 : least) || figure->width > most ||
        figure->height > most)
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--size: '%s' is not WIDTHxHEIGHT, like 800x600 (%d to %d)", size,
                             least, most);
    return GRU_OK;
}

static gru_status check_font(gru_error *err) {
    const char *comma = font ? strrchr(font, ',') : NULL;
    double points;
    if (!comma ||
        (gru_number_parse(comma + 1, strlen(comma + 1), &points) && points >= 1 && points <= 200))
        return GRU_OK;
    return gru_error_set(err, GRU_ERR_USAGE, "--font: '%s' has no size from 1 to 200 points", font);
}

static gru_status prepare(const gru_common *common, const char *kind, gru_figure *figure,
                          gru_error *err) {
    *figure = (gru_figure){
        .kind = gru_figure_named(kind), .title = title, .font = font, .values = values};
    if (figure->kind == GRU_FIGURE_COUNT)
        return gru_error_set(err, GRU_ERR_USAGE,
                             "no figure '%s'; there are history, confusion, roc, series, scatter, "
                             "distribution, attention, states",
                             kind);
    if (check_font(err) || gru_canvas_for(common->output, &figure->canvas, err))
        return err->code;
    return parse_size(figure, err);
}

static gru_status draw(const gru_figure *figure, const char *path, gru_str *picture,
                       gru_error *err) {
    gru_input *in = NULL;
    gru_table *table = NULL;
    gru_status status = gru_input_open(&in, path, err);
    if (status != GRU_OK)
        return status;
    status = gru_table_open(&table, in, false, err);
    if (status == GRU_OK) {
        status = gru_figure_draw(figure, table, gru_input_name(in), picture, err);
        gru_table_close(table);
    }
    gru_input_close(in);
    return status;
}

static gru_status run(const gru_common *common, const char *const *operands, size_t count,
                      gru_error *err) {
    gru_figure figure;
    gru_str picture = {0};
    gru_status status = prepare(common, operands[0], &figure, err);
    if (status == GRU_OK)
        status = draw(&figure, count > 1 ? operands[1] : NULL, &picture, err);
    const bool text = figure.canvas == GRU_CANVAS_TERMINAL || figure.canvas == GRU_CANVAS_SVG;
    if (status == GRU_OK)
        status = gru_output_save(common->output, text ? GRU_OUTPUT_TEXT : GRU_OUTPUT_BINARY,
                                 gru_str_text(&picture), picture.len, err);
    gru_str_free(&picture);
    return status;
}

int main(int argc, char **argv) {
    return gru_tool_main(&tool, GRU_COMMON_OUTPUT, run, argc, argv);
}
