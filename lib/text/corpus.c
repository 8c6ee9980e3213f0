/* Fitting and applying a vocabulary to many texts.
 *
 * While fitting a token is kept as the number of its word in order of first appearance; once all
 * are seen, words are ranked and the numbers replaced by ids in place. */
#include "text/corpus.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

enum {
    AHEAD = 16,            /* words that are looked for at a time */
    GUESS_BYTES = 1 << 20, /* text looked at before AUTO is decided */
    CLASSES_ALWAYS = 20,   /* this many labels are never doubted */
    CLASSES_LISTED = 20    /* at most so many are named in a message */
};

typedef struct word_stat {
    uint64_t count;
    uint32_t docs, last_row; /* last_row: row + 1 that counted docs last */
} word_stat;

struct gru_corpus {
    const gru_vocab *vocab;    /* given from outside, else NULL */
    gru_vocab *settings;       /* an empty vocabulary: owns the options while fitting */
    gru_vocab_options options; /* borrowed from either */
    int lower_given;           /* as given, for when AUTO is decided */
    bool filters_given;
    gru_segmenter *segmenter; /* NULL while AUTO is undecided */
    uint64_t scripts[2];      /* gru_segment_count */
    gru_str waiting;          /* texts seen before AUTO was decided … */
    size_t *waiting_end;      /* … and where each ends */
    size_t waiting_count, waiting_cap;
    gru_map *words; /* word → its number + 1 */
    word_stat *stats;
    size_t stat_cap;
    int32_t *tokens; /* word numbers, ids after fitting */
    size_t token_count, token_cap;
    size_t *row_end;
    size_t rows, row_cap, empty;
    gru_map *labels;  /* label → its number */
    int32_t *classes; /* per row: label numbers, classes after fitting */
    size_t class_count, class_cap;
    gru_str names;
    size_t *name_end;
    size_t name_count, name_cap, longest_name;
};

/* ---- making ---- */

static gru_status make(gru_corpus **out, gru_error *err) {
    gru_status status = gru_mem_new(out, 1, sizeof **out, err);
    if (!status)
        status = gru_map_new(&(*out)->words, err);
    if (!status)
        status = gru_map_new(&(*out)->labels, err);
    return status;
}

/* Takes a copy of options, and makes the segmenter once the segmentation is decided. */
static gru_status settle(gru_corpus *c, const gru_vocab_options *options, gru_error *err) {
    gru_vocab *settings;
    gru_status status = gru_vocab_new(&settings, options, err);
    if (status)
        return status;
    gru_vocab_free(c->settings);
    c->settings = settings;
    c->options = *gru_vocab_get_options(settings);
    if (c->options.segment == GRU_SEGMENT_AUTO)
        return GRU_OK;
    return gru_vocab_segmenter(settings, &c->segmenter, err);
}

gru_status gru_corpus_new(gru_corpus **out, const gru_vocab_options *options, gru_error *err) {
    *out = NULL;
    gru_corpus *c = NULL;
    gru_status status = make(&c, err);
    if (!status) {
        c->lower_given = options->lower;
        c->filters_given = options->filters != NULL;
        status = settle(c, options, err);
    }
    if (status)
        gru_corpus_free(c);
    else
        *out = c;
    return status;
}

gru_status gru_corpus_new_with(gru_corpus **out, const gru_vocab *vocab, gru_error *err) {
    *out = NULL;
    gru_corpus *c = NULL;
    gru_status status = make(&c, err);
    if (!status) {
        c->vocab = vocab;
        c->options = *gru_vocab_get_options(vocab);
        status = gru_vocab_segmenter(vocab, &c->segmenter, err);
    }
    if (status)
        gru_corpus_free(c);
    else
        *out = c;
    return status;
}

void gru_corpus_free(gru_corpus *c) {
    if (!c)
        return;
    gru_vocab_free(c->settings);
    gru_segmenter_free(c->segmenter);
    gru_str_free(&c->waiting);
    gru_map_free(c->words);
    gru_map_free(c->labels);
    free(c->waiting_end);
    free(c->stats);
    free(c->tokens);
    free(c->row_end);
    free(c->classes);
    gru_str_free(&c->names);
    free(c->name_end);
    free(c);
}

/* ---- adding ---- */

