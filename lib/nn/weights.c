/* Moves weights between the flat block of a network and the tensors of Keras and PyTorch.
 *
 * A piece says where a part of one of our tensors lies in one of theirs; import and export walk the
 * same pieces in opposite directions, so one cannot drift from the other. */
#include "nn/weights.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES_MAX = 2, PIECE_NAME = 64, LISTED_MAX = 8, SHAPE_TEXT = 96 };

typedef struct piece {
    char name[PIECE_NAME];
    size_t dims, shape[2]; /* theirs */
    size_t offset;         /* of the piece in our tensor */
    size_t rows, cols;     /* ours; a vector is one row */
    bool transposed;
    size_t swap; /* units of a gate where gates 0 and 1 change places, else 0 */
    bool second; /* a bias that is added on import and zero on export */
} piece;

/* What PyTorch calls our weights. */
typedef struct torch_name {
    gru_layer_kind kind; /* GRU stands for all recurrent layers */
    const char *ours, *theirs;
    bool transposed;
} torch_name;

static const torch_name torch_names[] = {
    {GRU_LAYER_EMBEDDING, "embeddings", "weight", false},
    {GRU_LAYER_GRU, "kernel", "weight_ih_l0", true},
    {GRU_LAYER_GRU, "recurrent_kernel", "weight_hh_l0", true},
    {GRU_LAYER_GRU, "bias", "bias_ih_l0", false},
    {GRU_LAYER_DENSE, "kernel", "weight", true},
    {GRU_LAYER_DENSE, "bias", "bias", false},
    {GRU_LAYER_NORM, "gamma", "weight", false},
    {GRU_LAYER_NORM, "beta", "bias", false},
    {GRU_LAYER_BATCH_NORM, "gamma", "weight", false},
    {GRU_LAYER_BATCH_NORM, "beta", "bias", false},
    {GRU_LAYER_BATCH_NORM, "moving_mean", "running_mean", false},
    {GRU_LAYER_BATCH_NORM, "moving_variance", "running_var", false},
};

gru_status gru_framework_find(const char *name, gru_framework *out, gru_error *err) {
    if (!strcmp(name, "keras"))
        *out = GRU_FRAMEWORK_KERAS;
    else if (!strcmp(name, "torch"))
        *out = GRU_FRAMEWORK_TORCH;
    else
        return gru_error_set(err, GRU_ERR_USAGE, "'%s': expected keras or torch", name);
    return GRU_OK;
}

static bool has_weights(const gru_layer *l) {
    return l->kind != GRU_LAYER_DROPOUT && l->kind != GRU_LAYER_POOL;
}

/* ---- pieces ---- */
static const torch_name *find_torch_name(const gru_layer *l, const char *ours) {
    gru_layer_kind kind = gru_layer_recurrent(l) ? GRU_LAYER_GRU : l->kind;
    for (size_t i = 0; i < sizeof torch_names / sizeof *torch_names; i++)
        if (torch_names[i].kind == kind && !strcmp(torch_names[i].ours, ours))
            return &torch_names[i];
    return NULL;
}

/* The piece that is our tensor as it is: all of Keras's, and what PyTorch has no name for. */
static piece whole(const gru_param *p) {
    piece out = {.dims = p->dims, .shape = {p->shape[0], p->shape[1]}};
    snprintf(out.name, sizeof out.name, "%s", p->name);
    out.rows = p->dims > 1 ? p->shape[0] : 1;
    out.cols = p->count / (out.rows ? out.rows : 1);
    return out;
}

static size_t torch_bias_pieces(const gru_layer *l, const gru_param *p, const char *suffix,
                                piece out[PIECES_MAX]) {
    bool two = p->dims > 1; /* a GRU's, with reset after: row 0 input, row 1 recurrent */
    piece one = whole(p);
    one.rows = one.dims = 1;
    one.shape[0] = one.cols;
    one.swap = l->kind == GRU_LAYER_GRU ? l->units : 0;
    out[0] = out[1] = one;
    snprintf(out[0].name, sizeof out[0].name, "%zu.bias_ih_l0%s", p->layer, suffix);
    snprintf(out[1].name, sizeof out[1].name, "%zu.bias_hh_l0%s", p->layer, suffix);
    out[1].offset = two ? one.cols : 0;
    out[1].second = !two;
    return 2;
}

