/* gemm_ref.c - the matrix product, as specified.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/compiler.h"
#include "kern/variants.h"

/* Steps of k that are widened at a time, whole blocks and pairs, and rows that
 * share them. */
enum { STEPS = 64, ROWS = 32 };

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

static void add_steps(float *sum, const float *a, const float *w, size_t steps)
{
    float s[ANM_PANEL];

    for (size_t j = 0; j < ANM_PANEL; j++)
        s[j] = sum[j];
    for (size_t k = 0; k < steps; k++, w += ANM_PANEL) {
        // gcc would otherwise take several steps at once and transpose them,
        // at a fifth of the speed.
        ANM_OPAQUE(w);
        for (size_t j = 0; j < ANM_PANEL; j++)
            s[j] += a[k] * w[j];
    }
    for (size_t j = 0; j < ANM_PANEL; j++)
        sum[j] = s[j];
}

/* Panel p for the rows [i0, i0 + rows). */
static void multiply_rows(const anm_gemm_f32 *g, size_t p, size_t i0,
                          size_t rows)
{
    const unsigned char *panel =
        (const unsigned char *)g->w + p * anm_panel_bytes(g->w_type, g->k);
    float w[STEPS * ANM_PANEL];
    float sum[ROWS][ANM_PANEL] = { 0 };

    for (size_t k = 0; k < g->k; k += STEPS) {
        const size_t steps = g->k - k < STEPS ? g->k - k : STEPS;

        anm_widen_panel_ref(w, panel, g->w_type, k, steps);
        for (size_t i = 0; i < rows; i++)
            add_steps(sum[i], g->a + (i0 + i) * g->lda + k, w, steps);
    }
    for (size_t i = 0; i < rows; i++)
        finish_row(g, i0 + i, p * ANM_PANEL, sum[i]);
}

void anm_gemm_f32_ref(const anm_gemm_f32 *g)
{
    for (size_t p = g->panel_first; p < g->panel_first + g->panel_count; p++) {
        for (size_t i = 0; i < g->m; i += ROWS)
            multiply_rows(g, p, i, g->m - i < ROWS ? g->m - i : ROWS);
    }
}
