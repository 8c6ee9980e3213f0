/* A table as whole sequences: one sample a group of rows, with a target at every step.
 *
 * The steps of a group are its rows but the last `ahead`; step t has the features of row t as x and
 * the targets of row t + ahead as y. Samples are padded at their end with zeros to the same number
 * of steps; len says how many are valid. */
#ifndef GRU_SERIES_SEQUENCES_H
#define GRU_SERIES_SEQUENCES_H

#include "base/error.h"
#include "io/npy.h"
#include "io/table.h"

#include <stddef.h>

/* Names of columns, borrowed. */
typedef struct gru_sequences {
    const char *features; /* "A,B"; NULL: the targets */
    const char *targets;  /* "C,D" */
    const char *group;    /* NULL: the table is one sequence */
    size_t ahead;         /* rows from a step to its target; 0: the step's own row */
    size_t steps;         /* of every sample, 0: of the longest; a longer group is GRU_ERR_DATA */
} gru_sequences;

/* Writes x float32 (T,F), y float32 (T,K), len and, with a group, id: its name. Groups come in the
 * order of their first rows; those with no step are left out with a warning. Holds the table's
 * numbers in memory. source names the table in messages; out is not committed. */
gru_status gru_sequences_cut(const gru_sequences *s, gru_table *table, const char *source,
                             gru_output *out, gru_error *err);

#endif
