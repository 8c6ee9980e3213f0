/* Reading a table, nothing else: what gru_table and its numbers take, for comparison with pandas.
 *
 *     table FILE [NUMBERS]     prints the seconds of the faster of two readings
 *
 * With NUMBERS every column but the first is also made a number. */
#include "io/table.h"

#include <stdio.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static gru_status read_row(const gru_table *table, const gru_field *row, double *sum,
                           gru_error *err) {
    for (size_t c = 1; c < gru_table_columns(table); c++) {
        double value;
        bool missing;
        if (gru_table_number(table, row, c, &value, &missing, err))
            return err->code;
        *sum += missing ? 0 : value;
    }
    return GRU_OK;
}

static gru_status read_table(const char *path, bool numbers, gru_error *err) {
    gru_input *in;
    gru_table *table;
    const gru_field *row;
    double sum = 0;
    if (gru_input_open(&in, path, err))
        return err->code;
    gru_status st = gru_table_open(&table, in, false, err);
    while (!st && !(st = gru_table_next(table, &row, err)) && row)
        if (numbers)
            st = read_row(table, row, &sum, err);
    if (!st)
        gru_table_close(table);
    gru_input_close(in);
    return st;
}

int main(int argc, char **argv) {
    gru_error err = {0};
    double best = 0;
    if (argc < 2 || argc > 3) {
        fputs("usage: table FILE [NUMBERS]\n", stderr);
        return 2;
    }
    for (int i = 0; i < 2; i++) {
        double start = now();
        if (read_table(argv[1], argc > 2, &err)) {
            fprintf(stderr, "table: %s\n", err.message);
            return 1;
        }
        double spent = now() - start;
        best = i == 0 || spent < best ? spent : best;
    }
    printf("%.6f\n", best);
    return 0;
}
