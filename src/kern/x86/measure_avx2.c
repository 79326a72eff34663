/* measure_avx2.c - work of known size for AVX2 + FMA.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/vec_avx2.h"

enum { CHAINS = 12 };

uint64_t anm_burn_fma_avx2(uint64_t n)
{
    const __m256 half = _mm256_set1_ps(0.5f), one = _mm256_set1_ps(1.0f);
    __m256 x[CHAINS];
    uint64_t done = 0;

    ANM_UNROLL
    for (int j = 0; j < CHAINS; j++)
        x[j] = _mm256_set1_ps((float)j);
    for (; done < n; done += CHAINS * 8) {
        ANM_UNROLL
        for (int j = 0; j < CHAINS; j++)
            x[j] = _mm256_fmadd_ps(x[j], half, one);
    }
    __m256 sum = x[0];
    ANM_UNROLL
    for (int j = 1; j < CHAINS; j++)
        sum = _mm256_add_ps(sum, x[j]);
    /* Never true, and the compiler cannot know: the work must be done. */
    return sum_f32x8(sum) < 0.0f ? 0 : done;
}

float anm_read_f32_avx2(const float *x, size_t n)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;

    for (; n - i >= 32; i += 32) {
        s0 = _mm256_add_ps(s0, _mm256_loadu_ps(x + i));
        s1 = _mm256_add_ps(s1, _mm256_loadu_ps(x + i + 8));
        s2 = _mm256_add_ps(s2, _mm256_loadu_ps(x + i + 16));
        s3 = _mm256_add_ps(s3, _mm256_loadu_ps(x + i + 24));
    }
    for (; i < n; i += 8)
        s0 = _mm256_add_ps(s0, load_f32x8(x + i, n - i));
    return sum_f32x8(
        _mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3)));
}
