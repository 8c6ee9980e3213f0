/* Splits of row numbers (split.h). Each routine that shuffles follows scikit-learn's source draw by
 * draw, since the rows have to be the same: model_selection/_split.py and utils/extmath.py, 1.9. */
#include "train/split.h"

#include "base/mem.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void gru_split_free(gru_split *split) {
    free(split->train);
    free(split->validation);
    free(split->test);
    *split = (gru_split){0};
}

/* ---- sizes ---- */

/* A share is rounded up as scikit-learn does in every order: 7 % of 100 rows are 8, since the
 * product is a little more than 7 in binary. */
static gru_status count_of(const gru_share *share, const char *option, size_t rows, size_t *count,
                           gru_error *err) {
    *count = share->is_count ? share->count : (size_t)ceil(share->share * (double)rows);
    if (*count >= rows || !*count)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s takes %zu of %zu rows, and each part needs at least one", option,
                             *count, rows);
    return GRU_OK;
}

static gru_status new_rows(size_t **rows, size_t count, gru_error *err) {
    return gru_mem_new(rows, count, sizeof **rows, err);
}

/* ---- hold-out: `from` is divided into kept and taken ---- */

typedef struct pair {
    size_t *kept, *taken;
    size_t kept_count, taken_count;
} pair;

static gru_status new_pair(pair *out, size_t rows, size_t take, gru_error *err) {
    *out = (pair){.kept_count = rows - take, .taken_count = take};
    gru_status status = new_rows(&out->kept, rows - take, err);
    return status ? status : new_rows(&out->taken, take, err);
}

static void free_pair(pair *p) {
    free(p->kept);
    free(p->taken);
}

static void take_last(pair *out, size_t rows) {
    for (size_t i = 0; i < rows; i++)
        if (i < out->kept_count)
            out->kept[i] = i;
        else
            out->taken[i - out->kept_count] = i;
}

/* ShuffleSplit: the test rows come first in the permutation. */
static gru_status take_random(pair *out, size_t rows, uint32_t seed, gru_error *err) {
    size_t *order = NULL;
    gru_mt mt;
    gru_status status = new_rows(&order, rows, err);
    if (status)
        return status;
    gru_mt_init(&mt, seed);
    gru_mt_permutation(&mt, order, rows);
    memcpy(out->taken, order, out->taken_count * sizeof *order);
    memcpy(out->kept, order + out->taken_count, out->kept_count * sizeof *order);
    free(order);
    return GRU_OK;
}

