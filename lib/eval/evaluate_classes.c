/* Figures of answers that are labels: yes/no, one of several, one a step, the next token. */
#include "eval/evaluate_parts.h"

#include "base/mem.h"
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Above this many classes the area under each one's ROC curve is left out (memory). */
enum { CURVES_MAX = 64 };

typedef struct run {
    gru_evaluation *e;
    gru_predictions *p;
    size_t score;           /* binary: the column of probabilities */
    size_t loss_by;         /* p_true, or GRU_NO_COLUMN: the p_<class> of the truth */
    double loss;            /* Σ −log p(truth) */
    double low[2], high[2]; /* binary: lowest and highest score each label was given at */
    gru_str sequence;       /* labelling: id of the current sequence */
    double step;
    uint64_t sequences, right_sequences;
    bool sequence_right;
} run;

static gru_status class_error(run *r, const char *column, const char *label, gru_error *err) {
    gru_str known = {0};
    const size_t shown = r->p->class_count < 10 ? r->p->class_count : 10;
    for (size_t i = 0; i < shown; i++)
        gru_str_addf(&known, "%s%s", i ? ", " : "", gru_predictions_class(r->p, i));
    gru_error_set(err, GRU_ERR_DATA, "column '%s': '%.60s' is not one of the classes %s%s", column,
                  label, gru_str_text(&known), shown < r->p->class_count ? " …" : "");
    gru_str_free(&known);
    return gru_predictions_at(r->p, err);
}

static gru_status label_id(run *r, const char *column, size_t at, size_t *id, gru_error *err) {
    const gru_field *field = &r->p->row[at];
    if (field->len == 0) {
        gru_error_set(err, GRU_ERR_DATA, "column '%s': the label is missing", column);
        return gru_predictions_at(r->p, err);
    }
    gru_status status = gru_classes_id(&r->e->classes, field->text, field->len, id, err);
    if (status != GRU_OK)
        return gru_predictions_at(r->p, err);
    if (r->p->class_count && *id >= r->p->class_count)
        return class_error(r, column, field->text, err);
    if (r->e->task == GRU_TASK_BINARY && *id > 1) {
        gru_error_set(err, GRU_ERR_DATA,
                      "column '%s': '%.60s' is a third label besides '%.60s' and '%.60s'; more "
                      "than two need --task multiclass",
                      column, field->text, gru_classes_name(&r->e->classes, 0),
                      gru_classes_name(&r->e->classes, 1));
        return gru_predictions_at(r->p, err);
    }
    return GRU_OK;
}

/* ---- set-up ---- */
static gru_status name_classes(run *r, gru_error *err) {
    gru_status status = GRU_OK;
    for (size_t i = 0; status == GRU_OK && i < r->p->class_count; i++) {
        const char *name = gru_predictions_class(r->p, i);
        size_t id;
        status = gru_classes_id(&r->e->classes, name, strlen(name), &id, err);
        if (status == GRU_OK && id != i)
            status = gru_error_set(err, GRU_ERR_DATA, "%s: two columns 'p_%s'", r->p->file, name);
    }
    return status;
}

/* Which class is the positive one, where that can be known beforehand, and its scores. */
static gru_status set_up_binary(run *r, const char *positive, gru_error *err) {
    const gru_predictions *p = r->p;
    const bool both = p->class_count == 2;
    size_t id = 1;
    if (positive && gru_classes_id(&r->e->classes, positive, strlen(positive), &id, err))
        return err->code;
    if (both && id > 1)
        return gru_error_set(err, GRU_ERR_USAGE, "--positive: there is no class '%s'", positive);
    if (both || positive)
        r->e->positive_id = id;
    r->score = both ? p->classes[id] : p->score;
    return GRU_OK;
}

