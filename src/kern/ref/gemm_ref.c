/* gemm_ref.c - packing and the matrix product, as specified.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"

void anm_pack_f32_ref(float *dst, const float *w, size_t ldw, size_t n,
                      size_t k, size_t panel_first, size_t panel_count)
{
    for (size_t p = 0; p < panel_count; p++) {
        const size_t j0 = (panel_first + p) * ANM_PANEL;

        for (size_t kk = 0; kk < k; kk++) {
            for (size_t j = 0; j < ANM_PANEL; j++)
                *dst++ = j0 + j < n ? w[(j0 + j) * ldw + kk] : 0.0f;
        }
    }
}

static void finish_row(const anm_gemm_f32 *g, size_t i, size_t j0,
                       const float *sum)
{
    for (size_t j = j0; j < g->n && j < j0 + ANM_PANEL; j++) {
        const float bias = g->bias ? g->bias[j] : 0.0f;
        const float y = anm_act_one_ref(sum[j - j0] + bias, g->act);
        const float *residual = g->residual;

        g->c[i * g->ldc + j] =
            residual ? y + residual[i * g->ld_residual + j] : y;
    }
}

void anm_gemm_f32_ref(const anm_gemm_f32 *g)
{
    for (size_t p = g->panel_first; p < g->panel_first + g->panel_count; p++) {
        const float *w = g->w + p * ANM_PANEL * g->k;

        for (size_t i = 0; i < g->m; i++) {
            const float *a = g->a + i * g->lda;
            float sum[ANM_PANEL] = { 0 };

            for (size_t k = 0; k < g->k; k++) {
                for (size_t j = 0; j < ANM_PANEL; j++)
                    sum[j] += a[k] * w[k * ANM_PANEL + j];
            }
            finish_row(g, i, p * ANM_PANEL, sum);
        }
    }
}
