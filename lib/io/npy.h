/* Tensor streams: NPY arrays of N samples with a structured dtype (see gru-formats(5)).
 *
 * In memory a sample is one record: the fields that are present, in the order x, y, len, w, id,
 * group, packed, little-endian float32 / int32; id and group are NUL-padded to multiples of 4
 * bytes, so every field is 4-byte aligned when the records' buffer is. The reader converts other
 * dtypes (float64, int64, big-endian, bool, small integers) and checks for loss; a plain array is x
 * alone: (N,T,F) or (N,T) floats (F = 1), (N,T) integers. Several arrays of one dtype after each
 * other are one stream. */
#ifndef GRU_IO_NPY_H
#define GRU_IO_NPY_H

#include "io/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum gru_slot { GRU_X, GRU_Y, GRU_LEN, GRU_W, GRU_ID, GRU_GROUP, GRU_SLOT_COUNT } gru_slot;

typedef struct gru_slot_spec {
    char type;       /* 'f' float32, 'i' int32, 'S' bytes; 0: the field is absent */
    size_t dims;     /* 0, 1 or 2 */
    size_t shape[2]; /* x: [T][F] or [T]; y: [H], [], [T], [T][K]; id, group: [] with bytes = their
                        width */
    size_t bytes;    /* of the whole field in a record */
    size_t offset;   /* in a record */
} gru_slot_spec;

typedef struct gru_record_spec {
    gru_slot_spec slot[GRU_SLOT_COUNT];
    size_t bytes; /* of a record */
} gru_record_spec;

/* "x", "y", "len", … */
const char *gru_slot_name(gru_slot which);
/* Declares a field; dims 0 … 2. For id and group give type 'S', dims 0 and bytes; for others bytes
 * is ignored. Call gru_record_layout once all are declared: fills bytes and offsets, checks
 * overflow.
 */
void gru_record_set(gru_record_spec *spec, gru_slot which, char type, size_t dims, size_t d0,
                    size_t d1, size_t bytes);
gru_status gru_record_layout(gru_record_spec *spec, gru_error *err);
bool gru_record_same(const gru_record_spec *a, const gru_record_spec *b);
/* The id or the group of a record, without its padding; 0 bytes where there is none. */
size_t gru_record_text(const gru_record_spec *spec, const void *record, gru_slot which,
                       const char **text);
/* GRU_ERR_DATA "train.npy: row 17: …" when one of records[count] holds a float that is not finite;
 * the first of them is number `row` of the stream called name, from 0. */
gru_status gru_record_check_finite(const gru_record_spec *spec, const void *records, size_t count,
                                   uint64_t row, const char *name, gru_error *err);
/* "x float32 (60, 5), y float32 (1)" for messages. */
void gru_record_describe(const gru_record_spec *spec, char *text, size_t size);

typedef struct gru_npy_reader gru_npy_reader;

gru_status gru_npy_open(gru_npy_reader **out, gru_input *in, gru_error *err);
const gru_record_spec *gru_npy_spec(const gru_npy_reader *r);
/* Up to max records into buffer (max × spec.bytes); *got 0 at the end only. Values that are not
 * finite are GRU_ERR_DATA naming field and row. */
gru_status gru_npy_next(gru_npy_reader *r, void *buffer, size_t max, size_t *got, gru_error *err);
void gru_npy_close(gru_npy_reader *r); /* NULL is fine */
/* When the stream is one array in a mappable file whose records are already in memory's form: the
 * descriptor, the offset of record 0 and the count. Reading then need not go through gru_npy_next
 * (finite values are then the caller's to check). */
bool gru_npy_mappable(const gru_npy_reader *r, int *fd, uint64_t *offset, uint64_t *count);

typedef struct gru_npy_writer gru_npy_writer;

/* count: number of records when known, else UINT64_MAX: then a seekable output is patched at the
 * end and anything else is spooled to an unnamed temporary file. Does not own out. */
gru_status gru_npy_write_open(gru_npy_writer **w, gru_output *out, const gru_record_spec *spec,
                              uint64_t count, gru_error *err);
gru_status gru_npy_write(gru_npy_writer *w, const void *records, size_t count, gru_error *err);
/* Ends the array (header, spool); frees w, also on failure. The caller commits or discards out. */
gru_status gru_npy_write_close(gru_npy_writer *w, gru_error *err);
void gru_npy_write_abort(gru_npy_writer *w); /* frees without finishing */

/* true when bytes start an NPY array. */
bool gru_npy_magic(const unsigned char *bytes, size_t count);

#endif
