/* The words of --optimizer: "adam:lr=0.01,style=torch" to options and back. */
#include "train/optimizer.h"

#include "base/number.h"
#include "base/options.h"

#include <stdio.h>
#include <string.h>

static const char *const names[GRU_OPTIMIZER_COUNT] = {"sgd",   "rmsprop", "adam",
                                                       "adamw", "nadam",   "adagrad"};

enum {
    SGD = 1 << GRU_OPTIMIZER_SGD,
    RMSPROP = 1 << GRU_OPTIMIZER_RMSPROP,
    ADAMS = 1 << GRU_OPTIMIZER_ADAM | 1 << GRU_OPTIMIZER_ADAMW | 1 << GRU_OPTIMIZER_NADAM,
    PLAIN_ADAMS = 1 << GRU_OPTIMIZER_ADAM | 1 << GRU_OPTIMIZER_ADAMW,
    ADAGRAD = 1 << GRU_OPTIMIZER_ADAGRAD,
    EVERY = (1 << GRU_OPTIMIZER_COUNT) - 1
};

typedef struct key {
    const char *name;
    size_t offset; /* of the double in the options */
    double min, max;
    int kinds;
} key;

#define AT(field) offsetof(gru_optimizer_options, field)
static const key keys[] = {
    {"lr", AT(lr), 0, 1e6, EVERY},
    {"beta1", AT(beta1), 0, 0.999999, ADAMS},
    {"beta2", AT(beta2), 0, 0.99999999, ADAMS},
    {"epsilon", AT(epsilon), 0, 1, EVERY & ~SGD},
    {"rho", AT(rho), 0, 0.99999999, RMSPROP},
    {"momentum", AT(momentum), 0, 1, SGD | RMSPROP},
    {"weight-decay", AT(weight_decay), 0, 1e6, EVERY},
    {"initial", AT(initial), 0, 1e6, ADAGRAD},
};
enum { KEYS = sizeof keys / sizeof keys[0] };

/* Bare words, as bools at these places. */
typedef struct flag {
    const char *name;
    size_t offset;
    int kinds;
} flag;
static const flag flags[] = {
    {"nesterov", AT(nesterov), SGD},
    {"centered", AT(centered), RMSPROP},
    {"amsgrad", AT(amsgrad), PLAIN_ADAMS},
};
enum { FLAGS = sizeof flags / sizeof flags[0] };

typedef struct parse {
    gru_optimizer_options *o;
    bool given[KEYS];
} parse;

static gru_status unknown(const gru_optimizer_options *o, const char *word, gru_error *err) {
    char list[160] = "style";
    for (size_t i = 0; i < KEYS + FLAGS; i++) {
        int kinds = i < KEYS ? keys[i].kinds : flags[i - KEYS].kinds;
        if (kinds & 1 << o->kind) {
            size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, ", %s",
                     i < KEYS ? keys[i].name : flags[i - KEYS].name);
        }
    }
    return gru_error_set(err, GRU_ERR_USAGE, "--optimizer: %s has no '%s'; there are %s",
                         names[o->kind], word, list);
}

static gru_status take_number(parse *p, size_t k, const char *value, gru_error *err) {
    double number;
    if (!value || !gru_number_parse(value, strlen(value), &number) || number < keys[k].min ||
        number > keys[k].max) {
        char top[GRU_NUMBER_MAX];
        gru_number_format_double(keys[k].max, top);
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--optimizer: %s: '%s' is not a number from %g to %s", keys[k].name,
                             value ? value : "", keys[k].min, top);
    }
    memcpy((char *)p->o + keys[k].offset, &number, sizeof number);
    p->given[k] = true;
    return GRU_OK;
}

