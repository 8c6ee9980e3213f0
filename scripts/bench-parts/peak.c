/* The machine's own limit: fused multiply-adds in registers, nothing else.
 *
 *     peak [THREADS]     prints threads, instruction set and GFLOP/s, separated by tabs
 *
 * A multiply-add counts two operations, as in the share of the peak that scripts/bench prints. The
 * instruction set is the one the kernels use (GRU_ISA chooses another). The best of several short
 * runs counts, since anything else that runs on the machine can only make them slower. */
#include "base/cpu.h"
#include "base/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Enough independent sums to hide the latency of the additions, few enough for 16 registers. */
enum { SUMS = 12, LOOPS = 4000000, RUNS = 12 };

static volatile float sink;

#define PEAK(name, lanes, attributes)                                                              \
    attributes static void name(void *arg, size_t task, size_t worker) {                           \
        typedef float vector __attribute__((vector_size(4 * lanes)));                              \
        (void)arg;                                                                                 \
        (void)worker;                                                                              \
        vector sum[SUMS], factor, term;                                                            \
        for (int l = 0; l < lanes; l++) {                                                          \
            factor[l] = 0.999F;                                                                    \
            term[l] = 0.001F + (float)task;                                                        \
        }                                                                                          \
        for (int i = 0; i < SUMS; i++)                                                             \
            sum[i] = term * (float)i;                                                              \
        for (int n = 0; n < LOOPS; n++)                                                            \
            for (int i = 0; i < SUMS; i++)                                                         \
                sum[i] = sum[i] * factor + term;                                                   \
        for (int i = 0; i < SUMS; i++)                                                             \
            sink = sum[i][0];                                                                      \
    }

PEAK(peak_generic, 4, )
#ifdef __x86_64__
PEAK(peak_avx2, 8, __attribute__((target("avx2,fma"))))
PEAK(peak_avx512, 16, __attribute__((target("avx512f"))))
#else
#define peak_avx2 peak_generic
#define peak_avx512 peak_generic
#endif

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv) {
    static gru_task *const task[GRU_ISA_COUNT] = {peak_generic, peak_avx2, peak_avx512};
    static const double lanes[GRU_ISA_COUNT] = {4, 8, 16};
    size_t threads = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : gru_cpu_count();
    gru_isa isa;
    gru_pool *pool;
    gru_error err = {0};
    if (gru_cpu_isa(&isa, &err) || gru_pool_new(&pool, threads, &err)) {
        fprintf(stderr, "peak: %s\n", err.message);
        return 1;
    }
    double best = 0;
    for (int i = 0; i < RUNS; i++) {
        double start = now();
        gru_pool_run(pool, threads, task[isa], NULL);
        double rate = 2.0 * SUMS * LOOPS * lanes[isa] * (double)threads / (now() - start);
        best = rate > best ? rate : best;
    }
    gru_pool_free(pool);
    printf("%zu\t%s\t%.1f\n", threads, gru_cpu_isa_name(isa), best / 1e9);
    return 0;
}
