/* dot_avx512.c - dot product and unit length for AVX-512.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"
#include "kern/x86/vec_avx512.h"

static ANM_ALWAYS_INLINE __m512 fma_at(__m512 acc, __mmask16 lanes,
                                       const float *a, const float *b)
{
    return _mm512_fmadd_ps(_mm512_maskz_loadu_ps(lanes, a),
                           _mm512_maskz_loadu_ps(lanes, b), acc);
}

float anm_dot_f32_avx512(const float *a, const float *b, size_t n)
{
    /* A product needs two loads; four chains cover the latency of the sum. */
    __m512 acc0 = _mm512_setzero_ps(), acc1 = acc0, acc2 = acc0, acc3 = acc0;
    size_t i = 0;

    for (; n - i >= 64; i += 64) {
        acc0 = fma_at(acc0, 0xffff, a + i, b + i);
        acc1 = fma_at(acc1, 0xffff, a + i + 16, b + i + 16);
        acc2 = fma_at(acc2, 0xffff, a + i + 32, b + i + 32);
        acc3 = fma_at(acc3, 0xffff, a + i + 48, b + i + 48);
    }
    for (; i < n; i += 16)
        acc0 = fma_at(acc0, first_lanes(n - i), a + i, b + i);
    return _mm512_reduce_add_ps(
        _mm512_add_ps(_mm512_add_ps(acc0, acc1), _mm512_add_ps(acc2, acc3)));
}

static double norm_of(const float *x, size_t n)
{
    __m512d low = _mm512_setzero_pd(), high = low;

    for (size_t i = 0; i < n; i += 16) {
        const __m512 v = _mm512_maskz_loadu_ps(first_lanes(n - i), x + i);
        const __m512d a = widen_low_f64x8(v), b = widen_high_f64x8(v);

        low = _mm512_fmadd_pd(a, a, low);
        high = _mm512_fmadd_pd(b, b, high);
    }
    return sqrt(_mm512_reduce_add_pd(_mm512_add_pd(low, high)));
}

double anm_normalize_f32_avx512(float *x, size_t n, double floor)
{
    const double norm = norm_of(x, n);
    /* Written so that a NaN is chosen, not the floor. */
    const double length = norm <= floor ? floor : norm;

    if (length == 0.0) return norm;
    const __m512d scale = _mm512_set1_pd(1.0 / length);
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 lanes = first_lanes(n - i);
        const __m512 v = _mm512_maskz_loadu_ps(lanes, x + i);
        const __m256 low =
            _mm512_cvtpd_ps(_mm512_mul_pd(widen_low_f64x8(v), scale));
        const __m256 high =
            _mm512_cvtpd_ps(_mm512_mul_pd(widen_high_f64x8(v), scale));

        _mm512_mask_storeu_ps(
            x + i, lanes,
            _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1));
    }
    return norm;
}
