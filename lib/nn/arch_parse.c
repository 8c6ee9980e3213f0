/* Reads the architecture language: cuts the text into layers and words, and fills each layer by the
 * tables in arch.c. */
#include "nn/arch.h"

#include "base/mem.h"
#include "base/number.h"
#include "io/stream.h"
#include "nn/arch_private.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    TEXT_MAX = 65536,
    LAYERS_MAX = 256,
    UNITS_MAX = 65536,
    ROWS_MAX = 16777216,
    WORD_SHOWN = 60,
    PATH_LONGEST = 4096
};

typedef struct word {
    const char *at;
    size_t len;
} word;

typedef struct parser {
    const char *name, *text;
    int line;
    const char *words; /* what remains of the layer being read */
    size_t left;
    gru_layer *layer;
    const gru_arch_form *form;
    unsigned long long given; /* bit i: gru_arch_keys[i] was there */
    gru_error *err;
} parser;

/* ---- messages ---- */

/* The word as it can stand in a message of one line. */
static void add_shown(gru_str *s, word w) {
    size_t len = w.len > WORD_SHOWN ? WORD_SHOWN : w.len;
    while (len < w.len && len && ((unsigned char)w.at[len] & 0xc0) == 0x80)
        len--;
    gru_str_add_char(s, '\'');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)w.at[i];
        gru_str_add_char(s, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
    gru_str_add(s, len < w.len ? "...'" : "'");
}

/* Fails with "NAME:LINE: 'WORD': MESSAGE"; frees message. */
static gru_status fail(const parser *p, const word *w, gru_str *message) {
    gru_str shown = {0};
    if (w)
        add_shown(&shown, *w);
    else if (p->form)
        gru_str_add(&shown, p->form->name);
    gru_error_set(p->err, GRU_ERR_DATA, "%s:%d: %s: %s", p->name, p->line, gru_str_text(&shown),
                  gru_str_text(message));
    gru_str_free(&shown);
    gru_str_free(message);
    return GRU_ERR_DATA;
}

static gru_status fail_text(const parser *p, const word *w, const char *text) {
    gru_str message = {0};
    gru_str_add(&message, text);
    return fail(p, w, &message);
}

typedef struct nearest {
    word to;
    size_t distance;
    const char *best;
    size_t best_len;
} nearest;

static void consider(nearest *n, const char *candidate, size_t len) {
    size_t d = gru_str_distance(n->to.at, n->to.len, candidate, len);
    if (d < n->distance && 2 * d < len && d < n->to.len) {
        n->distance = d;
        n->best = candidate;
        n->best_len = len;
    }
}

static void add_nearest(gru_str *s, const nearest *n) {
    if (n->best)
        gru_str_addf(s, "; did you mean '%.*s'?", (int)n->best_len, n->best);
}

/* "a|b|c" as "a, b, c". */
static void add_list(gru_str *s, const char *words, nearest *n) {
    size_t len;
    for (int i = 0;; i++) {
        const char *w = gru_arch_word(words, i, &len);
        if (!w)
            return;
        gru_str_add(s, i ? ", " : "");
        gru_str_add_bytes(s, w, len);
        if (n)
            consider(n, w, len);
    }
}

static gru_status fail_choice(const parser *p, word w, const char *what, const char *words) {
    nearest n = {w, 3, NULL, 0};
    gru_str s = {0};
    gru_str_addf(&s, "expected %s (", what);
    add_list(&s, words, &n);
    gru_str_add(&s, ")");
    add_nearest(&s, &n);
    return fail(p, &w, &s);
}

static void add_layers(gru_str *s, nearest *n) {
    for (int k = 0; k < GRU_LAYER_COUNT; k++) {
        gru_str_addf(s, "%s%s", k ? ", " : "", gru_arch_forms[k].name);
        if (n)
            consider(n, gru_arch_forms[k].name, strlen(gru_arch_forms[k].name));
    }
}

static gru_status fail_layer(const parser *p, word w) {
    nearest n = {w, 3, NULL, 0};
    gru_str s = {0};
    gru_str_add(&s, "expected a layer (");
    add_layers(&s, &n);
    gru_str_add(&s, ")");
    add_nearest(&s, &n);
    return fail(p, &w, &s);
}

