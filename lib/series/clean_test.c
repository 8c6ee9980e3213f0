/* Steps' words, and tables of gaps and single rows, which every step must bear. */
#include "series/clean.h"

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
