/* Command lines: parsing the table's rows. What is made from the table (help, completions) is in
 * options_text.c. */
#include "base/options.h"

#include "base/number.h"
#include "base/options_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COMMON_ROWS = 12 };

/* The options every tool has, as rows bound to *common and to the two flags of this parse. */
static void bind_common(gru_option rows[COMMON_ROWS], int which, gru_common *common,
                        gru_answers *answers) {
    size_t n = 0;
    rows[n++] = (gru_option){"Common options", 0, GRU_OPTION_HEADING, NULL, NULL, NULL, 0, 0, NULL};
    if (which & GRU_COMMON_OUTPUT)
        rows[n++] = (gru_option){"output",
                                 'o',
                                 GRU_OPTION_TEXT,
                                 &common->output,
                                 "FILE",
                                 "write to FILE, whole or not at all [standard output]",
                                 0,
                                 0,
                                 NULL};
    if (which & GRU_COMMON_CSV)
        rows[n++] = (gru_option){
            "csv", 0, GRU_OPTION_FLAG, &common->csv, NULL, "write CSV rather than TSV", 0, 0, NULL};
    rows[n++] = (gru_option){"threads",
                             0,
                             GRU_OPTION_INT,
                             &common->threads,
                             "N",
                             "threads to work with [processors this process may use]",
                             1,
                             4096,
                             NULL};
    rows[n++] = (gru_option){
        "seed",       0,   GRU_OPTION_INT, &common->seed, "N", "where the random numbers start", 0,
        4294967295.0, NULL};
    rows[n++] = (gru_option){"progress",
                             0,
                             GRU_OPTION_CHOICE,
                             &common->progress,
                             "WHEN",
                             "show progress: auto (on a terminal), always or never",
                             0,
                             0,
                             "auto|always|never"};
    rows[n++] = (gru_option){
        "quiet", 'q', GRU_OPTION_FLAG, &common->quiet, NULL, "no messages but errors", 0, 0, NULL};
    rows[n++] = (gru_option){"verbose",
                             'v',
                             GRU_OPTION_FLAG,
                             &common->verbose,
                             NULL,
                             "more messages: seed, sizes, instruction set",
                             0,
                             0,
                             NULL};
    rows[n++] = (gru_option){
        "help", 0, GRU_OPTION_FLAG, &answers->help, NULL, "show this help", 0, 0, NULL};
    rows[n++] = (gru_option){
        "version", 0, GRU_OPTION_FLAG, &answers->version, NULL, "show the version", 0, 0, NULL};
    rows[n] = (gru_option){0};
}

static const gru_option *next_in(const gru_option *row, const gru_option *common) {
    while (!row->name && row != common) {
        if (!common)
            return NULL;
        row = common;
        common = NULL;
    }
    return row->name ? row : NULL;
}

static bool own_row_named(const gru_option_table *t, const char *name) {
    for (const gru_option *row = t->own; row && row->name; row++)
        if (row->type != GRU_OPTION_HEADING && strcmp(row->name, name) == 0)
            return true;
    return false;
}

const gru_option *gru_option_table_next(const gru_option_table *t, const gru_option *row) {
    static const gru_option none = {0};
    const gru_option *own = t->own ? t->own : &none;
    bool in_common = row && row >= t->common && row < t->common + COMMON_ROWS;
    if (!row)
        row = next_in(own, t->common);
    else
        row = next_in(row + 1, in_common ? NULL : t->common);
    /* a tool's own row replaces the common one of the same name */
    while (row && row >= t->common && row < t->common + COMMON_ROWS && own_row_named(t, row->name))
        row = next_in(row + 1, NULL);
    return row;
}

