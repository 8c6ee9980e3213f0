/* Tables: what RFC 4180 and linear TSV say, and where the mistakes are. */
#include "io/table.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static gru_error err;

/* All of a table as "line:field|field;", or the error's message. */
static void reads(const char *text, size_t len, bool lossy, const char *wanted) {
    gru_input *in;
    gru_table *t;
    gru_str s = {0};
    const gru_field *row;
    cr_assert_eq(gru_input_open_bytes(&in, text, len, "t", &err), GRU_OK);
    gru_status status = gru_table_open(&t, in, lossy, &err);
    while (status == GRU_OK && (status = gru_table_next(t, &row, &err)) == GRU_OK && row) {
        gru_str_addf(&s, "%llu:", gru_table_line(t));
        for (size_t i = 0; i < gru_table_columns(t); i++) {
            cr_assert_eq(strlen(row[i].text), row[i].len);
            gru_str_addf(&s, "%s%s", i ? "|" : "", row[i].text);
        }
        gru_str_add(&s, ";");
    }
    if (status)
        gru_str_add(&s, err.message);
    cr_assert_str_eq(gru_str_text(&s), wanted);
    gru_str_free(&s);
    gru_table_close(t);
    gru_input_close(in);
}
#define READS(text, wanted) reads(text, sizeof(text) - 1, false, wanted)

Test(table, csv) {
    READS("a,b\n1,2\n", "2:1|2;");
    READS("a,b\r\n1,2\r\n\r\n3,4", "2:1|2;4:3|4;");
    READS("\xEF\xBB\xBF\"a\",b\n\"x\ny\",\"say \"\"hi\"\"\"\n3,4\n", "2:x\ny|say \"hi\";4:3|4;");
    READS("a,b\n 1 ,\n,\n", "2: 1 |;3:|;");
    READS("a\n1\n\n\"2\n\"\n", "2:1;3:;4:2\n;");
    READS("\n\na,b\n1,2\n", "4:1|2;");
    READS("a,b\n", "");
    READS("a,b\r1,2\r\r3,\"4\"\r5,6", "2:1|2;4:3|4;5:5|6;");
    READS("a,b\n\"1\"\r\"2\",3\n4,5\r\n", "t:2: 1 field where the header has 2");
    READS("a,b\n\"1\",2\r3,4\n5,\"6\"\r\n", "2:1|2;3:3|4;4:5|6;");
    READS("a,\"x\ty\"\n1,2\n", "2:1|2;");
}

Test(table, csv_with_semicolons) {
    READS("a;b\n1,5;2\n", "2:1,5|2;");
    READS("\"a\";\"b;c\"\r\n\"x;\n\"\"y\";2\r\n3;\r\n", "2:x;\n\"y|2;4:3|;");
    READS("\"a,b\";c\n1;2\n", "2:1|2;");
    READS("a,b;c\n1,2;3\n", "2:1|2;3;");
    READS("\"a;b\"\n1;2\n", "2:1;2;");
    READS("a;b\n1\n", "t:2: 1 field where the header has 2");
    READS("PK\3\4\24\0",
          "t: is a ZIP archive (.npz, .xlsx, .zip), not a table; unpack it, or save a "
          "spreadsheet as CSV");
}

/* Many blocks: rows with and without quotes, line ends of both kinds, blank lines. `odd` of a
 * hundred rows are not plain. */
static void reads_mixture(unsigned odd) {
    gru_str text = {0}, wanted = {0};
    unsigned long long line = 2;
    unsigned random = 7 + odd;
    gru_str_add(&text, "a,b,c\n");
    for (int i = 0; i < 20000; i++, line++) {
        random = random * 1664525 + 1013904223;
        unsigned kind = random >> 8 & 1023, n = random >> 18;
        if (kind % 100 >= odd) {
            gru_str_addf(&text, "%d,,%u.5\n", i, n);
            gru_str_addf(&wanted, "%llu:%d||%u.5;", line, i, n);
        } else if (kind % 3 == 0) {
            gru_str_addf(&text, "%d,\"%u, \"\"x\"\"\ny\",\r\n", i, n);
            gru_str_addf(&wanted, "%llu:%d|%u, \"x\"\ny|;", line++, i, n);
        } else if (kind % 3 == 1) {
            gru_str_add(&text, "\n");
        } else {
            gru_str_addf(&text, ",%d,%u\r\n", i, n);
            gru_str_addf(&wanted, "%llu:|%d|%u;", line, i, n);
        }
    }
    gru_str_add(&text, "the,last,line");
    gru_str_addf(&wanted, "%llu:the|last|line;", line);
    reads(text.data, text.len, false, gru_str_text(&wanted));
    gru_str_free(&text);
    gru_str_free(&wanted);
}

