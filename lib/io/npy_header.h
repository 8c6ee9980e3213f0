/* The header of an NPY array, parsed strictly: between npy_header.c and npy.c, not for other
 * modules. */
#ifndef GRU_IO_NPY_HEADER_H
#define GRU_IO_NPY_HEADER_H

#include "io/npy.h"

enum { GRU_NPY_DIMS = 4, GRU_NPY_NAME = 32, GRU_NPY_TEXT = 65536 };

/* One field as the file has it. */
typedef struct gru_npy_field {
    char name[GRU_NPY_NAME]; /* empty for a plain array */
    bool big;                /* big-endian */
    char kind;               /* f, i, u, b, S as in NumPy's type strings */
    size_t size;             /* bytes of one element */
    size_t dims, shape[GRU_NPY_DIMS];
    size_t before; /* bytes of padding in front, where NumPy aligned the fields */
} gru_npy_field;

typedef struct gru_npy_header {
    size_t count; /* of fields */
    gru_npy_field field[GRU_SLOT_COUNT];
    bool plain;   /* no structured type: field[0] alone */
    size_t after; /* bytes of padding behind the last field */
    size_t dims, shape[GRU_NPY_DIMS];
} gru_npy_header;

/* text[len] is the Python dictionary; name is the stream's, for messages. */
gru_status gru_npy_header_parse(gru_npy_header *header, const char *text, size_t len,
                                const char *name, gru_error *err);

#endif
