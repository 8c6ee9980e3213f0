/* Where each number of a foreign tensor goes, told by hand for small networks. */
#include "nn/weights.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static gru_error err;

#define MUST(call) cr_assert_eq((call), GRU_OK, "%s: %s", #call, err.message)

static gru_model *make(const char *text, size_t features) {
    gru_arch *arch;
    gru_model *m;
    gru_input_shape input = {.tokens = false, .features = features, .steps = 3};
    MUST(gru_arch_parse(&arch, text, "test", &err));
    MUST(gru_model_new(&m, arch, &input, false, &err));
    return m;
}

/* Every weight is its own number: 1, 2, 3 … through each tensor, in thousands by tensor. */
static void number(gru_model *m) {
    for (size_t i = 0; i < gru_model_param_count(m); i++) {
        const gru_param *p = gru_model_param(m, i);
        for (size_t k = 0; k < p->count; k++)
            gru_model_weights(m)[p->offset + k] = (gru_real)(1000 * i + k + 1);
    }
}

static gru_bundle *exported(const gru_model *m, gru_framework to) {
    gru_bundle *b;
    MUST(gru_bundle_new(&b, &err));
    MUST(gru_weights_export(m, to, NULL, b, &err));
    return b;
}

static void check_tensor(const gru_bundle *b, const char *name, size_t rows, size_t cols,
                         const float *want) {
    const gru_tensor *t = gru_bundle_find(b, name);
    cr_assert_not_null(t, "no %s", name);
    cr_assert_eq(t->dims, cols ? 2 : 1, "%s", name);
    cr_assert_eq(t->shape[0], rows, "%s", name);
    cr_assert(!cols || t->shape[1] == cols, "%s", name);
    for (size_t i = 0; i < t->count; i++)
        cr_assert(!memcmp((const float *)t->data + i, want + i, sizeof *want),
                  "%s[%zu] is %g, expected %g", name, i, (double)((const float *)t->data)[i],
                  (double)want[i]);
}

static bool same_weights(gru_model *a, gru_model *b) {
    for (size_t i = 0; i < gru_model_param_count(a); i++) {
        const gru_param *p = gru_model_param(a, i);
        if (memcmp(gru_model_weights(a) + p->offset, gru_model_weights(b) + p->offset,
                   p->count * sizeof(gru_real)) != 0)
            return false;
    }
    return true;
}

/* One feature, one unit: kernel z,r,h = 1 2 3, recurrent 1001…, bias rows 2001…2003, 2004…2006. */
Test(weights, torch_gru_swaps_its_first_two_gates) {
    gru_model *m = make("gru 1", 1);
    number(m);
    gru_bundle *b = exported(m, GRU_FRAMEWORK_TORCH);
    cr_assert_eq(gru_bundle_count(b), 4);
    check_tensor(b, "0.weight_ih_l0", 3, 1, (float[]){2, 1, 3});
    check_tensor(b, "0.weight_hh_l0", 3, 1, (float[]){1002, 1001, 1003});
    check_tensor(b, "0.bias_ih_l0", 3, 0, (float[]){2002, 2001, 2003});
    check_tensor(b, "0.bias_hh_l0", 3, 0, (float[]){2005, 2004, 2006});
    gru_bundle_free(b);
    gru_model_free(m);
}

/* Two features, two units: our kernel's rows are features, theirs are units of gates. */
Test(weights, torch_lstm_is_transposed) {
    gru_model *m = make("lstm 2", 2);
    number(m);
    gru_bundle *b = exported(m, GRU_FRAMEWORK_TORCH);
    check_tensor(b, "0.weight_ih_l0", 8, 2,
                 (float[]){1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15, 8, 16});
    check_tensor(b, "0.bias_ih_l0", 8, 0,
                 (float[]){2001, 2002, 2003, 2004, 2005, 2006, 2007, 2008});
    check_tensor(b, "0.bias_hh_l0", 8, 0, (float[8]){0});
    gru_bundle_free(b);
    gru_model_free(m);
}

