/* A growing string, always NUL-terminated. Allocation failure is remembered in `failed` and makes
 * the later appends do nothing, so a caller checks once, at the end, with gru_str_check. */
#ifndef GRU_BASE_STR_H
#define GRU_BASE_STR_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct gru_str {
    char *data; /* NULL until the first append; gru_str_text never gives NULL */
    size_t len, cap;
    bool failed;
} gru_str;

void gru_str_add(gru_str *s, const char *text);
void gru_str_add_bytes(gru_str *s, const void *bytes, size_t count);
void gru_str_add_char(gru_str *s, char c);
void gru_str_addf(gru_str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gru_str_clear(gru_str *s);             /* len = 0, memory kept */
const char *gru_str_text(const gru_str *s); /* borrowed until the next append */
gru_status gru_str_check(const gru_str *s, gru_error *err);
void gru_str_free(gru_str *s);
/* A malloc'd copy of count bytes, NUL added; NULL when there is no memory. */
char *gru_str_copy(const char *bytes, size_t count);
/* Whether text ends in end: a file's name in .csv. */
bool gru_str_ends(const char *text, const char *end);
/* Edits (insert, delete, replace) that make one name of the other, capitals aside and '_' as '-';
 * SIZE_MAX for names of more than 40 bytes. For "did you mean". */
size_t gru_str_distance(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
