/* gru-split: divide a tensor stream or a table into training, validation and test files. */
#include "tool.h"

#include "base/log.h"
#include "io/stream.h"
#include "train/split_stream.h"

static const char *order = "time", *input, *label;
static gru_share test, validation;
static long long folds, fold, gap;
static bool forward, sliding, lossy;

static const gru_option options[] = {
    {"input", 0, GRU_OPTION_TEXT, &input, "FILE", "read FILE rather than standard input", 0, 0,
     NULL},
    {"order", 0, GRU_OPTION_CHOICE, &order, "NAME",
     "time (the last rows test), random, or stratified (random within each class)", 0, 0,
     "time|random|stratified"},
    {"test", 0, GRU_OPTION_SHARE, &test, "P", "share of all rows that test", 0, 0, NULL},
    {"validation", 0, GRU_OPTION_SHARE, &validation, "P",
     "share of the rows that then remain that validate; makes a third file", 0, 0, NULL},
    {"label", 0, GRU_OPTION_TEXT, &label, "COL",
     "a table's column of classes, for --order stratified", 0, 0, NULL},
    {"folds", 0, GRU_OPTION_INT, &folds, "K", "cross-validate: divide into K folds", 2, 1e9, NULL},
    {"fold", 0, GRU_OPTION_INT, &fold, "I", "the fold that tests, from 1 to K", 1, 1e9, NULL},
    {"forward-chaining", 0, GRU_OPTION_FLAG, &forward, NULL,
     "with --folds: test on a block, train on what comes before it", 0, 0, NULL},
    {"sliding", 0, GRU_OPTION_FLAG, &sliding, NULL,
     "with --forward-chaining: train on as many rows in each fold", 0, 0, NULL},
    {"gap", 0, GRU_OPTION_INT, &gap, "N",
     "with --order time: rows left out before the rows held back", 0, 1e9, NULL},
    {"lossy", 0, GRU_OPTION_FLAG, &lossy, NULL, "replace bytes that are not UTF-8 by U+FFFD", 0, 0,
     NULL},
    {0}};

static gru_status make_plan(const gru_common *common, gru_split_plan *plan, gru_error *err) {
    *plan = (gru_split_plan){.order = *order == 't'   ? GRU_SPLIT_TIME
                                      : *order == 'r' ? GRU_SPLIT_RANDOM
                                                      : GRU_SPLIT_STRATIFIED,
                             .test = test,
                             .validation = validation,
                             .seed = (uint32_t)common->seed,
                             .folds = (size_t)folds,
                             .fold = (size_t)fold,
                             .forward = forward,
                             .sliding = sliding,
                             .gap = (size_t)gap};
    if (folds && !fold)
        return gru_error_set(err, GRU_ERR_USAGE, "--folds %lld needs --fold I: which one tests",
                             folds);
    return GRU_OK;
}

static gru_status run(const gru_common *common, const char *const *operands, size_t count,
                      gru_error *err) {
    gru_input *in = NULL;
    gru_split_job job = {
        .label = label, .csv = common->csv, .lossy = lossy, .path = operands, .files = count};
    gru_status status = make_plan(common, &job.plan, err);
    if (!status && count != (validation.given ? 3 : 2))
        status = gru_error_set(err, GRU_ERR_USAGE, "%zu files given, but %s", count,
                               validation.given ? "--validation makes three: TRAIN VALIDATION TEST"
                                                : "without --validation there are two: TRAIN TEST");
    const gru_tool_file files[] = {{"TRAIN", operands[0]},
                                   {"VALIDATION", count > 2 ? operands[1] : NULL},
                                   {"TEST", operands[count - 1]}};
    if (!status)
        status = gru_tool_check_outputs(files, 3, err);
    if (!status)
        status = gru_split_check(&job.plan, err);
    if (!status)
        status = gru_input_open(&in, input, err);
    if (status)
        return status;
    if (job.plan.order != GRU_SPLIT_TIME)
        gru_detail("seed %lld", common->seed);
    status = gru_split_stream(&job, in, err);
    gru_input_close(in);
    return status;
}

int main(int argc, char **argv) {
    static const gru_tool tool = {
        "gru-split",
        "divide samples into training, validation and test files",
        "[OPTION]... TRAIN [VALIDATION] TEST",
        "gru-split --order stratified --test 20% --input all.npy train.npy test.npy",
        options,
        2,
        3};
    return gru_tool_main(&tool, GRU_COMMON_CSV, run, argc, argv);
}