static size_t pieces_of(const gru_model *m, gru_framework framework, const gru_param *p,
                        piece out[PIECES_MAX]) {
    const gru_layer *l = &gru_model_arch(m)->layers[p->layer];
    out[0] = whole(p);
    if (framework == GRU_FRAMEWORK_KERAS)
        return 1;
    const char *word = strchr(p->name, '.') + 1, *suffix = "";
    if (!strncmp(word, "forward.", 8)) {
        word += 8;
    } else if (!strncmp(word, "backward.", 9)) {
        word += 9;
        suffix = "_reverse";
    }
    const torch_name *t = find_torch_name(l, word);
    if (!t)
        return 1;
    if (gru_layer_recurrent(l) && !strcmp(word, "bias"))
        return torch_bias_pieces(l, p, suffix, out);
    snprintf(out[0].name, sizeof out[0].name, "%zu.%s%s", p->layer, t->theirs, suffix);
    if (t->transposed) {
        out[0].transposed = true;
        out[0].shape[0] = p->shape[1];
        out[0].shape[1] = p->shape[0];
        out[0].swap = l->kind == GRU_LAYER_GRU ? l->units : 0;
    }
    return 1;
}

/* Where our element (row, col) of a piece lies in their tensor. */
static size_t place_of(const piece *p, size_t row, size_t col) {
    if (p->swap && col < 2 * p->swap)
        col = col < p->swap ? col + p->swap : col - p->swap;
    return p->transposed ? col * p->rows + row : row * p->cols + col;
}

/* ---- what can't be said in the other library ---- */
static gru_status check_layers(const gru_arch *arch, gru_framework framework, gru_error *err) {
    for (size_t i = 0; i < arch->count && framework == GRU_FRAMEWORK_TORCH; i++) {
        const gru_layer *l = &arch->layers[i];
        if (l->kind == GRU_LAYER_GRU && (l->reset_before || l->update_new))
            return gru_error_set(err, GRU_ERR_DATA,
                                 "architecture line %d: PyTorch has no GRU with %s", l->line,
                                 l->reset_before ? "reset=before" : "update=new");
    }
    return GRU_OK;
}

/* ---- epsilons: no weights, but part of what the weights were trained with ---- */
static double own_epsilon(gru_framework framework) {
    return framework == GRU_FRAMEWORK_TORCH ? 1e-5 : GRU_KERAS_EPSILON;
}

static void add_epsilon(gru_str *text, double epsilon) {
    char digits[GRU_NUMBER_MAX];
    gru_number_format_double(epsilon, digits);
    gru_str_addf(text, "epsilon=%s", digits);
}

/* "1 layer-norm, 3 batch-norm", numbered as the weights are. */
static void add_layer(gru_str *text, const gru_arch *arch, size_t index) {
    gru_str_addf(text, "%s%zu %s", text->len ? ", " : "", index,
                 gru_layer_kind_name(arch->layers[index].kind));
}

void gru_weights_epsilon(gru_arch *arch, gru_framework from) {
    double own = own_epsilon(from);
    gru_str layers = {0}, epsilon = {0};
    for (size_t i = 0; i < arch->count; i++) {
        gru_layer *l = &arch->layers[i];
        if (!gru_layer_normalises(l) || l->epsilon > 0 || gru_layer_epsilon(l) == own)
            continue;
        l->epsilon = own;
        add_layer(&layers, arch, i);
    }
    add_epsilon(&epsilon, own);
    if (layers.len)
        gru_note("PyTorch's own %s where the architecture says none: %s", gru_str_text(&epsilon),
                 gru_str_text(&layers));
    gru_str_free(&epsilon);
    gru_str_free(&layers);
}

static void warn_of_epsilons(const gru_arch *arch, gru_framework to) {
    double own = own_epsilon(to);
    gru_str layers = {0};
    for (size_t i = 0; i < arch->count; i++) {
        const gru_layer *l = &arch->layers[i];
        if (!gru_layer_normalises(l) || gru_layer_epsilon(l) == own)
            continue;
        add_layer(&layers, arch, i);
        gru_str_add_char(&layers, ' ');
        add_epsilon(&layers, gru_layer_epsilon(l));
    }
    if (layers.len)
        gru_warn("%s has to be told: %s", to == GRU_FRAMEWORK_TORCH ? "PyTorch" : "Keras",
                 gru_str_text(&layers));
    gru_str_free(&layers);
}