Test(table, csv_of_many_blocks) {
    reads_mixture(0);
    reads_mixture(1);
    reads_mixture(50);
}

Test(table, tsv) {
    READS("a\tb\n1\\t2\tx\\n\\\\\\r\n", "2:1\t2|x\n\\\r;");
    READS("a\tb\r\n1\t2\r\n\n3\t4", "2:1|2;4:3|4;");
    READS("a\tb\n\"q\t\\x\\\n", "2:\"q|\\x\\;");
    READS("a\tb\n\t\n", "2:|;");
}

Test(table, mistakes_have_their_line) {
    READS("", "t: is empty, a header line was expected");
    READS("\n\n", "t: is empty, a header line was expected");
    READS("a,b\n1,2\n3\n", "2:1|2;t:3: 1 field where the header has 2");
    READS("a\tb\n1\t2\t3\n", "t:2: 3 fields where the header has 2");
    READS("a,b\n1,2\n\"x\n,3\n4,5\n", "2:1|2;t:3: the quote opened here is never closed");
    READS("a,b\n1,2\nx\"y,3\n", "2:1|2;t:3: a quote inside a field (quote the whole field and "
                                "double the quotes in it)");
    READS("a,b\n1,\"x\n\xff\"\n",
          "t:3: the text is not valid UTF-8; iconv -f ENCODING -t UTF-8 converts it");
    READS("a,b\nx,y\n1,a\0b\n", "2:x|y;t:3: a NUL byte in the text");
    READS("a\tb\nx\xc3\ty\n",
          "t:2: the text is not valid UTF-8; iconv -f ENCODING -t UTF-8 converts it");
    reads("a,b\nx\xff,\xc3\n", 9, true, "2:x\xEF\xBF\xBD|\xEF\xBF\xBD;");
}

/* Rows across block boundaries, from a pipe that gives little at a time. */
static void long_rows(bool csv) {
    gru_str text = {0}, word = {0};
    for (int i = 0; i < 20000; i++)
        gru_str_add(&word, csv ? "a\n\xE4\xB8\xAD\"\"," : "a\\n\xE4\xB8\xAD\"\",");
    gru_str_add(&text, csv ? "n,w\n" : "n\tw\n");
    for (int i = 0; i < 40; i++)
        if (i % 10 == 5)
            gru_str_addf(&text, csv ? "%d,\"%s\"\n" : "%d\t%s\n", i, gru_str_text(&word));
        else
            gru_str_addf(&text, csv ? "%d,\"%s\"\n" : "%d\t%s\n", i, "short");
    gru_input *in;
    gru_table *t;
    const gru_field *row;
    cr_assert_eq(gru_input_open_bytes(&in, text.data, text.len, "t", &err), GRU_OK);
    cr_assert_eq(gru_table_open(&t, in, false, &err), GRU_OK, "%s", err.message);
    unsigned long long line = 2;
    for (int i = 0; i < 40; i++) {
        double value;
        cr_assert_eq(gru_table_next(t, &row, &err), GRU_OK, "%s", err.message);
        cr_assert_eq(gru_table_number(t, row, 0, &value, NULL, &err), GRU_OK);
        cr_assert(value == i);
        cr_assert_eq(gru_table_line(t), line);
        cr_assert_eq(row[1].len, i % 10 == 5 ? (csv ? 140000u : 160000u) : 5u);
        line += csv && i % 10 == 5 ? 20001 : 1;
    }
    cr_assert_eq(gru_table_next(t, &row, &err), GRU_OK);
    cr_assert_null(row);
    gru_table_close(t);
    gru_input_close(in);
    gru_str_free(&text);
    gru_str_free(&word);
}

Test(table, long_rows_in_csv) {
    long_rows(true);
}
Test(table, long_rows_in_tsv) {
    long_rows(false);
}

