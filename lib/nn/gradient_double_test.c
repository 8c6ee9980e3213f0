/* Gradients of whole networks against central differences of their loss, in double precision, at
 * random shapes, for every layer, option and loss, on every kernel table of this machine. A case is
 * an architecture in which '?' stands for a small random number and '@' for a larger one. */
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "kern/kern.h"
#include "nn/model.h"
#include "nn/runner.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TOKENS = 1,      /* x is ids, some of them 0 (padding) at either side */
    PER_STEP = 2,    /* a target per step */
    CLASSES = 4,     /* the target is a class */
    LENGTHS = 8,     /* valid steps from 0 to T */
    WEIGHTS = 16,    /* sample weights */
    CLASS_COST = 32, /* class weights */
    STATEFUL = 64,   /* the state of a batch before is the start of this one */
    RANDOM = 128,    /* dropout or batch norm: training differs from evaluation */
    YES_NO = 256,    /* numbers that are 0 or 1 */
    LONG = 512       /* so many steps that weight gradients are summed in pieces */
};

typedef struct net {
    const char *arch;
    const char *loss; /* NULL: mse */
    unsigned flags;
} net;

enum { VOCABULARY = 9, PER_PARAM = 10, ROUNDS = 6 };

static gru_random source;

static double draw(double low, double high) {
    return low + (high - low) * gru_random_uniform(&source);
}
static size_t draw_from(size_t low, size_t high) {
    return low + gru_random_below(&source, (uint32_t)(high - low + 1));
}

typedef struct bench {
    const net *net;
    char *arch; /* with its numbers */
    gru_isa isa;
    gru_model *model;
    gru_pool *pool;
    gru_runner *runner;
    gru_record_spec spec;
    size_t rows, steps;
    unsigned char *data;
    const unsigned char **records;
    double *class_weight;
    gru_loss loss;
    gru_batch batch;
    gru_error err;
} bench;

#define REQUIRE(b, call)                                                                           \
    cr_assert_eq((call), GRU_OK, "%s (%s): %s", (b)->arch, gru_cpu_isa_name((b)->isa),             \
                 (b)->err.message)

/* ---- making a case ---- */

static char *fill_in(const char *text) {
    gru_str s = {0};
    for (; *text; text++)
        if (*text == '?')
            gru_str_addf(&s, "%zu", draw_from(1, 5));
        else if (*text == '@')
            gru_str_addf(&s, "%zu", draw_from(6, 31));
        else
            gru_str_add_char(&s, *text);
    return s.data;
}

static void fill_ids(int32_t *ids, size_t steps) {
    size_t from = draw_from(0, steps), to = draw_from(0, steps);
    if (draw(0, 1) < 0.3)
        from = 0, to = steps;
    for (size_t t = 0; t < steps; t++)
        ids[t] = t >= from && t < to ? (int32_t)draw_from(1, VOCABULARY - 2) : 0;
}

static void fill_record(const bench *b, unsigned char *record, size_t outputs) {
    const gru_slot_spec *slot = b->spec.slot;
    unsigned flags = b->net->flags;
    int32_t *ids = (int32_t *)(void *)(record + slot[GRU_X].offset);
    float *x = (float *)(void *)ids, *y = (float *)(void *)(record + slot[GRU_Y].offset);
    if (flags & TOKENS)
        fill_ids(ids, b->steps);
    for (size_t i = 0; !(flags & TOKENS) && i < slot[GRU_X].bytes / 4; i++)
        x[i] = (float)draw(-1.5, 1.5);
    for (size_t i = 0; i < slot[GRU_Y].bytes / 4; i++)
        if (flags & CLASSES) {
            int32_t label = (int32_t)draw_from(0, outputs > 1 ? outputs - 1 : 1);
            memcpy(&y[i], &label, sizeof label);
        } else
            y[i] = flags & YES_NO ? (float)draw_from(0, 1) : (float)draw(-1, 1);
    if (flags & LENGTHS) {
        int32_t len = (int32_t)draw_from(0, b->steps);
        memcpy(record + slot[GRU_LEN].offset, &len, sizeof len);
    }
    if (flags & WEIGHTS) {
        float w = (float)draw(0, 3);
        memcpy(record + slot[GRU_W].offset, &w, sizeof w);
    }
}

