/* Word vectors into embedding tables: whose word is whose row. */
#include "train/pretrained.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/number.h"
#include "io/utf8.h"
#include "text/vectors.h"
#include "text/vocab.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

typedef enum found { FOUND_NONE, FOUND_OTHER_CASE, FOUND_EXACT } found;

/* Ids run from `first` to below `rows`; those whose words differ in case only are chained. */
typedef struct matcher {
    const gru_vocab *vocab;
    gru_map *exact, *folded; /* word → id; word in small letters → first id of its chain */
    int32_t *next, first, rows;
    unsigned char *state; /* found, by id */
    gru_real *table;
    size_t width;
    float *numbers;
    gru_str scratch;
} matcher;

/* text in small letters to m->scratch; false for what is not UTF-8. */
static bool fold(matcher *m, const char *text, size_t len) {
    gru_str_clear(&m->scratch);
    for (size_t i = 0; i < len;) {
        uint32_t code;
        char small[GRU_UTF8_BYTES];
        i += gru_utf8_next(text + i, len - i, &code);
        if (code == GRU_UTF8_BAD)
            return false;
        gru_str_add_bytes(&m->scratch, small,
                          gru_utf8_put(small, (uint32_t)u_tolower((UChar32)code)));
    }
    return true;
}

static gru_status add_word(matcher *m, int32_t id, gru_error *err) {
    const char *word = gru_vocab_word(m->vocab, id);
    size_t len = strlen(word);
    gru_map_entry *entry = gru_map_put(m->exact, word, len);
    if (!entry)
        return gru_error_memory(err, len);
    entry->value = id;
    if (!fold(m, word, len))
        return GRU_OK;
    entry = gru_map_put(m->folded, gru_str_text(&m->scratch), m->scratch.len);
    if (!entry)
        return gru_error_memory(err, len);
    m->next[id] = (int32_t)entry->value;
    entry->value = id;
    return gru_str_check(&m->scratch, err);
}

static gru_status make_matcher(matcher *m, const gru_vocab *vocab, const gru_param *p,
                               gru_real *table, gru_error *err) {
    size_t size = gru_vocab_size(vocab);
    m->vocab = vocab;
    m->table = table;
    m->width = p->shape[1];
    m->first = gru_vocab_get_options(vocab)->oov ? 2 : 1;
    m->rows = (int32_t)(size < p->shape[0] ? size : p->shape[0]);
    if (gru_map_new(&m->exact, err) || gru_map_new(&m->folded, err) ||
        gru_mem_new(&m->next, size, sizeof *m->next, err) ||
        gru_mem_new(&m->state, size, sizeof *m->state, err) ||
        gru_mem_new(&m->numbers, m->width, sizeof *m->numbers, err))
        return err->code;
    for (int32_t id = m->first; id < m->rows; id++)
        if (add_word(m, id, err))
            return err->code;
    return GRU_OK;
}

static void free_matcher(matcher *m) {
    gru_map_free(m->exact);
    gru_map_free(m->folded);
    free(m->next);
    free(m->state);
    free(m->numbers);
    gru_str_free(&m->scratch);
}

static gru_status fill(matcher *m, int32_t id, found how, const gru_vectors *v, gru_error *err) {
    if (m->state[id] >= how)
        return GRU_OK;
    if (gru_vectors_numbers(v, m->numbers, err))
        return err->code;
    gru_real *row = m->table + (size_t)id * m->width;
    for (size_t i = 0; i < m->width; i++)
        row[i] = (gru_real)m->numbers[i];
    m->state[id] = (unsigned char)how;
    return GRU_OK;
}

static gru_status match(matcher *m, const char *word, size_t len, const gru_vectors *v,
                        gru_error *err) {
    const gru_map_entry *entry = gru_map_get(m->exact, word, len);
    if (entry && fill(m, (int32_t)entry->value, FOUND_EXACT, v, err))
        return err->code;
    if (!fold(m, word, len))
        return GRU_OK;
    entry = gru_map_get(m->folded, gru_str_text(&m->scratch), m->scratch.len);
    for (int32_t id = entry ? (int32_t)entry->value : 0; id; id = m->next[id])
        if (fill(m, id, FOUND_OTHER_CASE, v, err))
            return err->code;
    return gru_str_check(&m->scratch, err);
}

static void report(const matcher *m, const char *name) {
    size_t count[FOUND_EXACT + 1] = {0};
    char all[GRU_NUMBER_MAX], here[GRU_NUMBER_MAX], other[GRU_NUMBER_MAX];
    for (int32_t id = m->first; id < m->rows; id++)
        count[m->state[id]]++;
    gru_number_group(count[FOUND_OTHER_CASE] + count[FOUND_EXACT], here);
    gru_number_group(count[FOUND_OTHER_CASE], other);
    gru_number_group(m->rows > m->first ? (size_t)(m->rows - m->first) : 0, all);
    if (count[FOUND_OTHER_CASE] > 0)
        gru_note("%s: %s of %s words found, %s of them in another case", name, here, all, other);
    else
        gru_note("%s: %s of %s words found", name, here, all);
}

static gru_status read_vectors(matcher *m, gru_input *in, gru_error *err) {
    gru_vectors *v;
    const char *word;
    size_t len;
    if (gru_vectors_open(&v, in, m->width, err))
        return err->code;
    gru_status status;
    while ((status = gru_vectors_next(v, &word, &len, err)) == GRU_OK && word)
        if ((status = match(m, word, len, v, err)) != GRU_OK)
            break;
    gru_vectors_close(v);
    return status;
}

static gru_status load_layer(gru_model *m, const gru_param *p, const char *path,
                             const gru_vocab *vocab, gru_error *err) {
    matcher match = {0};
    gru_real *table = gru_model_weights(m) + p->offset;
    gru_input *in;
    if (gru_input_open(&in, path, err))
        return err->code;
    gru_status status = make_matcher(&match, vocab, p, table, err);
    if (status == GRU_OK)
        status = read_vectors(&match, in, err);
    if (status == GRU_OK) {
        memset(table, 0, p->shape[1] * sizeof *table);
        report(&match, gru_input_name(in));
    }
    free_matcher(&match);
    gru_input_close(in);
    return status;
}

gru_status gru_pretrained_load(gru_model *m, const char *vocab_text, gru_error *err) {
    const gru_arch *arch = gru_model_arch(m);
    gru_vocab *vocab = NULL;
    gru_status status = GRU_OK;
    for (size_t i = 0; status == GRU_OK && i < gru_model_param_count(m); i++) {
        const gru_param *p = gru_model_param(m, i);
        const gru_layer *layer = &arch->layers[p->layer];
        if (layer->kind != GRU_LAYER_EMBEDDING || !layer->weights)
            continue;
        if (!vocab_text) {
            status = gru_error_set(err, GRU_ERR_USAGE,
                                   "weights=%s needs the vocabulary whose words these are: give "
                                   "--attach vocab.tsv",
                                   layer->weights);
        } else if (!vocab) {
            status = gru_vocab_parse(&vocab, vocab_text, strlen(vocab_text), "vocab.tsv", err);
        }
        if (status == GRU_OK)
            status = load_layer(m, p, layer->weights, vocab, err);
    }
    gru_vocab_free(vocab);
    return status;
}
