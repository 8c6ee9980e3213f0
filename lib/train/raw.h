/* From raw text lines or a raw table to predictions, with what is attached to the model. */
#ifndef GRU_TRAIN_RAW_H
#define GRU_TRAIN_RAW_H

#include "train/predict.h"

typedef struct gru_raw_text {
    const char *text, *id; /* columns; NULL: the vocabulary's, where the table has them */
    bool lossy;
} gru_raw_text;

/* Lines of text, or a table that has the text column (told by the first line, unless how->text says
 * so); one line of predictions each. With the label column there is a y_true; a label that is no
 * class of the model is GRU_ERR_DATA with its line. */
gru_status gru_predict_raw_text(gru_package *package, gru_input *in, const gru_raw_text *how,
                                const gru_predict_options *options, gru_output *out,
                                gru_error *err);
/* A table of numbers: scaled and cut into windows or sequences as when training; one prediction a
 * window or a step, with y_true. Where a sequence's targets are no columns of the table, every row
 * is a step and there is no y_true. */
gru_status gru_predict_raw_series(gru_package *package, gru_input *in, bool lossy,
                                  const gru_predict_options *options, gru_output *out,
                                  gru_error *err);
/* The `steps` values that follow the table's last row; columns id (the next dates or numbers) and
 * y_pred. With groups those of each, one group after the other, and a column group after id; groups
 * that are too short are left out with a warning. GRU_ERR_DATA where that would need values of
 * other columns that nobody knows. */
gru_status gru_forecast(gru_package *package, gru_input *in, bool lossy, size_t steps,
                        const gru_predict_options *options, gru_output *out, gru_error *err);

#endif