static void make_data(bench *b, size_t features) {
    unsigned flags = b->net->flags;
    size_t k = gru_model_outputs(b->model);
    size_t numbers = b->loss.quantile_count ? k / b->loss.quantile_count : k;
    gru_record_spec *spec = &b->spec;
    gru_record_set(spec, GRU_X, flags & TOKENS ? 'i' : 'f', flags & TOKENS ? 1 : 2, b->steps,
                   features, 0);
    bool step = flags & PER_STEP;
    if (flags & CLASSES)
        gru_record_set(spec, GRU_Y, 'i', step, b->steps, 0, 0);
    else
        gru_record_set(spec, GRU_Y, 'f', step ? 2 : 1, step ? b->steps : numbers, numbers, 0);
    if (flags & LENGTHS)
        gru_record_set(spec, GRU_LEN, 'i', 0, 0, 0, 0);
    if (flags & WEIGHTS)
        gru_record_set(spec, GRU_W, 'f', 0, 0, 0, 0);
    REQUIRE(b, gru_record_layout(spec, &b->err));
    REQUIRE(b, gru_mem_new(&b->data, b->rows, spec->bytes, &b->err));
    REQUIRE(b, gru_mem_new(&b->records, b->rows, sizeof *b->records, &b->err));
    for (size_t i = 0; i < b->rows; i++) {
        b->records[i] = b->data + i * spec->bytes;
        fill_record(b, b->data + i * spec->bytes, k);
    }
    REQUIRE(b, gru_model_check_data(b->model, spec, &b->loss, &b->err));
    REQUIRE(b, gru_mem_new(&b->class_weight, k + 1, sizeof *b->class_weight, &b->err));
    for (size_t i = 0; i <= k; i++)
        b->class_weight[i] = draw(0.2, 3);
    b->batch =
        (gru_batch){.rows = b->rows, .records = b->records, .spec = spec, .epoch = 2, .index = 5};
}

static gru_runner *make_runner(bench *b, gru_pool *pool) {
    gru_runner *r = NULL;
    gru_runner_options options = {.batch = b->rows + 3,
                                  .steps = b->steps,
                                  .training = true,
                                  .seed = 7,
                                  .loss = &b->loss,
                                  .class_weight =
                                      b->net->flags & CLASS_COST ? b->class_weight : NULL};
    REQUIRE(b, gru_runner_new(&r, b->model, pool, &options, &b->err));
    return r;
}

static void make(bench *b, const net *n, gru_isa isa) {
    *b = (bench){.net = n, .arch = fill_in(n->arch), .isa = isa};
    size_t features = n->flags & TOKENS ? 0 : draw_from(1, 5);
    gru_arch *arch;
    b->steps = n->flags & LONG ? draw_from(65, 200) : draw_from(1, 6);
    b->rows = draw_from(1, 37);
    setenv("GRU_ISA", gru_cpu_isa_name(isa), 1);
    REQUIRE(b, gru_arch_parse(&arch, b->arch, "case", &b->err));
    gru_input_shape shape = {.tokens = n->flags & TOKENS, .features = features, .steps = b->steps};
    REQUIRE(b, gru_model_new(&b->model, arch, &shape, n->flags & PER_STEP, &b->err));
    REQUIRE(b, gru_loss_parse(&b->loss, n->loss ? n->loss : "mse", &b->err));
    gru_real *w = gru_model_weights(b->model);
    for (size_t i = 0; i < gru_model_param_count(b->model); i++) {
        const gru_param *p = gru_model_param(b->model, i);
        for (size_t k = 0; !p->state && k < p->count; k++)
            w[p->offset + k] = (gru_real)draw(-0.8, 0.8);
    }
    make_data(b, features);
    REQUIRE(b, gru_pool_new(&b->pool, 1, &b->err));
    b->runner = make_runner(b, b->pool);
}

static void unmake(bench *b) {
    gru_runner_free(b->runner);
    gru_pool_free(b->pool);
    gru_model_free(b->model);
    free(b->arch);
    free(b->data);
    free(b->records);
    free(b->class_weight);
    unsetenv("GRU_ISA");
}

