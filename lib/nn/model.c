/* What a network consists of: its parameters, their places in the flat block, and the shapes
 * between layers. The arithmetic is in runner.c and the files it calls. */
#include "nn/model.h"

#include "base/mem.h"
#include "nn/model_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    INPUT_MAX = 1 << 24,  /* steps, features */
    WEIGHTS_MAX = 1 << 30 /* 4 GiB, and as much again three times in training */
};

gru_status gru_input_shape_of(const gru_record_spec *spec, gru_input_shape *out, gru_error *err) {
    const gru_slot_spec *x = &spec->slot[GRU_X];
    *out = (gru_input_shape){0};
    if (!x->type)
        return gru_error_set(err, GRU_ERR_DATA, "the samples have no field 'x'");
    out->tokens = x->type == 'i';
    out->steps = x->dims ? x->shape[0] : 1;
    out->features = out->tokens ? 0 : x->dims > 1 ? x->shape[1] : 1;
    if (out->tokens && x->dims != 1)
        return gru_error_set(err, GRU_ERR_DATA, "token ids must have the shape (T,)");
    return GRU_OK;
}

gru_target_kind gru_target_kind_of(const gru_record_spec *spec) {
    const gru_slot_spec *y = &spec->slot[GRU_Y];
    if (!y->type)
        return GRU_TARGET_NONE;
    if (y->type == 'i')
        return y->dims ? GRU_TARGET_CLASS_PER_STEP : GRU_TARGET_CLASS;
    return y->dims > 1 ? GRU_TARGET_NUMBERS_PER_STEP : GRU_TARGET_NUMBERS;
}

/* ---- declaring parameters ---- */
static gru_param *add_param(gru_model *m, size_t layer, const char *name, size_t rows, size_t cols,
                            const char *init, const char *fallback, gru_error *err) {
    if (gru_mem_grow(&m->params, &m->param_cap, m->param_count + 1, sizeof *m->params, err))
        return NULL;
    gru_param *p = &m->params[m->param_count++];
    *p = (gru_param){
        .layer = layer, .dims = rows ? 2 : 1, .shape = {rows ? rows : cols, rows ? cols : 0}};
    snprintf(p->name, sizeof p->name, "%zu.%s", layer, name);
    p->count = rows ? rows * cols : cols;
    p->init = init && *init ? init : fallback;
    p->fan_in = (double)(rows ? rows : cols);
    p->fan_out = (double)cols;
    return p;
}

static gru_status declare_direction(gru_model *m, size_t index, size_t in, const char *prefix,
                                    gru_error *err) {
    const gru_layer *l = &m->arch->layers[index];
    size_t gates = gru_layer_gates(l), h = l->units;
    char name[GRU_PARAM_NAME];
    snprintf(name, sizeof name, "%skernel", prefix);
    gru_param *p = add_param(m, index, name, in, gates * h, l->init, "glorot-uniform", err);
    if (!p)
        return err->code;
    p->l1 = l->kernel_l1, p->l2 = l->kernel_l2;
    snprintf(name, sizeof name, "%srecurrent_kernel", prefix);
    if (!(p = add_param(m, index, name, h, gates * h, l->recurrent_init, "orthogonal", err)))
        return err->code;
    p->l1 = l->recurrent_l1, p->l2 = l->recurrent_l2;
    if (!l->no_bias) {
        bool two = l->kind == GRU_LAYER_GRU && !l->reset_before;
        snprintf(name, sizeof name, "%sbias", prefix);
        p = add_param(m, index, name, two ? 2 : 0, gates * h, l->bias_init,
                      l->kind == GRU_LAYER_LSTM ? "forget-one" : "zeros", err);
        if (!p)
            return err->code;
        p->l1 = l->bias_l1, p->l2 = l->bias_l2;
    }
    snprintf(name, sizeof name, "%snorm.gamma", prefix);
    if (l->norm && !add_param(m, index, name, 0, h, NULL, "ones", err))
        return err->code;
    snprintf(name, sizeof name, "%snorm.beta", prefix);
    if (l->norm && !add_param(m, index, name, 0, h, NULL, "zeros", err))
        return err->code;
    snprintf(name, sizeof name, "%sinitial_state", prefix);
    if (l->learned_state && !add_param(m, index, name, 0, h, NULL, "zeros", err))
        return err->code;
    return GRU_OK;
}

