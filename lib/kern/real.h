/* The number type of the numeric layers: float, or double in the build that the gradient checks
 * use. */
#ifndef GRU_KERN_REAL_H
#define GRU_KERN_REAL_H

#ifdef GRU_DOUBLE
typedef double gru_real;
#define GRU_REAL_TYPE "F64"
#else
typedef float gru_real;
#define GRU_REAL_TYPE "F32"
#endif

#endif
