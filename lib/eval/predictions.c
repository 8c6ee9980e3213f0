/* Columns and rows of a table of predictions (predictions.h). */
#include "eval/predictions.h"

#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns prefix_1, prefix_2 … as far as they go, or the one called prefix. */
static gru_status numbered(const gru_table *table, const char *prefix, size_t **columns,
                           size_t *count, gru_error *err) {
    gru_status status = gru_mem_new(columns, gru_table_columns(table), sizeof **columns, err);
    if (status != GRU_OK)
        return status;
    char name[64];
    for (*count = 0; *count < gru_table_columns(table); ++*count) {
        snprintf(name, sizeof name, "%s_%zu", prefix, *count + 1);
        const size_t column = gru_table_column(table, name);
        if (column == GRU_NO_COLUMN)
            break;
        (*columns)[*count] = column;
    }
    const size_t alone = gru_table_column(table, prefix);
    if (*count == 0 && alone != GRU_NO_COLUMN)
        (*columns)[(*count)++] = alone;
    return GRU_OK;
}

/* Share and name of column `column`, if it is a quantile of prefix ("y_pred_q"). */
static const char *quantile_of(const gru_table *table, size_t column, const char *prefix,
                               double *level) {
    const char *name = gru_table_name(table, column);
    const size_t len = strlen(prefix);
    if (strncmp(name, prefix, len) != 0 ||
        !gru_number_parse(name + len, strlen(name + len), level) || !(*level > 0 && *level < 1))
        return NULL;
    return name + len;
}

/* The quantiles of the first number, in the order of the columns: their shares, and their texts,
 * which are the same for all numbers. */
static gru_status first_quantiles(gru_predictions *p, const char *prefix, const char **texts,
                                  gru_error *err) {
    for (size_t i = 0; i < gru_table_columns(p->table); i++) {
        double level;
        const char *text = quantile_of(p->table, i, prefix, &level);
        if (!text)
            continue;
        if (p->quantile_count == GRU_PREDICTIONS_QUANTILES)
            return gru_predictions_lacks(p, "more than 99 quantiles y_pred_q…", err);
        if (p->quantile_count > 0 && !(level > p->levels[p->quantile_count - 1]))
            return gru_predictions_lacks(p, "the quantiles y_pred_q… do not rise", err);
        p->levels[p->quantile_count] = level;
        texts[p->quantile_count++] = text;
    }
    return GRU_OK;
}

static size_t nearest_to_median(const gru_predictions *p) {
    size_t best = 0;
    for (size_t i = 1; i < p->quantile_count; i++)
        if (fabs(p->levels[i] - 0.5) < fabs(p->levels[best] - 0.5))
            best = i;
    return best;
}

/* Columns y_pred_q…, or y_pred_1_q…, y_pred_2_q… as far as they go. */
static gru_status find_quantiles(gru_predictions *p, gru_error *err) {
    const char *texts[GRU_PREDICTIONS_QUANTILES];
    bool numbers = false;
    gru_status status = first_quantiles(p, "y_pred_q", texts, err);
    if (status == GRU_OK && p->quantile_count == 0) {
        numbers = true;
        status = first_quantiles(p, "y_pred_1_q", texts, err);
    }
    if (status != GRU_OK || p->quantile_count == 0)
        return status;
    const size_t each = p->quantile_count;
    const size_t most = numbers ? gru_table_columns(p->table) : each;
    size_t found = 0;
    status = gru_mem_new(&p->quantiles, most, sizeof *p->quantiles, err);
    for (; status == GRU_OK && found < most; found++) {
        char name[128];
        if (numbers)
            snprintf(name, sizeof name, "y_pred_%zu_q%s", found / each + 1, texts[found % each]);
        else
            snprintf(name, sizeof name, "y_pred_q%s", texts[found]);
        p->quantiles[found] = gru_table_column(p->table, name);
        if (p->quantiles[found] == GRU_NO_COLUMN)
            break;
    }
    if (status == GRU_OK && found % each)
        return gru_predictions_lacks(p, "not each number has the same quantiles y_pred_…_q…", err);
    for (size_t k = 0; status == GRU_OK && p->output_count * each < found; k++)
        p->outputs[p->output_count++] = p->quantiles[k * each + nearest_to_median(p)];
    return status;
}

