/* What this processor offers, and how much of the machine this process may use. */
#ifndef GRU_BASE_CPU_H
#define GRU_BASE_CPU_H

#include "base/error.h"

#include <stddef.h>

typedef enum gru_isa { GRU_ISA_GENERIC, GRU_ISA_AVX2, GRU_ISA_AVX512, GRU_ISA_COUNT } gru_isa;

/* The best instruction set that both the processor and the operating system support, or the one
 * that the environment's GRU_ISA (generic, avx2, avx512) asks for; GRU_ERR_USAGE when that word is
 * unknown or the machine lacks it. */
gru_status gru_cpu_isa(gru_isa *out, gru_error *err);
const char *gru_cpu_isa_name(gru_isa isa);
/* Processors this process may use: affinity mask and control groups' quota (quota.h), rounded up;
 * at least 1. */
size_t gru_cpu_count(void);

#endif
