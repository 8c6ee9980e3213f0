/* gru-model: shows what a model file holds; makes a model of a checkpoint; brings weights from
 * Keras or PyTorch and takes them there. */
#include "tool.h"

#include "base/str.h"
#include "io/bundle.h"
#include "io/stream.h"
#include "nn/describe.h"
#include "nn/model.h"
#include "nn/summary.h"
#include "nn/weights.h"
#include "train/convert.h"

#include <string.h>

static const char *from_name, *to_name, *arch_text, *get_key, *weight;
static bool per_step, best, weights;
static long long steps;
static gru_list attached, detached;

static const gru_option options[] = {
    {"get", 0, GRU_OPTION_TEXT, &get_key, "KEY",
     "show: print only this part of the file, as it is: arch, classes, train, vocab.tsv…", 0, 0,
     NULL},
    {"weights", 0, GRU_OPTION_FLAG, &weights, NULL,
     "show: print a table of the weights instead: name, shape, least, mean, most", 0, 0, NULL},
    {"weight", 0, GRU_OPTION_TEXT, &weight, "NAME",
     "show: print the numbers of this weight as a table, a column for each gate and unit", 0, 0,
     NULL},
    {"from", 0, GRU_OPTION_CHOICE, &from_name, "LIBRARY", "import: whose weights these are", 0, 0,
     "keras|torch"},
    {"arch", 0, GRU_OPTION_TEXT, &arch_text, "FILE|TEXT", "import: the network's architecture", 0,
     0, NULL},
    {"per-step", 0, GRU_OPTION_FLAG, &per_step, NULL,
     "import: the network gives a value per step, not per sample", 0, 0, NULL},
    {"steps", 0, GRU_OPTION_INT, &steps, "N", "import: steps of the data, to be shown (0: unknown)",
     0, 1 << 24, NULL},
    {"attach", 0, GRU_OPTION_LIST, &attached, "FILE",
     "import, convert: put a fitted file (vocab.tsv, scaler.tsv, window.tsv) into the model; may "
     "be "
     "given several times",
     0, 0, NULL},
    {"detach", 0, GRU_OPTION_LIST, &detached, "KEY",
     "convert: leave vocab.tsv, scaler.tsv or window.tsv out; may be given several times", 0, 0,
     NULL},
    {"best", 0, GRU_OPTION_FLAG, &best, NULL,
     "convert: the weights of the best epoch, where the checkpoint keeps them", 0, 0, NULL},
    {"to", 0, GRU_OPTION_CHOICE, &to_name, "LIBRARY", "export: for whom the weights are", 0, 0,
     "keras|torch"},
    {0},
};

static const gru_tool tool = {
    .name = "gru-model",
    .purpose = "show and convert models, import and export weights",
    .synopsis = "show|convert|import|export [OPTION]... FILE",
    .example = "gru-model import --from keras --arch net.arch weights.safetensors -o net.gru",
    .options = options,
    .min_operands = 1,
    .max_operands = 2,
};

/* Options of one subcommand mean nothing to another: better said than ignored. */
static gru_status check_options(const char *command, gru_error *err) {
    static const struct {
        const char *option, *command, *other;
    } owners[] = {{"--get", "show", ""},       {"--from", "import", ""},
                  {"--arch", "import", ""},    {"--per-step", "import", ""},
                  {"--to", "export", ""},      {"--attach", "import", "convert"},
                  {"--detach", "convert", ""}, {"--best", "convert", ""},
                  {"--weights", "show", ""},   {"--weight", "show", ""}};
    const bool given[] = {
        get_key, from_name, arch_text, per_step, to_name, attached.count > 0, detached.count > 0,
        best,    weights,   weight};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (given[i] && strcmp(command, owners[i].command) && strcmp(command, owners[i].other))
            return gru_error_set(err, GRU_ERR_USAGE, "%s belongs to 'gru-model %s', not '%s'",
                                 owners[i].option, owners[i].command, command);
    return GRU_OK;
}

/* ---- show ---- */
static gru_status show_key(const gru_bundle *b, const char *path, gru_error *err) {
    const char *text = gru_bundle_get(b, get_key), *key;
    if (text)
        return gru_output_save(path, GRU_OUTPUT_TEXT, text, strlen(text), err);
    gru_str names = {0};
    for (size_t i = 0; (key = gru_bundle_key_at(b, i)); i++)
        gru_str_addf(&names, "%s%.60s", i ? ", " : "", key);
    gru_error_set(err, GRU_ERR_DATA, "there is no '%s'; there are %s", get_key,
                  gru_str_text(&names));
    gru_str_free(&names);
    return GRU_ERR_DATA;
}