static gru_status unknown_option(const gru_option_table *t, const char *name, gru_error *err) {
    const char *nearest = NULL;
    size_t least = strlen(name) / 3 + 1, length = strlen(name);
    for (const gru_option *row = NULL; (row = gru_option_table_next(t, row));) {
        if (row->type == GRU_OPTION_HEADING)
            continue;
        size_t d = gru_str_distance(name, length, row->name, strlen(row->name));
        if (length >= 3 && strncmp(name, row->name, length) == 0)
            d = 0;
        if (d < least || (d == least && !nearest)) {
            least = d;
            nearest = row->name;
        }
    }
    if (nearest)
        return gru_error_set(err, GRU_ERR_USAGE, "unknown option '--%.60s'; did you mean '--%s'?",
                             name, nearest);
    return gru_error_set(err, GRU_ERR_USAGE, "unknown option '--%.60s'", name);
}

static const gru_option *find_long(const gru_option_table *t, const char *name, size_t len) {
    for (const gru_option *row = NULL; (row = gru_option_table_next(t, row));)
        if (row->type != GRU_OPTION_HEADING && strlen(row->name) == len &&
            memcmp(row->name, name, len) == 0)
            return row;
    return NULL;
}

static const gru_option *find_short(const gru_option_table *t, char letter) {
    for (const gru_option *row = NULL; (row = gru_option_table_next(t, row));)
        if (row->type != GRU_OPTION_HEADING && row->letter == letter)
            return row;
    return NULL;
}

bool gru_option_limited(const gru_option *row) {
    return row->min != 0 || row->max != 0;
}

static gru_status check_range(const gru_option *row, double value, const char *text,
                              gru_error *err) {
    if (!gru_option_limited(row) || (value >= row->min && value <= row->max))
        return GRU_OK;
    char low[GRU_NUMBER_MAX], high[GRU_NUMBER_MAX];
    gru_number_format_double(row->min, low);
    gru_number_format_double(row->max, high);
    if (row->max >= 9e15)
        return gru_error_set(err, GRU_ERR_USAGE, "--%s: '%.60s' is less than %s", row->name, text,
                             low);
    return gru_error_set(err, GRU_ERR_USAGE, "--%s: '%.60s' is not from %s to %s", row->name, text,
                         low, high);
}

static gru_status set_int(const gru_option *row, const char *text, gru_error *err) {
    long long value;
    if (!gru_number_parse_int(text, strlen(text), &value))
        return gru_error_set(err, GRU_ERR_USAGE, "--%s: '%.60s' is not a whole number", row->name,
                             text);
    gru_status status = check_range(row, (double)value, text, err);
    if (status == GRU_OK)
        *(long long *)row->value = value;
    return status;
}

static gru_status set_number(const gru_option *row, const char *text, gru_error *err) {
    double value;
    if (!gru_number_parse(text, strlen(text), &value))
        return gru_error_set(err, GRU_ERR_USAGE, "--%s: '%.60s' is not a number", row->name, text);
    gru_status status = check_range(row, value, text, err);
    if (status == GRU_OK)
        *(double *)row->value = value;
    return status;
}

static gru_status set_choice(const gru_option *row, const char *text, gru_error *err) {
    size_t len = strlen(text);
    gru_str list = {0};
    for (const char *word = row->choices; word && *word;) {
        size_t size = strcspn(word, "|");
        if (size == len && memcmp(word, text, len) == 0) {
            gru_str_free(&list);
            *(const char **)row->value = text;
            return GRU_OK;
        }
        if (list.len)
            gru_str_add(&list, ", ");
        gru_str_add_bytes(&list, word, size);
        word += size + (word[size] == '|');
    }
    gru_error_set(err, GRU_ERR_USAGE, "--%s: '%.60s' is none of %s", row->name, text,
                  gru_str_text(&list));
    gru_str_free(&list);
    return GRU_ERR_USAGE;
}

static gru_status set_share(const gru_option *row, const char *text, gru_error *err) {
    gru_share share = {.given = true};
    size_t len = strlen(text);
    long long rows;
    if (len && text[len - 1] == '%') {
        if (!gru_number_parse(text, len - 1, &share.share))
            share.share = -1;
        share.share /= 100;
    } else if (gru_number_parse_int(text, len, &rows)) {
        share.is_count = true;
        share.count = rows < 0 ? 0 : (size_t)rows;
        share.share = rows < 0 ? -1 : 0;
    } else if (!gru_number_parse(text, len, &share.share)) {
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--%s: '%.60s' is neither a share (20%%, 0.2) nor a number of rows",
                             row->name, text);
    }
    if (!(share.share >= 0 && share.share <= 1))
        return gru_error_set(err, GRU_ERR_USAGE,
                             "--%s: '%.60s' is not a share from 0%% to 100%% or a number of rows",
                             row->name, text);
    *(gru_share *)row->value = share;
    return GRU_OK;
}

