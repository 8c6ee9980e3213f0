/* Tells what a model file's metadata say, and prints its weights. */
#include "nn/describe.h"

#include "base/number.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_WIDTH = 14, CLASSES_SHOWN = 40, VALUE_SHOWN = 400, NESTING_MAX = 3 };

/* A file's text may come from a stranger: no control characters reach a terminal. */
static void add_clean(gru_str *out, const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        gru_str_add_char(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
}

static void add_label(gru_str *out, const char *label) {
    gru_str_addf(out, "%-*s", LABEL_WIDTH, label);
}

static void add_architecture(const gru_model *m, gru_str *out) {
    gru_str text = {0};
    gru_arch_print(gru_model_arch(m), &text);
    const char *line = gru_str_text(&text);
    for (bool first = true; *line; first = false) {
        size_t len = strcspn(line, "\n");
        add_label(out, first ? "architecture" : "");
        add_clean(out, line, len);
        gru_str_add_char(out, '\n');
        line += len + (line[len] == '\n');
    }
    gru_str_free(&text);
}

static void add_input(const gru_model *m, gru_str *out) {
    const gru_input_shape *in = gru_model_input(m);
    add_label(out, "input");
    if (in->tokens)
        gru_str_add(out, "token ids");
    else
        gru_str_addf(out, "%zu feature%s a step", in->features, in->features == 1 ? "" : "s");
    if (in->steps)
        gru_str_addf(out, ", %zu steps", in->steps);
    gru_str_addf(out, "\n");
    add_label(out, "output");
    gru_str_addf(out, "%zu number%s a %s\n", gru_model_outputs(m),
                 gru_model_outputs(m) == 1 ? "" : "s", gru_model_per_step(m) ? "step" : "sample");
}

/* One class a line in the metadata; one line here. */
static void add_classes(const char *classes, gru_str *out) {
    size_t count = 0;
    add_label(out, "classes");
    while (*classes) {
        size_t len = strcspn(classes, "\n");
        if (count < CLASSES_SHOWN) {
            gru_str_add(out, count ? ", " : "");
            add_clean(out, classes, len);
        }
        count++;
        classes += len + (classes[len] == '\n');
    }
    if (count > CLASSES_SHOWN)
        gru_str_addf(out, ", … (%zu in all)", count);
    gru_str_add(out, "\n");
}

static void add_attached(const gru_bundle *b, gru_str *out) {
    const char *key;
    for (size_t i = 0; (key = gru_bundle_key_at(b, i)); i++) {
        size_t len = strlen(key);
        if (len < 4 || strcmp(key + len - 4, ".tsv"))
            continue;
        add_label(out, "attached");
        add_clean(out, key, len);
        gru_str_addf(out, " (%zu bytes)\n", strlen(gru_bundle_get(b, key)));
    }
}

static void add_value(const json_t *value, gru_str *out) {
    if (json_is_string(value)) {
        size_t len = strlen(json_string_value(value));
        add_clean(out, json_string_value(value), len < VALUE_SHOWN ? len : VALUE_SHOWN);
        return;
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    if (text)
        add_clean(out, text, strlen(text) < VALUE_SHOWN ? strlen(text) : VALUE_SHOWN);
    else
        out->failed = true;
    free(text);
}

/* Members of objects one to a line, "options.lr 0.001". */
static void add_members(const json_t *object, const char *prefix, int depth, gru_str *out) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        gru_str name = {0};
        gru_str_addf(&name, "%s%s%.60s", prefix, *prefix ? "." : "", key);
        if (json_is_object(value) && depth < NESTING_MAX) {
            add_members(value, gru_str_text(&name), depth + 1, out);
        } else {
            gru_str_add(out, "  ");
            add_clean(out, gru_str_text(&name), strlen(gru_str_text(&name)));
            gru_str_add(out, " ");
            add_value(value, out);
            gru_str_add(out, "\n");
        }
        gru_str_free(&name);
    }
}

static void add_training(const char *train, gru_str *out) {
    json_t *root = json_loads(train, 0, NULL);
    gru_str_add(out, "training\n");
    if (json_is_object(root)) {
        add_members(root, "", 0, out);
    } else {
        gru_str_add(out, "  ");
        add_clean(out, train, strlen(train) < VALUE_SHOWN ? strlen(train) : VALUE_SHOWN);
        gru_str_add(out, "\n");
    }
    json_decref(root);
}

