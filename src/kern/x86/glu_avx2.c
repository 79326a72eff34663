/* glu_avx2.c - gated linear units for AVX2 + FMA.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/vec_avx2.h"

void anm_glu_f32_avx2(float *y, size_t ldy, const float *x, size_t ldx,
                      size_t rows, size_t dim, anm_act act)
{
    for (size_t i = 0; i < rows; i++) {
        const float *gate = x + i * ldx, *up = gate + dim;

        for (size_t j = 0; j < dim; j += 8) {
            const size_t n = dim - j;
            const __m256 g = act_f32x8(load_f32x8(gate + j, n), act);

            store_f32x8(y + i * ldy + j, n,
                        _mm256_mul_ps(g, load_f32x8(up + j, n)));
        }
    }
}
