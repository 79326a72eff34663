/* stored_avx2.h - the inner product of rows and panels whose weights are not
 * float32: each step is widened in registers on its way to the multipliers.
 *
 * The chain of every sum is that of tile_avx2.h, so the bits are too. Twelve
 * sums, the weights of a step and one of a row fill the registers: everything
 * else is an operand in memory, and pointers are made opaque so that the
 * compiler does not think better of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_KERN_STORED_AVX2_H
#define ANM_KERN_STORED_AVX2_H

#include "kern/x86/stored.h"
#include "kern/x86/tile_avx2.h"

/* What the steps of a run share, of every panel; of BF16 the scales are masks
 * that keep the high half of each lane. */
typedef struct run_heads {
    float scale[16 * TILE_PANELS], minimum[16 * TILE_PANELS];
} run_heads;

/* Half h of step s of the line at p, column c of the heads. */
static ANM_ALWAYS_INLINE __m256 widen_half(const anm_dtype type, const byte *p,
                                           const run_heads *heads, const int c,
                                           const int s, const int h)
{
    const float *scale = heads->scale + c;
    const void *line = p + 32 * h;
    __m256i q;

    if (type == ANM_DTYPE_F16)
        return _mm256_cvtph_ps(
            _mm_loadu_si128((const void *)(p + 32 * s + 16 * h)));
    if (type == ANM_DTYPE_BF16) {
        q = _mm256_loadu_si256(line);
        if (s == 0) return _mm256_castsi256_ps(_mm256_slli_epi32(q, 16));
        return _mm256_and_ps(_mm256_castsi256_ps(q), _mm256_loadu_ps(scale));
    }
    if (!is_nibbles(type))
        q = _mm256_cvtepi8_epi32(
            _mm_loadl_epi64((const void *)(p + 16 * s + 8 * h)));
    else
        q = _mm256_slli_epi32(_mm256_loadu_si256(line), 28 - 4 * s);
    if (type == ANM_DTYPE_Q4_0) q = _mm256_srai_epi32(q, 28);
    if (type == ANM_DTYPE_Q4_K) q = _mm256_srli_epi32(q, 28);
    const __m256 x =
        _mm256_mul_ps(_mm256_cvtepi32_ps(q), _mm256_loadu_ps(scale));
    /* The product of five bits by seventeen is exact. */
    return has_minimum(type)
               ? _mm256_sub_ps(x, _mm256_loadu_ps(heads->minimum + c))
               : x;
}

/* Step s of a line of every panel. */
static ANM_ALWAYS_INLINE void
add_stored_step(__m256 acc[TILE_ROWS][2 * TILE_PANELS], const stored_tile *t,
                const anm_dtype type, const stored_at *at,
                const run_heads *heads, const int rows, const int panels,
                const int s)
{
    const float *low = at->a, *high;
    const byte *w = at->w;
    size_t lda = t->lda;

    ANM_OPAQUE(lda);
    ANM_OPAQUE(w);
    ANM_OPAQUE(heads);
    high = low + 3 * lda;
    ANM_OPAQUE(high);
    ANM_UNROLL
    for (int p = 0; p < panels; p++) {
        const byte *line = w + (size_t)p * t->panel;
        const __m256 v0 = widen_half(type, line, heads, 16 * p, s, 0);
        const __m256 v1 = widen_half(type, line, heads, 16 * p + 8, s, 1);

        ANM_UNROLL
        for (int i = 0; i < rows; i++) {
            const float *a = i < 3 ? low : high;
            const __m256 x = _mm256_broadcast_ss(a + (size_t)(i % 3) * lda + s);

            acc[i][2 * p] = _mm256_fmadd_ps(x, v0, acc[i][2 * p]);
            acc[i][2 * p + 1] = _mm256_fmadd_ps(x, v1, acc[i][2 * p + 1]);
        }
    }
}

/* The first `steps` steps of the line at hand, and on to the next. */
static ANM_ALWAYS_INLINE void add_line(__m256 acc[TILE_ROWS][2 * TILE_PANELS],
                                       const stored_tile *t,
                                       const anm_dtype type, stored_at *at,
                                       const run_heads *heads, const int rows,
                                       const int panels, const int steps)
{
    ANM_UNROLL
    for (int p = 0; p < panels; p++)
        _mm_prefetch((const char *)(at->w + (size_t)p * t->panel + t->ahead),
                     _MM_HINT_T1);
    ANM_UNROLL
    for (int s = 0; s < steps; s++)
        add_stored_step(acc, t, type, at, heads, rows, panels, s);
    at->a += steps;
    at->w += 64;
}

static ANM_ALWAYS_INLINE void load_heads(run_heads *heads, const stored_tile *t,
                                         const anm_dtype type, const byte *w,
                                         const int panels)
{
    const bool halves = head_bytes(type) == 32;

    for (int h = 0; h < 2 * panels; h++) {
        const byte *p = w + (size_t)(h / 2) * t->panel;
        const size_t at = h % 2 ? 8 : 0;

        _mm256_storeu_ps(heads->scale + 8 * h,
                         halves ? _mm256_cvtph_ps(_mm_loadu_si128(
                                      (const void *)(p + 2 * at)))
                                : _mm256_loadu_ps((const void *)(p + 4 * at)));
        if (has_minimum(type))
            _mm256_storeu_ps(heads->minimum + 8 * h,
                             _mm256_loadu_ps((const void *)(p + 64 + 4 * at)));
        for (size_t i = 0; i < head_bytes(type) && h % 2; i += 64)
            _mm_prefetch((const char *)(p + t->ahead + i), _MM_HINT_T1);
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
    __m256 acc[TILE_ROWS][2 * TILE_PANELS];
    run_heads heads;

    for (int h = 0; h < 2 * panels && type == ANM_DTYPE_BF16; h++)
        _mm256_storeu_ps(heads.scale + 8 * h,
                         _mm256_castsi256_ps(_mm256_set1_epi32(-65536)));
    ANM_UNROLL
    for (int i = 0; i < rows; i++) {
        ANM_UNROLL
        for (int h = 0; h < 2 * panels; h++)
            acc[i][h] = _mm256_setzero_ps();
    }
    for (size_t left = t.k / run; left > 0; left--) {
        if (run_steps(type)) {
            load_heads(&heads, &t, type, at.w, panels);
            at.w += head_bytes(type);
        }
        for (size_t lines = run / (size_t)steps; lines > 0; lines--)
            add_line(acc, &t, type, &at, &heads, rows, panels, steps);
    }
    if (!run_steps(type) && t.k % run != 0)
        add_line(acc, &t, type, &at, &heads, rows, panels, 1);
    ANM_UNROLL
    for (int i = 0; i < rows; i++) {
        ANM_UNROLL
        for (int h = 0; h < 2 * panels; h++)
            _mm256_storeu_ps(t.sum + (size_t)i * t.ld_sum + (size_t)h * 8,
                             acc[i][h]);
    }
}

#endif