static gru_status declare_recurrent(gru_model *m, size_t index, size_t in, size_t out,
                                    gru_error *err) {
    const gru_layer *l = &m->arch->layers[index];
    gru_status st;
    if (l->bidirectional == GRU_MERGE_NONE)
        st = declare_direction(m, index, in, "", err);
    else if (!(st = declare_direction(m, index, in, "forward.", err)))
        st = declare_direction(m, index, in, "backward.", err);
    if (!st && l->residual && in != out &&
        !add_param(m, index, "projection", in, out, NULL, "glorot-uniform", err))
        st = err->code;
    return st;
}

static gru_status declare_dense(gru_model *m, size_t index, size_t in, gru_error *err) {
    const gru_layer *l = &m->arch->layers[index];
    gru_param *p = add_param(m, index, "kernel", in, l->units, l->init, "glorot-uniform", err);
    if (!p)
        return err->code;
    p->l1 = l->kernel_l1, p->l2 = l->kernel_l2;
    if (!l->no_bias) {
        if (!(p = add_param(m, index, "bias", 0, l->units, l->bias_init, "zeros", err)))
            return err->code;
        p->l1 = l->bias_l1, p->l2 = l->bias_l2;
    }
    return GRU_OK;
}

static gru_status declare_norm(gru_model *m, size_t index, size_t in, gru_error *err) {
    if (!add_param(m, index, "gamma", 0, in, NULL, "ones", err) ||
        !add_param(m, index, "beta", 0, in, NULL, "zeros", err))
        return err->code;
    if (m->arch->layers[index].kind == GRU_LAYER_NORM)
        return GRU_OK;
    gru_param *p = add_param(m, index, "moving_mean", 0, in, NULL, "zeros", err);
    if (!p)
        return err->code;
    p->state = true;
    if (!(p = add_param(m, index, "moving_variance", 0, in, NULL, "ones", err)))
        return err->code;
    p->state = true;
    return GRU_OK;
}

static gru_status declare_attention(gru_model *m, size_t index, size_t in, gru_error *err) {
    const gru_layer *l = &m->arch->layers[index];
    if (!add_param(m, index, "score.kernel", in, l->units, l->init, "glorot-uniform", err) ||
        !add_param(m, index, "score.bias", 0, l->units, NULL, "zeros", err) ||
        !add_param(m, index, "weight.kernel", l->units, 1, NULL, "glorot-uniform", err) ||
        !add_param(m, index, "weight.bias", 0, 1, NULL, "zeros", err))
        return err->code;
    return GRU_OK;
}

static gru_status declare_embedding(gru_model *m, size_t index, gru_error *err) {
    const gru_layer *l = &m->arch->layers[index];
    gru_param *p =
        add_param(m, index, "embeddings", l->rows, l->units, l->init, "uniform(-0.05,0.05)", err);
    if (!p)
        return err->code;
    p->sparse = true;
    p->frozen = l->frozen;
    return GRU_OK;
}

/* ---- shapes ---- */
/* A layer that takes one vector or a sequence, or turns a sequence into one vector. */
static bool wants_sequence(const gru_arch *a, size_t after) {
    for (size_t i = after + 1; i < a->count; i++)
        if (gru_layer_recurrent(&a->layers[i]) || a->layers[i].kind == GRU_LAYER_ATTENTION ||
            a->layers[i].kind == GRU_LAYER_POOL)
            return true;
    return false;
}

