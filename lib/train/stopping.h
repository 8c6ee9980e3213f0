/* Early stopping on a figure of the epochs, and memory of the best weights. */
#ifndef GRU_TRAIN_STOPPING_H
#define GRU_TRAIN_STOPPING_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct gru_stopping {
    bool on, restore_best;
    double min_delta;
    size_t patience, start; /* epochs; start: epochs that aren't looked at */
    int mode;               /* −1 smaller is better, 1 larger, 0 from the figure's name */
    /* state, in checkpoints */
    bool has_best;
    double best;
    size_t best_epoch; /* from 1 */
    size_t wait;
} gru_stopping;

/* "patience=3,min-delta=0.001,start=5,min|max,restore-best"; patience is required. */
gru_status gru_stopping_parse(gru_stopping *s, const char *text, gru_error *err);
/* What the epoch's value means. *improved: these weights are the best so far. *stop: patience is
 * used up. NaN is no improvement, and unlike in Keras never the best, so a first NaN spoils
 * nothing. */
void gru_stopping_end_epoch(gru_stopping *s, size_t epoch, double value, bool larger_is_better,
                            bool *improved, bool *stop);
/* true for figures where larger is better (accuracy). */
bool gru_figure_larger_is_better(const char *name);

#endif
