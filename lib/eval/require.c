/* Thresholds that figures must meet: "accuracy>=0.84,rmse<5" (evaluate.h). */
#include "eval/evaluate.h"

#include "base/number.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct requirement {
    char name[64];
    char *group; /* points into name; NULL: none */
    bool above, equal;
    double limit;
} requirement;

/* One part, text[len]. */
static gru_status parse(const char *text, size_t len, requirement *r, gru_error *err) {
    const size_t name = strcspn(text, "<>=,");
    const char *number = text + name + 1;
    *r = (requirement){0};
    if (name == 0 || name >= len || name >= sizeof r->name || text[name] == '=')
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--require: '%.*s' is not METRIC>=X, METRIC>X, METRIC<=X or METRIC<X",
                             (int)(len < 80 ? len : 80), text);
    memcpy(r->name, text, name);
    r->above = text[name] == '>';
    r->equal = *number == '=';
    number += r->equal;
    if (!gru_number_parse(number, len - (size_t)(number - text), &r->limit))
        return gru_error_set(err, GRU_ERR_USAGE, "--require: '%.*s': the limit is not a number",
                             (int)(len < 80 ? len : 80), text);
    r->group = strchr(r->name, ':');
    if (r->group)
        *r->group++ = '\0';
    return GRU_OK;
}

static gru_status unknown(const gru_evaluation *e, const requirement *r, gru_error *err) {
    gru_str known = {0};
    for (size_t i = 0; i < e->metric_count; i++)
        if (!e->metrics[i].group)
            gru_str_addf(&known, "%s%s", known.len ? ", " : "", e->metrics[i].name);
    gru_error_set(err, GRU_ERR_USAGE, "--require: no metric '%s%s%s' here; there are %s", r->name,
                  r->group ? ":" : "", r->group ? r->group : "", gru_str_text(&known));
    gru_str_free(&known);
    return GRU_ERR_USAGE;
}

static gru_status compare(const gru_evaluation *e, const requirement *r, gru_error *err) {
    const gru_metric *m = gru_evaluation_find(e, r->name, r->group);
    if (!m)
        return unknown(e, r, err);
    const double v = m->value, x = r->limit;
    const bool met = r->above ? (r->equal ? v >= x : v > x) : (r->equal ? v <= x : v < x);
    if (met)
        return GRU_OK;
    char value[GRU_NUMBER_MAX], limit[GRU_NUMBER_MAX];
    gru_number_format_double(v, value);
    gru_number_format_double(x, limit);
    return gru_error_set(err, GRU_ERR_REQUIRE, "%s%s%s is %s, required is %c%s %s", r->name,
                         r->group ? ":" : "", r->group ? r->group : "", value, r->above ? '>' : '<',
                         r->equal ? "=" : "", limit);
}

/* Every part is looked at, and all that aren't met are named. */
static gru_status each(const gru_evaluation *e, const char *text, gru_error *err) {
    gru_str failures = {0};
    gru_status status = GRU_OK;
    for (const char *part = text; status == GRU_OK; part += strcspn(part, ",") + 1) {
        requirement r;
        const size_t len = strcspn(part, ",");
        status = parse(part, len, &r, err);
        if (status == GRU_OK && e) {
            status = compare(e, &r, err);
            if (status == GRU_ERR_REQUIRE) {
                gru_str_addf(&failures, "%s%s", failures.len ? "; " : "", err->message);
                status = GRU_OK;
            }
        }
        if (!part[len])
            break;
    }
    if (status == GRU_OK && failures.len)
        status = gru_error_set(err, GRU_ERR_REQUIRE, "%s", gru_str_text(&failures));
    gru_str_free(&failures);
    return status;
}

gru_status gru_evaluation_require(const gru_evaluation *e, const char *text, gru_error *err) {
    return each(e, text, err);
}

gru_status gru_require_check(const char *text, gru_error *err) {
    return each(NULL, text, err);
}
