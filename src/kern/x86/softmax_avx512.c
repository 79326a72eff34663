/* softmax_avx512.c - softmax of rows for AVX-512.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"
#include "kern/x86/vec_avx512.h"

static ANM_ALWAYS_INLINE float max_of(const float *x, size_t n)
{
    const __m512 least = _mm512_set1_ps(-INFINITY);
    __m512 max = least;

    for (size_t j = 0; j < n; j += 16) {
        max = _mm512_max_ps(
            _mm512_mask_loadu_ps(least, first_lanes(n - j), x + j), max);
    }
    return _mm512_reduce_max_ps(max);
}

/* The difference is taken with its rounding error (two-difference), since an
 * error of x - max is a relative error of its exponential. Sums in double. */
static void softmax_row(float *x, size_t n)
{
    const float top = max_of(x, n);
    const __m512 max = _mm512_set1_ps(top == -INFINITY ? 0.0f : top);
    __m512d low = _mm512_setzero_pd(), high = low;

    for (size_t j = 0; j < n; j += 16) {
        const __mmask16 lanes = first_lanes(n - j);
        const __m512 v = _mm512_maskz_loadu_ps(lanes, x + j);
        const __m512 d = _mm512_sub_ps(v, max);
        const __m512 b = _mm512_sub_ps(d, v);
        const __m512 lost = _mm512_sub_ps(_mm512_sub_ps(v, _mm512_sub_ps(d, b)),
                                          _mm512_add_ps(max, b));
        /* -inf leaves inf - inf in `lost`; beyond -104 it has no weight. */
        const __mmask16 seen =
            _mm512_cmp_ps_mask(d, _mm512_set1_ps(-104.0f), _CMP_NLT_UQ);
        const __m512 e =
            _mm512_maskz_mov_ps(seen & lanes, exp_sum_f32x16(d, lost));

        _mm512_mask_storeu_ps(x + j, lanes, e);
        low = _mm512_add_pd(low, widen_low_f64x8(e));
        high = _mm512_add_pd(high, widen_high_f64x8(e));
    }
    const double sum = _mm512_reduce_add_pd(_mm512_add_pd(low, high));
    const __m512 scale = _mm512_set1_ps((float)(sum == 0.0 ? 1.0 : 1.0 / sum));

    for (size_t j = 0; j < n; j += 16) {
        const __mmask16 lanes = first_lanes(n - j);

        _mm512_mask_storeu_ps(
            x + j, lanes,
            _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + j), scale));
    }
}

void anm_softmax_f32_avx512(float *x, size_t ldx, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++)
        softmax_row(x + i * ldx, n);
}
