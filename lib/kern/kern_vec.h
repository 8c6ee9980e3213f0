/* Vectors of the instruction set at hand and the elementary functions on them; included by
 * kern_body.h. A row of 16 lanes is NV vectors of VW lanes. */
#ifndef GRU_KERN_VEC_H
#define GRU_KERN_VEC_H

#include "kern/kern.h"

#include <math.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif
enum { VW = VECTOR_BYTES / (int)sizeof(gru_real), NV = GRU_LANES / VW };

typedef gru_real vec __attribute__((vector_size(VECTOR_BYTES), may_alias));
#ifdef GRU_DOUBLE
typedef int64_t ivec __attribute__((vector_size(VECTOR_BYTES), may_alias));
#else
typedef int32_t ivec __attribute__((vector_size(VECTOR_BYTES), may_alias));
#endif

typedef gru_real loose __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE vec load(const gru_real *p) {
    return *(const vec *)p;
}
INLINE void store(gru_real *p, vec v) {
    *(vec *)p = v;
}
INLINE vec splat(gru_real x) {
    return x - (vec){0};
}
INLINE vec choose(ivec yes, vec a, vec b) {
    return (vec)((yes & (ivec)a) | (~yes & (ivec)b));
}
INLINE vec either(bool yes, vec a, vec b) {
    return yes ? a : b;
}
/* x, but 0 where its size is below least; NaN stays. */
INLINE vec drop_below(vec x, gru_real least) {
    vec size = (vec)((ivec)x & ~(ivec)splat(-(gru_real)0));
#if defined(__AVX512F__) && !defined(GRU_DOUBLE)
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(size, splat(least), _CMP_NLT_UQ), x);
#else
    return choose(size < least, (vec){0}, x);
#endif
}

#ifdef GRU_DOUBLE
INLINE vec vec_sqrt(vec x) {
    for (int i = 0; i < VW; i++)
        x[i] = sqrt(x[i]);
    return x;
}
INLINE vec inverse_of_sum(vec x) {
    return 1 / x;
}
INLINE vec vec_exp(vec x) {
    for (int i = 0; i < VW; i++)
        x[i] = exp(x[i]);
    return x;
}
INLINE vec vec_sigmoid(vec x) {
    for (int i = 0; i < VW; i++)
        x[i] = 1 / (1 + exp(-x[i]));
    return x;
}
INLINE vec vec_tanh(vec x) {
    for (int i = 0; i < VW; i++)
        x[i] = tanh(x[i]);
    return x;
}
#else

/* x, but within ±limit; NaN stays (the instructions return their second operand for it). */
INLINE vec clamp(vec x, float limit) {
#if defined(__AVX512F__)
    return _mm512_max_ps(splat(-limit), _mm512_min_ps(splat(limit), x));
#elif defined(__AVX__)
    return _mm256_max_ps(splat(-limit), _mm256_min_ps(splat(limit), x));
#else
    x = choose(x > limit, splat(limit), x);
    return choose(x < -limit, splat(-limit), x);
#endif
}

/* x = n ln 2 + r (Cody and Waite 1980, two-part ln 2), n in steps of the last place of magic =
 * 1.5 × 2^k: adding it rounds, and leaves n in the low bits of the sum. */
INLINE vec reduce(vec x, float magic, ivec *bits, vec *n) {
    vec t = x * 1.44269504088896341f + magic;
    *bits = (ivec)t;
    *n = t - magic;
    vec r = x - *n * 0.693359375f;
    return r + *n * 2.12194440e-4f;
}

/* exp(r) − 1 on |r| ≤ ln 2 / 2 and 2^n (polynomial: the Taylor terms with minimax-adjusted tail,
 * error below half an ulp of exp). */
INLINE vec reduced_expm1(vec x, vec *power) {
    ivec bits;
    vec n, r = reduce(x, 12582912.0f, &bits, &n);
    vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    *power = (vec)((bits << 23) + 0x3f800000);
    return p * r * r + r;
}

#if defined(__AVX512F__)
/* exp on ±87 from a table of 2^(j/16), which fits a register: then |r| ≤ ln 2 / 32 and three terms
 * do. */
INLINE vec exp_near(vec x) {
    const vec table = {1.0f,         1.044273782f, 1.090507733f, 1.138788635f,
                       1.189207115f, 1.241857812f, 1.296839555f, 1.354255547f,
                       1.414213562f, 1.476826146f, 1.542210825f, 1.610490332f,
                       1.681792831f, 1.756252160f, 1.834008086f, 1.915206561f};
    ivec bits;
    vec n, r = reduce(x, 786432.0f, &bits, &n); /* 1.5 × 2^19: n in sixteenths */
    vec p = r * (1 / 6.0f) + 0.5f;
    p = p * r + 1.0f;
    vec power = _mm512_scalef_ps(_mm512_permutexvar_ps((__m512i)bits, table), n);
    return power * r * p + power;
}
/* 1 / x, x within 2^±126: the instruction's 14 bits and a Newton step, several times a division's
 * pace. */
INLINE vec inverse(vec x) {
    vec y = _mm512_rcp14_ps(x);
    return y + y * (1.0f - x * y);
}
#else
INLINE vec exp_near(vec x) {
    vec power, p = reduced_expm1(x, &power);
    return p * power + power;
}
INLINE vec inverse(vec x) {
    return 1.0f / x;
}
#endif

INLINE vec vec_sqrt(vec x) {
#if defined(__AVX512F__)
    return _mm512_sqrt_ps(x);
#elif defined(__AVX__)
    return _mm256_sqrt_ps(x);
#elif defined(__SSE2__)
    return _mm_sqrt_ps(x);
#else
    for (int i = 0; i < VW; i++)
        x[i] = sqrtf(x[i]);
    return x;
#endif
}
/* 1 / x of an x ≥ 2^-126 that may be infinite: then next to nothing. */
INLINE vec inverse_of_sum(vec x) {
#if defined(__AVX512F__)
    return inverse(_mm512_min_ps(splat(0x1p126f), x));
#else
    return inverse(x);
#endif
}

INLINE vec vec_exp(vec x) {
    return exp_near(clamp(x, 87.0f));
}
INLINE vec vec_sigmoid(vec x) {
    return inverse(1.0f + vec_exp(-x));
}
/* (e^2x − 1) / (e^2x + 1), with e^2x − 1 exact to rounding also where x is small. */
INLINE vec vec_tanh(vec x) {
    vec power, p = reduced_expm1(clamp(x + x, 18.0f), &power);
    vec m = p * power + (power - 1.0f);
    return m / (m + 2.0f);
}
#endif

#endif
