/* rows_ref.c - adding, gathering and averaging rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"

void anm_add_f32_ref(float *y, size_t ldy, const float *x, size_t ldx,
                     size_t rows, size_t dim)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < dim; j++)
            y[i * ldy + j] += x[i * ldx + j];
    }
}

void anm_gather_f32_ref(const anm_gather_f32 *g)
{
    const anm_block block = anm_dtype_block(g->type);
    const size_t row_bytes = g->ldt / block.elements * block.bytes;
    const unsigned char *table = g->table;

    for (size_t i = 0; i < g->n; i++)
        (void)anm_widen_f32(g->y + i * g->ldy,
                            table + (size_t)g->ids[i] * row_bytes, g->type,
                            g->dim);
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
