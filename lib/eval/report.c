/* The report for people (report.h). */
#include "eval/report.h"

#include "base/number.h"
#include "io/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A confusion matrix of more classes is left to the TSV and JSON forms. */
enum { MATRIX_SHOWN = 16, NAME_SHOWN = 24 };

/* ---- widths ---- */
/* The next character of a text that ends with a NUL. */
static uint32_t decode(const char **p) {
    uint32_t code;
    *p += gru_utf8_next(*p, strnlen(*p, GRU_UTF8_BYTES), &code);
    return code;
}

static bool wide(uint32_t c) {
    return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
           (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
           (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) ||
           (c >= 0x20000 && c <= 0x3FFFD);
}

size_t gru_text_width(const char *text) {
    size_t width = 0;
    while (*text)
        width += wide(decode(&text)) ? 2 : 1;
    return width;
}

static size_t characters(const char *text) {
    size_t count = 0;
    for (; *text; count++)
        decode(&text);
    return count;
}

static void pad(gru_str *out, size_t have, size_t want) {
    for (; have < want; have++)
        gru_str_add_char(out, ' ');
}

void gru_text_cut(gru_str *out, const char *text, size_t columns) {
    if (gru_text_width(text) <= columns) {
        gru_str_add(out, text);
        return;
    }
    size_t used = 0;
    const char *end = text;
    for (const char *next = text; *next; end = next) {
        used += wide(decode(&next)) ? 2 : 1;
        if (used + 1 > columns)
            break;
    }
    gru_str_add_bytes(out, text, (size_t)(end - text));
    gru_str_add(out, "…");
}

/* Flush right in `width` columns; what is too long is cut. */
static void right(gru_str *out, const char *text, size_t width) {
    gru_str shown = {0};
    gru_text_cut(&shown, text, width);
    pad(out, gru_text_width(gru_str_text(&shown)), width);
    gru_str_add(out, gru_str_text(&shown));
    gru_str_free(&shown);
}

/* ---- classes ---- */
static void class_row(gru_str *out, const char *name, size_t width, const gru_class_score *s) {
    pad(out, characters(name), width);
    gru_str_addf(out, "%s  %9.2f %9.2f %9.2f %9" PRIu64 "\n", name, s->precision, s->recall, s->f1,
                 s->support);
}

void gru_report_classes(const gru_classes *c, gru_str *out) {
    size_t width = strlen("weighted avg");
    for (size_t i = 0; i < c->count; i++) {
        const size_t len = characters(gru_classes_name(c, c->order[i]));
        width = len > width ? len : width;
    }
    pad(out, 0, width);
    gru_str_addf(out, "  %9s %9s %9s %9s\n\n", "precision", "recall", "f1-score", "support");
    for (size_t i = 0; i < c->count; i++) {
        const gru_class_score s = gru_classes_score(c, c->order[i]);
        class_row(out, gru_classes_name(c, c->order[i]), width, &s);
    }
    gru_str_add_char(out, '\n');
    pad(out, strlen("accuracy"), width);
    gru_str_addf(out, "accuracy  %9s %9s %9.2f %9" PRIu64 "\n", "", "", gru_classes_accuracy(c),
                 c->total);
    const gru_class_score macro = gru_classes_macro(c), weighted = gru_classes_weighted(c);
    class_row(out, "macro avg", width, &macro);
    class_row(out, "weighted avg", width, &weighted);
}

static size_t column_width(const gru_classes *c, size_t column) {
    size_t width = gru_text_width(gru_classes_name(c, c->order[column]));
    width = width > NAME_SHOWN ? NAME_SHOWN : width;
    for (size_t i = 0; i < c->count; i++) {
        const int digits =
            snprintf(NULL, 0, "%" PRIu64, gru_classes_pair(c, c->order[i], c->order[column]));
        width = (size_t)digits > width ? (size_t)digits : width;
    }
    return width;
}

void gru_report_matrix(const gru_classes *c, gru_str *out) {
    if (!c->has_pairs || c->count > MATRIX_SHOWN) {
        gru_str_addf(out, "confusion matrix: %zu classes are too many to print%s\n", c->count,
                     c->has_pairs ? "; see --tsv or --json" : "");
        return;
    }
    size_t names = 0;
    for (size_t i = 0; i < c->count; i++) {
        const size_t width = gru_text_width(gru_classes_name(c, c->order[i]));
        names = width > names ? width : names;
    }
    names = names > NAME_SHOWN ? NAME_SHOWN : names;
    gru_str_add(out, "confusion matrix (rows: true class, columns: predicted class)\n\n");
    pad(out, 0, names);
    for (size_t j = 0; j < c->count; j++) {
        gru_str_add(out, "  ");
        right(out, gru_classes_name(c, c->order[j]), column_width(c, j));
    }
    for (size_t i = 0; i < c->count; i++) {
        gru_str_add_char(out, '\n');
        right(out, gru_classes_name(c, c->order[i]), names);
        for (size_t j = 0; j < c->count; j++)
            gru_str_addf(out, "  %*" PRIu64, (int)column_width(c, j),
                         gru_classes_pair(c, c->order[i], c->order[j]));
    }
    gru_str_add_char(out, '\n');
}

static void figures(const gru_evaluation *e, gru_str *out) {
    for (size_t i = 0; i < e->metric_count; i++) {
        const gru_metric *m = &e->metrics[i];
        if (m->group)
            continue;
        if (!strcmp(m->name, "sequences"))
            gru_str_addf(out, "%-18s %10.0f\n", m->name, m->value);
        else if (isnan(m->value))
            gru_str_addf(out, "%-18s %10s   (y_true lacks a class)\n", m->name, "undefined");
        else
            gru_str_addf(out, "%-18s %10.4f\n", m->name, m->value);
    }
}

/* ---- numbers ---- */
static double value_of(const gru_evaluation *e, const char *name, const char *group) {
    const gru_metric *m = gru_evaluation_find(e, name, group);
    return m ? m->value : (double)NAN;
}

static void cell(gru_str *out, double value, const char *unit) {
    char text[48];
    if (isnan(value))
        snprintf(text, sizeof text, "undefined");
    else
        snprintf(text, sizeof text, "%.6g%s", value, unit);
    gru_str_addf(out, " %14s", text);
}

/* One line of network, naive forecast. */
static void number_rows(const gru_evaluation *e, gru_str *out, const char *group) {
    static const char *const rows[][3] = {{"MSE", "mse", "naive_mse"},
                                          {"RMSE", "rmse", "naive_rmse"},
                                          {"MAE", "mae", "naive_mae"},
                                          {"MAPE", "mape", "naive_mape"},
                                          {"R²", "r2", "naive_r2"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *unit = i == 3 ? " %" : "";
        gru_str_add(out, rows[i][0]);
        pad(out, gru_text_width(rows[i][0]), 10);
        cell(out, value_of(e, rows[i][1], group), unit);
        if (e->has_naive)
            cell(out, value_of(e, rows[i][2], group), unit);
        gru_str_add_char(out, '\n');
    }
}

static void horizon_rows(const gru_evaluation *e, gru_str *out) {
    gru_str_addf(out, "\n%-10s %14s %14s %14s ", "ahead", "RMSE", "MAE", "MAPE");
    right(out, "R²", 14);
    gru_str_addf(out, e->has_naive ? "  %14s %14s\n" : "\n", "naive RMSE", "skill");
    for (size_t i = 0; i < e->horizons; i++) {
        char group[24];
        snprintf(group, sizeof group, "%zu", i + 1);
        gru_str_addf(out, "%-10s", group);
        cell(out, value_of(e, "rmse", group), "");
        cell(out, value_of(e, "mae", group), "");
        cell(out, value_of(e, "mape", group), " %");
        cell(out, value_of(e, "r2", group), "");
        if (e->has_naive) {
            gru_str_add_char(out, ' ');
            cell(out, value_of(e, "naive_rmse", group), "");
            cell(out, value_of(e, "skill", group), "");
        }
        gru_str_add_char(out, '\n');
    }
}

/* Whether the network is any better than saying that tomorrow is as today. */
static void verdict(const gru_evaluation *e, gru_str *out) {
    const double ours = value_of(e, "rmse", NULL), naive = value_of(e, "naive_rmse", NULL);
    const double skill = value_of(e, "skill", NULL);
    gru_str_addf(out, "%-10s %14.4f   (1 - RMSE / naive RMSE)\n", "skill", skill);
    const double direction = value_of(e, "direction", NULL);
    if (!isnan(direction))
        gru_str_addf(out, "%-10s %13.1f%%   (of moves foretold up or down rightly)\n", "direction",
                     100 * direction);
    gru_str_add_char(out, '\n');
    if (fabs(skill) < 0.005)
        gru_str_add(out, "The network is as good as the naive forecast (tomorrow = today), no "
                         "better:\nit adds nothing to it.\n");
    else if (skill > 0)
        gru_str_addf(out,
                     "The network beats the naive forecast (tomorrow = today): its RMSE is %.3g %% "
                     "lower.\n",
                     100 * skill);
    else
        gru_str_addf(out,
                     "The naive forecast (tomorrow = today) is better by %.3g %%: this network "
                     "adds\nnothing to it.\n",
                     100 * (1 - naive / ours));
}

static void quantile_rows(const gru_evaluation *e, gru_str *out) {
    const double coverage = value_of(e, "coverage", NULL),
                 naive = value_of(e, "naive_pinball", NULL);
    gru_str_addf(out, "\nThe figures above are of quantile %.10g, %s.\n", e->point_level,
                 fabs(e->point_level - 0.5) > 0 ? "the nearest to the median" : "the median");
    gru_str_addf(out, "\n%-10s %14s %14s\n", "quantile", "pinball loss", "truths below");
    for (size_t i = 0; i < e->metric_count; i++) {
        const gru_metric *m = &e->metrics[i];
        if (strcmp(m->name, "below") != 0)
            continue;
        gru_str_addf(out, "%-10s", m->group + 1);
        cell(out, value_of(e, "pinball", m->group), "");
        cell(out, 100 * m->value, " %");
        gru_str_add_char(out, '\n');
    }
    gru_str_addf(out, "%-10s", "mean");
    cell(out, value_of(e, "pinball", NULL), "");
    gru_str_add_char(out, '\n');
    if (!isnan(naive))
        gru_str_addf(out, "%-10s %14.6g   (the naive forecast's; skill %.4f)\n", "naive", naive,
                     value_of(e, "pinball_skill", NULL));
    if (!isnan(coverage))
        gru_str_addf(out,
                     "\nFrom the lowest to the highest quantile lie %.1f %% of the true values, "
                     "%.1f %% if calibrated;\nthe mean width is %.6g.\n",
                     100 * coverage, 100 * value_of(e, "nominal_coverage", NULL),
                     value_of(e, "width", NULL));
}

static void numbers(const gru_evaluation *e, gru_str *out) {
    gru_str_addf(out, "%-10s %14s", "", "network");
    if (e->has_naive)
        gru_str_addf(out, " %14s", "naive forecast");
    gru_str_add_char(out, '\n');
    number_rows(e, out, NULL);
    if (e->has_naive)
        verdict(e, out);
    else
        gru_str_add(out, "\nno naive forecast to compare with: the rows do not follow each other "
                         "in time\n(give a column y_naive, or rows in the order of their ids)\n");
    size_t zeros = 0;
    for (size_t i = 0; i < e->horizons; i++)
        zeros += e->network[i].zeros;
    if (zeros)
        gru_str_addf(out, "MAPE means nothing here: y_true is 0 in %zu place%s\n", zeros,
                     zeros == 1 ? "" : "s");
    if (e->horizons > 1)
        horizon_rows(e, out);
    if (e->point_level > 0)
        quantile_rows(e, out);
}

/* ---- the worst rows ---- */
static void mistakes(const gru_evaluation *e, gru_str *out) {
    const gru_mistakes *m = &e->mistakes;
    const bool number = e->task == GRU_TASK_REGRESSION, notes = e->task == GRU_TASK_NOTES;
    if (m->limit == 0)
        return;
    if (m->count == 0) {
        gru_str_add(out, "\nno mistakes\n");
        return;
    }
    gru_str_addf(out, "\n%s\n\n%8s  %-20s  %-20s  %-20s  %s\n",
                 number  ? "largest errors"
                 : notes ? "steps with the largest loss"
                         : "most confident mistakes",
                 "line", "id", "true", "predicted",
                 number  ? "error"
                 : notes ? "loss"
                         : "confidence");
    for (size_t i = 0; i < m->count; i++) {
        const gru_mistake *at = &m->at[i];
        gru_str where = {0};
        gru_str_addf(&where, "%s%s%s%s%s", at->id ? at->id : "", at->group ? " " : "",
                     at->group ? at->group : "", at->step ? ":" : "", at->step ? at->step : "");
        const char *const cells[3] = {where.len ? gru_str_text(&where) : "-", at->truth,
                                      notes ? "" : at->predicted};
        gru_str_addf(out, "%8llu", at->line);
        for (size_t k = 0; k < 3; k++) {
            gru_str_addf(out, "  %s", cells[k]);
            pad(out, gru_text_width(cells[k]), 20);
        }
        gru_str_addf(out, "  %.6g\n", at->size);
        gru_str_free(&where);
    }
}

void gru_report_text(const gru_evaluation *e, gru_str *out) {
    const bool number = e->task == GRU_TASK_REGRESSION;
    const bool classes = !number && e->task != GRU_TASK_NOTES;
    gru_str_addf(out, "%s, %" PRIu64 " %s",
                 e->task == GRU_TASK_NOTES ? "labelling, several values a step"
                                           : gru_task_name(e->task),
                 e->samples, e->task == GRU_TASK_LANGUAGE ? "tokens" : "rows");
    if (e->positive)
        gru_str_addf(out, ", positive class '%s'", e->positive);
    if (e->left_out)
        gru_str_addf(out, " (%" PRIu64 " without y_true left out)", e->left_out);
    gru_str_add(out, "\n\n");
    if (classes && e->task != GRU_TASK_LANGUAGE) {
        gru_report_classes(&e->classes, out);
        gru_str_add_char(out, '\n');
        gru_report_matrix(&e->classes, out);
        gru_str_add_char(out, '\n');
    }
    if (number)
        numbers(e, out);
    else
        figures(e, out);
    mistakes(e, out);
}
