/* Where texts come from: a column of a table, or the lines of a file; row by row. */
#ifndef GRU_TEXT_SOURCE_H
#define GRU_TEXT_SOURCE_H

#include "io/stream.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct gru_source_options {
    const char *text;    /* column of the texts; NULL: every line is a text, there is no header */
    const char *label;   /* column of the labels; NULL: none */
    bool label_optional; /* a table without that column is fine */
    const char *id;      /* column that names the rows; NULL: they are numbered from 1 */
    bool id_optional;
    bool lossy; /* bytes that aren't UTF-8 become U+FFFD */
} gru_source_options;

typedef struct gru_source gru_source;

typedef struct gru_source_row {
    const char *text, *label, *id; /* NUL-terminated, valid until the next row; label NULL: none */
    size_t len, label_len, id_len;
    unsigned long long line; /* of the file, on which the row starts */
} gru_source_row;

/* Borrows options' strings and in until gru_source_close. */
gru_status gru_source_open(gru_source **out, gru_input *in, const gru_source_options *options,
                           gru_error *err);
void gru_source_close(gru_source *s); /* NULL is fine */
/* The next row; *more is false at the end. */
gru_status gru_source_next(gru_source *s, gru_source_row *row, bool *more, gru_error *err);
bool gru_source_has_label(const gru_source *s);
bool gru_source_has_id(const gru_source *s);
const char *gru_source_name(const gru_source *s); /* of the file, for messages */

#endif
