/* "key=number,flag" values of options, described by a table. */
#ifndef GRU_TRAIN_PAIRS_H
#define GRU_TRAIN_PAIRS_H

#include "base/error.h"

#include <stdbool.h>

typedef struct gru_pair {
    const char *name; /* NULL ends the table */
    double *number;   /* key=number, or NULL */
    bool *flag;       /* a bare word, or NULL */
    double min, max;
    bool required;
} gru_pair;

/* GRU_ERR_USAGE names the option, the word and what was expected. */
gru_status gru_pairs_parse(const char *option, const char *text, const gru_pair *pairs,
                           gru_error *err);

#endif
