/* A set of samples that can be read in any order: a tensor stream, held whole.
 *
 * Up to 64 MiB it is held in memory. A larger file stays where it is and is read by pieces
 * (feed.h), so memory does not grow with it; a larger pipe, gzip file or array that needs
 * converting is spooled once, into an unnamed temporary file. Nothing is mapped: pages of a map
 * stay resident, and a file that is cut meanwhile would end the program instead of this function.
 */
#ifndef GRU_TRAIN_DATASET_H
#define GRU_TRAIN_DATASET_H

#include "io/npy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gru_dataset gru_dataset;

/* path NULL or "-": standard input. An empty set is GRU_ERR_DATA, and so are values that aren't
 * finite (field and row named). */
gru_status gru_dataset_open(gru_dataset **out, const char *path, gru_error *err);
void gru_dataset_close(gru_dataset *d);
const gru_record_spec *gru_dataset_spec(const gru_dataset *d);
const char *gru_dataset_name(const gru_dataset *d);
size_t gru_dataset_count(const gru_dataset *d);
/* Whether the records are in a file, not in memory. */
bool gru_dataset_large(const gru_dataset *d);
/* Record i of a set that is not large; valid until gru_dataset_close. */
const unsigned char *gru_dataset_record(const gru_dataset *d, size_t i);
/* Record i of any set, best from the first to the last; valid until the next call. From one thread
 * at a time. A file that was cut meanwhile is GRU_ERR_DATA. */
gru_status gru_dataset_look(const gru_dataset *d, size_t i, const unsigned char **record,
                            gru_error *err);
/* Of a large set: records first … first + count − 1, copied. From any thread. */
gru_status gru_dataset_read(const gru_dataset *d, size_t first, size_t count, void *to,
                            gru_error *err);
/* Checks that all class ids of y are 0 … classes − 1; names the first row that isn't (rows from 1).
 */
gru_status gru_dataset_check_classes(const gru_dataset *d, size_t classes, gru_error *err);
/* Checks that the numbers of y are from 0 to 1, as the cross-entropies need them. */
gru_status gru_dataset_check_shares(const gru_dataset *d, gru_error *err);
/* Checks what a network reads of a record: token ids are 0 … tokens − 1 (an embedding's rows; 0: x
 * is not looked at), len is no more than the steps. GRU_ERR_DATA "row 17: …" for row 16, from 0. */
gru_status gru_record_check(const gru_record_spec *spec, const unsigned char *record, size_t row,
                            size_t tokens, gru_error *err);
/* The same of all of a set, and names it. */
gru_status gru_dataset_check_input(const gru_dataset *d, size_t tokens, gru_error *err);

/* CRC-32 of all records. */
gru_status gru_dataset_checksum(const gru_dataset *d, uint32_t *crc, gru_error *err);

/* Rows start … start + count − 1 of a set. */
typedef struct gru_samples {
    const gru_dataset *set;
    size_t start, count;
} gru_samples;

/* order[count] = 0 … count − 1, shuffled by Fisher-Yates with the generator of (seed, epoch). */
void gru_order_shuffle(uint32_t *order, size_t count, uint64_t seed, uint64_t epoch);

#endif