static gru_status set_up(run *r, const gru_evaluate_options *options, gru_error *err) {
    gru_predictions *p = r->p;
    const gru_task_kind task = r->e->task;
    if (p->label == GRU_NO_COLUMN && p->output_count == 1)
        p->label = p->outputs[0]; /* labels under another name, as scikit-learn's users write */
    if (p->label == GRU_NO_COLUMN)
        return gru_predictions_lacks(p, "no column 'label'", err);
    if (p->truth == GRU_NO_COLUMN)
        return gru_predictions_lacks(p, "no column 'y_true'", err);
    gru_status status = gru_classes_init(&r->e->classes, err);
    if (status == GRU_OK)
        status = name_classes(r, err);
    if (status != GRU_OK)
        return status;
    r->score = GRU_NO_COLUMN;
    r->loss_by = p->p_true;
    if (task == GRU_TASK_BINARY && set_up_binary(r, options->positive, err))
        return err->code;
    if (task == GRU_TASK_BINARY)
        r->e->curve_count = 1;
    else if (task == GRU_TASK_MULTICLASS && p->class_count <= CURVES_MAX)
        r->e->curve_count = p->class_count;
    if (status == GRU_OK)
        status = gru_mem_new(&r->e->curves, r->e->curve_count, sizeof *r->e->curves, err);
    if (status == GRU_OK && task == GRU_TASK_LANGUAGE && p->p_true == GRU_NO_COLUMN &&
        !p->class_count)
        status = gru_predictions_lacks(p, "no probabilities ('p_true' or 'p_<class>')", err);
    r->low[0] = r->low[1] = HUGE_VAL;
    r->high[0] = r->high[1] = -HUGE_VAL;
    return status;
}

/* ---- one row ---- */
static gru_status binary_row(run *r, size_t truth, size_t label, double *confidence,
                             gru_error *err) {
    double score;
    if (r->score == GRU_NO_COLUMN)
        return GRU_OK;
    gru_status status = gru_predictions_probability(r->p, r->score, &score, err);
    if (status != GRU_OK)
        return status;
    r->low[label] = fmin(r->low[label], score);
    r->high[label] = fmax(r->high[label], score);
    *confidence = fmax(score, 1 - score);
    return gru_ranks_add(&r->e->curves[0], score, truth, err);
}

static gru_status classes_row(run *r, size_t truth, size_t label, double *confidence,
                              gru_error *err) {
    const gru_predictions *p = r->p;
    gru_status status = GRU_OK;
    double value = NAN, sum = 0;
    for (size_t i = 0; status == GRU_OK && i < r->e->curve_count; i++) {
        status = gru_predictions_probability(p, p->classes[i], &value, err);
        if (status == GRU_OK)
            status = gru_ranks_add(&r->e->curves[i], value, truth, err);
        sum += value;
    }
    if (status == GRU_OK && r->e->curve_count && !(fabs(sum - 1) < 1e-3)) {
        gru_error_set(err, GRU_ERR_DATA, "the probabilities p_… add up to %.6g, not 1", sum);
        return gru_predictions_at(p, err);
    }
    if (status == GRU_OK && p->class_count)
        status = gru_predictions_probability(p, p->classes[label], confidence, err);
    if (r->loss_by == GRU_NO_COLUMN && !p->class_count)
        return status;
    if (status == GRU_OK)
        status = gru_predictions_probability(
            p, r->loss_by == GRU_NO_COLUMN ? p->classes[truth] : r->loss_by, &value, err);
    if (status == GRU_OK)
        r->loss += gru_log_loss_of(value);
    return status;
}

/* Counts sequences and those right at every step. */
static gru_status sequence_row(run *r, bool right, gru_error *err) {
    const gru_predictions *p = r->p;
    if (p->step == GRU_NO_COLUMN)
        return GRU_OK;
    double step;
    gru_status status = gru_predictions_number(p, p->step, &step, err);
    if (status != GRU_OK)
        return status;
    const char *id = p->id == GRU_NO_COLUMN ? "" : p->row[p->id].text;
    if (r->sequences == 0 || step <= r->step || strcmp(id, gru_str_text(&r->sequence)) != 0) {
        r->right_sequences += r->sequences > 0 && r->sequence_right;
        r->sequences++;
        r->sequence_right = true;
        gru_str_clear(&r->sequence);
        gru_str_add(&r->sequence, id);
    }
    r->step = step;
    r->sequence_right = r->sequence_right && right;
    return gru_str_check(&r->sequence, err);
}

