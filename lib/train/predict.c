/* Predictions of a stream of samples, in constant memory.
 *
 * Batches go round in three slots: the caller fills one while a thread computes the one before it
 * and another writes the one before that. The threads are started by the first full batch, so what
 * fits into one has none. */
#include "train/predict.h"

#include "base/cpu.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/relay.h"
#include "nn/runner.h"
#include "text/vocab.h"
#include "train/bucket.h"
#include "train/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* OVERLAP_ROWS: batches of fewer rows are computed sooner than they are handed on. */
enum { BUFFER_BYTES = 64 << 20, SLOTS = 3, OVERLAP_ROWS = 16 };

/* A table beside the predictions: attention weights, states or gates, one line a step. */
typedef struct side {
    gru_output *out;
    gru_table_writer to;
} side;

typedef struct row_length {
    uint32_t steps, row;
} row_length;

/* A batch on its way from the caller to the table. */
typedef struct slot {
    unsigned char *buffer; /* [batch] records; NULL: not yet in use */
    const unsigned char **records;
    size_t filled, first; /* rows, and those before them */
    gru_real *outputs;    /* [batch][answer] */
    size_t *span;         /* [batch][2]: the steps that have an answer */
} slot;

struct gru_predictor {
    gru_package *package;
    const char *name;
    gru_record_spec spec;
    gru_predict_options options;
    gru_pool *pool;
    gru_runner *runner;
    gru_output *out;
    gru_table_writer to;
    gru_answers answers;
    slot slots[SLOTS];
    size_t at;        /* the slot that is being filled */
    size_t answer;    /* numbers of a row's */
    gru_relay *relay; /* NULL: not yet, or not wanted */
    /* rows of similar length lie in one slice, where they can differ; the runner's row k is ours
     * lengths[k].row, and our row i the runner's place[i] */
    bool sorted;
    row_length *lengths;
    const unsigned char **by_length;
    size_t *place;
    size_t rows; /* handed on */
    side attention, states, gates;
    gru_vocab *vocab; /* names of tokens beside the attention; or NULL */
};

/* ---- side tables ---- */

static gru_status open_side(gru_predictor *p, side *s, const char *path, gru_error *err) {
    if (gru_output_open(&s->out, path, GRU_OUTPUT_TEXT, err))
        return err->code;
    gru_table_writer_init(&s->to, s->out, p->options.csv);
    bool named = p->spec.slot[GRU_ID].type != 0;
    if ((!named && gru_table_put_text(&s->to, "id", err)) ||
        gru_labels_put_names(&s->to, &p->spec, err))
        return err->code;
    return gru_table_put_text(&s->to, "step", err);
}

static gru_status open_attention(gru_predictor *p, gru_error *err) {
    if (!gru_runner_attention(p->runner))
        return gru_error_set(err, GRU_ERR_DATA, "--attention: the network has no attention layer");
    if (open_side(p, &p->attention, p->options.attention, err))
        return err->code;
    const char *text = gru_bundle_get(p->package->bundle, gru_role_key(GRU_ROLE_VOCAB));
    bool tokens = gru_model_input(p->package->model)->tokens;
    if (text && tokens &&
        (gru_vocab_parse(&p->vocab, text, strlen(text), "the model's vocab.tsv", err) ||
         gru_table_put_text(&p->attention.to, "token", err)))
        return err->code;
    if (gru_table_put_text(&p->attention.to, "weight", err))
        return err->code;
    return gru_table_end_row(&p->attention.to, err);
}

/* Columns name_1 … name_units. */
static gru_status name_units(side *s, const char *name, size_t len, size_t units, gru_error *err) {
    for (size_t u = 0; u < units; u++) {
        char column[32];
        snprintf(column, sizeof column, "%.*s_%zu", (int)len, name, u + 1);
        if (gru_table_put_text(&s->to, column, err))
            return err->code;
    }
    return GRU_OK;
}

static gru_status open_states(gru_predictor *p, gru_error *err) {
    size_t units;
    if (!gru_runner_states(p->runner, &units))
        return gru_error_set(err, GRU_ERR_DATA, "--states: the network has no recurrent layer");
    if (open_side(p, &p->states, p->options.states, err) ||
        name_units(&p->states, "unit", 4, units, err))
        return err->code;
    return gru_table_end_row(&p->states.to, err);
}

