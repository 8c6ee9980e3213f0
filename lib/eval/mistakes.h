/* The worst rows of a table: the most confident wrong answers, the largest errors. */
#ifndef GRU_EVAL_MISTAKES_H
#define GRU_EVAL_MISTAKES_H

#include "eval/predictions.h"

typedef struct gru_mistake {
    double size; /* confidence of a wrong label, or |error| of a number */
    unsigned long long line;
    char *id, *group, *step; /* NULL where there is no such column */
    char *truth, *predicted;
} gru_mistake;

typedef struct gru_mistakes {
    gru_mistake *at; /* a heap, the least on top, until gru_mistakes_sort */
    size_t count, cap, limit;
} gru_mistakes;

/* Keeps the current row of p if it is among the `limit` worst; truth and predicted are columns. */
gru_status gru_mistakes_offer(gru_mistakes *m, const gru_predictions *p, double size, size_t truth,
                              size_t predicted, gru_error *err);
/* Worst first; of equal ones, the earlier line. */
void gru_mistakes_sort(gru_mistakes *m);
void gru_mistakes_free(gru_mistakes *m);

#endif
