/* The two halves of gru_evaluate, private to lib/eval. */
#ifndef GRU_EVAL_EVALUATE_PARTS_H
#define GRU_EVAL_EVALUATE_PARTS_H

#include "eval/evaluate.h"

/* Class tasks and language; number tasks and notes. e->task is set. */
gru_status gru_evaluate_classes(gru_evaluation *e, gru_predictions *p,
                                const gru_evaluate_options *options, gru_error *err);
gru_status gru_evaluate_numbers(gru_evaluation *e, gru_predictions *p, gru_error *err);

#endif