/* The architecture with every epsilon, since another library reads it by another default. */
static void add_arch(gru_str *text, const gru_arch *arch) {
    for (size_t i = 0; i < arch->count; i++) {
        gru_layer l = arch->layers[i];
        if (gru_layer_normalises(&l))
            l.epsilon = gru_layer_epsilon(&l);
        gru_layer_print(&l, text);
        gru_str_add_char(text, '\n');
    }
}

/* ---- complaints ---- */
typedef struct complaints {
    gru_str text;
    size_t count;
} complaints;

static void shape_text(size_t dims, const size_t *shape, char out[SHAPE_TEXT]) {
    size_t at = (size_t)snprintf(out, SHAPE_TEXT, "(");
    for (size_t i = 0; i < dims && at < SHAPE_TEXT - 24; i++)
        at += (size_t)snprintf(out + at, SHAPE_TEXT - at, "%s%zu", i ? "," : "", shape[i]);
    snprintf(out + at, SHAPE_TEXT - at, ")");
}

/* Starts one more complaint about the tensor called name; false when enough are listed. */
static bool complain(complaints *c, const char *name) {
    if (c->count++ >= LISTED_MAX)
        return false;
    gru_str_addf(&c->text, "%s'%.64s' ", c->count > 1 ? "; " : "", name);
    return true;
}

static bool is_real(const gru_tensor *t) {
    static const char *const types[] = {"F32", "F64", "F16", "BF16"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(t->type, types[i]))
            return true;
    return false;
}

static double element(const gru_tensor *t, size_t index) {
    if (t->type[0] == 'B')
        return (double)gru_number_bfloat(((const uint16_t *)t->data)[index]);
    if (t->type[1] == '1')
        return (double)gru_number_half(((const uint16_t *)t->data)[index]);
    return t->type[1] == '3' ? (double)((const float *)t->data)[index]
                             : ((const double *)t->data)[index];
}

static void check_piece(const piece *p, const gru_bundle *b, complaints *c) {
    const gru_tensor *t = gru_bundle_find(b, p->name);
    char want[SHAPE_TEXT], have[SHAPE_TEXT];
    shape_text(p->dims, p->shape, want);
    if (!t) {
        if (complain(c, p->name))
            gru_str_addf(&c->text, "is missing, expected %s", want);
        return;
    }
    shape_text(t->dims, t->shape, have);
    if (t->dims != p->dims || memcmp(t->shape, p->shape, p->dims * sizeof *p->shape)) {
        if (complain(c, p->name))
            gru_str_addf(&c->text, "is %s, expected %s", have, want);
    } else if (!is_real(t)) {
        if (complain(c, p->name))
            gru_str_addf(&c->text, "has type %s, expected F32, F64, F16 or BF16", t->type);
    } else {
        for (size_t i = 0; i < t->count; i++) {
            if (isfinite((float)element(t, i)))
                continue;
            if (complain(c, p->name))
                gru_str_addf(&c->text, "holds a value that is no finite number");
            break;
        }
    }
}

/* PyTorch's batch norm counts its batches in a tensor that nothing here needs. */
static bool ignorable(const char *name, gru_framework from) {
    const char *word = strchr(name, '.');
    return from == GRU_FRAMEWORK_TORCH && word && !strcmp(word, ".num_batches_tracked");
}

static bool known(const gru_model *m, gru_framework from, const char *name) {
    piece pieces[PIECES_MAX];
    for (size_t i = 0; i < gru_model_param_count(m); i++) {
        size_t count = pieces_of(m, from, gru_model_param(m, i), pieces);
        for (size_t k = 0; k < count; k++)
            if (!strcmp(pieces[k].name, name))
                return true;
    }
    return ignorable(name, from);
}

