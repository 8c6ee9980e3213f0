/* The command line: every type, every mistake, and what is made from the table. */
#include "base/options.h"

#include <criterion/criterion.h>
#include <string.h>

static struct {
    bool flag, shuffle;
    long long epochs;
    double rate;
    const char *text, *method, *maybe;
    gru_share test;
} v;

static const gru_option rows[] = {
    {.name = "flag", .letter = 'f', .type = GRU_OPTION_FLAG, .value = &v.flag, .help = "a flag"},
    {.name = "no-shuffle", .type = GRU_OPTION_OFF, .value = &v.shuffle, .help = "keep the order"},
    {.name = "epochs",
     .letter = 'n',
     .type = GRU_OPTION_INT,
     .value = &v.epochs,
     .argument = "N",
     .help = "passes over the data, a help text long enough to be broken into two lines",
     .min = 1,
     .max = 1000},
    {.name = "rate", .type = GRU_OPTION_NUMBER, .value = &v.rate, .argument = "X", .help = "rate"},
    {.name = "Data", .type = GRU_OPTION_HEADING},
    {.name = "text", .type = GRU_OPTION_TEXT, .value = &v.text, .argument = "COL", .help = "text"},
    {.name = "method",
     .type = GRU_OPTION_CHOICE,
     .value = &v.method,
     .help = "how",
     .choices = "minmax|standard"},
    {.name = "test", .type = GRU_OPTION_SHARE, .value = &v.test, .argument = "P", .help = "share"},
    {.name = "maybe", .type = GRU_OPTION_OPTTEXT, .value = &v.maybe, .help = "may be"},
    {.name = NULL}};
static const gru_tool tool = {"gru-x", "does x", "[OPTION]... [INPUT]", "gru-x a.csv", rows, 0, 2};

static gru_common common;
static const char *const *operands;
static size_t count;
static gru_str out;
static gru_error err;

static gru_status parse(char *a, char *b, char *c, char *d) {
    static char *argv[6];
    char *given[] = {(char *)"gru-x", a, b, c, d, NULL};
    int argc = 0;
    memset(&v, 0, sizeof v);
    v.shuffle = true;
    v.epochs = 20;
    v.method = "minmax";
    gru_str_free(&out);
    err = (gru_error){0};
    for (; given[argc]; argc++)
        argv[argc] = given[argc];
    return gru_options_parse(&tool, GRU_COMMON_OUTPUT, &common, argc, argv, &operands, &count, &out,
                             &err);
}

static void fails(char *a, char *b, const char *message) {
    cr_assert_eq(parse(a, b, NULL, NULL), GRU_ERR_USAGE, "%s", a);
    cr_assert_str_eq(err.message, message);
}

Test(options, reads_every_type) {
    cr_assert_eq(parse("-fn5", "a", "--rate=1e-3", "-"), GRU_OK, "%s", err.message);
    cr_assert(v.flag && v.epochs == 5 && v.rate == 1e-3 && v.shuffle);
    cr_assert(count == 2 && strcmp(operands[0], "a") == 0 && strcmp(operands[1], "-") == 0);
    cr_assert_eq(parse("--no-shuffle", "--text", "-x", "--maybe"), GRU_OK);
    cr_assert_not(v.shuffle);
    cr_assert_str_eq(v.text, "-x");
    cr_assert_str_eq(v.maybe, "");
    cr_assert_eq(parse("--maybe=z", "--method", "standard", "-oout"), GRU_OK);
    cr_assert_str_eq(v.maybe, "z");
    cr_assert_str_eq(v.method, "standard");
    cr_assert_str_eq(common.output, "out");
    cr_assert_eq(parse("--seed", "7", "--", "--flag"), GRU_OK);
    cr_assert(common.seed == 7 && !v.flag && count == 1);
}

