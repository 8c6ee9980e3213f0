/* The hash map: open addressing over indices, entries in insertion order, keys in an arena.
 *
 * The hash is mixed with the map's address, so that a file made to collide in one run does not in
 * the next; nothing visible depends on it, because entries keep their insertion order. */
#include "base/map.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64, CHUNK_BYTES = 65536 };

typedef struct chunk {
    struct chunk *next;
    size_t used, size;
    char bytes[];
} chunk;

struct gru_map {
    gru_map_entry *entries;
    size_t count, cap;
    uint32_t *slots; /* index + 1 of an entry; 0: free */
    size_t mask;
    chunk *chunks;
    uint64_t seed;
};

static uint64_t mix(uint64_t a) {
    a ^= a >> 32;
    a *= 0xd6e8feb86659fd93u;
    a ^= a >> 32;
    a *= 0xd6e8feb86659fd93u;
    return a ^ (a >> 32);
}

static uint32_t hash_key(uint64_t seed, const char *key, size_t len) {
    uint64_t hash = seed ^ (len * 0x9e3779b97f4a7c15u), word;
    while (len >= 8) {
        memcpy(&word, key, 8);
        hash = (hash ^ word) * 0x9fb21c651e98df25u;
        hash ^= hash >> 29;
        key += 8;
        len -= 8;
    }
    word = 0;
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)(unsigned char)key[i] << (8 * i);
    return (uint32_t)mix(hash ^ word);
}

gru_status gru_map_new(gru_map **out, gru_error *err) {
    gru_map *map = calloc(1, sizeof *map);
    *out = map;
    if (!map)
        return gru_error_memory(err, sizeof *map);
    map->mask = FIRST_SLOTS - 1;
    map->slots = calloc(FIRST_SLOTS, sizeof *map->slots);
    if (!map->slots) {
        free(map);
        *out = NULL;
        return gru_error_memory(err, FIRST_SLOTS * sizeof *map->slots);
    }
    map->seed = mix((uint64_t)(uintptr_t)map);
    return GRU_OK;
}

void gru_map_free(gru_map *map) {
    if (!map)
        return;
    for (chunk *c = map->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(map->entries);
    free(map->slots);
    free(map);
}

/* The slot that holds key, or the free one where it belongs. */
static size_t find_slot(const gru_map *map, const char *key, size_t len, uint32_t hash) {
    size_t slot = hash & map->mask;
    for (uint32_t index; (index = map->slots[slot]) != 0; slot = (slot + 1) & map->mask) {
        const gru_map_entry *e = &map->entries[index - 1];
        if (e->hash == hash && e->len == len && memcmp(e->key, key, len) == 0)
            break;
    }
    return slot;
}

static bool grow_slots(gru_map *map) {
    size_t slots = (map->mask + 1) * 2;
    uint32_t *bigger = calloc(slots, sizeof *bigger);
    if (!bigger)
        return false;
    for (size_t i = 0; i < map->count; i++) {
        size_t slot = map->entries[i].hash & (slots - 1);
        while (bigger[slot])
            slot = (slot + 1) & (slots - 1);
        bigger[slot] = (uint32_t)(i + 1);
    }
    free(map->slots);
    map->slots = bigger;
    map->mask = slots - 1;
    return true;
}

static char *store_key(gru_map *map, const char *key, size_t len) {
    chunk *c = map->chunks;
    if (!c || c->size - c->used < len + 1) {
        size_t size = len + 1 > CHUNK_BYTES ? len + 1 : CHUNK_BYTES;
        c = malloc(sizeof *c + size);
        if (!c)
            return NULL;
        *c = (chunk){.next = map->chunks, .size = size};
        map->chunks = c;
    }
    char *copy = c->bytes + c->used;
    if (len)
        memcpy(copy, key, len);
    copy[len] = '\0';
    c->used += len + 1;
    return copy;
}

gru_map_entry *gru_map_put(gru_map *map, const char *key, size_t len) {
    uint32_t hash = hash_key(map->seed, key, len);
    size_t slot = find_slot(map, key, len, hash);
    if (map->slots[slot])
        return &map->entries[map->slots[slot] - 1];
    if (len >= UINT32_MAX || map->count >= UINT32_MAX - 1)
        return NULL;
    if ((map->count + 1) * 2 > map->mask + 1) {
        if (!grow_slots(map))
            return NULL;
        slot = find_slot(map, key, len, hash);
    }
    if (gru_mem_grow(&map->entries, &map->cap, map->count + 1, sizeof *map->entries, NULL))
        return NULL;
    char *copy = store_key(map, key, len);
    if (!copy)
        return NULL;
    gru_map_entry *e = &map->entries[map->count++];
    *e = (gru_map_entry){.key = copy, .len = (uint32_t)len, .hash = hash};
    map->slots[slot] = (uint32_t)map->count;
    return e;
}

const gru_map_entry *gru_map_get(const gru_map *map, const char *key, size_t len) {
    size_t slot = find_slot(map, key, len, hash_key(map->seed, key, len));
    return map->slots[slot] ? &map->entries[map->slots[slot] - 1] : NULL;
}

size_t gru_map_count(const gru_map *map) {
    return map->count;
}

gru_map_entry *gru_map_at(gru_map *map, size_t index) {
    return &map->entries[index];
}
