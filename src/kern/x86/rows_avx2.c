/* rows_avx2.c - adding, gathering and averaging rows for AVX2.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/vec_avx2.h"

typedef unsigned char byte;

void anm_add_f32_avx2(float *y, size_t ldy, const float *x, size_t ldx,
                      size_t rows, size_t dim)
{
    for (size_t i = 0; i < rows; i++, y += ldy, x += ldx) {
        for (size_t j = 0; j < dim; j += 8) {
            const size_t n = dim - j;

            store_f32x8(
                y + j, n,
                _mm256_add_ps(load_f32x8(y + j, n), load_f32x8(x + j, n)));
        }
    }
}

/* 8 elements of a row at p. */
static ANM_ALWAYS_INLINE __m256 load_stored(const byte *p, anm_dtype type)
{
    if (type == ANM_DTYPE_F32) return _mm256_loadu_ps((const void *)p);
    const __m128i half = _mm_loadu_si128((const void *)p);
    if (type == ANM_DTYPE_F16) return _mm256_cvtph_ps(half);
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

static ANM_ALWAYS_INLINE void gather(const anm_gather_f32 *g, anm_dtype type)
{
    const size_t size = type == ANM_DTYPE_F32 ? 4 : 2;
    const size_t whole = g->dim / 8 * 8;
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
        for (size_t j = 0; j < whole; j += 8)
            _mm256_storeu_ps(y + j, load_stored(row + j * size, type));
        (void)anm_widen_f32(y + whole, row + whole * size, type,
                            g->dim - whole);
    }
}

/* A call gathers few rows: of block types the specification does, and does not
 * show beside the products. */
void anm_gather_f32_avx2(const anm_gather_f32 *g)
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

void anm_mean_rows_f32_avx2(float *out, const float *x, size_t ldx, size_t n,
                            size_t dim)
{
    const __m256 count = _mm256_set1_ps((float)n);
    size_t j = 0;

    for (; dim - j >= 32; j += 32) {
        __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;

        for (size_t i = 0; i < n; i++) {
            const float *row = x + i * ldx + j;

            s0 = _mm256_add_ps(s0, _mm256_loadu_ps(row));
            s1 = _mm256_add_ps(s1, _mm256_loadu_ps(row + 8));
            s2 = _mm256_add_ps(s2, _mm256_loadu_ps(row + 16));
            s3 = _mm256_add_ps(s3, _mm256_loadu_ps(row + 24));
        }
        _mm256_storeu_ps(out + j, _mm256_div_ps(s0, count));
        _mm256_storeu_ps(out + j + 8, _mm256_div_ps(s1, count));
        _mm256_storeu_ps(out + j + 16, _mm256_div_ps(s2, count));
        _mm256_storeu_ps(out + j + 24, _mm256_div_ps(s3, count));
    }
    for (; j < dim; j += 8) {
        __m256 sum = _mm256_setzero_ps();

        for (size_t i = 0; i < n; i++)
            sum = _mm256_add_ps(sum, load_f32x8(x + i * ldx + j, dim - j));
        store_f32x8(out + j, dim - j, _mm256_div_ps(sum, count));
    }
}
