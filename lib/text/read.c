/* Reading and counting at the same time, a batch of rows apart. */
#include "text/read.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"

#include <stdlib.h>

enum { BATCH_BYTES = 1 << 19, BATCH_ROWS = 1 << 14 };

/* A row's text, label and id follow each other in the batch's bytes, each with a NUL. */
typedef struct item {
    size_t text, len, label_len, id_len;
    bool has_label;
    unsigned long long line;
} item;

typedef struct batch {
    gru_str bytes;
    item *items;
    size_t count, cap;
} batch;

typedef struct reading {
    gru_corpus *corpus;
    gru_source *source;
    batch batches[2];
    int filling; /* the batch that is read; the other one is counted */
    bool more;
    gru_status read_status, count_status;
    gru_error read_error, count_error;
} reading;

static gru_status take_row(batch *b, const gru_source_row *row, gru_error *err) {
    gru_status status = gru_mem_grow(&b->items, &b->cap, b->count + 1, sizeof *b->items, err);
    if (status)
        return status;
    b->items[b->count++] = (item){.text = b->bytes.len,
                                  .len = row->len,
                                  .label_len = row->label_len,
                                  .id_len = row->id_len,
                                  .has_label = row->label != NULL,
                                  .line = row->line};
    gru_str_add_bytes(&b->bytes, row->text, row->len + 1);
    if (row->label)
        gru_str_add_bytes(&b->bytes, row->label, row->label_len + 1);
    gru_str_add_bytes(&b->bytes, row->id, row->id_len + 1);
    return gru_str_check(&b->bytes, err);
}

static gru_status fill(reading *r, batch *b, gru_error *err) {
    gru_status status = GRU_OK;
    gru_source_row row;
    b->count = 0;
    gru_str_clear(&b->bytes);
    while (r->more && b->bytes.len < BATCH_BYTES && b->count < BATCH_ROWS) {
        status = gru_source_next(r->source, &row, &r->more, err);
        if (!status && r->more)
            status = take_row(b, &row, err);
        if (status)
            r->more = false;
    }
    return status;
}

static gru_status count_batch(const reading *r, const batch *b, gru_error *err) {
    gru_status status = GRU_OK;
    for (size_t i = 0; !status && i < b->count; i++) {
        const item *row = &b->items[i];
        const char *text = gru_str_text(&b->bytes) + row->text, *label = text + row->len + 1;
        const char *id = row->has_label ? label + row->label_len + 1 : label;
        status = gru_corpus_add(r->corpus, text, row->len, row->has_label ? label : NULL,
                                row->label_len, err);
        if (status)
            return gru_error_at(err, "%s:%llu", gru_source_name(r->source), row->line);
        status = gru_corpus_add_name(r->corpus, id, row->id_len, err);
    }
    return status;
}

static void step(void *arg, size_t task, size_t worker) {
    reading *r = arg;
    (void)worker;
    if (task == 0 && r->more)
        r->read_status = fill(r, &r->batches[r->filling], &r->read_error);
    else if (task == 0)
        r->batches[r->filling].count = 0;
    else
        r->count_status = count_batch(r, &r->batches[!r->filling], &r->count_error);
}

gru_status gru_corpus_read(gru_corpus *corpus, gru_source *source, size_t threads, gru_error *err) {
    gru_pool *pool;
    reading r = {.corpus = corpus, .source = source, .more = true};
    gru_status status = gru_pool_new(&pool, threads > 1 ? 2 : 1, err);
    if (status)
        return status;
    do {
        gru_pool_run(pool, 2, step, &r);
        r.filling = !r.filling;
    } while (!r.count_status && (r.more || r.batches[!r.filling].count));
    status = r.count_status ? r.count_status : r.read_status; /* rows before the one not read */
    if (status)
        *err = r.count_status ? r.count_error : r.read_error;
    gru_pool_free(pool);
    for (int i = 0; i < 2; i++) {
        gru_str_free(&r.batches[i].bytes);
        free(r.batches[i].items);
    }
    return status;
}
