/* A network as a table for people. */
#include "nn/summary.h"

#include "base/number.h"

#include <stdio.h>

static void add_total(gru_str *out, const char *what, size_t count) {
    char number[GRU_NUMBER_MAX];
    double kib = (double)count * sizeof(gru_real) / 1024;
    gru_number_group(count, number);
    gru_str_addf(out, "%-20s %15s (%.2f %s)\n", what, number, kib < 1024 ? kib : kib / 1024,
                 kib < 1024 ? "KiB" : "MiB");
}

void gru_model_summary(const gru_model *m, gru_str *out) {
    const gru_arch *arch = gru_model_arch(m);
    size_t total = 0, frozen = 0, widest = 5;
    for (size_t i = 0; i < arch->count; i++) {
        gru_str text = {0};
        gru_layer_print(&arch->layers[i], &text);
        widest = text.len > widest ? text.len : widest;
        gru_str_free(&text);
    }
    widest = widest < 36 ? widest : 36;
    gru_str_addf(out, "%-*s  %-18s %12s\n", (int)widest, "Layer", "Output shape", "Parameters");
    for (size_t i = 0; i < arch->count; i++) {
        gru_str text = {0};
        char shape[64], number[32];
        size_t steps, units;
        gru_layer_print(&arch->layers[i], &text);
        gru_model_layer_shape(m, i, &steps, &units);
        if (steps > 0)
            snprintf(shape, sizeof shape, "(%zu, %zu)", steps, units);
        else
            snprintf(shape, sizeof shape, "(%zu)", units);
        gru_number_group(gru_model_layer_params(m, i), number);
        gru_str_addf(out, "%-*s  %-18s %12s\n", (int)widest, gru_str_text(&text), shape, number);
        gru_str_free(&text);
    }
    for (size_t i = 0; i < gru_model_param_count(m); i++) {
        const gru_param *p = gru_model_param(m, i);
        total += p->count;
        frozen += p->frozen || p->state ? p->count : 0;
    }
    add_total(out, "Total parameters", total);
    add_total(out, "  trained", total - frozen);
    if (frozen > 0)
        add_total(out, "  not trained", frozen);
}
