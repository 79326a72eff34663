/* dot_avx2.c - dot product and unit length for AVX2 + FMA.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"
#include "kern/x86/vec_avx2.h"

static ANM_ALWAYS_INLINE __m256 fma_at(__m256 acc, const float *a,
                                       const float *b)
{
    return _mm256_fmadd_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b), acc);
}

float anm_dot_f32_avx2(const float *a, const float *b, size_t n)
{
    /* A product needs two loads and a core does two or three a cycle; four
     * chains cover the latency of the sum. */
    __m256 acc0 = _mm256_setzero_ps(), acc1 = acc0, acc2 = acc0, acc3 = acc0;
    size_t i = 0;

    for (; n - i >= 32; i += 32) {
        acc0 = fma_at(acc0, a + i, b + i);
        acc1 = fma_at(acc1, a + i + 8, b + i + 8);
        acc2 = fma_at(acc2, a + i + 16, b + i + 16);
        acc3 = fma_at(acc3, a + i + 24, b + i + 24);
    }
    for (; i < n; i += 8)
        acc0 = _mm256_fmadd_ps(load_f32x8(a + i, n - i),
                               load_f32x8(b + i, n - i), acc0);
    return sum_f32x8(
        _mm256_add_ps(_mm256_add_ps(acc0, acc1), _mm256_add_ps(acc2, acc3)));
}

static double norm_of(const float *x, size_t n)
{
    __m256d low = _mm256_setzero_pd(), high = low;

    for (size_t i = 0; i < n; i += 8) {
        const __m256 v = load_f32x8(x + i, n - i);
        const __m256d a = widen_low_f64x4(v), b = widen_high_f64x4(v);

        low = _mm256_fmadd_pd(a, a, low);
        high = _mm256_fmadd_pd(b, b, high);
    }
    return sqrt(sum_f64x4(_mm256_add_pd(low, high)));
}

double anm_normalize_f32_avx2(float *x, size_t n, double floor)
{
    const double norm = norm_of(x, n);
    /* Written so that a NaN is chosen, not the floor. */
    const double length = norm <= floor ? floor : norm;

    if (length == 0.0) return norm;
    const __m256d scale = _mm256_set1_pd(1.0 / length);
    for (size_t i = 0; i < n; i += 8) {
        const __m256 v = load_f32x8(x + i, n - i);
        const __m128 low =
            _mm256_cvtpd_ps(_mm256_mul_pd(widen_low_f64x4(v), scale));
        const __m128 high =
            _mm256_cvtpd_ps(_mm256_mul_pd(widen_high_f64x4(v), scale));

        store_f32x8(x + i, n - i, _mm256_set_m128(high, low));
    }
    return norm;
}
