/* dot_rows_avx512.c - one vector against many rows for AVX-512.
 *
 * The rows come from memory, once, in order: what limits is how early a line
 * is asked for. Each line that is read asks for the one AHEAD bytes further,
 * behind the last row too, where the next call's rows are wont to be: asking
 * reads nothing and faults nowhere. It asks not to keep the line, since a pass
 * over a collection must not throw weights out of the cache.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/vec_avx512.h"

enum { AHEAD = 8192, LINE = 64 };

static ANM_ALWAYS_INLINE __m512 fma_at(__m512 acc, const float *a,
                                       const float *b)
{
    return _mm512_fmadd_ps(_mm512_loadu_ps(a), _mm512_loadu_ps(b), acc);
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
    __m512 acc0 = _mm512_setzero_ps(), acc1 = acc0, acc2 = acc0, acc3 = acc0;
    size_t i = 0;

    for (; dim - i >= 64; i += 64) {
        ask_for(x + i, 0);
        ask_for(x + i, 1);
        ask_for(x + i, 2);
        ask_for(x + i, 3);
        acc0 = fma_at(acc0, x + i, q + i);
        acc1 = fma_at(acc1, x + i + 16, q + i + 16);
        acc2 = fma_at(acc2, x + i + 32, q + i + 32);
        acc3 = fma_at(acc3, x + i + 48, q + i + 48);
    }
    for (; i < dim; i += 16) {
        const __mmask16 lanes = first_lanes(dim - i);

        acc0 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(lanes, x + i),
                               _mm512_maskz_loadu_ps(lanes, q + i), acc0);
    }
    return _mm512_reduce_add_ps(
        _mm512_add_ps(_mm512_add_ps(acc0, acc1), _mm512_add_ps(acc2, acc3)));
}

void anm_dot_rows_f32_avx512(float *out, const float *rows, size_t ld, size_t n,
                             size_t dim, const float *q)
{
    for (size_t i = 0; i < n; i++)
        out[i] = dot_row(rows + i * ld, q, dim);
}
