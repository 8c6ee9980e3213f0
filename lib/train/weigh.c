/* Weights of classes. */
#include "train/weigh.h"

#include "base/mem.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

static gru_status balanced(gru_samples s, size_t classes, double *weights, gru_error *err) {
    const gru_slot_spec *y = &gru_dataset_spec(s.set)->slot[GRU_Y];
    double total = 0;
    for (size_t row = 0; row < s.count; row++) {
        const unsigned char *record;
        if (gru_dataset_look(s.set, s.start + row, &record, err)) {
            return err->code;
        }
        for (size_t i = 0; i < y->bytes; i += sizeof(int32_t)) {
            int32_t value;
            memcpy(&value, record + y->offset + i, sizeof value);
            if (value >= 0 && (size_t)value < classes) {
                weights[value]++;
                total++;
            }
        }
    }
    for (size_t c = 0; c < classes; c++) {
        if (!(weights[c] > 0)) {
            return gru_error_set(err, GRU_ERR_DATA,
                                 "--class-weight auto: class %zu has no sample to train on", c);
        }
        weights[c] = total / ((double)classes * weights[c]);
    }
    return GRU_OK;
}

gru_status gru_class_weights(const char *text, gru_samples samples, size_t classes,
                             double **weights, gru_error *err) {
    if (classes == 0 || gru_dataset_spec(samples.set)->slot[GRU_Y].type != 'i') {
        return gru_error_set(err, GRU_ERR_USAGE, "--class-weight: the target is not a class");
    }
    if (gru_mem_new(weights, classes, sizeof **weights, err)) {
        return err->code;
    }
    if (strcmp(text, "auto") == 0) {
        return balanced(samples, classes, *weights, err);
    }
    size_t count = 0;
    for (const char *part = text; part; count++) {
        size_t len = strcspn(part, ",");
        double value;
        if (!gru_number_parse(part, len, &value) || value < 0) {
            return gru_error_set(err, GRU_ERR_USAGE, "--class-weight: '%.*s' is no weight",
                                 (int)(len < 60 ? len : 60), part);
        }
        if (count < classes) {
            (*weights)[count] = value;
        }
        part = part[len] ? part + len + 1 : NULL;
    }
    if (count != classes) {
        return gru_error_set(err, GRU_ERR_USAGE, "--class-weight: %zu weights for %zu classes",
                             count, classes);
    }
    return GRU_OK;
}

gru_status gru_seconds_parse(const char *option, const char *text, double *seconds,
                             gru_error *err) {
    size_t len = strlen(text);
    char unit = len ? text[len - 1] : 's';
    double factor = unit == 'h' ? 3600 : unit == 'm' ? 60 : 1;
    size_t digits = strchr("hms", unit) && len ? len - 1 : len;
    if (!gru_number_parse(text, digits, seconds) || !(*seconds > 0)) {
        return gru_error_set(err, GRU_ERR_USAGE, "%s: '%.60s' is no time (90s, 30m, 2h)", option,
                             text);
    }
    *seconds *= factor;
    return GRU_OK;
}
