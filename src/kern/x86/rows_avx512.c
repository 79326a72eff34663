/* rows_avx512.c - adding, gathering and averaging rows for AVX-512.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/vec_avx512.h"

void anm_add_f32_avx512(float *y, size_t ldy, const float *x, size_t ldx,
                        size_t rows, size_t dim)
{
    for (size_t i = 0; i < rows; i++, y += ldy, x += ldx) {
        for (size_t j = 0; j < dim; j += 16) {
            const __mmask16 lanes = first_lanes(dim - j);

            _mm512_mask_storeu_ps(
                y + j, lanes,
                _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, y + j),
                              _mm512_maskz_loadu_ps(lanes, x + j)));
        }
    }
}

void anm_gather_f32_avx512(const anm_gather_f32 *g)
{
    const float *table = g->table;
    const size_t n = g->n, dim = g->dim;

    if (g->type != ANM_DTYPE_F32) {
        anm_gather_f32_ref(g);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        float *y = g->y + i * g->ldy;
        const float *row = table + (size_t)g->ids[i] * g->ldt;

        /* Rows of a table lie in no order that the core could foresee. */
        if (i + 1 < n) {
            const float *next = table + (size_t)g->ids[i + 1] * g->ldt;
            for (size_t j = 0; j < dim; j += 16)
                _mm_prefetch((const char *)(next + j), _MM_HINT_T0);
        }
        for (size_t j = 0; j < dim; j += 16) {
            const __mmask16 lanes = first_lanes(dim - j);

            _mm512_mask_storeu_ps(y + j, lanes,
                                  _mm512_maskz_loadu_ps(lanes, row + j));
        }
    }
}

void anm_mean_rows_f32_avx512(float *out, const float *x, size_t ldx, size_t n,
                              size_t dim)
{
    const __m512 count = _mm512_set1_ps((float)n);

    for (size_t j = 0; j < dim; j += 64) {
        __m512 sum[4];

        ANM_UNROLL
        for (size_t p = 0; p < 4; p++)
            sum[p] = _mm512_setzero_ps();
        for (size_t i = 0; i < n; i++) {
            ANM_UNROLL
            for (size_t p = 0; p < 4; p++) {
                const size_t at = j + p * 16;
                const __mmask16 lanes = at < dim ? first_lanes(dim - at) : 0;

                sum[p] = _mm512_add_ps(
                    sum[p], _mm512_maskz_loadu_ps(lanes, x + i * ldx + at));
            }
        }
        ANM_UNROLL
        for (size_t p = 0; p < 4; p++) {
            const size_t at = j + p * 16;

            if (at < dim)
                _mm512_mask_storeu_ps(out + at, first_lanes(dim - at),
                                      _mm512_div_ps(sum[p], count));
        }
    }
}
