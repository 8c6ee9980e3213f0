/* Memory: checked sizes, zeroed blocks, blocks aligned for vectors. */
#ifndef GRU_BASE_MEM_H
#define GRU_BASE_MEM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* *out = count × size zeroed bytes, 64-byte aligned; freed with free(). Overflow of the product is
 * GRU_ERR_MEMORY. A count of 0 gives a valid pointer. */
gru_status gru_mem_new(void *out, size_t count, size_t size, gru_error *err);
/* The same without the zeroes: a large block takes no memory from the system until it is used. */
gru_status gru_mem_room(void *out, size_t count, size_t size, gru_error *err);
/* Makes room for `need` elements in the growing block *block of *cap elements (plain malloc memory,
 * not aligned); grows by half. *block is a T * passed as void *. */
gru_status gru_mem_grow(void *block, size_t *cap, size_t need, size_t size, gru_error *err);
/* false when a × b overflows; else *out = a × b. */
bool gru_size_mul(size_t a, size_t b, size_t *out);
bool gru_size_add(size_t a, size_t b, size_t *out);

#endif
