/* rms_norm_avx512.c - normalisation by the root of the mean square for AVX-512.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"
#include "kern/x86/vec_avx512.h"

static ANM_ALWAYS_INLINE double mean_square(const float *x, size_t dim)
{
    __m512d low = _mm512_setzero_pd(), high = low;

    for (size_t j = 0; j < dim; j += 16) {
        const __m512 v = _mm512_maskz_loadu_ps(first_lanes(dim - j), x + j);
        const __m512d a = widen_low_f64x8(v), b = widen_high_f64x8(v);

        low = _mm512_fmadd_pd(a, a, low);
        high = _mm512_fmadd_pd(b, b, high);
    }
    return _mm512_reduce_add_pd(_mm512_add_pd(low, high)) / (double)dim;
}

static ANM_ALWAYS_INLINE void
norm_group(float *y, const float *x, const float *gamma, size_t dim, double eps)
{
    const double root = sqrt(mean_square(x, dim) + eps);
    const __m512 scale = _mm512_set1_ps((float)(1.0 / root));

    for (size_t j = 0; j < dim; j += 16) {
        const __mmask16 lanes = first_lanes(dim - j);
        const __m512 z =
            _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + j), scale);

        _mm512_mask_storeu_ps(
            y + j, lanes,
            _mm512_mul_ps(z, _mm512_maskz_loadu_ps(lanes, gamma + j)));
    }
}

void anm_rms_norm_f32_avx512(float *y, size_t ldy, const float *x, size_t ldx,
                             const float *gamma, size_t rows, size_t groups,
                             size_t dim, float eps)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t g = 0; g < groups; g++)
            norm_group(y + i * ldy + g * dim, x + i * ldx + g * dim, gamma, dim,
                       eps);
}