static gru_status add_item(const gru_option *row, const char *text, gru_error *err) {
    gru_list *list = row->value;
    if (list->count == GRU_LIST_MAX)
        return gru_error_set(err, GRU_ERR_USAGE, "--%s: given more than %d times", row->name,
                             GRU_LIST_MAX);
    list->items[list->count++] = text;
    return GRU_OK;
}

static bool takes_value(const gru_option *row) {
    return row->type != GRU_OPTION_FLAG && row->type != GRU_OPTION_OFF &&
           row->type != GRU_OPTION_OPTTEXT;
}

static gru_status set_value(const gru_option *row, const char *text, gru_error *err) {
    switch (row->type) {
    case GRU_OPTION_FLAG:
    case GRU_OPTION_OFF:
        *(bool *)row->value = row->type == GRU_OPTION_FLAG;
        return GRU_OK;
    case GRU_OPTION_INT:
        return set_int(row, text, err);
    case GRU_OPTION_NUMBER:
        return set_number(row, text, err);
    case GRU_OPTION_CHOICE:
        return set_choice(row, text, err);
    case GRU_OPTION_SHARE:
        return set_share(row, text, err);
    case GRU_OPTION_TEXT:
    case GRU_OPTION_OPTTEXT:
        *(const char **)row->value = text ? text : "";
        return GRU_OK;
    case GRU_OPTION_LIST:
        return add_item(row, text, err);
    case GRU_OPTION_HEADING:
        break;
    }
    return GRU_OK;
}

/* What is left of the command line while it is read. */
typedef struct cursor {
    const gru_option_table *table;
    char **argv;
    int argc, at;
} cursor;

static gru_status value_of(cursor *c, const gru_option *row, const char **text, gru_error *err) {
    if (c->at + 1 >= c->argc)
        return gru_error_set(err, GRU_ERR_USAGE, "option '--%s' needs a value (%s)", row->name,
                             row->argument  ? row->argument
                             : row->choices ? row->choices
                                            : "VALUE");
    *text = c->argv[++c->at];
    return GRU_OK;
}

static gru_status parse_long(cursor *c, const char *word, gru_answers *answers, gru_error *err) {
    size_t len = strcspn(word, "=");
    const char *text = word[len] == '=' ? word + len + 1 : NULL;
    if (strcmp(word, "list-options") == 0) {
        answers->list = true;
        return GRU_OK;
    }
    if (len == strlen("completions") && memcmp(word, "completions", len) == 0) {
        gru_option hidden = {
            "completions",  0, GRU_OPTION_CHOICE, &answers->completions, "SHELL", NULL, 0, 0,
            "bash|zsh|fish"};
        gru_status status = text ? GRU_OK : value_of(c, &hidden, &text, err);
        return status ? status : set_choice(&hidden, text, err);
    }
    const gru_option *row = find_long(c->table, word, len);
    if (!row) {
        char name[64];
        size_t kept = len < sizeof name - 1 ? len : sizeof name - 1;
        memcpy(name, word, kept);
        name[kept] = '\0';
        return unknown_option(c->table, name, err);
    }
    if (text && (row->type == GRU_OPTION_FLAG || row->type == GRU_OPTION_OFF))
        return gru_error_set(err, GRU_ERR_USAGE, "option '--%s' takes no value", row->name);
    if (!text && takes_value(row)) {
        gru_status status = value_of(c, row, &text, err);
        if (status)
            return status;
    }
    return set_value(row, text, err);
}

