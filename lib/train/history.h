/* What each epoch came to, and the table of it. */
#ifndef GRU_TRAIN_HISTORY_H
#define GRU_TRAIN_HISTORY_H

#include "io/table.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct gru_epoch {
    double loss, val_loss;   /* regularisers included; val_*: NaN without validation */
    double score, val_score; /* accuracy for classes, mean absolute error for numbers */
    double lr;               /* at the epoch's end */
    double seconds;          /* wall time */
} gru_epoch;

typedef struct gru_history {
    bool classes;    /* score is accuracy, else mae */
    bool validation; /* val_* are there */
    size_t count, cap;
    gru_epoch *epoch;
} gru_history;

void gru_history_free(gru_history *h);
gru_status gru_history_add(gru_history *h, const gru_epoch *epoch, gru_error *err);
/* "accuracy" or "mae". */
const char *gru_history_score(const gru_history *h);
/* The figure called loss, val_loss, accuracy, mae, val_accuracy or val_mae: true and *value. */
bool gru_history_figure(const gru_history *h, const gru_epoch *epoch, const char *name,
                        double *value);
/* Table: epoch loss [val_loss] accuracy [val_accuracy] lr seconds; path "-" is standard output. */
gru_status gru_history_write(const gru_history *h, const char *path, bool csv, gru_error *err);

#endif
