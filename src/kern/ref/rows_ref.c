/* rows_ref.c - adding, gathering and averaging rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kern/variants.h"

void anm_add_f32_ref(float *y, size_t ldy, const float *x, size_t ldx,
                     size_t rows, size_t dim)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < dim; j++)
            y[i * ldy + j] += x[i * ldx + j];
    }
}

void anm_gather_f32_ref(float *y, size_t ldy, const float *table, size_t ldt,
                        const int32_t *ids, size_t n, size_t dim)
{
    for (size_t i = 0; i < n; i++)
        memcpy(y + i * ldy, table + (size_t)ids[i] * ldt, dim * sizeof(*y));
}

void anm_mean_rows_f32_ref(float *out, const float *x, size_t ldx, size_t n,
                           size_t dim)
{
    for (size_t j = 0; j < dim; j++) {
        float sum = 0.0f;

        for (size_t i = 0; i < n; i++)
            sum += x[i * ldx + j];
        out[j] = sum / (float)n;
    }
}
