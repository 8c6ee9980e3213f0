/* Activations of dense layers, and losses with their gradients, on lanes. Definitions: Keras 3
 * (losses of a final sigmoid or softmax from the logits; means over a sample's outputs). */
#include "nn/slice.h"

#include <math.h>
#include <string.h>

enum { L = GRU_LANES };

static void softmax(const gru_kern *kern, gru_real *x, size_t units) {
    gru_real top[L], sum[L] = {0};
    for (size_t i = 0; i < L; i++)
        top[i] = x[i];
    for (size_t u = 1; u < units; u++)
        for (size_t i = 0; i < L; i++)
            if (x[u * L + i] > top[i])
                top[i] = x[u * L + i];
    for (size_t u = 0; u < units; u++)
        for (size_t i = 0; i < L; i++)
            x[u * L + i] -= top[i];
    kern->exp(x, units * L);
    for (size_t u = 0; u < units; u++)
        for (size_t i = 0; i < L; i++)
            sum[i] += x[u * L + i];
    for (size_t u = 0; u < units; u++)
        for (size_t i = 0; i < L; i++)
            x[u * L + i] /= sum[i];
}

void gru_activate(const gru_kern *kern, gru_activation a, gru_real *x, size_t units) {
    switch (a) {
    case GRU_SIGMOID:
        kern->sigmoid(x, units * L);
        break;
    case GRU_TANH:
        kern->tanh(x, units * L);
        break;
    case GRU_SOFTMAX:
        softmax(kern, x, units);
        break;
    case GRU_RELU:
        for (size_t i = 0; i < units * L; i++)
            x[i] = x[i] > 0 ? x[i] : 0;
        break;
    case GRU_SOFTPLUS:
        for (size_t i = 0; i < units * L; i++)
            x[i] = (gru_real)(fmax((double)x[i], 0) + log1p(exp(-fabs((double)x[i]))));
        break;
    default:
        break;
    }
}

void gru_activate_backward(gru_activation a, gru_real *y, const gru_real *dout,
                           const gru_real *logits, size_t units) {
    gru_real along[L] = {0};
    for (size_t i = 0; a == GRU_SOFTMAX && i < units * L; i++)
        along[i % L] += dout[i] * y[i];
    for (size_t i = 0; i < units * L; i++)
        switch (a) {
        case GRU_SIGMOID:
            y[i] = dout[i] * y[i] * (1 - y[i]);
            break;
        case GRU_TANH:
            y[i] = dout[i] * (1 - y[i] * y[i]);
            break;
        case GRU_SOFTMAX:
            y[i] = y[i] * (dout[i] - along[i % L]);
            break;
        case GRU_RELU:
            y[i] = logits[i] > 0 ? dout[i] : 0;
            break;
        case GRU_SOFTPLUS:
            y[i] = dout[i] / (1 + (gru_real)exp(-(double)logits[i]));
            break;
        default:
            y[i] = dout[i];
        }
}

/* One sample's (or step's) outputs in a lane, and its target. */
typedef struct item {
    const gru_loss *loss;
    const gru_real *out, *logits; /* of lane 0's column: element k at [k·16] */
    gru_real *d;                  /* gradient, same stride; or NULL */
    size_t count;                 /* outputs */
    bool fused;
    const float *numbers; /* target, or NULL */
    int32_t label;        /* target where numbers is NULL */
    double factor;        /* weight × scale, of the gradient */
} item;

static double target_of(const item *it, size_t k) {
    if (it->numbers)
        return (double)it->numbers[k];
    return it->loss->kind == GRU_LOSS_CATEGORICAL ? (size_t)it->label == k : (double)it->label;
}

static void give(const item *it, size_t k, double d) {
    if (it->d)
        it->d[k * L] = (gru_real)(d * it->factor);
}

static double binary(const item *it) {
    double sum = 0, s = it->loss->smoothing, n = (double)it->count;
    for (size_t k = 0; k < it->count; k++) {
        double y = target_of(it, k) * (1 - s) + s / 2, p = (double)it->out[k * L];
        if (it->fused) {
            double z = (double)it->logits[k * L];
            sum += fmax(z, 0) - z * y + log1p(exp(-fabs(z)));
            give(it, k, (p - y) / n);
            continue;
        }
        double q = fmin(fmax(p, 1e-7), 1 - 1e-7);
        sum -= y * log(q) + (1 - y) * log(1 - q);
        give(it, k, q == p ? (p - y) / (p * (1 - p)) / n : 0);
    }
    return sum / n;
}

static double categorical(const item *it) {
    double s = it->loss->smoothing, n = (double)it->count, sum = 0, total = 0, top = -INFINITY;
    for (size_t k = 0; k < it->count; k++)
        top = fmax(top, (double)it->logits[k * L]);
    for (size_t k = 0; k < it->count; k++)
        total += it->fused ? exp((double)it->logits[k * L] - top) : (double)it->out[k * L];
    double weight = 0;
    for (size_t k = 0; k < it->count; k++)
        weight += target_of(it, k) * (1 - s) + s / n;
    for (size_t k = 0; k < it->count; k++) {
        double y = target_of(it, k) * (1 - s) + s / n, p = (double)it->out[k * L];
        if (it->fused) {
            sum += y * (log(total) + top - (double)it->logits[k * L]);
            give(it, k, p * weight - y);
            continue;
        }
        sum -= y * log(fmin(fmax(p / total, 1e-7), 1 - 1e-7));
        give(it, k, weight / total - y / fmax(p, 1e-7));
    }
    return sum;
}

