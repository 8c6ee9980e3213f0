/* What each epoch came to, and the table of it. */
#include "train/history.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gru_history_free(gru_history *h) {
    free(h->epoch);
    h->epoch = NULL;
    h->count = h->cap = 0;
}

gru_status gru_history_add(gru_history *h, const gru_epoch *epoch, gru_error *err) {
    if (gru_mem_grow(&h->epoch, &h->cap, h->count + 1, sizeof *h->epoch, err))
        return err->code;
    h->epoch[h->count++] = *epoch;
    return GRU_OK;
}

const char *gru_history_score(const gru_history *h) {
    return h->classes ? "accuracy" : "mae";
}

bool gru_history_figure(const gru_history *h, const gru_epoch *epoch, const char *name,
                        double *value) {
    bool val = strncmp(name, "val_", 4) == 0;
    name += val ? 4 : 0;
    if (val && !h->validation)
        return false;
    if (strcmp(name, "loss") == 0) {
        *value = val ? epoch->val_loss : epoch->loss;
        return true;
    }
    if (strcmp(name, gru_history_score(h)) == 0) {
        *value = val ? epoch->val_score : epoch->score;
        return true;
    }
    return false;
}

static gru_status put_names(const gru_history *h, gru_table_writer *w, gru_error *err) {
    char val[32];
    const char *score = gru_history_score(h);
    snprintf(val, sizeof val, "val_%s", score);
    if (gru_table_put_text(w, "epoch", err) || gru_table_put_text(w, "loss", err) ||
        (h->validation && gru_table_put_text(w, "val_loss", err)) ||
        gru_table_put_text(w, score, err) || (h->validation && gru_table_put_text(w, val, err)) ||
        gru_table_put_text(w, "lr", err) || gru_table_put_text(w, "seconds", err))
        return err->code;
    return gru_table_end_row(w, err);
}

static gru_status put_epoch(const gru_history *h, size_t i, gru_table_writer *w, gru_error *err) {
    const gru_epoch *e = &h->epoch[i];
    double seconds = (double)(long long)(e->seconds * 1e6 + 0.5) / 1e6;
    if (gru_table_put_int(w, (long long)i + 1, err) || gru_table_put_double(w, e->loss, err) ||
        (h->validation && gru_table_put_double(w, e->val_loss, err)) ||
        gru_table_put_double(w, e->score, err) ||
        (h->validation && gru_table_put_double(w, e->val_score, err)) ||
        gru_table_put_double(w, e->lr, err) || gru_table_put_double(w, seconds, err))
        return err->code;
    return gru_table_end_row(w, err);
}

gru_status gru_history_write(const gru_history *h, const char *path, bool csv, gru_error *err) {
    gru_output *out;
    gru_table_writer w;
    if (gru_output_open(&out, path, GRU_OUTPUT_TEXT, err))
        return err->code;
    gru_table_writer_init(&w, out, csv);
    gru_status status = put_names(h, &w, err);
    for (size_t i = 0; status == GRU_OK && i < h->count; i++)
        status = put_epoch(h, i, &w, err);
    return gru_output_end(out, status, err);
}