static gru_status show_all(const gru_bundle *b, const char *path, gru_error *err) {
    gru_model *m;
    gru_str text = {0};
    bool numbers = weights || weight;
    gru_status st = numbers ? gru_model_load(&m, b, err) : gru_model_outline(&m, b, err);
    if (st)
        return st;
    if (weight) {
        st = gru_model_print_weight(m, weight, &text, err);
    } else if (weights) {
        st = gru_model_list_weights(m, &text, err);
    } else {
        gru_model_summary(m, &text);
        gru_str_add(&text, "\n");
        st = gru_model_describe(m, b, &text, err);
    }
    if (!st)
        st = gru_output_save(path, GRU_OUTPUT_TEXT, gru_str_text(&text), text.len, err);
    gru_str_free(&text);
    gru_model_free(m);
    return st;
}

static gru_status show(const char *input, const char *output, gru_error *err) {
    gru_bundle *b;
    if ((get_key != NULL) + weights + (weight != NULL) > 1)
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--get, --weights and --weight exclude each other");
    gru_status st = gru_bundle_read(&b, input, err);
    if (st)
        return st;
    st = get_key ? show_key(b, output, err) : show_all(b, output, err);
    gru_bundle_free(b);
    /* What refused the write is the output; all else is about the input. */
    return st == GRU_ERR_DATA ? gru_error_at(err, "%s", input) : st;
}

/* ---- files made of files ---- */
static gru_status import_from(gru_bundle *made, const gru_bundle *b, const char *input,
                              gru_error *err) {
    gru_import_options o = {.arch = arch_text, .per_step = per_step, .steps = (size_t)steps};
    gru_attachments files;
    gru_status st = gru_framework_find(from_name, &o.from, err);
    if (st || (st = gru_attachments_read(&files, attached.items, attached.count, err)))
        return st;
    st = gru_convert_import(made, b, &o, &files, input, err);
    gru_attachments_free(&files);
    return st;
}

static gru_status convert_from(gru_bundle *made, const gru_bundle *b, const char *input,
                               gru_error *err) {
    const gru_convert_options o = {best, detached.items, detached.count};
    gru_attachments files;
    gru_status st = gru_attachments_read(&files, attached.items, attached.count, err);
    if (st)
        return st;
    st = gru_convert_model(made, b, &o, &files, input, err);
    gru_attachments_free(&files);
    return st;
}

static gru_status export_from(gru_bundle *made, const gru_bundle *b, const char *input,
                              gru_error *err) {
    gru_framework to;
    gru_model *m;
    gru_status st = gru_framework_find(to_name, &to, err);
    if (st)
        return st;
    if (!(st = gru_model_load(&m, b, err))) {
        st = gru_weights_export(m, to, b, made, err);
        gru_model_free(m);
    }
    return st ? gru_error_at(err, "%s", input) : GRU_OK;
}

static gru_status make_file(const char *input, const char *output,
                            gru_status (*fill)(gru_bundle *made, const gru_bundle *b,
                                               const char *input, gru_error *err),
                            gru_error *err) {
    gru_bundle *b, *made;
    gru_status st = gru_bundle_read(&b, input, err);
    if (st)
        return st;
    if (!(st = gru_bundle_new(&made, err))) {
        st = fill(made, b, input, err);
        if (!st)
            st = gru_bundle_write(made, output, err);
        gru_bundle_free(made);
    }
    gru_bundle_free(b);
    return st;
}

static gru_status import(const char *input, const char *output, gru_error *err) {
    if (!from_name || !arch_text)
        return gru_error_set(err, GRU_ERR_USAGE, "import needs --from keras|torch and --arch");
    return make_file(input, output, import_from, err);
}

static gru_status convert(const char *input, const char *output, gru_error *err) {
    return make_file(input, output, convert_from, err);
}

static gru_status export(const char *input, const char *output, gru_error *err) {
    if (!to_name)
        return gru_error_set(err, GRU_ERR_USAGE, "export needs --to keras|torch");
    return make_file(input, output, export_from, err);
}

static gru_status run(const gru_common *common, const char *const *operands, size_t count,
                      gru_error *err) {
    static const struct {
        const char *name;
        gru_status (*run)(const char *input, const char *output, gru_error *err);
    } commands[] = {{"show", show}, {"convert", convert}, {"import", import}, {"export", export}};
    const char *input = count > 1 ? operands[1] : "-";
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(operands[0], commands[i].name)) {
            gru_status st = check_options(commands[i].name, err);
            return st ? st : commands[i].run(input, common->output, err);
        }
    return gru_error_set(err, GRU_ERR_USAGE, "'%s': expected show, convert, import or export",
                         operands[0]);
}

int main(int argc, char **argv) {
    return gru_tool_main(&tool, GRU_COMMON_OUTPUT, run, argc, argv);
}
