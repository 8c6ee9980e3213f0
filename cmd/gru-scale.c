/* gru-scale: bring columns of numbers to a common scale, and back. */
#include "tool.h"

#include "base/number.h"
#include "io/stream.h"
#include "io/table.h"
#include "series/rescale.h"
#include "series/scaler.h"

#include <string.h>

static const char *fit_file, *apply_file, *invert_file, *model_file, *columns, *range;
static const char *method = "minmax";
static bool lossy;
static gru_share fit_rows;

static const gru_option options[] = {
    {"fit", 0, GRU_OPTION_TEXT, &fit_file, "FILE",
     "write what was learned to FILE (scaler.tsv), then the scaled table", 0, 0, NULL},
    {"apply", 0, GRU_OPTION_TEXT, &apply_file, "FILE", "scale as FILE, written by --fit, says", 0,
     0, NULL},
    {"invert", 0, GRU_OPTION_TEXT, &invert_file, "FILE",
     "undo the scaling that FILE, written by --fit, says", 0, 0, NULL},
    {"model", 0, GRU_OPTION_TEXT, &model_file, "MODEL", "scale as the scaler attached to MODEL", 0,
     0, NULL},
    {"method", 0, GRU_OPTION_CHOICE, &method, "NAME",
     "minmax, standard (mean 0, deviation 1), robust (median 0, quartile distance 1), maxabs, or "
     "log (natural)",
     0, 0, "minmax|standard|robust|maxabs|log"},
    {"range", 0, GRU_OPTION_TEXT, &range, "LOW,HIGH",
     "where minmax puts the smallest and the largest number (default 0,1)", 0, 0, NULL},
    {"columns", 0, GRU_OPTION_TEXT, &columns, "A,B",
     "columns to scale (default: all numbers but dates); B=A: column B as A was", 0, 0, NULL},
    {"fit-rows", 0, GRU_OPTION_SHARE, &fit_rows, "P",
     "learn from the first P rows only (default: all)", 0, 0, NULL},
    {"lossy", 0, GRU_OPTION_FLAG, &lossy, NULL, "replace bytes that are not UTF-8 by U+FFFD", 0, 0,
     NULL},
    {0}};

static gru_status parse_range(double *low, double *high, gru_error *err) {
    const char *comma = range ? strchr(range, ',') : NULL;
    *low = 0;
    *high = 1;
    if (range && (!comma || !gru_number_parse(range, (size_t)(comma - range), low) ||
                  !gru_number_parse(comma + 1, strlen(comma + 1), high) || !(*low < *high)))
        return gru_error_set(err, GRU_ERR_USAGE, "--range '%s' is not LOW,HIGH with LOW below HIGH",
                             range);
    if (range && strcmp(method, "minmax") != 0)
        return gru_error_set(err, GRU_ERR_USAGE, "--range belongs to --method minmax");
    return GRU_OK;
}

static gru_status check_options(gru_error *err) {
    int sources = !!fit_file + !!apply_file + !!invert_file + !!model_file;
    if (sources > 1)
        return gru_error_set(err, GRU_ERR_USAGE,
                             "give only one of --fit, --apply, --invert and --model");
    if ((apply_file || invert_file || model_file) &&
        (fit_rows.given || range || strcmp(method, "minmax") != 0))
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--method, --range and --fit-rows need --fit: a fitted file has its "
                             "own");
    if (fit_rows.given && fit_rows.is_count && !fit_rows.count)
        return gru_error_set(err, GRU_ERR_USAGE, "--fit-rows must be at least 1 row");
    return GRU_OK;
}

static gru_status apply(gru_table *table, const char *source, gru_table_writer *to,
                        gru_error *err) {
    gru_scaler s;
    gru_status status = model_file
                            ? gru_scaler_load_model(&s, model_file, err)
                            : gru_scaler_load(&s, apply_file ? apply_file : invert_file, err);
    if (status)
        return status;
    status = gru_rescale_apply(&s, invert_file != NULL, columns, table, source, to, err);
    gru_scaler_free(&s);
    return status;
}

static gru_status learn(gru_table *table, const char *source, gru_table_writer *to,
                        gru_error *err) {
    gru_rescale_fit fit = {.columns = columns, .rows = fit_rows, .file = fit_file};
    gru_status status = gru_scale_method_parse(method, &fit.method, err);
    if (!status)
        status = parse_range(&fit.low, &fit.high, err);
    return status ? status : gru_rescale_learn(&fit, table, source, to, err);
}

static gru_status run(const gru_common *common, const char *const *operands, size_t count,
                      gru_error *err) {
    gru_input *in = NULL;
    gru_table *table = NULL;
    gru_output *out = NULL;
    gru_table_writer to;
    double low, high;
    gru_status status = check_options(err);
    if (!status)
        status = parse_range(&low, &high, err);
    if (!status)
        status = gru_tool_check_fit(fit_file, count ? operands[0] : NULL, common->output, err);
    if (!status)
        status = gru_input_open(&in, count ? operands[0] : NULL, err);
    if (!status)
        status = gru_table_open(&table, in, lossy, err);
    if (!status)
        status = gru_output_open(&out, common->output, GRU_OUTPUT_TEXT, err);
    if (!status) {
        gru_table_writer_init(&to, out, common->csv);
        status = apply_file || invert_file || model_file
                     ? apply(table, gru_input_name(in), &to, err)
                     : learn(table, gru_input_name(in), &to, err);
    }
    status = gru_output_end(out, status, err);
    gru_table_close(table);
    gru_input_close(in);
    return status;
}

int main(int argc, char **argv) {
    static const gru_tool tool = {
        "gru-scale",
        "bring columns of numbers to a common scale, and back",
        "[OPTION]... [INPUT]",
        "gru-scale --fit scaler.tsv --fit-rows 80% --columns Close prices.csv",
        options,
        0,
        1};
    return gru_tool_main(&tool, GRU_COMMON_OUTPUT | GRU_COMMON_CSV, run, argc, argv);
}
