/* Counts over predicted classes, and what follows from them: precision, recall, F1, averages,
 * Matthews' correlation, Cohen's kappa. Definitions are scikit-learn's, a ratio with a zero
 * denominator being 0.
 *
 * A class is a text. Its id is the order of its first appearance; `order` lists, after
 * gru_classes_finish, the ids of the classes that occur, sorted (as numbers if all are whole
 * numbers, else by bytes, which is the order of code points). */
#ifndef GRU_EVAL_CLASSES_H
#define GRU_EVAL_CLASSES_H

#include "base/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRU_NO_CLASS SIZE_MAX

enum {
    GRU_CLASSES_MATRIX = 256, /* most classes that pairs are counted for */
    GRU_CLASSES_MAX = 1 << 20 /* most classes */
};

typedef struct gru_class_count {
    uint64_t truth, predicted, both;
} gru_class_count;

typedef struct gru_classes {
    gru_map *names;
    gru_class_count *counts; /* by id */
    size_t cap;
    uint64_t *pairs; /* [true id × GRU_CLASSES_MATRIX + predicted id] */
    bool has_pairs;  /* false once there were more than GRU_CLASSES_MATRIX classes */
    uint64_t total, correct;
    size_t *order, count;
} gru_classes;

typedef struct gru_class_score {
    double precision, recall, f1;
    uint64_t support;
} gru_class_score;

gru_status gru_classes_init(gru_classes *c, gru_error *err);
void gru_classes_free(gru_classes *c);
/* The id of a label, made if need be. */
gru_status gru_classes_id(gru_classes *c, const char *label, size_t len, size_t *id,
                          gru_error *err);
/* The id of a label that is known; false if it isn't. */
bool gru_classes_find(const gru_classes *c, const char *label, size_t len, size_t *id);
const char *gru_classes_name(const gru_classes *c, size_t id);
/* Counts one sample. */
void gru_classes_count(gru_classes *c, size_t truth, size_t predicted);
/* Makes `order`; call once, after the last count. */
gru_status gru_classes_finish(gru_classes *c, gru_error *err);
uint64_t gru_classes_pair(const gru_classes *c, size_t truth, size_t predicted);

gru_class_score gru_classes_score(const gru_classes *c, size_t id);
gru_class_score gru_classes_macro(const gru_classes *c);    /* plain mean over `order` */
gru_class_score gru_classes_weighted(const gru_classes *c); /* mean weighted by support */
double gru_classes_accuracy(const gru_classes *c);
double gru_classes_mcc(const gru_classes *c);   /* 0 when degenerate */
double gru_classes_kappa(const gru_classes *c); /* NaN when degenerate */

#endif
