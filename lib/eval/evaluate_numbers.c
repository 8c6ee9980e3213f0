/* Figures of answers that are numbers, or quantiles of numbers, beside those of the naive forecast
 * (tomorrow = today), and of several yes/no values a step. */
#include "eval/evaluate_parts.h"

#include "base/map.h"
#include "base/mem.h"
#include "eval/quantiles.h"
#include "eval/ranks.h"
#include "eval/when.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct run {
    gru_evaluation *e;
    gru_predictions *p;
    double *truth, *predicted; /* [horizons] */
    double *forecasts;         /* [horizons][quantiles] */
    gru_quantiles quantiles;
    /* the row before, in its group */
    gru_map *groups; /* name → its place */
    gru_when *when;  /* [count] */
    double *before;  /* [count][horizons]: true values */
    size_t count, when_cap, before_cap;
    uint64_t moves, right_moves; /* times the naive forecast was wrong; our direction was right */
    double nll;                  /* notes: Σ −log p */
    uint64_t hits, false_alarms, misses, values;
} run;

static gru_status set_up(run *r, gru_error *err) {
    gru_evaluation *e = r->e;
    const gru_predictions *p = r->p;
    const size_t n = p->output_count;
    if (n == 0)
        return gru_predictions_lacks(p, "no column 'y_pred'", err);
    if (n != p->truth_count) {
        char what[96];
        snprintf(what, sizeof what, "%zu columns y_pred… but %zu columns y_true…", n,
                 p->truth_count);
        return gru_predictions_lacks(p, what, err);
    }
    e->horizons = n;
    gru_status status = gru_mem_new(&e->network, n, sizeof *e->network, err);
    if (status == GRU_OK)
        status = gru_mem_new(&e->naive, n, sizeof *e->naive, err);
    if (status == GRU_OK)
        status = gru_mem_new(&r->truth, (2 + p->quantile_count) * n, sizeof *r->truth, err);
    if (status != GRU_OK)
        return status;
    r->predicted = r->truth + n;
    r->forecasts = r->predicted + n;
    for (size_t i = 0; i < p->quantile_count; i++)
        if (p->outputs[0] == p->quantiles[i])
            e->point_level = p->levels[i];
    return gru_quantiles_init(&r->quantiles, p->levels, p->quantile_count, n, err);
}

static gru_status read_row(run *r, bool *counts, gru_error *err) {
    const gru_predictions *p = r->p;
    gru_status status = GRU_OK;
    *counts = true;
    for (size_t i = 0; i < p->truth_count; i++)
        if (gru_predictions_missing(p, p->truths[i], true))
            *counts = false;
    for (size_t i = 0; *counts && status == GRU_OK && i < r->e->horizons * p->quantile_count; i++)
        status = gru_predictions_number(p, p->quantiles[i], &r->forecasts[i], err);
    for (size_t i = 0; *counts && status == GRU_OK && i < p->truth_count; i++) {
        status = gru_predictions_number(p, p->truths[i], &r->truth[i], err);
        if (status == GRU_OK)
            status = gru_predictions_number(p, p->outputs[i], &r->predicted[i], err);
    }
    return status;
}

/* The place of the row's group, and whether a row of it was there before. */
static gru_status group_of(run *r, size_t *group, bool *seen, gru_error *err) {
    const gru_predictions *p = r->p;
    const gru_field whole = {"", 0};
    const gru_field *name = p->group == GRU_NO_COLUMN ? &whole : &p->row[p->group];
    if (!r->groups && gru_map_new(&r->groups, err))
        return err->code;
    if (gru_map_number(r->groups, name->text, name->len, group, err))
        return err->code;
    *seen = *group < r->count;
    r->count += !*seen;
    if (gru_mem_grow(&r->when, &r->when_cap, r->count, sizeof *r->when, err))
        return err->code;
    return gru_mem_grow(&r->before, &r->before_cap, r->count * r->e->horizons, sizeof *r->before,
                        err);
}

/* Does this row come directly after the one before in its group? Row numbers must count up by one,
 * dates must rise; without ids the rows are taken as they come. */