static gru_status one_row(run *r, gru_error *err) {
    const gru_predictions *p = r->p;
    size_t truth, label;
    if (gru_predictions_missing(p, p->truth, false)) {
        r->e->left_out++;
        return GRU_OK;
    }
    gru_status status = label_id(r, "y_true", p->truth, &truth, err);
    if (status == GRU_OK)
        status = label_id(r, "label", p->label, &label, err);
    if (status != GRU_OK)
        return status;
    double confidence = 0;
    status = r->e->task == GRU_TASK_BINARY ? binary_row(r, truth, label, &confidence, err)
                                           : classes_row(r, truth, label, &confidence, err);
    if (status == GRU_OK && p->confidence != GRU_NO_COLUMN)
        status = gru_predictions_probability(p, p->confidence, &confidence, err);
    if (status == GRU_OK)
        status = sequence_row(r, truth == label, err);
    if (status != GRU_OK)
        return status;
    r->e->samples++;
    gru_classes_count(&r->e->classes, truth, label);
    return truth == label
               ? GRU_OK
               : gru_mistakes_offer(&r->e->mistakes, p, confidence, p->truth, p->label, err);
}

/* ---- the end ---- */
/* The positive class is the label that goes with the higher scores. */
static gru_status find_positive(run *r, gru_error *err) {
    if (r->e->positive_id != GRU_NO_CLASS || r->score == GRU_NO_COLUMN)
        return GRU_OK;
    const bool first = r->low[0] <= r->high[0], second = r->low[1] <= r->high[1];
    if (first && second) {
        if (r->low[1] >= r->high[0] && r->high[1] > r->low[0])
            r->e->positive_id = 1;
        else if (r->low[0] >= r->high[1] && r->high[0] > r->low[1])
            r->e->positive_id = 0;
        else
            return gru_error_set(err, GRU_ERR_DATA,
                                 "%s: the labels do not follow the scores, so which class 'score' "
                                 "is about is unknown; say it with --positive LABEL",
                                 r->p->file);
        return GRU_OK;
    }
    const size_t only = first ? 0 : 1; /* the one label that was predicted */
    if (r->high[only] > 0.5)
        r->e->positive_id = only;
    else if (gru_map_count(r->e->classes.names) == 2)
        r->e->positive_id = 1 - only;
    return GRU_OK;
}

static gru_status add_binary(run *r, gru_error *err) {
    gru_evaluation *e = r->e;
    gru_status status = find_positive(r, err);
    if (status != GRU_OK || r->e->positive_id == GRU_NO_CLASS)
        return status;
    const char *name = gru_classes_name(&e->classes, r->e->positive_id);
    if (!(e->positive = gru_str_copy(name, strlen(name))))
        return gru_error_memory(err, strlen(name));
    const gru_class_score s = gru_classes_score(&e->classes, r->e->positive_id);
    gru_ranks *ranks = &r->e->curves[0];
    gru_ranks_sort(ranks);
    const gru_metric all[] = {
        {"precision", NULL, s.precision},
        {"recall", NULL, s.recall},
        {"f1", NULL, s.f1},
        {"roc_auc", NULL, gru_ranks_auc(ranks, r->e->positive_id)},
        {"average_precision", NULL, gru_ranks_average_precision(ranks, r->e->positive_id)},
        {"log_loss", NULL, gru_ranks_log_loss(ranks, r->e->positive_id)},
        {"brier", NULL, gru_ranks_brier(ranks, r->e->positive_id)}};
    const size_t count = ranks->count ? sizeof all / sizeof *all : 3;
    for (size_t i = 0; status == GRU_OK && i < count; i++)
        status = gru_evaluation_add(e, all[i].name, NULL, all[i].value, err);
    return status;
}

