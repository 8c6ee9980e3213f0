/* Leaps: their coefficients, in double precision, grow by a step whenever one is taken. */
#include "train/leap.h"

#include "base/mem.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* Steps of a leap: few, since each step adds itself to all that have not ended. */
enum { LONGEST = 32 };

/* Of the first move, what a step's missing term may come to. */
static const double unseen = 1e-8;

typedef struct leap {
    gru_leap rounded;
    uint64_t end;
    bool ended;
    double m, v, root; /* what is left of both moments, and 1 / r₀ times √ of the second's */
    double kept;       /* of the weight */
    double along[GRU_LEAP_TERMS], along_g;
    /* the same of the average: what is left of it, and what it lacks of the weight's share */
    double mean_kept, mean_lost, mean_along[GRU_LEAP_TERMS], mean_along_g;
} leap;

struct gru_leaps {
    size_t steps;
    leap *leap; /* [steps]: of step t at t % steps */
};

gru_status gru_leaps_new(gru_leaps **out, size_t steps, gru_error *err) {
    gru_leaps *l;
    *out = NULL;
    if (gru_mem_new(&l, 1, sizeof *l, err))
        return err->code;
    l->steps = steps;
    if (gru_mem_new(&l->leap, steps, sizeof *l->leap, err)) {
        free(l);
        return err->code;
    }
    for (size_t i = 0; i < steps; i++)
        l->leap[i].ended = true;
    *out = l;
    return GRU_OK;
}

void gru_leaps_free(gru_leaps *l) {
    if (!l)
        return;
    free(l->leap);
    free(l);
}

/* What is taken off, not what is left: of a number near 1 little would be right. */
static void round_all(leap *l) {
    gru_leap *r = &l->rounded;
    r->m_less = (gru_real)(1 - l->m);
    r->v_less = (gru_real)(1 - l->v);
    r->w_less = (gru_real)(1 - l->kept);
    r->along_g = (gru_real)l->along_g;
    r->mean_share = (gru_real)(1 - l->mean_kept);
    r->mean_lost = (gru_real)l->mean_lost;
    r->mean_along_g = (gru_real)l->mean_along_g;
    for (int i = 0; i < GRU_LEAP_TERMS; i++) {
        r->along[i] = (gru_real)l->along[i];
        r->mean_along[i] = (gru_real)l->mean_along[i];
    }
}

static void begin(leap *l, uint64_t t, const gru_update *u) {
    double kept = 1 - (double)u->decay, share = (double)u->share;
    *l = (leap){
        .rounded = {.scale = u->scale, .c1 = u->c1, .c2 = u->c2, .root = u->root, .eps = u->eps},
        .end = t + 1,
        .m = 1,
        .v = 1,
        .root = 1 / (double)u->root,
        .kept = kept,
        .along = {(double)u->a},
        .along_g = (double)u->b,
        .mean_kept = 1 - share,
        .mean_lost = share * (1 - kept),
        .mean_along = {share * (double)u->a},
        .mean_along_g = share * (double)u->b};
    round_all(l);
}

/* keeps: what a step without gradient leaves of the moments, and the root of the second. */
static void extend(leap *l, const gru_update *u, const double keeps[3]) {
    double m = l->m * keeps[0], root = l->root * keeps[2], off = 1 - root * (double)u->root;
    double kept = 1 - (double)u->decay, share = (double)u->share, term = (double)u->a * m;
    if (m * off * off * off * off > unseen) {
        l->ended = true;
        return;
    }
    l->end++;
    l->m = m;
    l->v *= keeps[1];
    l->root = root;
    l->kept *= kept;
    l->along_g *= kept;
    l->mean_kept *= 1 - share;
    l->mean_lost += share * (1 - l->kept - l->mean_lost);
    l->mean_along_g += share * (l->along_g - l->mean_along_g);
    for (int i = 0; i < GRU_LEAP_TERMS; i++, term *= off) {
        l->along[i] = l->along[i] * kept + term;
        l->mean_along[i] += share * (l->along[i] - l->mean_along[i]);
    }
    round_all(l);
}

void gru_leaps_step(gru_leaps *l, uint64_t t, const gru_update *u) {
    double keep_v = 1 - (double)u->c2;
    const double keeps[3] = {1 - (double)u->c1, keep_v, sqrt(keep_v)};
    begin(&l->leap[t & (l->steps - 1)], t, u);
    for (uint64_t age = 1; age < LONGEST && age < t; age++) {
        leap *one = &l->leap[(t - age) & (l->steps - 1)];
        if (!one->ended)
            extend(one, u, keeps);
    }
}

const gru_leap *gru_leaps_from(const gru_leaps *l, uint64_t from, uint64_t *end) {
    const leap *one = &l->leap[from & (l->steps - 1)];
    *end = one->end;
    return &one->rounded;
}
