/* Tells what a model file's metadata say. */
#include "nn/describe.h"

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
