/* Which rows train and which test: hold-out, folds and forward chaining, as row numbers.
 *
 * Random and stratified splits are scikit-learn's, row for row and in its order, for the same seed
 * (train_test_split, KFold(shuffle=True), StratifiedKFold, TimeSeriesSplit); see gru-split(1). */
#ifndef GRU_TRAIN_SPLIT_H
#define GRU_TRAIN_SPLIT_H

#include "base/error.h"
#include "base/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum gru_split_order {
    GRU_SPLIT_TIME,
    GRU_SPLIT_RANDOM,
    GRU_SPLIT_STRATIFIED
} gru_split_order;

typedef struct gru_split_plan {
    gru_split_order order;
    gru_share test;       /* of all rows; not used with folds */
    gru_share validation; /* of what remains without the test rows; not given: none */
    uint32_t seed;
    size_t folds, fold; /* K and which one, from 1; 0: no folds */
    bool forward;       /* fold I tests block I of the last K, trained on all before (time only) */
    bool sliding;       /* …on a fixed number of rows before it */
    size_t gap;         /* rows left out before the test (and validation) rows, order time */
} gru_split_plan;

/* Row numbers, in the order they are to be written; each row is in one part at most. */
typedef struct gru_split {
    size_t *train, *validation, *test;
    size_t train_count, validation_count, test_count;
} gru_split;

/* GRU_ERR_USAGE for a plan that contradicts itself. */
gru_status gru_split_check(const gru_split_plan *plan, gru_error *err);
/* classes[rows]: class numbers 0 … in sorted order of the labels, for GRU_SPLIT_STRATIFIED; else
 * NULL. GRU_ERR_USAGE for a plan that contradicts itself, GRU_ERR_DATA when a part would be empty
 * or a class has too few rows. gru_split_free also after failure is fine. */
gru_status gru_split_make(gru_split *out, const gru_split_plan *plan, size_t rows,
                          const uint32_t *classes, gru_error *err);
void gru_split_free(gru_split *split);

#endif