static bool follows(run *r, size_t group, bool seen) {
    const gru_predictions *p = r->p;
    const double *before = r->before + group * r->e->horizons;
    bool yes = seen;
    if (p->id != GRU_NO_COLUMN) {
        const gru_field *id = &p->row[p->id];
        const gru_when when = gru_when_id(id->text, id->len);
        yes = yes && gru_when_follows(&r->when[group], &when);
        r->when[group] = when;
    }
    /* Windows of several targets must overlap in all but one, or they weren't made a step apart. */
    for (size_t i = 0; yes && i + 1 < r->e->horizons; i++)
        yes = fabs(before[i + 1] - r->truth[i]) <= 1e-6 * fabs(r->truth[i]) + 1e-12;
    return yes;
}

/* The last value known when the row's forecast was made. */
static gru_status naive_value(run *r, bool *known, double *value, gru_error *err) {
    const gru_predictions *p = r->p;
    size_t group = 0;
    bool seen = false;
    if (p->naive != GRU_NO_COLUMN) {
        *known = !gru_predictions_missing(p, p->naive, true);
        return *known ? gru_predictions_number(p, p->naive, value, err) : GRU_OK;
    }
    if (group_of(r, &group, &seen, err))
        return err->code;
    double *before = r->before + group * r->e->horizons;
    *known = p->step == GRU_NO_COLUMN && follows(r, group, seen);
    *value = *known ? before[0] : 0;
    memcpy(before, r->truth, r->e->horizons * sizeof *before);
    return GRU_OK;
}

static gru_status number_row(run *r, gru_error *err) {
    gru_evaluation *e = r->e;
    bool known = false;
    double naive = 0, worst = -1;
    size_t worst_at = 0;
    gru_status status = naive_value(r, &known, &naive, err);
    if (status != GRU_OK)
        return status;
    for (size_t i = 0; i < e->horizons; i++) {
        const double y = r->truth[i], yhat = r->predicted[i];
        gru_regression_add(&e->network[i], y, yhat);
        if (r->quantiles.count)
            gru_quantiles_add(&r->quantiles, i, y, r->forecasts + i * r->quantiles.count,
                              known ? &naive : NULL);
        if (known) {
            gru_regression_add(&e->naive[i], y, naive);
            const double move = y - naive;
            r->moves += move < 0 || move > 0;
            r->right_moves += (yhat - naive) * move > 0;
        }
        if (fabs(yhat - y) > worst) {
            worst = fabs(yhat - y);
            worst_at = i;
        }
    }
    return gru_mistakes_offer(&e->mistakes, r->p, worst, r->p->truths[worst_at],
                              r->p->outputs[worst_at], err);
}

/* Numbers at each step have the same columns as yes/no values, and would end here. */
static gru_status yes_or_no(const gru_predictions *p, size_t column, double *value,
                            gru_error *err) {
    gru_status status = gru_predictions_number(p, column, value, err);
    if (status != GRU_OK || (*value >= 0 && *value <= 1))
        return status;
    gru_error_set(
        err, GRU_ERR_DATA,
        "column '%s': %.60s is not a yes/no value's probability (0 to 1); numbers at each "
        "step need --task regression",
        gru_table_name(p->table, column), p->row[column].text);
    return gru_predictions_at(p, err);
}

static gru_status note_row(run *r, gru_error *err) {
    double loss = 0;
    gru_status status = GRU_OK;
    for (size_t i = 0; status == GRU_OK && i < r->e->horizons; i++) {
        double y, p;
        status = yes_or_no(r->p, r->p->truths[i], &y, err);
        if (status == GRU_OK)
            status = yes_or_no(r->p, r->p->outputs[i], &p, err);
        if (status != GRU_OK)
            return status;
        const bool on = y > 0.5, said = p > 0.5;
        loss += y * gru_log_loss_of(p) + (1 - y) * gru_log_loss_of(1 - p);
        r->hits += on && said;
        r->misses += on && !said;
        r->false_alarms += !on && said;
        r->values++;
    }
    r->nll += loss;
    return gru_mistakes_offer(&r->e->mistakes, r->p, loss, r->p->truths[0], r->p->outputs[0], err);
}

