/* norm_avx2.c - layer normalisation for AVX2 + FMA.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"
#include "kern/x86/vec_avx2.h"

static ANM_ALWAYS_INLINE double mean_of(const float *x, size_t dim)
{
    __m256d low = _mm256_setzero_pd(), high = low;

    for (size_t j = 0; j < dim; j += 8) {
        const __m256 v = load_f32x8(x + j, dim - j);

        low = _mm256_add_pd(low, widen_low_f64x4(v));
        high = _mm256_add_pd(high, widen_high_f64x4(v));
    }
    return sum_f64x4(_mm256_add_pd(low, high)) / (double)dim;
}

/* The mean as two floats: x - hi is exact or nearly, then lo is what the
 * rounding of the mean left. */
static ANM_ALWAYS_INLINE __m256 center(__m256 x, __m256 hi, __m256 lo)
{
    return _mm256_sub_ps(_mm256_sub_ps(x, hi), lo);
}

static ANM_ALWAYS_INLINE double variance_of(const float *x, size_t dim,
                                            __m256 hi, __m256 lo)
{
    __m256d sum_low = _mm256_setzero_pd(), sum_high = sum_low;

    for (size_t j = 0; j < dim; j += 8) {
        const __m256 v = load_f32x8(x + j, dim - j);
        const __m256 z = keep_lanes(center(v, hi, lo), dim - j);
        const __m256d low = widen_low_f64x4(z), high = widen_high_f64x4(z);

        sum_low = _mm256_fmadd_pd(low, low, sum_low);
        sum_high = _mm256_fmadd_pd(high, high, sum_high);
    }
    return sum_f64x4(_mm256_add_pd(sum_low, sum_high)) / (double)dim;
}

static void norm_row(float *y, const float *x, const float *gamma,
                     const float *beta, size_t dim, double eps)
{
    const double mean = mean_of(x, dim);
    const __m256 hi = _mm256_set1_ps((float)mean);
    const __m256 lo = _mm256_set1_ps((float)(mean - (double)(float)mean));
    const double var = variance_of(x, dim, hi, lo);
    const __m256 scale = _mm256_set1_ps((float)(1.0 / sqrt(var + eps)));

    for (size_t j = 0; j < dim; j += 8) {
        const size_t n = dim - j;
        const __m256 z =
            _mm256_mul_ps(center(load_f32x8(x + j, n), hi, lo), scale);

        store_f32x8(y + j, n,
                    _mm256_fmadd_ps(z, load_f32x8(gamma + j, n),
                                    load_f32x8(beta + j, n)));
    }
}

void anm_layer_norm_f32_avx2(float *y, size_t ldy, const float *x, size_t ldx,
                             const float *gamma, const float *beta, size_t rows,
                             size_t dim, float eps)
{
    for (size_t i = 0; i < rows; i++)
        norm_row(y + i * ldy, x + i * ldx, gamma, beta, dim, eps);
}
