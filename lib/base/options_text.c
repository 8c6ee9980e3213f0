/* What is made from a tool's option table: --help, --version, shell completions, the list of
 * names. */
#include "base/number.h"
#include "base/options_table.h"
#include "base/version.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 79, HELP_COLUMN = 26 };

/* Width of UTF-8 text where every character takes one column. */
static size_t columns_of(const char *text, size_t len) {
    size_t columns = 0;
    for (size_t i = 0; i < len; i++)
        columns += ((unsigned char)text[i] & 0xC0) != 0x80;
    return columns;
}

static void add_spaces(gru_str *out, size_t count) {
    while (count-- > 0)
        gru_str_add_char(out, ' ');
}

/* Adds text, wrapped at WIDTH, lines after the first indented; `column` is where it starts. */
static void add_wrapped(gru_str *out, const char *text, size_t column, size_t indent) {
    bool first = true;
    while (*text) {
        size_t len = strcspn(text, " "), width = columns_of(text, len);
        if (!first && column + 1 + width > WIDTH) {
            gru_str_add_char(out, '\n');
            add_spaces(out, indent);
            column = indent;
        } else if (!first) {
            gru_str_add_char(out, ' ');
            column++;
        }
        gru_str_add_bytes(out, text, len);
        column += width;
        first = false;
        text += len;
        while (*text == ' ')
            text++;
    }
    gru_str_add_char(out, '\n');
}

static void add_share_default(gru_str *out, const gru_share *share) {
    char text[GRU_NUMBER_MAX];
    if (share->given && share->is_count)
        gru_str_addf(out, " [%zu]", share->count);
    else if (share->given) {
        gru_number_format_double(share->share * 100, text);
        gru_str_addf(out, " [%s%%]", text);
    }
}

/* " [value]" where there is one: a value outside the row's limits means "not set". */
static void add_default(gru_str *out, const gru_option *row) {
    char text[GRU_NUMBER_MAX];
    switch (row->type) {
    case GRU_OPTION_INT: {
        long long value = *(const long long *)row->value;
        if (!gru_option_limited(row) || ((double)value >= row->min && (double)value <= row->max))
            gru_str_addf(out, " [%lld]", value);
        break;
    }
    case GRU_OPTION_NUMBER: {
        double value = *(const double *)row->value;
        if (isnan(value) || (gru_option_limited(row) && !(value >= row->min && value <= row->max)))
            break;
        gru_number_format_double(value, text);
        gru_str_addf(out, " [%s]", text);
        break;
    }
    case GRU_OPTION_TEXT:
    case GRU_OPTION_CHOICE: {
        const char *value = *(const char *const *)row->value;
        if (value && *value)
            gru_str_addf(out, " [%s]", value);
        break;
    }
    case GRU_OPTION_SHARE:
        add_share_default(out, row->value);
        break;
    default:
        break;
    }
}

static const char *argument_of(const gru_option *row) {
    if (row->type == GRU_OPTION_FLAG || row->type == GRU_OPTION_OFF)
        return NULL;
    return row->argument ? row->argument : row->choices ? row->choices : "VALUE";
}

static void add_row(gru_str *out, const gru_option *row) {
    gru_str label = {0}, help = {0};
    const char *argument = argument_of(row);
    if (row->letter)
        gru_str_addf(&label, "  -%c, --%s", row->letter, row->name);
    else
        gru_str_addf(&label, "      --%s", row->name);
    if (argument && row->type == GRU_OPTION_OPTTEXT)
        gru_str_addf(&label, "[=%s]", argument);
    else if (argument)
        gru_str_addf(&label, " %s", argument);
    gru_str_add(&help, row->help ? row->help : "");
    add_default(&help, row);
    size_t width = columns_of(gru_str_text(&label), label.len);
    gru_str_add_bytes(out, gru_str_text(&label), label.len);
    if (width + 2 > HELP_COLUMN) {
        gru_str_add_char(out, '\n');
        width = 0;
    }
    add_spaces(out, HELP_COLUMN - width);
    add_wrapped(out, gru_str_text(&help), HELP_COLUMN, HELP_COLUMN);
    out->failed = out->failed || label.failed || help.failed;
    gru_str_free(&label);
    gru_str_free(&help);
}

