/* cpuid and xgetbv, the affinity mask. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/cpu.h"

#include "base/quota.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>

static unsigned long long xcr0(void) {
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (unsigned long long)high << 32 | low;
}

static bool all(unsigned word, unsigned bits) {
    return (word & bits) == bits;
}

/* The processor must have the instructions and the system must save the registers. AVX-512 here
 * means what compilers call x86-64-v4. */
static gru_isa best_isa(void) {
    unsigned a, b, c, d, b7, c7, d7, c81 = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !all(c, bit_OSXSAVE | bit_AVX | bit_FMA))
        return GRU_ISA_GENERIC;
    unsigned long long saved = xcr0();
    unsigned c1 = c;
    if ((saved & 0x6) != 0x6 || !__get_cpuid_count(7, 0, &a, &b7, &c7, &d7) || !all(b7, bit_AVX2))
        return GRU_ISA_GENERIC;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d))
        c81 = c;
    if ((saved & 0xe6) == 0xe6 && all(c1, bit_F16C | bit_MOVBE) && all(c81, bit_LZCNT) &&
        all(b7, bit_BMI | bit_BMI2) &&
        all(b7, bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL))
        return GRU_ISA_AVX512;
    return GRU_ISA_AVX2;
}
#else
static gru_isa best_isa(void) {
    return GRU_ISA_GENERIC;
}
#endif

const char *gru_cpu_isa_name(gru_isa isa) {
    static const char *const names[] = {"generic", "avx2", "avx512"};
    _Static_assert(sizeof names / sizeof names[0] == GRU_ISA_COUNT, "one name each");
    return names[isa];
}

gru_status gru_cpu_isa(gru_isa *out, gru_error *err) {
    gru_isa best = best_isa();
    *out = best;
    const char *wanted = getenv("GRU_ISA");
    if (!wanted || !*wanted)
        return GRU_OK;
    for (int i = 0; i < GRU_ISA_COUNT; i++)
        if (strcmp(wanted, gru_cpu_isa_name((gru_isa)i)) == 0) {
            if ((gru_isa)i > best)
                return gru_error_set(err, GRU_ERR_USAGE, "GRU_ISA=%s: this machine has only %s",
                                     wanted, gru_cpu_isa_name(best));
            *out = (gru_isa)i;
            return GRU_OK;
        }
    return gru_error_set(err, GRU_ERR_USAGE, "GRU_ISA='%.40s' is none of generic, avx2 and avx512",
                         wanted);
}

static size_t affinity_count(void) {
    enum { MOST = 1 << 16 };
    for (int cpus = 1024; cpus <= MOST; cpus *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        size_t size = CPU_ALLOC_SIZE((size_t)cpus);
        if (!set)
            break;
        int failed = sched_getaffinity(0, size, set), reason = errno;
        int count = failed ? 0 : CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (!failed)
            return count > 0 ? (size_t)count : 1;
        if (reason != EINVAL)
            break;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}

size_t gru_cpu_count(void) {
    size_t count = affinity_count();
    size_t allowed = gru_quota_processors("/proc/self/cgroup", "/sys/fs/cgroup");
    return allowed < count ? allowed : count;
}
