/* glu_avx512.c - gated linear units for AVX-512.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/vec_avx512.h"

void anm_glu_f32_avx512(float *y, size_t ldy, const float *x, size_t ldx,
                        size_t rows, size_t dim, anm_act act)
{
    for (size_t i = 0; i < rows; i++) {
        const float *gate = x + i * ldx, *up = gate + dim;

        for (size_t j = 0; j < dim; j += 16) {
            const __mmask16 lanes = first_lanes(dim - j);
            const __m512 g =
                act_f32x16(_mm512_maskz_loadu_ps(lanes, gate + j), act);

            _mm512_mask_storeu_ps(
                y + i * ldy + j, lanes,
                _mm512_mul_ps(g, _mm512_maskz_loadu_ps(lanes, up + j)));
        }
    }
}
