/* UTF-8 decoding by the table of Unicode 15, section 3.9 (well-formed byte sequences). */
#include "text/unicode.h"

static bool follows(const unsigned char *p, size_t count) {
    for (size_t i = 0; i < count; i++)
        if ((p[i] & 0xc0) != 0x80)
            return false;
    return true;
}

size_t gru_unicode_next(const char *text, size_t len, uint32_t *code) {
    const unsigned char *p = (const unsigned char *)text;
    uint32_t c = p[0];
    *code = c;
    if (c < 0x80)
        return 1;
    *code = GRU_UNICODE_BAD;
    if (c >= 0xc2 && c < 0xe0 && len >= 2 && follows(p + 1, 1)) {
        *code = (c & 0x1fu) << 6 | (p[1] & 0x3fu);
        return 2;
    }
    if (c >= 0xe0 && c < 0xf0 && len >= 3 && follows(p + 1, 2)) {
        uint32_t v = (c & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
        if (v < 0x800 || (v >= 0xd800 && v < 0xe000))
            return 1;
        *code = v;
        return 3;
    }
    if (c >= 0xf0 && c < 0xf5 && len >= 4 && follows(p + 1, 3)) {
        uint32_t v =
            (c & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
        if (v < 0x10000 || v > 0x10ffff)
            return 1;
        *code = v;
        return 4;
    }
    return 1;
}

bool gru_unicode_space(uint32_t c) {
    if (c < 0x80)
        return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}