/* ---- checking it ---- */

static double mean_loss(const gru_figures *f) {
    return (f->loss + f->penalty) / f->samples;
}

/* The loss of the batch; with STATEFUL after one batch with the weight as it was. */
static double train(bench *b, gru_runner *r, gru_real *weight, double value) {
    gru_figures f;
    gru_real was = weight ? *weight : 0;
    gru_runner_reset_states(r);
    if (b->net->flags & STATEFUL) {
        gru_runner_refresh(r);
        REQUIRE(b, gru_runner_train(r, &b->batch, &f, &b->err));
    }
    if (weight)
        *weight = (gru_real)value;
    gru_runner_refresh(r);
    REQUIRE(b, gru_runner_train(r, &b->batch, &f, &b->err));
    if (weight)
        *weight = was;
    return mean_loss(&f);
}

/* Flat, as the weights; 0 for the embedding's rows that the batch did not use. */
static gru_real *copy_gradients(bench *b) {
    size_t count;
    gru_real *g;
    const gru_row_gradient *rows = gru_runner_touched(b->runner, &count);
    REQUIRE(b, gru_mem_new(&g, gru_model_weight_count(b->model), sizeof *g, &b->err));
    for (size_t i = 0; i < gru_model_param_count(b->model); i++) {
        const gru_param *p = gru_model_param(b->model, i);
        for (size_t k = 0; p->sparse && k < count; k++)
            memcpy(g + p->offset + rows[k].row * p->shape[1], rows[k].gradient,
                   p->shape[1] * sizeof *g);
        if (!p->sparse)
            memcpy(g + p->offset, gru_runner_gradients(b->runner) + p->offset,
                   p->count * sizeof *g);
    }
    return g;
}

/* Fourth order, from four points (Abramowitz and Stegun 25.3.6). */
static double slope_at(bench *b, gru_real *w, double step) {
    double at = (double)*w;
    double near = train(b, b->runner, w, at + step) - train(b, b->runner, w, at - step);
    double far = train(b, b->runner, w, at + 2 * step) - train(b, b->runner, w, at - 2 * step);
    return (8 * near - far) / (12 * step);
}

/* A second, smaller step where the first may have crossed a bend (relu, max, |e|). */
static void check_weight(bench *b, const gru_param *p, size_t element, double analytic) {
    gru_real *w = gru_model_weights(b->model) + p->offset + element;
    double numeric = 0, error = INFINITY;
    for (double step = 2e-5; step > 1e-6 && !(error <= 1e-8); step /= 8) {
        numeric = slope_at(b, w, step);
        error = fabs(numeric - analytic) / (1 + fabs(numeric));
    }
    cr_assert(error <= 1e-8,
              "%s, %zu rows of %zu steps, %s: '%s'[%zu]: gradient %.12g, by differences %.12g",
              b->arch, b->rows, b->steps, gru_cpu_isa_name(b->isa), p->name, element, analytic,
              numeric);
}

static void check_gradients(bench *b) {
    train(b, b->runner, NULL, 0);
    gru_real *g = copy_gradients(b);
    for (size_t i = 0; i < gru_model_param_count(b->model); i++) {
        const gru_param *p = gru_model_param(b->model, i);
        for (size_t n = 0; !p->state && !p->frozen && n < PER_PARAM && n < p->count; n++) {
            size_t k = p->count > PER_PARAM ? draw_from(0, p->count - 1) : n;
            check_weight(b, p, k, (double)g[p->offset + k]);
        }
    }
    free(g);
}

/* Three threads give the bits of one; evaluation gives the loss of training where nothing is drawn.
 */