/* Counts a word of the current row; its number, or −1 when there is no memory or no number left. */
static int32_t count_word(gru_corpus *c, const char *word, size_t len, size_t room, uint32_t hash) {
    gru_map_entry *entry = gru_map_put_hashed(c->words, word, len, room, hash);
    if (!entry)
        return -1;
    if (entry->value == 0) {
        size_t index = gru_map_count(c->words) - 1;
        if (index >= INT32_MAX ||
            gru_mem_grow(&c->stats, &c->stat_cap, index + 1, sizeof *c->stats, NULL))
            return -1;
        c->stats[index] = (word_stat){0};
        entry->value = (int64_t)index + 1;
    }
    int32_t index = (int32_t)(entry->value - 1);
    word_stat *stat = &c->stats[index];
    stat->count++;
    if (stat->last_row != (uint32_t)c->rows + 1) {
        stat->last_row = (uint32_t)c->rows + 1;
        stat->docs++;
    }
    return index;
}

static gru_status count_words(gru_corpus *c, const char *buffer, const gru_token *tokens,
                              size_t count, gru_error *err) {
    uint32_t hash[AHEAD];
    size_t end = count ? tokens[count - 1].start + tokens[count - 1].len : 0;
    for (size_t n; count; tokens += n, count -= n) {
        n = count < AHEAD ? count : AHEAD;
        for (size_t i = 0; i < n; i++) {
            const gru_token *t = &tokens[i];
            hash[i] = gru_map_hash(c->words, buffer + t->start, t->len, end - t->start);
            gru_map_prefetch_slot(c->words, hash[i]);
        }
        for (size_t i = 0; i < n; i++) {
            size_t index = gru_map_prefetch_entry(c->words, hash[i]);
            if (index != SIZE_MAX)
                __builtin_prefetch(&c->stats[index]);
        }
        for (size_t i = 0; i < n; i++) {
            const gru_token *t = &tokens[i];
            int32_t number = count_word(c, buffer + t->start, t->len, end - t->start, hash[i]);
            if (number < 0)
                return gru_error_memory(err, t->len);
            c->tokens[c->token_count++] = number;
        }
    }
    return GRU_OK;
}

static void look_up(gru_corpus *c, const char *buffer, const gru_token *tokens, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int32_t id = gru_vocab_id(c->vocab, buffer + tokens[i].start, tokens[i].len);
        c->tokens[c->token_count] = id;
        c->token_count += id > 0;
    }
}

/* The next row. */
static gru_status add_tokens(gru_corpus *c, const char *buffer, const gru_token *tokens,
                             size_t count, gru_error *err) {
    gru_status status =
        gru_mem_grow(&c->tokens, &c->token_cap, c->token_count + count, sizeof *c->tokens, err);
    if (!status)
        status = gru_mem_grow(&c->row_end, &c->row_cap, c->rows + 1, sizeof *c->row_end, err);
    size_t before = c->token_count;
    if (!status && c->vocab)
        look_up(c, buffer, tokens, count);
    else if (!status)
        status = count_words(c, buffer, tokens, count, err);
    if (status)
        return status;
    c->empty += c->token_count == before;
    c->row_end[c->rows++] = c->token_count;
    return GRU_OK;
}

static gru_status add_text(gru_corpus *c, const char *text, size_t len, gru_error *err) {
    const char *buffer;
    const gru_token *tokens;
    size_t count;
    gru_status status = gru_segmenter_split(c->segmenter, text, len, &buffer, &tokens, &count, err);
    return status ? status : add_tokens(c, buffer, tokens, count, err);
}

/* Decides AUTO from what was looked at, and takes up the texts that waited for it. */
static gru_status decide(gru_corpus *c, gru_error *err) {
    gru_vocab_options options = c->options;
    options.segment = gru_segment_guess(c->scripts);
    options.lower = c->lower_given;
    if (!c->filters_given)
        options.filters = NULL;
    gru_status status = settle(c, &options, err);
    size_t from = 0;
    for (size_t i = 0; !status && i < c->waiting_count; i++) {
        status = add_text(c, gru_str_text(&c->waiting) + from, c->waiting_end[i] - from, err);
        from = c->waiting_end[i];
    }
    gru_str_free(&c->waiting);
    c->waiting_count = 0;
    return status;
}

static gru_status wait_for_guess(gru_corpus *c, const char *text, size_t len, gru_error *err) {
    gru_segment_count(text, len, c->scripts);
    gru_str_add_bytes(&c->waiting, text, len);
    gru_status status = gru_str_check(&c->waiting, err);
    if (!status)
        status = gru_mem_grow(&c->waiting_end, &c->waiting_cap, c->waiting_count + 1,
                              sizeof *c->waiting_end, err);
    if (status)
        return status;
    c->waiting_end[c->waiting_count++] = c->waiting.len;
    return c->waiting.len >= GUESS_BYTES ? decide(c, err) : GRU_OK;
}

