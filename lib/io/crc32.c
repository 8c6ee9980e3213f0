/* CRC-32: zlib's, and before it a product without carries where the processor has one.
 *
 * A message is a polynomial over GF(2), its CRC the rest modulo P. So 64 bytes may be multiplied
 * by x^512 mod P and added to the 64 that follow, and the CRC of what is left is that of all. Four
 * sums of 16 bytes go on side by side, since a product takes several cycles. The method: V. Gopal
 * and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel,
 * 2009. */
#include "io/crc32.h"

#include <zlib.h>

#if defined(__x86_64__)
#include <immintrin.h>

enum { BLOCK = 64 };

/* Folds the message into its last block, which is left in rest; bytes is a multiple of BLOCK, and
 * not 0. */
__attribute__((target("pclmul"))) static void fold(uint32_t crc, const unsigned char *data,
                                                   size_t bytes, unsigned char rest[BLOCK]) {
    /* x^(512 + 32) and x^(512 − 32) mod P, for the halves of a sum, bits in reverse as the CRC's */
    const __m128i by = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    __m128i sum[4];
    for (size_t i = 0; i < 4; i++)
        sum[i] = _mm_loadu_si128((const __m128i *)(const void *)data + i);
    sum[0] = _mm_xor_si128(sum[0], _mm_cvtsi32_si128((int)~crc));
    for (size_t at = BLOCK; at < bytes; at += BLOCK)
        for (size_t i = 0; i < 4; i++) {
            __m128i next = _mm_loadu_si128((const __m128i *)(const void *)(data + at) + i);
            __m128i low = _mm_clmulepi64_si128(sum[i], by, 0x00);
            __m128i high = _mm_clmulepi64_si128(sum[i], by, 0x11);
            sum[i] = _mm_xor_si128(_mm_xor_si128(low, high), next);
        }
    for (size_t i = 0; i < 4; i++)
        _mm_storeu_si128((__m128i *)(void *)rest + i, sum[i]);
}

/* The crc of the whole blocks at data[*bytes]; *bytes is how many bytes they were. */
static uint32_t fold_blocks(uint32_t crc, const unsigned char *data, size_t *bytes) {
    unsigned char rest[BLOCK];
    *bytes -= *bytes % BLOCK;
    if (*bytes == 0 || !__builtin_cpu_supports("pclmul")) {
        *bytes = 0;
        return crc;
    }
    fold(crc, data, *bytes, rest);
    return (uint32_t)crc32_z(UINT32_MAX, rest, BLOCK); /* crc is in rest: zlib's begins as zeros */
}
#else
static uint32_t fold_blocks(uint32_t crc, const unsigned char *data, size_t *bytes) {
    (void)data;
    *bytes = 0;
    return crc;
}
#endif

uint32_t gru_crc32(uint32_t crc, const void *data, size_t bytes) {
    const unsigned char *at = data;
    size_t folded = bytes;
    if (!bytes)
        return crc;
    crc = fold_blocks(crc, at, &folded);
    return (uint32_t)crc32_z(crc, at + folded, bytes - folded);
}
