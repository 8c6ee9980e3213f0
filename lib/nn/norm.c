/* Layer normalisation of vectors in lanes. */
#include "nn/norm.h"

#include "kern/kern.h"

#include <math.h>

enum { L = GRU_LANES };

static void moments(const gru_real *x, size_t units, double epsilon, gru_real mean[L],
                    gru_real scale[L]) {
    gru_real square[L] = {0};
    for (int l = 0; l < L; l++)
        mean[l] = 0;
    for (size_t u = 0; u < units; u++)
        for (int l = 0; l < L; l++)
            mean[l] += x[u * L + (size_t)l];
    for (int l = 0; l < L; l++)
        mean[l] /= (gru_real)units;
    for (size_t u = 0; u < units; u++)
        for (int l = 0; l < L; l++) {
            gru_real e = x[u * L + (size_t)l] - mean[l];
            square[l] += e * e;
        }
    for (int l = 0; l < L; l++)
        scale[l] = (gru_real)(1 / sqrt((double)square[l] / (double)units + epsilon));
}

void gru_norm_forward(gru_real *y, const gru_real *x, const gru_real *gamma, const gru_real *beta,
                      size_t units, double epsilon) {
    gru_real mean[L], scale[L];
    moments(x, units, epsilon, mean, scale);
    for (size_t u = 0; u < units; u++)
        for (size_t l = 0; l < L; l++)
            y[u * L + l] = (x[u * L + l] - mean[l]) * scale[l] * gamma[u] + beta[u];
}

/* With x̂ = (x − μ)/σ and g = γ dy: dx = (g − mean(g) − x̂ mean(g x̂)) / σ. */
void gru_norm_backward(gru_real *d, const gru_real *x, const gru_real *gamma, gru_real *dgamma,
                       gru_real *dbeta, size_t units, double epsilon) {
    gru_real mean[L], scale[L], sum[L] = {0}, along[L] = {0};
    moments(x, units, epsilon, mean, scale);
    for (size_t u = 0; u < units; u++) {
        gru_real to_gamma = 0, to_beta = 0;
        for (size_t l = 0; l < L; l++) {
            gru_real hat = (x[u * L + l] - mean[l]) * scale[l], dy = d[u * L + l];
            to_gamma += dy * hat;
            to_beta += dy;
            sum[l] += dy * gamma[u];
            along[l] += dy * gamma[u] * hat;
        }
        dgamma[u] += to_gamma;
        dbeta[u] += to_beta;
    }
    for (size_t u = 0; u < units; u++)
        for (size_t l = 0; l < L; l++) {
            gru_real hat = (x[u * L + l] - mean[l]) * scale[l];
            d[u * L + l] = (d[u * L + l] * gamma[u] - sum[l] / (gru_real)units -
                            hat * along[l] / (gru_real)units) *
                           scale[l];
        }
}
