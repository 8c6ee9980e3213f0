/* Class counts and the figures made from them (classes.h). */
#include "eval/classes.h"

#include "base/mem.h"
#include "base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

gru_status gru_classes_init(gru_classes *c, gru_error *err) {
    *c = (gru_classes){.has_pairs = true};
    gru_status status = gru_map_new(&c->names, err);
    if (status == GRU_OK)
        status = gru_mem_new(&c->pairs, (size_t)GRU_CLASSES_MATRIX * GRU_CLASSES_MATRIX,
                             sizeof *c->pairs, err);
    if (status != GRU_OK)
        gru_classes_free(c);
    return status;
}

void gru_classes_free(gru_classes *c) {
    gru_map_free(c->names);
    free(c->counts);
    free(c->pairs);
    free(c->order);
    *c = (gru_classes){0};
}

gru_status gru_classes_id(gru_classes *c, const char *label, size_t len, size_t *id,
                          gru_error *err) {
    if (gru_classes_find(c, label, len, id))
        return GRU_OK;
    const size_t known = gru_map_count(c->names);
    if (known >= GRU_CLASSES_MAX)
        return gru_error_set(err, GRU_ERR_DATA,
                             "more than %d different labels; numbers need --task regression",
                             GRU_CLASSES_MAX);
    gru_status status = gru_mem_grow(&c->counts, &c->cap, known + 1, sizeof *c->counts, err);
    if (status != GRU_OK)
        return status;
    if (gru_map_number(c->names, label, len, id, err))
        return err->code;
    c->counts[known] = (gru_class_count){0};
    if (known >= GRU_CLASSES_MATRIX)
        c->has_pairs = false;
    return GRU_OK;
}

bool gru_classes_find(const gru_classes *c, const char *label, size_t len, size_t *id) {
    const gru_map_entry *entry = gru_map_get(c->names, label, len);
    if (!entry)
        return false;
    *id = (size_t)entry->value;
    return true;
}

const char *gru_classes_name(const gru_classes *c, size_t id) {
    return gru_map_at(c->names, id)->key;
}

void gru_classes_count(gru_classes *c, size_t truth, size_t predicted) {
    c->counts[truth].truth++;
    c->counts[predicted].predicted++;
    c->total++;
    if (truth == predicted) {
        c->counts[truth].both++;
        c->correct++;
    }
    if (c->has_pairs)
        c->pairs[truth * GRU_CLASSES_MATRIX + predicted]++;
}

uint64_t gru_classes_pair(const gru_classes *c, size_t truth, size_t predicted) {
    return c->has_pairs ? c->pairs[truth * GRU_CLASSES_MATRIX + predicted] : 0;
}

/* ---- sorting ---- */
typedef struct keyed {
    const char *name;
    long long number;
    size_t id;
} keyed;

static int by_name(const void *a, const void *b) {
    return strcmp(((const keyed *)a)->name, ((const keyed *)b)->name);
}

static int by_number(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return by_name(a, b);
}

gru_status gru_classes_finish(gru_classes *c, gru_error *err) {
    const size_t known = gru_map_count(c->names);
    keyed *keys = NULL;
    gru_status status = gru_mem_new(&keys, known, sizeof *keys, err);
    if (status == GRU_OK)
        status = gru_mem_new(&c->order, known, sizeof *c->order, err);
    bool numbers = true;
    c->count = 0;
    for (size_t i = 0; status == GRU_OK && i < known; i++) {
        if (c->counts[i].truth == 0 && c->counts[i].predicted == 0)
            continue;
        const gru_map_entry *entry = gru_map_at(c->names, i);
        keyed *key = &keys[c->count++];
        *key = (keyed){.name = entry->key, .id = i};
        if (!gru_number_parse_int(entry->key, entry->len, &key->number))
            numbers = false;
    }
    if (status == GRU_OK) {
        qsort(keys, c->count, sizeof *keys, numbers ? by_number : by_name);
        for (size_t i = 0; i < c->count; i++)
            c->order[i] = keys[i].id;
    }
    free(keys);
    return status;
}

/* ---- figures ---- */
static double ratio(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

gru_class_score gru_classes_score(const gru_classes *c, size_t id) {
    const double both = (double)c->counts[id].both;
    const double truth = (double)c->counts[id].truth;
    const double predicted = (double)c->counts[id].predicted;
    return (gru_class_score){.precision = ratio(both, predicted),
                             .recall = ratio(both, truth),
                             .f1 = ratio(2 * both, truth + predicted),
                             .support = c->counts[id].truth};
}

static gru_class_score average(const gru_classes *c, bool weighted) {
    gru_class_score sum = {0};
    double weights = 0;
    for (size_t i = 0; i < c->count; i++) {
        const gru_class_score s = gru_classes_score(c, c->order[i]);
        const double w = weighted ? (double)s.support : 1;
        sum.precision += w * s.precision;
        sum.recall += w * s.recall;
        sum.f1 += w * s.f1;
        sum.support += s.support;
        weights += w;
    }
    sum.precision = ratio(sum.precision, weights);
    sum.recall = ratio(sum.recall, weights);
    sum.f1 = ratio(sum.f1, weights);
    return sum;
}

gru_class_score gru_classes_macro(const gru_classes *c) {
    return average(c, false);
}

gru_class_score gru_classes_weighted(const gru_classes *c) {
    return average(c, true);
}

double gru_classes_accuracy(const gru_classes *c) {
    return ratio((double)c->correct, (double)c->total);
}

/* Σ over classes of true × predicted, true², predicted². */
static void products(const gru_classes *c, double *tp, double *tt, double *pp) {
    *tp = *tt = *pp = 0;
    for (size_t i = 0; i < c->count; i++) {
        const gru_class_count *n = &c->counts[c->order[i]];
        *tp += (double)n->truth * (double)n->predicted;
        *tt += (double)n->truth * (double)n->truth;
        *pp += (double)n->predicted * (double)n->predicted;
    }
}

double gru_classes_mcc(const gru_classes *c) {
    double tp, tt, pp;
    products(c, &tp, &tt, &pp);
    const double n = (double)c->total;
    const double spread = (n * n - pp) * (n * n - tt);
    return spread > 0 ? ((double)c->correct * n - tp) / sqrt(spread) : 0;
}

double gru_classes_kappa(const gru_classes *c) {
    double tp, tt, pp;
    products(c, &tp, &tt, &pp);
    const double n = (double)c->total;
    const double chance = n * n - tp;
    return chance > 0 ? 1 - n * (n - (double)c->correct) / chance : (double)NAN;
}
