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

gru_status gru_mem_new(void *out, size_t count, size_t size, gru_error *err) {
    size_t bytes, padded;
    void *block = NULL;
    memcpy(out, &block, sizeof block);
    if (!gru_size_mul(count, size, &bytes) || !gru_size_add(bytes, ALIGNMENT, &padded))
        return gru_error_memory(err, UINT64_MAX);
    if (posix_memalign(&block, padded < LARGE ? ALIGNMENT : LARGE, padded) != 0)
        return gru_error_memory(err, padded);
#ifdef MADV_HUGEPAGE
    /* The kernels step through a network's memory in strides of a page and more: with small pages
     * every step would need a translation of its own. Whether the system obliges doesn't matter. */
    if (padded >= LARGE)
        (void)madvise(block, padded / LARGE * LARGE, MADV_HUGEPAGE);
#endif
    memset(block, 0, bytes);
    memcpy(out, &block, sizeof block);
    return GRU_OK;
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