static void check_sameness(bench *b) {
    gru_pool *pool;
    gru_figures f;
    size_t dense = 0;
    REQUIRE(b, gru_pool_new(&pool, 3, &b->err));
    gru_runner *r = make_runner(b, pool);
    double one = train(b, b->runner, NULL, 0), three = train(b, r, NULL, 0);
    cr_assert(one <= three && one >= three, "%s: threads change the loss", b->arch);
    for (size_t i = 0; i < gru_model_param_count(b->model); i++)
        if (!gru_model_param(b->model, i)->sparse)
            dense += gru_model_param(b->model, i)->count;
    cr_assert_eq(
        memcmp(gru_runner_gradients(r), gru_runner_gradients(b->runner), dense * sizeof(gru_real)),
        0, "%s: threads change the gradients", b->arch);
    if (!(b->net->flags & (RANDOM | STATEFUL | CLASS_COST))) {
        gru_runner_reset_states(r);
        REQUIRE(b, gru_runner_evaluate(r, &b->batch, &f, &b->err));
        cr_assert(fabs(mean_loss(&f) - one) <= 1e-12 * (1 + fabs(one)),
                  "%s: evaluation gives %.15g, training %.15g", b->arch, mean_loss(&f), one);
    }
    gru_runner_free(r);
    gru_pool_free(pool);
}

static gru_runner *make_predictor(bench *b, size_t batch) {
    gru_runner *r = NULL;
    gru_runner_options options = {.batch = batch, .steps = b->steps};
    REQUIRE(b, gru_runner_new(&r, b->model, b->pool, &options, &b->err));
    return r;
}

/* What lies past a row's valid steps: it must not matter. */
static void spoil_padding(const bench *b) {
    const gru_slot_spec *x = &b->spec.slot[GRU_X], *len = &b->spec.slot[GRU_LEN];
    for (size_t i = 0; i < b->rows && len->type && x->type == 'f'; i++) {
        unsigned char *record = b->data + i * b->spec.bytes;
        int32_t valid;
        memcpy(&valid, record + len->offset, sizeof valid);
        float *v = (float *)(void *)(record + x->offset);
        for (size_t k = (size_t)valid * x->shape[1]; k < x->shape[0] * x->shape[1]; k++)
            v[k] = (float)draw(-9, 9);
    }
}

/* A row's prediction is the same alone, in a batch, and with other numbers in its padding. Per step
 * only valid steps are compared. */
static void check_predictions(bench *b) {
    size_t width = gru_model_outputs(b->model), steps = b->net->flags & PER_STEP ? b->steps : 1;
    gru_runner *all = make_predictor(b, b->rows), *one = make_predictor(b, 1);
    REQUIRE(b, gru_runner_predict(all, &b->batch, &b->err));
    spoil_padding(b);
    for (size_t i = 0; i < b->rows; i++) {
        size_t from = 0, to = 1;
        gru_batch alone = {.rows = 1, .records = b->records + i, .spec = &b->spec};
        gru_runner_reset_states(one);
        REQUIRE(b, gru_runner_predict(one, &alone, &b->err));
        if (b->net->flags & PER_STEP)
            gru_runner_valid(all, i, &from, &to);
        const gru_real *want = gru_runner_outputs(all) + i * steps * width;
        const gru_real *got = gru_runner_outputs(one);
        for (size_t k = from * width; k < to * width; k++)
            cr_assert(fabs((double)(got[k] - want[k])) <= 1e-12 * (1 + fabs((double)want[k])),
                      "%s, %s: row %zu, output %zu: %.15g alone, %.15g in the batch", b->arch,
                      gru_cpu_isa_name(b->isa), i, k, (double)got[k], (double)want[k]);
    }
    gru_runner_free(all);
    gru_runner_free(one);
}

static gru_isa best_isa(void) {
    gru_isa best;
    gru_error err;
    unsetenv("GRU_ISA");
    cr_assert_eq(gru_cpu_isa(&best, &err), GRU_OK);
    return best;
}

static void check_all(uint32_t stream, const net *nets, size_t count) {
    gru_random_init(&source, 3, GRU_PURPOSE_TEST, stream);
    gru_isa best = best_isa();
    for (size_t i = 0; i < count; i++)
        for (size_t round = 0; round < ROUNDS; round++) {
            bench b;
            make(&b, &nets[i], (gru_isa)(((size_t)best + round) % ((size_t)best + 1)));
            check_gradients(&b);
            check_sameness(&b);
            check_predictions(&b);
            unmake(&b);
        }
}

#define GRADIENTS(name, stream, ...)                                                               \
    Test(gradient, name) {                                                                         \
        static const net nets[] = {__VA_ARGS__};                                                   \
        check_all(stream, nets, sizeof nets / sizeof *nets);                                       \
    }

