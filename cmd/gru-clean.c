/* gru-clean: gaps, outliers, noise, other periods, differences, in the order given. */
#include "tool.h"

#include "io/stream.h"
#include "io/table.h"
#include "series/clean.h"

static const char *columns, *index_column;
static gru_list steps;
static bool lossy;

static const gru_option options[] = {
    {"do", 0, GRU_OPTION_LIST, &steps, "STEP",
     "impute=HOW, outliers=HOW:K[:missing], smooth=HOW:N, resample=PERIOD:VALUE or difference=N; "
     "steps are taken in the order given",
     0, 0, NULL},
    {"columns", 0, GRU_OPTION_TEXT, &columns, "A,B",
     "columns to clean (default: all numbers but dates)", 0, 0, NULL},
    {"index", 0, GRU_OPTION_TEXT, &index_column, "COL", "column of dates, for resample", 0, 0,
     NULL},
    {"lossy", 0, GRU_OPTION_FLAG, &lossy, NULL, "replace bytes that are not UTF-8 by U+FFFD", 0, 0,
     NULL},
    {0}};

static gru_status parse_steps(gru_clean_step *parsed, gru_error *err) {
    gru_status status = GRU_OK;
    if (steps.count == 0)
        return gru_error_set(err, GRU_ERR_USAGE, "--do is missing: what is to be done");
    for (size_t i = 0; !status && i < steps.count; i++)
        status = gru_clean_parse(&parsed[i], steps.items[i], err);
    return status;
}

static gru_status run(const gru_common *common, const char *const *operands, size_t count,
                      gru_error *err) {
    gru_clean_step parsed[GRU_LIST_MAX];
    const gru_clean_plan plan = {parsed, steps.count, columns, index_column};
    gru_input *in = NULL;
    gru_table *table = NULL;
    gru_output *out = NULL;
    gru_table_writer to;
    gru_status status = parse_steps(parsed, err);
    if (!status)
        status = gru_input_open(&in, count ? operands[0] : NULL, err);
    if (!status)
        status = gru_table_open(&table, in, lossy, err);
    if (!status)
        status = gru_output_open(&out, common->output, GRU_OUTPUT_TEXT, err);
    if (!status) {
        gru_table_writer_init(&to, out, common->csv);
        status = gru_clean_run(&plan, table, gru_input_name(in), &to, err);
    }
    status = gru_output_end(out, status, err);
    gru_table_close(table);
    gru_input_close(in);
    return status;
}

int main(int argc, char **argv) {
    static const gru_tool tool = {
        "gru-clean",
        "clean columns of numbers: gaps, outliers, noise, other periods, differences",
        "--do STEP [--do STEP]... [OPTION]... [INPUT]",
        "gru-clean --do impute=linear --do outliers=iqr:1.5 prices.csv",
        options,
        0,
        1};
    return gru_tool_main(&tool, GRU_COMMON_OUTPUT | GRU_COMMON_CSV, run, argc, argv);
}
