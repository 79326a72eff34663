/* norm_avx512.c - layer normalisation for AVX-512.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"
#include "kern/x86/vec_avx512.h"

static ANM_ALWAYS_INLINE double mean_of(const float *x, size_t dim)
{
    __m512d low = _mm512_setzero_pd(), high = low;

    for (size_t j = 0; j < dim; j += 16) {
        const __m512 v = _mm512_maskz_loadu_ps(first_lanes(dim - j), x + j);

        low = _mm512_add_pd(low, widen_low_f64x8(v));
        high = _mm512_add_pd(high, widen_high_f64x8(v));
    }
    return _mm512_reduce_add_pd(_mm512_add_pd(low, high)) / (double)dim;
}

/* The mean as two floats: x - hi is exact or nearly, then lo is what the
 * rounding of the mean left. */
static ANM_ALWAYS_INLINE __m512 center(__m512 x, __m512 hi, __m512 lo)
{
    return _mm512_sub_ps(_mm512_sub_ps(x, hi), lo);
}

static ANM_ALWAYS_INLINE double variance_of(const float *x, size_t dim,
                                            __m512 hi, __m512 lo)
{
    __m512d sum_low = _mm512_setzero_pd(), sum_high = sum_low;

    for (size_t j = 0; j < dim; j += 16) {
        const __mmask16 lanes = first_lanes(dim - j);
        const __m512 v = _mm512_maskz_loadu_ps(lanes, x + j);
        const __m512 z = _mm512_maskz_mov_ps(lanes, center(v, hi, lo));
        const __m512d low = widen_low_f64x8(z), high = widen_high_f64x8(z);

        sum_low = _mm512_fmadd_pd(low, low, sum_low);
        sum_high = _mm512_fmadd_pd(high, high, sum_high);
    }
    return _mm512_reduce_add_pd(_mm512_add_pd(sum_low, sum_high)) / (double)dim;
}

static void norm_row(float *y, const float *x, const float *gamma,
                     const float *beta, size_t dim, double eps)
{
    const double mean = mean_of(x, dim);
    const __m512 hi = _mm512_set1_ps((float)mean);
    const __m512 lo = _mm512_set1_ps((float)(mean - (double)(float)mean));
    const double var = variance_of(x, dim, hi, lo);
    const __m512 scale = _mm512_set1_ps((float)(1.0 / sqrt(var + eps)));

    for (size_t j = 0; j < dim; j += 16) {
        const __mmask16 lanes = first_lanes(dim - j);
        const __m512 v = _mm512_maskz_loadu_ps(lanes, x + j);
        const __m512 z = _mm512_mul_ps(center(v, hi, lo), scale);

        _mm512_mask_storeu_ps(
            y + j, lanes,
            _mm512_fmadd_ps(z, _mm512_maskz_loadu_ps(lanes, gamma + j),
                            _mm512_maskz_loadu_ps(lanes, beta + j)));
    }
}

void anm_layer_norm_f32_avx512(float *y, size_t ldy, const float *x, size_t ldx,
                               const float *gamma, const float *beta,
                               size_t rows, size_t dim, float eps)
{
    for (size_t i = 0; i < rows; i++)
        norm_row(y + i * ldy, x + i * ldx, gamma, beta, dim, eps);
}
