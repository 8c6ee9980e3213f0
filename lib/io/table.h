/* Tables: CSV (libcsv, RFC 4180) or TSV (linear TSV) with a header line, read and written row by
 * row.
 *
 * The kind is told by the header: one that holds a tab outside quotes is TSV; one that holds
 * semicolons and no comma is CSV with semicolons, as spreadsheets of many countries write it. A
 * byte order mark is skipped. Rows must have as many fields as the header, else GRU_ERR_DATA with
 * file and line; blank lines are skipped in tables of several columns. Text must be UTF-8, else
 * GRU_ERR_DATA with the line, or with `lossy` each bad byte becomes U+FFFD. */
#ifndef GRU_IO_TABLE_H
#define GRU_IO_TABLE_H

#include "io/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gru_field {
    const char *text; /* NUL-terminated, unescaped; valid until the next gru_table_next */
    size_t len;
} gru_field;

typedef struct gru_table gru_table;

/* Takes no ownership of in. GRU_ERR_DATA when there is no header line. */
gru_status gru_table_open(gru_table **out, gru_input *in, bool lossy, gru_error *err);
void gru_table_close(gru_table *table); /* NULL is fine */
size_t gru_table_columns(const gru_table *table);
const char *gru_table_name(const gru_table *table, size_t column);
bool gru_table_is_csv(const gru_table *table);
/* The first column called name; SIZE_MAX where there is none. */
size_t gru_table_column(const gru_table *table, const char *name);
/* The column called name, or GRU_ERR_DATA "prices.csv: no column 'Close'; there are Date, Open";
 * also where several are called so. */
gru_status gru_table_find(const gru_table *table, const char *name, size_t *column, gru_error *err);
/* Splits "A,B,C" and finds each; *columns malloc'd (free), *count ≥ 1. */
gru_status gru_table_find_list(const gru_table *table, const char *names, size_t **columns,
                               size_t *count, gru_error *err);
/* The next row: *row points to gru_table_columns fields; *row NULL at the end. */
gru_status gru_table_next(gru_table *table, const gru_field **row, gru_error *err);
/* Line on which the current row starts, from 1 (the header's is 1). */
unsigned long long gru_table_line(const gru_table *table);
/* Field as a number: missing → NaN with *missing true; anything else that is no finite number is
 * GRU_ERR_DATA "prices.csv:17: column 'Close': 'abc' is not a number". */
gru_status gru_table_number(const gru_table *table, const gru_field *row, size_t column,
                            double *value, bool *missing, gru_error *err);

/* ---- writing ---- */
typedef struct gru_table_writer {
    gru_output *out; /* not owned */
    bool csv;
    bool started; /* a field was written in this row */
} gru_table_writer;

void gru_table_writer_init(gru_table_writer *w, gru_output *out, bool csv);
gru_status gru_table_put(gru_table_writer *w, const char *text, size_t len, gru_error *err);
gru_status gru_table_put_text(gru_table_writer *w, const char *text, gru_error *err);
gru_status gru_table_put_float(gru_table_writer *w, float value, gru_error *err); /* NaN: empty */
gru_status gru_table_put_double(gru_table_writer *w, double value, gru_error *err);
gru_status gru_table_put_int(gru_table_writer *w, long long value, gru_error *err);
gru_status gru_table_end_row(gru_table_writer *w, gru_error *err);

#endif
