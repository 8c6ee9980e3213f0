/* The NPY header: a Python dictionary literal with descr, fortran_order and shape. */
#include "io/npy_header.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Where the parser stands, and where complaints go. */
typedef struct literal {
    const char *p, *end, *name;
    gru_error *err;
} literal;

static gru_status bad(literal *l, const char *what) {
    return gru_error_set(l->err, GRU_ERR_DATA, "%s: NPY header: %s", l->name, what);
}

static void blanks(literal *l) {
    while (l->p < l->end && (*l->p == ' ' || *l->p == '\n' || *l->p == '\t' || *l->p == '\r'))
        l->p++;
}

/* Takes c when it comes next. */
static bool take(literal *l, char c) {
    blanks(l);
    if (l->p == l->end || *l->p != c)
        return false;
    l->p++;
    return true;
}

static bool next_is(literal *l, char c) {
    blanks(l);
    return l->p < l->end && *l->p == c;
}

static bool take_word(literal *l, const char *word) {
    size_t len = strlen(word);
    blanks(l);
    if ((size_t)(l->end - l->p) < len || memcmp(l->p, word, len) != 0)
        return false;
    l->p += len;
    return true;
}

static gru_status string(literal *l, char *out, size_t size) {
    blanks(l);
    if (l->p == l->end || (*l->p != '\'' && *l->p != '"'))
        return bad(l, "a string was expected");
    char quote = *l->p++;
    const char *start = l->p;
    while (l->p < l->end && *l->p != quote && *l->p != '\\' && (unsigned char)*l->p >= 0x20)
        l->p++;
    if (l->p == l->end || *l->p != quote)
        return bad(l, "a string is not closed or has an escape");
    size_t len = (size_t)(l->p++ - start);
    if (len >= size)
        return gru_error_set(l->err, GRU_ERR_DATA, "%s: NPY header: '%.40s…' is too long", l->name,
                             start);
    memcpy(out, start, len);
    out[len] = '\0';
    return GRU_OK;
}

static gru_status whole(literal *l, size_t *out) {
    blanks(l);
    if (l->p == l->end || *l->p < '0' || *l->p > '9')
        return bad(l, "a size was expected");
    size_t value = 0;
    for (; l->p < l->end && *l->p >= '0' && *l->p <= '9'; l->p++) {
        if (value > (SIZE_MAX - 9) / 10)
            return bad(l, "a size is too large");
        value = value * 10 + (size_t)(*l->p - '0');
    }
    if (l->p < l->end && *l->p == 'L') /* Python 2 */
        l->p++;
    *out = value;
    return GRU_OK;
}

/* (3, 4), (3,), () or a bare 3. */
static gru_status tuple(literal *l, size_t *dims, size_t shape[GRU_NPY_DIMS]) {
    *dims = 0;
    if (!take(l, '(')) {
        *dims = 1;
        return whole(l, &shape[0]);
    }
    while (!take(l, ')')) {
        if (*dims == GRU_NPY_DIMS)
            return bad(l, "more than four dimensions");
        gru_status status = whole(l, &shape[*dims]);
        if (status)
            return status;
        ++*dims;
        if (!take(l, ',') && !next_is(l, ')'))
            return bad(l, "',' or ')' was expected in a shape");
    }
    return GRU_OK;
}

static bool known_type(char kind, size_t size) {
    switch (kind) {
    case 'f':
        return size == 2 || size == 4 || size == 8;
    case 'i':
    case 'u':
        return size == 1 || size == 2 || size == 4 || size == 8;
    case 'b':
        return size == 1;
    case 'S':
    case 'V':
        return size >= 1 && size <= GRU_NPY_TEXT;
    default:
        return false;
    }
}

/* "<f4" and the like; "|V4" where it may be padding. */
static gru_status type(literal *l, gru_npy_field *f, bool free_bytes) {
    char text[24];
    gru_status status = string(l, text, sizeof text);
    if (status)
        return status;
    const char *p = text;
    bool order = *p == '<' || *p == '>' || *p == '|' || *p == '=';
    f->big = *p == '>';
    p += order;
    f->kind = *p == 'a' ? 'S' : *p;
    f->size = 0;
    for (p += *p != '\0'; *p >= '0' && *p <= '9' && f->size < 1000000; p++)
        f->size = f->size * 10 + (size_t)(*p - '0');
    if (f->kind == '?') {
        f->kind = 'b';
        f->size = 1;
    }
    if (*p || !known_type(f->kind, f->size) || (f->kind == 'V' && !free_bytes))
        return gru_error_set(l->err, GRU_ERR_DATA,
                             "%s: field '%s' has the type '%s'; float, int, bool and S<n> are "
                             "understood",
                             l->name, f->name[0] ? f->name : "x", text);
    return GRU_OK;
}