static bool has_require(const gru_option_table *t) {
    for (const gru_option *row = NULL; (row = gru_option_table_next(t, row));)
        if (row->type != GRU_OPTION_HEADING && strcmp(row->name, "require") == 0)
            return true;
    return false;
}

/* The example, at most WIDTH wide: pipelines continue on the next line after a '|'. */
static void add_example(gru_str *out, const char *text) {
    size_t column = 0;
    while (*text) {
        size_t len = strcspn(text, " \n"), width = columns_of(text, len);
        if (column && column + 1 + width + 2 > WIDTH) {
            gru_str_add(out, " \\\n");
            column = 0;
        }
        add_spaces(out, column ? 1 : 2);
        gru_str_add_bytes(out, text, len);
        column += (column ? 1 : 2) + width;
        text += len;
        if (*text == '\n') {
            gru_str_add_char(out, '\n');
            column = 0;
        }
        while (*text == ' ' || *text == '\n')
            text++;
    }
    gru_str_add_char(out, '\n');
}

char *gru_option_table_help(const gru_option_table *t) {
    gru_str out = {0};
    gru_str_addf(&out, "%s: ", t->tool->name);
    add_wrapped(&out, t->tool->purpose, strlen(t->tool->name) + 2, 2);
    gru_str_addf(&out, "\nUsage: %s ", t->tool->name);
    size_t used = strlen("Usage: ") + strlen(t->tool->name) + 1;
    add_wrapped(&out, t->tool->synopsis, used, used);
    if (t->own && t->own->name && t->own->type != GRU_OPTION_HEADING)
        gru_str_add(&out, "\nOptions:\n");
    for (const gru_option *row = NULL; (row = gru_option_table_next(t, row));)
        if (row->type == GRU_OPTION_HEADING)
            gru_str_addf(&out, "\n%s:\n", row->name);
        else
            add_row(&out, row);
    if (t->tool->example) {
        gru_str_add(&out, "\nExample:\n");
        add_example(&out, t->tool->example);
    }
    gru_str_addf(&out,
                 "\nExit status: 0 done, 1 the data or the run failed, 2 wrong command line%s.\n",
                 has_require(t) ? ",\n3 a requirement not met" : "");
    if (out.failed) {
        gru_str_free(&out);
        return NULL;
    }
    return out.data;
}

/* ---- completions ---- */

static void add_choices(gru_str *out, const char *choices) {
    for (; *choices; choices++)
        gru_str_add_char(out, *choices == '|' ? ' ' : *choices);
}

static void add_function_name(gru_str *out, const char *name) {
    gru_str_add_char(out, '_');
    for (; *name; name++)
        gru_str_add_char(out, *name == '-' ? '_' : *name);
}

static void add_names(gru_str *out, const gru_option_table *t, const char *before,
                      const char *after) {
    for (const gru_option *row = NULL; (row = gru_option_table_next(t, row));)
        if (row->type != GRU_OPTION_HEADING)
            gru_str_addf(out, "%s--%s%s", before, row->name, after);
}

