/* Between options.c (parsing) and options_text.c (help, completions): not for other modules. */
#ifndef GRU_BASE_OPTIONS_TABLE_H
#define GRU_BASE_OPTIONS_TABLE_H

#include "base/options.h"

#include <stdbool.h>

/* What was asked for instead of a run. */
typedef struct gru_answers {
    bool help, version, list;
    const char *completions; /* bash, zsh, fish, or NULL */
} gru_answers;

/* A tool's own rows, then the common ones that it doesn't replace. */
typedef struct gru_option_table {
    const gru_tool *tool;
    const gru_option *own;    /* may be NULL */
    const gru_option *common; /* ends with a row without a name */
    char *help;               /* malloc'd; made before the values change; NULL: no memory */
} gru_option_table;

/* The row after `row` (NULL: the first), headings included; NULL at the end. */
const gru_option *gru_option_table_next(const gru_option_table *t, const gru_option *row);
/* true where min and max mean something. */
bool gru_option_limited(const gru_option *row);
/* The text of --help, malloc'd; NULL when there is no memory. */
char *gru_option_table_help(const gru_option_table *t);
/* GRU_OK when nothing was asked; else the text in *out and GRU_ERR_HANDLED. */
gru_status gru_option_table_answer(const gru_option_table *t, const gru_answers *answers,
                                   gru_str *out, gru_error *err);

#endif
