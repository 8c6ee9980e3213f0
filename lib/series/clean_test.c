/* Steps' words, and tables of gaps and single rows, which every step must bear. */
#include "series/clean.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(clean, reads_steps) {
    gru_clean_step s;
    gru_error err = {0};
    cr_assert_eq(gru_clean_parse(&s, "outliers=iqr:1.5:missing", &err), GRU_OK);
    cr_assert(s.kind == GRU_CLEAN_OUTLIERS && s.how == 0 && s.number == 1.5 && s.missing);
    cr_assert_eq(gru_clean_parse(&s, "outliers=zscore:3", &err), GRU_OK);
    cr_assert(s.kind == GRU_CLEAN_OUTLIERS && s.how == 1 && s.number == 3 && !s.missing);
    cr_assert_eq(gru_clean_parse(&s, "difference=7", &err), GRU_OK);
    cr_assert(s.kind == GRU_CLEAN_DIFFERENCE && s.number == 7);
    cr_assert_eq(gru_clean_parse(&s, "smooth=mean:2.5", &err), GRU_ERR_USAGE);
    cr_assert_str_eq(err.message, "--do 'smooth=mean:2.5': expected smooth=mean:N or median:N, "
                                  "N rows from 1 to 1000000");
}

/* One step on a table in memory; what is written, or the error's message, to out. */
static gru_status clean(const char *text, const char *step, const char *columns, char out[256]) {
    gru_error err = {0};
    gru_input *in, *back;
    gru_table *table;
    gru_output *to;
    gru_table_writer writer;
    gru_clean_step s;
    char path[] = "/tmp/gru-clean-XXXXXX";
    size_t got = 0;
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    close(fd);
    cr_assert_eq(gru_clean_parse(&s, step, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_input_open_bytes(&in, text, strlen(text), "t", &err), GRU_OK);
    cr_assert_eq(gru_table_open(&table, in, false, &err), GRU_OK, "%s", err.message);
    cr_assert_eq(gru_output_open(&to, path, GRU_OUTPUT_TEXT, &err), GRU_OK, "%s", err.message);
    gru_table_writer_init(&writer, to, false);
    const gru_clean_plan plan = {&s, 1, columns, NULL};
    gru_status status = gru_clean_run(&plan, table, "t", &writer, &err);
    if (status == GRU_OK) {
        cr_assert_eq(gru_output_commit(to, &err), GRU_OK, "%s", err.message);
        cr_assert_eq(gru_input_open(&back, path, &err), GRU_OK);
        cr_assert_eq(gru_input_read(back, out, 255, &got, &err), GRU_OK);
        gru_input_close(back);
        out[got] = '\0';
    } else {
        gru_output_discard(to);
        snprintf(out, 256, "%.255s", err.message);
    }
    unlink(path);
    gru_table_close(table);
    gru_input_close(in);
    return status;
}

Test(clean, bears_gaps_alone_and_single_rows) {
    static const char *const steps[] = {"impute=linear",   "impute=forward",
                                        "impute=mean",     "impute=median",
                                        "outliers=iqr:1",  "outliers=zscore:1:missing",
                                        "smooth=median:3", "smooth=mean:1000000"};
    char out[256];
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        cr_assert_eq(clean("v\tw\n\ta\nNA\tb\n", steps[i], "v", out), GRU_OK, "%s: %s", steps[i],
                     out);
        cr_assert_str_eq(out, "v\tw\n\ta\n\tb\n", "%s", steps[i]);
        cr_assert_eq(clean("v\tw\n3\ta\n", steps[i], NULL, out), GRU_OK, "%s: %s", steps[i], out);
        cr_assert_str_eq(out, "v\tw\n3\ta\n", "%s", steps[i]);
    }
    cr_assert_eq(clean("v\tw\n3\ta\n", "difference=1", NULL, out), GRU_ERR_DATA);
    cr_assert_str_eq(out, "t: difference=1 leaves nothing of 1 rows");
}

/* Value of row i of 998 in an order that a search for quantiles may find hard; each gives 0 … 997.
 */
static int arranged(int order, int i) {
    switch (order) {
    case 0:
        return i * 409 % 998; /* shuffled: 409 and 998 have no common factor */
    case 1:
        return i;
    case 2:
        return 997 - i;
    case 3: /* up and down again */
        return i < 499 ? 2 * i : 1995 - 2 * i;
    default: /* two rising runs, one in the other */
        return i % 2 ? 499 + i / 2 : i / 2;
    }
}

/* The first rows that are left of 0 … 997 in some order, below rows of one's own. */
static void clean_arranged(int order, const char *first, const char *step, char out[256]) {
    gru_str text = {0};
    gru_str_addf(&text, "v\tw\n%s", first);
    for (int i = 0; i < 998; i++)
        gru_str_addf(&text, "%d\tb\n", arranged(order, i));
    cr_assert_eq(clean(gru_str_text(&text), step, "v", out), GRU_OK, "%s", out);
    gru_str_free(&text);
}

/* Of 0 … 997, 5000 and 6000 the quartiles are 249.75 and 749.25; of 0 … 997 the median is 498.5. */
Test(clean, finds_quantiles_of_rows_in_any_order) {
    static const char outliers[] = "v\tw\n1498.5\ta\n1498.5\ta\n";
    static const char filled[] = "v\tw\n498.5\ta\n";
    char out[256];
    for (int order = 0; order < 5; order++) {
        clean_arranged(order, "5000\ta\n6000\ta\n", "outliers=iqr:1.5", out);
        cr_assert_eq(strncmp(out, outliers, strlen(outliers)), 0, "order %d: %s", order, out);
        clean_arranged(order, "\ta\n", "impute=median", out);
        cr_assert_eq(strncmp(out, filled, strlen(filled)), 0, "order %d: %s", order, out);
    }
}
