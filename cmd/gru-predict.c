/* gru-predict: a model and samples in, a table of predictions out. */
#include "tool.h"

#include "io/stream.h"
#include "train/raw.h"

static bool raw, lossy;
static long long steps, batch = 256;
static const char *text, *id, *attention, *states, *gates;

/* clang-format off */
static const gru_option options[] = {
    {"raw", 0, GRU_OPTION_FLAG, &raw, NULL, "INPUT is text lines, or a table as it was before tokenizing or scaling", 0, 0, NULL},
    {"steps", 0, GRU_OPTION_INT, &steps, "N", "with --raw: forecast the N rows after the table's last", 1, 1e6, NULL},
    {"text", 0, GRU_OPTION_TEXT, &text, "COL", "with --raw: INPUT is a table, its texts are in this column", 0, 0, NULL},
    {"id", 0, GRU_OPTION_TEXT, &id, "COL", "with --raw: the column that names the texts", 0, 0, NULL},
    {"lossy", 0, GRU_OPTION_FLAG, &lossy, NULL, "with --raw: replace bytes that are not UTF-8", 0, 0, NULL},
    {"attention", 0, GRU_OPTION_TEXT, &attention, "FILE", "also write a table of the attention weights: id, step, weight", 0, 0, NULL},
    {"states", 0, GRU_OPTION_TEXT, &states, "FILE", "also write a table of the last recurrent layer's states: id, step, unit_1, ...", 0, 0, NULL},
    {"gates", 0, GRU_OPTION_TEXT, &gates, "FILE", "also write a table of that layer's gates: id, step, z_1, ..., r_1, ..., n_1, ...", 0, 0, NULL},
    {"batch-size", 0, GRU_OPTION_INT, &batch, "N", "samples computed at a time", 1, 65536, NULL},
    {0}};
/* clang-format on */

static const gru_tool tool = {"gru-predict",
                              "predict with a trained network",
                              "[OPTION]... MODEL [INPUT]",
                              "gru-predict --raw --steps 5 stock.gru prices.csv",
                              options,
                              1,
                              2};

static gru_status check_options(gru_error *err) {
    if (!raw && (steps || lossy || text || id)) {
        return gru_error_set(err, GRU_ERR_USAGE, "--%s needs --raw",
                             steps   ? "steps"
                             : lossy ? "lossy"
                             : text  ? "text"
                                     : "id");
    }
    if (steps && (attention || states || gates)) {
        return gru_error_set(err, GRU_ERR_USAGE, "--%s does not go with --steps",
                             attention ? "attention"
                             : states  ? "states"
                                       : "gates");
    }
    return GRU_OK;
}

static gru_status predict(gru_package *package, gru_input *in, const gru_predict_options *how,
                          gru_output *out, gru_error *err) {
    const gru_raw_text columns = {text, id, lossy};
    if (!raw)
        return gru_predict_stream(package, in, how, out, err);
    if (gru_package_reads_text(package) && !steps)
        return gru_predict_raw_text(package, in, &columns, how, out, err);
    if (text || id) {
        return gru_error_set(err, GRU_ERR_USAGE, "--%s is for networks that read texts",
                             text ? "text" : "id");
    }
    if (steps)
        return gru_forecast(package, in, lossy, (size_t)steps, how, out, err);
    return gru_predict_raw_series(package, in, lossy, how, out, err);
}

static gru_status run(const gru_common *common, const char *const *operands, size_t count,
                      gru_error *err) {
    gru_package package;
    gru_input *in = NULL;
    gru_output *out = NULL;
    const gru_predict_options how = {
        (size_t)batch, (size_t)common->threads, attention, states, gates, common->csv};
    const gru_tool_file files[] = {{"-o", common->output ? common->output : "-"},
                                   {"--attention", attention},
                                   {"--states", states},
                                   {"--gates", gates}};
    if (check_options(err) || gru_tool_check_outputs(files, 4, err) ||
        gru_package_read(&package, operands[0], err))
        return err->code;
    gru_status status = gru_input_open(&in, count > 1 ? operands[1] : NULL, err);
    if (status == GRU_OK)
        status = gru_output_open(&out, common->output, GRU_OUTPUT_TEXT, err);
    if (status == GRU_OK)
        status = predict(&package, in, &how, out, err);
    status = gru_output_end(out, status, err);
    gru_input_close(in);
    gru_package_free(&package);
    return status;
}

int main(int argc, char **argv) {
    return gru_tool_main(&tool, GRU_COMMON_OUTPUT | GRU_COMMON_CSV, run, argc, argv);
}
