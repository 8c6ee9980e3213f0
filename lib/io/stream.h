/* Byte streams: files, standard input and output, gzip, whole-or-nothing output files. */
#ifndef GRU_IO_STREAM_H
#define GRU_IO_STREAM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- input ---- */
typedef struct gru_input gru_input;

/* Opens path; NULL or "-" is standard input, shown in messages as "standard input". gzip (also
 * several members after each other) is undone as it is read; a truncated or corrupt one is
 * GRU_ERR_DATA. A directory is refused. */
gru_status gru_input_open(gru_input **out, const char *path, gru_error *err);
/* A stream over bytes[count], borrowed until gru_input_close; name for messages. */
gru_status gru_input_open_bytes(gru_input **out, const void *bytes, size_t count, const char *name,
                                gru_error *err);
/* Up to want bytes into buffer; *got 0 at the end only. */
gru_status gru_input_read(gru_input *in, void *buffer, size_t want, size_t *got, gru_error *err);
/* All of want bytes, or GRU_ERR_DATA "… ends after N bytes". */
gru_status gru_input_read_all(gru_input *in, void *buffer, size_t want, gru_error *err);
/* Borrow what is buffered, at least `want` bytes unless the stream ends before (want ≤ 65536);
 * nothing is consumed. Valid until the next call on in. */
gru_status gru_input_peek(gru_input *in, size_t want, const unsigned char **bytes, size_t *count,
                          gru_error *err);
void gru_input_consume(gru_input *in, size_t count); /* count ≤ what peek gave */
const char *gru_input_name(const gru_input *in);
/* Whether a file begins as ZIP archives do: .npz, .xlsx. */
bool gru_input_is_zip(const unsigned char *bytes, size_t count);
/* The descriptor and the size, when this is a plain (not gzipped) regular file that can be mapped
 * and the read position is still 0; else false. */
bool gru_input_mappable(const gru_input *in, int *fd, uint64_t *size);
/* `want` bytes of a file from place `at` on; name is for messages. GRU_ERR_DATA where it has become
 * too short for that. */
gru_status gru_file_read(int fd, const char *name, uint64_t at, void *to, size_t want,
                         gru_error *err);
void gru_input_close(gru_input *in); /* NULL is fine */
/* The rest of the stream as one NUL-terminated malloc'd block; at most limit bytes. */
gru_status gru_input_slurp(gru_input *in, size_t limit, char **text, size_t *count, gru_error *err);

/* ---- output ---- */
typedef struct gru_output gru_output;

typedef enum gru_output_kind { GRU_OUTPUT_TEXT, GRU_OUTPUT_BINARY } gru_output_kind;

/* NULL or "-" is standard output; binary is refused when that is a terminal. A file is written to
 * an unnamed file in the target's directory (or a temporary name where the file system has none)
 * and appears under its name, whole, at gru_output_commit; links to it stay, and so do the owner
 * and the permissions of a file that it replaces. Special files (/dev/full, a fifo) and descriptors
 * (/dev/stderr, /dev/fd/3) are written directly. A name that ends in .gz is compressed. */
gru_status gru_output_open(gru_output **out, const char *path, gru_output_kind kind,
                           gru_error *err);
/* Buffered. A closed pipe is GRU_ERR_PIPE. */
gru_status gru_output_write(gru_output *out, const void *bytes, size_t count, gru_error *err);
/* Writes the buffer out (standard output keeps up with a reader line by line). */
gru_status gru_output_flush(gru_output *out, gru_error *err);
/* Overwrites bytes already written at offset; only where gru_output_seekable. */
bool gru_output_seekable(const gru_output *out);
uint64_t gru_output_tell(const gru_output *out); /* bytes written so far, before compression */
gru_status gru_output_patch(gru_output *out, uint64_t offset, const void *bytes, size_t count,
                            gru_error *err);
const char *gru_output_name(const gru_output *out);
/* Flush, fsync, rename; checks every close. Frees out, also on failure (then nothing is left). */
gru_status gru_output_commit(gru_output *out, gru_error *err);
/* Frees out and leaves no file behind; NULL is fine. */
void gru_output_discard(gru_output *out);
/* Commits when status, that of the writing, is GRU_OK; else discards out and gives status back. */
gru_status gru_output_end(gru_output *out, gru_status status, gru_error *err);
/* For the handler of a signal that ends the program: takes away the files being written that have a
 * temporary name, where the file system has no unnamed ones. */
void gru_output_abandon(void);
/* Open, write and commit in one. */
gru_status gru_output_save(const char *path, gru_output_kind kind, const void *bytes, size_t count,
                           gru_error *err);

#endif
