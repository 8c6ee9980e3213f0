/* Segmentation: Keras's rule by a table for ASCII, ICU for all else. */
#include "text/segment.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/utf8.h"
#include "text/unicode.h"

#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/ucasemap.h>
#include <unicode/uscript.h>
#include <unicode/utext.h>

enum { TEXT_LIMIT = 1 << 30 };

struct gru_segmenter {
    gru_segment segment;
    bool lower;
    char table[256]; /* byte → itself or its lower case; 0 where tokens end */
    uint32_t *wide;  /* filters outside ASCII */
    size_t wide_count;
    gru_map *stop; /* NULL: none */
    struct sb_stemmer *stem;
    UCaseMap *cases; /* ICU's, made when first needed */
    UBreakIterator *breaks;
    UText *utext;
    char *buffer;
    size_t cap;
    gru_str stems;
    gru_token *tokens;
    size_t count, token_cap;
};

static const char *const names[GRU_SEGMENT_COUNT] = {"auto", "space", "char", "word"};

const char *gru_segment_name(gru_segment segment) {
    return segment < GRU_SEGMENT_COUNT ? names[segment] : "?";
}

bool gru_segment_find(const char *name, gru_segment *out) {
    for (int i = 0; i < GRU_SEGMENT_COUNT; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (gru_segment)i;
            return true;
        }
    return false;
}

/* ---- making ---- */

/* Filters look at what lower-casing leaves. */
static gru_status fill_table(gru_segmenter *s, const char *filters, gru_error *err) {
    bool filtered[256] = {[' '] = s->segment != GRU_SEGMENT_CHAR};
    size_t len = filters ? strlen(filters) : 0;
    gru_status status = gru_mem_new(&s->wide, len, sizeof *s->wide, err);
    for (size_t i = 0, n; !status && i < len; i += n) {
        uint32_t code;
        n = gru_utf8_next(filters + i, len - i, &code);
        if (code == GRU_UTF8_BAD)
            return gru_error_set(err, GRU_ERR_USAGE, "the filters are not UTF-8");
        if (code < 0x80)
            filtered[code] = true;
        else
            s->wide[s->wide_count++] = code;
    }
    for (int c = 0; c < 256; c++) {
        int kept = s->lower && c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
        s->table[c] = (char)(filtered[kept] ? 0 : kept);
    }
    return status;
}

static gru_status lower(gru_segmenter *s, const char *text, size_t *len, gru_error *err);

static gru_status fill_stop(gru_segmenter *s, const gru_segment_options *o, gru_error *err) {
    gru_status status = o->stop_count ? gru_map_new(&s->stop, err) : GRU_OK;
    for (size_t i = 0; !status && i < o->stop_count; i++) {
        const char *word = o->stop[i];
        size_t len = strlen(word);
        if (s->lower) {
            status = lower(s, word, &len, err);
            word = s->buffer;
        }
        if (!status && !gru_map_put(s->stop, word, len))
            status = gru_error_memory(err, len);
    }
    return status;
}

gru_status gru_segmenter_new(gru_segmenter **out, const gru_segment_options *o, gru_error *err) {
    gru_segmenter *s;
    gru_status status = gru_mem_new(&s, 1, sizeof *s, err);
    *out = NULL;
    if (status)
        return status;
    s->segment = o->segment;
    s->lower = o->lower;
    status = fill_table(s, o->filters, err);
    if (!status)
        status = fill_stop(s, o, err);
    if (!status && o->stem) {
        s->stem = sb_stemmer_new(o->stem, "UTF_8");
        if (!s->stem)
            status = gru_error_set(err, GRU_ERR_USAGE, "no stemmer for the language '%s'", o->stem);
    }
    if (!status && s->segment == GRU_SEGMENT_WORD) {
        UErrorCode code = U_ZERO_ERROR;
        s->breaks = ubrk_open(UBRK_WORD, "", NULL, 0, &code);
        if (U_FAILURE(code))
            status = gru_error_set(err, GRU_ERR_DATA, "ICU's word rules: %s", u_errorName(code));
    }
    if (status)
        gru_segmenter_free(s);
    else
        *out = s;
    return status;
}

void gru_segmenter_free(gru_segmenter *s) {
    if (!s)
        return;
    gru_map_free(s->stop);
    if (s->stem)
        sb_stemmer_delete(s->stem);
    if (s->cases)
        ucasemap_close(s->cases);
    if (s->breaks)
        ubrk_close(s->breaks);
    if (s->utext)
        utext_close(s->utext);
    gru_str_free(&s->stems);
    free(s->wide);
    free(s->buffer);
    free(s->tokens);
    free(s);
}

/* ---- normalising ---- */