static gru_status find_classes(gru_predictions *p, gru_error *err) {
    const size_t columns = gru_table_columns(p->table);
    gru_status status = gru_mem_new(&p->classes, columns, sizeof *p->classes, err);
    for (size_t i = 0; status == GRU_OK && i < columns; i++)
        if (!strncmp(gru_table_name(p->table, i), "p_", 2) && i != p->p_true)
            p->classes[p->class_count++] = i;
    return status;
}

gru_status gru_predictions_open(gru_predictions *p, gru_table *table, const char *file,
                                bool want_truth, gru_error *err) {
    *p = (gru_predictions){.table = table,
                           .file = file,
                           .id = gru_table_column(table, "id"),
                           .group = gru_table_column(table, "group"),
                           .step = gru_table_column(table, "step"),
                           .label = gru_table_column(table, "label"),
                           .confidence = gru_table_column(table, "confidence"),
                           .score = gru_table_column(table, "score"),
                           .naive = gru_table_column(table, "y_naive"),
                           .p_true = gru_table_column(table, "p_true"),
                           .truth = gru_table_column(table, "y_true")};
    gru_status status = numbered(table, "y_true", &p->truths, &p->truth_count, err);
    if (status == GRU_OK)
        status = numbered(table, "y_pred", &p->outputs, &p->output_count, err);
    if (status == GRU_OK && p->output_count == 0)
        status = find_quantiles(p, err);
    if (status == GRU_OK)
        status = find_classes(p, err);
    if (status == GRU_OK && p->label == GRU_NO_COLUMN && p->output_count == 0)
        status = gru_predictions_lacks(p, "no column of predictions ('label' or 'y_pred')", err);
    if (status == GRU_OK && want_truth && p->truth_count == 0)
        status =
            gru_predictions_lacks(p, "no column 'y_true' to compare the predictions with", err);
    if (status != GRU_OK)
        gru_predictions_close(p);
    return status;
}

void gru_predictions_close(gru_predictions *p) {
    free(p->truths);
    free(p->outputs);
    free(p->quantiles);
    free(p->classes);
    *p = (gru_predictions){0};
}

gru_status gru_predictions_next(gru_predictions *p, gru_error *err) {
    return gru_table_next(p->table, &p->row, err);
}

gru_status gru_predictions_lacks(const gru_predictions *p, const char *what, gru_error *err) {
    gru_str names = {0};
    const size_t columns = gru_table_columns(p->table), shown = columns < 12 ? columns : 12;
    for (size_t i = 0; i < shown; i++)
        gru_str_addf(&names, "%s%s", i ? ", " : "", gru_table_name(p->table, i));
    if (shown < columns)
        gru_str_addf(&names, " and %zu more", columns - shown);
    gru_error_set(err, GRU_ERR_DATA, "%s: %s; there are %s", p->file, what, gru_str_text(&names));
    gru_str_free(&names);
    return GRU_ERR_DATA;
}

gru_status gru_predictions_at(const gru_predictions *p, gru_error *err) {
    return gru_error_at(err, "%s:%llu", p->file, gru_table_line(p->table));
}

gru_status gru_predictions_number(const gru_predictions *p, size_t column, double *value,
                                  gru_error *err) {
    bool missing = false;
    gru_status status = gru_table_number(p->table, p->row, column, value, &missing, err);
    if (status != GRU_OK || !missing)
        return status;
    gru_error_set(err, GRU_ERR_DATA, "column '%s': the number is missing",
                  gru_table_name(p->table, column));
    return gru_predictions_at(p, err);
}

gru_status gru_predictions_probability(const gru_predictions *p, size_t column, double *value,
                                       gru_error *err) {
    gru_status status = gru_predictions_number(p, column, value, err);
    if (status != GRU_OK || (*value >= 0 && *value <= 1))
        return status;
    gru_error_set(err, GRU_ERR_DATA, "column '%s': %.60s is not a probability (0 to 1)",
                  gru_table_name(p->table, column), p->row[column].text);
    return gru_predictions_at(p, err);
}

const char *gru_predictions_class(const gru_predictions *p, size_t index) {
    return gru_table_name(p->table, p->classes[index]) + 2;
}

bool gru_predictions_missing(const gru_predictions *p, size_t column, bool number) {
    const gru_field *field = &p->row[column];
    return number ? gru_number_missing(field->text, field->len) : field->len == 0;
}
