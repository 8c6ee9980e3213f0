/* Command lines, described once.
 *
 * A tool is one gru_tool with a table of options; parsing, --help, shell completions and the check
 * that the man page names every option are all made from it. Values are written to the variables
 * the rows point to; a variable's value before parsing is its default and shown in the help.
 * Long options are --name VALUE or --name=VALUE, short ones -o VALUE; "--" ends options, "-" is an
 * operand. Unambiguous prefixes are not accepted (scripts would break when options are added). */
#ifndef GRU_BASE_OPTIONS_H
#define GRU_BASE_OPTIONS_H

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum gru_option_type {
    GRU_OPTION_FLAG,    /* bool *: set to true */
    GRU_OPTION_OFF,     /* bool *: set to false (--no-shuffle) */
    GRU_OPTION_INT,     /* long long *, from min to max */
    GRU_OPTION_NUMBER,  /* double *, from min to max */
    GRU_OPTION_TEXT,    /* const char **: borrowed from argv */
    GRU_OPTION_CHOICE,  /* const char **: one of choices, words separated by '|' */
    GRU_OPTION_SHARE,   /* gru_share *: "20%", "0.2" or a whole number of rows */
    GRU_OPTION_OPTTEXT, /* const char **: value optional, only as --name=VALUE; alone it means "" */
    GRU_OPTION_LIST,    /* gru_list *: may be given several times; borrowed from argv */
    GRU_OPTION_HEADING  /* a heading in the help; name is its text */
} gru_option_type;

typedef struct gru_share {
    bool given, is_count;
    double share; /* 0 … 1 when !is_count */
    size_t count;
} gru_share;

enum { GRU_LIST_MAX = 16 };

typedef struct gru_list {
    const char *items[GRU_LIST_MAX];
    size_t count;
} gru_list;

typedef struct gru_option {
    const char *name; /* long name without dashes; NULL ends the table */
    char letter;      /* short name or 0 */
    gru_option_type type;
    void *value;
    const char *argument; /* name of the value in the help: FILE, N, COL */
    const char *help;     /* a phrase with its unit, no full stop; the default is added */
    double min, max;      /* INT and NUMBER; both 0: no limits */
    const char *choices;  /* CHOICE: "a|b|c" */
} gru_option;

typedef struct gru_tool {
    const char *name;                  /* gru-scale */
    const char *purpose;               /* the man page's .Nd */
    const char *synopsis;              /* "[OPTION]… [INPUT]" */
    const char *example;               /* one command line (or a pipeline) */
    const gru_option *options;         /* the tool's own; common ones are added */
    size_t min_operands, max_operands; /* max 0 with min 0: none allowed */
} gru_tool;

/* The options every tool has, but output and csv, which it asks for. */
typedef struct gru_common {
    bool quiet, verbose;
    long long threads;    /* 0: as many as the process may use */
    long long seed;       /* 0 to 4294967295; 42 */
    const char *progress; /* auto, always, never */
    const char *output;   /* -o FILE, NULL or "-": standard output */
    bool csv;             /* --csv: write CSV rather than TSV */
} gru_common;

typedef enum gru_common_set {
    GRU_COMMON_OUTPUT = 1, /* -o */
    GRU_COMMON_CSV = 2     /* --csv */
} gru_common_set;

/* Parses argv into the rows' variables and *common; *operands borrows from argv (reordered in
 * place), *count their number. `which` is a sum of gru_common_set values. --help and --version
 * put their text into *out and return GRU_ERR_HANDLED; --completions bash|zsh|fish (hidden) and
 * --list-options (hidden: one "--name" a line, for the man page check) likewise. A mistake is
 * GRU_ERR_USAGE with the option's name, the word and what was expected. */
gru_status gru_options_parse(const gru_tool *tool, int which, gru_common *common, int argc,
                             char **argv, const char *const **operands, size_t *count, gru_str *out,
                             gru_error *err);
/* A share of total rows, rounded down, or a count; GRU_ERR_USAGE when that is larger than total.
 * option: "--fit-rows". */
gru_status gru_share_rows(const gru_share *share, size_t total, const char *option, size_t *rows,
                          gru_error *err);
/* "key=value,flag,key2=value2": calls each for one part; value NULL for a bare flag. The strings
 * are valid during the call. Stops at the first status that isn't GRU_OK. */
typedef gru_status gru_option_part(void *arg, const char *key, const char *value, gru_error *err);
gru_status gru_options_split(const char *text, gru_option_part *each, void *arg, gru_error *err);

#endif
