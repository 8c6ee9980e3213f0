/* Initial weights, by name, as in Keras: glorot (Glorot and Bengio 2010, eq. 16), he (He et al.
 * 2015), lecun, orthogonal (Saxe et al. 2014), constants and plain distributions. */
#include "base/mem.h"
#include "base/random.h"
#include "nn/model_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Normal cut at two standard deviations, widened so that what remains has the standard deviation
 * asked for. */
static double truncated_normal(gru_random *r, double sigma) {
    const double shrink = 0.87962566103423978;
    double x;
    do
        x = gru_random_normal(r);
    while (fabs(x) > 2);
    return x * sigma / shrink;
}

static void fill_scaled(gru_real *w, const gru_param *p, gru_random *r) {
    double fan = !strncmp(p->init, "glorot", 6) ? (p->fan_in + p->fan_out) / 2 : p->fan_in;
    double variance = (!strncmp(p->init, "he", 2) ? 2 : 1) / fan;
    bool uniform = strstr(p->init, "uniform") != NULL;
    for (size_t i = 0; i < p->count; i++)
        w[i] = (gru_real)(uniform ? sqrt(3 * variance) * (2 * gru_random_uniform(r) - 1)
                                  : truncated_normal(r, sqrt(variance)));
}

/* Takes the parts along q[0 … k−1] out of q[k], twice for accuracy, and makes it a unit vector. */
static void orthonormalise(double *q, size_t k, size_t length) {
    double *v = q + k * length, norm = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t j = 0; j < k; j++) {
            const double *u = q + j * length;
            double along = 0;
            for (size_t i = 0; i < length; i++)
                along += u[i] * v[i];
            for (size_t i = 0; i < length; i++)
                v[i] -= along * u[i];
        }
    for (size_t i = 0; i < length; i++)
        norm += v[i] * v[i];
    norm = sqrt(norm);
    for (size_t i = 0; i < length; i++)
        v[i] /= norm;
}

/* Gram-Schmidt on normal vectors: Q of a QR whose R has a positive diagonal, as Keras takes it. */
static gru_status fill_orthogonal(gru_real *w, const gru_param *p, gru_random *r, gru_error *err) {
    size_t rows = p->dims > 1 ? p->shape[0] : 1, cols = p->dims > 1 ? p->shape[1] : p->shape[0];
    size_t few = rows < cols ? rows : cols, many = rows < cols ? cols : rows;
    double *q;
    gru_status st = gru_mem_new(&q, few * many, sizeof *q, err);
    if (st)
        return st;
    for (size_t i = 0; i < few * many; i++)
        q[i] = gru_random_normal(r);
    for (size_t k = 0; k < few; k++)
        orthonormalise(q, k, many);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            w[i * cols + j] = (gru_real)(rows < cols ? q[i * many + j] : q[j * many + i]);
    free(q);
    return GRU_OK;
}

static void fill_plain(gru_real *w, const gru_param *p, gru_random *r) {
    double a = 0, b = 0;
    size_t quarter = p->count / 4;
    bool uniform = sscanf(p->init, "uniform(%lf,%lf)", &a, &b) == 2;
    bool normal = !uniform && sscanf(p->init, "normal(%lf,%lf)", &a, &b) == 2;
    for (size_t i = 0; i < p->count; i++)
        if (uniform)
            w[i] = (gru_real)(a + (b - a) * gru_random_uniform(r));
        else if (normal)
            w[i] = (gru_real)(a + b * gru_random_normal(r));
        else if (!strcmp(p->init, "ones"))
            w[i] = 1;
        else
            w[i] = !strcmp(p->init, "forget-one") && i / quarter == 1 ? 1 : 0;
}

gru_status gru_model_initialise(gru_model *m, uint64_t seed, gru_error *err) {
    for (size_t i = 0; i < m->param_count; i++) {
        const gru_param *p = &m->params[i];
        gru_real *w = m->weights + p->offset;
        gru_random r;
        gru_random_init(&r, seed, GRU_PURPOSE_INIT, (uint32_t)i);
        gru_status st = GRU_OK;
        if (!strcmp(p->init, "orthogonal"))
            st = fill_orthogonal(w, p, &r, err);
        else if (!strncmp(p->init, "glorot", 6) || !strncmp(p->init, "he-", 3) ||
                 !strncmp(p->init, "lecun", 5))
            fill_scaled(w, p, &r);
        else
            fill_plain(w, p, &r);
        if (st)
            return st;
    }
    return GRU_OK;
}
