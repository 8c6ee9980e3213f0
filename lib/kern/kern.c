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

void gru_kern_pack(const gru_kern *kern, gru_real *packed, size_t columns, size_t k,
                   const gru_real *w, size_t row_step, size_t column_step) {
    size_t panels = gru_panel_count(columns, kern->panel);
    for (size_t p = 0; p < panels; p++) {
        size_t from = gru_panel_start(columns, panels, p);
        size_t to = gru_panel_start(columns, panels, p + 1);
        for (size_t i = 0; i < k; i++, packed += to - from)
            if (column_step == 1)
                memcpy(packed, w + i * row_step + from, (to - from) * sizeof *w);
            else
                for (size_t j = from; j < to; j++)
                    packed[j - from] = w[i * row_step + j * column_step];
    }
}
