/* The growing string. */
#include "base/str.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for count more bytes and the NUL. */
static bool make_room(gru_str *s, size_t count) {
    size_t need;
    if (s->failed)
        return false;
    if (!gru_size_add(s->len, count, &need) || !gru_size_add(need, 1, &need) ||
        gru_mem_grow(&s->data, &s->cap, need, 1, NULL) != GRU_OK)
        s->failed = true;
    return !s->failed;
}

void gru_str_add_bytes(gru_str *s, const void *bytes, size_t count) {
    if (!make_room(s, count))
        return;
    if (count)
        memcpy(s->data + s->len, bytes, count);
    s->len += count;
    s->data[s->len] = '\0';
}

void gru_str_add(gru_str *s, const char *text) {
    gru_str_add_bytes(s, text, strlen(text));
}

void gru_str_add_char(gru_str *s, char c) {
    gru_str_add_bytes(s, &c, 1);
}

void gru_str_addf(gru_str *s, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        s->failed = true;
    else if (make_room(s, (size_t)length)) {
        vsnprintf(s->data + s->len, (size_t)length + 1, format, again);
        s->len += (size_t)length;
    }
    va_end(again);
}

void gru_str_clear(gru_str *s) {
    s->len = 0;
    if (s->data)
        s->data[0] = '\0';
}

const char *gru_str_text(const gru_str *s) {
    return s->data ? s->data : "";
}

gru_status gru_str_check(const gru_str *s, gru_error *err) {
    return s->failed ? gru_error_memory(err, s->len + 1) : GRU_OK;
}

void gru_str_free(gru_str *s) {
    free(s->data);
    *s = (gru_str){0};
}

char *gru_str_copy(const char *bytes, size_t count) {
    size_t size;
    char *copy = gru_size_add(count, 1, &size) ? malloc(size) : NULL;
    if (copy) {
        if (count)
            memcpy(copy, bytes, count);
        copy[count] = '\0';
    }
    return copy;
}

bool gru_str_ends(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static char fold(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '_' ? '-' : c;
}

size_t gru_str_distance(const char *a, size_t a_len, const char *b, size_t b_len) {
    enum { LONGEST = 40 };
    size_t row[LONGEST + 1];
    if (a_len > LONGEST || b_len > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = corner + (fold(a[i - 1]) != fold(b[j - 1]));
            corner = row[j];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
        }
    }
    return row[b_len];
}
