/* The norms of the gradient back in time, epoch by epoch, and the table of them. */
#include "train/gradients.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void gru_gradients_free(gru_gradients *g) {
    free(g->norm);
    *g = (gru_gradients){0};
}

gru_status gru_gradients_add(gru_gradients *g, const double *norms, gru_error *err) {
    size_t start, need;
    if (!gru_size_mul(g->count, g->steps, &start) || !gru_size_add(start, g->steps, &need))
        return gru_error_set(err, GRU_ERR_MEMORY, "the gradients' table is too large");
    if (gru_mem_grow(&g->norm, &g->cap, need, sizeof *g->norm, err))
        return err->code;
    double *sum = g->norm + start;
    if (g->batches == 0)
        memset(sum, 0, g->steps * sizeof *sum);
    for (size_t t = 0; t < g->steps; t++)
        sum[t] += norms[t];
    g->batches++;
    return GRU_OK;
}

void gru_gradients_end_epoch(gru_gradients *g, size_t number) {
    if (g->batches == 0)
        return;
    for (size_t t = 0; t < g->steps; t++)
        g->norm[g->count * g->steps + t] /= (double)g->batches;
    g->first = g->count == 0 ? number : g->first;
    g->count++;
    g->batches = 0;
}

static gru_status put_names(gru_table_writer *w, gru_error *err) {
    if (gru_table_put_text(w, "epoch", err) || gru_table_put_text(w, "step", err) ||
        gru_table_put_text(w, "back", err) || gru_table_put_text(w, "norm", err))
        return err->code;
    return gru_table_end_row(w, err);
}

static gru_status put_epoch(const gru_gradients *g, size_t epoch, gru_table_writer *w,
                            gru_error *err) {
    for (size_t t = 0; t < g->steps; t++)
        if (gru_table_put_int(w, (long long)(g->first + epoch + 1), err) ||
            gru_table_put_int(w, (long long)t + 1, err) ||
            gru_table_put_int(w, (long long)(g->steps - 1 - t), err) ||
            gru_table_put_double(w, g->norm[epoch * g->steps + t], err) ||
            gru_table_end_row(w, err))
            return err->code;
    return GRU_OK;
}

gru_status gru_gradients_write(const gru_gradients *g, const char *path, bool csv, gru_error *err) {
    gru_output *out;
    gru_table_writer w;
    if (gru_output_open(&out, path, GRU_OUTPUT_TEXT, err))
        return err->code;
    gru_table_writer_init(&w, out, csv);
    gru_status status = put_names(&w, err);
    for (size_t i = 0; status == GRU_OK && i < g->count; i++)
        status = put_epoch(g, i, &w, err);
    return gru_output_end(out, status, err);
}
