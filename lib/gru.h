/* The library in one header, for C11 and C++: all that a program needs to use or train a network.
 *
 * A module's own header has its contracts: shapes, units, who frees what.
 *
 *     base/error.h     what every function that can fail returns
 *     io/…             byte streams, tables, tensor streams (NPY), model files
 *     text/…, series/… from sentences and from columns of numbers to tensors
 *     nn/…             the architecture language, a network, its computations
 *     train/…          data sets, a training run, a trained model with what travels in it
 *     eval/…, plot/…   figures of merit, and figures
 *
 * A trained network's answer to one sequence, in the units it was trained with (train/raw.h answers
 * tables and texts in the user's):
 *
 *     #include <gru.h>
 *     #include <stdio.h>
 *     #include <stdlib.h>
 *     int main(int count, char **word) { // MODEL NUMBER...: one feature, a step a number
 *         gru_error err = {0};
 *         gru_package model;
 *         gru_record_spec spec = {0}; // how a sample lies in memory
 *         gru_pool *pool = NULL;
 *         gru_runner *runner = NULL;
 *         float x[100];
 *         const unsigned char *records[] = {(const unsigned char *)x};
 *         size_t steps = count > 2 && count <= 102 ? (size_t)count - 2 : 0;
 *         const gru_runner_options how = {.batch = 1, .steps = steps};
 *         const gru_batch batch = {.rows = 1, .records = records, .spec = &spec};
 *         for (size_t t = 0; t < steps; t++)
 *             x[t] = strtof(word[t + 2], NULL);
 *         if (!steps || gru_package_read(&model, word[1], &err))
 *             return fprintf(stderr, "%s\n", steps ? err.message : "MODEL and numbers"), 1;
 *         gru_record_set(&spec, GRU_X, 'f', 2, steps, 1, 0);
 *         if (!gru_record_layout(&spec, &err) && !gru_pool_new(&pool, 1, &err) &&
 *             !gru_runner_new(&runner, model.model, pool, &how, &err) &&
 *             !gru_runner_predict(runner, &batch, &err)) // as often as there are sequences
 *             printf("%.9g\n", (double)gru_runner_outputs(runner)[0]);
 *         else
 *             fprintf(stderr, "%s\n", err.message);
 *         gru_runner_free(runner);
 *         gru_pool_free(pool);
 *         gru_package_free(&model);
 *         return err.code != GRU_OK;
 *     }
 *
 * The headers are plain C; C++ that includes one of them by itself puts extern "C" around it. */
#ifndef GRU_GRU_H
#define GRU_GRU_H

/* Before the extern "C", inside of which C++'s versions of these do not compile. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "base/str.h"
#include "base/thread.h"
#include "base/version.h"
#include "eval/evaluate.h"
#include "eval/predictions.h"
#include "eval/report.h"
#include "io/bundle.h"
#include "io/npy.h"
#include "io/stream.h"
#include "io/table.h"
#include "nn/arch.h"
#include "nn/loss.h"
#include "nn/model.h"
#include "nn/runner.h"
#include "nn/summary.h"
#include "nn/weights.h"
#include "plot/figure.h"
#include "series/clean.h"
#include "series/date.h"
#include "series/rescale.h"
#include "series/scaler.h"
#include "series/sequences.h"
#include "series/window.h"
#include "series/window_table.h"
#include "text/segment.h"
#include "text/vectorise.h"
#include "text/vocab.h"
#include "train/convert.h"
#include "train/dataset.h"
#include "train/package.h"
#include "train/predict.h"
#include "train/raw.h"
#include "train/session.h"
#include "train/split.h"

#ifdef __cplusplus
}
#endif

#endif
