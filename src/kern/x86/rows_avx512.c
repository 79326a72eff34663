/* rows_avx512.c - adding, gathering and averaging rows for AVX-512.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/vec_avx512.h"

typedef unsigned char byte;

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

/* 16 elements of a row at p, of which the first lanes exist. */
static ANM_ALWAYS_INLINE __m512 load_stored(const byte *p, anm_dtype type,
                                            __mmask16 lanes)
{
    if (type == ANM_DTYPE_F32) return _mm512_maskz_loadu_ps(lanes, p);
    const __m256i half = _mm256_maskz_loadu_epi16(lanes, p);
    if (type == ANM_DTYPE_F16) return _mm512_cvtph_ps(half);
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

static ANM_ALWAYS_INLINE void gather(const anm_gather_f32 *g, anm_dtype type)
{
    const size_t size = type == ANM_DTYPE_F32 ? 4 : 2;
    const byte *table = g->table;

    for (size_t i = 0; i < g->n; i++) {
        const byte *row = table + (size_t)g->ids[i] * g->ldt * size;
        float *y = g->y + i * g->ldy;

        /* Rows of a table lie in no order that the core could foresee. */
        if (i + 1 < g->n) {
            const byte *next = table + (size_t)g->ids[i + 1] * g->ldt * size;
            for (size_t at = 0; at < g->dim * size; at += 64)
                _mm_prefetch((const char *)(next + at), _MM_HINT_T0);
        }
        for (size_t j = 0; j < g->dim; j += 16) {
            const __mmask16 lanes = first_lanes(g->dim - j);

            _mm512_mask_storeu_ps(y + j, lanes,
                                  load_stored(row + j * size, type, lanes));
        }
    }
}

/* A call gathers few rows: of block types the specification does, and does not
 * show beside the products. */
void anm_gather_f32_avx512(const anm_gather_f32 *g)
{
    if (g->type == ANM_DTYPE_F32)
        gather(g, ANM_DTYPE_F32);
    else if (g->type == ANM_DTYPE_F16)
        gather(g, ANM_DTYPE_F16);
    else if (g->type == ANM_DTYPE_BF16)
        gather(g, ANM_DTYPE_BF16);
    else
        anm_gather_f32_ref(g);
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
