/* A model file as a whole: the network and what travels with it. */
#include "train/package.h"

#include "base/log.h"
#include "base/mem.h"
#include "io/tsv.h"
#include "text/vocab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ATTACHMENT_MAX = 1 << 30 };

static const struct {
    const char *key, *tool;
} roles[GRU_ROLE_COUNT] = {
    {"vocab.tsv", "gru-tokenize"},
    {"scaler.tsv", "gru-scale"},
    {"window.tsv", "gru-window"},
};

const char *gru_role_key(size_t role) {
    return roles[role].key;
}

/* The role of a text that starts "#tool NAME", or GRU_ROLE_COUNT. */
static size_t role_of(const char *text) {
    size_t role = 0;
    for (; role < GRU_ROLE_COUNT; role++) {
        char first[64];
        int len = snprintf(first, sizeof first, "#tool %s", roles[role].tool);
        if (strncmp(text, first, (size_t)len) == 0 && strchr("\r\n", text[len]))
            break;
    }
    return role;
}

static gru_status read_one(gru_attachments *a, const char *path, gru_error *err) {
    gru_input *in;
    char *text = NULL;
    size_t len;
    if (gru_input_open(&in, path, err))
        return err->code;
    gru_status status = gru_input_slurp(in, ATTACHMENT_MAX, &text, &len, err);
    if (status == GRU_OK) {
        size_t role = role_of(text);
        if (role == GRU_ROLE_COUNT || strlen(text) != len) {
            status =
                gru_error_set(err, GRU_ERR_DATA,
                              "%s: not a file that gru-tokenize, gru-scale or gru-window fitted",
                              gru_input_name(in));
        } else if (a->text[role]) {
            status = gru_error_set(err, GRU_ERR_DATA, "%s: a second %s is attached",
                                   gru_input_name(in), roles[role].key);
        } else {
            a->text[role] = text;
            text = NULL;
        }
    }
    free(text);
    gru_input_close(in);
    return status;
}

gru_status gru_attachments_read(gru_attachments *a, const char *const *paths, size_t count,
                                gru_error *err) {
    memset(a, 0, sizeof *a);
    for (size_t i = 0; i < count; i++) {
        if (read_one(a, paths[i], err)) {
            gru_attachments_free(a);
            return err->code;
        }
    }
    return GRU_OK;
}

gru_status gru_attachments_inherit(gru_attachments *a, const gru_bundle *checkpoint,
                                   gru_error *err) {
    for (size_t i = 0; i < GRU_ROLE_COUNT; i++) {
        const char *text = gru_bundle_get(checkpoint, gru_role_key(i));
        if (text && !a->text[i] && !(a->text[i] = strdup(text)))
            return gru_error_memory(err, strlen(text) + 1);
    }
    return GRU_OK;
}

void gru_attachments_free(gru_attachments *a) {
    for (size_t i = 0; i < GRU_ROLE_COUNT; i++) {
        free(a->text[i]);
        a->text[i] = NULL;
    }
}

/* A class that the vocabulary does not name is called by its number, counted from 0, unless one of
 * those it names is called so: ratings from 1 to 4 and a network of five classes. */
static void name_class(const char *const *names, size_t named, size_t class, char out[32]) {
    snprintf(out, 32, "%zu", class);
    for (size_t i = 0; i < named; i++)
        if (strcmp(names[i], out) == 0) {
            snprintf(out, 32, "class %zu", class);
            break;
        }
}

static gru_status add_classes(const gru_attachments *a, size_t classes, gru_bundle *b,
                              gru_error *err) {
    gru_vocab *vocab = NULL;
    size_t named = 0;
    const char *const *names = NULL, *text = a->text[GRU_ROLE_VOCAB];
    gru_str lines = {0};
    if (text && gru_vocab_parse(&vocab, text, strlen(text), "vocab.tsv", err))
        return err->code;
    if (vocab)
        names = gru_vocab_classes(vocab, &named);
    for (size_t i = 0; i < classes; i++) {
        char other[32];
        name_class(names, named, i, other);
        const char *name = i < named ? names[i] : other;
        gru_tsv_add(&lines, name, strlen(name)); /* a line each */
        gru_str_add_char(&lines, '\n');
    }
    gru_status status = gru_str_check(&lines, err);
    if (status == GRU_OK)
        status = gru_bundle_set(b, "classes", gru_str_text(&lines), err);
    gru_str_free(&lines);
    gru_vocab_free(vocab);
    return status;
}

