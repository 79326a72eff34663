/* stored_avx512.h - the inner product of rows and panels whose weights are not
 * float32: each step is widened in registers on its way to the multipliers.
 *
 * The chain of every sum is that of tile_avx512.h, so the bits are too. Leaving
 * what one tile has widened behind for the next ones was tried: the stores cost
 * what the second widening does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_KERN_STORED_AVX512_H
#define ANM_KERN_STORED_AVX512_H

#include "kern/x86/stored.h"
#include "kern/x86/tile_avx512.h"

static ANM_ALWAYS_INLINE __m512 load_f16x16(const byte *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)p));
}

/* What the steps of a run share. */
typedef struct run_head {
    __m512 scale, minimum;
} run_head;

static ANM_ALWAYS_INLINE run_head load_head(const byte *p, const anm_dtype type)
{
    const bool halves = head_bytes(type) == 32;
    const run_head h = {
        halves ? load_f16x16(p) : _mm512_loadu_ps(p),
        type == ANM_DTYPE_Q4_K ? _mm512_loadu_ps(p + 64) : _mm512_setzero_ps(),
    };

    return h;
}

/* Step s of a line; of BF16 and nibbles `line` is its bytes. */
static ANM_ALWAYS_INLINE __m512 widen_step(const anm_dtype type, const byte *p,
                                           const __m512i line, const run_head h,
                                           const int s)
{
    if (type == ANM_DTYPE_F16) return load_f16x16(p + 32 * s);
    if (type == ANM_DTYPE_BF16)
        return _mm512_castsi512_ps(
            s ? _mm512_and_si512(line, _mm512_set1_epi32(-65536))
              : _mm512_slli_epi32(line, 16));
    if (!is_nibbles(type)) {
        const __m128i q = _mm_loadu_si128((const void *)(p + 16 * s));
        return _mm512_mul_ps(h.scale,
                             _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(q)));
    }
    /* The permutation looks at the low four bits of each index. */
    const __m512i index = _mm512_srli_epi32(line, 4 * s);
    if (type == ANM_DTYPE_Q4_0)
        return _mm512_mul_ps(
            h.scale, _mm512_permutexvar_ps(
                         index, _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, -8, -7,
                                               -6, -5, -4, -3, -2, -1)));
    return _mm512_fmsub_ps(
        h.scale,
        _mm512_permutexvar_ps(index, _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8,
                                                    9, 10, 11, 12, 13, 14, 15)),
        h.minimum);
}

/* Row i of which every third has a pointer: base, index and displacement of
 * one instruction reach the others. */
static ANM_ALWAYS_INLINE __m512 broadcast(const float *const a[3], size_t lda,
                                          const int i, const int s)
{
    return _mm512_set1_ps(a[i / 3][(size_t)(i % 3) * lda + (size_t)s]);
}

/* The first `steps` steps of the line at w of every panel. */
static ANM_ALWAYS_INLINE void
add_line(__m512 acc[TILE_ROWS][TILE_PANELS], const stored_tile *t,
         const anm_dtype type, const stored_at *at, const run_head *head,
         const int rows, const int panels, const int steps)
{
    const float *a[3];
    size_t lda = t->lda;
    __m512i line[TILE_PANELS];

    ANM_OPAQUE(lda);
    ANM_UNROLL
    for (int i = 0; i < 3; i++) {
        a[i] = at->a + 3 * (size_t)i * lda;
        ANM_OPAQUE(a[i]);
    }
    ANM_UNROLL
    for (int p = 0; p < panels; p++) {
        const byte *w = at->w + (size_t)p * t->panel;

        _mm_prefetch((const char *)(w + t->ahead), _MM_HINT_T1);
        line[p] = type == ANM_DTYPE_BF16 || is_nibbles(type)
                      ? _mm512_loadu_si512(w)
                      : _mm512_setzero_si512();
    }
    ANM_UNROLL
    for (int s = 0; s < steps; s++) {
        __m512 v[TILE_PANELS];

        ANM_UNROLL
        for (int p = 0; p < panels; p++) {
            v[p] = widen_step(type, at->w + (size_t)p * t->panel, line[p],
                              head[p], s);
        }
        ANM_UNROLL
        for (int i = 0; i < rows; i++) {
            const __m512 x = broadcast(a, lda, i, s);

            ANM_UNROLL
            for (int p = 0; p < panels; p++)
                acc[i][p] = _mm512_fmadd_ps(x, v[p], acc[i][p]);
        }
    }
}

static ANM_ALWAYS_INLINE void run_stored(const stored_tile *from,
                                         const anm_dtype type, const int rows,
                                         const int panels)
{
    const stored_tile t = *from;
    stored_at at = { t.a, t.w };
    const int steps = line_steps(type);
    const size_t run = run_steps(type) ? run_steps(type) : (size_t)steps;
    __m512 acc[TILE_ROWS][TILE_PANELS];
    run_head head[TILE_PANELS];

    ANM_UNROLL
    for (int p = 0; p < panels; p++)
        head[p] = (run_head){ _mm512_setzero_ps(), _mm512_setzero_ps() };
    ANM_UNROLL
    for (int i = 0; i < rows; i++) {
        ANM_UNROLL
        for (int p = 0; p < panels; p++)
            acc[i][p] = _mm512_setzero_ps();
    }
    for (size_t left = t.k / run; left > 0; left--) {
        if (run_steps(type)) {
            ANM_UNROLL
            for (int p = 0; p < panels; p++) {
                const byte *w = at.w + (size_t)p * t.panel;

                head[p] = load_head(w, type);
                for (size_t i = 0; i + 64 <= head_bytes(type); i += 64)
                    _mm_prefetch((const char *)(w + t.ahead + i), _MM_HINT_T1);
            }
            at.w += head_bytes(type);
        }
        for (size_t lines = run / (size_t)steps; lines > 0; lines--) {
            add_line(acc, &t, type, &at, head, rows, panels, steps);
            at.a += steps;
            at.w += 64;
        }
    }
    if (!run_steps(type) && t.k % run != 0)
        add_line(acc, &t, type, &at, head, rows, panels, 1);
    ANM_UNROLL
    for (int i = 0; i < rows; i++) {
        ANM_UNROLL
        for (int p = 0; p < panels; p++)
            _mm512_storeu_ps(t.sum + (size_t)i * t.ld_sum + (size_t)p * 16,
                             acc[i][p]);
    }
}

#endif
