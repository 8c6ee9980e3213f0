/* Choosing the task, and the list of figures (evaluate.h). */
#include "eval/evaluate_parts.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"auto",  "binary",     "multiclass", "labelling",
                                    "notes", "regression", "language"};
_Static_assert(sizeof names / sizeof *names == GRU_TASK_COUNT, "one name a task");

gru_task_kind gru_task_named(const char *name) {
    for (int i = 0; i < GRU_TASK_COUNT; i++)
        if (!strcmp(names[i], name))
            return (gru_task_kind)i;
    return GRU_TASK_COUNT;
}

const char *gru_task_name(gru_task_kind task) {
    return names[task];
}

static gru_task_kind guess(const gru_predictions *p, const char *positive) {
    const bool steps = p->step != GRU_NO_COLUMN;
    if (p->label == GRU_NO_COLUMN)
        return steps && p->truth_count > 1 && p->quantile_count == 0 ? GRU_TASK_NOTES
                                                                     : GRU_TASK_REGRESSION;
    if (p->p_true != GRU_NO_COLUMN)
        return GRU_TASK_LANGUAGE;
    if (steps)
        return GRU_TASK_LABELLING;
    if (p->score != GRU_NO_COLUMN || p->class_count == 2 || positive)
        return GRU_TASK_BINARY;
    return GRU_TASK_MULTICLASS;
}

gru_status gru_evaluate(gru_evaluation *e, gru_predictions *p, const gru_evaluate_options *options,
                        gru_error *err) {
    *e = (gru_evaluation){
        .task = options->task, .positive_id = GRU_NO_CLASS, .mistakes.limit = options->mistakes};
    if (e->task == GRU_TASK_AUTO)
        e->task = guess(p, options->positive);
    if (e->task == GRU_TASK_LABELLING && p->label == GRU_NO_COLUMN)
        e->task = GRU_TASK_NOTES;
    const bool numbers = e->task == GRU_TASK_REGRESSION || e->task == GRU_TASK_NOTES;
    gru_status status =
        numbers ? gru_evaluate_numbers(e, p, err) : gru_evaluate_classes(e, p, options, err);
    gru_mistakes_sort(&e->mistakes);
    return status;
}

void gru_evaluation_free(gru_evaluation *e) {
    for (size_t i = 0; i < e->metric_count; i++)
        free(e->metrics[i].group);
    free(e->metrics);
    for (size_t i = 0; e->curves && i < e->curve_count; i++)
        gru_ranks_free(&e->curves[i]);
    free(e->curves);
    free(e->positive);
    free(e->network);
    free(e->naive);
    gru_classes_free(&e->classes);
    gru_mistakes_free(&e->mistakes);
    *e = (gru_evaluation){0};
}

gru_status gru_evaluation_add(gru_evaluation *e, const char *name, const char *group, double value,
                              gru_error *err) {
    gru_status status =
        gru_mem_grow(&e->metrics, &e->metric_cap, e->metric_count + 1, sizeof *e->metrics, err);
    if (status != GRU_OK)
        return status;
    gru_metric *m = &e->metrics[e->metric_count];
    *m = (gru_metric){name, NULL, value};
    if (group && !(m->group = gru_str_copy(group, strlen(group))))
        return gru_error_memory(err, strlen(group));
    e->metric_count++;
    return GRU_OK;
}

const gru_metric *gru_evaluation_find(const gru_evaluation *e, const char *name,
                                      const char *group) {
    for (size_t i = 0; i < e->metric_count; i++) {
        const gru_metric *m = &e->metrics[i];
        const bool same = group ? m->group && !strcmp(m->group, group) : !m->group;
        if (same && !strcmp(m->name, name))
            return m;
    }
    return NULL;
}
