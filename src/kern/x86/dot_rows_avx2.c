/* dot_rows_avx2.c - one vector against many rows for AVX2 + FMA.
 *
 * The rows come from memory, once, in order: what limits is how early a line
 * is asked for. Each line that is read asks for the one AHEAD bytes further,
 * behind the last row too, where the next call's rows are wont to be: asking
 * reads nothing and faults nowhere. It asks not to keep the line, since a pass
 * over a collection must not throw weights out of the cache.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/vec_avx2.h"

enum { AHEAD = 8192, LINE = 64 };

static ANM_ALWAYS_INLINE __m256 fma_at(__m256 acc, const float *a,
                                       const float *b)
{
    return _mm256_fmadd_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b), acc);
}

/* The line that lies AHEAD and `line` lines behind x. */
static ANM_ALWAYS_INLINE void ask_for(const float *x, int line)
{
    const uintptr_t at = (uintptr_t)x + AHEAD + (uintptr_t)(line * LINE);

    _mm_prefetch((const char *)at, _MM_HINT_NTA);
}

static ANM_ALWAYS_INLINE float dot_row(const float *x, const float *q,
                                       size_t dim)
{
    __m256 acc0 = _mm256_setzero_ps(), acc1 = acc0, acc2 = acc0, acc3 = acc0;
    size_t i = 0;

    for (; dim - i >= 32; i += 32) {
        ask_for(x + i, 0);
        ask_for(x + i, 1);
        acc0 = fma_at(acc0, x + i, q + i);
        acc1 = fma_at(acc1, x + i + 8, q + i + 8);
        acc2 = fma_at(acc2, x + i + 16, q + i + 16);
        acc3 = fma_at(acc3, x + i + 24, q + i + 24);
    }
    for (; i < dim; i += 8)
        acc0 = _mm256_fmadd_ps(load_f32x8(x + i, dim - i),
                               load_f32x8(q + i, dim - i), acc0);
    return sum_f32x8(
        _mm256_add_ps(_mm256_add_ps(acc0, acc1), _mm256_add_ps(acc2, acc3)));
}

void anm_dot_rows_f32_avx2(float *out, const float *rows, size_t ld, size_t n,
                           size_t dim, const float *q)
{
    for (size_t i = 0; i < n; i++)
        out[i] = dot_row(rows + i * ld, q, dim);
}
