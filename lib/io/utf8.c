/* UTF-8: ASCII is checked eight bytes at a time, all else by sequences (utf8.h). */
#include "io/utf8.h"

#include <string.h>

/* Length of the sequence at p, 0 when it is not a valid one. */
static size_t sequence(const unsigned char *p, size_t left) {
    size_t size;
    unsigned char low = 0x80, high = 0xBF; /* range of the second byte */
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    size = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (left < size)
        return 0;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

size_t gru_utf8_valid(const char *text, size_t len) {
    const unsigned char *p = (const unsigned char *)text;
    size_t at = 0;
    while (at < len) {
        uint64_t word;
        while (len - at >= sizeof word) {
            memcpy(&word, p + at, sizeof word);
            if (word & 0x8080808080808080u)
                break;
            at += sizeof word;
        }
        if (at == len)
            break;
        size_t size = sequence(p + at, len - at);
        if (!size)
            break;
        at += size;
    }
    return at;
}

size_t gru_utf8_next(const char *text, size_t len, uint32_t *code) {
    static const unsigned char lead[] = {0, 0x7F, 0x1F, 0x0F, 0x07}; /* its bits, by length */
    const unsigned char *p = (const unsigned char *)text;
    size_t size = sequence(p, len);
    *code = size ? p[0] & (uint32_t)lead[size] : GRU_UTF8_BAD;
    for (size_t i = 1; i < size; i++)
        *code = *code << 6 | (p[i] & 0x3Fu);
    return size ? size : 1;
}

size_t gru_utf8_put(char out[GRU_UTF8_BYTES], uint32_t code) {
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    size_t follow = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    for (size_t i = follow; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(lead[follow] | code);
    return follow + 1;
}

void gru_utf8_add_repaired(gru_str *out, const char *text, size_t len) {
    while (len) {
        size_t good = gru_utf8_valid(text, len);
        gru_str_add_bytes(out, text, good);
        if (good == len)
            return;
        gru_str_add(out, "\xEF\xBF\xBD");
        text += good + 1;
        len -= good + 1;
    }
}