/* The rest of ('', '|V3'), which NumPy puts where align=True leaves bytes free. */
static gru_status padding(literal *l, gru_npy_header *h, size_t bytes) {
    h->after += bytes;
    if (!take(l, ')'))
        return bad(l, "')' was expected after padding");
    return h->after <= GRU_NPY_TEXT ? GRU_OK : bad(l, "too much padding");
}

/* ('x', '<f4', (60, 5)) */
static gru_status field(literal *l, gru_npy_header *h) {
    gru_npy_field f = {.dims = 0};
    gru_status status = GRU_OK;
    if (!take(l, '('))
        return bad(l, "a field '(name, type)' was expected");
    if (next_is(l, '('))
        return bad(l, "a field with a title");
    if ((status = string(l, f.name, sizeof f.name)) != GRU_OK)
        return status;
    if (!take(l, ','))
        return bad(l, "',' was expected after a field's name");
    if (next_is(l, '['))
        return gru_error_set(l->err, GRU_ERR_DATA, "%s: field '%s' has fields of its own", l->name,
                             f.name);
    if ((status = type(l, &f, f.name[0] == '\0')) != GRU_OK)
        return status;
    if (f.kind == 'V')
        return padding(l, h, f.size);
    if (take(l, ',') && !next_is(l, ')')) {
        if ((status = tuple(l, &f.dims, f.shape)) != GRU_OK)
            return status;
        take(l, ',');
    }
    if (!take(l, ')'))
        return bad(l, "')' was expected after a field");
    if (h->count == GRU_SLOT_COUNT)
        return gru_error_set(l->err, GRU_ERR_DATA,
                             "%s: unknown field '%s'; the fields are x, y, len, w, id, group",
                             l->name, f.name);
    f.before = h->after;
    h->after = 0;
    h->field[h->count++] = f;
    return GRU_OK;
}

static gru_status descr(literal *l, gru_npy_header *h) {
    h->count = h->after = 0;
    h->plain = !take(l, '[');
    if (h->plain) {
        h->count = 1;
        h->field[0] = (gru_npy_field){.dims = 0};
        return type(l, &h->field[0], false);
    }
    while (!take(l, ']')) {
        gru_status status = field(l, h);
        if (status)
            return status;
        if (!take(l, ',') && !next_is(l, ']'))
            return bad(l, "',' or ']' was expected after a field");
    }
    return GRU_OK;
}

static gru_status entry(literal *l, const char *key, gru_npy_header *h, unsigned *seen) {
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    unsigned which = 0;
    while (which < 3 && strcmp(keys[which], key) != 0)
        which++;
    if (which == 3)
        return gru_error_set(l->err, GRU_ERR_DATA, "%s: NPY header: unknown key '%s'", l->name,
                             key);
    if (*seen & 1u << which)
        return gru_error_set(l->err, GRU_ERR_DATA, "%s: NPY header: '%s' is there twice", l->name,
                             key);
    *seen |= 1u << which;
    if (which == 0)
        return descr(l, h);
    if (which == 2)
        return tuple(l, &h->dims, h->shape);
    if (take_word(l, "False"))
        return GRU_OK;
    if (take_word(l, "True"))
        return gru_error_set(l->err, GRU_ERR_DATA,
                             "%s: the array is in Fortran order; save numpy.ascontiguousarray(a)",
                             l->name);
    return bad(l, "True or False was expected");
}

gru_status gru_npy_header_parse(gru_npy_header *h, const char *text, size_t len, const char *name,
                                gru_error *err) {
    literal l = {text, text + len, name, err};
    unsigned seen = 0;
    *h = (gru_npy_header){0};
    if (!take(&l, '{'))
        return bad(&l, "'{' was expected");
    while (!take(&l, '}')) {
        char key[24];
        gru_status status = string(&l, key, sizeof key);
        if (status)
            return status;
        if (!take(&l, ':'))
            return bad(&l, "':' was expected");
        status = entry(&l, key, h, &seen);
        if (status)
            return status;
        if (!take(&l, ',') && !next_is(&l, '}'))
            return bad(&l, "',' or '}' was expected");
    }
    blanks(&l);
    if (l.p < l.end && *l.p)
        return bad(&l, "something follows the dictionary");
    return seen == 7 ? GRU_OK : bad(&l, "descr, fortran_order and shape are not all there");
}