static gru_status unknown_label(const gru_vocab *v, const char *label, gru_error *err) {
    size_t count;
    const char *const *classes = gru_vocab_classes(v, &count);
    gru_str list = {0};
    for (size_t i = 0; i < count && i < CLASSES_LISTED; i++)
        gru_str_addf(&list, "%s%s", i ? ", " : "", classes[i]);
    if (count > CLASSES_LISTED)
        gru_str_add(&list, ", …");
    gru_error_set(err, GRU_ERR_DATA, "the label '%.100s' is not one of the %zu known classes: %s",
                  label, count, gru_str_text(&list));
    gru_str_free(&list);
    return err->code;
}

static gru_status add_label(gru_corpus *c, const char *label, size_t len, gru_error *err) {
    gru_status status =
        gru_mem_grow(&c->classes, &c->class_cap, c->class_count + 1, sizeof *c->classes, err);
    if (status)
        return status;
    if (len == 0)
        return gru_error_set(err, GRU_ERR_DATA, "the label is empty");
    if (memchr(label, 0, len))
        return gru_error_set(err, GRU_ERR_DATA, "a NUL byte in the label '%.60s'", label);
    int32_t number;
    if (c->vocab) {
        number = gru_vocab_class(c->vocab, label, len);
        if (number < 0)
            return unknown_label(c->vocab, label, err);
    } else {
        size_t place;
        if (gru_map_number(c->labels, label, len, &place, err))
            return err->code;
        number = (int32_t)place;
    }
    c->classes[c->class_count++] = number;
    return GRU_OK;
}

static gru_status start_row(gru_corpus *c, const char *label, size_t len, gru_error *err) {
    if (gru_corpus_rows(c) >= UINT32_MAX - 1)
        return gru_error_set(err, GRU_ERR_DATA, "more than 4294967293 texts");
    return label ? add_label(c, label, len, err) : GRU_OK;
}

gru_status gru_corpus_add(gru_corpus *c, const char *text, size_t len, const char *label,
                          size_t label_len, gru_error *err) {
    gru_status status = start_row(c, label, label_len, err);
    if (status)
        return status;
    return c->segmenter ? add_text(c, text, len, err) : wait_for_guess(c, text, len, err);
}

gru_status gru_corpus_add_split(gru_corpus *c, const char *buffer, const gru_token *tokens,
                                size_t count, const char *label, size_t label_len, gru_error *err) {
    gru_status status = start_row(c, label, label_len, err);
    return status ? status : add_tokens(c, buffer, tokens, count, err);
}

gru_status gru_corpus_segmenter(const gru_corpus *c, gru_segmenter **out, gru_error *err) {
    *out = NULL;
    return c->segmenter ? gru_vocab_segmenter(c->vocab ? c->vocab : c->settings, out, err) : GRU_OK;
}

gru_status gru_corpus_add_name(gru_corpus *c, const char *name, size_t len, gru_error *err) {
    gru_status status =
        gru_mem_grow(&c->name_end, &c->name_cap, c->name_count + 1, sizeof *c->name_end, err);
    if (status)
        return status;
    gru_str_add_bytes(&c->names, name, len);
    c->name_end[c->name_count++] = c->names.len;
    c->longest_name = len > c->longest_name ? len : c->longest_name;
    return gru_str_check(&c->names, err);
}

/* ---- fitting ---- */

typedef struct ranked {
    uint64_t count;
    uint32_t index;
} ranked;

