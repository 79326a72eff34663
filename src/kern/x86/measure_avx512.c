/* measure_avx512.c - work of known size for AVX-512.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/vec_avx512.h"

enum { CHAINS = 16 };

uint64_t anm_burn_fma_avx512(uint64_t n)
{
    const __m512 half = _mm512_set1_ps(0.5f), one = _mm512_set1_ps(1.0f);
    __m512 x[CHAINS];
    uint64_t done = 0;

    ANM_UNROLL
    for (int j = 0; j < CHAINS; j++)
        x[j] = _mm512_set1_ps((float)j);
    for (; done < n; done += CHAINS * 16) {
        ANM_UNROLL
        for (int j = 0; j < CHAINS; j++)
            x[j] = _mm512_fmadd_ps(x[j], half, one);
    }
    __m512 sum = x[0];
    ANM_UNROLL
    for (int j = 1; j < CHAINS; j++)
        sum = _mm512_add_ps(sum, x[j]);
    /* Never true, and the compiler cannot know: the work must be done. */
    return _mm512_reduce_add_ps(sum) < 0.0f ? 0 : done;
}

float anm_read_f32_avx512(const float *x, size_t n)
{
    __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;

    for (; n - i >= 64; i += 64) {
        s0 = _mm512_add_ps(s0, _mm512_loadu_ps(x + i));
        s1 = _mm512_add_ps(s1, _mm512_loadu_ps(x + i + 16));
        s2 = _mm512_add_ps(s2, _mm512_loadu_ps(x + i + 32));
        s3 = _mm512_add_ps(s3, _mm512_loadu_ps(x + i + 48));
    }
    for (; i < n; i += 16)
        s0 =
            _mm512_add_ps(s0, _mm512_maskz_loadu_ps(first_lanes(n - i), x + i));
    return _mm512_reduce_add_ps(
        _mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
}
