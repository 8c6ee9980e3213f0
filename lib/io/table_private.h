/* What the files that read tables share: the table with its batch of rows, how a batch is built,
 * and the two formats that fill it.
 *
 * A batch holds the fields' bytes one after another, each with a NUL, in one buffer that is made
 * large enough before a block is parsed, so that field pointers stay valid. The unfinished row at
 * a block's end moves to the front of the next batch. Text is checked (UTF-8, no NUL) a batch at
 * a time; only a batch with bytes beyond ASCII is looked at field by field. */
#ifndef GRU_IO_TABLE_PRIVATE_H
#define GRU_IO_TABLE_PRIVATE_H

#include "base/bytes.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/table.h"

#include <csv.h>
#include <stdint.h>

enum { GRU_TABLE_BLOCK = 65536 };
#define GRU_TABLE_ROW_MAX ((size_t)1 << 28)

typedef struct gru_table_span {
    size_t first, count; /* in fields */
    unsigned long long line;
} gru_table_span;

struct gru_table {
    gru_input *in;
    bool csv, lossy, ended;
    char separator; /* of CSV: a comma or a semicolon */
    struct csv_parser parser;
    bool parser_ready;
    bool within, quoted;  /* libcsv's row is not at its end; it is inside quotes */
    gru_str header_bytes; /* names, each with its NUL */
    char **names;
    size_t columns;
    /* the batch */
    char *bytes;
    size_t used, bytes_cap;
    gru_field *fields;
    size_t field_count, fields_cap;
    gru_table_span *rows;
    size_t row_count, rows_cap, next_row;
    size_t open_first; /* first field of the unfinished row */
    unsigned long long open_line, line;
    bool after_cr, no_memory;
    bool ascii;        /* the batch's bytes, and there are no NULs but those behind fields */
    bool checked;      /* that is known */
    gru_status failed; /* a syntax error that follows the batch's rows */
    gru_error failure;
    unsigned long long current_line;
    gru_str repaired;
};

/* ---- table_batch.c ---- */
/* Sets err: the table's name, the line, what. */
gru_status gru_table_bad_line(const gru_table *t, unsigned long long line, const char *what,
                              gru_error *err);
/* A syntax error, told once the batch's rows are read. */
void gru_table_remember_failure(gru_table *t, unsigned long long line, const char *what);
/* A block; at least a line of it, unless the line is longer or the last one without an end. */
gru_status gru_table_peek_block(gru_table *t, const unsigned char **block, size_t *count,
                                gru_error *err);
/* Moves the unfinished row to the front; `room` more bytes and as many NULs will fit. */
gru_status gru_table_begin_batch(gru_table *t, size_t room, gru_error *err);
/* Copies a field to the batch's bytes. */
void gru_table_add_field(gru_table *t, const void *text, size_t len);
void gru_table_finish_row(gru_table *t);
gru_status gru_table_finish_batch(gru_table *t, gru_error *err);
size_t gru_table_newlines(const char *text, size_t len);

/* The field that lies between start and stop of the batch's bytes: stop becomes its NUL. */
static inline void gru_table_end_field(gru_table *t, const char *start, char *stop) {
    if (t->field_count == t->fields_cap &&
        gru_mem_grow(&t->fields, &t->fields_cap, t->field_count + 1, sizeof *t->fields, NULL)) {
        t->no_memory = true;
        return;
    }
    *stop = '\0';
    t->fields[t->field_count++] = (gru_field){start, (size_t)(stop - start)};
}

/* ---- table_csv.c, table_tsv.c ---- */
/* Fills the batch with a block's rows. */
gru_status gru_table_fill_csv(gru_table *t, gru_error *err);
gru_status gru_table_fill_tsv(gru_table *t, gru_error *err);

#endif
