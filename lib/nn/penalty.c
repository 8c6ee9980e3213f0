/* L1 and L2 terms of the loss. */
#include "nn/penalty.h"

#include "nn/model_private.h"

#include <math.h>

double gru_penalty(const gru_model *m) {
    double total = 0;
    for (size_t i = 0; i < m->param_count; i++) {
        const gru_param *p = &m->params[i];
        const gru_real *w = m->weights + p->offset;
        double one = 0, two = 0;
        for (size_t k = 0; (p->l1 > 0 || p->l2 > 0) && k < p->count; k++) {
            one += fabs((double)w[k]);
            two += (double)w[k] * (double)w[k];
        }
        total += p->l1 * one + p->l2 * two;
    }
    return total;
}

void gru_penalty_back(const gru_model *m, gru_real *gradient) {
    for (size_t i = 0; i < m->param_count; i++) {
        const gru_param *p = &m->params[i];
        for (size_t k = 0; (p->l1 > 0 || p->l2 > 0) && k < p->count; k++) {
            double w = (double)m->weights[p->offset + k];
            double d = p->l1 * (w > 0 ? 1 : w < 0 ? -1 : 0) + 2 * p->l2 * w;
            gradient[p->offset + k] += (gru_real)d;
        }
    }
}