static gru_status misfit(const gru_model *m, size_t index, const char *why, gru_error *err) {
    const gru_layer *l = &m->arch->layers[index];
    const gru_shape *in = &m->shapes[index];
    gru_str text = {0};
    gru_str_add(&text, "'");
    gru_layer_print(l, &text);
    gru_str_addf(&text, "' %s, but ", why);
    if (index) {
        gru_str_add(&text, "'");
        gru_layer_print(&m->arch->layers[index - 1], &text);
        gru_str_add(&text, "' before it gives ");
    } else {
        gru_str_add(&text, "the input is ");
    }
    if (in->tokens)
        gru_str_add(&text, "token ids (steps)");
    else
        gru_str_addf(&text, "(%s%zu)", in->sequence ? "steps, " : "", in->units);
    gru_error_set(err, GRU_ERR_DATA, "architecture line %d: %s", l->line, gru_str_text(&text));
    gru_str_free(&text);
    return GRU_ERR_DATA;
}

static gru_status shape_recurrent(gru_model *m, size_t i, bool last_wanted, gru_error *err) {
    const gru_layer *l = &m->arch->layers[i];
    const gru_shape *in = &m->shapes[i];
    gru_shape *out = &m->shapes[i + 1];
    if (!in->sequence)
        return misfit(m, i, "needs a sequence (steps, features)", err);
    out->units = l->bidirectional == GRU_MERGE_CONCAT ? 2 * l->units : l->units;
    out->sequence =
        l->returns == GRU_RETURNS_SEQUENCES || (l->returns == GRU_RETURNS_AUTO && !last_wanted);
    return declare_recurrent(m, i, in->units, out->units, err);
}

static gru_status shape_layer(gru_model *m, size_t i, gru_error *err) {
    const gru_layer *l = &m->arch->layers[i];
    const gru_shape *in = &m->shapes[i];
    gru_shape *out = &m->shapes[i + 1];
    *out = *in;
    if (in->tokens && l->kind != GRU_LAYER_EMBEDDING)
        return misfit(m, i, "reads numbers (put an embedding before it)", err);
    switch (l->kind) {
    case GRU_LAYER_EMBEDDING:
        if (!in->tokens)
            return misfit(m, i, "reads token ids (int32)", err);
        *out = (gru_shape){.sequence = true, .units = l->units};
        return declare_embedding(m, i, err);
    case GRU_LAYER_RNN:
    case GRU_LAYER_LSTM:
    case GRU_LAYER_GRU:
        return shape_recurrent(m, i, !wants_sequence(m->arch, i) && !m->per_step, err);
    case GRU_LAYER_ATTENTION:
        if (!in->sequence)
            return misfit(m, i, "needs a sequence (steps, features)", err);
        out->sequence = false;
        return declare_attention(m, i, in->units, err);
    case GRU_LAYER_POOL:
        if (!in->sequence)
            return misfit(m, i, "needs a sequence (steps, features)", err);
        out->sequence = false;
        return GRU_OK;
    case GRU_LAYER_DENSE:
        out->units = l->units;
        return declare_dense(m, i, in->units, err);
    case GRU_LAYER_NORM:
    case GRU_LAYER_BATCH_NORM:
        return declare_norm(m, i, in->units, err);
    default:
        return GRU_OK;
    }
}

/* Dense tensors first, so that a thread's gradients need no room for embedding tables. */
static void place_params(gru_model *m) {
    size_t at = 0;
    for (int sparse = 0; sparse < 2; sparse++) {
        for (size_t i = 0; i < m->param_count; i++)
            if (m->params[i].sparse == (sparse == 1)) {
                m->params[i].offset = at;
                at += (m->params[i].count + 15) / 16 * 16;
            }
        if (!sparse)
            m->dense_count = at;
    }
    m->weight_count = at;
}

/* With the architecture's own limits this keeps every product of sizes far from overflow. */
static gru_status check_input(const gru_input_shape *input, gru_error *err) {
    if (input->steps <= INPUT_MAX && input->features <= INPUT_MAX &&
        (input->tokens || input->features))
        return GRU_OK;
    return gru_error_set(err, GRU_ERR_DATA, "no network has an input of %zu steps and %zu features",
                         input->steps, input->features);
}