static gru_status add_losses(run *r, gru_error *err) {
    gru_evaluation *e = r->e;
    const double mean = r->loss / (double)e->samples;
    if (r->loss_by == GRU_NO_COLUMN && !r->p->class_count)
        return GRU_OK;
    if (e->task != GRU_TASK_LANGUAGE)
        return gru_evaluation_add(e, "log_loss", NULL, mean, err);
    gru_status status = gru_evaluation_add(e, "cross_entropy", NULL, mean, err);
    if (status == GRU_OK)
        status = gru_evaluation_add(e, "bits_per_token", NULL, mean / log(2.0), err);
    if (status == GRU_OK)
        status = gru_evaluation_add(e, "perplexity", NULL, exp(mean), err);
    return status;
}

static gru_status add_several(run *r, gru_error *err) {
    gru_evaluation *e = r->e;
    double area = 0;
    gru_status status = add_losses(r, err);
    for (size_t i = 0; status == GRU_OK && i < r->e->curve_count; i++) {
        gru_ranks_sort(&r->e->curves[i]);
        const double one = gru_ranks_auc(&r->e->curves[i], i);
        area += one / (double)r->e->curve_count;
        status = gru_evaluation_add(e, "roc_auc", gru_classes_name(&e->classes, i), one, err);
    }
    if (status == GRU_OK && r->e->curve_count)
        status = gru_evaluation_add(e, "roc_auc_ovr", NULL, area, err);
    r->right_sequences += r->sequence_right;
    if (status == GRU_OK && r->sequences) {
        status = gru_evaluation_add(e, "sequences", NULL, (double)r->sequences, err);
        if (status == GRU_OK)
            status = gru_evaluation_add(e, "sequence_accuracy", NULL,
                                        (double)r->right_sequences / (double)r->sequences, err);
    }
    return status;
}

/* What every class task has. */
static gru_status add_common(gru_evaluation *e, gru_error *err) {
    const gru_classes *c = &e->classes;
    const gru_class_score macro = gru_classes_macro(c), weighted = gru_classes_weighted(c);
    const gru_metric all[] = {{"accuracy", NULL, gru_classes_accuracy(c)},
                              {"precision_macro", NULL, macro.precision},
                              {"recall_macro", NULL, macro.recall},
                              {"f1_macro", NULL, macro.f1},
                              {"precision_weighted", NULL, weighted.precision},
                              {"recall_weighted", NULL, weighted.recall},
                              {"f1_weighted", NULL, weighted.f1},
                              {"mcc", NULL, gru_classes_mcc(c)},
                              {"kappa", NULL, gru_classes_kappa(c)}};
    gru_status status = GRU_OK;
    for (size_t i = 0; status == GRU_OK && i < sizeof all / sizeof *all; i++)
        status = gru_evaluation_add(e, all[i].name, NULL, all[i].value, err);
    for (size_t i = 0; status == GRU_OK && i < c->count; i++) {
        const char *name = gru_classes_name(c, c->order[i]);
        const gru_class_score s = gru_classes_score(c, c->order[i]);
        status = gru_evaluation_add(e, "precision", name, s.precision, err);
        if (status == GRU_OK)
            status = gru_evaluation_add(e, "recall", name, s.recall, err);
        if (status == GRU_OK)
            status = gru_evaluation_add(e, "f1", name, s.f1, err);
        if (status == GRU_OK)
            status = gru_evaluation_add(e, "support", name, (double)s.support, err);
    }
    return status;
}

gru_status gru_evaluate_classes(gru_evaluation *e, gru_predictions *p,
                                const gru_evaluate_options *options, gru_error *err) {
    run r = {.e = e, .p = p};
    gru_status status = set_up(&r, options, err);
    while (status == GRU_OK) {
        status = gru_predictions_next(p, err);
        if (status != GRU_OK || !p->row)
            break;
        status = one_row(&r, err);
    }
    if (status == GRU_OK && e->samples == 0)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: %s", p->file,
                               e->left_out ? "no row has a y_true" : "no rows, only a header");
    if (status == GRU_OK)
        status = gru_classes_finish(&e->classes, err);
    if (status == GRU_OK)
        status = add_common(e, err);
    if (status == GRU_OK)
        status = e->task == GRU_TASK_BINARY ? add_binary(&r, err) : add_several(&r, err);
    gru_str_free(&r.sequence);
    return status;
}