Test(table, a_name_of_two_columns_is_refused) {
    static const char text[] = "Date,Close,Close\n2020,1,2\n";
    gru_input *in;
    gru_table *t;
    size_t column;
    cr_assert_eq(gru_input_open_bytes(&in, text, sizeof text - 1, "p.csv", &err), GRU_OK);
    cr_assert_eq(gru_table_open(&t, in, false, &err), GRU_OK);
    cr_assert_eq(gru_table_find(t, "Date", &column, &err), GRU_OK);
    cr_assert_eq(gru_table_find(t, "Close", &column, &err), GRU_ERR_DATA);
    cr_assert_str_eq(err.message, "p.csv: more than one column is called 'Close'");
    gru_table_close(t);
    gru_input_close(in);
}

Test(table, columns_and_numbers) {
    static const char text[] = "Date,Open,Close\n2020,1.5,NA\n2021,abc,2\n";
    gru_input *in;
    gru_table *t;
    const gru_field *row;
    size_t column, *list, count;
    double value;
    bool missing;
    cr_assert_eq(gru_input_open_bytes(&in, text, sizeof text - 1, "p.csv", &err), GRU_OK);
    cr_assert_eq(gru_table_open(&t, in, false, &err), GRU_OK);
    cr_assert(gru_table_is_csv(t));
    cr_assert_eq(gru_table_find(t, "Volume", &column, &err), GRU_ERR_DATA);
    cr_assert_str_eq(err.message, "p.csv: no column 'Volume'; there are Date, Open, Close");
    cr_assert_eq(gru_table_find_list(t, "Close,Open", &list, &count, &err), GRU_OK);
    cr_assert(count == 2 && list[0] == 2 && list[1] == 1);
    free(list);
    cr_assert_eq(gru_table_find_list(t, "Close,x", &list, &count, &err), GRU_ERR_DATA);
    cr_assert_null(list);
    cr_assert_eq(gru_table_next(t, &row, &err), GRU_OK);
    cr_assert_eq(gru_table_number(t, row, 2, &value, &missing, &err), GRU_OK);
    cr_assert(missing && isnan(value));
    cr_assert_eq(gru_table_number(t, row, 1, &value, &missing, &err), GRU_OK);
    cr_assert(!missing && value == 1.5);
    cr_assert_eq(gru_table_next(t, &row, &err), GRU_OK);
    cr_assert_eq(gru_table_number(t, row, 1, &value, &missing, &err), GRU_ERR_DATA);
    cr_assert_str_eq(err.message, "p.csv:3: column 'Open': 'abc' is not a number");
    gru_table_close(t);
    gru_input_close(in);
}

Test(table, what_is_written_reads_back) {
    static const char *const fields[] = {
        "plain",          "a,b",  "say \"x\"", "tab\there", "new\nline",
        "back\\slash\\n", "cr\r", "",          " space ",   "中文🎉"};
    enum { N = sizeof fields / sizeof *fields };
    for (int csv = 0; csv < 2; csv++) {
        char path[] = "/tmp/gru-table-XXXXXX";
        close(mkstemp(path));
        gru_output *o;
        gru_table_writer w;
        cr_assert_eq(gru_output_open(&o, path, GRU_OUTPUT_TEXT, &err), GRU_OK);
        gru_table_writer_init(&w, o, csv);
        for (int r = 0; r < 2; r++) {
            for (size_t i = 0; i < N; i++)
                cr_assert_eq(gru_table_put_text(&w, fields[i], &err), GRU_OK);
            gru_table_put_float(&w, r ? NAN : 0.1f, &err);
            gru_table_put_double(&w, 0.1, &err);
            gru_table_put_int(&w, -7, &err);
            gru_table_end_row(&w, &err);
        }
        cr_assert_eq(gru_output_commit(o, &err), GRU_OK);
        gru_input *in;
        gru_table *t;
        const gru_field *row;
        cr_assert_eq(gru_input_open(&in, path, &err), GRU_OK);
        cr_assert_eq(gru_table_open(&t, in, false, &err), GRU_OK, "%s", err.message);
        cr_assert_eq(gru_table_is_csv(t), csv);
        cr_assert_eq(gru_table_next(t, &row, &err), GRU_OK, "%s", err.message);
        for (size_t i = 0; i < N; i++) {
            cr_assert_str_eq(gru_table_name(t, i), fields[i]);
            cr_assert_str_eq(row[i].text, fields[i]);
        }
        cr_assert_str_eq(gru_table_name(t, N), "0.1");
        cr_assert_str_eq(row[N].text, "");
        cr_assert_str_eq(row[N + 2].text, "-7");
        gru_table_close(t);
        gru_input_close(in);
        unlink(path);
    }
}