/* The key as it is written; "=" says that a value follows. */
static void add_key(gru_str *s, const gru_arch_key *key) {
    gru_str_add(s, key->name);
    if (key->value == GRU_ARCH_WORD || key->value == GRU_ARCH_SWITCH)
        gru_str_addf(s, "=%s", key->words);
    else if (key->value != GRU_ARCH_FLAG && key->value != GRU_ARCH_BARE)
        gru_str_add_char(s, '=');
}

/* A word that is no option of the layer: what it does take. */
static gru_status fail_option(const parser *p, word w) {
    nearest n = {{w.at, 0}, 3, NULL, 0};
    gru_str s = {0};
    const char *before = "expected an option of ";
    while (n.to.len < w.len && w.at[n.to.len] != '=')
        n.to.len++;
    if (p->form->sizes[1] == GRU_ARCH_ACTIVATION) {
        gru_str_add(&s, "expected an activation (");
        add_list(&s, gru_arch_activations, &n);
        gru_str_add(&s, ")");
        before = " or an option of ";
    }
    bool any = false;
    for (const gru_arch_key *key = gru_arch_keys; key->name; key++) {
        if (!(key->layers >> p->layer->kind & 1))
            continue;
        if (!any)
            gru_str_addf(&s, "%s%s (", before, p->form->name);
        gru_str_add(&s, any ? ", " : "");
        add_key(&s, key);
        consider(&n, key->name, strlen(key->name));
        any = true;
    }
    if (any)
        gru_str_add(&s, ")");
    else
        gru_str_addf(&s, "'%s' takes nothing more; a layer ends with its line or with ';'",
                     p->form->name);
    add_nearest(&s, &n);
    return fail(p, &w, &s);
}

/* ---- words ---- */

static bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static bool same(word w, const char *text) {
    return w.len == strlen(text) && !memcmp(w.at, text, w.len);
}

/* The next word of the layer; blanks within parentheses and quotes belong to it. At the end *w is
 * empty. */
static gru_status next_word(parser *p, word *w) {
    int depth = 0;
    bool quoted = false;
    while (p->left && blank(*p->words))
        p->words++, p->left--;
    w->at = p->words;
    for (; p->left && (depth || quoted || !blank(*p->words)); p->words++, p->left--)
        if (*p->words == '"')
            quoted = !quoted;
        else if (!quoted)
            depth += *p->words == '(' ? 1 : *p->words == ')' && depth ? -1 : 0;
    w->len = (size_t)(p->words - w->at);
    return quoted  ? fail_text(p, w, "expected a closing quote \" on the same line")
           : depth ? fail_text(p, w, "expected a closing parenthesis on the same line")
                   : GRU_OK;
}

static int find_word(const char *words, word w) {
    size_t len;
    for (int i = 0;; i++) {
        const char *candidate = gru_arch_word(words, i, &len);
        if (!candidate)
            return -1;
        if (len == w.len && !memcmp(candidate, w.at, len))
            return i;
    }
}

/* ---- values ---- */

/* "uniform(a,b)" or "normal(a,b)", blanks taken out, in out. */
static bool init_with_numbers(const char *out) {
    double a, b;
    bool uniform = !strncmp(out, "uniform(", 8);
    const char *open = strchr(out, '('), *comma = strchr(out, ',');
    size_t len = strlen(out);
    if ((!uniform && strncmp(out, "normal(", 7)) || !comma || out[len - 1] != ')')
        return false;
    if (!gru_number_parse(open + 1, (size_t)(comma - open - 1), &a) ||
        !gru_number_parse(comma + 1, (size_t)(out + len - 1 - comma - 1), &b))
        return false;
    return uniform ? a <= b : b >= 0;
}