static gru_status check_all(const gru_model *m, gru_framework from, const gru_bundle *b,
                            gru_error *err) {
    complaints c = {0};
    piece pieces[PIECES_MAX];
    for (size_t i = 0; i < gru_model_param_count(m); i++) {
        size_t count = pieces_of(m, from, gru_model_param(m, i), pieces);
        for (size_t k = 0; k < count; k++)
            check_piece(&pieces[k], b, &c);
    }
    for (size_t i = 0; i < gru_bundle_count(b); i++) {
        const char *name = gru_bundle_at(b, i)->name;
        if (!known(m, from, name) && complain(&c, name))
            gru_str_addf(&c.text, "is no weight of this architecture");
    }
    if (c.count > LISTED_MAX)
        gru_str_addf(&c.text, "; and %zu more", c.count - LISTED_MAX);
    gru_status st = gru_str_check(&c.text, err);
    if (!st && c.count)
        st = gru_error_set(err, GRU_ERR_DATA, "%zu weight%s not fit: %s", c.count,
                           c.count == 1 ? " does" : "s do", gru_str_text(&c.text));
    gru_str_free(&c.text);
    return st;
}

/* ---- import ---- */
static void import_piece(const piece *p, const gru_tensor *t, gru_real *weights) {
    gru_real *to = weights + p->offset;
    for (size_t r = 0; r < p->rows; r++)
        for (size_t c = 0; c < p->cols; c++) {
            gru_real v = (gru_real)element(t, place_of(p, r, c));
            if (!p->second)
                to[r * p->cols + c] = v;
            else if (v != 0) /* adding 0 would lose the sign of −0 */
                to[r * p->cols + c] += v;
        }
}

gru_status gru_weights_import(gru_model *m, gru_framework from, const gru_bundle *b,
                              gru_error *err) {
    piece pieces[PIECES_MAX];
    gru_status st = check_layers(gru_model_arch(m), from, err);
    if (!st)
        st = check_all(m, from, b, err);
    if (!st)
        st = gru_model_allocate(m, err);
    for (size_t i = 0; !st && i < gru_model_param_count(m); i++) {
        const gru_param *p = gru_model_param(m, i);
        size_t count = pieces_of(m, from, p, pieces);
        for (size_t k = 0; k < count; k++)
            import_piece(&pieces[k], gru_bundle_find(b, pieces[k].name),
                         gru_model_weights(m) + p->offset);
    }
    return st;
}

/* ---- biases that were added up ---- */
static void kept_name(const piece *p, char out[PIECE_NAME + 8]) {
    snprintf(out, PIECE_NAME + 8, "torch.%.*s", PIECE_NAME, p->name);
}

gru_status gru_weights_keep(const gru_model *m, gru_framework from, const gru_bundle *b,
                            gru_bundle *file, gru_error *err) {
    piece pieces[PIECES_MAX];
    char name[PIECE_NAME + 8];
    gru_status st = GRU_OK;
    for (size_t i = 0; !st && i < gru_model_param_count(m); i++) {
        if (pieces_of(m, from, gru_model_param(m, i), pieces) < 2 || !pieces[1].second)
            continue;
        for (size_t k = 0; !st && k < 2; k++) {
            const gru_tensor *t = gru_bundle_find(b, pieces[k].name);
            kept_name(&pieces[k], name);
            if (t)
                st = gru_bundle_add(file, name, t->type, t->dims, t->shape, t->data, err);
        }
    }
    return st;
}

/* The two halves of a bias in the model file, if they still add up to what the network has. */
static bool find_kept(const piece pieces[PIECES_MAX], const gru_real *weights,
                      const gru_bundle *file, const gru_tensor *out[PIECES_MAX]) {
    char name[PIECE_NAME + 8];
    for (size_t k = 0; k < PIECES_MAX; k++) {
        kept_name(&pieces[k], name);
        out[k] = gru_bundle_find(file, name);
        if (!out[k] || strcmp(out[k]->type, "F32") || out[k]->count != pieces[k].cols)
            return false;
    }
    for (size_t c = 0; c < pieces[0].cols; c++)
        if ((gru_real)element(out[0], c) + (gru_real)element(out[1], c) != weights[c])
            return false;
    return true;
}

