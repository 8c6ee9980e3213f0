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

/* The hash is here too, so that a slot on the way is passed without a look at its entry. */
typedef struct slot {
    uint32_t index; /* of an entry, + 1; 0: free */
    uint32_t hash;
} slot;

struct gru_map {
    gru_map_entry *entries;
    size_t count, cap;
    slot *slots;
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

static uint64_t load_8(const char *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* The first len bytes of a word loaded from memory, len at most 8. */
static uint64_t first_bytes(size_t len) {
    static const unsigned char mask[16] = {255, 255, 255, 255, 255, 255, 255, 255};
    return load_8((const char *)mask + 8 - len);
}

/* room: bytes that may be read. Where there are eight, words of all lengths take one way, and the
 * processor need not guess how long the next one is. */
static uint32_t hash_key(uint64_t seed, const char *key, size_t len, size_t room) {
    uint64_t hash = seed ^ (len * 0x9e3779b97f4a7c15u), rest = 0;
    for (; len >= 8; len -= 8, room -= 8, key += 8) {
        hash = (hash ^ load_8(key)) * 0x9fb21c651e98df25u;
        hash ^= hash >> 29;
    }
    if (room >= 8)
        rest = load_8(key) & first_bytes(len);
    else if (len)
        memcpy(&rest, key, len);
    return (uint32_t)mix(hash ^ rest);
}

/* mine: a key of the map, of which eight bytes may always be read. */
static bool same_bytes(const char *mine, const char *key, size_t len, size_t room) {
    if (room < 8 || len > 16)
        return memcmp(mine, key, len) == 0;
    if (len <= 8)
        return ((load_8(mine) ^ load_8(key)) & first_bytes(len)) == 0;
    return load_8(mine) == load_8(key) && load_8(mine + len - 8) == load_8(key + len - 8);
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
static slot *find_slot(const gru_map *map, const char *key, size_t len, size_t room,
                       uint32_t hash) {
    size_t at = hash & map->mask;
    for (; map->slots[at].index; at = (at + 1) & map->mask) {
        if (map->slots[at].hash != hash)
            continue;
        const gru_map_entry *e = &map->entries[map->slots[at].index - 1];
        if (e->len == len && same_bytes(e->key, key, len, room))
            break;
    }
    return &map->slots[at];
}

/* count: a power of two. */
static bool grow_slots(gru_map *map, size_t count) {
    slot *bigger = calloc(count, sizeof *bigger);
    if (!bigger)
        return false;
    for (size_t i = 0; i < map->count; i++) {
        uint32_t hash = map->entries[i].hash;
        size_t at = hash & (count - 1);
        while (bigger[at].index)
            at = (at + 1) & (count - 1);
        bigger[at] = (slot){(uint32_t)(i + 1), hash};
    }
    free(map->slots);
    map->slots = bigger;
    map->mask = count - 1;
    return true;
}

gru_status gru_map_reserve(gru_map *map, size_t count, gru_error *err) {
    size_t slots = map->mask + 1;
    while (slots / 2 < count && slots < UINT32_MAX)
        slots *= 2;
    if (slots > map->mask + 1 && !grow_slots(map, slots))
        return gru_error_memory(err, slots * sizeof *map->slots);
    return gru_mem_grow(&map->entries, &map->cap, count, sizeof *map->entries, err);
}

static char *store_key(gru_map *map, const char *key, size_t len) {
    chunk *c = map->chunks;
    size_t need = len + 1 > 8 ? len + 1 : 8; /* for same_bytes */
    if (!c || c->size - c->used < need) {
        size_t size = need > CHUNK_BYTES ? need : CHUNK_BYTES;
        c = malloc(sizeof *c + size);
        if (!c)
            return NULL;
        *c = (chunk){.next = map->chunks, .size = size};
        map->chunks = c;
    }
    char *copy = c->bytes + c->used;
    memset(copy, 0, 8);
    if (len)
        memcpy(copy, key, len);
    copy[len] = '\0';
    c->used += need;
    return copy;
}

uint32_t gru_map_hash(const gru_map *map, const char *key, size_t len, size_t room) {
    return hash_key(map->seed, key, len, room);
}

void gru_map_prefetch_slot(const gru_map *map, uint32_t hash) {
    __builtin_prefetch(&map->slots[hash & map->mask]);
}

size_t gru_map_prefetch_entry(const gru_map *map, uint32_t hash) {
    size_t at = hash & map->mask;
    while (map->slots[at].index && map->slots[at].hash != hash)
        at = (at + 1) & map->mask;
    if (!map->slots[at].index)
        return SIZE_MAX;
    __builtin_prefetch(&map->entries[map->slots[at].index - 1]);
    return map->slots[at].index - 1;
}

gru_map_entry *gru_map_put(gru_map *map, const char *key, size_t len) {
    return gru_map_put_hashed(map, key, len, len, hash_key(map->seed, key, len, len));
}

gru_map_entry *gru_map_put_hashed(gru_map *map, const char *key, size_t len, size_t room,
                                  uint32_t hash) {
    slot *at = find_slot(map, key, len, room, hash);
    if (at->index)
        return &map->entries[at->index - 1];
    if (len >= UINT32_MAX || map->count >= UINT32_MAX - 1)
        return NULL;
    if ((map->count + 1) * 2 > map->mask + 1) {
        if (!grow_slots(map, (map->mask + 1) * 2))
            return NULL;
        at = find_slot(map, key, len, room, hash);
    }
    if (gru_mem_grow(&map->entries, &map->cap, map->count + 1, sizeof *map->entries, NULL))
        return NULL;
    char *copy = store_key(map, key, len);
    if (!copy)
        return NULL;
    gru_map_entry *e = &map->entries[map->count++];
    *e = (gru_map_entry){.key = copy, .len = (uint32_t)len, .hash = hash};
    *at = (slot){(uint32_t)map->count, hash};
    return e;
}

const gru_map_entry *gru_map_get(const gru_map *map, const char *key, size_t len) {
    const slot *at = find_slot(map, key, len, len, hash_key(map->seed, key, len, len));
    return at->index ? &map->entries[at->index - 1] : NULL;
}

gru_status gru_map_number(gru_map *map, const char *key, size_t len, size_t *number,
                          gru_error *err) {
    const size_t before = gru_map_count(map);
    gru_map_entry *entry = gru_map_put(map, key, len);
    if (!entry)
        return gru_error_memory(err, len);
    if (gru_map_count(map) > before)
        entry->value = (int64_t)before;
    *number = (size_t)entry->value;
    return GRU_OK;
}

size_t gru_map_count(const gru_map *map) {
    return map->count;
}

gru_map_entry *gru_map_at(gru_map *map, size_t index) {
    return &map->entries[index];
}
