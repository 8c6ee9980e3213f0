/* Weights of classes: from the words of --class-weight, or balanced by their counts. */
#ifndef GRU_TRAIN_WEIGH_H
#define GRU_TRAIN_WEIGH_H

#include "train/dataset.h"

/* "auto": n / (classes × count), scikit-learn's "balanced"; else "a,b,…", one a class. The target
 * is a class id, or as many numbers as the network has outputs (gru_loss_class). classes 0:
 * neither. *weights malloc'd, [classes]. GRU_ERR_DATA when a class has no sample with auto. */
gru_status gru_class_weights(const char *text, gru_samples samples, size_t classes, size_t outputs,
                             double **weights, gru_error *err);

#endif
