/* gru-window: cut a table of numbers into sliding windows and the targets that follow. */
#include "tool.h"

#include "io/stream.h"
#include "io/table.h"
#include "series/sequences.h"
#include "series/window.h"
#include "series/window_table.h"

#include <stdlib.h>
#include <string.h>

static long long length, horizon = 1, stride = 1;
static const char *features, *target, *index_column, *group;
static const char *fit_file, *apply_file, *model_file;
static bool sequences, lossy;

static const gru_option options[] = {
    {"length", 0, GRU_OPTION_INT, &length, "T", "rows in a window", 1, 1e9, NULL},
    {"horizon", 0, GRU_OPTION_INT, &horizon, "H", "rows after the window to predict", 0, 1e9, NULL},
    {"stride", 0, GRU_OPTION_INT, &stride, "S", "rows from one window to the next", 1, 1e9, NULL},
    {"target", 0, GRU_OPTION_TEXT, &target, "COL", "column to predict", 0, 0, NULL},
    {"features", 0, GRU_OPTION_TEXT, &features, "A,B",
     "columns in a window (default: the target alone)", 0, 0, NULL},
    {"index", 0, GRU_OPTION_TEXT, &index_column, "COL",
     "column that names a window by its first target's row (default: the row's number)", 0, 0,
     NULL},
    {"group", 0, GRU_OPTION_TEXT, &group, "COL",
     "column whose equal values belong together: no window crosses them", 0, 0, NULL},
    {"sequences", 0, GRU_OPTION_FLAG, &sequences, NULL,
     "one sample a group, with the targets (A,B) of H rows later at every step, and padding", 0, 0,
     NULL},
    {"fit", 0, GRU_OPTION_TEXT, &fit_file, "FILE",
     "write these settings to FILE (window.tsv) for later data", 0, 0, NULL},
    {"apply", 0, GRU_OPTION_TEXT, &apply_file, "FILE", "cut as FILE, written by --fit, says", 0, 0,
     NULL},
    {"model", 0, GRU_OPTION_TEXT, &model_file, "MODEL", "cut as the windows attached to MODEL", 0,
     0, NULL},
    {"lossy", 0, GRU_OPTION_FLAG, &lossy, NULL, "replace bytes that are not UTF-8 by U+FFFD", 0, 0,
     NULL},
    {0}};

static gru_status check_options(gru_error *err) {
    bool given = length || horizon != 1 || stride != 1 || features || target || index_column ||
                 group || fit_file || sequences;
    if (sequences && (stride != 1 || index_column))
        return gru_error_set(err, GRU_ERR_USAGE, "--%s does not go with --sequences",
                             index_column ? "index" : "stride");
    if (horizon < 1 && !sequences)
        return gru_error_set(err, GRU_ERR_USAGE, "--horizon 0 goes with --sequences alone");
    if (apply_file && model_file)
        return gru_error_set(err, GRU_ERR_USAGE, "give only one of --apply and --model");
    if ((apply_file || model_file) && given)
        return gru_error_set(err, GRU_ERR_USAGE,
                             "%s has all settings; the others cannot be given beside it",
                             apply_file ? "--apply" : "--model");
    if (!apply_file && !model_file && !length && !sequences)
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--length T is missing: how many rows a window "
                             "has");
    if (!apply_file && !model_file && !target)
        return gru_error_set(err, GRU_ERR_USAGE, "--target COL is missing: the column to predict");
    return GRU_OK;
}

/* The options as settings; gru_windows_free also after failure. */
static gru_status from_options(gru_windows *w, const gru_table *table, gru_error *err) {
    size_t *columns = NULL, count = 0;
    *w = (gru_windows){.length = (size_t)length,
                       .horizon = (size_t)horizon,
                       .stride = (size_t)stride,
                       .sequences = sequences};
    const char *list = features ? features : sequences ? target : NULL;
    gru_status status = list ? gru_table_find_list(table, list, &columns, &count, err) : GRU_OK;
    if (status)
        return status;
    size_t wanted = list ? count : 1;
    w->feature = calloc(wanted, sizeof *w->feature);
    for (; w->feature && w->features < wanted; w->features++) {
        const char *name = list ? gru_table_name(table, columns[w->features]) : target;
        w->feature[w->features] = gru_str_copy(name, strlen(name));
        if (!w->feature[w->features])
            break;
    }
    free(columns);
    w->target = gru_str_copy(target, strlen(target));
    w->index = index_column ? gru_str_copy(index_column, strlen(index_column)) : NULL;
    w->group = group ? gru_str_copy(group, strlen(group)) : NULL;
    bool failed =
        w->features < wanted || !w->target || (index_column && !w->index) || (group && !w->group);
    return failed ? gru_error_memory(err, strlen(target)) : GRU_OK;
}

static gru_status cut(gru_table *table, const char *source, gru_output *out, gru_error *err) {
    gru_windows w = {0};
    gru_status status = model_file   ? gru_windows_load_model(&w, model_file, err)
                        : apply_file ? gru_windows_load(&w, apply_file, err)
                                     : from_options(&w, table, err);
    if (!status && w.sequences)
        status = gru_sequences_cut(&w, table, source, out, fit_file, err);
    else if (!status)
        status = gru_windows_cut(&w, table, source, out, fit_file, err);
    gru_windows_free(&w);
    return status;
}

static gru_status run(const gru_common *common, const char *const *operands, size_t count,
                      gru_error *err) {
    gru_input *in = NULL;
    gru_table *table = NULL;
    gru_output *out = NULL;
    gru_status status = check_options(err);
    if (!status)
        status = gru_tool_check_fit(fit_file, count ? operands[0] : NULL, common->output, err);
    if (!status)
        status = gru_input_open(&in, count ? operands[0] : NULL, err);
    if (!status)
        status = gru_table_open(&table, in, lossy, err);
    if (!status)
        status = gru_output_open(&out, common->output, GRU_OUTPUT_BINARY, err);
    if (!status)
        status = cut(table, gru_input_name(in), out, err);
    status = gru_output_end(out, status, err);
    gru_table_close(table);
    gru_input_close(in);
    return status;
}

int main(int argc, char **argv) {
    static const gru_tool tool = {
        "gru-window",
        "cut a table of numbers into sliding windows and their targets",
        "[OPTION]... [INPUT]",
        "gru-window --length 60 --target Close --index Date prices.csv > windows.npy",
        options,
        0,
        1};
    return gru_tool_main(&tool, GRU_COMMON_OUTPUT, run, argc, argv);
}