/* ---- the end ---- */
static const char *const figure_names[2][5] = {
    {"mse", "rmse", "mae", "mape", "r2"},
    {"naive_mse", "naive_rmse", "naive_mae", "naive_mape", "naive_r2"}};

static gru_status add_figures(gru_evaluation *e, bool naive, const char *group,
                              const gru_regression *r, double r2, gru_error *err) {
    const double values[5] = {gru_regression_mse(r), gru_regression_rmse(r), gru_regression_mae(r),
                              gru_regression_mape(r), r2};
    gru_status status = GRU_OK;
    for (size_t i = 0; status == GRU_OK && i < 5; i++)
        status = gru_evaluation_add(e, figure_names[naive][i], group, values[i], err);
    return status;
}

/* All horizons together: the sums added; R² is the mean of the horizons', as scikit-learn's. */
static gru_status add_total(gru_evaluation *e, bool naive, gru_error *err) {
    const gru_regression *of = naive ? e->naive : e->network;
    gru_regression sum = {0};
    double r2 = 0;
    for (size_t i = 0; i < e->horizons; i++) {
        sum.count += of[i].count;
        sum.squared += of[i].squared;
        sum.absolute += of[i].absolute;
        sum.percent += of[i].percent;
        r2 += gru_regression_r2(&of[i]) / (double)e->horizons;
    }
    return add_figures(e, naive, NULL, &sum, r2, err);
}

static double skill(double rmse, double naive) {
    if (naive > 0)
        return 1 - rmse / naive;
    return rmse > 0 ? -HUGE_VAL : 0;
}

static const char *horizon_name(char text[24], size_t horizon) {
    snprintf(text, 24, "%zu", horizon + 1);
    return text;
}

static gru_status add_numbers(run *r, gru_error *err) {
    gru_evaluation *e = r->e;
    e->has_naive = e->naive[0].count > 0;
    gru_status status = add_total(e, false, err);
    if (status == GRU_OK && e->has_naive) {
        status = add_total(e, true, err);
        if (status == GRU_OK)
            status = gru_evaluation_add(e, "skill", NULL,
                                        skill(gru_evaluation_find(e, "rmse", NULL)->value,
                                              gru_evaluation_find(e, "naive_rmse", NULL)->value),
                                        err);
        if (status == GRU_OK && r->moves)
            status = gru_evaluation_add(e, "direction", NULL,
                                        (double)r->right_moves / (double)r->moves, err);
    }
    for (size_t i = 0; status == GRU_OK && e->horizons > 1 && i < e->horizons; i++) {
        char text[24];
        const char *group = horizon_name(text, i);
        const gru_regression *net = &e->network[i], *naive = &e->naive[i];
        status = add_figures(e, false, group, net, gru_regression_r2(net), err);
        if (status != GRU_OK || !e->has_naive)
            continue;
        status = add_figures(e, true, group, naive, gru_regression_r2(naive), err);
        if (status == GRU_OK)
            status = gru_evaluation_add(e, "skill", group,
                                        skill(gru_regression_rmse(net), gru_regression_rmse(naive)),
                                        err);
    }
    return status;
}

/* Pinball loss, coverage and width of horizons from … to − 1 together. */
static gru_status add_interval(run *r, const char *group, size_t from, size_t to, gru_error *err) {
    const gru_quantiles *q = &r->quantiles;
    double pinball = 0, width = 0, count = 0, within = 0;
    for (size_t i = from; i < to; i++) {
        for (size_t k = 0; k < q->count; k++)
            pinball += q->sums[i * q->count + k].pinball / (double)q->count;
        count += (double)q->intervals[i].count;
        within += (double)q->intervals[i].within;
        width += q->intervals[i].width;
    }
    gru_status status = gru_evaluation_add(r->e, "pinball", group, pinball / count, err);
    if (status == GRU_OK && q->count > 1)
        status = gru_evaluation_add(r->e, "coverage", group, within / count, err);
    if (status == GRU_OK && q->count > 1)
        status = gru_evaluation_add(r->e, "width", group, width / count, err);
    return status;
}