static int by_count(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Adds the words that have an id to v and fills map[word number] with ids, 0 where a word has none.
 */
static gru_status rank_words(gru_corpus *c, gru_vocab *v, int32_t *map, gru_error *err) {
    size_t count = gru_map_count(c->words);
    int32_t other = c->options.oov ? 1 : 0;
    ranked *order;
    gru_status status = gru_mem_new(&order, count, sizeof *order, err);
    for (size_t i = 0; !status && i < count; i++)
        order[i] = (ranked){c->stats[i].count, (uint32_t)i};
    if (!status)
        qsort(order, count, sizeof *order, by_count);
    for (size_t i = 0; !status && i < count; i++) {
        uint32_t index = order[i].index;
        size_t id = i + 1 + (size_t)other;
        map[index] = other;
        if ((c->options.size && id >= c->options.size) || order[i].count < c->options.min_count)
            continue;
        map[index] = (int32_t)id;
        const gru_map_entry *entry = gru_map_at(c->words, index);
        status =
            gru_vocab_add(v, entry->key, entry->len, order[i].count, c->stats[index].docs, err);
    }
    free(order);
    return status;
}

typedef struct labelled {
    const char *text;
    uint32_t len, index;
    long long number;
} labelled;

static int by_bytes(const void *a, const void *b) {
    const labelled *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static int by_number(const void *a, const void *b) {
    const labelled *x = a, *y = b;
    return x->number != y->number ? (x->number > y->number) - (x->number < y->number)
                                  : by_bytes(a, b);
}

static gru_status sort_classes(gru_corpus *c, gru_vocab *v, gru_error *err) {
    size_t count = gru_map_count(c->labels);
    if (count > CLASSES_ALWAYS && count > c->class_count / 2)
        return gru_error_set(
            err, GRU_ERR_DATA, "%zu different labels in %zu rows are not classes (column '%s')",
            count, c->class_count, c->options.label_column ? c->options.label_column : "label");
    labelled *order;
    int32_t *map = NULL;
    bool numbers = true;
    gru_status status = gru_mem_new(&order, count, sizeof *order, err);
    if (!status)
        status = gru_mem_new(&map, count, sizeof *map, err);
    for (size_t i = 0; !status && i < count; i++) {
        const gru_map_entry *entry = gru_map_at(c->labels, i);
        order[i] = (labelled){.text = entry->key, .len = entry->len, .index = (uint32_t)i};
        numbers = gru_number_parse_int(entry->key, entry->len, &order[i].number) && numbers;
    }
    if (!status)
        qsort(order, count, sizeof *order, numbers ? by_number : by_bytes);
    for (size_t i = 0; !status && i < count; i++) {
        map[order[i].index] = (int32_t)i;
        status = gru_vocab_add_class(v, order[i].text, order[i].len, err);
    }
    for (size_t i = 0; !status && i < c->class_count; i++)
        c->classes[i] = map[c->classes[i]];
    free(order);
    free(map);
    return status;
}

/* Replaces word numbers by ids, dropping those without; returns the longest row's length. */
static size_t renumber(gru_corpus *c, const int32_t *map) {
    size_t from = 0, to = 0, longest = 0;
    c->empty = 0;
    for (size_t row = 0; row < c->rows; row++) {
        size_t start = to;
        for (; from < c->row_end[row]; from++) {
            int32_t id = map[c->tokens[from]];
            c->tokens[to] = id;
            to += id != 0;
        }
        c->row_end[row] = to;
        c->empty += to == start;
        longest = to - start > longest ? to - start : longest;
    }
    c->token_count = to;
    return longest;
}

gru_status gru_corpus_fit(gru_corpus *c, gru_vocab **out, gru_error *err) {
    *out = NULL;
    gru_status status = c->segmenter ? GRU_OK : decide(c, err);
    if (!status && c->rows == 0)
        status = gru_error_set(err, GRU_ERR_DATA, "there is no text");
    if (!status && gru_map_count(c->words) == 0)
        status = gru_error_set(err, GRU_ERR_DATA, "there is no word in %zu texts", c->rows);
    gru_vocab *v = NULL;
    int32_t *map = NULL;
    if (!status)
        status = gru_vocab_new(&v, &c->options, err);
    if (!status)
        status = gru_mem_new(&map, gru_map_count(c->words), sizeof *map, err);
    if (!status)
        status = rank_words(c, v, map, err);
    size_t first = 1 + (size_t)c->options.oov; /* a word's first id */
    if (!status && c->options.size && c->options.size <= first)
        status = gru_error_set(err, GRU_ERR_DATA,
                               "--vocab-size %llu leaves no id for a word; the first has id %zu",
                               (unsigned long long)c->options.size, first);
    if (!status && gru_vocab_size(v) == first)
        status = gru_error_set(err, GRU_ERR_DATA, "no word is seen %llu times",
                               (unsigned long long)c->options.min_count);
    if (!status)
        status = sort_classes(c, v, err);
    if (!status) {
        gru_vocab_set_origin(v, c->rows, gru_map_count(c->words), renumber(c, map));
        *out = v;
    } else {
        gru_vocab_free(v);
    }
    free(map);
    return status;
}

/* ---- asking ---- */

size_t gru_corpus_rows(const gru_corpus *c) {
    return c->rows + c->waiting_count;
}
size_t gru_corpus_empty(const gru_corpus *c) {
    return c->empty;
}

const int32_t *gru_corpus_row(const gru_corpus *c, size_t row, size_t *count) {
    size_t from = row ? c->row_end[row - 1] : 0;
    *count = c->row_end[row] - from;
    return c->tokens ? c->tokens + from : NULL;
}

int32_t gru_corpus_class(const gru_corpus *c, size_t row) {
    return row < c->class_count ? c->classes[row] : -1;
}

const char *gru_corpus_name(const gru_corpus *c, size_t row, size_t *len) {
    *len = 0;
    if (row >= c->name_count)
        return "";
    size_t from = row ? c->name_end[row - 1] : 0;
    *len = c->name_end[row] - from;
    return gru_str_text(&c->names) + from;
}

size_t gru_corpus_longest_name(const gru_corpus *c) {
    return c->longest_name;
}
