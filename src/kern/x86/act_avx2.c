/* act_avx2.c - activation functions for AVX2 + FMA.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/vec_avx2.h"

void anm_act_f32_avx2(float *x, size_t n, anm_act act)
{
    for (size_t i = 0; i < n; i += 8)
        store_f32x8(x + i, n - i, act_f32x8(load_f32x8(x + i, n - i), act));
}