static gru_status open_gates(gru_predictor *p, gru_error *err) {
    size_t units;
    const char *names;
    if (!gru_runner_gates(p->runner, &units, &names))
        return gru_error_set(err, GRU_ERR_DATA, "--gates: the last recurrent layer has none");
    if (open_side(p, &p->gates, p->options.gates, err))
        return err->code;
    for (; *names; names++)
        if (name_units(&p->gates, names, 1, units, err))
            return err->code;
    return gru_table_end_row(&p->gates.to, err);
}

/* A row of a batch whose side tables are written: its steps first … end − 1. */
typedef struct side_row {
    const unsigned char *record;
    size_t number;     /* from 1, in the stream */
    size_t place;      /* in the runner's batch */
    size_t first, end; /* the valid steps */
} side_row;

static gru_status start_line(gru_predictor *p, side *s, const side_row *row, size_t step,
                             gru_error *err) {
    bool named = p->spec.slot[GRU_ID].type != 0;
    if ((!named && gru_table_put_int(&s->to, (long long)row->number, err)) ||
        gru_labels_put(&s->to, &p->spec, row->record, err))
        return err->code;
    return gru_table_put_int(&s->to, (long long)step + 1, err);
}

static gru_status put_token(gru_predictor *p, const side_row *row, size_t step, gru_error *err) {
    int32_t id;
    memcpy(&id, row->record + p->spec.slot[GRU_X].offset + step * sizeof id, sizeof id);
    const char *word = gru_vocab_word(p->vocab, id);
    return gru_table_put_text(&p->attention.to, word ? word : "", err);
}

/* values [batch][steps][width]; tokens: a column of them first. */
static gru_status put_steps(gru_predictor *p, side *s, const side_row *row, const gru_real *values,
                            size_t width, bool tokens, gru_error *err) {
    values += row->place * p->spec.slot[GRU_X].shape[0] * width;
    for (size_t t = row->first; t < row->end; t++) {
        if (start_line(p, s, row, t, err) || (tokens && put_token(p, row, t, err)))
            return err->code;
        for (size_t i = 0; i < width; i++)
            if (gru_table_put_float(&s->to, (float)values[t * width + i], err))
                return err->code;
        if (gru_table_end_row(&s->to, err))
            return err->code;
    }
    return GRU_OK;
}

static gru_status put_sides(gru_predictor *p, const slot *b, size_t row, gru_error *err) {
    side_row at = {.record = b->records[row], .number = b->first + row + 1, .place = p->place[row]};
    size_t units;
    const char *names;
    gru_runner_valid(p->runner, at.place, &at.first, &at.end);
    if (p->attention.out &&
        put_steps(p, &p->attention, &at, gru_runner_attention(p->runner), 1, p->vocab != NULL, err))
        return err->code;
    const gru_real *states = gru_runner_states(p->runner, &units);
    if (p->states.out && put_steps(p, &p->states, &at, states, units, false, err))
        return err->code;
    const gru_real *gates = gru_runner_gates(p->runner, &units, &names);
    if (!p->gates.out)
        return GRU_OK;
    return put_steps(p, &p->gates, &at, gates, units * strlen(names), false, err);
}

/* ---- life ---- */

/* A stateful layer goes on from a batch's row to the same row of the next. */
static bool may_sort(const gru_predictor *p) {
    const gru_arch *arch = gru_model_arch(p->package->model);
    for (size_t i = 0; i < arch->count; i++)
        if (arch->layers[i].stateful)
            return false;
    return gru_rows_differ(p->package->model, &p->spec);
}

static gru_status new_slot(const gru_predictor *p, slot *b, gru_error *err) {
    size_t batch = p->options.batch;
    if (gru_mem_new(&b->buffer, batch, p->spec.bytes, err) ||
        gru_mem_new(&b->records, batch, sizeof *b->records, err) ||
        gru_mem_new(&b->outputs, batch, p->answer * sizeof *b->outputs, err) ||
        gru_mem_new(&b->span, batch, 2 * sizeof *b->span, err))
        return err->code;
    for (size_t i = 0; i < batch; i++)
        b->records[i] = b->buffer + i * p->spec.bytes;
    return GRU_OK;
}