gru_status gru_model_declare(gru_model **out, gru_arch *arch, const gru_input_shape *input,
                             bool per_step, gru_error *err) {
    gru_model *m;
    *out = NULL;
    gru_status st = gru_mem_new(&m, 1, sizeof *m, err);
    if (st) {
        gru_arch_free(arch);
        return st;
    }
    m->arch = arch;
    m->input = *input;
    m->per_step = per_step;
    if ((st = check_input(input, err)))
        goto fail;
    if ((st = gru_mem_new(&m->shapes, arch->count + 1, sizeof *m->shapes, err)))
        goto fail;
    m->shapes[0] = (gru_shape){true, input->tokens, input->features};
    for (size_t i = 0; i < arch->count; i++)
        if ((st = shape_layer(m, i, err)))
            goto fail;
    if (per_step && !m->shapes[arch->count].sequence) {
        st = gru_error_set(err, GRU_ERR_DATA,
                           "the target has a value per step, but the network ends in one vector");
        goto fail;
    }
    m->per_step = m->shapes[arch->count].sequence; /* also where nobody asked */
    place_params(m);
    *out = m;
    return GRU_OK;
fail:
    gru_model_free(m);
    return st;
}

gru_status gru_model_allocate(gru_model *m, gru_error *err) {
    return m->weights ? GRU_OK : gru_mem_new(&m->weights, m->weight_count, sizeof *m->weights, err);
}

gru_status gru_model_new(gru_model **out, gru_arch *arch, const gru_input_shape *input,
                         bool per_step, gru_error *err) {
    gru_model *m;
    *out = NULL;
    gru_status st = gru_model_declare(&m, arch, input, per_step, err);
    if (st)
        return st;
    if (m->weight_count > WEIGHTS_MAX)
        st = gru_error_set(err, GRU_ERR_DATA, "the network has %zu weights, expected at most %zu",
                           m->weight_count, (size_t)WEIGHTS_MAX);
    if (st || (st = gru_model_allocate(m, err))) {
        gru_model_free(m);
        return st;
    }
    *out = m;
    return GRU_OK;
}

void gru_model_free(gru_model *m) {
    if (!m)
        return;
    gru_arch_free(m->arch);
    free(m->shapes);
    free(m->params);
    free(m->weights);
    free(m);
}

/* ---- looking ---- */
const gru_arch *gru_model_arch(const gru_model *m) {
    return m->arch;
}
const gru_input_shape *gru_model_input(const gru_model *m) {
    return &m->input;
}
bool gru_model_per_step(const gru_model *m) {
    return m->per_step;
}
size_t gru_model_outputs(const gru_model *m) {
    return m->shapes[m->arch->count].units;
}
gru_activation gru_model_activation(const gru_model *m) {
    const gru_layer *l = &m->arch->layers[m->arch->count - 1];
    return l->kind == GRU_LAYER_DENSE ? l->activation : GRU_LINEAR;
}
size_t gru_model_param_count(const gru_model *m) {
    return m->param_count;
}
const gru_param *gru_model_param(const gru_model *m, size_t index) {
    return &m->params[index];
}
const gru_param *gru_model_find(const gru_model *m, const char *name) {
    for (size_t i = 0; i < m->param_count; i++)
        if (!strcmp(m->params[i].name, name))
            return &m->params[i];
    return NULL;
}
size_t gru_model_weight_count(const gru_model *m) {
    return m->weight_count;
}
gru_real *gru_model_weights(gru_model *m) {
    return m->weights;
}
void gru_model_layer_shape(const gru_model *m, size_t layer, size_t *steps, size_t *units) {
    *steps = m->shapes[layer + 1].sequence ? m->input.steps : 0;
    *units = m->shapes[layer + 1].units;
}
size_t gru_model_layer_params(const gru_model *m, size_t layer) {
    size_t total = 0;
    for (size_t i = 0; i < m->param_count; i++)
        if (m->params[i].layer == layer)
            total += m->params[i].count;
    return total;
}

