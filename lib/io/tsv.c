/* Escapes of linear TSV (tsv.h). */
#include "io/tsv.h"

#include <string.h>

static const char plain[] = "\t\n\r\\", coded[] = "tnr\\";

static const char *find(const char *set, char c) {
    return c ? strchr(set, c) : NULL;
}

void gru_tsv_add(gru_str *out, const char *text, size_t len) {
    size_t from = 0;
    for (size_t i = 0; i < len; i++) {
        const char *found = find(plain, text[i]);
        if (!found)
            continue;
        gru_str_add_bytes(out, text + from, i - from);
        gru_str_add_char(out, '\\');
        gru_str_add_char(out, coded[found - plain]);
        from = i + 1;
    }
    gru_str_add_bytes(out, text + from, len - from);
}

size_t gru_tsv_unescape(char *text, size_t len) {
    char *to = text;
    for (const char *from = text, *end = text + len; from < end; from++) {
        const char *found = *from == '\\' && from + 1 < end ? find(coded, from[1]) : NULL;
        *to++ = found ? plain[found - coded] : *from;
        from += found != NULL;
    }
    return (size_t)(to - text);
}
