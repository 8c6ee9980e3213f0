/* gru-model: shows what a model file holds; brings weights from Keras or PyTorch and takes them
 * there. */
#include "tool.h"

#include "base/str.h"
#include "io/bundle.h"
#include "io/stream.h"
#include "nn/describe.h"
#include "nn/model.h"
#include "nn/summary.h"
#include "nn/weights.h"
#include "train/package.h"

#include <string.h>

static const char *from_name, *to_name, *arch_text, *get_key;
static bool per_step;
static long long steps;
static gru_list attached;

static const gru_option options[] = {
    {"get", 0, GRU_OPTION_TEXT, &get_key, "KEY",
     "show: print only this part of the file, as it is: arch, classes, train, vocab.tsv…", 0, 0,
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
     "import: put a fitted file (vocab.tsv, scaler.tsv, window.tsv) into the model; may be given "
     "several times",
     0, 0, NULL},
    {"to", 0, GRU_OPTION_CHOICE, &to_name, "LIBRARY", "export: for whom the weights are", 0, 0,
     "keras|torch"},
    {0},
};

static const gru_tool tool = {
    .name = "gru-model",
    .purpose = "show a model, import and export weights",
    .synopsis = "show|import|export [OPTION]... FILE",
    .example = "gru-model import --from keras --arch net.arch weights.safetensors -o net.gru",
    .options = options,
    .min_operands = 1,
    .max_operands = 2,
};

/* Options of one subcommand mean nothing to another: better said than ignored. */
static gru_status check_options(const char *command, gru_error *err) {
    static const struct {
        const char *option, *command;
    } owners[] = {{"--get", "show"},        {"--from", "import"},   {"--arch", "import"},
                  {"--per-step", "import"}, {"--attach", "import"}, {"--to", "export"}};
    const bool given[] = {get_key, from_name, arch_text, per_step, attached.count > 0, to_name};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (given[i] && strcmp(command, owners[i].command))
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
    gru_status st = gru_model_load(&m, b, err);
    if (st)
        return st;
    gru_model_summary(m, &text);
    gru_str_add(&text, "\n");
    if (!(st = gru_model_describe(m, b, &text, err)))
        st = gru_output_save(path, GRU_OUTPUT_TEXT, gru_str_text(&text), text.len, err);
    gru_str_free(&text);
    gru_model_free(m);
    return st;
}

static gru_status show(const char *input, const char *output, gru_error *err) {
    gru_bundle *b;
    gru_status st = gru_bundle_read(&b, input, err);
    if (st)
        return st;
    st = get_key ? show_key(b, output, err) : show_all(b, output, err);
    gru_bundle_free(b);
    /* What refused the write is the output; all else is about the input. */
    return st == GRU_ERR_DATA ? gru_error_at(err, "%s", input) : st;
}

/* ---- import ---- */
/* A network without input steps or data: an explicit "sequences" at its end says it labels steps.
 */
static bool ends_in_steps(const gru_arch *arch) {
    for (size_t i = arch->count; i-- > 0;)
        switch (arch->layers[i].kind) {
        case GRU_LAYER_RNN:
        case GRU_LAYER_LSTM:
        case GRU_LAYER_GRU:
            return arch->layers[i].returns == GRU_RETURNS_SEQUENCES;
        case GRU_LAYER_ATTENTION:
        case GRU_LAYER_POOL:
            return false;
        default:
            break;
        }
    return true;
}

/* What gru-train would put beside such a network's weights. */
static gru_status add_package(const gru_model *m, gru_bundle *made, gru_error *err) {
    gru_activation last = gru_model_activation(m);
    size_t outputs = gru_model_outputs(m);
    size_t classes = last == GRU_SOFTMAX ? outputs : last == GRU_SIGMOID && outputs == 1 ? 2 : 0;
    gru_loss loss;
    gru_attachments files;
    gru_status st = gru_loss_parse(&loss,
                                   last == GRU_SIGMOID   ? "binary-crossentropy"
                                   : last == GRU_SOFTMAX ? "categorical-crossentropy"
                                                         : "mse",
                                   err);
    if (st || (st = gru_attachments_read(&files, attached.items, attached.count, err)))
        return st;
    st = gru_attachments_add(&files, &loss, classes, made, err);
    gru_attachments_free(&files);
    return st;
}

static gru_status import_into(gru_bundle *made, const gru_bundle *b, gru_framework from,
                              const char *input, gru_error *err) {
    gru_arch *arch;
    gru_input_shape shape;
    gru_model *m;
    gru_status st = gru_arch_load(&arch, arch_text, err);
    if (st)
        return st;
    if ((st = gru_weights_input(arch, from, b, &shape, err))) {
        gru_arch_free(arch);
        return gru_error_at(err, "%s", input);
    }
    shape.steps = (size_t)steps;
    bool each = per_step || ends_in_steps(arch); /* before arch is given away */
    if ((st = gru_model_declare(&m, arch, &shape, each, err)))
        return st;
    if ((st = gru_weights_import(m, from, b, err)))
        gru_error_at(err, "%s", input);
    else if (!(st = gru_model_save(m, made, err)) &&
             !(st = gru_weights_keep(m, from, b, made, err)))
        st = add_package(m, made, err);
    gru_model_free(m);
    return st;
}

static gru_status import(const char *input, const char *output, gru_error *err) {
    gru_bundle *b, *made;
    gru_framework from;
    if (!from_name || !arch_text)
        return gru_error_set(err, GRU_ERR_USAGE, "import needs --from keras|torch and --arch");
    gru_status st = gru_framework_find(from_name, &from, err);
    if (st || (st = gru_bundle_read(&b, input, err)))
        return st;
    if (!(st = gru_bundle_new(&made, err))) {
        st = import_into(made, b, from, input, err);
        if (!st)
            st = gru_bundle_write(made, output, err);
        gru_bundle_free(made);
    }
    gru_bundle_free(b);
    return st;
}

/* ---- export ---- */
static gru_status export_from(const gru_bundle *b, gru_bundle *made, const char *input,
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

static gru_status export(const char *input, const char *output, gru_error *err) {
    gru_bundle *b, *made;
    if (!to_name)
        return gru_error_set(err, GRU_ERR_USAGE, "export needs --to keras|torch");
    gru_status st = gru_bundle_read(&b, input, err);
    if (st)
        return st;
    if (!(st = gru_bundle_new(&made, err))) {
        st = export_from(b, made, input, err);
        if (!st)
            st = gru_bundle_write(made, output, err);
        gru_bundle_free(made);
    }
    gru_bundle_free(b);
    return st;
}

static gru_status run(const gru_common *common, const char *const *operands, size_t count,
                      gru_error *err) {
    static const struct {
        const char *name;
        gru_status (*run)(const char *input, const char *output, gru_error *err);
    } commands[] = {{"show", show}, {"import", import}, {"export", export}};
    const char *input = count > 1 ? operands[1] : "-";
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(operands[0], commands[i].name)) {
            gru_status st = check_options(commands[i].name, err);
            return st ? st : commands[i].run(input, common->output, err);
        }
    return gru_error_set(err, GRU_ERR_USAGE, "'%s': expected show, import or export", operands[0]);
}

int main(int argc, char **argv) {
    return gru_tool_main(&tool, GRU_COMMON_OUTPUT, run, argc, argv);
}
