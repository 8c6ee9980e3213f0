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
void gru_map_free(gru_map *map); /* NULL is fine */
/* Makes room for `count` entries at once. */
gru_status gru_map_reserve(gru_map *map, size_t count, gru_error *err);
/* The entry of key; a new one has value 0. NULL when there is no memory. The pointer is valid until
 * the next gru_map_put. */
gru_map_entry *gru_map_put(gru_map *map, const char *key, size_t len);
/* The place of key among the entries; a new one is the last, and its value its place. For maps that
 * only number their keys. */
gru_status gru_map_number(gru_map *map, const char *key, size_t len, size_t *number,
                          gru_error *err);
/* The same as gru_map_put for many keys at a time: hash a dozen, prefetch the slots of a dozen,
 * then their entries, put a dozen, and the memory that each needs is on its way while the others
 * are worked on. room: how many bytes may be read from key on, len or more; eight or more are
 * faster. gru_map_prefetch_entry gives the number of the entry that it expects, or SIZE_MAX. */
uint32_t gru_map_hash(const gru_map *map, const char *key, size_t len, size_t room);
void gru_map_prefetch_slot(const gru_map *map, uint32_t hash);
size_t gru_map_prefetch_entry(const gru_map *map, uint32_t hash);
gru_map_entry *gru_map_put_hashed(gru_map *map, const char *key, size_t len, size_t room,
                                  uint32_t hash);
/* The entry, or NULL when the key isn't there. */
const gru_map_entry *gru_map_get(const gru_map *map, const char *key, size_t len);
size_t gru_map_count(const gru_map *map);
/* Entries by insertion order, 0 … count − 1. */
gru_map_entry *gru_map_at(gru_map *map, size_t index);

#endif
