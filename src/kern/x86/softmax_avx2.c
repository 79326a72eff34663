/* softmax_avx2.c - softmax of rows for AVX2 + FMA.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"
#include "kern/x86/vec_avx2.h"

static ANM_ALWAYS_INLINE float max_of(const float *x, size_t n)
{
    const __m256 least = _mm256_set1_ps(-INFINITY);
    __m256 max = least;

    for (size_t j = 0; j < n; j += 8) {
        const __m256 lanes = _mm256_castsi256_ps(first_lanes(n - j));
        const __m256 v =
            _mm256_blendv_ps(least, load_f32x8(x + j, n - j), lanes);

        max = _mm256_max_ps(v, max);
    }
    return max_f32x8(max);
}

/* The difference is taken with its rounding error (two-difference), since an
 * error of x - max is a relative error of its exponential. Sums in double. */
static void softmax_row(float *x, size_t n)
{
    const float top = max_of(x, n);
    const __m256 max = _mm256_set1_ps(top == -INFINITY ? 0.0f : top);
    __m256d low = _mm256_setzero_pd(), high = low;

    for (size_t j = 0; j < n; j += 8) {
        const __m256 v = load_f32x8(x + j, n - j);
        const __m256 d = _mm256_sub_ps(v, max);
        const __m256 b = _mm256_sub_ps(d, v);
        const __m256 lost = _mm256_sub_ps(_mm256_sub_ps(v, _mm256_sub_ps(d, b)),
                                          _mm256_add_ps(max, b));
        /* -inf leaves inf - inf in `lost`; beyond -104 it has no weight. */
        const __m256 seen =
            _mm256_cmp_ps(d, _mm256_set1_ps(-104.0f), _CMP_NLT_UQ);
        const __m256 e =
            keep_lanes(_mm256_and_ps(seen, exp_sum_f32x8(d, lost)), n - j);

        store_f32x8(x + j, n - j, e);
        low = _mm256_add_pd(low, widen_low_f64x4(e));
        high = _mm256_add_pd(high, widen_high_f64x4(e));
    }
    const double sum = sum_f64x4(_mm256_add_pd(low, high));
    const __m256 scale = _mm256_set1_ps((float)(sum == 0.0 ? 1.0 : 1.0 / sum));

    for (size_t j = 0; j < n; j += 8)
        store_f32x8(x + j, n - j,
                    _mm256_mul_ps(load_f32x8(x + j, n - j), scale));
}

void anm_softmax_f32_avx2(float *x, size_t ldx, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++)
        softmax_row(x + i * ldx, n);
}
