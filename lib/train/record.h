/* How a model was trained, as the JSON text that is kept in it. */
#ifndef GRU_TRAIN_RECORD_H
#define GRU_TRAIN_RECORD_H

#include "base/str.h"
#include "train/loop.h"

/* Options, seed, version, samples, epochs and best epoch; nothing that differs between runs that
 * give the same weights (threads, times, file names). Appended to out. */
gru_status gru_train_record(const gru_train_options *o, const gru_samples *train,
                            const gru_samples *validation, const gru_train_state *state,
                            gru_str *out, gru_error *err);
/* Warns of schedules and stopping rules that are not those of the run that `from` was made by; name
 * for messages. */
void gru_train_record_compare(const gru_train_options *o, const gru_bundle *from, const char *name);

#endif
