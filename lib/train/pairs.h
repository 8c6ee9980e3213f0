/* Values of options that are more than a word: "key=number,flag" described by a table, and times.
 */
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
/* "90s", "30m", "2h", "45" (seconds) → seconds. */
gru_status gru_seconds_parse(const char *option, const char *text, double *seconds, gru_error *err);

#endif
