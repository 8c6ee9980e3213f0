/* The optimizer's state in a checkpoint: "optimizer.0" … are its states in the weights' order. Of a
 * checkpoint within an epoch, "optimizer.late" says which rows of the lazy table were how many
 * steps behind, "optimizer.late.rows" what they were then and "optimizer.late.steps" the rate and
 * the gradient's scale of those steps. */
#include "train/optimizer_private.h"

#include "base/mem.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A state of all weights in their order. */
static void flatten(const gru_optimizer *o, size_t state, gru_real *flat) {
    size_t dense = o->sparse == SIZE_MAX ? o->weights : o->offset;
    memcpy(flat, o->state[state], dense * sizeof *flat);
    for (size_t r = 0; r < o->rows; r++)
        memcpy(flat + dense + r * o->width, gru_optimizer_row_state(o, r, state),
               o->width * sizeof *flat);
}

/* ---- rows that are behind ---- */

/* The tensors of a checkpoint within an epoch. */
typedef struct late_rows {
    size_t count, steps;
    const int64_t (*which)[2]; /* [count]: the row, and the steps it is behind */
    const gru_real *numbers;   /* [count][late_numbers] */
    const double (*step)[2];   /* [steps]: rate, scale */
} late_rows;

/* What of a late row is kept: weights, gradient, states. */
static size_t late_numbers(const gru_optimizer *o) {
    return (2 + o->states) * o->width;
}

static void keep_row(const gru_optimizer *o, size_t row, gru_real *to) {
    size_t bytes = o->width * sizeof *to;
    memcpy(to, gru_optimizer_row(o, row), bytes);
    memcpy(to += o->width, o->lazy[row].waits ? gru_optimizer_kept(o, row) : o->zeros, bytes);
    for (size_t i = 0; i < o->states; i++)
        memcpy(to += o->width, gru_optimizer_row_state(o, row, i), bytes);
}

/* The rows that are behind, in order. The most steps that one is behind. */
static size_t keep_rows(const gru_optimizer *o, int64_t (*which)[2], gru_real *numbers) {
    int64_t most = 0;
    for (size_t r = 0; r < o->rows; r++) {
        if (!gru_optimizer_lags(o, r))
            continue;
        keep_row(o, r, numbers);
        numbers += late_numbers(o);
        (*which)[0] = (int64_t)r;
        (*which)[1] = (int64_t)(o->t - o->lazy[r].last);
        most = (*which)[1] > most ? (*which)[1] : most;
        which++;
    }
    return (size_t)most;
}

static gru_status add_late(const gru_optimizer *o, const late_rows *late, gru_bundle *b,
                           gru_error *err) {
    double steps[GRU_OPTIMIZER_RING][2];
    const size_t wide[2] = {late->count, late_numbers(o)}, two[2] = {late->count, 2};
    for (size_t i = 0; i < late->steps; i++) {
        size_t at = (o->t - late->steps + 1 + i) % GRU_OPTIMIZER_RING;
        steps[i][0] = o->rate[at];
        steps[i][1] = (double)o->ring[at].scale;
    }
    if (gru_bundle_add(b, "optimizer.late", "I64", 2, two, late->which, err) ||
        gru_bundle_add(b, "optimizer.late.rows", GRU_REAL_TYPE, 2, wide, late->numbers, err))
        return err->code;
    const size_t taken[2] = {late->steps, 2};
    return gru_bundle_add(b, "optimizer.late.steps", "F64", 2, taken, steps, err);
}

gru_status gru_optimizer_suspend(gru_optimizer *o, gru_bundle *b, gru_error *err) {
    late_rows late = {0};
    int64_t(*which)[2] = NULL;
    gru_real *numbers = NULL;
    gru_status status = GRU_OK;
    o->upto = o->t;
    for (size_t r = 0; r < o->rows; r++)
        late.count += gru_optimizer_lags(o, r);
    if (late.count > 0 && !(status = gru_mem_new(&which, late.count, sizeof *which, err)) &&
        !(status = gru_mem_new(&numbers, late.count * late_numbers(o), sizeof *numbers, err))) {
        late.steps = keep_rows(o, which, numbers);
        late.which = (const int64_t(*)[2])which;
        late.numbers = numbers;
        status = add_late(o, &late, b, err);
    }
    free(which);
    free(numbers);
    if (status == GRU_OK)
        gru_optimizer_flush(o);
    return status;
}

/* Finds the tensors of late rows, if there are any; all or none are `late`, and they agree. */
static gru_status find_late(const gru_optimizer *o, const gru_bundle *b, late_rows *late,
                            gru_error *err) {
    const gru_tensor *which = gru_bundle_find(b, "optimizer.late");
    const gru_tensor *rows = gru_bundle_find(b, "optimizer.late.rows");
    const gru_tensor *steps = gru_bundle_find(b, "optimizer.late.steps");
    *late = (late_rows){0};
    if (!which)
        return GRU_OK;
    late->count = which->count / 2;
    late->steps = steps ? steps->count / 2 : 0;
    bool fits = strcmp(which->type, "I64") == 0 && which->count == 2 * late->count && rows &&
                strcmp(rows->type, GRU_REAL_TYPE) == 0 &&
                rows->count == late->count * late_numbers(o) && steps &&
                strcmp(steps->type, "F64") == 0 && steps->count == 2 * late->steps &&
                late->steps < GRU_OPTIMIZER_RING;
    late->which = which->data;
    for (size_t i = 0; fits && i < late->count; i++) {
        const int64_t *w = late->which[i];
        fits = w[0] >= 0 && (uint64_t)w[0] < o->rows && w[1] > 0 && (uint64_t)w[1] <= late->steps;
    }
    if (!fits)
        return gru_error_set(err, GRU_ERR_DATA, "tensors 'optimizer.late' do not fit the network");
    late->numbers = rows->data;
    late->step = steps->data;
    return GRU_OK;
}

