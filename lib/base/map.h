/* A hash map from byte strings to a count or an id; entries keep the order of their first
 * insertion, keys live in an arena owned by the map. */
#ifndef GRU_BASE_MAP_H
#define GRU_BASE_MAP_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct gru_map_entry {
    const char *key; /* NUL-terminated, owned by the map, valid until gru_map_free */
    uint32_t len;
    uint32_t hash;
    int64_t value;
} gru_map_entry;

typedef struct gru_map gru_map;

gru_status gru_map_new(gru_map **out, gru_error *err);
void gru_map_free(gru_map *map);
/* The entry of key; a new one has value 0. NULL when there is no memory. The pointer is valid until
 * the next gru_map_put. */
gru_map_entry *gru_map_put(gru_map *map, const char *key, size_t len);
/* The entry, or NULL when the key isn't there. */
const gru_map_entry *gru_map_get(const gru_map *map, const char *key, size_t len);
size_t gru_map_count(const gru_map *map);
/* Entries by insertion order, 0 … count − 1. */
gru_map_entry *gru_map_at(gru_map *map, size_t index);

#endif
