/* The vocabulary in memory: words ↔ ids, classes, and texts → ids. */
#include "text/vocab.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

struct gru_vocab {
    gru_vocab_options options;
    gru_map *words; /* entry i has the id first + i, which is its value */
    int32_t first;  /* 1, or 2 where id 1 is the oov id */
    uint64_t *counts, *docs;
    size_t count_cap, docs_cap;
    gru_map *class_map;
    const char **classes; /* names, owned by class_map */
    size_t class_cap;
    size_t rows, distinct;
};

/* ---- making ---- */

static gru_status copy_text(char **to, const char *from, gru_error *err) {
    *to = from ? gru_str_copy(from, strlen(from)) : NULL;
    return from && !*to ? gru_error_memory(err, strlen(from)) : GRU_OK;
}

static gru_status copy_options(gru_vocab_options *to, const gru_vocab_options *from,
                               gru_error *err) {
    bool is_char = from->segment == GRU_SEGMENT_CHAR;
    *to = *from;
    to->filters = to->stem = to->text_column = to->label_column = to->id_column = NULL;
    to->stop = NULL;
    to->stop_count = 0;
    to->lower = from->lower < 0 ? !is_char : from->lower;
    const char *filters = from->filters ? from->filters : is_char ? "" : GRU_FILTERS_DEFAULT;
    gru_status status = copy_text(&to->filters, filters, err);
    if (!status)
        status = copy_text(&to->stem, from->stem, err);
    if (!status)
        status = copy_text(&to->text_column, from->text_column, err);
    if (!status)
        status = copy_text(&to->label_column, from->label_column, err);
    if (!status)
        status = copy_text(&to->id_column, from->id_column, err);
    if (!status)
        status = gru_mem_new(&to->stop, from->stop_count, sizeof *to->stop, err);
    for (; !status && to->stop_count < from->stop_count; to->stop_count++)
        status = copy_text(&to->stop[to->stop_count], from->stop[to->stop_count], err);
    return status;
}

gru_status gru_vocab_new(gru_vocab **out, const gru_vocab_options *options, gru_error *err) {
    gru_vocab *v;
    *out = NULL;
    gru_status status = gru_mem_new(&v, 1, sizeof *v, err);
    if (status)
        return status;
    v->first = options->oov ? 2 : 1;
    status = copy_options(&v->options, options, err);
    if (!status)
        status = gru_map_new(&v->words, err);
    if (!status)
        status = gru_map_new(&v->class_map, err);
    if (status)
        gru_vocab_free(v);
    else
        *out = v;
    return status;
}

void gru_vocab_free(gru_vocab *v) {
    if (!v)
        return;
    for (size_t i = 0; i < v->options.stop_count; i++)
        free(v->options.stop[i]);
    free(v->options.stop);
    free(v->options.filters);
    free(v->options.stem);
    free(v->options.text_column);
    free(v->options.label_column);
    free(v->options.id_column);
    gru_map_free(v->words);
    gru_map_free(v->class_map);
    free(v->counts);
    free(v->docs);
    free(v->classes);
    free(v);
}

static gru_status reserve_counts(gru_vocab *v, size_t words, gru_error *err) {
    gru_status status = gru_mem_grow(&v->counts, &v->count_cap, words, sizeof *v->counts, err);
    return status ? status : gru_mem_grow(&v->docs, &v->docs_cap, words, sizeof *v->docs, err);
}

gru_status gru_vocab_reserve(gru_vocab *v, size_t words, gru_error *err) {
    gru_status status = reserve_counts(v, words, err);
    return status ? status : gru_map_reserve(v->words, words, err);
}

gru_status gru_vocab_add(gru_vocab *v, const char *word, size_t len, uint64_t count, uint64_t docs,
                         gru_error *err) {
    size_t index = gru_map_count(v->words);
    if (index >= INT32_MAX - 2)
        return gru_error_set(err, GRU_ERR_DATA, "more than 2147483645 words");
    gru_status status = reserve_counts(v, index + 1, err);
    if (status)
        return status;
    gru_map_entry *entry = gru_map_put(v->words, word, len);
    if (!entry)
        return gru_error_memory(err, len);
    if (gru_map_count(v->words) == index)
        return gru_error_set(err, GRU_ERR_DATA, "the word '%s' is there twice", entry->key);
    entry->value = v->first + (int64_t)index;
    v->counts[index] = count;
    v->docs[index] = docs;
    return GRU_OK;
}

gru_status gru_vocab_add_class(gru_vocab *v, const char *label, size_t len, gru_error *err) {
    size_t index = gru_map_count(v->class_map);
    if (gru_map_get(v->class_map, label, len))
        return gru_error_set(err, GRU_ERR_DATA, "the class '%s' is there twice", label);
    gru_status status =
        gru_mem_grow(&v->classes, &v->class_cap, index + 1, sizeof *v->classes, err);
    if (status)
        return status;
    gru_map_entry *entry = gru_map_put(v->class_map, label, len);
    if (!entry)
        return gru_error_memory(err, len);
    entry->value = (int64_t)index;
    v->classes[index] = entry->key;
    return GRU_OK;
}

