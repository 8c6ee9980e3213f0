/* Networks from text: shapes, numbers of weights counted by hand, and what doesn't fit. */
#include "nn/model.h"

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <math.h>
#include <string.h>

static gru_status build(gru_model **m, const char *text, size_t features, bool per_step,
                        gru_error *err) {
    gru_arch *arch;
    gru_input_shape input = {.tokens = !features, .features = features, .steps = 7};
    cr_assert_eq(gru_arch_parse(&arch, text, "a", err), GRU_OK, "%s", err->message);
    return gru_model_new(m, arch, &input, per_step, err);
}

typedef struct count_case {
    const char *arch;
    size_t features, weights, steps, units; /* features 0: tokens; steps, units of the last layer */
} count_case;

Test(model, counts_its_weights) {
    static const count_case cases[] = {
        {"gru 4", 3, 3 * 12 + 4 * 12 + 2 * 12, 0, 4},
        {"gru 4 reset=before", 3, 3 * 12 + 4 * 12 + 12, 0, 4},
        {"gru 4 no-bias", 3, 3 * 12 + 4 * 12, 0, 4},
        {"lstm 4", 3, 3 * 16 + 4 * 16 + 16, 0, 4},
        {"rnn 4", 3, 3 * 4 + 4 * 4 + 4, 0, 4},
        {"rnn 4 bidirectional", 3, 2 * (3 * 4 + 4 * 4 + 4), 0, 8},
        {"rnn 4 bidirectional=sum", 3, 2 * (3 * 4 + 4 * 4 + 4), 0, 4},
        {"rnn 4 residual", 3, 3 * 4 + 4 * 4 + 4 + 3 * 4, 0, 4},
        {"rnn 3 residual", 3, 3 * 3 + 3 * 3 + 3, 0, 3},
        {"rnn 4 layer-norm", 3, 3 * 4 + 4 * 4 + 4 + 8, 0, 4},
        {"rnn 4 learned-state", 3, 3 * 4 + 4 * 4 + 4 + 4, 0, 4},
        {"embedding 100 5; pool max", 0, 500, 0, 5},
        {"embedding 100 5; attention 3", 0, 500 + 5 * 3 + 3 + 3 + 1, 0, 5},
        {"gru 4; dense 2", 3, 108 + 4 * 2 + 2, 0, 2},
        {"gru 4; dense 2 no-bias", 3, 108 + 4 * 2, 0, 2},
        {"gru 4; layer-norm; batch-norm; dropout 0.5", 3, 108 + 2 * 4 + 4 * 4, 0, 4},
        {"gru 4 sequences; dense 2", 3, 108 + 4 * 2 + 2, 7, 2},
        {"rnn 4; rnn 4 last", 4, 2 * (4 * 4 + 4 * 4 + 4), 0, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const count_case *c = &cases[i];
        gru_model *m;
        gru_error err;
        size_t total = 0, steps, units;
        cr_assert_eq(build(&m, c->arch, c->features, false, &err), GRU_OK, "%s", err.message);
        for (size_t p = 0; p < gru_model_param_count(m); p++)
            total += gru_model_param(m, p)->count;
        cr_assert_eq(total, c->weights, "%s: %zu weights, expected %zu", c->arch, total,
                     c->weights);
        gru_model_layer_shape(m, gru_model_arch(m)->count - 1, &steps, &units);
        cr_assert(steps == c->steps && units == c->units, "%s", c->arch);
        cr_assert_eq(gru_model_per_step(m), c->steps > 0);
        gru_model_free(m);
    }
}

Test(model, says_what_does_not_fit) {
    static const struct {
        const char *arch;
        size_t features;
        bool per_step;
        const char *want;
    } cases[] = {
        {"gru 4", 0, false,
         "'gru 4' reads numbers (put an embedding before it), but the input is token ids (steps)"},
        {"embedding 9 4; pool max", 3, false,
         "'embedding 9 4' reads token ids (int32), but the input is (steps, 3)"},
        {"gru 4 last; gru 5", 3, false,
         "'gru 5' needs a sequence (steps, features), but 'gru 4 last' before it gives (4)"},
        {"gru 4 last; attention 5", 3, false, "needs a sequence"},
        {"pool max; pool max", 3, false, "'pool max' needs a sequence"},
        {"gru 4 last; dense 2", 3, true, "the network ends in one vector"},
        {"gru 65536; gru 65536", 3, false, "weights, expected at most"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gru_model *m;
        gru_error err;
        cr_assert_eq(build(&m, cases[i].arch, cases[i].features, cases[i].per_step, &err),
                     GRU_ERR_DATA, "%s", cases[i].arch);
        cr_assert_null(m);
        cr_assert_not_null(strstr(err.message, cases[i].want), "%s: %s", cases[i].arch,
                           err.message);
    }
}

/* Bounds and moments of the initialisers (Glorot and Bengio 2010), and rows that are orthonormal.
 */
Test(model, first_weights) {
    gru_model *m, *again;
    gru_error err;
    const char *text = "gru 32; dense 50 init=normal(1,0.5)";
    cr_assert_eq(build(&m, text, 20, false, &err), GRU_OK);
    cr_assert_eq(build(&again, text, 20, false, &err), GRU_OK);
    cr_assert_eq(gru_model_initialise(m, 5, &err), GRU_OK);
    cr_assert_eq(gru_model_initialise(again, 5, &err), GRU_OK);
    cr_assert_eq(memcmp(gru_model_weights(m), gru_model_weights(again),
                        gru_model_weight_count(m) * sizeof(gru_real)),
                 0);
    const gru_param *kernel = gru_model_find(m, "0.kernel");
    const gru_param *u = gru_model_find(m, "0.recurrent_kernel");
    const gru_param *dense = gru_model_find(m, "1.kernel");
    const gru_real *w = gru_model_weights(m);
    double limit = sqrt(6.0 / (20 + 96)), top = 0, sum = 0, square = 0;
    for (size_t i = 0; i < kernel->count; i++)
        top = fmax(top, fabs((double)w[kernel->offset + i]));
    cr_assert(top <= limit && top > 0.98 * limit);
    for (size_t i = 0; i < dense->count; i++) {
        double x = (double)w[dense->offset + i];
        sum += x, square += (x - 1) * (x - 1);
    }
    double n = (double)dense->count;
    cr_assert(fabs(sum / n - 1) <= 5 * 0.5 / sqrt(n));
    cr_assert(fabs(square / n - 0.25) <= 5 * 0.25 * sqrt(2 / n));
    for (size_t i = 0; i < 32; i++)
        for (size_t j = 0; j <= i; j++) {
            double dot = 0;
            for (size_t k = 0; k < 96; k++)
                dot += (double)w[u->offset + i * 96 + k] * (double)w[u->offset + j * 96 + k];
            cr_assert(fabs(dot - (i == j)) <= 1e-5, "rows %zu and %zu: %g", i, j, dot);
        }
    gru_model_free(m);
    gru_model_free(again);
}

Test(model, refuses_weights_that_are_no_numbers) {
    gru_error err = {0};
    gru_arch *arch;
    gru_model *model, *loaded;
    gru_bundle *b;
    gru_input_shape shape = {.features = 2, .steps = 3};
    cr_assert_eq(gru_arch_parse(&arch, "gru 3; dense 1", "test", &err), GRU_OK);
    cr_assert_eq(gru_model_new(&model, arch, &shape, false, &err), GRU_OK);
    gru_model_weights(model)[4] = NAN;
    cr_assert_eq(gru_bundle_new(&b, &err), GRU_OK);
    cr_assert_eq(gru_model_save(model, b, &err), GRU_OK);
    cr_assert_eq(gru_model_load(&loaded, b, &err), GRU_ERR_DATA);
    cr_assert_str_eq(err.message, "tensor '0.kernel' holds a value that is no finite number");
    gru_bundle_free(b);
    gru_model_free(model);
}
