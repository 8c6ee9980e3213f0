/* Which table of kernels serves an instruction set, and the packing of weights into panels. */
#include "kern/kern.h"

#include <string.h>

#if defined(__x86_64__)
extern const gru_kern gru_kern_avx2;
extern const gru_kern gru_kern_avx512;
#endif

const gru_kern *gru_kern_get(gru_isa isa) {
#if defined(__x86_64__)
    if (isa == GRU_ISA_AVX512)
        return &gru_kern_avx512;
    if (isa == GRU_ISA_AVX2)
        return &gru_kern_avx2;
#else
    (void)isa;
#endif
    return &gru_kern_generic;
}

/* Rows of a panel are so short that a call of memcpy would cost more than the copy. */
static void copy_columns(gru_real *to, const gru_real *from, size_t n) {
    enum { AT_ONCE = 4 };
    size_t j = 0;
    for (; j + AT_ONCE <= n; j += AT_ONCE)
        memcpy(to + j, from + j, AT_ONCE * sizeof *to);
    for (; j < n; j++)
        to[j] = from[j];
}

static gru_real *pack_columns(gru_real *packed, size_t columns, size_t width, size_t k,
                              const gru_real *w, size_t row_step, size_t column_step) {
    for (size_t i = 0; i < k; i++, packed += width) {
        if (column_step == 1)
            copy_columns(packed, w + i * row_step, columns);
        for (size_t j = 0; column_step != 1 && j < columns; j++)
            packed[j] = w[i * row_step + j * column_step];
        for (size_t j = columns; j < width; j++)
            packed[j] = 0;
    }
    return packed;
}

void gru_kern_pack(const gru_kern *kern, gru_real *packed, size_t columns, size_t k,
                   const gru_real *w, size_t row_step, size_t column_step) {
    size_t panels = gru_panel_count(columns, kern->panel);
    for (size_t p = 0; p < panels; p++) {
        size_t from = gru_panel_start(columns, panels, p);
        size_t width = gru_panel_start(columns, panels, p + 1) - from;
        packed =
            pack_columns(packed, width, width, k, w + from * column_step, row_step, column_step);
    }
}

void gru_kern_pack_strips(const gru_kern *kern, gru_real *packed, size_t columns, size_t k,
                          const gru_real *w, size_t row_step, size_t column_step) {
    for (size_t from = 0; from < columns; from += kern->strip) {
        size_t left = columns - from < kern->strip ? columns - from : kern->strip;
        size_t width = (left + kern->vector - 1) / kern->vector * kern->vector;
        packed =
            pack_columns(packed, left, width, k, w + from * column_step, row_step, column_step);
    }
}
