/* JSON in two passes: a check of the whole text, and a cursor that trusts it. */
#include "io/json.h"

#include "io/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

/* ---- checking ---- */

typedef struct checker {
    const char *at, *end;
    const char *wrong;
} checker;

static bool fail(checker *c, const char *wrong) {
    if (!c->wrong)
        c->wrong = wrong;
    return false;
}

/* What stands for one character after a backslash; the others, but u, are no escapes. */
static const char escapes[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                  ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static void skip_blanks(checker *c) {
    while (c->at < c->end && is_blank(*c->at))
        c->at++;
}

static bool take(checker *c, char wanted) {
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static int hex_digit(char c) {
    return is_digit(c) ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* The four hex digits of \uXXXX; negative when they aren't there. */
static int32_t hex_unit(const char *at, const char *end) {
    int32_t unit = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* After \u: one unit, or a surrogate pair. */
static bool check_unit(checker *c) {
    int32_t unit = hex_unit(c->at, c->end);
    if (unit < 0)
        return fail(c, "bad \\u escape");
    if (unit == 0)
        return fail(c, "a NUL in a string");
    c->at += 4;
    if (unit < 0xD800 || unit > 0xDFFF)
        return true;
    if (unit > 0xDBFF || c->end - c->at < 6 || c->at[0] != '\\' || c->at[1] != 'u')
        return fail(c, "half a surrogate pair");
    unit = hex_unit(c->at + 2, c->end);
    if (unit < 0xDC00 || unit > 0xDFFF)
        return fail(c, "half a surrogate pair");
    c->at += 6;
    return true;
}

static bool check_string(checker *c) {
    if (!take(c, '"'))
        return fail(c, "a string is missing");
    while (c->at < c->end) {
        unsigned char byte = (unsigned char)*c->at++;
        if (byte == '"')
            return true;
        if (byte < 0x20)
            return fail(c, "a control character in a string");
        if (byte != '\\')
            continue;
        char escape = c->at < c->end ? *c->at++ : '\0';
        if (escape == 'u' ? !check_unit(c) : !escapes[(unsigned char)escape])
            return fail(c, "bad escape");
    }
    return fail(c, "a string does not end");
}

static bool check_digits(checker *c) {
    const char *from = c->at;
    while (c->at < c->end && is_digit(*c->at))
        c->at++;
    return c->at > from || fail(c, "a digit is missing");
}

static bool check_number(checker *c) {
    take(c, '-');
    if (!take(c, '0') && !check_digits(c))
        return false;
    if (take(c, '.') && !check_digits(c))
        return false;
    if (!take(c, 'e') && !take(c, 'E'))
        return true;
    if (!take(c, '+'))
        take(c, '-');
    return check_digits(c);
}

static bool check_word(checker *c) {
    static const char *const words[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(c->end - c->at) >= len && memcmp(c->at, words[i], len) == 0) {
            c->at += len;
            return true;
        }
    }
    return fail(c, "a value is missing");
}

static bool check_value(checker *c, int depth);

static bool check_inside(checker *c, char close, int depth) {
    skip_blanks(c);
    if (take(c, close))
        return true;
    do {
        skip_blanks(c);
        if (close == '}') {
            if (!check_string(c))
                return false;
            skip_blanks(c);
            if (!take(c, ':'))
                return fail(c, "a colon is missing");
        }
        if (!check_value(c, depth))
            return false;
        skip_blanks(c);
    } while (take(c, ','));
    return take(c, close) || fail(c, close == '}' ? "a } is missing" : "a ] is missing");
}

static bool check_value(checker *c, int depth) {
    skip_blanks(c);
    if (depth == DEPTH_MAX)
        return fail(c, "nested too deep");
    if (take(c, '{'))
        return check_inside(c, '}', depth + 1);
    if (take(c, '['))
        return check_inside(c, ']', depth + 1);
    char first = c->at < c->end ? *c->at : '\0';
    if (first == '"')
        return check_string(c);
    return is_digit(first) || first == '-' ? check_number(c) : check_word(c);
}

const char *gru_json_check(const char *text, size_t len, size_t *at) {
    checker c = {text, text + len, NULL};
    size_t valid = gru_utf8_valid(text, len);
    if (valid != len) {
        *at = valid;
        return "it is not UTF-8";
    }
    skip_blanks(&c);
    if (c.at == c.end || (*c.at != '{' && *c.at != '[')) {
        fail(&c, "neither an object nor an array");
    } else if (check_value(&c, 0)) {
        skip_blanks(&c);
        if (c.at != c.end)
            fail(&c, "something follows the value");
    }
    *at = (size_t)(c.at - text);
    return c.wrong;
}

/* ---- walking ---- */

char gru_json_kind(gru_json *j) {
    while (is_blank(*j->at) || *j->at == ',' || *j->at == ':')
        j->at++;
    return is_digit(*j->at) || *j->at == '-' ? '0' : *j->at;
}

bool gru_json_into(gru_json *j, char open) {
    if (gru_json_kind(j) != open) {
        gru_json_skip(j);
        return false;
    }
    j->at++;
    return true;
}

bool gru_json_more(gru_json *j) {
    char kind = gru_json_kind(j);
    if (kind != '}' && kind != ']')
        return true;
    j->at++;
    return false;
}

/* Past a string's closing quote, which is behind no backslash or an even number; j->at is past the
 * opening one. */
static void skip_string(gru_json *j) {
    const char *from = j->at, *quote = from - 1, *solid;
    do {
        quote = strchr(quote + 1, '"');
        for (solid = quote; solid > from && solid[-1] == '\\';)
            solid--;
    } while ((quote - solid) % 2);
    j->at = quote + 1;
}

void gru_json_skip(gru_json *j) {
    int depth = 0;
    do {
        char kind = gru_json_kind(j);
        if (kind == '"') {
            j->at++;
            skip_string(j);
        } else if (kind == '{' || kind == '[') {
            j->at++;
            depth++;
        } else if (kind == '}' || kind == ']') {
            j->at++;
            depth--;
        } else {
            while (!strchr(",:]} \t\r\n", *j->at))
                j->at++;
        }
    } while (depth > 0);
}

/* The character of \uXXXX, or of two of them, at *from. */
static uint32_t unescape(const char **from, const char *end) {
    uint32_t code = (uint32_t)hex_unit(*from + 2, end);
    *from += 6;
    if (code < 0xD800 || code > 0xDFFF)
        return code;
    uint32_t low = (uint32_t)hex_unit(*from + 2, end);
    *from += 6;
    return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
}

bool gru_json_text(gru_json *j, char **text, size_t *len) {
    *text = NULL;
    if (gru_json_kind(j) != '"') {
        gru_json_skip(j);
        return false;
    }
    const char *from = ++j->at;
    skip_string(j);
    const char *end = j->at - 1;
    char *out = *text = malloc((size_t)(end - from) + 1); /* an escape is longer than its bytes */
    if (!out)
        return true;
    while (from < end) {
        if (*from != '\\') {
            *out++ = *from++;
        } else if (from[1] == 'u') {
            out += gru_utf8_put(out, unescape(&from, end));
        } else {
            *out++ = escapes[(unsigned char)from[1]];
            from += 2;
        }
    }
    *out = '\0';
    *len = (size_t)(out - *text);
    return true;
}

bool gru_json_whole(gru_json *j, uint64_t *out) {
    bool good = gru_json_kind(j) == '0' && *j->at != '-';
    const char *from = j->at;
    *out = 0;
    gru_json_skip(j);
    for (; good && from < j->at; from++) {
        uint64_t digit = (uint64_t)(*from - '0');
        good = is_digit(*from) && *out <= (UINT64_MAX - digit) / 10;
        *out = *out * 10 + digit;
    }
    return good;
}
