/* The version, once. */
#ifndef GRU_BASE_VERSION_H
#define GRU_BASE_VERSION_H
#define GRU_VERSION "0.1.0"
#endif
