/* rope_avx512.c - rotary positions for AVX-512.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/vec_avx512.h"

static ANM_ALWAYS_INLINE void rotate(float *y, const float *x,
                                     const float *cosines, const float *sines,
                                     size_t half)
{
    for (size_t j = 0; j < half; j += 16) {
        const __mmask16 lanes = first_lanes(half - j);
        const __m512 c = _mm512_maskz_loadu_ps(lanes, cosines + j);
        const __m512 s = _mm512_maskz_loadu_ps(lanes, sines + j);
        const __m512 a = _mm512_maskz_loadu_ps(lanes, x + j);
        const __m512 b = _mm512_maskz_loadu_ps(lanes, x + half + j);

        _mm512_mask_storeu_ps(y + j, lanes,
                              _mm512_fmsub_ps(a, c, _mm512_mul_ps(b, s)));
        _mm512_mask_storeu_ps(y + half + j, lanes,
                              _mm512_fmadd_ps(b, c, _mm512_mul_ps(a, s)));
    }
}

void anm_rope_f32_avx512(float *y, size_t ldy, const float *x, size_t ldx,
                         const float *angles, size_t lda, size_t rows,
                         size_t heads, size_t dim)
{
    for (size_t i = 0; i < rows; i++) {
        const float *row = angles + i * lda;

        for (size_t h = 0; h < heads; h++)
            rotate(y + i * ldy + h * dim, x + i * ldx + h * dim, row,
                   row + dim / 2, dim / 2);
    }
}
