/* Predictions of a stream of samples, in constant memory: batches in, lines of a table out.
 * Reading, computing and writing overlap, where there is more than one batch and more than one
 * thread. */
#ifndef GRU_TRAIN_PREDICT_H
#define GRU_TRAIN_PREDICT_H

#include "train/answer.h"

typedef struct gru_predict_options {
    size_t batch, threads; /* threads 0: as many as the process may use */
    const char *attention; /* file for the attention weights, or NULL */
    const char *states;    /* file for the last recurrent layer's states, or NULL */
    const char *gates;     /* file for that layer's gates, or NULL */
    bool csv;
} gru_predict_options;

typedef struct gru_predictor gru_predictor;

/* Borrows package and out until gru_predictor_free; writes the header. name: of the data, for
 * messages. */
gru_status gru_predictor_new(gru_predictor **p, gru_package *package, const gru_record_spec *spec,
                             const char *name, const gru_predict_options *options, gru_output *out,
                             gru_error *err);
void gru_predictor_free(gru_predictor *p);
/* Room for *max more records, to be filled by the caller, who then tells how many came. Of a full
 * batch a failure may show only when later ones are filled, or at the end. */
void *gru_predictor_room(gru_predictor *p, size_t *max);
gru_status gru_predictor_filled(gru_predictor *p, size_t count, gru_error *err);
/* status: that of the reading. Predicts what is left and finishes the side tables, and the caller
 * commits out; after a failure predicts the batches before it, and gives back the first failure. p
 * may be NULL. */
gru_status gru_predictor_end(gru_predictor *p, gru_status status, gru_error *err);

/* All of a tensor stream; in is open. */
gru_status gru_predict_stream(gru_package *package, gru_input *in,
                              const gru_predict_options *options, gru_output *out, gru_error *err);

#endif
