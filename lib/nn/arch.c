/* The tables of the architecture language, and a layer or a network as its text. */
#include "nn/arch.h"

#include "base/number.h"
#include "nn/arch_private.h"

#include <stdlib.h>
#include <string.h>

#define BIT(kind) (1u << GRU_LAYER_##kind)
enum {
    CELLS = BIT(RNN) | BIT(LSTM) | BIT(GRU),
    KERNELS = CELLS | BIT(DENSE),
    NORMS = CELLS | BIT(NORM) | BIT(BATCH_NORM),
};
#define AT(field) offsetof(gru_layer, field)

const gru_arch_form gru_arch_forms[GRU_LAYER_COUNT] = {
    [GRU_LAYER_EMBEDDING] = {"embedding", {GRU_ARCH_ROWS, GRU_ARCH_UNITS}},
    [GRU_LAYER_RNN] = {"rnn", {GRU_ARCH_UNITS}},
    [GRU_LAYER_LSTM] = {"lstm", {GRU_ARCH_UNITS}},
    [GRU_LAYER_GRU] = {"gru", {GRU_ARCH_UNITS}},
    [GRU_LAYER_ATTENTION] = {"attention", {GRU_ARCH_UNITS}},
    [GRU_LAYER_DENSE] = {"dense", {GRU_ARCH_UNITS, GRU_ARCH_ACTIVATION}},
    [GRU_LAYER_DROPOUT] = {"dropout", {GRU_ARCH_DROPPED}},
    [GRU_LAYER_NORM] = {"layer-norm", {GRU_ARCH_NOTHING}},
    [GRU_LAYER_BATCH_NORM] = {"batch-norm", {GRU_ARCH_NOTHING}},
    [GRU_LAYER_POOL] = {"pool", {GRU_ARCH_POOLING}},
};

const char gru_arch_activations[] = "linear|sigmoid|softmax|tanh|relu|softplus";
const char gru_arch_pools[] = "max|average|last";

/* In the order in which they are printed. */
const gru_arch_key gru_arch_keys[] = {
    {"mask", GRU_ARCH_FLAG, AT(mask), NULL, 0, BIT(EMBEDDING)},
    {"frozen", GRU_ARCH_FLAG, AT(frozen), NULL, 0, BIT(EMBEDDING)},
    {"weights", GRU_ARCH_FILE, AT(weights), NULL, 0, BIT(EMBEDDING)},
    {"tanh", GRU_ARCH_BARE, AT(activation), "default", GRU_TANH, BIT(RNN)},
    {"relu", GRU_ARCH_BARE, AT(activation), NULL, GRU_RELU, BIT(RNN)},
    {"bidirectional", GRU_ARCH_WORD, AT(bidirectional), "none|concat|sum|average|multiply",
     GRU_MERGE_CONCAT, CELLS},
    {"reset", GRU_ARCH_SWITCH, AT(reset_before), "after|before", 0, BIT(GRU)},
    {"update", GRU_ARCH_SWITCH, AT(update_new), "keep|new", 0, BIT(GRU)},
    {"no-bias", GRU_ARCH_FLAG, AT(no_bias), NULL, 0, KERNELS},
    {"layer-norm", GRU_ARCH_FLAG, AT(norm), NULL, 0, CELLS},
    {"epsilon", GRU_ARCH_EPSILON, AT(epsilon), NULL, 0, NORMS},
    {"residual", GRU_ARCH_FLAG, AT(residual), NULL, 0, CELLS},
    {"sequences", GRU_ARCH_BARE, AT(returns), NULL, GRU_RETURNS_SEQUENCES, CELLS},
    {"last", GRU_ARCH_BARE, AT(returns), NULL, GRU_RETURNS_LAST, CELLS},
    {"stateful", GRU_ARCH_FLAG, AT(stateful), NULL, 0, CELLS},
    {"learned-state", GRU_ARCH_FLAG, AT(learned_state), NULL, 0, CELLS},
    {"dropout", GRU_ARCH_RATE, AT(dropout), NULL, 0, CELLS},
    {"recurrent-dropout", GRU_ARCH_RATE, AT(recurrent_dropout), NULL, 0, CELLS},
    {"kernel-l1", GRU_ARCH_PENALTY, AT(kernel_l1), NULL, 0, KERNELS},
    {"kernel-l2", GRU_ARCH_PENALTY, AT(kernel_l2), NULL, 0, KERNELS},
    {"recurrent-l1", GRU_ARCH_PENALTY, AT(recurrent_l1), NULL, 0, CELLS},
    {"recurrent-l2", GRU_ARCH_PENALTY, AT(recurrent_l2), NULL, 0, CELLS},
    {"bias-l1", GRU_ARCH_PENALTY, AT(bias_l1), NULL, 0, KERNELS},
    {"bias-l2", GRU_ARCH_PENALTY, AT(bias_l2), NULL, 0, KERNELS},
    {"init", GRU_ARCH_INIT, AT(init), NULL, 0, KERNELS | BIT(EMBEDDING) | BIT(ATTENTION)},
    {"recurrent-init", GRU_ARCH_INIT, AT(recurrent_init), NULL, 0, CELLS},
    {"bias-init", GRU_ARCH_INIT, AT(bias_init), NULL, 0, KERNELS},
    {NULL, GRU_ARCH_FLAG, 0, NULL, 0, 0},
};

