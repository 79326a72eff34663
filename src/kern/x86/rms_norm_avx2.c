/* rms_norm_avx2.c - normalisation by the root of the mean square for AVX2 +
 * FMA.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"
#include "kern/x86/vec_avx2.h"

static ANM_ALWAYS_INLINE double mean_square(const float *x, size_t dim)
{
    __m256d low = _mm256_setzero_pd(), high = low;

    for (size_t j = 0; j < dim; j += 8) {
        const __m256 v = load_f32x8(x + j, dim - j);
        const __m256d a = widen_low_f64x4(v), b = widen_high_f64x4(v);

        low = _mm256_fmadd_pd(a, a, low);
        high = _mm256_fmadd_pd(b, b, high);
    }
    return sum_f64x4(_mm256_add_pd(low, high)) / (double)dim;
}

static ANM_ALWAYS_INLINE void
norm_group(float *y, const float *x, const float *gamma, size_t dim, double eps)
{
    const double root = sqrt(mean_square(x, dim) + eps);
    const __m256 scale = _mm256_set1_ps((float)(1.0 / root));

    for (size_t j = 0; j < dim; j += 8) {
        const size_t n = dim - j;
        const __m256 z = _mm256_mul_ps(load_f32x8(x + j, n), scale);

        store_f32x8(y + j, n, _mm256_mul_ps(z, load_f32x8(gamma + j, n)));
    }
}

void anm_rms_norm_f32_avx2(float *y, size_t ldy, const float *x, size_t ldx,
                           const float *gamma, size_t rows, size_t groups,
                           size_t dim, float eps)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t g = 0; g < groups; g++)
            norm_group(y + i * ldy + g * dim, x + i * ldx + g * dim, gamma, dim,
                       eps);
}