/* ---- export ---- */
static gru_status export_piece(const piece *p, const gru_real *weights, gru_bundle *b,
                               gru_error *err) {
    float *values;
    const gru_real *from = weights + p->offset;
    gru_status st = gru_mem_new(&values, p->rows * p->cols, sizeof *values, err);
    if (st)
        return st;
    for (size_t r = 0; r < p->rows && !p->second; r++)
        for (size_t c = 0; c < p->cols; c++)
            values[place_of(p, r, c)] = (float)from[r * p->cols + c];
    st = gru_bundle_add(b, p->name, "F32", p->dims, p->shape, values, err);
    free(values);
    return st;
}

static gru_status export_param(const gru_model *m, gru_framework to, const gru_param *p,
                               const gru_bundle *file, gru_bundle *b, gru_error *err) {
    piece pieces[PIECES_MAX];
    const gru_tensor *kept[PIECES_MAX];
    /* A network can only be read through a pointer that could change it. */
    const gru_real *weights = gru_model_weights((gru_model *)m) + p->offset;
    size_t count = pieces_of(m, to, p, pieces);
    bool apart = file && count > 1 && pieces[1].second && find_kept(pieces, weights, file, kept);
    gru_status st = GRU_OK;
    for (size_t k = 0; !st && k < count; k++)
        st = apart ? gru_bundle_add(b, pieces[k].name, "F32", pieces[k].dims, pieces[k].shape,
                                    kept[k]->data, err)
                   : export_piece(&pieces[k], weights, b, err);
    return st;
}

gru_status gru_weights_export(const gru_model *m, gru_framework to, const gru_bundle *file,
                              gru_bundle *b, gru_error *err) {
    gru_str text = {0};
    gru_status st = check_layers(gru_model_arch(m), to, err);
    for (size_t i = 0; !st && i < gru_model_param_count(m); i++)
        st = export_param(m, to, gru_model_param(m, i), file, b, err);
    add_arch(&text, gru_model_arch(m));
    if (!st)
        st = gru_str_check(&text, err);
    if (!st)
        st = gru_bundle_set(b, "format", to == GRU_FRAMEWORK_KERAS ? "keras" : "torch", err);
    if (!st)
        st = gru_bundle_set(b, "arch", gru_str_text(&text), err);
    if (!st)
        warn_of_epsilons(gru_model_arch(m), to);
    gru_str_free(&text);
    return st;
}

/* ---- the input's shape ---- */
/* The tensor that tells how wide a layer's input is, and along which of its axes. */
static const gru_tensor *input_tensor(const gru_layer *l, size_t index, gru_framework from,
                                      const gru_bundle *b, char name[PIECE_NAME], size_t *axis) {
    bool torch = from == GRU_FRAMEWORK_TORCH;
    const char *word = "kernel";
    *axis = 0;
    if (l->kind == GRU_LAYER_ATTENTION) {
        word = "score.kernel";
    } else if (l->kind == GRU_LAYER_NORM || l->kind == GRU_LAYER_BATCH_NORM) {
        word = torch ? "weight" : "gamma";
    } else if (torch) {
        word = gru_layer_recurrent(l) ? "weight_ih_l0" : "weight";
        *axis = 1;
    } else if (gru_layer_recurrent(l) && l->bidirectional != GRU_MERGE_NONE) {
        word = "forward.kernel";
    }
    snprintf(name, PIECE_NAME, "%zu.%s", index, word);
    return gru_bundle_find(b, name);
}

gru_status gru_weights_input(const gru_arch *arch, gru_framework from, const gru_bundle *b,
                             gru_input_shape *out, gru_error *err) {
    *out = (gru_input_shape){0};
    size_t i = 0;
    while (i < arch->count && !has_weights(&arch->layers[i]))
        i++;
    if (i == arch->count)
        return gru_error_set(err, GRU_ERR_DATA, "the architecture has no layer with weights");
    if (arch->layers[i].kind == GRU_LAYER_EMBEDDING) {
        out->tokens = true;
        return GRU_OK;
    }
    char name[PIECE_NAME];
    size_t axis;
    const gru_tensor *t = input_tensor(&arch->layers[i], i, from, b, name, &axis);
    if (!t)
        return gru_error_set(err, GRU_ERR_DATA, "there is no weight '%s'", name);
    if (t->dims <= axis || !t->shape[axis])
        return gru_error_set(err, GRU_ERR_DATA, "weight '%s' has no input features", name);
    out->features = t->shape[axis];
    return GRU_OK;
}
