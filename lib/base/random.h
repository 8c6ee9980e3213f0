/* Random numbers that depend on nothing that ran before them.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3; SC 2011)
 * is a function from a key and a counter to four words. The key is the seed and the purpose, the
 * counter is the epoch, the batch, the row and the position, so threads and resuming don't matter.
 * gru_mt is NumPy's RandomState (MT19937), for splits that agree with scikit-learn. */
#ifndef GRU_BASE_RANDOM_H
#define GRU_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef enum gru_purpose {
    GRU_PURPOSE_INIT = 1, /* initial weights; stream = tensor number */
    GRU_PURPOSE_SHUFFLE,  /* order of an epoch */
    GRU_PURPOSE_DROPOUT,  /* masks; stream = layer number */
    GRU_PURPOSE_TEST,
    GRU_PURPOSE_BUCKET /* order of an epoch's batches */
} gru_purpose;

/* One block of four words. */
void gru_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

/* A sequential reader over one Philox stream. */
typedef struct gru_random {
    uint32_t key[2], counter[4], block[4];
    int used;
} gru_random;
void gru_random_init(gru_random *r, uint64_t seed, gru_purpose purpose, uint32_t stream);
uint32_t gru_random_word(gru_random *r);
double gru_random_uniform(gru_random *r);                 /* [0, 1), 53 bits */
double gru_random_normal(gru_random *r);                  /* Box-Muller */
uint32_t gru_random_below(gru_random *r, uint32_t bound); /* [0, bound), unbiased */

/* MT19937, init_genrand(seed) (Matsumoto and Nishimura 1998), as numpy.random.RandomState(seed). */
typedef struct gru_mt {
    uint32_t state[624];
    int index;
} gru_mt;
void gru_mt_init(gru_mt *mt, uint32_t seed);
uint32_t gru_mt_word(gru_mt *mt);
/* order[count] = RandomState.permutation(count): Fisher-Yates from the end, masked rejection. */
void gru_mt_permutation(gru_mt *mt, size_t *order, size_t count);

#endif