static gru_status take(void *arg, const char *word, const char *value, gru_error *err) {
    parse *p = arg;
    if (strcmp(word, "style") == 0) {
        if (!value || (strcmp(value, "keras") != 0 && strcmp(value, "torch") != 0)) {
            return gru_error_set(err, GRU_ERR_USAGE,
                                 "--optimizer: style: '%s': expected keras or torch",
                                 value ? value : "");
        }
        p->o->torch = strcmp(value, "torch") == 0;
        return GRU_OK;
    }
    for (size_t k = 0; k < KEYS; k++)
        if (strcmp(word, keys[k].name) == 0 && keys[k].kinds & 1 << p->o->kind)
            return take_number(p, k, value, err);
    for (size_t k = 0; k < FLAGS; k++) {
        if (strcmp(word, flags[k].name) == 0 && flags[k].kinds & 1 << p->o->kind && !value) {
            *(bool *)((char *)p->o + flags[k].offset) = true;
            return GRU_OK;
        }
    }
    return unknown(p->o, word, err);
}

static double default_of(const gru_optimizer_options *o, const char *name) {
    bool torch = o->torch;
    if (strcmp(name, "lr") == 0) {
        bool large =
            o->kind == GRU_OPTIMIZER_SGD ||
            (torch && (o->kind == GRU_OPTIMIZER_RMSPROP || o->kind == GRU_OPTIMIZER_ADAGRAD));
        return large ? 0.01 : torch && o->kind == GRU_OPTIMIZER_NADAM ? 0.002 : 0.001;
    }
    if (strcmp(name, "beta1") == 0)
        return 0.9;
    if (strcmp(name, "beta2") == 0)
        return 0.999;
    if (strcmp(name, "epsilon") == 0)
        return !torch ? 1e-7 : o->kind == GRU_OPTIMIZER_ADAGRAD ? 1e-10 : 1e-8;
    if (strcmp(name, "rho") == 0)
        return torch ? 0.99 : 0.9;
    if (strcmp(name, "weight-decay") == 0)
        return o->kind != GRU_OPTIMIZER_ADAMW ? 0 : torch ? 0.01 : 0.004;
    return strcmp(name, "initial") == 0 && !torch ? 0.1 : 0;
}

gru_status gru_optimizer_parse(gru_optimizer_options *out, const char *text, gru_error *err) {
    parse p = {.o = out};
    size_t len = strcspn(text, ":"), kind = 0;
    memset(out, 0, sizeof *out);
    while (kind < GRU_OPTIMIZER_COUNT &&
           (strlen(names[kind]) != len || memcmp(names[kind], text, len) != 0))
        kind++;
    if (kind == GRU_OPTIMIZER_COUNT) {
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--optimizer: '%.*s': expected sgd, rmsprop, adam, adamw, nadam or "
                             "adagrad",
                             (int)(len < 80 ? len : 80), text);
    }
    out->kind = (gru_optimizer_kind)kind;
    if (text[len] && gru_options_split(text + len + 1, take, &p, err))
        return err->code;
    for (size_t k = 0; k < KEYS; k++) {
        if (!p.given[k]) {
            double value = default_of(out, keys[k].name);
            memcpy((char *)out + keys[k].offset, &value, sizeof value);
        }
    }
    return GRU_OK;
}

void gru_optimizer_print(const gru_optimizer_options *o, gru_str *out) {
    gru_str_addf(out, "%s:style=%s", names[o->kind], o->torch ? "torch" : "keras");
    for (size_t k = 0; k < KEYS; k++) {
        if (keys[k].kinds & 1 << o->kind) {
            char number[GRU_NUMBER_MAX];
            double value;
            memcpy(&value, (const char *)o + keys[k].offset, sizeof value);
            gru_number_format_double(value, number);
            gru_str_addf(out, ",%s=%s", keys[k].name, number);
        }
    }
    for (size_t k = 0; k < FLAGS; k++)
        if (*(const bool *)((const char *)o + flags[k].offset))
            gru_str_addf(out, ",%s", flags[k].name);
    const char *const others[] = {"clip-norm", "clip-global-norm", "clip-value",
                                  o->unbiased ? "unbiased-average" : "average"};
    const double values[] = {o->clip_norm, o->clip_global_norm, o->clip_value, o->average};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (values[i] > 0) {
            char number[GRU_NUMBER_MAX];
            gru_number_format_double(values[i], number);
            gru_str_addf(out, " %s=%s", others[i], number);
        }
    }
}