/* ---- against data ---- */
gru_status gru_model_default_loss(const gru_model *m, const gru_record_spec *spec, gru_loss *out,
                                  gru_error *err) {
    static const char *const names[] = {"mse", "binary-crossentropy", "categorical-crossentropy"};
    gru_activation a = gru_model_activation(m);
    int which = a == GRU_SIGMOID ? 1 : a == GRU_SOFTMAX ? 2 : 0;
    if (which == 0 && spec->slot[GRU_Y].type == 'i')
        return gru_error_set(err, GRU_ERR_DATA,
                             "the target is a class, but the network ends in '%s': end it in "
                             "'dense 1 sigmoid' or 'dense CLASSES softmax', or give --loss",
                             gru_activation_name(a));
    return gru_loss_parse(out, names[which], err);
}

/* The network's numbers must be the targets, or with quantiles as many of each. */
static gru_status check_width(const gru_model *m, size_t width, const gru_loss *loss,
                              const char *text, gru_error *err) {
    size_t given = gru_model_outputs(m);
    size_t each = loss->kind == GRU_LOSS_QUANTILE ? loss->quantile_count : 1;
    if (given == width * each)
        return GRU_OK;
    if (each == 1)
        return gru_error_set(err, GRU_ERR_DATA, "the network gives %zu number%s, the data has %s",
                             given, given == 1 ? "" : "s", text);
    return gru_error_set(err, GRU_ERR_DATA,
                         "the network gives %zu number%s, but %zu quantiles of each target make "
                         "%zu: end it in 'dense %zu'; the data has %s",
                         given, given == 1 ? "" : "s", each, width * each, width * each, text);
}

gru_status gru_model_check_data(const gru_model *m, const gru_record_spec *spec,
                                const gru_loss *loss, gru_error *err) {
    gru_input_shape have;
    char text[160];
    gru_status st = gru_input_shape_of(spec, &have, err);
    if (st)
        return st;
    gru_record_describe(spec, text, sizeof text);
    if (have.tokens != m->input.tokens || have.features != m->input.features)
        return m->input.tokens
                   ? gru_error_set(err, GRU_ERR_DATA,
                                   "the network reads token ids (steps), the data has %s", text)
                   : gru_error_set(err, GRU_ERR_DATA,
                                   "the network reads %zu feature%s a step, the data has %s",
                                   m->input.features, m->input.features == 1 ? "" : "s", text);
    if (!loss)
        return GRU_OK;
    gru_target_kind kind = gru_target_kind_of(spec);
    const gru_slot_spec *y = &spec->slot[GRU_Y];
    if (kind == GRU_TARGET_NONE)
        return gru_error_set(err, GRU_ERR_DATA, "the samples have no target 'y': %s", text);
    bool per_step = kind == GRU_TARGET_CLASS_PER_STEP || kind == GRU_TARGET_NUMBERS_PER_STEP;
    if (per_step != m->per_step)
        return gru_error_set(err, GRU_ERR_DATA,
                             "the network gives one answer a %s, the data has %s%s",
                             m->per_step ? "step" : "sample", text,
                             m->per_step ? "; 'gru N last', 'attention N' or 'pool' makes one of "
                                           "the steps"
                                         : "");
    if (per_step && y->shape[0] != spec->slot[GRU_X].shape[0])
        return gru_error_set(err, GRU_ERR_DATA, "x and y differ in steps: %s", text);
    size_t width = y->type == 'i' ? 1 : y->dims ? y->shape[y->dims - 1] : 1;
    if (y->type == 'f' && check_width(m, width, loss, text, err))
        return err->code;
    if (y->type == 'i' && loss->kind != GRU_LOSS_CATEGORICAL && gru_model_outputs(m) != 1)
        return gru_error_set(err, GRU_ERR_DATA,
                             "the network gives %zu numbers, the target is one class: %s",
                             gru_model_outputs(m), text);
    return GRU_OK;
}

