/* Philox4x32-10 and MT19937. */
#include "base/random.h"

#include <math.h>

void gru_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]) {
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

void gru_random_init(gru_random *r, uint64_t seed, gru_purpose purpose, uint32_t stream) {
    *r = (gru_random){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                      .counter = {0, 0, stream, (uint32_t)purpose},
                      .used = 4};
}

uint32_t gru_random_word(gru_random *r) {
    if (r->used == 4) {
        gru_philox(r->key, r->counter, r->block);
        if (++r->counter[0] == 0)
            r->counter[1]++;
        r->used = 0;
    }
    return r->block[r->used++];
}

double gru_random_uniform(gru_random *r) {
    uint64_t high = gru_random_word(r) >> 5, low = gru_random_word(r) >> 6;
    return (double)((high << 26) | low) * 0x1p-53;
}

double gru_random_normal(gru_random *r) {
    double radius = sqrt(-2 * log(1 - gru_random_uniform(r)));
    return radius * cos(6.283185307179586476925 * gru_random_uniform(r));
}

/* Lemire, Fast random integer generation in an interval, ACM TOMACS 2019. */
uint32_t gru_random_below(gru_random *r, uint32_t bound) {
    if (bound == 0)
        return 0;
    uint32_t threshold = (0u - bound) % bound;
    uint64_t product;
    do
        product = (uint64_t)gru_random_word(r) * bound;
    while ((uint32_t)product < threshold);
    return (uint32_t)(product >> 32);
}

enum { MT_N = 624, MT_M = 397 };

void gru_mt_init(gru_mt *mt, uint32_t seed) {
    mt->state[0] = seed;
    for (uint32_t i = 1; i < MT_N; i++)
        mt->state[i] = 1812433253u * (mt->state[i - 1] ^ (mt->state[i - 1] >> 30)) + i;
    mt->index = MT_N;
}

static void mt_refill(gru_mt *mt) {
    uint32_t *s = mt->state;
    for (int i = 0; i < MT_N; i++) {
        uint32_t y = (s[i] & 0x80000000u) | (s[(i + 1) % MT_N] & 0x7fffffffu);
        s[i] = s[(i + MT_M) % MT_N] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    mt->index = 0;
}

uint32_t gru_mt_word(gru_mt *mt) {
    if (mt->index >= MT_N)
        mt_refill(mt);
    uint32_t y = mt->state[mt->index++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* NumPy's random_interval: [0, max], by masking and rejecting. */
static uint64_t mt_interval(gru_mt *mt, uint64_t max) {
    uint64_t mask = max, value;
    for (unsigned shift = 1; shift < 64; shift *= 2)
        mask |= mask >> shift;
    do {
        value = gru_mt_word(mt);
        if (max > UINT32_MAX)
            value = value << 32 | gru_mt_word(mt);
        value &= mask;
    } while (value > max);
    return value;
}

void gru_mt_permutation(gru_mt *mt, size_t *order, size_t count) {
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t i = count; i-- > 1;) {
        size_t j = (size_t)mt_interval(mt, i), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}
