/* The learning rate over the epochs: a schedule that is known beforehand, and a reduction when a
 * figure stops getting better. */
#ifndef GRU_TRAIN_SCHEDULE_H
#define GRU_TRAIN_SCHEDULE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum gru_schedule_kind {
    GRU_SCHEDULE_CONSTANT,
    GRU_SCHEDULE_STEP,        /* × drop every N epochs */
    GRU_SCHEDULE_EXPONENTIAL, /* × rate each epoch: lr · rate^epoch */
    GRU_SCHEDULE_COSINE /* from lr down to end over the epochs, half a cosine, batch by batch */
} gru_schedule_kind;

typedef struct gru_schedule {
    gru_schedule_kind kind;
    double factor; /* drop, rate or end ÷ start */
    size_t every;  /* epochs, STEP */
    size_t epochs; /* COSINE: length in epochs; 0: all of them */
    size_t warmup; /* batches over which the rate rises from 0, evenly; before the schedule's own */
} gru_schedule;

/* "drop=0.1,every=10" (--lr-step); "rate=0.95" (exponential); "epochs=20,end=0.01" (cosine). */
gru_status gru_schedule_parse(gru_schedule *s, gru_schedule_kind kind, const char *text,
                              gru_error *err);
/* Factor of the start rate at this epoch (from 0), batch of the epoch (from 0). steps: optimizer
 * steps taken before; epochs: of the whole training; batches: of an epoch. */
double gru_schedule_factor(const gru_schedule *s, size_t epoch, size_t batch, size_t batches,
                           size_t epochs, uint64_t steps);

/* ReduceLROnPlateau, Keras's rules. */
typedef struct gru_plateau {
    bool on;
    double factor, min_delta, min_lr;
    size_t patience, cooldown;
    /* state, in checkpoints */
    bool has_best;
    double best, scale; /* scale: product of the reductions so far */
    size_t wait, cooling;
} gru_plateau;

/* "factor=0.5,patience=5,min-lr=1e-6,cooldown=2,min-delta=1e-4"; defaults are Keras's (factor 0.1,
 * patience 10, min-delta 1e-4). */
gru_status gru_plateau_parse(gru_plateau *p, const char *text, gru_error *err);
/* At the end of an epoch with the figure's value: true when it reduces the rate. lr is the rate
 * now. NaN counts as no improvement and is never the best. */
bool gru_plateau_end_epoch(gru_plateau *p, double value, bool larger_is_better, double lr);

#endif