/* clang-format off */
GRADIENTS(gru, 1,
    {"gru ?", NULL, 0},
    {"gru @; dense ?", NULL, 0},
    {"gru ? sequences; gru @; dense ?", NULL, 0},
    {"gru ? reset=before", NULL, LENGTHS},
    {"gru ? reset=before sequences; gru ? reset=before update=new; dense ?", NULL, 0},
    {"gru @ update=new; dense ?", NULL, LENGTHS},
    {"gru ? no-bias; gru ? no-bias reset=before; dense ?", NULL, 0},
    {"gru ? learned-state; gru ? reset=before learned-state; dense ?", NULL, LENGTHS},
    {"gru ? stateful; dense ?", NULL, STATEFUL},
    {"gru ? stateful learned-state; dense ?", NULL, 0},
    {"gru ? stateful learned-state; dense ?", NULL, STATEFUL},
    {"gru ? stateful reset=before bidirectional; dense ?", NULL, STATEFUL | LENGTHS})

GRADIENTS(lstm, 2,
    {"lstm ?", NULL, 0},
    {"lstm @ sequences; lstm ?; dense ?", NULL, LENGTHS},
    {"lstm ? no-bias; dense ?", NULL, 0},
    {"lstm ? learned-state bidirectional; dense ?", NULL, LENGTHS},
    {"lstm ? stateful; dense ?", NULL, STATEFUL | LENGTHS})

GRADIENTS(rnn, 3,
    {"rnn ?", NULL, 0},
    {"rnn @ relu; dense ?", NULL, LENGTHS},
    {"rnn ? sequences; rnn ? relu no-bias; dense ?", NULL, 0},
    {"rnn ? learned-state bidirectional; dense ?", NULL, LENGTHS},
    {"rnn ? stateful; dense ?", NULL, STATEFUL})

GRADIENTS(bidirectional, 4,
    {"gru ? bidirectional; dense ?", NULL, LENGTHS},
    {"gru ? bidirectional=sum; dense ?", NULL, LENGTHS},
    {"lstm ? bidirectional=average; dense ?", NULL, LENGTHS},
    {"rnn ? bidirectional=multiply; dense ?", NULL, LENGTHS},
    {"gru ? bidirectional=multiply sequences; gru ? bidirectional=average; dense ?", NULL, LENGTHS},
    {"gru @ bidirectional sequences; lstm ? bidirectional=sum; dense ?", NULL, 0})

GRADIENTS(residual_and_norm, 5,
    {"gru 4; dense 4; dense ?", NULL, 0},
    {"dense 4; gru 4 residual sequences; gru 4 residual; dense ?", NULL, LENGTHS},
    {"gru ? residual sequences; lstm @ residual; dense ?", NULL, LENGTHS},
    {"rnn ? residual bidirectional=sum sequences; gru ? residual bidirectional; dense ?", NULL, LENGTHS},
    {"gru 3 layer-norm; dense ?", NULL, LENGTHS},
    {"gru 5 layer-norm reset=before learned-state; dense ?", NULL, LENGTHS},
    {"lstm 4 layer-norm bidirectional residual; dense ?", NULL, LENGTHS},
    {"rnn 4 layer-norm sequences; rnn 6 layer-norm relu; dense ?", NULL, 0})

GRADIENTS(dropout, 6,
    {"dropout 0.3; gru ?; dropout 0.5; dense ?", NULL, RANDOM | LENGTHS},
    {"gru ? dropout=0.3; dense ?", NULL, RANDOM | LENGTHS},
    {"gru ? sequences; gru @ recurrent-dropout=0.3; dense ?", NULL, RANDOM | LENGTHS},
    {"gru @; dense ?; dropout 0.2; dense ?", NULL, RANDOM},
    {"dense ?; gru ? dropout=0.2 recurrent-dropout=0.4; dense ?", NULL, RANDOM},
    {"dense ?; gru ? reset=before dropout=0.2 recurrent-dropout=0.4; dense ?", NULL, RANDOM | LENGTHS},
    {"dense ?; lstm ? dropout=0.2 recurrent-dropout=0.4 bidirectional; dense ?", NULL, RANDOM | LENGTHS},
    {"dense ?; rnn ? dropout=0.2 recurrent-dropout=0.4 bidirectional=sum; dense ?", NULL, RANDOM},
    {"dense @; lstm ? dropout=0.6; dense ?", NULL, RANDOM})