/* In the checkpoint, as in all of it, the average stands where the weights are trained. */
static void restore_row(gru_optimizer *o, size_t row, uint64_t behind, const gru_real *from) {
    size_t bytes = o->width * sizeof *from;
    gru_real *weights = gru_optimizer_row(o, row);
    memcpy(gru_optimizer_kept(o, row), from + o->width, bytes);
    for (size_t i = 0; i < o->states; i++)
        memcpy(gru_optimizer_row_state(o, row, i), from + (2 + i) * o->width, bytes);
    if (gru_optimizer_averages(o)) {
        memcpy(weights, from + (1 + o->states) * o->width, bytes);
        weights = gru_optimizer_row_state(o, row, o->moments);
    }
    memcpy(weights, from, bytes);
    o->lazy[row].last = o->t - behind;
    o->lazy[row].waits = true;
}

gru_status gru_optimizer_save(const gru_optimizer *o, gru_bundle *b, gru_error *err) {
    gru_str text = {0};
    gru_str_addf(&text, "%llu ", (unsigned long long)o->t);
    gru_optimizer_print(&o->options, &text);
    gru_status status = gru_str_check(&text, err);
    if (status == GRU_OK)
        status = gru_bundle_set(b, "optimizer", gru_str_text(&text), err);
    gru_str_free(&text);
    gru_real *flat = NULL;
    if (status == GRU_OK && o->states > 0)
        status = gru_mem_new(&flat, o->weights, sizeof *flat, err);
    for (size_t i = 0; status == GRU_OK && i < o->states; i++) {
        char name[32];
        snprintf(name, sizeof name, "optimizer.%zu", i);
        flatten(o, i, flat);
        status = gru_bundle_add(b, name, GRU_REAL_TYPE, 1, &o->weights, flat, err);
    }
    free(flat);
    return status;
}

static void unflatten(gru_optimizer *o, size_t state, const gru_real *flat) {
    size_t dense = o->sparse == SIZE_MAX ? o->weights : o->offset;
    memcpy(o->state[state], flat, dense * sizeof *flat);
    for (size_t r = 0; r < o->rows; r++)
        memcpy(gru_optimizer_row_state(o, r, state), flat + dense + r * o->width,
               o->width * sizeof *flat);
}

/* Whether a step has ever moved the row or its state. An average that is what the row is stays so.
 */
static bool was_used(const gru_optimizer *o, size_t row) {
    bool used = o->options.weight_decay > 0;
    size_t bytes = o->width * sizeof *o->zeros;
    for (size_t i = 0; i < o->moments && !used; i++)
        used = memcmp(gru_optimizer_row_state(o, row, i), o->zeros, bytes) != 0;
    return used || (gru_optimizer_averages(o) && memcmp(gru_optimizer_row_state(o, row, o->moments),
                                                        gru_optimizer_row(o, row), bytes) != 0);
}

/* The coefficients of the steps that late rows have not taken, and Nadam's product, as they came
 * about. */
static void retake_steps(gru_optimizer *o, uint64_t t, const late_rows *late) {
    bool nadam = o->options.kind == GRU_OPTIMIZER_NADAM;
    o->u_product = 1;
    o->t = nadam ? 0 : t - late->steps;
    while (o->t < t - late->steps)
        gru_optimizer_advance(o, 0);
    for (size_t i = 0; i < late->steps; i++) {
        gru_optimizer_advance(o, late->step[i][0]);
        gru_optimizer_remember(o, late->step[i][0], (gru_real)late->step[i][1]);
    }
}

gru_status gru_optimizer_load(gru_optimizer *o, const gru_bundle *b, gru_error *err) {
    const char *text = gru_bundle_get(b, "optimizer"), *space = text ? strchr(text, ' ') : NULL;
    gru_str mine = {0};
    late_rows late;
    long long t;
    gru_optimizer_print(&o->options, &mine);
    bool same = space && strcmp(space + 1, gru_str_text(&mine)) == 0;
    gru_str_free(&mine);
    if (!space || !gru_number_parse_int(text, (size_t)(space - text), &t) || t < 0)
        return gru_error_set(err, GRU_ERR_DATA, "no optimizer state in it: not a checkpoint");
    if (!same) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "the checkpoint's optimizer is '%s': give the same options to resume",
                             space + 1);
    }
    for (size_t i = 0; i < o->states; i++) {
        char name[32];
        snprintf(name, sizeof name, "optimizer.%zu", i);
        const gru_tensor *tensor = gru_bundle_find(b, name);
        if (!tensor || strcmp(tensor->type, GRU_REAL_TYPE) != 0 || tensor->count != o->weights) {
            return gru_error_set(err, GRU_ERR_DATA, "tensor '%s' is missing or has another size",
                                 name);
        }
        unflatten(o, i, tensor->data);
    }
    if (find_late(o, b, &late, err))
        return err->code;
    if (late.steps > (uint64_t)t)
        return gru_error_set(err, GRU_ERR_DATA,
                             "rows of the table are behind by more than all steps");
    retake_steps(o, (uint64_t)t, &late);
    for (size_t r = 0; r < o->rows; r++) {
        o->lazy[r].last = was_used(o, r) ? o->t : 0;
        o->lazy[r].waits = false;
    }
    for (size_t i = 0; i < late.count; i++)
        restore_row(o, (size_t)late.which[i][0], (uint64_t)late.which[i][1],
                    late.numbers + i * late_numbers(o));
    return GRU_OK;
}
