/* glu_ref.c - gated linear units, computed in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"

void anm_glu_f32_ref(float *y, size_t ldy, const float *x, size_t ldx,
                     size_t rows, size_t dim, anm_act act)
{
    for (size_t i = 0; i < rows; i++) {
        const float *gate = x + i * ldx;

        for (size_t j = 0; j < dim; j++)
            y[i * ldy + j] = anm_act_one_ref(gate[j], act) * gate[dim + j];
    }
}
