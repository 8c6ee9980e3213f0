/* The report for programs: TSV and JSON (report.h). */
#include "eval/report.h"

#include "base/number.h"
#include "io/tsv.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static bool has_matrix(const gru_evaluation *e) {
    return e->classes.count > 0 && e->classes.has_pairs && e->task != GRU_TASK_LANGUAGE;
}

/* ---- TSV ---- */
static void tsv_row(gru_str *out, const char *name, const char *group, const char *predicted,
                    double value) {
    char number[GRU_NUMBER_MAX] = "";
    if (!isnan(value))
        gru_number_format_double(value, number);
    const char *const cells[] = {name, group, predicted};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        gru_tsv_add(out, cells[i] ? cells[i] : "", cells[i] ? strlen(cells[i]) : 0);
        gru_str_add_char(out, '\t');
    }
    gru_str_addf(out, "%s\n", number);
}

void gru_report_tsv(const gru_evaluation *e, gru_str *out) {
    const gru_classes *c = &e->classes;
    gru_str_add(out, "metric\tgroup\tpredicted\tvalue\n");
    tsv_row(out, "samples", NULL, NULL, (double)e->samples);
    for (size_t i = 0; i < e->metric_count; i++)
        tsv_row(out, e->metrics[i].name, e->metrics[i].group, NULL, e->metrics[i].value);
    for (size_t i = 0; has_matrix(e) && i < c->count; i++)
        for (size_t j = 0; j < c->count; j++)
            tsv_row(out, "confusion", gru_classes_name(c, c->order[i]),
                    gru_classes_name(c, c->order[j]),
                    (double)gru_classes_pair(c, c->order[i], c->order[j]));
    for (size_t i = 0; i < e->mistakes.count; i++) {
        const gru_mistake *m = &e->mistakes.at[i];
        tsv_row(out, "mistake", m->id, m->predicted, m->size);
    }
}

/* ---- JSON ---- */
static void json_text(gru_str *out, const char *text) {
    gru_str_add_char(out, '"');
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            gru_str_addf(out, "\\%c", c);
        else if (c < 0x20)
            gru_str_addf(out, "\\u%04x", c);
        else
            gru_str_add_char(out, *text);
    }
    gru_str_add_char(out, '"');
}

static void json_number(gru_str *out, double value) {
    char number[GRU_NUMBER_MAX];
    gru_number_format_double(value, number);
    gru_str_add(out, isfinite(value) ? number : "null");
}

/* The members "name": value of one group. */
static void json_figures(const gru_evaluation *e, gru_str *out, const char *group) {
    bool first = true;
    gru_str_add_char(out, '{');
    for (size_t i = 0; i < e->metric_count; i++) {
        const gru_metric *m = &e->metrics[i];
        if (group ? !m->group || strcmp(m->group, group) != 0 : m->group != NULL)
            continue;
        gru_str_addf(out, "%s\"%s\": ", first ? "" : ", ", m->name);
        json_number(out, m->value);
        first = false;
    }
    gru_str_add_char(out, '}');
}

/* The groups whose first figure is so called, in their order. */
static void json_groups(const gru_evaluation *e, gru_str *out, const char *title,
                        const char *figure) {
    bool first = true;
    for (size_t i = 0; i < e->metric_count; i++) {
        const char *group = e->metrics[i].group;
        if (!group || strcmp(e->metrics[i].name, figure) != 0)
            continue;
        if (first)
            gru_str_addf(out, ",\n  \"%s\": {\n    ", title);
        else
            gru_str_add(out, ",\n    ");
        json_text(out, group);
        gru_str_add(out, ": ");
        json_figures(e, out, group);
        first = false;
    }
    if (!first)
        gru_str_add(out, "\n  }");
}

static void json_matrix(const gru_classes *c, gru_str *out) {
    gru_str_add(out, ",\n  \"labels\": [");
    for (size_t i = 0; i < c->count; i++) {
        gru_str_add(out, i ? ", " : "");
        json_text(out, gru_classes_name(c, c->order[i]));
    }
    gru_str_add(out, "],\n  \"confusion\": [");
    for (size_t i = 0; i < c->count; i++) {
        gru_str_add(out, i ? ",\n    [" : "\n    [");
        for (size_t j = 0; j < c->count; j++)
            gru_str_addf(out, "%s%" PRIu64, j ? ", " : "",
                         gru_classes_pair(c, c->order[i], c->order[j]));
        gru_str_add_char(out, ']');
    }
    gru_str_add(out, "\n  ]");
}

static void json_member(gru_str *out, const char *name, const char *text) {
    if (!text)
        return;
    gru_str_addf(out, "\"%s\": ", name);
    json_text(out, text);
    gru_str_add(out, ", ");
}

static void json_mistakes(const gru_evaluation *e, gru_str *out) {
    gru_str_add(out, ",\n  \"errors\": [");
    for (size_t i = 0; i < e->mistakes.count; i++) {
        const gru_mistake *m = &e->mistakes.at[i];
        gru_str_addf(out, "%s\n    {\"line\": %llu, ", i ? "," : "", m->line);
        json_member(out, "id", m->id);
        json_member(out, "group", m->group);
        json_member(out, "step", m->step);
        json_member(out, "true", m->truth);
        json_member(out, "predicted", m->predicted);
        gru_str_addf(out, "\"%s\": ",
                     e->task == GRU_TASK_REGRESSION ? "error"
                     : e->task == GRU_TASK_NOTES    ? "loss"
                                                    : "confidence");
        json_number(out, m->size);
        gru_str_add_char(out, '}');
    }
    gru_str_add(out, "\n  ]");
}

void gru_report_json(const gru_evaluation *e, gru_str *out) {
    gru_str_addf(out, "{\n  \"task\": \"%s\",\n  \"samples\": %" PRIu64, gru_task_name(e->task),
                 e->samples);
    gru_str_addf(out, ",\n  \"left_out\": %" PRIu64, e->left_out);
    if (e->positive) {
        gru_str_add(out, ",\n  \"positive\": ");
        json_text(out, e->positive);
    }
    gru_str_add(out, ",\n  \"metrics\": ");
    json_figures(e, out, NULL);
    if (e->classes.count > 0)
        json_groups(e, out, "classes", "precision");
    else
        json_groups(e, out, "horizons", "mse");
    json_groups(e, out, "quantiles", "below");
    if (has_matrix(e))
        json_matrix(&e->classes, out);
    if (e->mistakes.limit)
        json_mistakes(e, out);
    gru_str_add(out, "\n}\n");
}
