/* rope_avx2.c - rotary positions for AVX2 + FMA.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/vec_avx2.h"

static ANM_ALWAYS_INLINE void rotate(float *y, const float *x,
                                     const float *cosines, const float *sines,
                                     size_t half)
{
    for (size_t j = 0; j < half; j += 8) {
        const size_t n = half - j;
        const __m256 c = load_f32x8(cosines + j, n);
        const __m256 s = load_f32x8(sines + j, n);
        const __m256 a = load_f32x8(x + j, n);
        const __m256 b = load_f32x8(x + half + j, n);

        store_f32x8(y + j, n, _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)));
        store_f32x8(y + half + j, n,
                    _mm256_fmadd_ps(b, c, _mm256_mul_ps(a, s)));
    }
}

void anm_rope_f32_avx2(float *y, size_t ldy, const float *x, size_t ldx,
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
