/* A square of vectors transposed; included by kern_body.h. Rows are interleaved, then pairs of
 * them, then quarters of vectors: each shuffle has a constant and needs no table of lanes. */
#ifndef GRU_KERN_SQUARE_H
#define GRU_KERN_SQUARE_H

#include "kern/kern_vec.h"

#if defined(GRU_DOUBLE)
INLINE void transpose(vec v[VW]) {
    for (int i = 0; i < VW; i++)
        for (int j = 0; j < i; j++) {
            gru_real x = v[i][j];
            v[i][j] = v[j][i], v[j][i] = x;
        }
}
#else

#if defined(__AVX512F__)
#define MIX(a, b, w, x, y, z)                                                                      \
    __builtin_shufflevector(a, b, w, x, y, z, w + 4, x + 4, y + 4, z + 4, w + 8, x + 8, y + 8,     \
                            z + 8, w + 12, x + 12, y + 12, z + 12)
#elif defined(__AVX__)
#define MIX(a, b, w, x, y, z) __builtin_shufflevector(a, b, w, x, y, z, w + 4, x + 4, y + 4, z + 4)
#else
#define MIX(a, b, w, x, y, z) __builtin_shufflevector(a, b, w, x, y, z)
#endif

/* Four rows: quarter q of column[k] is column 4q + k of them. */
INLINE void interleave(vec column[4], const vec row[4]) {
    vec low = MIX(row[0], row[1], 0, VW, 1, VW + 1),
        high = MIX(row[0], row[1], 2, VW + 2, 3, VW + 3);
    vec low2 = MIX(row[2], row[3], 0, VW, 1, VW + 1),
        high2 = MIX(row[2], row[3], 2, VW + 2, 3, VW + 3);
    column[0] = MIX(low, low2, 0, 1, VW, VW + 1);
    column[1] = MIX(low, low2, 2, 3, VW + 2, VW + 3);
    column[2] = MIX(high, high2, 0, 1, VW, VW + 1);
    column[3] = MIX(high, high2, 2, 3, VW + 2, VW + 3);
}

#if defined(__AVX512F__)
#define EVEN(a, b)                                                                                 \
    __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define ODD(a, b)                                                                                  \
    __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
INLINE void transpose(vec v[VW]) {
    vec c[16];
#pragma GCC unroll 4
    for (int g = 0; g < 16; g += 4)
        interleave(c + g, v + g);
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        vec even = EVEN(c[k], c[4 + k]), even2 = EVEN(c[8 + k], c[12 + k]);
        vec odd = ODD(c[k], c[4 + k]), odd2 = ODD(c[8 + k], c[12 + k]);
        v[k] = EVEN(even, even2), v[8 + k] = ODD(even, even2);
        v[4 + k] = EVEN(odd, odd2), v[12 + k] = ODD(odd, odd2);
    }
}
#elif defined(__AVX__)
INLINE void transpose(vec v[VW]) {
    vec c[8];
    interleave(c, v);
    interleave(c + 4, v + 4);
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        v[k] = __builtin_shufflevector(c[k], c[4 + k], 0, 1, 2, 3, 8, 9, 10, 11);
        v[4 + k] = __builtin_shufflevector(c[k], c[4 + k], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}
#else
INLINE void transpose(vec v[VW]) {
    vec c[4];
    interleave(c, v);
    for (int k = 0; k < 4; k++)
        v[k] = c[k];
}
#endif
#endif

#endif
