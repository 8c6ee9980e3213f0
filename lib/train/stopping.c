/* Early stopping: Keras's rules but for NaN. */
#include "train/stopping.h"

#include "train/pairs.h"

#include <math.h>
#include <string.h>

gru_status gru_stopping_parse(gru_stopping *s, const char *text, gru_error *err) {
    double patience = 0, start = 0;
    bool min = false, max = false;
    memset(s, 0, sizeof *s);
    const gru_pair pairs[] = {{"patience", &patience, NULL, 0, 1e9, true},
                              {"min-delta", &s->min_delta, NULL, 0, 1e9, false},
                              {"start", &start, NULL, 0, 1e9, false},
                              {"min", NULL, &min, 0, 0, false},
                              {"max", NULL, &max, 0, 0, false},
                              {"restore-best", NULL, &s->restore_best, 0, 0, false},
                              {0}};
    s->on = true;
    gru_status status = gru_pairs_parse("--early-stopping", text, pairs, err);
    s->patience = (size_t)patience;
    s->start = (size_t)start;
    s->mode = min ? -1 : max ? 1 : 0;
    return status;
}

bool gru_figure_larger_is_better(const char *name) {
    return strcmp(name, "accuracy") == 0 || strcmp(name, "val_accuracy") == 0;
}

void gru_stopping_end_epoch(gru_stopping *s, size_t epoch, double value, bool larger_is_better,
                            bool *improved, bool *stop) {
    *improved = *stop = false;
    if (epoch <= s->start)
        return;
    bool larger = s->mode ? s->mode > 0 : larger_is_better;
    bool better = larger ? value - s->min_delta > s->best : value + s->min_delta < s->best;
    if (!isnan(value) && (!s->has_best || better)) {
        s->has_best = *improved = true;
        s->best = value;
        s->best_epoch = epoch;
        s->wait = 0;
        return;
    }
    s->wait++;
    *stop = s->on && s->wait >= s->patience && epoch > 1;
}