static int falling(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* _approximate_mode: shares `draws` out over classes in proportion to counts; what flooring leaves
 * goes to the largest remainders, ties by a random choice. scratch: 2 × classes doubles and 2 ×
 * classes sizes. */
static void share_out(const size_t *counts, size_t classes, size_t draws, gru_mt *mt, size_t *given,
                      double *remainder, size_t *ties) {
    double total = 0, *sorted = remainder + classes;
    size_t left = draws, *order = ties + classes;
    for (size_t k = 0; k < classes; k++)
        total += (double)counts[k];
    for (size_t k = 0; k < classes; k++) {
        double exact = (double)counts[k] / total * (double)draws, floored = floor(exact);
        given[k] = (size_t)floored;
        left -= given[k];
        sorted[k] = remainder[k] = exact - floored;
    }
    qsort(sorted, classes, sizeof *sorted, falling);
    for (size_t s = 0; s < classes && left; s++) {
        if (s && sorted[s] == sorted[s - 1])
            continue;
        size_t count = 0;
        for (size_t k = 0; k < classes; k++)
            if (remainder[k] == sorted[s])
                ties[count++] = k;
        gru_mt_permutation(mt, order, count);
        for (size_t i = 0; i < count && left; i++, left--)
            given[ties[order[i]]]++;
    }
}

/* What stratifying needs per class, in one block. */
typedef struct strata {
    size_t classes, rows;
    size_t *count, *keep, *take, *rest; /* per class */
    size_t *start;                      /* of each class in member */
    size_t *member;                     /* rows by class, in row order */
    size_t *order;                      /* scratch, rows */
    size_t *ties;                       /* scratch, 2 × classes */
    double *remainder;                  /* scratch, 2 × classes */
} strata;

static void free_strata(strata *s) {
    free(s->count);
    free(s->member);
    free(s->remainder);
}

static gru_status new_strata(strata *s, const uint32_t *classes, size_t rows, gru_error *err) {
    *s = (strata){.rows = rows};
    for (size_t i = 0; i < rows; i++)
        if (classes[i] >= s->classes)
            s->classes = (size_t)classes[i] + 1;
    size_t k = s->classes;
    gru_status status = new_rows(&s->count, 7 * k, err);
    if (!status)
        status = new_rows(&s->member, 2 * rows, err);
    if (!status)
        status = gru_mem_new(&s->remainder, 2 * k, sizeof *s->remainder, err);
    if (status) {
        free_strata(s);
        return status;
    }
    s->keep = s->count + k;
    s->take = s->count + 2 * k;
    s->rest = s->count + 3 * k;
    s->start = s->count + 4 * k;
    s->ties = s->count + 5 * k;
    s->order = s->member + rows;
    for (size_t i = 0; i < rows; i++)
        s->count[classes[i]]++;
    for (size_t c = 1; c < k; c++)
        s->start[c] = s->start[c - 1] + s->count[c - 1];
    memcpy(s->rest, s->start, k * sizeof *s->rest);
    for (size_t i = 0; i < rows; i++)
        s->member[s->rest[classes[i]]++] = i;
    return GRU_OK;
}

static gru_status check_strata(const strata *s, const pair *p, gru_error *err) {
    /* A class may have vanished from what is left to divide; it then counts for nothing. */
    size_t present = 0;
    for (size_t k = 0; k < s->classes; k++) {
        present += s->count[k] > 0;
        if (s->count[k] == 1)
            return gru_error_set(err, GRU_ERR_DATA,
                                 "class %zu (in sorted order) has only 1 row, and a stratified "
                                 "split needs 2 of each",
                                 k + 1);
    }
    if (p->kept_count < present || p->taken_count < present)
        return gru_error_set(err, GRU_ERR_DATA,
                             "parts of %zu and %zu rows are too small for %zu classes",
                             p->kept_count, p->taken_count, present);
    return GRU_OK;
}

/* rows[count] in the order of a new permutation; scratch holds 2 × count. */
static void permute(gru_mt *mt, size_t *rows, size_t count, size_t *order, size_t *copy) {
    gru_mt_permutation(mt, order, count);
    memcpy(copy, rows, count * sizeof *rows);
    for (size_t i = 0; i < count; i++)
        rows[i] = copy[order[i]];
}

/* StratifiedShuffleSplit; classes that have no row are skipped, as numpy.unique never sees them. */
static gru_status take_stratified(pair *out, size_t rows, const uint32_t *classes, uint32_t seed,
                                  gru_error *err) {
    strata s;
    gru_mt mt;
    gru_status status = new_strata(&s, classes, rows, err);
    if (!status)
        status = check_strata(&s, out, err);
    if (status)
        goto done;
    gru_mt_init(&mt, seed);
    share_out(s.count, s.classes, out->kept_count, &mt, s.keep, s.remainder, s.ties);
    for (size_t k = 0; k < s.classes; k++)
        s.rest[k] = s.count[k] - s.keep[k];
    share_out(s.rest, s.classes, out->taken_count, &mt, s.take, s.remainder, s.ties);
    size_t kept = 0, taken = 0;
    for (size_t k = 0; k < s.classes; k++) {
        const size_t *member = s.member + s.start[k];
        gru_mt_permutation(&mt, s.order, s.count[k]);
        for (size_t i = 0; i < s.keep[k]; i++)
            out->kept[kept++] = member[s.order[i]];
        for (size_t i = s.keep[k]; i < s.keep[k] + s.take[k]; i++)
            out->taken[taken++] = member[s.order[i]];
    }
    permute(&mt, out->kept, out->kept_count, s.order, s.member);
    permute(&mt, out->taken, out->taken_count, s.order, s.member);
done:
    free_strata(&s);
    return status;
}

/* Divides rows 0 … rows − 1; classes may be NULL unless order is stratified. */
static gru_status hold_out(pair *out, gru_split_order order, size_t rows, size_t take,
                           const uint32_t *classes, uint32_t seed, gru_error *err) {
    gru_status status = new_pair(out, rows, take, err);
    if (status)
        return status;
    if (order == GRU_SPLIT_RANDOM)
        return take_random(out, rows, seed, err);
    if (order == GRU_SPLIT_STRATIFIED)
        return take_stratified(out, rows, classes, seed, err);
    take_last(out, rows);
    return GRU_OK;
}

/* ---- folds ---- */

/* The rows whose fold is plan->fold test, the others train, both in row order. */
static gru_status by_fold(pair *out, const size_t *fold_of, size_t rows, size_t fold,
                          gru_error *err) {
    size_t take = 0, kept = 0, taken = 0;
    for (size_t i = 0; i < rows; i++)
        take += fold_of[i] == fold;
    gru_status status = new_pair(out, rows, take, err);
    for (size_t i = 0; !status && i < rows; i++)
        if (fold_of[i] == fold)
            out->taken[taken++] = i;
        else
            out->kept[kept++] = i;
    return status;
}

/* KFold: contiguous runs of the rows, or of a permutation; the first rows % K are one longer. */
static void assign_plain(size_t *fold_of, const gru_split_plan *plan, size_t rows, size_t *order) {
    gru_mt mt;
    if (plan->order == GRU_SPLIT_RANDOM) {
        gru_mt_init(&mt, plan->seed);
        gru_mt_permutation(&mt, order, rows);
    } else {
        for (size_t i = 0; i < rows; i++)
            order[i] = i;
    }
    size_t at = 0;
    for (size_t f = 0; f < plan->folds; f++) {
        size_t size = rows / plan->folds + (f < rows % plan->folds);
        for (size_t i = 0; i < size; i++)
            fold_of[order[at++]] = f;
    }
}

/* StratifiedKFold without shuffling: classes are numbered by first appearance, the sorted labels
 * are dealt to the folds in turn to see how many of each class a fold gets, and each class's rows
 * then fill the folds in row order. */
static gru_status assign_stratified(size_t *fold_of, const gru_split_plan *plan, size_t rows,
                                    const uint32_t *classes, gru_error *err) {
    strata s;
    gru_status status = new_strata(&s, classes, rows, err);
    if (status)
        return status;
    size_t largest = 0, first = 0, seen = 0;
    size_t *by_appearance = s.keep;
    for (size_t k = 0; k < s.classes; k++)
        largest = s.count[k] > largest ? s.count[k] : largest;
    if (largest < plan->folds) {
        free_strata(&s);
        return gru_error_set(err, GRU_ERR_DATA, "no class has the %zu rows that %zu folds need",
                             plan->folds, plan->folds);
    }
    memset(s.take, 0, s.classes * sizeof *s.take);
    for (size_t i = 0; i < rows; i++)
        if (!s.take[classes[i]]++)
            by_appearance[seen++] = classes[i];
    for (size_t k = 0; k < seen; k++) {
        /* positions first … first + count − 1 of the sorted labels: position p goes to fold p % K
         */
        size_t c = by_appearance[k], row = 0;
        const size_t *member = s.member + s.start[c];
        for (size_t f = 0; f < plan->folds; f++) {
            size_t skip = (f + plan->folds - first % plan->folds) % plan->folds;
            size_t size = s.count[c] > skip ? (s.count[c] - skip - 1) / plan->folds + 1 : 0;
            for (size_t i = 0; i < size; i++)
                fold_of[member[row++]] = f;
        }
        first += s.count[c];
    }
    free_strata(&s);
    return GRU_OK;
}

/* TimeSeriesSplit: the last K blocks of rows / (K + 1) test, what lies before trains. */
static gru_status chain(pair *out, const gru_split_plan *plan, size_t rows, gru_error *err) {
    size_t size = rows / (plan->folds + 1), first = rows - plan->folds * size;
    size_t start = first + (plan->fold - 1) * size;
    if (!size || first <= plan->gap)
        return gru_error_set(err, GRU_ERR_DATA,
                             "%zu rows are too few for %zu folds with a gap of %zu", rows,
                             plan->folds, plan->gap);
    size_t end = start - plan->gap, from = plan->sliding ? end - (first - plan->gap) : 0;
    gru_status status = new_pair(out, end - from + size, size, err);
    for (size_t i = from; !status && i < end; i++)
        out->kept[i - from] = i;
    for (size_t i = 0; !status && i < size; i++)
        out->taken[i] = start + i;
    return status;
}

static gru_status folds(pair *out, const gru_split_plan *plan, size_t rows, const uint32_t *classes,
                        gru_error *err) {
    size_t *fold_of = NULL;
    if (plan->folds > rows)
        return gru_error_set(err, GRU_ERR_DATA, "%zu folds of %zu rows", plan->folds, rows);
    gru_status status = new_rows(&fold_of, 2 * rows, err);
    if (status)
        return status;
    if (plan->order == GRU_SPLIT_STRATIFIED)
        status = assign_stratified(fold_of, plan, rows, classes, err);
    else
        assign_plain(fold_of, plan, rows, fold_of + rows);
    if (!status)
        status = by_fold(out, fold_of, rows, plan->fold - 1, err);
    free(fold_of);
    return status;
}

/* ---- the plan ---- */

gru_status gru_split_check(const gru_split_plan *plan, gru_error *err) {
    if (plan->folds ? plan->test.given : !plan->test.given)
        return gru_error_set(err, GRU_ERR_USAGE,
                             "give either --test or --folds: one says how many rows test");
    if (plan->folds && (plan->folds < 2 || !plan->fold || plan->fold > plan->folds))
        return gru_error_set(err, GRU_ERR_USAGE, "--fold must be 1 to %zu, and --folds at least 2",
                             plan->folds);
    if (!plan->folds && (plan->fold || plan->forward))
        return gru_error_set(err, GRU_ERR_USAGE, "%s needs --folds",
                             plan->fold ? "--fold" : "--forward-chaining");
    if (plan->sliding && !plan->forward)
        return gru_error_set(err, GRU_ERR_USAGE, "--sliding needs --forward-chaining");
    if (plan->forward && plan->order != GRU_SPLIT_TIME)
        return gru_error_set(err, GRU_ERR_USAGE, "--forward-chaining keeps --order time");
    if (plan->gap && (plan->order != GRU_SPLIT_TIME || (plan->folds && !plan->forward)))
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--gap needs --order time, and with folds --forward-chaining");
    return GRU_OK;
}

/* Leaves out the last gap of the rows kept. */
static gru_status leave_gap(pair *p, size_t gap, gru_error *err) {
    if (gap >= p->kept_count)
        return gru_error_set(err, GRU_ERR_DATA, "a gap of %zu leaves none of %zu rows", gap,
                             p->kept_count);
    p->kept_count -= gap;
    return GRU_OK;
}

/* Divides the training rows of `test` again into training and validation. */
static gru_status add_validation(gru_split *out, const pair *test, const gru_split_plan *plan,
                                 const uint32_t *classes, gru_error *err) {
    size_t rows = test->kept_count, take;
    uint32_t *own = NULL;
    pair p = {0};
    gru_status status = count_of(&plan->validation, "--validation", rows, &take, err);
    if (!status && classes)
        status = gru_mem_new(&own, rows, sizeof *own, err);
    if (status)
        return status;
    for (size_t i = 0; classes && i < rows; i++)
        own[i] = classes[test->kept[i]];
    status = hold_out(&p, plan->order, rows, take, own, plan->seed, err);
    if (!status)
        status = leave_gap(&p, plan->gap, err);
    free(own);
    if (status) {
        free_pair(&p);
        return status;
    }
    for (size_t i = 0; i < p.kept_count; i++)
        p.kept[i] = test->kept[p.kept[i]];
    for (size_t i = 0; i < p.taken_count; i++)
        p.taken[i] = test->kept[p.taken[i]];
    out->train = p.kept;
    out->train_count = p.kept_count;
    out->validation = p.taken;
    out->validation_count = p.taken_count;
    return GRU_OK;
}

static gru_status make_test(pair *p, const gru_split_plan *plan, size_t rows,
                            const uint32_t *classes, gru_error *err) {
    size_t take;
    if (plan->forward)
        return chain(p, plan, rows, err);
    if (plan->folds)
        return folds(p, plan, rows, classes, err);
    gru_status status = count_of(&plan->test, "--test", rows, &take, err);
    if (!status)
        status = hold_out(p, plan->order, rows, take, classes, plan->seed, err);
    return status ? status : leave_gap(p, plan->gap, err);
}

gru_status gru_split_make(gru_split *out, const gru_split_plan *plan, size_t rows,
                          const uint32_t *classes, gru_error *err) {
    pair test = {0};
    *out = (gru_split){0};
    gru_status status = gru_split_check(plan, err);
    if (!status && plan->order == GRU_SPLIT_STRATIFIED && !classes)
        return gru_error_set(err, GRU_ERR_USAGE, "--order stratified needs a class for each row");
    if (!status && rows < 2)
        return gru_error_set(err, GRU_ERR_DATA, "%zu rows cannot be divided", rows);
    if (!status)
        status = make_test(&test, plan, rows, classes, err);
    if (!status && plan->validation.given)
        status = add_validation(out, &test, plan, classes, err);
    if (status) {
        free_pair(&test);
        return status;
    }
    out->test = test.taken;
    out->test_count = test.taken_count;
    if (plan->validation.given) {
        free(test.kept);
    } else {
        out->train = test.kept;
        out->train_count = test.kept_count;
    }
    return GRU_OK;
}
