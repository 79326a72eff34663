/* act_avx512.c - activation functions for AVX-512.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/vec_avx512.h"

void anm_act_f32_avx512(float *x, size_t n, anm_act act)
{
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 lanes = first_lanes(n - i);
        const __m512 v = _mm512_maskz_loadu_ps(lanes, x + i);

        _mm512_mask_storeu_ps(x + i, lanes, act_f32x16(v, act));
    }
}