/* ---- files ---- */
gru_status gru_model_save(const gru_model *m, gru_bundle *b, gru_error *err) {
    gru_str text = {0};
    gru_status st = gru_bundle_set(b, "format", "gru/1", err);
    gru_arch_print(m->arch, &text);
    if (!st && !(st = gru_str_check(&text, err)))
        st = gru_bundle_set(b, "arch", gru_str_text(&text), err);
    gru_str_clear(&text);
    gru_str_addf(&text, "%s %zu %zu%s", m->input.tokens ? "tokens" : "features", m->input.steps,
                 m->input.features, m->per_step ? " per-step" : "");
    if (!st && !(st = gru_str_check(&text, err)))
        st = gru_bundle_set(b, "input", gru_str_text(&text), err);
    gru_str_free(&text);
    for (size_t i = 0; !st && i < m->param_count; i++) {
        const gru_param *p = &m->params[i];
        st = gru_bundle_add(b, p->name, GRU_REAL_TYPE, p->dims, p->shape, m->weights + p->offset,
                            err);
    }
    return st;
}

static gru_status check_tensor(const gru_param *p, const gru_bundle *b, gru_error *err) {
    const gru_tensor *t = gru_bundle_find(b, p->name);
    if (!t)
        return gru_error_set(err, GRU_ERR_DATA, "the model lacks the tensor '%s'", p->name);
    bool same = t->dims == p->dims && !strcmp(t->type, GRU_REAL_TYPE);
    for (size_t d = 0; same && d < p->dims; d++)
        same = t->shape[d] == p->shape[d];
    if (!same)
        return gru_error_set(err, GRU_ERR_DATA,
                             "tensor '%s' is %s (%zu, %zu), the architecture needs " GRU_REAL_TYPE
                             " (%zu, %zu)",
                             p->name, t->type, t->shape[0], t->dims > 1 ? t->shape[1] : 1,
                             p->shape[0], p->dims > 1 ? p->shape[1] : 1);
    return GRU_OK;
}

gru_status gru_model_outline(gru_model **out, const gru_bundle *b, gru_error *err) {
    const char *format = gru_bundle_get(b, "format"), *text = gru_bundle_get(b, "arch");
    const char *input = gru_bundle_get(b, "input");
    gru_input_shape shape = {0};
    char kind[16] = "", per_step[16] = "";
    *out = NULL;
    if (!format || strcmp(format, "gru/1") || !text || !input)
        return gru_error_set(err, GRU_ERR_DATA, "not a model of this toolkit (no format gru/1)");
    if (sscanf(input, "%15s %zu %zu %15s", kind, &shape.steps, &shape.features, per_step) < 3)
        return gru_error_set(err, GRU_ERR_DATA, "the model's input shape '%.40s' is damaged",
                             input);
    shape.tokens = !strcmp(kind, "tokens");
    gru_arch *arch;
    gru_status st = gru_arch_parse(&arch, text, "the model's architecture", err);
    if (st)
        return st;
    gru_model *m;
    if ((st = gru_model_declare(&m, arch, &shape, *per_step != 0, err)))
        return st;
    for (size_t i = 0; !st && i < m->param_count; i++)
        st = check_tensor(&m->params[i], b, err);
    if (st)
        gru_model_free(m);
    else
        *out = m;
    return st;
}

/* Of weights that another program wrote: ours are finite. */
static gru_status check_finite(const gru_model *m, gru_error *err) {
    for (size_t i = 0; i < m->param_count; i++)
        for (size_t k = 0; k < m->params[i].count; k++)
            if (!isfinite(m->weights[m->params[i].offset + k])) {
                return gru_error_set(err, GRU_ERR_DATA,
                                     "tensor '%s' holds a value that is no finite number",
                                     m->params[i].name);
            }
    return GRU_OK;
}

gru_status gru_model_load(gru_model **out, const gru_bundle *b, gru_error *err) {
    gru_model *m;
    *out = NULL;
    gru_status st = gru_model_outline(&m, b, err);
    if (st)
        return st;
    if ((st = gru_model_allocate(m, err))) {
        gru_model_free(m);
        return st;
    }
    for (size_t i = 0; i < m->param_count; i++)
        memcpy(m->weights + m->params[i].offset, gru_bundle_find(b, m->params[i].name)->data,
               m->params[i].count * sizeof(gru_real));
    if (!gru_bundle_get(b, "crc32") && (st = check_finite(m, err))) {
        gru_model_free(m);
        return st;
    }
    *out = m;
    return GRU_OK;
}