static double huber(double e, double delta, double *slope) {
    if (fabs(e) <= delta) {
        *slope = e;
        return 0.5 * e * e;
    }
    *slope = e > 0 ? delta : -delta;
    return delta * fabs(e) - 0.5 * delta * delta;
}

/* Mean over the outputs; for quantiles output k·Q + q answers target k (Koenker and Bassett 1978).
 */
static double numbers(const item *it) {
    double sum = 0, n = (double)it->count;
    size_t per = it->loss->kind == GRU_LOSS_QUANTILE ? it->loss->quantile_count : 1;
    for (size_t k = 0; k < it->count; k++) {
        double e = (double)it->out[k * L] - target_of(it, k / per), slope;
        switch (it->loss->kind) {
        case GRU_LOSS_MAE:
            sum += fabs(e);
            slope = e > 0 ? 1 : e < 0 ? -1 : 0;
            break;
        case GRU_LOSS_HUBER:
            sum += huber(e, it->loss->delta, &slope);
            break;
        case GRU_LOSS_QUANTILE: {
            double q = it->loss->quantiles[k % per];
            slope = e > 0 ? 1 - q : e < 0 ? -q : 0;
            sum += slope * e;
            break;
        }
        default:
            sum += e * e;
            slope = 2 * e;
        }
        give(it, k, slope / n);
    }
    return sum / n;
}

/* Figures that the user reads: right answers, errors. */
static void judge(const item *it, gru_figures *f) {
    size_t best = 0, right = 0, want = 0;
    double absolute = 0, squared = 0, n = (double)it->count;
    bool classes = it->loss->kind == GRU_LOSS_CATEGORICAL;
    for (size_t k = 0; k < it->count; k++) {
        size_t per = it->loss->kind == GRU_LOSS_QUANTILE ? it->loss->quantile_count : 1;
        double y = target_of(it, k / per), p = (double)it->out[k * L];
        if (p > (double)it->out[best * L])
            best = k;
        if (classes && y > target_of(it, want))
            want = k;
        right += (p > 0.5) == (y > 0.5);
        absolute += fabs(p - y);
        squared += (p - y) * (p - y);
    }
    f->correct += classes ? (double)(best == want) : (double)right / n;
    f->absolute += absolute / n;
    f->squared += squared / n;
}

/* class_weight NULL: all weigh 1. */
static double lane_weight(const double *class_weight, const gru_batch *b,
                          const unsigned char *record, const item *it) {
    const gru_slot_spec *w = &b->spec->slot[GRU_W];
    float weight = 1;
    if (w->type)
        memcpy(&weight, record + w->offset, sizeof weight);
    if (!class_weight)
        return (double)weight;
    size_t class = it->numbers ? gru_loss_class(it->numbers, it->count) : (size_t)it->label;
    return (double)weight * class_weight[class];
}

static gru_status check_label(const item *it, gru_error *err) {
    size_t classes = it->loss->kind == GRU_LOSS_CATEGORICAL ? it->count : 2;
    if (it->numbers || it->loss->kind > GRU_LOSS_CATEGORICAL ||
        (it->label >= 0 && (size_t)it->label < classes))
        return GRU_OK;
    return gru_error_set(err, GRU_ERR_DATA, "class %d is outside 0 … %zu", (int)it->label,
                         classes - 1);
}

gru_status gru_objective_slice(const gru_plan *plan, gru_slice *s, const gru_batch *batch,
                               double scale, gru_real *d, gru_error *err) {
    const gru_slot_spec *y = &batch->spec->slot[GRU_Y];
    const gru_layer_memory *last = &s->memory[plan->count - 1];
    bool per_step = plan->model->per_step;
    size_t count = gru_model_outputs(plan->model), steps = per_step ? plan->steps : 1;
    size_t step = plan->layers[plan->count - 1].out_step;
    const double *class_weight = s->training ? plan->options.class_weight : NULL;
    item it = {.loss = plan->options.loss, .count = count, .fused = plan->fused};
    if (d)
        memset(d, 0, steps * step * sizeof *d);
    for (size_t t = 0; t < steps; t++)
        for (size_t i = 0; i < s->rows; i++) {
            const unsigned char *record = batch->records[s->first_row + i];
            if (per_step && s->mask && !(s->mask[t * L + i] > 0))
                continue;
            size_t at = t * step + i;
            it.out = last->out + at;
            it.logits = (it.fused ? last->logits : last->out) + at;
            it.d = d ? d + at : NULL;
            const unsigned char *target =
                record + y->offset + (per_step ? t * (y->bytes / steps) : 0);
            it.numbers = y->type == 'f' ? (const float *)(const void *)target : NULL;
            if (!it.numbers)
                memcpy(&it.label, target, sizeof it.label);
            gru_status st = check_label(&it, err);
            if (st)
                return st;
            double weight = lane_weight(class_weight, batch, record, &it);
            it.factor = weight * scale;
            double loss = it.loss->kind == GRU_LOSS_BINARY        ? binary(&it)
                          : it.loss->kind == GRU_LOSS_CATEGORICAL ? categorical(&it)
                                                                  : numbers(&it);
            s->figures.loss += loss * weight;
            s->figures.rows += 1;
            judge(&it, &s->figures);
        }
    return GRU_OK;
}
