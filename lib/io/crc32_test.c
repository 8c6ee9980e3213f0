/* The checksum, against zlib's. */
#include "io/crc32.h"

#include <criterion/criterion.h>
#include <zlib.h>

enum { MOST = 400 };

Test(crc32, is_zlibs_for_any_length_place_and_cut) {
    unsigned char bytes[MOST];
    uint32_t state = 1;
    for (size_t i = 0; i < MOST; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(state >> 24);
    }
    for (size_t from = 0; from < 20; from++)
        for (size_t count = 0; from + count <= MOST; count++) {
            uint32_t want = (uint32_t)crc32(0, bytes + from, (uInt)count);
            cr_assert_eq(gru_crc32(0, bytes + from, count), want, "%zu from %zu", count, from);
            size_t cut = count * 2 / 3;
            uint32_t first = gru_crc32(0, bytes + from, cut);
            cr_assert_eq(gru_crc32(first, bytes + from + cut, count - cut), want, "cut");
        }
    cr_assert_eq(gru_crc32(7, NULL, 0), 7);
}