GRADIENTS(penalties, 7,
    {"gru ? kernel-l1=0.1 recurrent-l2=0.2 bias-l1=0.3; dense ? kernel-l2=0.1 bias-l2=0.2", NULL, 0},
    {"lstm ? kernel-l2=0.1 recurrent-l1=0.2 bias-l2=0.3 bidirectional; dense ? kernel-l1=0.1 bias-l1=0.2", NULL, LENGTHS},
    {"rnn ? kernel-l1=0.1 kernel-l2=0.2; dense ?", NULL, PER_STEP | LENGTHS})

GRADIENTS(embedding, 8,
    {"embedding 9 ?; gru ?; dense ?", NULL, TOKENS},
    {"embedding 9 @ mask; gru ?; dense ?", NULL, TOKENS},
    {"embedding 9 ? mask; gru ? reset=before bidirectional sequences; lstm ? bidirectional; dense ?", NULL, TOKENS},
    {"embedding 9 ? frozen mask; dropout 0.2; rnn ?; dense ?", NULL, TOKENS | RANDOM},
    {"embedding 9 ? mask; gru ? dropout=0.2 recurrent-dropout=0.3; dense 1 sigmoid", "binary-crossentropy", TOKENS | RANDOM | CLASSES},
    {"embedding 9 ? mask; dense ? tanh; attention ?; dense ?", NULL, TOKENS},
    {"embedding 9 ? mask; gru ?; dense 4 softmax", "categorical-crossentropy", TOKENS | PER_STEP | CLASSES},
    {"embedding 9 ? mask; layer-norm; pool average; dense ?", NULL, TOKENS | LENGTHS})

/* Wide enough for repeated tokens to share their products, but where a row has one step. */
GRADIENTS(repeated_tokens, 14,
    {"embedding 9 40; gru ?; dense ?", NULL, TOKENS},
    {"embedding 9 40 mask; gru @ reset=before bidirectional; dense ?", NULL, TOKENS},
    {"embedding 9 40 mask; lstm ? bidirectional=sum recurrent-dropout=0.2; pool max; dense ?", NULL, TOKENS | RANDOM | LENGTHS},
    {"embedding 9 40 frozen; rnn ? layer-norm; dense ?", NULL, TOKENS | LENGTHS},
    {"embedding 9 40 mask; gru ? no-bias; batch-norm; dense ?", NULL, TOKENS | RANDOM},
    {"embedding 9 40 mask; gru ? stateful; dense ?", NULL, TOKENS | STATEFUL})

GRADIENTS(norms, 9,
    {"dense 5; layer-norm; gru ?; layer-norm; dense ?", NULL, LENGTHS},
    {"dense 4; batch-norm; gru ?; dense ?", NULL, RANDOM},
    {"gru ?; batch-norm; dense ?", NULL, RANDOM},
    {"batch-norm; gru ? sequences; batch-norm; dropout 0.2; gru ?; batch-norm; dense ?", NULL, RANDOM},
    {"gru ? sequences; batch-norm; gru ?; dense ?", NULL, RANDOM | LENGTHS},
    {"gru ? sequences; batch-norm; gru ? bidirectional; dense ?", NULL, RANDOM | LENGTHS | PER_STEP},
    {"embedding 9 ? mask; batch-norm; gru ?; dense ?", NULL, RANDOM | TOKENS},
    {"dense ?; batch-norm; dense ?; pool average; dense ?", NULL, RANDOM | LENGTHS},
    {"gru ?; dense ?; batch-norm", NULL, RANDOM})

/* So large that leaving it out of a gradient shows. */
GRADIENTS(epsilons, 16,
    {"dense 5; layer-norm epsilon=0.5; gru ?; dense ?", NULL, LENGTHS},
    {"gru ? sequences; batch-norm epsilon=0.5; gru ?; dense ?", NULL, RANDOM | LENGTHS},
    {"lstm 4 layer-norm epsilon=0.5 bidirectional; dense ?", NULL, LENGTHS},
    {"gru 4; layer-norm epsilon=1e-5; dense ?", NULL, 0})

