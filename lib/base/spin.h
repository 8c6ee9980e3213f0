/* Waiting without sleeping: the pause between two looks at a variable, and a clock to end it by. */
#ifndef GRU_BASE_SPIN_H
#define GRU_BASE_SPIN_H

#include <stdint.h>
#include <time.h>

/* Tells the processor that this thread only waits. */
static inline void gru_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Since some moment in the past; not changed by setting the clock. */
static inline int64_t gru_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
