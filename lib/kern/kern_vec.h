/* Vectors of the instruction set at hand and the elementary functions on them; included by
 * kern_body.h. A row of 16 lanes is NV vectors of VW lanes. */
#ifndef GRU_KERN_VEC_H
#define GRU_KERN_VEC_H

#include "kern/kern.h"

#include <math.h>
#include <string.h>

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
/* Vectors of a row that ends after `count` elements. */
INLINE vec load_some(const gru_real *p, size_t count) {
    vec x = {0};
    if (count >= VW)
        return *(const loose *)p;
    memcpy(&x, p, count * sizeof *p);
    return x;
}
INLINE void store_some(gru_real *p, vec x, size_t count) {
    if (count >= VW)
        *(loose *)p = x;
    else
        memcpy(p, &x, count * sizeof *p);
}
INLINE size_t left_of(size_t count, int before) {
    return count > (size_t)before ? count - (size_t)before : 0;
}
/* To memory that is not needed soon: no cache reads its lines, or keeps them. Whoever hands it to
 * another thread calls end_streams first. */
INLINE void stream(gru_real *p, vec v) {
#if defined(__AVX512F__)
    _mm512_stream_si512((__m512i *)(void *)p, (__m512i)v);
#elif defined(__AVX__)
    _mm256_stream_si256((__m256i *)(void *)p, (__m256i)v);
#elif defined(__SSE2__)
    _mm_stream_si128((__m128i *)(void *)p, (__m128i)v);
#else
    store(p, v);
#endif
}
INLINE void end_streams(void) {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}
/* A product that no addition may take into a multiply-add. */
INLINE vec rounded(vec x) {
#if defined(__SSE2__)
    __asm__("" : "+v"(x));
#elif defined(__aarch64__)
    __asm__("" : "+w"(x));
#endif
    return x;
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

/* x, but at most limit; NaN stays. */
INLINE vec at_most(vec x, gru_real limit) {
#if defined(__AVX512F__) && !defined(GRU_DOUBLE)
    return _mm512_min_ps(splat(limit), x);
#else
    return choose(x > limit, splat(limit), x);
#endif
}

/* The functions below work on n vectors at once, operation by operation, so that none waits for its
 * own results. */
enum { AT_ONCE = 4 };
#define EACH_OF(n) _Pragma("GCC unroll 4") for (int i = 0; i < (n); i++)

#ifdef GRU_DOUBLE
INLINE vec vec_sqrt(vec x) {
    for (int i = 0; i < VW; i++)
        x[i] = sqrt(x[i]);
    return x;
}
INLINE vec inverse_of_sum(vec x) {
    return 1 / x;
}
INLINE void exps(vec *x, int n) {
    for (int i = 0; i < n; i++) {
        vec y = x[i];
        for (int l = 0; l < VW; l++)
            y[l] = exp(y[l]);
        x[i] = y;
    }
}
INLINE void sigmoids(vec *x, int n) {
    for (int i = 0; i < n; i++) {
        vec y = x[i];
        for (int l = 0; l < VW; l++)
            y[l] = 1 / (1 + exp(-y[l]));
        x[i] = y;
    }
}
INLINE void tanhs(vec *x, int n) {
    for (int i = 0; i < n; i++) {
        vec y = x[i];
        for (int l = 0; l < VW; l++)
            y[l] = tanh(y[l]);
        x[i] = y;
    }
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
/* 1 / x of an x ≥ 2^-126 that may be infinite: then next to nothing. The instruction's 14 bits and
 * a Newton step have twice a division's pace. */
INLINE vec inverse_of_sum(vec x) {
#if defined(__AVX512F__)
    x = at_most(x, 0x1p126f);
    vec y = _mm512_rcp14_ps(x);
    return y + y * (1.0f - x * y);
#else
    return 1.0f / x;
#endif
}

#if defined(__AVX512F__)
/* e^x = power + x', x' taking x's place: power = 2^(n/16) from a table of sixteen, which fits a
 * register, and x' = power (e^r − 1) with |r| ≤ ln 2 / 32, for which a few terms do. For |x| ≤ 20
 * `near` gives x' an error of its own last place; low is what power's table misses of 2^(j/16).
 * Multiplications are what counts: additions, minima, permutations and scaling have units of their
 * own. */
INLINE void exp_parts(vec *x, int n, bool near, vec *power, vec *low) {
    const vec table = {1.0f,         1.044273782f, 1.090507733f, 1.138788635f,
                       1.189207115f, 1.241857812f, 1.296839555f, 1.354255547f,
                       1.414213562f, 1.476826146f, 1.542210825f, 1.610490332f,
                       1.681792831f, 1.756252160f, 1.834008086f, 1.915206561f};
    const vec missed = {
        0.0f,           4.83347016e-8f,  -1.30775399e-8f, 5.38622231e-8f,  3.79763527e-8f,
        4.49683810e-8f, -4.01899953e-8f, -1.01233493e-8f, 2.42032350e-8f,  -4.50089885e-8f,
        8.07090483e-9f, 9.83621718e-9f,  -2.47553267e-8f, -9.23577037e-9f, -1.12392780e-8f,
        9.84532811e-9f};
    const float magic = 786432.0f; /* 1.5 × 2^19: n in sixteenths */
    vec t[AT_ONCE], p[AT_ONCE];
    EACH_OF(n) t[i] = x[i] * 1.44269504088896341f + magic;
    EACH_OF(n) power[i] = _mm512_permutexvar_ps((__m512i)t[i], table);
    EACH_OF(n) low[i] = _mm512_permutexvar_ps((__m512i)t[i], missed);
    EACH_OF(n) t[i] -= magic;
    EACH_OF(n) power[i] = _mm512_scalef_ps(power[i], t[i]);
    /* two-part ln 2 (Cody and Waite 1980), where n is large */
    EACH_OF(n) x[i] -= t[i] * (near ? 0.693147181f : 0.693359375f);
    EACH_OF(n) x[i] = either(near, x[i], x[i] + t[i] * 2.12194440e-4f);
    EACH_OF(n) p[i] = either(near, x[i] * (1 / 24.0f) + 1 / 6.0f, splat(1 / 6.0f));
    EACH_OF(n) p[i] = p[i] * x[i] + 0.5f;
    EACH_OF(n) p[i] = p[i] * x[i] + 1.0f;
    EACH_OF(n) x[i] = power[i] * x[i];
    EACH_OF(n) x[i] = x[i] * p[i];
}
INLINE void exps(vec *x, int n) {
    vec power[AT_ONCE], low[AT_ONCE];
    EACH_OF(n) x[i] = clamp(x[i], 87.0f);
    exp_parts(x, n, false, power, low);
    EACH_OF(n) x[i] += power[i];
}
INLINE void sigmoids(vec *x, int n) {
    vec power[AT_ONCE], low[AT_ONCE];
    EACH_OF(n) x[i] = clamp(-x[i], 87.0f);
    exp_parts(x, n, false, power, low);
    EACH_OF(n) x[i] += power[i] + 1.0f;
    EACH_OF(n) x[i] = 1.0f / x[i];
}
/* (e^2|x| − 1) / (e^2|x| + 1) with the sign of x. */
INLINE void tanhs(vec *x, int n) {
    vec power[AT_ONCE], low[AT_ONCE], y[AT_ONCE];
    EACH_OF(n) y[i] = (vec)((ivec)x[i] & 0x7fffffff);
    EACH_OF(n) y[i] = _mm512_min_ps(splat(20.0f), y[i] + y[i]);
    exp_parts(y, n, true, power, low);
    EACH_OF(n) y[i] += power[i] - 1.0f + low[i];
    EACH_OF(n) y[i] = y[i] / (y[i] + 2.0f);
    EACH_OF(n) x[i] = (vec)(((ivec)x[i] & (int)0x80000000) | (ivec)y[i]);
}
#else
/* exp(r) − 1 on |r| ≤ ln 2 / 2 and 2^n (polynomial: the Taylor terms with minimax-adjusted tail,
 * error below half an ulp of exp). */
INLINE vec reduced_expm1(vec x, vec *power) {
    /* x = n ln 2 + r (Cody and Waite 1980, two-part ln 2), n in steps of the last place of magic =
     * 1.5 × 2^23: adding it rounds, and leaves n in the low bits of the sum. */
    const float magic = 12582912.0f;
    vec t = x * 1.44269504088896341f + magic, n = t - magic;
    vec r = x - n * 0.693359375f;
    r += n * 2.12194440e-4f;
    vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    *power = (vec)(((ivec)t << 23) + 0x3f800000);
    return p * r * r + r;
}
INLINE void exps(vec *x, int n) {
    for (int i = 0; i < n; i++) {
        vec power, p = reduced_expm1(clamp(x[i], 87.0f), &power);
        x[i] = p * power + power;
    }
}
INLINE void sigmoids(vec *x, int n) {
    for (int i = 0; i < n; i++)
        x[i] = -x[i];
    exps(x, n);
    for (int i = 0; i < n; i++)
        x[i] = 1.0f / (1.0f + x[i]);
}
/* (e^2x − 1) / (e^2x + 1), with e^2x − 1 exact to rounding also where x is small. */
INLINE void tanhs(vec *x, int n) {
    for (int i = 0; i < n; i++) {
        vec power, p = reduced_expm1(clamp(x[i] + x[i], 18.0f), &power);
        vec m = p * power + (power - 1.0f);
        x[i] = m / (m + 2.0f);
    }
}
#endif
#endif

INLINE vec vec_sigmoid(vec x) {
    sigmoids(&x, 1);
    return x;
}
INLINE vec vec_tanh(vec x) {
    tanhs(&x, 1);
    return x;
}

#endif
