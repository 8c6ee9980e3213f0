/* Reading and counting at the same time, a batch of rows apart. */
#include "text/read.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH_BYTES = 1 << 19, BATCH_ROWS = 1 << 14 };

/* A row's text (once it is split: what its tokens lie in), label and id follow each other in the
 * batch's bytes, each with a NUL. */
typedef struct item {
    size_t text, len, label_len, id_len;
    size_t tokens, count; /* of the batch's tokens */
    bool split, has_label;
    unsigned long long line;
} item;

typedef struct batch {
    gru_str bytes;
    gru_token *tokens;
    size_t token_count, token_cap;
    item *items;
    size_t count, cap;
} batch;

typedef struct reading {
    gru_corpus *corpus;
    gru_source *source;
    gru_segmenter
        *segmenter; /* for splitting while reading; NULL until the corpus has decided how */
    batch batches[2];
    int filling; /* the batch that is read; the other one is counted */
    bool more;
    gru_status read_status, count_status;
    gru_error read_error, count_error;
} reading;

static gru_status split_row(reading *r, batch *b, const gru_source_row *row, item *to,
                            gru_error *err) {
    const char *buffer;
    const gru_token *tokens;
    gru_status status =
        gru_segmenter_split(r->segmenter, row->text, row->len, &buffer, &tokens, &to->count, err);
    if (status)
        return gru_error_at(err, "%s:%llu", gru_source_name(r->source), row->line);
    to->split = true;
    to->tokens = b->token_count;
    to->len = to->count ? tokens[to->count - 1].start + tokens[to->count - 1].len : 0;
    status =
        gru_mem_grow(&b->tokens, &b->token_cap, b->token_count + to->count, sizeof *b->tokens, err);
    if (status)
        return status;
    if (to->count)
        memcpy(b->tokens + b->token_count, tokens, to->count * sizeof *tokens);
    b->token_count += to->count;
    gru_str_add_bytes(&b->bytes, buffer, to->len);
    gru_str_add_char(&b->bytes, '\0');
    return GRU_OK;
}

static gru_status take_row(reading *r, batch *b, const gru_source_row *row, gru_error *err) {
    gru_status status = gru_mem_grow(&b->items, &b->cap, b->count + 1, sizeof *b->items, err);
    if (status)
        return status;
    item *to = &b->items[b->count];
    *to = (item){.text = b->bytes.len,
                 .len = row->len,
                 .label_len = row->label_len,
                 .id_len = row->id_len,
                 .has_label = row->label != NULL,
                 .line = row->line};
    if (r->segmenter)
        status = split_row(r, b, row, to, err);
    else
        gru_str_add_bytes(&b->bytes, row->text, row->len + 1);
    if (status)
        return status;
    if (row->label)
        gru_str_add_bytes(&b->bytes, row->label, row->label_len + 1);
    gru_str_add_bytes(&b->bytes, row->id, row->id_len + 1);
    b->count++;
    return gru_str_check(&b->bytes, err);
}

static gru_status fill(reading *r, batch *b, gru_error *err) {
    gru_status status = GRU_OK;
    gru_source_row row;
    b->count = b->token_count = 0;
    gru_str_clear(&b->bytes);
    while (r->more && b->bytes.len < BATCH_BYTES && b->count < BATCH_ROWS) {
        status = gru_source_next(r->source, &row, &r->more, err);
        if (!status && r->more)
            status = take_row(r, b, &row, err);
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
        label = row->has_label ? label : NULL;
        status = row->split ? gru_corpus_add_split(r->corpus, text, b->tokens + row->tokens,
                                                   row->count, label, row->label_len, err)
                            : gru_corpus_add(r->corpus, text, row->len, label, row->label_len, err);
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
        if (!r.segmenter && (status = gru_corpus_segmenter(corpus, &r.segmenter, err)))
            break;
        gru_pool_run(pool, 2, step, &r);
        r.filling = !r.filling;
    } while (!r.count_status && (r.more || r.batches[!r.filling].count));
    if (r.count_status || r.read_status) { /* counted are rows before the one not read */
        status = r.count_status ? r.count_status : r.read_status;
        *err = r.count_status ? r.count_error : r.read_error;
    }
    gru_pool_free(pool);
    gru_segmenter_free(r.segmenter);
    for (int i = 0; i < 2; i++) {
        gru_str_free(&r.batches[i].bytes);
        free(r.batches[i].tokens);
        free(r.batches[i].items);
    }
    return status;
}