gru_status gru_attachments_check(const gru_attachments *a, const gru_model *m, size_t classes,
                                 gru_error *err) {
    gru_vocab *vocab;
    size_t named, rows = gru_model_arch(m)->layers[0].rows;
    const char *text = a->text[GRU_ROLE_VOCAB];
    if (!text)
        return GRU_OK;
    if (!gru_model_input(m)->tokens) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "a vocab.tsv is attached, but the network reads numbers");
    }
    if (gru_vocab_parse(&vocab, text, strlen(text), "vocab.tsv", err))
        return err->code;
    gru_vocab_classes(vocab, &named);
    gru_status status = GRU_OK;
    if (gru_vocab_size(vocab) > rows) {
        status = gru_error_set(
            err, GRU_ERR_DATA,
            "the attached vocab.tsv has ids up to %zu, the embedding takes those below %zu",
            gru_vocab_size(vocab) - 1, rows);
    } else if (classes && named > classes) {
        status = gru_error_set(err, GRU_ERR_DATA,
                               "the attached vocab.tsv names %zu classes, the network has %zu",
                               named, classes);
    } else if (named && named < classes) {
        gru_warn("the attached vocab.tsv names %zu classes, the network has %zu: the others are "
                 "called by their numbers",
                 named, classes);
    }
    gru_vocab_free(vocab);
    return status;
}

gru_status gru_attachments_add(const gru_attachments *a, const gru_loss *loss, size_t classes,
                               gru_bundle *b, gru_error *err) {
    gru_str text = {0};
    gru_loss_print(loss, &text);
    gru_status status = gru_str_check(&text, err);
    if (status == GRU_OK)
        status = gru_bundle_set(b, "loss", gru_str_text(&text), err);
    gru_str_free(&text);
    for (size_t i = 0; status == GRU_OK && i < GRU_ROLE_COUNT; i++)
        if (a->text[i])
            status = gru_bundle_set(b, roles[i].key, a->text[i], err);
    if (status == GRU_OK && classes > 0)
        status = add_classes(a, classes, b, err);
    return status;
}

/* ---- starting from another model ---- */

static void add_shape(gru_str *out, size_t dims, const size_t *shape) {
    for (size_t i = 0; i < dims; i++)
        gru_str_addf(out, "%s%zu", i ? ", " : "", shape[i]);
}

static bool fits(const gru_param *p, const gru_bundle *from, gru_str *why) {
    const gru_tensor *t = gru_bundle_find(from, p->name);
    if (!t) {
        gru_str_addf(why, "%s not in it", p->name);
        return false;
    }
    bool same = t->dims == p->dims && strcmp(t->type, GRU_REAL_TYPE) == 0;
    for (size_t i = 0; same && i < p->dims; i++)
        same = t->shape[i] == p->shape[i];
    if (!same) {
        gru_str_addf(why, "%s is (", p->name);
        add_shape(why, t->dims, t->shape);
        gru_str_add(why, ") there, (");
        add_shape(why, p->dims, p->shape);
        gru_str_add(why, ") here");
    }
    return same;
}

/* All tensors of a layer, or none. */
static size_t take_layer(gru_model *m, size_t layer, const gru_bundle *from, gru_str *why,
                         size_t *params) {
    size_t count = gru_model_param_count(m), good = 0;
    *params = 0;
    for (size_t i = 0; i < count; i++) {
        const gru_param *p = gru_model_param(m, i);
        *params += p->layer == layer;
        good += p->layer == layer && why->len == 0 && fits(p, from, why);
    }
    for (size_t i = 0; good == *params && i < count; i++) {
        const gru_param *p = gru_model_param(m, i);
        if (p->layer == layer) {
            const gru_tensor *t = gru_bundle_find(from, p->name);
            memcpy(gru_model_weights(m) + p->offset, t->data, t->bytes);
        }
    }
    return good == *params ? good : 0;
}

gru_status gru_model_take(gru_model *m, const gru_bundle *from, gru_str *report, gru_error *err) {
    const gru_arch *arch = gru_model_arch(m);
    size_t taken = 0;
    for (size_t layer = 0; layer < arch->count; layer++) {
        gru_str why = {0};
        size_t params, good = take_layer(m, layer, from, &why, &params);
        if (params > 0) {
            gru_str_addf(report, "layer %zu (", layer);
            gru_layer_print(&arch->layers[layer], report);
            gru_str_addf(report, good == params ? "): taken\n" : "): not taken, %s\n",
                         gru_str_text(&why));
        }
        taken += good;
        gru_str_free(&why);
    }
    if (taken == 0)
        return gru_error_set(err, GRU_ERR_DATA, "no layer of it fits this network");
    return gru_str_check(report, err);
}