const char *gru_arch_word(const char *words, int index, size_t *len) {
    for (; index > 0; index--) {
        words = strchr(words, '|');
        if (!words)
            return NULL;
        words++;
    }
    *len = strcspn(words, "|");
    return words;
}

static void add_word(gru_str *out, const char *words, int index) {
    size_t len;
    const char *word = gru_arch_word(words, index, &len);
    if (word)
        gru_str_add_bytes(out, word, len);
}

static void add_number(gru_str *out, double value) {
    char text[GRU_NUMBER_MAX];
    gru_number_format_double(value, text);
    gru_str_add(out, text);
}

static void print_size(const gru_layer *layer, gru_arch_size size, gru_str *out) {
    switch (size) {
    case GRU_ARCH_ROWS:
        gru_str_addf(out, " %zu", layer->rows);
        break;
    case GRU_ARCH_UNITS:
        gru_str_addf(out, " %zu", layer->units);
        break;
    case GRU_ARCH_DROPPED:
        gru_str_add_char(out, ' ');
        add_number(out, layer->rate);
        break;
    case GRU_ARCH_POOLING:
        gru_str_add_char(out, ' ');
        add_word(out, gru_arch_pools, (int)layer->pool);
        break;
    case GRU_ARCH_ACTIVATION:
        if (layer->activation != GRU_LINEAR) {
            gru_str_add_char(out, ' ');
            add_word(out, gru_arch_activations, (int)layer->activation);
        }
        break;
    case GRU_ARCH_NOTHING:
        break;
    }
}

static void print_file(const gru_arch_key *key, const char *path, gru_str *out) {
    if (!path)
        return;
    const char *quote = path[strcspn(path, " \t\r;#()")] ? "\"" : "";
    gru_str_addf(out, " %s=%s%s%s", key->name, quote, path, quote);
}

_Static_assert(sizeof(gru_merge) == sizeof(int), "enums are read and written as int");

static void print_key(const gru_layer *layer, const gru_arch_key *key, gru_str *out) {
    const void *at = (const char *)layer + key->offset;
    int word = 0;
    double number = 0;
    switch (key->value) {
    case GRU_ARCH_FLAG:
        if (*(const bool *)at)
            gru_str_addf(out, " %s", key->name);
        break;
    case GRU_ARCH_BARE:
        memcpy(&word, at, sizeof word);
        if (word == key->number && !key->words)
            gru_str_addf(out, " %s", key->name);
        break;
    case GRU_ARCH_RATE:
    case GRU_ARCH_PENALTY:
    case GRU_ARCH_EPSILON:
        memcpy(&number, at, sizeof number);
        if (number != 0) {
            gru_str_addf(out, " %s=", key->name);
            add_number(out, number);
        }
        break;
    case GRU_ARCH_INIT:
        if (*(const char *)at)
            gru_str_addf(out, " %s=%s", key->name, (const char *)at);
        break;
    case GRU_ARCH_FILE:
        print_file(key, *(char *const *)at, out);
        break;
    case GRU_ARCH_WORD:
    case GRU_ARCH_SWITCH:
        if (key->value == GRU_ARCH_SWITCH)
            word = *(const bool *)at;
        else
            memcpy(&word, at, sizeof word);
        if (word) {
            gru_str_addf(out, " %s", key->name);
            if (word != key->number) {
                gru_str_add_char(out, '=');
                add_word(out, key->words, word);
            }
        }
        break;
    }
}

void gru_layer_print(const gru_layer *layer, gru_str *out) {
    const gru_arch_form *form = &gru_arch_forms[layer->kind];
    gru_str_add(out, form->name);
    for (size_t i = 0; i < 2; i++)
        print_size(layer, form->sizes[i], out);
    for (const gru_arch_key *key = gru_arch_keys; key->name; key++)
        if (key->layers >> layer->kind & 1)
            print_key(layer, key, out);
}

void gru_arch_print(const gru_arch *arch, gru_str *out) {
    for (size_t i = 0; i < arch->count; i++) {
        gru_layer_print(&arch->layers[i], out);
        gru_str_add_char(out, '\n');
    }
}

const char *gru_layer_kind_name(gru_layer_kind kind) {
    return gru_arch_forms[kind].name;
}

const char *gru_activation_name(gru_activation activation) {
    static const char *const names[GRU_ACTIVATION_COUNT] = {"linear", "sigmoid", "softmax",
                                                            "tanh",   "relu",    "softplus"};
    return names[activation];
}

void gru_arch_free(gru_arch *arch) {
    if (!arch)
        return;
    for (size_t i = 0; i < arch->count; i++)
        free(arch->layers[i].weights);
    free(arch->layers);
    free(arch);
}

bool gru_layer_recurrent(const gru_layer *layer) {
    return layer->kind == GRU_LAYER_RNN || layer->kind == GRU_LAYER_LSTM ||
           layer->kind == GRU_LAYER_GRU;
}

bool gru_layer_normalises(const gru_layer *layer) {
    return layer->norm || layer->kind == GRU_LAYER_NORM || layer->kind == GRU_LAYER_BATCH_NORM;
}

double gru_layer_epsilon(const gru_layer *layer) {
    return layer->epsilon > 0 ? layer->epsilon : GRU_KERAS_EPSILON;
}

size_t gru_layer_gates(const gru_layer *layer) {
    return layer->kind == GRU_LAYER_GRU ? 3 : layer->kind == GRU_LAYER_LSTM ? 4 : 1;
}
