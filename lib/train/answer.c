/* The table of predictions. */
#include "train/answer.h"

#include "base/mem.h"
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what tells samples apart ---- */

static const struct {
    gru_slot slot;
    const char *name;
} labels[] = {{GRU_ID, "id"}, {GRU_GROUP, "group"}};

gru_status gru_labels_put_names(gru_table_writer *w, const gru_record_spec *spec, gru_error *err) {
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (spec->slot[labels[i].slot].type && gru_table_put_text(w, labels[i].name, err))
            return err->code;
    return GRU_OK;
}

gru_status gru_labels_put(gru_table_writer *w, const gru_record_spec *spec, const void *record,
                          gru_error *err) {
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        const char *text;
        size_t len = gru_record_text(spec, record, labels[i].slot, &text);
        if (spec->slot[labels[i].slot].type && gru_table_put(w, text, len, err))
            return err->code;
    }
    return GRU_OK;
}

/* ---- header ---- */

static bool per_step(const gru_answers *a) {
    return gru_model_per_step(a->package->model);
}

static gru_status put_numbered(gru_table_writer *w, const char *name, size_t count,
                               gru_error *err) {
    for (size_t i = 0; i < count; i++) {
        char text[48];
        snprintf(text, sizeof text, count == 1 ? "%s" : "%s_%zu", name, i + 1);
        if (gru_table_put_text(w, text, err))
            return err->code;
    }
    return GRU_OK;
}

/* Outputs that answer one target. */
static size_t outputs_each(const gru_answers *a) {
    size_t quantiles = a->package->loss.quantile_count;
    return quantiles ? quantiles : 1;
}

gru_status gru_quantiles_put_names(gru_table_writer *w, const gru_loss *loss, size_t number,
                                   gru_error *err) {
    for (size_t i = 0; i < loss->quantile_count; i++) {
        char level[GRU_NUMBER_MAX], name[GRU_NUMBER_MAX + 40];
        gru_number_format_double(loss->quantiles[i], level);
        if (number == 0)
            snprintf(name, sizeof name, "y_pred_q%s", level);
        else
            snprintf(name, sizeof name, "y_pred_%zu_q%s", number, level);
        if (gru_table_put_text(w, name, err))
            return err->code;
    }
    return GRU_OK;
}

static gru_status put_output_names(const gru_answers *a, gru_error *err) {
    const gru_loss *loss = &a->package->loss;
    size_t numbers = a->package->outputs / outputs_each(a);
    if (loss->quantile_count == 0)
        return put_numbered(a->to, "y_pred", numbers, err);
    for (size_t i = 0; i < numbers; i++)
        if (gru_quantiles_put_names(a->to, loss, numbers == 1 ? 0 : i + 1, err))
            return err->code;
    return GRU_OK;
}

static gru_status put_class_names(const gru_answers *a, gru_error *err) {
    const gru_package *p = a->package;
    if (gru_table_put_text(a->to, "label", err) || gru_table_put_text(a->to, "confidence", err))
        return err->code;
    if (p->kind == GRU_ANSWER_BINARY)
        return gru_table_put_text(a->to, "score", err);
    for (size_t c = 0; c < p->class_count; c++) {
        gru_str name = {0};
        gru_str_add(&name, "p_");
        gru_str_add(&name, p->classes[c]);
        gru_status status = gru_str_check(&name, err);
        if (status == GRU_OK)
            status = gru_table_put_text(a->to, gru_str_text(&name), err);
        gru_str_free(&name);
        if (status != GRU_OK)
            return status;
    }
    return GRU_OK;
}

static gru_status put_header(const gru_answers *a, gru_error *err) {
    gru_table_writer *w = a->to;
    if (gru_labels_put_names(w, &a->spec, err) ||
        (per_step(a) && gru_table_put_text(w, "step", err)) ||
        put_numbered(w, "y_true", a->truths, err))
        return err->code;
    if (a->package->kind != GRU_ANSWER_NUMBERS) {
        if (put_class_names(a, err))
            return err->code;
    } else if (put_output_names(a, err) ||
               (a->naive >= 0 && gru_table_put_text(w, "y_naive", err))) {
        return err->code;
    }
    return gru_table_end_row(w, err);
}

static size_t truth_count(const gru_answers *a) {
    const gru_slot_spec *y = &a->spec.slot[GRU_Y];
    if (!y->type)
        return 0;
    if (y->type == 'i' || y->dims == 0 || a->package->kind == GRU_ANSWER_CLASSES)
        return 1;
    return y->dims == 1 && per_step(a) ? 1 : y->shape[y->dims - 1];
}