static gru_status set_init(const parser *p, word whole, word value, char out[GRU_INIT_TEXT]) {
    static const char names[] = "glorot-uniform|glorot-normal|he-uniform|he-normal|lecun-uniform|"
                                "lecun-normal|orthogonal|zeros|ones";
    size_t len = 0;
    bool fits = true;
    for (size_t i = 0; i < value.len; i++) {
        if (blank(value.at[i]))
            continue;
        if (!(fits = len + 1 < GRU_INIT_TEXT))
            break;
        out[len++] = value.at[i];
    }
    out[len] = 0;
    if (fits && (find_word(names, (word){out, len}) >= 0 || init_with_numbers(out)))
        return GRU_OK;
    gru_str s = {0};
    nearest n = {value, 3, NULL, 0};
    gru_str_add(&s, "expected an initialiser (");
    add_list(&s, names, &n);
    gru_str_add(&s, ", uniform(LOW,HIGH), normal(MEAN,DEVIATION))");
    add_nearest(&s, &n);
    return fail(p, &whole, &s);
}

static gru_status set_file(const parser *p, word whole, word value, char **out) {
    const char *end = value.at + value.len;
    if (value.len >= 2 && *value.at == '"' && end[-1] == '"') {
        value.at++;
        value.len -= 2;
    }
    if (!value.len || memchr(value.at, '"', value.len))
        return fail_text(p, &whole, "expected a file's name, in quotes \" where it has blanks");
    free(*out);
    *out = gru_str_copy(value.at, value.len);
    return *out ? GRU_OK : gru_error_memory(p->err, value.len + 1);
}

static gru_status set_number(const parser *p, word whole, word value, gru_arch_value kind,
                             double *out) {
    static const struct {
        double low, high;
        const char *expected;
    } ranges[] = {
        [GRU_ARCH_RATE] = {0, 1 - DBL_EPSILON / 2, "expected a share from 0 to below 1"},
        [GRU_ARCH_PENALTY] = {0, DBL_MAX, "expected 0 or a positive number"},
        [GRU_ARCH_EPSILON] = {1e-12, 1, "expected a number from 1e-12 to 1"},
    };
    if (!gru_number_parse(value.at, value.len, out) || !(*out >= ranges[kind].low) ||
        !(*out <= ranges[kind].high))
        return fail_text(p, &whole, ranges[kind].expected);
    *out += 0.0; /* -0 is 0 */
    return GRU_OK;
}

static gru_status set_bare(const parser *p, word whole, const gru_arch_key *key, int *out) {
    for (size_t i = 0; gru_arch_keys[i].name; i++) {
        const gru_arch_key *other = &gru_arch_keys[i];
        if (other != key && other->value == GRU_ARCH_BARE && other->offset == key->offset &&
            p->given >> i & 1) {
            gru_str s = {0};
            gru_str_addf(&s, "'%s' was given already, expected one of the two", other->name);
            return fail(p, &whole, &s);
        }
    }
    *out = key->number;
    return GRU_OK;
}

static gru_status set_word(const parser *p, word whole, word value, const gru_arch_key *key,
                           void *at) {
    int number = value.at ? find_word(key->words, value) : key->number;
    if (number < 0) {
        word shown = value.len ? value : whole;
        return fail_choice(p, shown, key->name, key->words);
    }
    if (key->value == GRU_ARCH_SWITCH)
        *(bool *)at = number != 0;
    else
        memcpy(at, &number, sizeof number);
    return GRU_OK;
}

static gru_status set_key(parser *p, word whole, word value, const gru_arch_key *key) {
    void *at = (char *)p->layer + key->offset;
    bool bare = key->value == GRU_ARCH_FLAG || key->value == GRU_ARCH_BARE;
    if (bare && value.at)
        return fail_text(p, &whole, "expected the word alone, without a value");
    if (!bare && !value.at && !key->number) {
        gru_str s = {0};
        gru_str_add(&s, "expected a value: ");
        add_key(&s, key);
        return fail(p, &whole, &s);
    }
    switch (key->value) {
    case GRU_ARCH_FLAG:
        *(bool *)at = true;
        return GRU_OK;
    case GRU_ARCH_BARE:
        return set_bare(p, whole, key, at);
    case GRU_ARCH_RATE:
    case GRU_ARCH_PENALTY:
    case GRU_ARCH_EPSILON:
        return set_number(p, whole, value, key->value, at);
    case GRU_ARCH_INIT:
        return set_init(p, whole, value, at);
    case GRU_ARCH_FILE:
        return set_file(p, whole, value, at);
    case GRU_ARCH_WORD:
    case GRU_ARCH_SWITCH:
        return set_word(p, whole, value, key, at);
    }
    return GRU_OK;
}

