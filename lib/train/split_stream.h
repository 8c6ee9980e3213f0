/* A tensor stream or a table divided into files by a split. */
#ifndef GRU_TRAIN_SPLIT_STREAM_H
#define GRU_TRAIN_SPLIT_STREAM_H

#include "base/error.h"
#include "io/stream.h"
#include "train/split.h"

#include <stdbool.h>
#include <stddef.h>

enum { GRU_SPLIT_FILES = 3 };

typedef struct gru_split_job {
    gru_split_plan plan;
    const char *label;       /* a table's column of classes for stratified splits, else NULL */
    bool csv;                /* write tables as CSV; a file whose name ends in .csv is anyway */
    bool lossy;              /* replace bytes that are not UTF-8 */
    const char *const *path; /* train, [validation,] test: different files */
    size_t files;            /* 2, or 3 with plan.validation */
} gru_split_job;

/* Reads in to its end and writes the parts; all files appear, or none. Rows are kept in memory
 * while they are few, else in an unnamed temporary file, or taken from the input file itself. */
gru_status gru_split_stream(const gru_split_job *job, gru_input *in, gru_error *err);

#endif