/* The scaler's column of each target of window.tsv, or of the only one the scaler knows. */
static gru_status find_targets(gru_answers *a, gru_error *err) {
    const char *names = a->has_windows ? a->windows.target : "";
    a->targets = 1;
    for (const char *c = names; a->has_windows && a->windows.sequences && *c; c++)
        a->targets += *c == ',';
    if (gru_mem_new(&a->target, a->targets, sizeof *a->target, err))
        return err->code;
    for (size_t i = 0; i < a->targets; i++) {
        size_t len = a->targets == 1 ? strlen(names) : strcspn(names, ",");
        char *name = gru_str_copy(names, len);
        if (!name)
            return gru_error_memory(err, len);
        a->target[i] = -1;
        if (a->has_scaler && a->has_windows)
            a->target[i] = gru_scaler_find(&a->scaler, name);
        else if (a->has_scaler && a->scaler.count == 1)
            a->target[i] = 0;
        free(name);
        names += len + 1;
    }
    return GRU_OK;
}

static void find_naive(gru_answers *a) {
    const gru_slot_spec *x = &a->spec.slot[GRU_X];
    if (!per_step(a) && a->has_windows && x->dims == 2 && x->shape[1] == a->windows.features) {
        for (size_t i = 0; i < a->windows.features; i++)
            if (strcmp(a->windows.feature[i], a->windows.target) == 0)
                a->naive = (ptrdiff_t)i;
    }
}

static gru_status check_fit(const gru_answers *a, gru_error *err) {
    const gru_slot_spec *y = &a->spec.slot[GRU_Y];
    const gru_input_shape *want = gru_model_input(a->package->model);
    gru_input_shape have;
    char text[200], wanted[80];
    gru_record_describe(&a->spec, text, sizeof text);
    if (gru_input_shape_of(&a->spec, &have, err))
        return err->code;
    if (want->tokens != have.tokens || (!want->tokens && want->features != have.features)) {
        if (want->tokens)
            snprintf(wanted, sizeof wanted, "x int32 (steps)");
        else
            snprintf(wanted, sizeof wanted, "x float32 (steps, %zu)", want->features);
        return gru_error_set(err, GRU_ERR_DATA, "the model takes %s, the data has %s", wanted,
                             text);
    }
    bool classes = a->package->kind != GRU_ANSWER_NUMBERS;
    if (y->type == 'i' && !classes) {
        return gru_error_set(err, GRU_ERR_DATA, "the model gives numbers, the data has classes: %s",
                             text);
    }
    if (y->type && y->dims > 0 && per_step(a) && y->shape[0] != a->spec.slot[GRU_X].shape[0]) {
        return gru_error_set(err, GRU_ERR_DATA, "the model answers at every step, the data has %s",
                             text);
    }
    if (y->type == 'i' && y->dims > 0 && !per_step(a)) {
        return gru_error_set(err, GRU_ERR_DATA, "the model answers once a sample, the data has %s",
                             text);
    }
    return GRU_OK;
}

gru_status gru_answers_init(gru_answers *a, const gru_package *package, const gru_record_spec *spec,
                            gru_table_writer *to, gru_error *err) {
    memset(a, 0, sizeof *a);
    a->package = package;
    a->spec = *spec;
    a->to = to;
    a->naive = -1;
    if (check_fit(a, err))
        return err->code;
    if (package->kind == GRU_ANSWER_NUMBERS &&
        (gru_package_scaler(package, &a->scaler, &a->has_scaler, err) ||
         gru_package_windows(package, &a->windows, &a->has_windows, err) || find_targets(a, err)))
        return err->code;
    a->truths = truth_count(a);
    if (package->kind == GRU_ANSWER_NUMBERS)
        find_naive(a);
    return put_header(a, err);
}

void gru_answers_free(gru_answers *a) {
    if (a->has_scaler)
        gru_scaler_free(&a->scaler);
    if (a->has_windows)
        gru_windows_free(&a->windows);
    free(a->target);
    a->target = NULL;
    a->has_scaler = a->has_windows = false;
}

/* ---- rows ---- */

double gru_answers_unit(const gru_scaler *s, ptrdiff_t column, double value) {
    if (column < 0)
        return value;
    double unit = gru_scaler_invert(s, (size_t)column, value);
    if (!isfinite(unit) || !(fabs(unit) > 0))
        return unit;
    /* what a scaled float cannot tell from 0 */
    double next = gru_scaler_invert(s, (size_t)column, (double)nextafterf((float)value, INFINITY));
    if (fabs(unit) < fabs(next - unit))
        return 0;
    /* seven digits are what a scaled float can tell */
    int digits = 6 - (int)floor(log10(fabs(unit)));
    double power = pow(10, abs(digits));
    return digits >= 0 ? round(unit * power) / power : round(unit / power) * power;
}