/* The naive forecast is judged where there is one, and the network with it there. */
static gru_status add_naive_pinball(run *r, gru_error *err) {
    const gru_quantiles *q = &r->quantiles;
    double naive = 0, beside = 0, values = 0;
    for (size_t i = 0; i < q->horizons; i++) {
        naive += q->intervals[i].naive;
        beside += q->intervals[i].beside;
        values += (double)(q->intervals[i].naives * q->count);
    }
    gru_status status = gru_evaluation_add(r->e, "naive_pinball", NULL, naive / values, err);
    return status ? status
                  : gru_evaluation_add(r->e, "pinball_skill", NULL, skill(beside, naive), err);
}

static gru_status add_quantiles(run *r, gru_error *err) {
    const gru_quantiles *q = &r->quantiles;
    char group[24];
    gru_status status = add_interval(r, NULL, 0, q->horizons, err);
    if (status == GRU_OK && q->count > 1)
        status = gru_evaluation_add(r->e, "nominal_coverage", NULL,
                                    q->levels[q->count - 1] - q->levels[0], err);
    if (status == GRU_OK && r->e->has_naive)
        status = add_naive_pinball(r, err);
    for (size_t k = 0; status == GRU_OK && k < q->count; k++) {
        double pinball = 0, below = 0, count = 0;
        for (size_t i = 0; i < q->horizons; i++) {
            pinball += q->sums[i * q->count + k].pinball;
            below += (double)q->sums[i * q->count + k].below;
            count += (double)q->intervals[i].count;
        }
        snprintf(group, sizeof group, "q%.10g", q->levels[k]);
        status = gru_evaluation_add(r->e, "below", group, below / count, err);
        if (status == GRU_OK)
            status = gru_evaluation_add(r->e, "pinball", group, pinball / count, err);
    }
    for (size_t i = 0; status == GRU_OK && q->horizons > 1 && i < q->horizons; i++)
        status = add_interval(r, horizon_name(group, i), i, i + 1, err);
    return status;
}

static gru_status add_notes(run *r, gru_error *err) {
    const double hits = (double)r->hits, said = hits + (double)r->false_alarms;
    const double on = hits + (double)r->misses, values = (double)r->values;
    const gru_metric all[] = {
        {"nll_per_step", NULL, r->nll / (double)r->e->samples},
        {"log_loss", NULL, r->nll / values},
        {"accuracy", NULL, 1 - (double)(r->misses + r->false_alarms) / values},
        {"precision", NULL, said > 0 ? hits / said : 0},
        {"recall", NULL, on > 0 ? hits / on : 0},
        {"f1", NULL, said + on > 0 ? 2 * hits / (said + on) : 0}};
    gru_status status = GRU_OK;
    for (size_t i = 0; status == GRU_OK && i < sizeof all / sizeof *all; i++)
        status = gru_evaluation_add(r->e, all[i].name, NULL, all[i].value, err);
    return status;
}

gru_status gru_evaluate_numbers(gru_evaluation *e, gru_predictions *p, gru_error *err) {
    run r = {.e = e, .p = p};
    const bool notes = e->task == GRU_TASK_NOTES;
    gru_status status = set_up(&r, err);
    while (status == GRU_OK) {
        bool counts;
        status = gru_predictions_next(p, err);
        if (status != GRU_OK || !p->row)
            break;
        status = read_row(&r, &counts, err);
        e->samples += status == GRU_OK && counts;
        e->left_out += status == GRU_OK && !counts;
        if (status == GRU_OK && counts)
            status = notes ? note_row(&r, err) : number_row(&r, err);
    }
    if (status == GRU_OK && e->samples == 0)
        status = gru_error_set(err, GRU_ERR_DATA, "%s: %s", p->file,
                               e->left_out ? "no row has a y_true" : "no rows, only a header");
    if (status == GRU_OK)
        status = notes ? add_notes(&r, err) : add_numbers(&r, err);
    if (status == GRU_OK && !notes && r.quantiles.count)
        status = add_quantiles(&r, err);
    gru_quantiles_free(&r.quantiles);
    gru_map_free(r.groups);
    free(r.when);
    free(r.before);
    free(r.truth);
    return status;
}
