/* The table of predictions: what a network answers, in the user's words and units.
 *
 *     id  [step]  y_true  label  confidence  score          one sigmoid; score = P(class 1)
 *     id  [step]  y_true  label  confidence  p_<class>…     softmax
 *     id  [step]  y_true  y_pred  y_naive                   one number
 *     id  [step]  y_true_1…H  y_pred_1…K  y_naive           several
 *     id  [step]  y_true  y_pred_q0.1  y_pred_q0.9          quantiles (y_pred_1_q0.1 … of several)
 *
 * id and y_true are there if the data has them, and after id the sample's group; step where the
 * network answers at every step (one line each, padding left out). With scaler.tsv and window.tsv
 * in the model numbers are in the target's own units, and where the target is among the features
 * there is y_naive, its last value in the window: the naive forecast of all H. y_true is empty for
 * the class GRU_CLASS_UNKNOWN. */
#ifndef GRU_TRAIN_ANSWER_H
#define GRU_TRAIN_ANSWER_H

#include "io/table.h"
#include "series/scaler.h"
#include "series/window.h"
#include "train/package.h"

#include <stdint.h>

#define GRU_CLASS_UNKNOWN INT32_MIN /* a row of a labelled table without its label */

typedef struct gru_answers {
    const gru_package *package;
    gru_record_spec spec;
    gru_table_writer *to;
    size_t rows; /* written so far */
    bool has_scaler, has_windows;
    gru_scaler scaler;
    gru_windows windows;
    ptrdiff_t *target; /* [targets]: the scaler's column of each, or −1; a single one is of all */
    size_t targets;
    ptrdiff_t naive; /* number of the target among the features, or −1: no column y_naive */
    size_t truths;   /* y_true columns */
} gru_answers;

/* Reads what is attached and writes the header. The package and the writer are borrowed.
 * gru_answers_free also after a failure. */
gru_status gru_answers_init(gru_answers *a, const gru_package *package, const gru_record_spec *spec,
                            gru_table_writer *to, gru_error *err);
void gru_answers_free(gru_answers *a);
/* Writes the column names of a number's quantiles: y_pred_q0.1 …, or y_pred_<number>_q0.1 … */
gru_status gru_quantiles_put_names(gru_table_writer *w, const gru_loss *loss, size_t number,
                                   gru_error *err);
/* The line of the next record, or the lines of its steps first … end − 1. out: [K] or [steps][K].
 */
gru_status gru_answers_row(gru_answers *a, const gru_real *out, size_t first, size_t end,
                           const unsigned char *record, gru_error *err);
/* A number of the network in the units of the scaler's column (−1: as it is), rounded to what a
 * float holds. */
double gru_answers_unit(const gru_scaler *s, ptrdiff_t column, double value);
/* The columns that tell samples apart: id and group, where the data has them. */
gru_status gru_labels_put_names(gru_table_writer *w, const gru_record_spec *spec, gru_error *err);
gru_status gru_labels_put(gru_table_writer *w, const gru_record_spec *spec, const void *record,
                          gru_error *err);

#endif
