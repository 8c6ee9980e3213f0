/* Values of options (pairs.h). */
#include "train/pairs.h"

#include "base/number.h"
#include "base/options.h"

#include <stdio.h>
#include <string.h>

typedef struct parse {
    const char *option;
    const gru_pair *pairs;
    unsigned seen;
} parse;

static gru_status unknown(const parse *p, const char *word, gru_error *err) {
    char list[200] = "";
    for (const gru_pair *pair = p->pairs; pair->name; pair++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s%s", used ? ", " : "", pair->name,
                 pair->number ? "=N" : "");
    }
    return gru_error_set(err, GRU_ERR_USAGE, "%s: '%s': expected %s", p->option, word, list);
}

static gru_status take(void *arg, const char *word, const char *value, gru_error *err) {
    parse *p = arg;
    for (const gru_pair *pair = p->pairs; pair->name; pair++) {
        if (strcmp(pair->name, word) != 0)
            continue;
        p->seen |= 1U << (pair - p->pairs);
        if (pair->flag && !value) {
            *pair->flag = true;
            return GRU_OK;
        }
        double number;
        if (!pair->number)
            return unknown(p, word, err);
        if (!value || !gru_number_parse(value, strlen(value), &number) || number < pair->min ||
            number > pair->max) {
            return gru_error_set(err, GRU_ERR_USAGE, "%s: %s: '%s' is not a number from %g to %g",
                                 p->option, word, value ? value : "", pair->min, pair->max);
        }
        *pair->number = number;
        return GRU_OK;
    }
    return unknown(p, word, err);
}

gru_status gru_pairs_parse(const char *option, const char *text, const gru_pair *pairs,
                           gru_error *err) {
    parse p = {option, pairs, 0};
    if (gru_options_split(text, take, &p, err))
        return err->code;
    for (const gru_pair *pair = pairs; pair->name; pair++)
        if (pair->required && !(p.seen & 1U << (pair - pairs)))
            return gru_error_set(err, GRU_ERR_USAGE, "%s: %s=N is missing", option, pair->name);
    return GRU_OK;
}

gru_status gru_seconds_parse(const char *option, const char *text, double *seconds,
                             gru_error *err) {
    size_t len = strlen(text);
    char unit = len ? text[len - 1] : 's';
    double factor = unit == 'h' ? 3600 : unit == 'm' ? 60 : 1;
    size_t digits = strchr("hms", unit) && len ? len - 1 : len;
    if (!gru_number_parse(text, digits, seconds) || !(*seconds > 0)) {
        return gru_error_set(err, GRU_ERR_USAGE, "%s: '%.60s' is no time (90s, 30m, 2h)", option,
                             text);
    }
    *seconds *= factor;
    return GRU_OK;
}
