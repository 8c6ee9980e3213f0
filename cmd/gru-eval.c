/* gru-eval: reads a table of predictions, writes every figure of its task. */
#include "tool.h"

#include "eval/report.h"
#include "io/stream.h"

#include <string.h>

static const char *task = "auto";
static const char *positive, *require;
static bool json, tsv;
static long long errors;

static const gru_option options[] = {
    {"task", 0, GRU_OPTION_CHOICE, &task, "TASK",
     "what was predicted: binary (yes or no), multiclass (one class of several), labelling (a "
     "class, or several yes/no values, per step), regression (numbers), language (the next token)",
     0, 0, "auto|binary|multiclass|labelling|regression|language"},
    {"positive", 0, GRU_OPTION_TEXT, &positive, "LABEL",
     "the class that `score` is the probability of; found from the labels unless given", 0, 0,
     NULL},
    {"require", 0, GRU_OPTION_TEXT, &require, "METRIC>=X[,...]",
     "exit with status 3 unless the figures are as required (>=, >, <=, <)", 0, 0, NULL},
    {"errors", 0, GRU_OPTION_INT, &errors, "N",
     "also list the N most confident mistakes, or largest errors, with their ids (rows)", 0,
     1000000, NULL},
    {"json", 0, GRU_OPTION_FLAG, &json, NULL, "write JSON", 0, 0, NULL},
    {"tsv", 0, GRU_OPTION_FLAG, &tsv, NULL, "write a table: metric, group, predicted, value", 0, 0,
     NULL},
    {0}};

static const gru_tool tool = {"gru-eval",
                              "say what predictions are worth",
                              "[OPTION]... [PREDICTIONS]",
                              "gru-predict stock.gru test.npy | gru-eval --require 'skill>0'",
                              options,
                              0,
                              1};

static gru_status write_report(const gru_common *common, const gru_evaluation *e, gru_error *err) {
    gru_str text = {0};
    if (json)
        gru_report_json(e, &text);
    else if (tsv)
        gru_report_tsv(e, &text);
    else
        gru_report_text(e, &text);
    gru_status status = gru_str_check(&text, err);
    if (status == GRU_OK)
        status =
            gru_output_save(common->output, GRU_OUTPUT_TEXT, gru_str_text(&text), text.len, err);
    gru_str_free(&text);
    return status;
}

/* Everything from an open table to the written report. */
static gru_status evaluate(const gru_common *common, gru_table *table, const char *file,
                           gru_error *err) {
    const gru_evaluate_options how = {gru_task_named(task), positive, (size_t)errors};
    gru_predictions predictions;
    gru_evaluation evaluation = {0};
    gru_error unmet = {0};
    gru_status status = gru_predictions_open(&predictions, table, file, true, err);
    if (status != GRU_OK)
        return status;
    status = gru_evaluate(&evaluation, &predictions, &how, err);
    gru_status met = GRU_OK;
    if (status == GRU_OK && require)
        met = gru_evaluation_require(&evaluation, require, &unmet);
    /* A threshold that isn't met still leaves the report; a metric that isn't there doesn't. */
    if (status == GRU_OK && met != GRU_ERR_USAGE)
        status = write_report(common, &evaluation, err);
    if (status == GRU_OK && met != GRU_OK) {
        *err = unmet;
        status = met;
    }
    gru_evaluation_free(&evaluation);
    gru_predictions_close(&predictions);
    return status;
}

static gru_status run(const gru_common *common, const char *const *operands, size_t count,
                      gru_error *err) {
    gru_input *in = NULL;
    gru_table *table = NULL;
    if (json && tsv)
        return gru_error_set(err, GRU_ERR_USAGE, "--json and --tsv exclude each other");
    gru_status status = require ? gru_require_check(require, err) : GRU_OK;
    if (status == GRU_OK)
        status = gru_input_open(&in, count ? operands[0] : NULL, err);
    if (status != GRU_OK)
        return status;
    status = gru_table_open(&table, in, false, err);
    if (status == GRU_OK) {
        status = evaluate(common, table, gru_input_name(in), err);
        gru_table_close(table);
    }
    gru_input_close(in);
    return status;
}

int main(int argc, char **argv) {
    return gru_tool_main(&tool, GRU_COMMON_OUTPUT, run, argc, argv);
}