Test(options, names_the_option_and_the_word) {
    fails("--epochs", "abc", "--epochs: 'abc' is not a whole number");
    fails("--epochs", "0", "--epochs: '0' is not from 1 to 1000");
    fails("--rate", "fast", "--rate: 'fast' is not a number");
    fails("--rate", "nan", "--rate: 'nan' is not a number");
    fails("--rate", NULL, "option '--rate' needs a value (X)");
    fails("--method", "max", "--method: 'max' is none of minmax, standard");
    fails("--epoch", "3", "unknown option '--epoch'; did you mean '--epochs'?");
    fails("--entirely-else", "3", "unknown option '--entirely-else'");
    fails("-z", NULL, "unknown option '-z'");
    fails("--flag=1", NULL, "option '--flag' takes no value");
    fails("--test", "x", "--test: 'x' is neither a share (20%, 0.2) nor a number of rows");
    fails("--test", "120%", "--test: '120%' is not a share from 0% to 100% or a number of rows");
    fails("--test", "-3", "--test: '-3' is not a share from 0% to 100% or a number of rows");
    fails("--threads", "0", "--threads: '0' is not from 1 to 4096");
    fails("--csv", NULL, "unknown option '--csv'");
    cr_assert_eq(parse("a", "b", "c", NULL), GRU_ERR_USAGE);
    cr_assert_str_eq(err.message, "unexpected operand 'c'");
}

Test(options, shares_become_rows) {
    static const struct {
        char *text;
        size_t total, rows;
    } cases[] = {{"20%", 10, 2}, {"0.2", 14, 2}, {"29%", 100, 29},
                 {"7", 9, 7},    {"100%", 9, 9}, {"80%", 1258, 1006}};
    size_t n;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(parse("--test", cases[i].text, NULL, NULL), GRU_OK);
        cr_assert_eq(gru_share_rows(&v.test, cases[i].total, "--test", &n, &err), GRU_OK);
        cr_assert_eq(n, cases[i].rows, "%s of %zu: %zu", cases[i].text, cases[i].total, n);
    }
    cr_assert_eq(parse("--test", "10", NULL, NULL), GRU_OK);
    cr_assert_eq(gru_share_rows(&v.test, 9, "--test", &n, &err), GRU_ERR_USAGE);
    cr_assert_str_eq(err.message, "--test: 10 rows asked for, 9 are there");
}

Test(options, helps_within_80_columns) {
    cr_assert_eq(parse("--epochs", "3", "--help", NULL), GRU_ERR_HANDLED);
    const char *text = gru_str_text(&out);
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        cr_assert_lt(strcspn(line, "\n"), 80, "%s", line);
    cr_assert(strstr(text, "-n, --epochs N") && strstr(text, "[20]"), "%s", text);
    cr_assert(strstr(text, "\nData:\n") && strstr(text, "--maybe[=VALUE]"));
    cr_assert(strstr(text, "gru-x a.csv") && strstr(text, "Exit status: 0"));
    cr_assert_null(strstr(text, "--csv"));
    cr_assert_eq(parse("--version", NULL, NULL, NULL), GRU_ERR_HANDLED);
    cr_assert_str_eq(gru_str_text(&out), "gru-x (gru) 0.1.0\n");
    cr_assert_eq(parse("--list-options", NULL, NULL, NULL), GRU_ERR_HANDLED);
    cr_assert(strstr(gru_str_text(&out), "--no-shuffle\n--epochs\n"));
}

static gru_status collect(void *arg, const char *key, const char *value, gru_error *e) {
    (void)e;
    gru_str_addf(arg, "<%s|%s>", key, value ? value : "");
    return GRU_OK;
}

Test(options, splits_parts) {
    gru_str s = {0};
    cr_assert_eq(gru_options_split("patience=3, restore-best,min-delta=1e-4", collect, &s, &err),
                 GRU_OK);
    cr_assert_str_eq(gru_str_text(&s), "<patience|3><restore-best|><min-delta|1e-4>");
    cr_assert_eq(gru_options_split("a,,b", collect, &s, &err), GRU_ERR_USAGE);
    gru_str_free(&s);
}
