/* panel.c - the types that panels may have, and how many bytes a panel and its
 * scales take.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "kern/variants.h"

bool anm_kern_keeps(anm_dtype type)
{
    return type == ANM_DTYPE_F32 || type == ANM_DTYPE_F16 ||
           type == ANM_DTYPE_BF16 || anm_panel_run(type) > 0;
}

size_t anm_panel_run(anm_dtype type)
{
    static const size_t runs[ANM_DTYPE_COUNT] = {
        [ANM_DTYPE_Q8_0] = 32, [ANM_DTYPE_Q4_0] = 32, [ANM_DTYPE_Q5_0] = 32,
        [ANM_DTYPE_Q4_K] = 32, [ANM_DTYPE_Q5_K] = 32, [ANM_DTYPE_Q6_K] = 16,
    };
    return runs[type];
}

size_t anm_panel_head(anm_dtype type)
{
    static const size_t bytes[ANM_DTYPE_COUNT] = {
        [ANM_DTYPE_Q8_0] = ANM_PANEL * 2,
        [ANM_DTYPE_Q4_0] = ANM_PANEL * 2,
        [ANM_DTYPE_Q5_0] = ANM_PANEL * 2,
        [ANM_DTYPE_Q4_K] = ANM_PANEL * 4 * 2,
        [ANM_DTYPE_Q5_K] = ANM_PANEL * 4 * 2,
        [ANM_DTYPE_Q6_K] = ANM_PANEL * 4,
    };
    return bytes[type];
}

size_t anm_panel_bytes(anm_dtype type, size_t k)
{
    const anm_block block = anm_dtype_block(type);
    const size_t run = anm_panel_run(type);

    assert(anm_kern_keeps(type) && k % block.elements == 0);
    if (type == ANM_DTYPE_BF16) k += k % 2;
    if (run == 0) return k * block.bytes * ANM_PANEL;
    const bool nibbles = type == ANM_DTYPE_Q4_0 || type == ANM_DTYPE_Q4_K;
    return k / run *
           (anm_panel_head(type) + run * ANM_PANEL / (nibbles ? 2 : 1));
}
