/* What a bundle is made of: between bundle.c and bundle_write.c, not for other modules. */
#ifndef GRU_IO_BUNDLE_PARTS_H
#define GRU_IO_BUNDLE_PARTS_H

#include "io/bundle.h"

typedef struct gru_pair {
    char *key, *text; /* malloc'd */
} gru_pair;

struct gru_bundle {
    gru_tensor *tensors; /* name malloc'd; data too, or in the map */
    size_t count, tensors_cap;
    void *map; /* of the file that was read, or NULL */
    size_t map_bytes;
    gru_pair *meta;
    size_t pairs, meta_cap;
};

enum { GRU_CHECKSUM_SIZE = 9 }; /* 8 hex digits and the end */

/* The metadata's checksum: CRC-32 of each key and its text with their final NULs, keys in byte
 * order, those of the checksums left out. So it doesn't depend on the order or the spelling of the
 * JSON. */
void gru_bundle_checksum(const gru_bundle *b, char text[GRU_CHECKSUM_SIZE]);

#endif
