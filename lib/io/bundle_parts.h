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

#endif