static gru_status set_up(gru_predictor *p, gru_error *err) {
    const gru_predict_options *o = &p->options;
    size_t threads = o->threads ? o->threads : gru_cpu_count();
    gru_runner_options how = {.batch = o->batch,
                              .steps = p->spec.slot[GRU_X].dims ? p->spec.slot[GRU_X].shape[0] : 1,
                              .want_attention = o->attention != NULL,
                              .want_states = o->states != NULL,
                              .want_gates = o->gates != NULL};
    p->answer = p->package->outputs * (gru_model_per_step(p->package->model) ? how.steps : 1);
    gru_table_writer_init(&p->to, p->out, o->csv);
    if (gru_answers_init(&p->answers, p->package, &p->spec, &p->to, err))
        return gru_error_at(err, "%s", p->name);
    if (new_slot(p, &p->slots[0], err) ||
        gru_mem_new(&p->lengths, o->batch, sizeof *p->lengths, err) ||
        gru_mem_new(&p->by_length, o->batch, sizeof *p->by_length, err) ||
        gru_mem_new(&p->place, o->batch, sizeof *p->place, err) ||
        gru_pool_new(&p->pool, threads, err) ||
        gru_runner_new(&p->runner, p->package->model, p->pool, &how, err))
        return err->code;
    p->sorted = may_sort(p);
    if (o->attention && open_attention(p, err))
        return err->code;
    if (o->states && open_states(p, err))
        return err->code;
    return o->gates ? open_gates(p, err) : GRU_OK;
}

gru_status gru_predictor_new(gru_predictor **out_p, gru_package *package,
                             const gru_record_spec *spec, const char *name,
                             const gru_predict_options *options, gru_output *out, gru_error *err) {
    gru_predictor *p;
    *out_p = NULL;
    if (gru_mem_new(&p, 1, sizeof *p, err))
        return err->code;
    p->package = package;
    p->spec = *spec;
    p->name = name;
    p->options = *options;
    p->out = out;
    size_t most =
        BUFFER_BYTES / (spec->bytes ? spec->bytes : 1); /* long samples, fewer at a time */
    p->options.batch = most < options->batch ? most : options->batch;
    if (p->options.batch == 0)
        p->options.batch = 1;
    if (set_up(p, err)) {
        gru_predictor_free(p);
        return err->code;
    }
    *out_p = p;
    return GRU_OK;
}

void gru_predictor_free(gru_predictor *p) {
    if (!p)
        return;
    gru_relay_free(p->relay);
    gru_output_discard(p->attention.out);
    gru_output_discard(p->states.out);
    gru_output_discard(p->gates.out);
    gru_answers_free(&p->answers);
    gru_runner_free(p->runner);
    gru_pool_free(p->pool);
    gru_vocab_free(p->vocab);
    for (size_t i = 0; i < SLOTS; i++) {
        free(p->slots[i].buffer);
        free(p->slots[i].records);
        free(p->slots[i].outputs);
        free(p->slots[i].span);
    }
    free(p->lengths);
    free(p->by_length);
    free(p->place);
    free(p);
}

/* ---- a batch ---- */

