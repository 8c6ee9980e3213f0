/* A table as whole sequences: one sample a group of rows, with a target at every step.
 *
 * The steps of a group are its rows but the last `horizon`; step t has the features of row t as x
 * and the targets of row t + horizon as y. Samples are padded at their end with zeros to the same
 * number of steps; len says how many are valid. What they are made of is a gru_windows whose
 * `sequences` is set. */
#ifndef GRU_SERIES_SEQUENCES_H
#define GRU_SERIES_SEQUENCES_H

#include "base/error.h"
#include "io/npy.h"
#include "io/table.h"
#include "series/scaler.h"
#include "series/window.h"

#include <stddef.h>

typedef struct gru_sequences gru_sequences;

/* Reads all rows of the table and holds their numbers. w and scaler are borrowed until the end;
 * columns that the scaler (NULL: none) knows are scaled. Without `targets` steps are all rows and
 * samples have no y. source names the table in messages, and is copied.
 * GRU_ERR_DATA for a cell that is missing or no number, for a group longer than w->length (0: the
 * longest group's), and where no group has a step; those that have none are left out with a
 * warning. */
gru_status gru_sequences_new(gru_sequences **out, const gru_windows *w, const gru_scaler *scaler,
                             bool targets, gru_table *table, const char *source, gru_error *err);
void gru_sequences_free(gru_sequences *s);
/* x float32 (T,F), y float32 (T,K), len and, with a group, id: its name. */
const gru_record_spec *gru_sequences_spec(const gru_sequences *s);
/* The next sample, in the order of the groups' first rows; borrowed until the next call, NULL at
 * the end. */
const void *gru_sequences_next(gru_sequences *s);

/* All of a table as a tensor stream; out is not committed. *w, with its rows and samples counted,
 * goes to the file `fit` (NULL: none) before the last byte of the stream. */
gru_status gru_sequences_cut(gru_windows *w, gru_table *table, const char *source, gru_output *out,
                             const char *fit, gru_error *err);

#endif