Test(weights, keras_is_as_ours) {
    gru_model *m = make("gru 1 reset=before; dropout 0.5; dense 2", 1);
    number(m);
    gru_bundle *b = exported(m, GRU_FRAMEWORK_KERAS);
    check_tensor(b, "0.kernel", 1, 3, (float[]){1, 2, 3});
    check_tensor(b, "0.bias", 3, 0, (float[]){2001, 2002, 2003});
    check_tensor(b, "2.kernel", 1, 2, (float[]){3001, 3002});
    check_tensor(b, "2.bias", 2, 0, (float[]){4001, 4002});
    gru_bundle_free(b);
    gru_model_free(m);
}

/* Both forms give back the same bits, −0 too. */
Test(weights, round_trips) {
    static const char *const archs[] = {
        "gru 3 bidirectional; gru 2; dense 2 softmax",
        "lstm 3 bidirectional=sum; lstm 2 no-bias; dense 1",
        "rnn 3; layer-norm; rnn 2; batch-norm; dense 1 sigmoid",
        "gru 3 residual learned-state layer-norm; attention 2; dense 1",
    };
    for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
        for (int f = 0; f < 2; f++) {
            gru_model *m = make(archs[i], 2), *again = make(archs[i], 2);
            number(m);
            gru_model_weights(m)[0] = (gru_real)-0.0;
            const gru_param *bias = gru_model_find(m, "0.bias");
            if (bias)
                gru_model_weights(m)[bias->offset] = (gru_real)-0.0;
            gru_bundle *b = exported(m, f ? GRU_FRAMEWORK_TORCH : GRU_FRAMEWORK_KERAS);
            MUST(gru_weights_import(again, f ? GRU_FRAMEWORK_TORCH : GRU_FRAMEWORK_KERAS, b, &err));
            cr_expect(same_weights(m, again), "%s, %d", archs[i], f);
            gru_bundle_free(b);
            gru_model_free(m);
            gru_model_free(again);
        }
}

/* Two biases that were added up come out apart while their sum is the network's. */
Test(weights, kept_biases) {
    gru_model *m = make("rnn 1", 1);
    gru_bundle *b, *file, *out;
    const size_t matrix[] = {1, 1}, vector[] = {1};
    MUST(gru_bundle_new(&b, &err));
    MUST(gru_bundle_new(&file, &err));
    MUST(gru_bundle_add(b, "0.weight_ih_l0", "F32", 2, matrix, (float[]){1}, &err));
    MUST(gru_bundle_add(b, "0.weight_hh_l0", "F32", 2, matrix, (float[]){2}, &err));
    MUST(gru_bundle_add(b, "0.bias_ih_l0", "F32", 1, vector, (float[]){0.25f}, &err));
    MUST(gru_bundle_add(b, "0.bias_hh_l0", "F32", 1, vector, (float[]){0.5f}, &err));
    MUST(gru_weights_import(m, GRU_FRAMEWORK_TORCH, b, &err));
    gru_real *bias = gru_model_weights(m) + gru_model_find(m, "0.bias")->offset;
    cr_assert(*bias >= (gru_real)0.75 && *bias <= (gru_real)0.75);
    MUST(gru_weights_keep(m, GRU_FRAMEWORK_TORCH, b, file, &err));
    for (int trained = 0; trained < 2; trained++) {
        *bias += (gru_real)trained;
        MUST(gru_bundle_new(&out, &err));
        MUST(gru_weights_export(m, GRU_FRAMEWORK_TORCH, file, out, &err));
        check_tensor(out, "0.bias_ih_l0", 1, 0, trained ? (float[]){1.75f} : (float[]){0.25f});
        check_tensor(out, "0.bias_hh_l0", 1, 0, trained ? (float[]){0} : (float[]){0.5f});
        gru_bundle_free(out);
    }
    gru_bundle_free(b);
    gru_bundle_free(file);
    gru_model_free(m);
}

/* What doesn't fit is named, and nothing is taken of what does. */
Test(weights, nothing_is_half_imported) {
    gru_model *m = make("gru 2; dense 1", 3), *narrow = make("gru 2; dense 1", 2);
    number(m);
    gru_bundle *b = exported(narrow, GRU_FRAMEWORK_KERAS);
    const size_t one[] = {1};
    MUST(gru_bundle_add(b, "7.bias", "F32", 1, one, (float[]){1}, &err));
    cr_assert_eq(gru_weights_import(m, GRU_FRAMEWORK_KERAS, b, &err), GRU_ERR_DATA);
    cr_expect_not_null(strstr(err.message, "'0.kernel' is (2,6), expected (3,6)"), "%s",
                       err.message);
    cr_expect_not_null(strstr(err.message, "'7.bias' is no weight"), "%s", err.message);
    gru_model *same = make("gru 2; dense 1", 3);
    number(same);
    cr_expect(same_weights(m, same));
    gru_bundle_free(b);
    gru_model_free(m);
    gru_model_free(narrow);
    gru_model_free(same);
}