static int shorter(const void *a, const void *b) {
    const row_length *x = a, *y = b;
    if (x->steps != y->steps)
        return x->steps < y->steps ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static void sort_batch(gru_predictor *p, const slot *b) {
    for (size_t i = 0; i < b->filled; i++) {
        uint32_t first = 0, end = 0;
        if (p->sorted)
            gru_row_span(p->package->model, &p->spec, b->records[i], &first, &end);
        p->lengths[i] = (row_length){end - first, (uint32_t)i};
    }
    if (p->sorted)
        qsort(p->lengths, b->filled, sizeof *p->lengths, shorter);
    for (size_t k = 0; k < b->filled; k++) {
        p->by_length[k] = b->records[p->lengths[k].row];
        p->place[p->lengths[k].row] = k;
    }
}

/* What the runner says of a row, before its next batch. */
static void keep_answer(const gru_predictor *p, slot *b, size_t row) {
    size_t place = p->place[row], *span = b->span + 2 * row;
    memcpy(b->outputs + row * p->answer, gru_runner_outputs(p->runner) + place * p->answer,
           p->answer * sizeof *b->outputs);
    span[0] = 0;
    span[1] = 1;
    if (gru_model_per_step(p->package->model))
        gru_runner_valid(p->runner, place, &span[0], &span[1]);
}

/* With the side tables, which show what only the runner has. */
static gru_status compute(void *arg, size_t number, gru_error *err) {
    gru_predictor *p = arg;
    slot *b = &p->slots[number];
    gru_batch batch = {b->filled, p->by_length, &p->spec, 0, 0};
    size_t tokens = gru_model_arch(p->package->model)->layers[0].rows;
    sort_batch(p, b);
    for (size_t row = 0; row < b->filled; row++)
        if (gru_record_check(&p->spec, b->records[row], b->first + row, tokens, err))
            return gru_error_at(err, "%s", p->name);
    if (gru_runner_predict(p->runner, &batch, err))
        return gru_error_at(err, "%s", p->name);
    for (size_t row = 0; row < b->filled; row++) {
        keep_answer(p, b, row);
        if ((p->attention.out || p->states.out || p->gates.out) && put_sides(p, b, row, err))
            return err->code;
    }
    return GRU_OK;
}

static gru_status write_answers(void *arg, size_t number, gru_error *err) {
    gru_predictor *p = arg;
    slot *b = &p->slots[number];
    for (size_t row = 0; row < b->filled; row++) {
        const size_t *span = b->span + 2 * row;
        gru_status status = gru_answers_row(&p->answers, b->outputs + row * p->answer, span[0],
                                            span[1], b->records[row], err);
        if (status != GRU_OK)
            return status == GRU_ERR_DATA ? gru_error_at(err, "%s", p->name) : status;
    }
    b->filled = 0;
    return gru_output_flush(p->out, err);
}

/* ---- the way of a batch ---- */

/* Has the batches that follow overlap, where threads can be started; the answers are the same. */
static gru_status start_relay(gru_predictor *p, gru_error *err) {
    gru_relay_stage *const stages[] = {compute, write_answers};
    gru_error refused = {0};
    for (size_t i = 1; i < SLOTS; i++)
        if (new_slot(p, &p->slots[i], err))
            return err->code;
    if (gru_relay_new(&p->relay, stages, 2, SLOTS, p, &refused)) {
        gru_warn("%s; batches do not overlap", refused.message);
        p->options.threads = 1;
    }
    return GRU_OK;
}

static gru_status hand_on(gru_predictor *p, gru_error *err) {
    slot *b = &p->slots[p->at];
    b->first = p->rows;
    p->rows += b->filled;
    if (p->relay)
        return gru_relay_pass(p->relay, &p->at, err);
    return compute(p, p->at, err) ? err->code : write_answers(p, p->at, err);
}

void *gru_predictor_room(gru_predictor *p, size_t *max) {
    const slot *b = &p->slots[p->at];
    *max = p->options.batch - b->filled;
    return b->buffer + b->filled * p->spec.bytes;
}

gru_status gru_predictor_filled(gru_predictor *p, size_t count, gru_error *err) {
    const gru_predict_options *o = &p->options;
    slot *b = &p->slots[p->at];
    b->filled += count;
    if (b->filled < o->batch)
        return GRU_OK;
    if (!p->relay && o->threads != 1 && o->batch >= OVERLAP_ROWS && start_relay(p, err))
        return err->code;
    return hand_on(p, err);
}

/* Batches before the caller's failure have their own word first. */
static gru_status finish_batches(gru_predictor *p, gru_status status, gru_error *err) {
    gru_error earlier = {0};
    if (status == GRU_OK && p->slots[p->at].filled)
        status = hand_on(p, err);
    if (p->relay && gru_relay_end(p->relay, &earlier)) {
        *err = earlier;
        return err->code;
    }
    return status;
}

gru_status gru_predictor_end(gru_predictor *p, gru_status status, gru_error *err) {
    if (!p)
        return status;
    side *const sides[] = {&p->attention, &p->states, &p->gates};
    status = finish_batches(p, status, err);
    if (status != GRU_OK)
        return status;
    if (p->rows == 0)
        return gru_error_set(err, GRU_ERR_DATA, "%s: no samples", p->name);
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        gru_output *out = sides[i]->out;
        sides[i]->out = NULL;
        if (out && gru_output_commit(out, err))
            return err->code;
    }
    return GRU_OK;
}

gru_status gru_predict_stream(gru_package *package, gru_input *in,
                              const gru_predict_options *options, gru_output *out, gru_error *err) {
    gru_npy_reader *reader;
    gru_predictor *p = NULL;
    size_t got = 1, max;
    const unsigned char *start;
    if (gru_input_peek(in, 6, &start, &got, err))
        return err->code;
    if (got && !gru_npy_magic(start, got) && !gru_input_is_zip(start, got)) {
        return gru_error_set(err, GRU_ERR_DATA,
                             "%s: is not an NPY array; --raw reads texts and tables",
                             gru_input_name(in));
    }
    if (gru_npy_open(&reader, in, err))
        return err->code;
    gru_status status =
        gru_predictor_new(&p, package, gru_npy_spec(reader), gru_input_name(in), options, out, err);
    while (status == GRU_OK && got > 0) {
        void *room = gru_predictor_room(p, &max);
        status = gru_npy_next(reader, room, max, &got, err);
        if (status == GRU_OK)
            status = gru_predictor_filled(p, got, err);
    }
    status = gru_predictor_end(p, status, err);
    gru_predictor_free(p);
    gru_npy_close(reader);
    return status;
}
