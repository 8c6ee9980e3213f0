/* The table gru-predict writes, read row by row: which column means what.
 *
 *     id  step  y_true  label  confidence  score          a yes/no answer; score = P(class 1)
 *     id  step  y_true  label  confidence  p_<class>…     one class of several
 *     id  step  y_true  y_pred  y_naive                   a number
 *     id  step  y_true_1…H  y_pred_1…H  y_naive           H numbers
 *     id  step  y_true      y_pred_q0.1  y_pred_q0.9      quantiles of a number
 *     id  step  y_true_1…H  y_pred_1_q0.1  y_pred_1_q0.9  of H numbers, each with the same ones
 *
 * id, group, step, confidence and y_naive (the naive forecast, of all H) may be absent; group,
 * after id, tells series apart: only rows of one group follow each other. step (one line a step)
 * says that a sample has a value per step. Where there are only quantiles, the one nearest to 0.5
 * is taken for the number that was predicted. `p_true`, the probability given to the true class,
 * may stand for the p_<class> columns. */
#ifndef GRU_EVAL_PREDICTIONS_H
#define GRU_EVAL_PREDICTIONS_H

#include "io/table.h"

#include <stdint.h>

#define GRU_NO_COLUMN SIZE_MAX /* as gru_table_column gives it */

enum { GRU_PREDICTIONS_QUANTILES = 99 };

typedef struct gru_predictions {
    gru_table *table;                                                /* not owned */
    const char *file;                                                /* for messages */
    size_t id, group, step, label, confidence, score, naive, p_true; /* GRU_NO_COLUMN: absent */
    size_t truth;                                                    /* y_true */
    size_t *truths, truth_count;                                     /* y_true, or y_true_1…H */
    size_t *outputs, output_count;                                   /* y_pred, or y_pred_1…H */
    size_t *quantiles, quantile_count; /* [outputs][quantile_count]: y_pred_q…, y_pred_1…H_q… */
    double levels[GRU_PREDICTIONS_QUANTILES]; /* of these, rising, between 0 and 1 */
    size_t *classes, class_count;             /* p_<class> */
    const gru_field *row;                     /* the current one, NULL at the end */
} gru_predictions;

/* Finds the columns; GRU_ERR_DATA naming the columns there are when nothing is predicted in it, or
 * when truth is wanted and there is no y_true. file is kept, not copied. */
gru_status gru_predictions_open(gru_predictions *p, gru_table *table, const char *file,
                                bool want_truth, gru_error *err);
void gru_predictions_close(gru_predictions *p);
gru_status gru_predictions_next(gru_predictions *p, gru_error *err);
/* GRU_ERR_DATA "FILE: …; there are id, y_pred". */
gru_status gru_predictions_lacks(const gru_predictions *p, const char *what, gru_error *err);
/* A number that must be there. */
gru_status gru_predictions_number(const gru_predictions *p, size_t column, double *value,
                                  gru_error *err);
/* A number from 0 to 1 that must be there. */
gru_status gru_predictions_probability(const gru_predictions *p, size_t column, double *value,
                                       gru_error *err);
/* The class that a p_<class> column is about. */
const char *gru_predictions_class(const gru_predictions *p, size_t index);
/* true when the field is empty or, for numbers, NA. */
bool gru_predictions_missing(const gru_predictions *p, size_t column, bool number);
/* "FILE:LINE: " in front of the message. */
gru_status gru_predictions_at(const gru_predictions *p, gru_error *err);

#endif