/* IEEE 754: 0x3555 is 1365/4096, 0x8001 the smallest below 0, 0x7bff 65504; a bfloat16 is the upper
 * half of a float. */
Test(weights, numbers_of_two_bytes_widen_exactly) {
    gru_model *m = make("pool last; dense 3", 1);
    gru_bundle *b;
    const size_t matrix[] = {1, 3}, vector[] = {3};
    MUST(gru_bundle_new(&b, &err));
    MUST(gru_bundle_add(b, "1.kernel", "F16", 2, matrix, (uint16_t[]){0x3555, 0x8001, 0x7bff},
                        &err));
    MUST(
        gru_bundle_add(b, "1.bias", "BF16", 1, vector, (uint16_t[]){0x3f80, 0xc040, 0x0001}, &err));
    MUST(gru_weights_import(m, GRU_FRAMEWORK_KERAS, b, &err));
    const float want[] = {0x1.554p-2f, -0x1p-24f, 65504, 1, -3, 0x1p-133f};
    const gru_real *kernel = gru_model_weights(m) + gru_model_find(m, "1.kernel")->offset;
    const gru_real *bias = gru_model_weights(m) + gru_model_find(m, "1.bias")->offset;
    for (size_t i = 0; i < 3; i++) {
        cr_expect(kernel[i] >= want[i] && kernel[i] <= want[i], "%g", (double)kernel[i]);
        cr_expect(bias[i] >= want[3 + i] && bias[i] <= want[3 + i], "%g", (double)bias[i]);
    }
    gru_bundle_free(b);
    MUST(gru_bundle_new(&b, &err));
    MUST(gru_bundle_add(b, "1.kernel", "F16", 2, matrix, (uint16_t[]){0, 0x7c00, 0}, &err));
    MUST(gru_bundle_add(b, "1.bias", "BF16", 1, vector, (uint16_t[]){0, 0, 0x7fc0}, &err));
    cr_assert_eq(gru_weights_import(m, GRU_FRAMEWORK_KERAS, b, &err), GRU_ERR_DATA);
    cr_expect_not_null(strstr(err.message, "2 weights do not fit: '1.kernel' holds"), "%s",
                       err.message);
    gru_bundle_free(b);
    gru_model_free(m);
}

Test(weights, refuses_what_is_not_finite) {
    gru_model *m = make("pool last; dense 1", 1);
    gru_bundle *b;
    const size_t matrix[] = {1, 1}, vector[] = {1};
    MUST(gru_bundle_new(&b, &err));
    MUST(gru_bundle_add(b, "1.kernel", "F64", 2, matrix, (double[]){1e300}, &err));
    MUST(gru_bundle_add(b, "1.bias", "F32", 1, vector, (float[]){0}, &err));
    cr_assert_eq(gru_weights_import(m, GRU_FRAMEWORK_KERAS, b, &err), GRU_ERR_DATA);
    cr_expect_not_null(strstr(err.message, "1.kernel' holds"), "%s", err.message);
    gru_bundle_free(b);
    gru_model_free(m);
}

Test(weights, input_follows_from_the_first_weights) {
    static const char *const archs[] = {"dropout 0.1; gru 2", "lstm 2 bidirectional",
                                        "pool max; dense 2", "attention 2", "layer-norm; rnn 2"};
    for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
        for (int f = 0; f < 2; f++) {
            gru_framework framework = f ? GRU_FRAMEWORK_TORCH : GRU_FRAMEWORK_KERAS;
            gru_model *m = make(archs[i], 5);
            gru_bundle *b = exported(m, framework);
            gru_input_shape shape;
            MUST(gru_weights_input(gru_model_arch(m), framework, b, &shape, &err));
            cr_expect(!shape.tokens && shape.features == 5, "%s, %d: %zu", archs[i], f,
                      shape.features);
            gru_bundle_free(b);
            gru_model_free(m);
        }
}