gru_status gru_model_describe(const gru_model *m, const gru_bundle *b, gru_str *out,
                              gru_error *err) {
    const char *classes = gru_bundle_get(b, "classes"), *train = gru_bundle_get(b, "train");
    const char *loss = gru_bundle_get(b, "loss");
    add_architecture(m, out);
    add_input(m, out);
    if (loss) {
        add_label(out, "loss");
        add_clean(out, loss, strlen(loss));
        gru_str_add(out, "\n");
    }
    if (classes)
        add_classes(classes, out);
    add_attached(b, out);
    if (gru_bundle_get(b, "optimizer")) {
        add_label(out, "checkpoint");
        gru_str_add(out, "yes, training can be resumed from it\n");
    }
    if (train)
        add_training(train, out);
    return gru_str_check(out, err);
}

/* ---- weights ---- */
static void add_number(gru_str *out, double value) {
    char text[GRU_NUMBER_MAX];
    gru_number_format((float)value, text);
    gru_str_addf(out, "\t%s", text);
}

gru_status gru_model_list_weights(const gru_model *m, gru_str *out, gru_error *err) {
    gru_str_add(out, "weight\tshape\tnumbers\tleast\tmean\tmost\n");
    for (size_t i = 0; i < gru_model_param_count(m); i++) {
        const gru_param *p = gru_model_param(m, i);
        const gru_real *w = gru_model_weights((gru_model *)m) + p->offset;
        double least = (double)w[0], most = least, sum = 0;
        for (size_t k = 0; k < p->count; k++) {
            double value = (double)w[k];
            least = value < least ? value : least;
            most = value > most ? value : most;
            sum += value;
        }
        gru_str_addf(out, "%s\t(%zu", p->name, p->shape[0]);
        gru_str_addf(out, p->dims > 1 ? ", %zu)" : ")", p->shape[1]);
        gru_str_addf(out, "\t%zu", p->count);
        add_number(out, least);
        add_number(out, sum / (double)p->count);
        add_number(out, most);
        gru_str_add(out, "\n");
    }
    return gru_str_check(out, err);
}

/* The letters of the gates whose units lie side by side in a weight of this width; "w": none. */
static const char *gates_of(const gru_layer *l, size_t width) {
    if (l->kind == GRU_LAYER_GRU && width == 3 * l->units)
        return "zrh";
    if (l->kind == GRU_LAYER_LSTM && width == 4 * l->units)
        return "ifco";
    return "w";
}

static gru_status no_weight(const gru_model *m, const char *name, gru_error *err) {
    gru_str names = {0};
    for (size_t i = 0; i < gru_model_param_count(m); i++)
        gru_str_addf(&names, "%s%s", i ? ", " : "", gru_model_param(m, i)->name);
    gru_error_set(err, GRU_ERR_USAGE, "there is no weight '%.60s'; there are %s", name,
                  gru_str_text(&names));
    gru_str_free(&names);
    return GRU_ERR_USAGE;
}

gru_status gru_model_print_weight(const gru_model *m, const char *name, gru_str *out,
                                  gru_error *err) {
    const gru_param *p = gru_model_find(m, name);
    if (!p)
        return no_weight(m, name, err);
    const gru_layer *l = &gru_model_arch(m)->layers[p->layer];
    const bool tokens = l->kind == GRU_LAYER_EMBEDDING;
    const size_t rows = p->dims > 1 ? p->shape[0] : 1, width = p->count / rows;
    const char *gates = gates_of(l, width);
    const size_t each = width / strlen(gates);
    const gru_real *w = gru_model_weights((gru_model *)m) + p->offset;
    gru_str_add(out, tokens ? "token" : "row");
    for (size_t j = 0; j < width; j++)
        gru_str_addf(out, "\t%c_%zu", gates[j / each], j % each + 1);
    for (size_t i = 0; i < rows; i++) {
        gru_str_addf(out, "\n%zu", tokens ? i : i + 1);
        for (size_t j = 0; j < width; j++)
            add_number(out, (double)w[i * width + j]);
    }
    gru_str_add(out, "\n");
    return gru_str_check(out, err);
}