void gru_vocab_set_origin(gru_vocab *v, size_t rows, size_t distinct, size_t max_len) {
    v->rows = rows;
    v->distinct = distinct;
    if (v->options.max_len == 0)
        v->options.max_len = max_len ? max_len : 1;
}

/* ---- asking ---- */

const gru_vocab_options *gru_vocab_get_options(const gru_vocab *v) {
    return &v->options;
}
size_t gru_vocab_max_len(const gru_vocab *v) {
    return v->options.max_len;
}
size_t gru_vocab_distinct(const gru_vocab *v) {
    return v->distinct;
}
size_t gru_vocab_rows(const gru_vocab *v) {
    return v->rows;
}
const char *gru_vocab_text_column(const gru_vocab *v) {
    return v->options.text_column;
}
const char *gru_vocab_label_column(const gru_vocab *v) {
    return v->options.label_column;
}
const char *gru_vocab_id_column(const gru_vocab *v) {
    return v->options.id_column;
}

size_t gru_vocab_size(const gru_vocab *v) {
    return gru_map_count(v->words) + (size_t)v->first;
}

const char *const *gru_vocab_classes(const gru_vocab *v, size_t *count) {
    *count = gru_map_count(v->class_map);
    return v->classes;
}

int32_t gru_vocab_class(const gru_vocab *v, const char *label, size_t len) {
    const gru_map_entry *entry = gru_map_get(v->class_map, label, len);
    return entry ? (int32_t)entry->value : -1;
}

/* The index of an id's word, or SIZE_MAX. */
static size_t word_index(const gru_vocab *v, int32_t id) {
    if (id < v->first || (size_t)(id - v->first) >= gru_map_count(v->words))
        return SIZE_MAX;
    return (size_t)(id - v->first);
}

const char *gru_vocab_word(const gru_vocab *v, int32_t id) {
    size_t index = word_index(v, id);
    if (index == SIZE_MAX)
        return v->options.oov && id == 1 ? "<oov>" : NULL;
    return gru_map_at(v->words, index)->key;
}

uint64_t gru_vocab_count(const gru_vocab *v, int32_t id) {
    size_t index = word_index(v, id);
    return index == SIZE_MAX ? 0 : v->counts[index];
}

uint64_t gru_vocab_docs(const gru_vocab *v, int32_t id) {
    size_t index = word_index(v, id);
    return index == SIZE_MAX ? 0 : v->docs[index];
}

int32_t gru_vocab_id(const gru_vocab *v, const char *word, size_t len) {
    const gru_map_entry *entry = gru_map_get(v->words, word, len);
    return entry ? (int32_t)entry->value : v->options.oov ? 1 : 0;
}

/* ---- encoding ---- */

gru_status gru_vocab_segmenter(const gru_vocab *v, gru_segmenter **out, gru_error *err) {
    const gru_vocab_options *o = &v->options;
    gru_segment_options options = {.segment = o->segment,
                                   .lower = o->lower != 0,
                                   .filters = o->filters,
                                   .stop = (const char *const *)o->stop,
                                   .stop_count = o->stop_count,
                                   .stem = o->stem};
    return gru_segmenter_new(out, &options, err);
}

gru_status gru_vocab_encode(const gru_vocab *v, gru_segmenter *scratch, const char *text,
                            size_t len, int32_t *ids, size_t *valid, gru_error *err) {
    const char *buffer;
    const gru_token *tokens;
    size_t count, steps = v->options.max_len, used = 0;
    gru_status status = gru_segmenter_split(scratch, text, len, &buffer, &tokens, &count, err);
    if (status)
        return status;
    /* Walk from the end that is kept, and stop once T ids are there. */
    for (size_t i = 0; i < count && used < steps; i++) {
        const gru_token *token = &tokens[v->options.cut_post ? i : count - 1 - i];
        int32_t id = gru_vocab_id(v, buffer + token->start, token->len);
        if (id)
            ids[v->options.cut_post ? used++ : steps - ++used] = id;
    }
    size_t from = v->options.cut_post ? 0 : steps - used;
    size_t to = v->options.pad_post ? 0 : steps - used;
    memmove(ids + to, ids + from, used * sizeof *ids);
    memset(v->options.pad_post ? ids + used : ids, 0, (steps - used) * sizeof *ids);
    if (valid)
        *valid = used;
    return GRU_OK;
}

size_t gru_vocab_pad(const gru_vocab *v, const int32_t *seq, size_t count, int32_t *ids) {
    size_t steps = v->options.max_len, used = count < steps ? count : steps;
    memset(ids, 0, steps * sizeof *ids);
    if (used)
        memcpy(v->options.pad_post ? ids : ids + (steps - used),
               v->options.cut_post ? seq : seq + (count - used), used * sizeof *ids);
    return used;
}
