/* Memory: checked sizes, zeroed aligned blocks, growing blocks. */
#define _DEFAULT_SOURCE /* madvise */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, LARGE = 2 << 20, FIRST_ELEMENTS = 16 };

bool gru_size_mul(size_t a, size_t b, size_t *out) {
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

bool gru_size_add(size_t a, size_t b, size_t *out) {
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

/* count × size bytes and the rest of a line; blocks of `large` bytes and more start at such a
 * multiple and fill it. */
static gru_status allocate(void **block, size_t *bytes, size_t count, size_t size, size_t large,
                           gru_error *err) {
    *block = NULL;
    if (!gru_size_mul(count, size, bytes) || !gru_size_add(*bytes, ALIGNMENT, bytes))
        return gru_error_memory(err, UINT64_MAX);
    bool is_large = *bytes >= large;
    if (is_large && !gru_size_add(*bytes, large - *bytes % large, bytes))
        return gru_error_memory(err, UINT64_MAX);
    if (posix_memalign(block, is_large ? large : ALIGNMENT, *bytes) != 0) {
        *block = NULL;
        return gru_error_memory(err, *bytes);
    }
    return GRU_OK;
}

/* Zeroes a large block without touching it: its pages are handed back, and come again as zeros when
 * they are used. As huge ones, if the system obliges: the kernels step through a network's memory
 * in strides of a page and more, and with small pages every step would need a translation of its
 * own. */
static bool zero_pages(void *block, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    (void)madvise(block, bytes, MADV_HUGEPAGE);
    return madvise(block, bytes, MADV_DONTNEED) == 0;
#else
    (void)block;
    (void)bytes;
    return false;
#endif
}

gru_status gru_mem_new(void *out, size_t count, size_t size, gru_error *err) {
    size_t bytes;
    void *block;
    gru_status st = allocate(&block, &bytes, count, size, LARGE, err);
    if (!st && (bytes < LARGE || !zero_pages(block, bytes)))
        memset(block, 0, count * size);
    memcpy(out, &block, sizeof block);
    return st;
}

gru_status gru_mem_room(void *out, size_t count, size_t size, gru_error *err) {
    size_t bytes;
    void *block;
    gru_status st = allocate(&block, &bytes, count, size, SIZE_MAX, err);
    memcpy(out, &block, sizeof block);
    return st;
}

gru_status gru_mem_grow(void *block, size_t *cap, size_t need, size_t size, gru_error *err) {
    if (need <= *cap)
        return GRU_OK;
    size_t want = *cap + *cap / 2, bytes;
    if (want < need)
        want = need;
    if (want < FIRST_ELEMENTS)
        want = FIRST_ELEMENTS;
    if (!gru_size_mul(want, size, &bytes))
        return gru_error_memory(err, UINT64_MAX);
    void *old;
    memcpy(&old, block, sizeof old);
    void *grown = realloc(old, bytes);
    if (!grown)
        return gru_error_memory(err, bytes);
    memcpy(block, &grown, sizeof grown);
    *cap = want;
    return GRU_OK;
}