static gru_status read_option(parser *p, word w) {
    word name = {w.at, 0}, value = {NULL, 0};
    while (name.len < w.len && w.at[name.len] != '=')
        name.len++;
    if (name.len < w.len)
        value = (word){w.at + name.len + 1, w.len - name.len - 1};
    for (size_t i = 0; gru_arch_keys[i].name; i++) {
        const gru_arch_key *key = &gru_arch_keys[i];
        if (!(key->layers >> p->layer->kind & 1) || !same(name, key->name))
            continue;
        if (p->given >> i & 1)
            return fail_text(p, &w, "expected each option once");
        p->given |= 1ull << i;
        return set_key(p, w, value, key);
    }
    return fail_option(p, w);
}

/* ---- layers ---- */

static gru_status read_count(const parser *p, word w, const char *what, long long most,
                             size_t *out) {
    long long n;
    if (w.len && gru_number_parse_int(w.at, w.len, &n) && n >= 1 && n <= most) {
        *out = (size_t)n;
        return GRU_OK;
    }
    gru_str s = {0};
    gru_str_addf(&s, "expected %s, a whole number from 1 to %lld", what, most);
    return fail(p, w.len ? &w : NULL, &s);
}

static gru_status read_size(parser *p, word w, gru_arch_size size) {
    gru_layer *l = p->layer;
    int choice;
    switch (size) {
    case GRU_ARCH_ROWS:
        return read_count(p, w, "the vocabulary's size", ROWS_MAX, &l->rows);
    case GRU_ARCH_UNITS:
        return read_count(p, w, l->kind == GRU_LAYER_EMBEDDING ? "the vectors' width" : "units",
                          UNITS_MAX, &l->units);
    case GRU_ARCH_DROPPED:
        if (w.len)
            return set_number(p, w, w, GRU_ARCH_RATE, &l->rate);
        return fail_text(p, NULL, "expected the share to drop, from 0 to below 1");
    case GRU_ARCH_POOLING:
        if ((choice = find_word(gru_arch_pools, w)) >= 0) {
            l->pool = (gru_pool_kind)choice;
            return GRU_OK;
        }
        return w.len
                   ? fail_choice(p, w, "what to take of the steps", gru_arch_pools)
                   : fail_text(p, NULL, "expected what to take of the steps (max, average, last)");
    case GRU_ARCH_ACTIVATION:
    case GRU_ARCH_NOTHING:
        break;
    }
    return GRU_OK;
}

/* A layer's line without its comment; an empty one is no layer. */
static gru_status read_layer(parser *p, gru_layer *layer, bool *found) {
    word w;
    gru_status st = next_word(p, &w);
    *found = !st && w.len;
    if (!*found)
        return st;
    *layer = (gru_layer){.kind = GRU_LAYER_COUNT, .line = p->line};
    p->layer = layer;
    p->given = 0;
    for (int k = 0; k < GRU_LAYER_COUNT; k++)
        if (same(w, gru_arch_forms[k].name))
            layer->kind = (gru_layer_kind)k;
    if (layer->kind == GRU_LAYER_COUNT)
        return fail_layer(p, w);
    p->form = &gru_arch_forms[layer->kind];
    layer->activation = layer->kind == GRU_LAYER_RNN ? GRU_TANH : GRU_LINEAR;
    bool activation = false, activated = false;
    for (size_t i = 0; !st && i < 2; i++) {
        activation |= p->form->sizes[i] == GRU_ARCH_ACTIVATION;
        if (p->form->sizes[i] == GRU_ARCH_NOTHING || p->form->sizes[i] == GRU_ARCH_ACTIVATION)
            continue;
        if (!(st = next_word(p, &w)))
            st = read_size(p, w, p->form->sizes[i]);
    }
    while (!st && !(st = next_word(p, &w)) && w.len) {
        int which = activation ? find_word(gru_arch_activations, w) : -1;
        if (which < 0)
            st = read_option(p, w);
        else if (activated)
            st = fail_text(p, &w, "expected one activation only");
        else {
            layer->activation = (gru_activation)which;
            activated = true;
        }
    }
    if (!st && layer->epsilon > 0 && !gru_layer_normalises(layer))
        st = fail_text(p, NULL, "expected layer-norm where an epsilon is given");
    return st;
}