static gru_status parse_short(cursor *c, const char *letters, gru_error *err) {
    for (; *letters; letters++) {
        const gru_option *row = find_short(c->table, *letters);
        const char *text = NULL;
        gru_status status = GRU_OK;
        if (!row)
            return gru_error_set(err, GRU_ERR_USAGE, "unknown option '-%c'", *letters);
        if (takes_value(row)) {
            text = letters + 1;
            if (!*text)
                status = value_of(c, row, &text, err);
            return status ? status : set_value(row, text, err);
        }
        status = set_value(row, text, err);
        if (status)
            return status;
    }
    return GRU_OK;
}

static gru_status check_operands(const gru_tool *tool, char **operands, size_t count,
                                 gru_error *err) {
    if (count > tool->max_operands)
        return gru_error_set(err, GRU_ERR_USAGE, "unexpected operand '%.100s'",
                             operands[tool->max_operands]);
    if (count < tool->min_operands)
        return gru_error_set(err, GRU_ERR_USAGE, "missing operand; usage: %s %s", tool->name,
                             tool->synopsis);
    return GRU_OK;
}

gru_status gru_options_parse(const gru_tool *tool, int which, gru_common *common, int argc,
                             char **argv, const char *const **operands, size_t *count, gru_str *out,
                             gru_error *err) {
    gru_answers answers = {0};
    gru_option rows[COMMON_ROWS];
    *common = (gru_common){.seed = 42, .progress = "auto"};
    bind_common(rows, which, common, &answers);
    gru_option_table table = {tool, tool->options, rows, NULL};
    table.help = gru_option_table_help(&table); /* before values replace the defaults */
    cursor c = {&table, argv, argc, 0};
    size_t kept = 0;
    bool ended = false;
    gru_status status = GRU_OK;
    for (c.at = 1; c.at < argc && status == GRU_OK; c.at++) {
        char *word = argv[c.at];
        if (ended || word[0] != '-' || word[1] == '\0')
            argv[1 + kept++] = word;
        else if (strcmp(word, "--") == 0)
            ended = true;
        else if (word[1] == '-')
            status = parse_long(&c, word + 2, &answers, err);
        else
            status = parse_short(&c, word + 1, err);
        if (answers.help || answers.version || answers.list || answers.completions)
            break;
    }
    *operands = (const char *const *)(argv + (argc > 0));
    *count = kept;
    if (status == GRU_OK)
        status = gru_option_table_answer(&table, &answers, out, err);
    if (status == GRU_OK)
        status = check_operands(tool, argv + (argc > 0), kept, err);
    free(table.help);
    return status;
}

gru_status gru_share_rows(const gru_share *share, size_t total, const char *option, size_t *rows,
                          gru_error *err) {
    *rows = 0;
    if (share->is_count) {
        if (share->count > total)
            return gru_error_set(err, GRU_ERR_USAGE, "%s: %zu rows asked for, %zu are there",
                                 option, share->count, total);
        *rows = share->count;
        return GRU_OK;
    }
    /* 29% of 100 is 29, though 0.29 × 100 is a little less in binary */
    double exact = share->share * (double)total, near = nearbyint(exact);
    double whole = fabs(exact - near) <= 1e-9 * (exact + 1) ? near : floor(exact);
    *rows = whole >= (double)total ? total : (size_t)whole;
    return GRU_OK;
}

static void trim(char **start, char *end) {
    while (**start == ' ')
        (*start)++;
    while (end > *start && end[-1] == ' ')
        *--end = '\0';
}

gru_status gru_options_split(const char *text, gru_option_part *each, void *arg, gru_error *err) {
    char *copy = gru_str_copy(text, strlen(text));
    if (!copy)
        return gru_error_memory(err, strlen(text) + 1);
    gru_status status = GRU_OK;
    for (char *part = copy, *next; part && status == GRU_OK; part = next) {
        char *end = part + strcspn(part, ",");
        next = *end ? end + 1 : NULL;
        *end = '\0';
        trim(&part, end);
        char *equals = strchr(part, '=');
        if (equals)
            *equals++ = '\0';
        if (!*part)
            status = gru_error_set(err, GRU_ERR_USAGE, "'%.100s' has an empty part", text);
        else
            status = each(arg, part, equals, err);
    }
    free(copy);
    return status;
}