static gru_status push(gru_segmenter *s, size_t start, size_t len, gru_error *err) {
    if (s->count == s->token_cap) {
        gru_status status =
            gru_mem_grow(&s->tokens, &s->token_cap, s->count + 64, sizeof *s->tokens, err);
        if (status)
            return status;
    }
    s->tokens[s->count++] = (gru_token){(uint32_t)start, (uint32_t)len};
    return GRU_OK;
}

/* Lower-cases text[*len] into the buffer by Unicode's full mappings, no locale's rules. */
static gru_status lower(gru_segmenter *s, const char *text, size_t *len, gru_error *err) {
    UErrorCode code = U_ZERO_ERROR;
    if (!s->cases)
        s->cases = ucasemap_open("", 0, &code);
    gru_status status = gru_mem_grow(&s->buffer, &s->cap, *len + *len / 2 + 16, 1, err);
    if (status)
        return status;
    for (int tries = 0; tries < 2; tries++) {
        int32_t room = s->cap > INT32_MAX ? INT32_MAX : (int32_t)s->cap;
        int32_t n = ucasemap_utf8ToLower(s->cases, s->buffer, room, text, (int32_t)*len, &code);
        if (code != U_BUFFER_OVERFLOW_ERROR || tries == 1) {
            if (U_FAILURE(code))
                return gru_error_set(err, GRU_ERR_DATA, "ICU's lower-casing: %s",
                                     u_errorName(code));
            *len = (size_t)n;
            return GRU_OK;
        }
        code = U_ZERO_ERROR;
        if ((status = gru_mem_grow(&s->buffer, &s->cap, (size_t)n + 16, 1, err)))
            return status;
    }
    return GRU_OK;
}

static bool is_wide_filter(const gru_segmenter *s, uint32_t code) {
    for (size_t i = 0; i < s->wide_count; i++)
        if (s->wide[i] == code)
            return true;
    return false;
}

/* Turns filters outside ASCII into spaces (then the table does the rest). */
static void blank_wide(const gru_segmenter *s, char *text, size_t len) {
    for (size_t i = 0, n; i < len; i += n) {
        uint32_t code;
        n = gru_utf8_next(text + i, len - i, &code);
        if (code >= 0x80 && is_wide_filter(s, code))
            memset(text + i, ' ', n);
    }
}

/* Brings text[*len] into the buffer, lower-cased where it holds more than ASCII. */
static gru_status load(gru_segmenter *s, const char *text, size_t *len, bool ascii,
                       gru_error *err) {
    gru_status status;
    if (s->lower && !ascii) {
        status = lower(s, text, len, err);
    } else {
        status = gru_mem_grow(&s->buffer, &s->cap, *len + 16, 1, err);
        if (!status)
            memcpy(s->buffer, text, *len);
    }
    if (!status && !ascii && s->wide_count)
        blank_wide(s, s->buffer, *len);
    return status;
}

/* ---- splitting ---- */

/* The one pass that most text takes: table, split. */
static gru_status split_table(gru_segmenter *s, const char *in, size_t len, gru_error *err) {
    char *out = s->buffer;
    size_t start = 0;
    for (size_t i = 0; i < len; i++) {
        char c = s->table[(unsigned char)in[i]];
        out[i] = c;
        if (c)
            continue;
        if (i > start) {
            gru_status status = push(s, start, i - start, err);
            if (status)
                return status;
        }
        start = i + 1;
    }
    return len > start ? push(s, start, len - start, err) : GRU_OK;
}

static gru_status split_space(gru_segmenter *s, const char *text, size_t len, bool ascii,
                              gru_error *err) {
    gru_status status;
    if (ascii || (!s->lower && !s->wide_count)) {
        status = gru_mem_grow(&s->buffer, &s->cap, len + 16, 1, err);
        return status ? status : split_table(s, text, len, err);
    }
    status = load(s, text, &len, ascii, err);
    return status ? status : split_table(s, s->buffer, len, err);
}

static gru_status split_char(gru_segmenter *s, const char *text, size_t len, bool ascii,
                             gru_error *err) {
    gru_status status = load(s, text, &len, ascii, err);
    for (size_t i = 0, n; !status && i < len; i += n) {
        uint32_t code;
        n = gru_utf8_next(s->buffer + i, len - i, &code);
        if (code < 0x80) {
            s->buffer[i] = s->table[code];
            if (!s->table[code])
                continue;
        }
        if (!gru_unicode_space(code))
            status = push(s, i, n, err);
    }
    return status;
}

/* A piece that ICU calls no word still is one when it starts with a symbol such as an emoji. */
static bool is_symbol(const char *text, size_t len) {
    uint32_t code;
    gru_utf8_next(text, len, &code);
    return code != GRU_UTF8_BAD && (u_charType((UChar32)code) == U_OTHER_SYMBOL ||
                                    u_hasBinaryProperty((UChar32)code, UCHAR_EMOJI_PRESENTATION));
}