/* Bytes of the layer at text: up to ';', '#' or the line's end, outside quotes. */
static size_t layer_length(const char *text) {
    bool quoted = false;
    size_t n = 0;
    for (; text[n] && text[n] != '\n' && (quoted || (text[n] != ';' && text[n] != '#')); n++)
        if (text[n] == '"')
            quoted = !quoted;
    return n;
}

static gru_status read_layers(parser *p, gru_arch *arch) {
    size_t cap = 0;
    const char *at = p->text;
    while (*at) {
        gru_layer layer;
        bool found;
        p->words = at;
        p->left = layer_length(at);
        p->form = NULL;
        at += p->left;
        gru_status st = read_layer(p, &layer, &found);
        if (found && !st && arch->count == LAYERS_MAX) {
            gru_str s = {0};
            gru_str_addf(&s, "expected at most %d layers", LAYERS_MAX);
            st = fail(p, NULL, &s);
        }
        if (found && !st)
            st = gru_mem_grow(&arch->layers, &cap, arch->count + 1, sizeof layer, p->err);
        if (st) {
            if (found)
                free(layer.weights);
            return st;
        }
        if (found)
            arch->layers[arch->count++] = layer;
        if (*at == '#')
            at += strcspn(at, "\n");
        p->line += *at == '\n';
        at += *at != 0;
    }
    if (arch->count)
        return GRU_OK;
    gru_str s = {0};
    add_layers(&s, NULL);
    gru_error_set(p->err, GRU_ERR_DATA, "%s: no layer; expected at least one (%s)", p->name,
                  gru_str_text(&s));
    gru_str_free(&s);
    return GRU_ERR_DATA;
}

gru_status gru_arch_parse(gru_arch **out, const char *text, const char *name, gru_error *err) {
    gru_arch *arch;
    *out = NULL;
    if (strlen(text) > TEXT_MAX)
        return gru_error_set(err, GRU_ERR_DATA, "%s: an architecture has at most %d bytes", name,
                             TEXT_MAX);
    gru_status st = gru_mem_new(&arch, 1, sizeof *arch, err);
    if (st)
        return st;
    parser p = {.name = name, .text = text, .line = 1, .err = err};
    if (!strncmp(text, "\xef\xbb\xbf", 3))
        p.text += 3;
    if ((st = read_layers(&p, arch)))
        gru_arch_free(arch);
    else
        *out = arch;
    return st;
}

/* ---- files ---- */

static gru_status load_file(gru_arch **out, const char *path, gru_error *err) {
    gru_input *in;
    char *text = NULL;
    size_t count;
    gru_status st = gru_input_open(&in, path, err);
    if (st)
        return st;
    st = gru_input_slurp(in, TEXT_MAX, &text, &count, err);
    gru_input_close(in);
    if (!st && memchr(text, 0, count))
        st = gru_error_set(err, GRU_ERR_DATA, "%s: not a text: it holds a zero byte", path);
    if (!st)
        st = gru_arch_parse(out, text, path, err);
    free(text);
    return st;
}

/* One word that can only be meant as a file's name. */
static bool looks_like_file(const char *text) {
    return *text && !text[strcspn(text, " \t\r\n;#=")] && text[strcspn(text, "./")];
}

gru_status gru_arch_load(gru_arch **out, const char *file_or_text, gru_error *err) {
    struct stat info;
    *out = NULL;
    if (strlen(file_or_text) < PATH_LONGEST && !stat(file_or_text, &info))
        return load_file(out, file_or_text, err);
    if (looks_like_file(file_or_text))
        return gru_error_set(err, GRU_ERR_IO, "--arch: no file '%.200s'", file_or_text);
    return gru_arch_parse(out, file_or_text, "--arch", err);
}
