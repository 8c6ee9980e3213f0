/* Eight bytes of text at a time, as one word whose lowest byte comes first. */
#ifndef GRU_BASE_BYTES_H
#define GRU_BASE_BYTES_H

#include <stdint.h>

/* The highest bit of each byte that is c: adding 127 to a byte's lower bits carries into its
 * highest unless they are zero. */
static inline uint64_t gru_bytes_equal(uint64_t word, char c) {
    const uint64_t ones = 0x0101010101010101, lower = 0x7f * ones;
    uint64_t other = word ^ ones * (unsigned char)c;
    return ~(((other & lower) + lower) | other | lower);
}

/* Expressions that compilers make one load, which they don't make of a loop. */
static inline uint64_t gru_bytes_load_half(const char *at) {
    const unsigned char *p = (const unsigned char *)at;
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}
static inline uint64_t gru_bytes_load(const char *at) {
    const unsigned char *p = (const unsigned char *)at;
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

#endif
