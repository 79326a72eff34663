/* dot_rows_ref.c - one vector against many rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"

void anm_dot_rows_f32_ref(float *out, const float *rows, size_t ld, size_t n,
                          size_t dim, const float *q)
{
    for (size_t i = 0; i < n; i++)
        out[i] = anm_dot_f32_ref(rows + i * ld, q, dim);
}