/* A value of target i. */
static gru_status put_number(const gru_answers *a, size_t i, float value, gru_error *err) {
    ptrdiff_t column = !a->target ? -1 : i < a->targets ? a->target[i] : a->target[0];
    if (column < 0)
        return gru_table_put_float(a->to, value, err);
    return gru_table_put_double(a->to, gru_answers_unit(&a->scaler, column, (double)value), err);
}

/* The class of a one-hot target. */
static int32_t hot_class(const gru_answers *a, const unsigned char *record, size_t step) {
    const gru_slot_spec *y = &a->spec.slot[GRU_Y];
    size_t width = y->dims ? y->shape[y->dims - 1] : 1;
    const unsigned char *at = record + y->offset + (per_step(a) ? step * width * 4 : 0);
    return (int32_t)gru_loss_class((const float *)(const void *)at, width);
}

static gru_status put_truth(const gru_answers *a, const unsigned char *record, size_t step,
                            gru_error *err) {
    const gru_slot_spec *y = &a->spec.slot[GRU_Y];
    const gru_package *p = a->package;
    size_t first = per_step(a) ? step * a->truths : 0;
    for (size_t i = 0; i < a->truths; i++) {
        const unsigned char *at = record + y->offset + (first + i) * 4;
        float number;
        int32_t class;
        memcpy(&number, at, sizeof number);
        memcpy(&class, at, sizeof class);
        if (y->type == 'f' && p->kind == GRU_ANSWER_CLASSES) {
            class = hot_class(a, record, step);
        } else if (y->type == 'f' && p->kind == GRU_ANSWER_BINARY && a->truths == 1) {
            class = (int32_t)lrintf(number);
        } else if (y->type == 'f') {
            if (put_number(a, i, number, err))
                return err->code;
            continue;
        }
        if (y->type == 'i' && class == GRU_CLASS_UNKNOWN) {
            if (gru_table_put_text(a->to, "", err))
                return err->code;
            continue;
        }
        if (class < 0 || (size_t) class >= p->class_count) {
            return gru_error_set(err, GRU_ERR_DATA, "row %zu: class %d is not one of 0 to %zu",
                                 a->rows + 1, class, p->class_count - 1);
        }
        if (gru_table_put_text(a->to, p->classes[class], err))
            return err->code;
    }
    return GRU_OK;
}

static gru_status put_classes(const gru_answers *a, const gru_real *out, gru_error *err) {
    const gru_package *p = a->package;
    bool binary = p->kind == GRU_ANSWER_BINARY;
    size_t best = binary ? out[0] > (gru_real)0.5 : 0;
    for (size_t c = 1; !binary && c < p->class_count; c++)
        best = out[c] > out[best] ? c : best;
    gru_real confidence = !binary ? out[best] : best ? out[0] : 1 - out[0];
    if (gru_table_put_text(a->to, p->classes[best], err) ||
        gru_table_put_float(a->to, (float)confidence, err))
        return err->code;
    for (size_t c = 0; c < p->outputs; c++)
        if (gru_table_put_float(a->to, (float)out[c], err))
            return err->code;
    return GRU_OK;
}

static gru_status put_answer(const gru_answers *a, const gru_real *out, const unsigned char *record,
                             gru_error *err) {
    if (a->package->kind != GRU_ANSWER_NUMBERS)
        return put_classes(a, out, err);
    for (size_t i = 0; i < a->package->outputs; i++)
        if (put_number(a, i / outputs_each(a), (float)out[i], err))
            return err->code;
    if (a->naive < 0)
        return GRU_OK;
    const gru_slot_spec *x = &a->spec.slot[GRU_X];
    size_t last = (x->shape[0] - 1) * x->shape[1] + (size_t)a->naive;
    float value;
    memcpy(&value, record + x->offset + last * sizeof value, sizeof value);
    return put_number(a, 0, value, err);
}

static gru_status put_line(const gru_answers *a, const gru_real *out, const unsigned char *record,
                           size_t step, gru_error *err) {
    if (gru_labels_put(a->to, &a->spec, record, err) ||
        (per_step(a) && gru_table_put_int(a->to, (long long)step + 1, err)) ||
        put_truth(a, record, step, err) || put_answer(a, out, record, err))
        return err->code;
    return gru_table_end_row(a->to, err);
}

gru_status gru_answers_row(gru_answers *a, const gru_real *out, size_t first, size_t end,
                           const unsigned char *record, gru_error *err) {
    for (size_t step = first; step < end; step++)
        if (put_line(a, out + step * a->package->outputs, record, step, err))
            return err->code;
    a->rows++;
    return GRU_OK;
}
