/* The kernels for AVX-512 (x86-64-v4). */
#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define KERN_TABLE gru_kern_avx512
#define KERN_NAME "avx512"
#include "kern/kern_body.h"
#else
typedef int gru_kern_avx512_is_empty;
#endif
