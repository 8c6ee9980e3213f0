/* What a table of predictions is worth: every figure of a task, in one pass. */
#ifndef GRU_EVAL_EVALUATE_H
#define GRU_EVAL_EVALUATE_H

#include "eval/classes.h"
#include "eval/mistakes.h"
#include "eval/predictions.h"
#include "eval/ranks.h"
#include "eval/regression.h"

typedef enum gru_task_kind {
    GRU_TASK_AUTO,
    GRU_TASK_BINARY,
    GRU_TASK_MULTICLASS,
    GRU_TASK_LABELLING, /* a class per step */
    GRU_TASK_NOTES,     /* several yes/no values per step (labelling with y_pred_1…K) */
    GRU_TASK_REGRESSION,
    GRU_TASK_LANGUAGE, /* the next token: labelling with perplexity */
    GRU_TASK_COUNT
} gru_task_kind;

/* One figure. group is the class or the horizon it is about, NULL: all of them. */
typedef struct gru_metric {
    const char *name;
    char *group;
    double value;
} gru_metric;

typedef struct gru_evaluation {
    gru_task_kind task;
    uint64_t samples;  /* rows that count: those with a y_true */
    uint64_t left_out; /* rows without */
    char *positive;    /* binary: the class whose probability the score is; NULL: unknown */
    gru_metric *metrics;
    size_t metric_count, metric_cap;
    gru_classes classes; /* class tasks */
    gru_ranks *curves;   /* sorted scores; binary: one, several classes: by class id */
    size_t curve_count;
    size_t positive_id;              /* binary: its class id, GRU_NO_CLASS: unknown */
    gru_regression *network, *naive; /* numbers: one for each of horizons */
    size_t horizons;
    bool has_naive;
    double point_level; /* the quantile that the numbers' figures are of; 0: no quantiles */
    gru_mistakes mistakes;
} gru_evaluation;

typedef struct gru_evaluate_options {
    gru_task_kind task;
    const char *positive; /* NULL: found from label and score */
    size_t mistakes;      /* how many of the worst rows to keep */
} gru_evaluate_options;

/* "auto", "binary" … ; GRU_TASK_COUNT when there is no such task. */
gru_task_kind gru_task_named(const char *name);
const char *gru_task_name(gru_task_kind task);

/* Reads p to its end. Free *e with gru_evaluation_free also after a failure. */
gru_status gru_evaluate(gru_evaluation *e, gru_predictions *p, const gru_evaluate_options *options,
                        gru_error *err);
void gru_evaluation_free(gru_evaluation *e);
/* Adds a figure; name is kept, group copied. */
gru_status gru_evaluation_add(gru_evaluation *e, const char *name, const char *group, double value,
                              gru_error *err);
/* The figure, or NULL. group NULL: that of all. */
const gru_metric *gru_evaluation_find(const gru_evaluation *e, const char *name, const char *group);
/* Checks "METRIC>=X[,…]" (>=, >, <=, <; METRIC or METRIC:GROUP). A bad text or unknown metric is
 * GRU_ERR_USAGE, a figure that isn't as required (or is NaN) GRU_ERR_REQUIRE. */
gru_status gru_evaluation_require(const gru_evaluation *e, const char *text, gru_error *err);
/* The text's form alone, before any data is read. */
gru_status gru_require_check(const char *text, gru_error *err);

#endif
