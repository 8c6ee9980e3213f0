/* Model files made of other files (convert.h). */
#include "train/convert.h"

#include <string.h>

static size_t classes_of(const gru_model *m) {
    gru_activation last = gru_model_activation(m);
    size_t outputs = gru_model_outputs(m);
    return last == GRU_SOFTMAX ? outputs : last == GRU_SIGMOID && outputs == 1 ? 2 : 0;
}

/* ---- foreign weights ---- */

/* A network without input steps or data: an explicit "sequences" at its end says it labels steps.
 */
static bool ends_in_steps(const gru_arch *arch) {
    for (size_t i = arch->count; i-- > 0;) {
        const gru_layer *l = &arch->layers[i];
        if (gru_layer_recurrent(l))
            return l->returns == GRU_RETURNS_SEQUENCES;
        if (l->kind == GRU_LAYER_ATTENTION || l->kind == GRU_LAYER_POOL)
            return false;
    }
    return true;
}

/* What gru-train would put beside such a network's weights. */
static gru_status add_package(const gru_model *m, const gru_attachments *files, gru_bundle *made,
                              gru_error *err) {
    gru_activation last = gru_model_activation(m);
    gru_loss loss;
    gru_status status = gru_loss_parse(&loss,
                                       last == GRU_SIGMOID   ? "binary-crossentropy"
                                       : last == GRU_SOFTMAX ? "categorical-crossentropy"
                                                             : "mse",
                                       err);
    if (status || gru_attachments_check(files, m, classes_of(m), err))
        return err->code;
    return gru_attachments_add(files, &loss, classes_of(m), made, err);
}

gru_status gru_convert_import(gru_bundle *made, const gru_bundle *weights,
                              const gru_import_options *options, const gru_attachments *files,
                              const char *name, gru_error *err) {
    gru_arch *arch;
    gru_input_shape shape;
    gru_model *m;
    gru_framework from = options->from;
    if (gru_arch_load(&arch, options->arch, err))
        return err->code;
    if (gru_weights_input(arch, from, weights, &shape, err)) {
        gru_arch_free(arch);
        return gru_error_at(err, "%s", name);
    }
    gru_weights_epsilon(arch, from);
    shape.steps = options->steps;
    bool each = options->per_step || ends_in_steps(arch); /* before arch is given away */
    if (gru_model_declare(&m, arch, &shape, each, err))
        return err->code;
    gru_status status = gru_weights_import(m, from, weights, err);
    if (status)
        gru_error_at(err, "%s", name);
    else if (!(status = gru_model_save(m, made, err)) &&
             !(status = gru_weights_keep(m, from, weights, made, err)))
        status = add_package(m, files, made, err);
    gru_model_free(m);
    return status;
}

/* ---- checkpoints and models ---- */

static bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool only_for_training(const char *name) {
    return starts_with(name, "optimizer") || starts_with(name, "checkpoint") ||
           starts_with(name, "crc32");
}

static gru_status take_best(gru_model *m, const gru_bundle *b, gru_error *err) {
    const gru_tensor *t = gru_bundle_find(b, "checkpoint.best");
    if (!t) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "no best weights are in it: checkpoints of --early-stopping "
                             "…,restore-best keep them");
    }
    if (strcmp(t->type, GRU_REAL_TYPE) != 0 || t->count != gru_model_weight_count(m))
        return gru_error_set(err, GRU_ERR_DATA, "tensor 'checkpoint.best' is misshapen");
    memcpy(gru_model_weights(m), t->data, t->bytes);
    return GRU_OK;
}

static gru_status check_detached(const gru_convert_options *o, const gru_bundle *b,
                                 gru_error *err) {
    for (size_t i = 0; i < o->detached; i++) {
        size_t role = 0;
        while (role < GRU_ROLE_COUNT && strcmp(o->detach[i], gru_role_key(role)) != 0)
            role++;
        if (role == GRU_ROLE_COUNT) {
            return gru_error_set(err, GRU_ERR_USAGE,
                                 "'%.60s': expected vocab.tsv, scaler.tsv or window.tsv",
                                 o->detach[i]);
        }
        if (!gru_bundle_get(b, o->detach[i]))
            return gru_error_set(err, GRU_ERR_DATA, "no %s is attached to it", o->detach[i]);
    }
    return GRU_OK;
}

static bool is_detached(const gru_convert_options *o, const char *key) {
    for (size_t i = 0; i < o->detached; i++)
        if (strcmp(o->detach[i], key) == 0)
            return true;
    return false;
}

/* All that made does not have yet. */
static gru_status copy_rest(gru_bundle *made, const gru_bundle *b, const gru_convert_options *o,
                            gru_error *err) {
    const char *key;
    for (size_t i = 0; (key = gru_bundle_key_at(b, i)); i++)
        if (!only_for_training(key) && !is_detached(o, key) && !gru_bundle_get(made, key) &&
            gru_bundle_set(made, key, gru_bundle_get(b, key), err))
            return err->code;
    for (size_t i = 0; i < gru_bundle_count(b); i++) {
        const gru_tensor *t = gru_bundle_at(b, i);
        if (!only_for_training(t->name) && !gru_bundle_find(made, t->name) &&
            gru_bundle_add(made, t->name, t->type, t->dims, t->shape, t->data, err))
            return err->code;
    }
    return GRU_OK;
}

static gru_status attach(gru_bundle *made, const gru_model *m, const gru_attachments *files,
                         gru_error *err) {
    gru_loss loss;
    const char *text = gru_bundle_get(made, "loss");
    if (!text || gru_loss_parse(&loss, text, err))
        return gru_error_set(err, GRU_ERR_DATA, "it has no loss: not made by gru-train");
    /* the classes' names are the vocabulary's, so they stay where that stays */
    size_t classes = files->text[GRU_ROLE_VOCAB] ? classes_of(m) : 0;
    if (gru_attachments_check(files, m, classes, err))
        return err->code;
    return gru_attachments_add(files, &loss, classes, made, err);
}

gru_status gru_convert_model(gru_bundle *made, const gru_bundle *b,
                             const gru_convert_options *options, const gru_attachments *files,
                             const char *name, gru_error *err) {
    gru_model *m = NULL;
    gru_status status = check_detached(options, b, err);
    if (!status)
        status = gru_model_load(&m, b, err);
    if (!status && options->best)
        status = take_best(m, b, err);
    if (!status)
        status = gru_model_save(m, made, err);
    if (!status)
        status = copy_rest(made, b, options, err);
    if (!status)
        status = attach(made, m, files, err);
    gru_model_free(m);
    return status == GRU_ERR_DATA ? gru_error_at(err, "%s", name) : status;
}
