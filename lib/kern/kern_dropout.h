/* Dropout in lanes: which elements of 16 rows are kept, and the scaling of those; included by
 * kern_body.h. */
#ifndef GRU_KERN_DROPOUT_H
#define GRU_KERN_DROPOUT_H

#include "base/random.h"
#include "kern/kern_vec.h"

typedef uint32_t words __attribute__((vector_size(VECTOR_BYTES)));
enum { WORDS = VECTOR_BYTES / 4, WORD_PARTS = GRU_LANES / WORDS };

/* The two halves of a × by. */
#if defined(__AVX512F__)
INLINE void multiply_32(words a, uint32_t by, words *high, words *low) {
    __m512i m = _mm512_set1_epi32((int)by), x = (__m512i)a;
    __m512i even = _mm512_mul_epu32(x, m), odd = _mm512_mul_epu32(_mm512_srli_epi64(x, 32), m);
    *high = (words)_mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_CDAB);
    *low = (words)_mm512_mask_shuffle_epi32(even, 0xaaaa, odd, _MM_PERM_CDAB);
}
#elif defined(__AVX2__)
INLINE void multiply_32(words a, uint32_t by, words *high, words *low) {
    __m256i m = _mm256_set1_epi32((int)by), x = (__m256i)a;
    __m256i even = _mm256_mul_epu32(x, m), odd = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), m);
    *high = (words)_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
    *low = (words)_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}
#else
INLINE void multiply_32(words a, uint32_t by, words *high, words *low) {
    for (int i = 0; i < WORDS; i++)
        (*high)[i] = (uint32_t)((uint64_t)a[i] * by >> 32);
    *low = a * by;
}
#endif

/* Bit i: x[i] ≥ least; both below 2^16. */
INLINE uint32_t reaches(words x, words least) {
#if defined(__AVX512F__)
    return _mm512_cmpge_epu32_mask((__m512i)x, (__m512i)least);
#elif defined(__AVX2__)
    return (uint32_t)_mm256_movemask_ps((__m256)(x >= least));
#else
    uint32_t bits = 0;
    for (int i = 0; i < WORDS; i++)
        bits |= (uint32_t)(x[i] >= least[i]) << i;
    return bits;
#endif
}

/* Four words for each row (Philox4x32-10, Salmon et al. 2011). */
INLINE void philox_rows(words c[4], const uint32_t key[2]) {
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        words h0, l0, h1, l1;
        multiply_32(c[0], 0xD2511F53u, &h0, &l0);
        multiply_32(c[2], 0xCD9E8D57u, &h1, &l1);
        words c1 = c[1];
        c[0] = h1 ^ c1 ^ k0;
        c[1] = l1;
        c[2] = h0 ^ c[3] ^ k1;
        c[3] = l0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

static void dropout_bits(uint16_t *bits, size_t count, double rate, const uint32_t key[2],
                         uint32_t first_row, uint32_t batch, uint32_t epoch) {
    const words zero = {0}, least = zero + (uint32_t)lround(rate * 65536.0);
    words row[WORD_PARTS];
    for (int part = 0; part < WORD_PARTS; part++)
        for (int l = 0; l < WORDS; l++)
            row[part][l] = first_row + (uint32_t)(part * WORDS + l);
    for (size_t i = 0; i < count; i += 8) {
        uint32_t kept[8] = {0};
        for (int part = 0; part < WORD_PARTS; part++) {
            words c[4] = {zero + (uint32_t)(i / 8), row[part], zero + batch, zero + epoch};
            philox_rows(c, key);
            for (int j = 0; j < 8; j++)
                kept[j] |= reaches(j % 2 ? c[j / 2] >> 16 : c[j / 2] & 0xffffu, least)
                           << part * WORDS;
        }
        for (size_t j = 0; j < 8 && i + j < count; j++)
            bits[i + j] = (uint16_t)kept[j];
    }
}

/* x where the bit of its lane is set, else 0. */
INLINE vec keep(unsigned bits, vec x) {
#if defined(__AVX512F__) && !defined(GRU_DOUBLE)
    return _mm512_maskz_mov_ps((__mmask16)bits, x);
#else
    ivec bit;
    for (int l = 0; l < VW; l++)
        bit[l] = (bits >> l) & 1;
    return choose(bit != 0, x, (vec){0});
#endif
}

static void dropout_apply(gru_real *out, const gru_real *x, const uint16_t *bits, size_t count,
                          double rate) {
    const gru_real scale = (gru_real)(1 / (1 - rate));
    for (size_t i = 0; i < count; i++)
        for (int v = 0; v < NV; v++) {
            size_t at = i * GRU_LANES + (size_t)(v * VW);
            store(out + at, keep((unsigned)bits[i] >> (v * VW), load(x + at) * scale));
        }
}

#endif
