/* An evaluation as text for people, as TSV (metric, group, predicted, value) or as JSON. */
#ifndef GRU_EVAL_REPORT_H
#define GRU_EVAL_REPORT_H

#include "base/str.h"
#include "eval/evaluate.h"

/* Each appends to out; check it with gru_str_check. The text holds the classification report as
 * scikit-learn lays it out, the confusion matrix as numbers, the figures, a sentence on the naive
 * forecast, and the worst rows if they were kept. */
void gru_report_text(const gru_evaluation *e, gru_str *out);
void gru_report_tsv(const gru_evaluation *e, gru_str *out);
void gru_report_json(const gru_evaluation *e, gru_str *out);

/* The classification report alone: classes as rows, accuracy, macro avg, weighted avg. */
void gru_report_classes(const gru_classes *c, gru_str *out);
/* The confusion matrix as numbers, true classes as rows. */
void gru_report_matrix(const gru_classes *c, gru_str *out);
/* Columns a text takes on a terminal (an East Asian wide character takes two). */
size_t gru_text_width(const char *text);
/* Appends text, cut to that many columns; what is cut off becomes "…". */
void gru_text_cut(gru_str *out, const char *text, size_t columns);

#endif
