/* Losses as text; their arithmetic is in objective.c. */
#include "nn/loss.h"

#include "base/number.h"

#include <stdbool.h>
#include <string.h>

typedef struct loss_form {
    const char *name, *keras; /* ours, and the name it has in Keras */
    const char *key;          /* the one option, or NULL */
} loss_form;

static const loss_form forms[GRU_LOSS_COUNT] = {
    [GRU_LOSS_BINARY] = {"binary-crossentropy", "binary_crossentropy", "smoothing"},
    [GRU_LOSS_CATEGORICAL] = {"categorical-crossentropy", "categorical_crossentropy", "smoothing"},
    [GRU_LOSS_MSE] = {"mse", "mean_squared_error", NULL},
    [GRU_LOSS_MAE] = {"mae", "mean_absolute_error", NULL},
    [GRU_LOSS_HUBER] = {"huber", "huber", "delta"},
    [GRU_LOSS_QUANTILE] = {"quantile", "quantile", NULL},
};

static gru_status unknown(const char *name, size_t len, gru_error *err) {
    gru_error_set(err, GRU_ERR_USAGE,
                  "loss '%.*s': expected one of binary-crossentropy[:smoothing=X], "
                  "categorical-crossentropy[:smoothing=X], mse, mae, huber[:delta=X], "
                  "quantile:P/P/...",
                  (int)(len > 60 ? 60 : len), name);
    return GRU_ERR_USAGE;
}

static gru_status parse_quantiles(gru_loss *out, const char *text, gru_error *err) {
    while (*text) {
        size_t len = strcspn(text, "/");
        double q;
        if (!gru_number_parse(text, len, &q) || !(q > 0 && q < 1) ||
            (out->quantile_count && !(q > out->quantiles[out->quantile_count - 1])))
            return gru_error_set(err, GRU_ERR_USAGE,
                                 "loss quantile: '%.*s': expected rising shares between 0 and 1 "
                                 "with '/' between, as in quantile:0.1/0.5/0.9",
                                 (int)(len > 60 ? 60 : len), text);
        if (out->quantile_count == GRU_QUANTILES_MAX)
            return gru_error_set(err, GRU_ERR_USAGE, "loss quantile: expected at most %d quantiles",
                                 (int)GRU_QUANTILES_MAX);
        out->quantiles[out->quantile_count++] = q;
        text += len;
        if (*text == '/' && !*++text)
            return gru_error_set(err, GRU_ERR_USAGE,
                                 "loss quantile: expected a share after the last '/'");
    }
    return out->quantile_count ? GRU_OK
                               : gru_error_set(err, GRU_ERR_USAGE,
                                               "loss quantile: expected its shares, as in "
                                               "quantile:0.1/0.5/0.9");
}

static gru_status parse_option(gru_loss *out, const char *text, gru_error *err) {
    const loss_form *form = &forms[out->kind];
    size_t len = form->key ? strlen(form->key) : 0;
    if (!form->key)
        return gru_error_set(err, GRU_ERR_USAGE, "loss %s: '%.60s': expected no option", form->name,
                             text);
    if (strncmp(text, form->key, len) || text[len] != '=')
        return gru_error_set(err, GRU_ERR_USAGE, "loss %s: '%.60s': expected %s=NUMBER", form->name,
                             text, form->key);
    bool huber = out->kind == GRU_LOSS_HUBER;
    double *value = huber ? &out->delta : &out->smoothing;
    const char *number = text + len + 1;
    if (!gru_number_parse(number, strlen(number), value) ||
        !(huber ? *value > 0 : *value >= 0 && *value < 1))
        return gru_error_set(err, GRU_ERR_USAGE, "loss %s: '%.60s': expected %s", form->name, text,
                             huber ? "delta=NUMBER above 0" : "smoothing=SHARE from 0 to below 1");
    *value += 0.0; /* -0 is 0 */
    return GRU_OK;
}

gru_status gru_loss_parse(gru_loss *out, const char *text, gru_error *err) {
    size_t len = strcspn(text, ":");
    *out = (gru_loss){.kind = GRU_LOSS_COUNT, .delta = 1};
    for (int k = 0; k < GRU_LOSS_COUNT; k++)
        if ((len == strlen(forms[k].name) && !strncmp(text, forms[k].name, len)) ||
            (len == strlen(forms[k].keras) && !strncmp(text, forms[k].keras, len)))
            out->kind = (gru_loss_kind)k;
    if (out->kind == GRU_LOSS_COUNT)
        return unknown(text, len, err);
    if (out->kind == GRU_LOSS_QUANTILE)
        return parse_quantiles(out, text[len] ? text + len + 1 : "", err);
    return text[len] ? parse_option(out, text + len + 1, err) : GRU_OK;
}

static void add_number(gru_str *out, double value) {
    char text[GRU_NUMBER_MAX];
    gru_number_format_double(value, text);
    gru_str_add(out, text);
}

void gru_loss_print(const gru_loss *loss, gru_str *out) {
    gru_str_add(out, forms[loss->kind].name);
    if (loss->smoothing > 0) {
        gru_str_add(out, ":smoothing=");
        add_number(out, loss->smoothing);
    }
    if (loss->kind == GRU_LOSS_HUBER && (loss->delta < 1 || loss->delta > 1)) {
        gru_str_add(out, ":delta=");
        add_number(out, loss->delta);
    }
    for (size_t i = 0; i < loss->quantile_count; i++) {
        gru_str_add_char(out, i ? '/' : ':');
        add_number(out, loss->quantiles[i]);
    }
}

size_t gru_loss_class(const float *target, size_t count) {
    size_t best = 0;
    if (count == 1)
        return target[0] > 0.5F;
    for (size_t k = 1; k < count; k++)
        best = target[k] > target[best] ? k : best;
    return best;
}