GRADIENTS(attention_and_pools, 10,
    {"gru ?; attention ?; dense ?", NULL, LENGTHS},
    {"attention @; dense ?", NULL, 0},
    {"dense ? tanh; attention ?; dense ?", NULL, LENGTHS},
    {"gru ? bidirectional; attention @; dense ?", NULL, 0},
    {"gru ?; pool max; dense ?", NULL, LENGTHS},
    {"gru ?; pool average; dense ?", NULL, LENGTHS},
    {"lstm ? bidirectional; pool last; dense ?", NULL, LENGTHS},
    {"dense ?; pool max; dense ?", NULL, 0})

GRADIENTS(activations, 11,
    {"gru ?; dense @ linear; dense ?", NULL, 0},
    {"gru ?; dense @ sigmoid; dense ? no-bias", NULL, 0},
    {"gru ?; dense @ tanh no-bias; dense ?", NULL, 0},
    {"gru ?; dense @ relu; dense ?", NULL, 0},
    {"gru ?; dense @ softplus; dense ?", NULL, 0},
    {"gru ?; dense @ softmax; dense ?", NULL, 0},
    {"dense ? relu; gru ? sequences; dense ? softplus; gru ?; dense ? sigmoid", NULL, LENGTHS},
    {"gru ?; dense 3 softmax", NULL, 0},
    {"gru ?; dense 3 softmax; dropout 0.3", NULL, RANDOM})

GRADIENTS(losses, 12,
    {"gru ?; dense ?", "mse", WEIGHTS},
    {"gru ?; dense ?", "mae", WEIGHTS},
    {"gru ?; dense ?", "huber:delta=0.4", 0},
    {"gru ?; dense 3", "quantile:0.1/0.5/0.9", WEIGHTS},
    {"gru ?; dense 4", "quantile:0.2/0.7", 0},
    {"gru ?; dense 1 sigmoid", "binary-crossentropy", CLASSES | WEIGHTS | CLASS_COST},
    {"gru ?; dense 1 sigmoid", "binary-crossentropy:smoothing=0.2", CLASSES},
    {"gru ?; dense 4 sigmoid", "binary-crossentropy:smoothing=0.1", YES_NO},
    {"gru ?; dense 4 softmax", "categorical-crossentropy", CLASSES | WEIGHTS | CLASS_COST},
    {"gru ?; dense 4 softmax", "categorical-crossentropy:smoothing=0.1", CLASSES},
    {"gru ?; dense 4 softmax", "categorical-crossentropy", YES_NO},
    {"gru ?; dense 4 softplus", "categorical-crossentropy", CLASSES},
    {"gru ?; dense ? sigmoid; dropout 0", "binary-crossentropy", YES_NO})

GRADIENTS(per_step, 13,
    {"gru ?; dense ?", NULL, PER_STEP},
    {"gru ? sequences; gru ? bidirectional; dense ?", NULL, PER_STEP | LENGTHS},
    {"lstm ? residual bidirectional=sum; dense 4 softmax", "categorical-crossentropy", PER_STEP | CLASSES | LENGTHS},
    {"lstm ?; dense 4 softmax", "categorical-crossentropy", PER_STEP | CLASSES | LENGTHS | WEIGHTS | CLASS_COST},
    {"gru ? stateful; dense 5 sigmoid", "binary-crossentropy", PER_STEP | YES_NO | LENGTHS | STATEFUL},
    {"rnn ? layer-norm; dense 1 sigmoid", "binary-crossentropy", PER_STEP | CLASSES},
    {"gru ?; dense 3", "quantile:0.1/0.5/0.9", PER_STEP | LENGTHS})

GRADIENTS(long_sequences, 15,
    {"gru ? bidirectional; dense ?", NULL, LONG | LENGTHS},
    {"gru ? reset=before bidirectional dropout=0.2 recurrent-dropout=0.2; dense ?", NULL, LONG | RANDOM},
    {"lstm ? bidirectional=sum; dense ?", NULL, LONG},
    {"rnn ?; dense ?", NULL, LONG | LENGTHS})
/* clang-format on */
