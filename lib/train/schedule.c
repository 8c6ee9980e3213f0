/* The learning rate over the epochs. */
#include "train/schedule.h"

#include "train/pairs.h"

#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

gru_status gru_schedule_parse(gru_schedule *s, gru_schedule_kind kind, const char *text,
                              gru_error *err) {
    double every = 0, epochs = 0;
    s->kind = kind;
    const gru_pair step[] = {
        {"drop", &s->factor, NULL, 0, 1e6, true}, {"every", &every, NULL, 1, 1e9, true}, {0}};
    const gru_pair exponential[] = {{"rate", &s->factor, NULL, 0, 1e6, true}, {0}};
    const gru_pair cosine[] = {
        {"end", &s->factor, NULL, 0, 1, false}, {"epochs", &epochs, NULL, 1, 1e9, false}, {0}};
    s->factor = 0;
    gru_status status = kind == GRU_SCHEDULE_STEP ? gru_pairs_parse("--lr-step", text, step, err)
                        : kind == GRU_SCHEDULE_COSINE
                            ? gru_pairs_parse("--lr-cosine", text, cosine, err)
                            : gru_pairs_parse("--lr-exponential", text, exponential, err);
    s->every = (size_t)every;
    s->epochs = (size_t)epochs;
    return status;
}

double gru_schedule_factor(const gru_schedule *s, size_t epoch, size_t batch, size_t batches,
                           size_t epochs, uint64_t steps) {
    double at = (double)epoch + (double)batch / (double)(batches ? batches : 1);
    double length = (double)(s->epochs ? s->epochs : epochs), factor = 1;
    if (s->kind == GRU_SCHEDULE_STEP) {
        factor = pow(s->factor, (double)(epoch / s->every));
    } else if (s->kind == GRU_SCHEDULE_EXPONENTIAL) {
        factor = pow(s->factor, (double)epoch);
    } else if (s->kind == GRU_SCHEDULE_COSINE) {
        double share = at < length ? at / length : 1;
        factor = s->factor + (1 - s->factor) * 0.5 * (1 + cos(pi * share));
    }
    if (steps < s->warmup)
        factor *= (double)(steps + 1) / (double)s->warmup;
    return factor;
}

gru_status gru_plateau_parse(gru_plateau *p, const char *text, gru_error *err) {
    double patience = 10, cooldown = 0;
    memset(p, 0, sizeof *p);
    p->factor = 0.1;
    p->min_delta = 1e-4;
    p->scale = 1;
    const gru_pair pairs[] = {{"factor", &p->factor, NULL, 0, 0.999999, false},
                              {"patience", &patience, NULL, 1, 1e9, false},
                              {"cooldown", &cooldown, NULL, 0, 1e9, false},
                              {"min-delta", &p->min_delta, NULL, 0, 1e9, false},
                              {"min-lr", &p->min_lr, NULL, 0, 1e9, false},
                              {0}};
    p->on = true;
    gru_status status = gru_pairs_parse("--reduce-lr", text, pairs, err);
    p->patience = (size_t)patience;
    p->cooldown = (size_t)cooldown;
    return status;
}

bool gru_plateau_end_epoch(gru_plateau *p, double value, bool larger_is_better, double lr) {
    if (p->cooling > 0) {
        p->cooling--;
        p->wait = 0;
    }
    bool better =
        larger_is_better ? value - p->min_delta > p->best : value + p->min_delta < p->best;
    if (!isnan(value) && (!p->has_best || better)) {
        p->has_best = true;
        p->best = value;
        p->wait = 0;
        return false;
    }
    if (p->cooling > 0 || ++p->wait < p->patience || !(lr > p->min_lr))
        return false;
    double reduced = lr * p->factor > p->min_lr ? lr * p->factor : p->min_lr;
    p->scale *= reduced / lr;
    p->cooling = p->cooldown;
    p->wait = 0;
    return true;
}
