/* Batch normalisation's figures over the whole batch (Ioffe and Szegedy 2015), taken between the
 * stages of a batch: layers themselves see one slice only. */
#include "nn/runner_private.h"

#include <math.h>

enum { L = GRU_LANES };

static bool counts(const gru_layer_plan *l, const gru_slice *s, size_t t, size_t lane) {
    return lane < s->rows && (!l->out.sequence || !s->mask || s->mask[t * L + lane] > 0);
}

/* Σ a and Σ a b over the batch, a given lane by lane by `value`. */
void gru_moments_batch(gru_runner *r, const gru_layer_plan *l) {
    double epsilon = gru_layer_epsilon(l->layer);
    size_t units = l->out.units, steps = l->out.sequence ? r->plan.steps : 1;
    gru_real *w = r->plan.model->weights;
    for (size_t u = 0; u < units; u++) {
        double n = 0, sum = 0, square = 0;
        for (int pass = 0; pass < 2; pass++)
            for (size_t i = 0; i < r->slices; i++)
                for (size_t t = 0; t < steps; t++)
                    for (size_t lane = 0; lane < L; lane++) {
                        const gru_slice *s = &r->slots[i];
                        if (!counts(l, s, t, lane))
                            continue;
                        double x = (double)(l->index ? s->memory[l->index - 1].out
                                                     : s->x)[t * l->in_step + u * L + lane];
                        if (pass == 0) {
                            n++;
                            sum += x;
                        } else {
                            square += (x - sum / n) * (x - sum / n);
                        }
                    }
        double mean = n > 0 ? sum / n : 0, variance = n > 0 ? square / n : 0;
        l->stats[u] = (gru_real)mean;
        l->stats[units + u] = (gru_real)(1 / sqrt(variance + epsilon));
        gru_real *m = &w[l->mean_at + u], *v = &w[l->variance_at + u];
        *m = (gru_real)(*m * 0.99 + mean * 0.01);
        *v = (gru_real)(*v * 0.99 + variance * 0.01);
    }
}

void gru_moments_gradient(gru_runner *r, const gru_layer_plan *l) {
    size_t units = l->out.units, steps = l->out.sequence ? r->plan.steps : 1;
    for (size_t u = 0; u < units; u++) {
        double n = 0, sum = 0, along = 0;
        for (size_t i = 0; i < r->slices; i++)
            for (size_t t = 0; t < steps; t++)
                for (size_t lane = 0; lane < L; lane++) {
                    gru_slice *s = &r->slots[i];
                    if (!counts(l, s, t, lane))
                        continue;
                    size_t at = t * l->in_step + u * L + lane;
                    double d = (double)gru_flow_of(r, s, l->index)[t * l->out_step + u * L + lane];
                    n++;
                    sum += d;
                    along += d * (double)((s->memory[l->index].in[at] - l->stats[u]) *
                                          l->stats[units + u]);
                }
        r->task_gradients[l->gamma_at + u] += (gru_real)along;
        r->task_gradients[l->beta_at + u] += (gru_real)sum;
        l->stats[2 * units + u] = (gru_real)(sum / n);
        l->stats[3 * units + u] = (gru_real)(along / n);
    }
}

void gru_moments_moving(gru_runner *r, const gru_layer_plan *l) {
    const gru_real *w = r->plan.model->weights;
    double epsilon = gru_layer_epsilon(l->layer);
    for (size_t u = 0; u < l->out.units; u++) {
        l->stats[u] = w[l->mean_at + u];
        l->stats[l->out.units + u] = (gru_real)(1 / sqrt((double)w[l->variance_at + u] + epsilon));
    }
}
