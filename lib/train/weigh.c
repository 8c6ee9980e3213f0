/* Weights of classes. */
#include "train/weigh.h"

#include "base/mem.h"
#include "base/number.h"
#include "nn/loss.h"

#include <stdlib.h>
#include <string.h>

/* The class that begins at `at`. */
static size_t class_at(const gru_slot_spec *y, const unsigned char *at, size_t outputs) {
    int32_t id;
    if (y->type == 'f')
        return gru_loss_class((const float *)(const void *)at, outputs);
    memcpy(&id, at, sizeof id);
    return id < 0 ? SIZE_MAX : (size_t)id;
}

static gru_status balanced(gru_samples s, size_t classes, size_t outputs, double *weights,
                           gru_error *err) {
    const gru_slot_spec *y = &gru_dataset_spec(s.set)->slot[GRU_Y];
    const size_t each = (y->type == 'f' ? outputs : 1) * sizeof(float);
    double total = 0;
    for (size_t row = 0; row < s.count; row++) {
        const unsigned char *record;
        if (gru_dataset_look(s.set, s.start + row, &record, err))
            return err->code;
        for (size_t i = 0; i + each <= y->bytes; i += each) {
            size_t class = class_at(y, record + y->offset + i, outputs);
            if (class < classes) {
                weights[class]++;
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

gru_status gru_class_weights(const char *text, gru_samples samples, size_t classes, size_t outputs,
                             double **weights, gru_error *err) {
    if (classes == 0)
        return gru_error_set(err, GRU_ERR_USAGE, "--class-weight: the target is not a class");
    if (gru_mem_new(weights, classes, sizeof **weights, err))
        return err->code;
    if (strcmp(text, "auto") == 0)
        return balanced(samples, classes, outputs, *weights, err);
    size_t count = 0;
    for (const char *part = text; part; count++) {
        size_t len = strcspn(part, ",");
        double value;
        if (!gru_number_parse(part, len, &value) || value < 0) {
            return gru_error_set(err, GRU_ERR_USAGE, "--class-weight: '%.*s' is no weight",
                                 (int)(len < 60 ? len : 60), part);
        }
        if (count < classes)
            (*weights)[count] = value;
        part = part[len] ? part + len + 1 : NULL;
    }
    if (count != classes) {
        return gru_error_set(err, GRU_ERR_USAGE, "--class-weight: %zu weights for %zu classes",
                             count, classes);
    }
    return GRU_OK;
}
