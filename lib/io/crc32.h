/* The checksum of a model's weights: CRC-32 as in zlib and PNG, at the pace that memory allows. */
#ifndef GRU_IO_CRC32_H
#define GRU_IO_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* crc: of the bytes before, 0 at the start. The same number as zlib's crc32. */
uint32_t gru_crc32(uint32_t crc, const void *data, size_t bytes);

#endif