static void add_bash(gru_str *out, const gru_option_table *t) {
    gru_str_addf(out, "# bash completion for %s\n", t->tool->name);
    add_function_name(out, t->tool->name);
    gru_str_add(out, "() {\n    local cur=${COMP_WORDS[COMP_CWORD]} "
                     "prev=${COMP_WORDS[COMP_CWORD-1]}\n    COMPREPLY=()\n    case $prev in\n");
    for (const gru_option *row = NULL; (row = gru_option_table_next(t, row));)
        if (row->type == GRU_OPTION_CHOICE && row->choices) {
            gru_str_addf(out, "    --%s) COMPREPLY=($(compgen -W '", row->name);
            add_choices(out, row->choices);
            gru_str_add(out, "' -- \"$cur\")); return ;;\n");
        }
    gru_str_add(out, "    esac\n    [[ $cur == -* ]] && COMPREPLY=($(compgen -W '");
    add_names(out, t, " ", "");
    gru_str_add(out, "' -- \"$cur\"))\n}\ncomplete -o default -F ");
    add_function_name(out, t->tool->name);
    gru_str_addf(out, " %s\n", t->tool->name);
}

/* Help as one quoted word: what either shell reads specially is left out. */
static void add_plain(gru_str *out, const char *text) {
    for (; text && *text; text++)
        if (!strchr("'[]\\:", *text))
            gru_str_add_char(out, *text);
}

static void add_zsh(gru_str *out, const gru_option_table *t) {
    gru_str_addf(out, "#compdef %s\n_arguments -s -S", t->tool->name);
    for (const gru_option *row = NULL; (row = gru_option_table_next(t, row));) {
        if (row->type == GRU_OPTION_HEADING)
            continue;
        const char *argument = argument_of(row);
        for (int named_short = 0; named_short <= (row->letter != 0); named_short++) {
            gru_str_add(out, " \\\n    '");
            if (named_short)
                gru_str_addf(out, "-%c%s[", row->letter, argument ? "+" : "");
            else
                gru_str_addf(out, "--%s%s[", row->name, argument ? "=" : "");
            add_plain(out, row->help);
            gru_str_add(out, "]");
            if (argument)
                gru_str_addf(out, row->type == GRU_OPTION_OPTTEXT ? "::%s:" : ":%s:",
                             row->argument ? row->argument : "VALUE");
            if (argument && row->choices) {
                gru_str_add(out, "(");
                add_choices(out, row->choices);
                gru_str_add(out, ")");
            } else if (argument)
                gru_str_add(out, "_files");
            gru_str_add(out, "'");
        }
    }
    gru_str_add(out, " \\\n    '*:file:_files'\n");
}

static void add_fish(gru_str *out, const gru_option_table *t) {
    gru_str_addf(out, "# fish completion for %s\n", t->tool->name);
    for (const gru_option *row = NULL; (row = gru_option_table_next(t, row));) {
        if (row->type == GRU_OPTION_HEADING)
            continue;
        gru_str_addf(out, "complete -c %s -l %s", t->tool->name, row->name);
        if (row->letter)
            gru_str_addf(out, " -s %c", row->letter);
        if (argument_of(row) && row->type != GRU_OPTION_OPTTEXT)
            gru_str_add(out, " -r");
        if (row->type == GRU_OPTION_CHOICE && row->choices) {
            gru_str_add(out, " -f -a '");
            add_choices(out, row->choices);
            gru_str_add(out, "'");
        }
        gru_str_add(out, " -d '");
        add_plain(out, row->help);
        gru_str_add(out, "'\n");
    }
}

gru_status gru_option_table_answer(const gru_option_table *t, const gru_answers *answers,
                                   gru_str *out, gru_error *err) {
    if (answers->help)
        gru_str_add(out, t->help ? t->help : "");
    else if (answers->version)
        gru_str_addf(out, "%s (gru) %s\n", t->tool->name, GRU_VERSION);
    else if (answers->list)
        add_names(out, t, "", "\n");
    else if (answers->completions && strcmp(answers->completions, "bash") == 0)
        add_bash(out, t);
    else if (answers->completions && strcmp(answers->completions, "zsh") == 0)
        add_zsh(out, t);
    else if (answers->completions)
        add_fish(out, t);
    else
        return GRU_OK;
    if (answers->help && !t->help)
        return gru_error_memory(err, 4096);
    gru_status status = gru_str_check(out, err);
    return status ? status : GRU_ERR_HANDLED;
}