static gru_status split_word(gru_segmenter *s, const char *text, size_t len, bool ascii,
                             gru_error *err) {
    gru_status status = load(s, text, &len, ascii, err);
    if (status)
        return status;
    for (size_t i = 0; i < len; i++) {
        char c = s->table[(unsigned char)s->buffer[i]];
        s->buffer[i] = c ? c : ' ';
    }
    UErrorCode code = U_ZERO_ERROR;
    s->utext = utext_openUTF8(s->utext, s->buffer, (int64_t)len, &code);
    ubrk_setUText(s->breaks, s->utext, &code);
    if (U_FAILURE(code))
        return gru_error_set(err, GRU_ERR_DATA, "ICU's word rules: %s", u_errorName(code));
    int32_t from = ubrk_first(s->breaks), to;
    while (!status && (to = ubrk_next(s->breaks)) != UBRK_DONE) {
        size_t n = (size_t)(to - from);
        if (ubrk_getRuleStatus(s->breaks) >= UBRK_WORD_NONE_LIMIT || is_symbol(s->buffer + from, n))
            status = push(s, (size_t)from, n, err);
        from = to;
    }
    return status;
}

/* ---- after splitting ---- */

static void drop_stop_words(gru_segmenter *s) {
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++)
        if (!gru_map_get(s->stop, s->buffer + s->tokens[i].start, s->tokens[i].len))
            s->tokens[kept++] = s->tokens[i];
    s->count = kept;
}

static gru_status stem_all(gru_segmenter *s, gru_error *err) {
    size_t kept = 0;
    gru_str_clear(&s->stems);
    for (size_t i = 0; i < s->count; i++) {
        const char *word = s->buffer + s->tokens[i].start;
        const sb_symbol *stem =
            sb_stemmer_stem(s->stem, (const sb_symbol *)word, (int)s->tokens[i].len);
        if (!stem)
            return gru_error_memory(err, s->tokens[i].len);
        int len = sb_stemmer_length(s->stem);
        if (len <= 0)
            continue;
        s->tokens[kept++] = (gru_token){(uint32_t)s->stems.len, (uint32_t)len};
        gru_str_add_bytes(&s->stems, stem, (size_t)len);
    }
    s->count = kept;
    return gru_str_check(&s->stems, err);
}

static bool is_ascii(const char *text, size_t len) {
    uint64_t any = 0;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t eight;
        memcpy(&eight, text + i, 8);
        any |= eight;
    }
    for (; i < len; i++)
        any |= (uint64_t)(unsigned char)text[i];
    return !(any & UINT64_C(0x8080808080808080));
}

gru_status gru_segmenter_split(gru_segmenter *s, const char *text, size_t len, const char **buffer,
                               const gru_token **tokens, size_t *count, gru_error *err) {
    s->count = 0;
    if (len > TEXT_LIMIT)
        return gru_error_set(err, GRU_ERR_DATA, "a text of more than 1 GiB");
    bool ascii = is_ascii(text, len);
    gru_status status = s->segment == GRU_SEGMENT_CHAR   ? split_char(s, text, len, ascii, err)
                        : s->segment == GRU_SEGMENT_WORD ? split_word(s, text, len, ascii, err)
                                                         : split_space(s, text, len, ascii, err);
    if (!status && s->stop)
        drop_stop_words(s);
    if (!status && s->stem)
        status = stem_all(s, err);
    *buffer = s->stem ? gru_str_text(&s->stems) : s->buffer;
    *tokens = s->tokens;
    *count = s->count;
    return status;
}

/* ---- guessing ---- */

static bool is_spaceless(uint32_t code) {
    UErrorCode error = U_ZERO_ERROR;
    UScriptCode script = uscript_getScript((UChar32)code, &error);
    return script == USCRIPT_HAN || script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA ||
           script == USCRIPT_THAI || script == USCRIPT_LAO || script == USCRIPT_KHMER ||
           script == USCRIPT_MYANMAR;
}

void gru_segment_count(const char *text, size_t len, uint64_t counts[2]) {
    bool in_word = false;
    for (size_t i = 0, n; i < len; i += n) {
        uint32_t code;
        n = gru_utf8_next(text + i, len - i, &code);
        uint32_t letter = code | 0x20;
        bool ascii = letter >= 'a' && letter <= 'z';
        bool other = code >= 0x80 && code != GRU_UTF8_BAD && u_isalpha((UChar32)code);
        if (other && is_spaceless(code)) {
            counts[0]++;
            in_word = false;
        } else {
            bool is_letter = ascii || other;
            counts[1] += is_letter && !in_word;
            in_word = is_letter;
        }
    }
}

gru_segment gru_segment_guess(const uint64_t counts[2]) {
    return counts[0] > counts[1] ? GRU_SEGMENT_CHAR : GRU_SEGMENT_SPACE;
}
