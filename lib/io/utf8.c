/* UTF-8 validation: eight ASCII bytes at a time, sequences one by one. */
#include "io/utf8.h"

#include <stdint.h>
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
