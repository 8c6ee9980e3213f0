/* A model file as a whole: the network and what travels with it (fitted files, classes, loss, how
 * it was trained). */
#ifndef GRU_TRAIN_PACKAGE_H
#define GRU_TRAIN_PACKAGE_H

#include "base/str.h"
#include "io/bundle.h"
#include "nn/loss.h"
#include "nn/model.h"
#include "series/scaler.h"
#include "series/window.h"

#include <stdbool.h>
#include <stddef.h>

/* ---- what a training run puts in ---- */

enum { GRU_ROLE_VOCAB, GRU_ROLE_SCALER, GRU_ROLE_WINDOW, GRU_ROLE_COUNT };

/* Texts of the fitted files by role; NULL where there is none. */
typedef struct gru_attachments {
    char *text[GRU_ROLE_COUNT];
} gru_attachments;

/* "vocab.tsv", "scaler.tsv", "window.tsv": the key in a model's metadata. */
const char *gru_role_key(size_t role);
/* Reads the files and tells their roles by their first line ("#tool gru-tokenize"). GRU_ERR_DATA
 * for a file of no known role, or two of one. */
gru_status gru_attachments_read(gru_attachments *a, const char *const *paths, size_t count,
                                gru_error *err);
/* Adds what is attached to a checkpoint and wasn't given anew. */
gru_status gru_attachments_inherit(gru_attachments *a, const gru_bundle *checkpoint,
                                   gru_error *err);
void gru_attachments_free(gru_attachments *a);
/* Whether what is attached goes with the network: its tokens and its classes (0: numbers). */
gru_status gru_attachments_check(const gru_attachments *a, const gru_model *m, size_t classes,
                                 gru_error *err);
/* Puts them, the loss, and the classes' names (from the vocabulary, else 0 … classes − 1; none for
 * classes 0) into a bundle. */
gru_status gru_attachments_add(const gru_attachments *a, const gru_loss *loss, size_t classes,
                               gru_bundle *b, gru_error *err);

/* Copies the tensors of `from` that the model also has in the same shape; a line a layer in *report
 * says which were taken and which not. Nothing taken is GRU_ERR_DATA. */
gru_status gru_model_take(gru_model *m, const gru_bundle *from, gru_str *report, gru_error *err);

/* ---- what a prediction gets out ---- */

typedef enum gru_answer_kind {
    GRU_ANSWER_BINARY,  /* one sigmoid: score = P(class 1) */
    GRU_ANSWER_CLASSES, /* softmax */
    GRU_ANSWER_NUMBERS
} gru_answer_kind;

typedef struct gru_package {
    gru_bundle *bundle;
    gru_model *model;
    gru_answer_kind kind;
    size_t outputs; /* K numbers a sample, or a step */
    gru_loss loss;  /* of a model that says so, else zeros; quantiles: how outputs are to be read */
    char **classes; /* names; NULL for numbers */
    size_t class_count, class_cap;
} gru_package;

/* path NULL or "-": standard input. *p need not be initialised; empty after a failure. */
gru_status gru_package_read(gru_package *p, const char *path, gru_error *err);
void gru_package_free(gru_package *p);
/* true for a network that reads tokens. */
bool gru_package_reads_text(const gru_package *p);
/* The scaler and the windows that are attached; *has false, and nothing to free, where there are
 * none or what is there cannot be read. */
gru_status gru_package_scaler(const gru_package *p, gru_scaler *s, bool *has, gru_error *err);
gru_status gru_package_windows(const gru_package *p, gru_windows *w, bool *has, gru_error *err);

#endif