/* ---- reading ---- */

/* Takes name over; NULL: there was no memory for it. */
static gru_status add_class(gru_package *p, char *name, gru_error *err) {
    gru_status status =
        name ? gru_mem_grow(&p->classes, &p->class_cap, p->class_count + 1, sizeof *p->classes, err)
             : gru_error_memory(err, 1);
    if (status)
        free(name);
    else
        p->classes[p->class_count++] = name;
    return status;
}

static gru_status read_classes(gru_package *p, const char *text, gru_error *err) {
    while (*text) {
        size_t len = strcspn(text, "\n");
        char *name = gru_str_copy(text, len);
        if (name)
            name[gru_tsv_unescape(name, len)] = '\0';
        if (add_class(p, name, err))
            return err->code;
        text += len + (text[len] == '\n');
    }
    return GRU_OK;
}

/* Names of all classes: those in the file, and numbers for those it doesn't name. */
static gru_status name_classes(gru_package *p, gru_error *err) {
    const char *text = gru_bundle_get(p->bundle, "classes");
    size_t wanted = p->kind == GRU_ANSWER_BINARY ? 2 : p->outputs;
    if (text && read_classes(p, text, err))
        return err->code;
    if (p->class_count > wanted) {
        return gru_error_set(err, GRU_ERR_DATA, "it names %zu classes but the network has %zu",
                             p->class_count, wanted);
    }
    while (p->class_count < wanted) {
        char number[24];
        int len = snprintf(number, sizeof number, "%zu", p->class_count);
        if (add_class(p, gru_str_copy(number, (size_t)len), err))
            return err->code;
    }
    return GRU_OK;
}

static gru_status find_kind(gru_package *p, gru_error *err) {
    const char *loss_text = gru_bundle_get(p->bundle, "loss");
    gru_activation last = gru_model_activation(p->model);
    bool numbers = false;
    p->outputs = gru_model_outputs(p->model);
    if (loss_text) {
        if (gru_loss_parse(&p->loss, loss_text, err)) {
            err->code = GRU_ERR_DATA;
            return GRU_ERR_DATA;
        }
        numbers = p->loss.kind != GRU_LOSS_BINARY && p->loss.kind != GRU_LOSS_CATEGORICAL;
    }
    if (p->loss.quantile_count && p->outputs % p->loss.quantile_count) {
        return gru_error_set(err, GRU_ERR_DATA, "%zu outputs are not %zu quantiles of each number",
                             p->outputs, p->loss.quantile_count);
    }
    p->kind = GRU_ANSWER_NUMBERS;
    if (!numbers && last == GRU_SIGMOID && p->outputs == 1)
        p->kind = GRU_ANSWER_BINARY;
    else if (!numbers && last == GRU_SOFTMAX)
        p->kind = GRU_ANSWER_CLASSES;
    else
        return GRU_OK;
    return name_classes(p, err);
}

gru_status gru_package_read(gru_package *p, const char *path, gru_error *err) {
    memset(p, 0, sizeof *p);
    const char *name = path && strcmp(path, "-") != 0 ? path : "standard input";
    if (gru_bundle_read(&p->bundle, path, err))
        return err->code;
    if (gru_model_load(&p->model, p->bundle, err) || find_kind(p, err)) {
        gru_package_free(p);
        return gru_error_at(err, "%s", name);
    }
    return GRU_OK;
}

void gru_package_free(gru_package *p) {
    for (size_t i = 0; i < p->class_count; i++)
        free(p->classes[i]);
    free(p->classes);
    gru_model_free(p->model);
    gru_bundle_free(p->bundle);
    memset(p, 0, sizeof *p);
}

bool gru_package_reads_text(const gru_package *p) {
    return gru_model_input(p->model)->tokens;
}

gru_status gru_package_scaler(const gru_package *p, gru_scaler *s, bool *has, gru_error *err) {
    const char *text = gru_bundle_get(p->bundle, gru_role_key(GRU_ROLE_SCALER));
    gru_status status =
        text ? gru_scaler_parse(s, text, strlen(text), "the model's scaler.tsv", err) : GRU_OK;
    *has = text && status == GRU_OK;
    return status;
}

gru_status gru_package_windows(const gru_package *p, gru_windows *w, bool *has, gru_error *err) {
    const char *text = gru_bundle_get(p->bundle, gru_role_key(GRU_ROLE_WINDOW));
    gru_status status =
        text ? gru_windows_parse(w, text, strlen(text), "the model's window.tsv", err) : GRU_OK;
    *has = text && status == GRU_OK;
    return status;
}
