/* The kernels for AVX2 and FMA. */
#if defined(__AVX2__) && defined(__FMA__)
#define KERN_TABLE gru_kern_avx2
#define KERN_NAME "avx2"
#include "kern/kern_body.h"
#else
typedef int gru_kern_avx2_is_empty;
#endif
