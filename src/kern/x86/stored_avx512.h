/* stored_avx512.h - the inner product of rows and panels whose weights are not
 * float32: each step is widened in registers on its way to the multipliers.
 *
 * The chain of every sum is that of tile_avx512.h, so the bits are too. Types
 * with scales take three instructions a step, so two halves of up to 8 rows share
 * them: what the first half widens of a run it leaves for the second, while the
 * sums of both stay in registers.
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
        has_minimum(type) ? _mm512_loadu_ps(p + 64) : _mm512_setzero_ps(),
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
        const __m512 x = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(q));
        /* The product of five bits by seventeen is exact. */
        return has_minimum(type) ? _mm512_fmsub_ps(h.scale, x, h.minimum)
                                 : _mm512_mul_ps(h.scale, x);
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

/* Where the steps of a line come from, and whether they are left behind. */
typedef enum line_kind {
    LINE_WIDEN,
    LINE_LEAVE,
    LINE_TAKE,
} line_kind;

/* Known to the compiler. */
typedef struct line_shape {
    anm_dtype type;
    int rows, panels, steps;
    line_kind kind;
} line_shape;

/* The first x.steps steps of the line at hand of every panel; left: [steps, 16]
 * of one panel. */
static ANM_ALWAYS_INLINE void add_line(__m512 acc[TILE_ROWS][TILE_PANELS],
                                       const stored_tile *t,
                                       const stored_at *at,
                                       const run_head *head, float *left,
                                       const line_shape x)
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
    for (int p = 0; p < x.panels; p++) {
        const byte *w = at->w + (size_t)p * t->panel;

        line[p] = _mm512_setzero_si512();
        if (x.kind == LINE_TAKE) continue;
        _mm_prefetch((const char *)(w + t->ahead), _MM_HINT_T1);
        if (x.type == ANM_DTYPE_BF16 || is_nibbles(x.type))
            line[p] = _mm512_loadu_si512(w);
    }
    ANM_UNROLL
    for (int s = 0; s < x.steps; s++) {
        __m512 v[TILE_PANELS];

        ANM_UNROLL
        for (int p = 0; p < x.panels; p++) {
            v[p] = x.kind == LINE_TAKE
                       ? _mm512_loadu_ps(left + 16 * s)
                       : widen_step(x.type, at->w + (size_t)p * t->panel,
                                    line[p], head[p], s);
            if (x.kind == LINE_LEAVE) _mm512_storeu_ps(left + 16 * s, v[p]);
        }
        ANM_UNROLL
        for (int i = 0; i < x.rows; i++) {
            const __m512 one = broadcast(a, lda, i, s);

            ANM_UNROLL
            for (int p = 0; p < x.panels; p++)
                acc[i][p] = _mm512_fmadd_ps(one, v[p], acc[i][p]);
        }
    }
}

static ANM_ALWAYS_INLINE void clear_sums(__m512 acc[TILE_ROWS][TILE_PANELS],
                                         const int rows, const int panels)
{
    ANM_UNROLL
    for (int i = 0; i < rows; i++) {
        ANM_UNROLL
        for (int p = 0; p < panels; p++)
            acc[i][p] = _mm512_setzero_ps();
    }
}

static ANM_ALWAYS_INLINE void store_sums(const stored_tile *t, size_t first,
                                         __m512 acc[TILE_ROWS][TILE_PANELS],
                                         const int rows, const int panels)
{
    ANM_UNROLL
    for (int i = 0; i < rows; i++) {
        float *sum = t->sum + (first + (size_t)i) * t->ld_sum;

        ANM_UNROLL
        for (int p = 0; p < panels; p++)
            _mm512_storeu_ps(sum + p * 16, acc[i][p]);
    }
}

/* The heads of the run at hand, of every panel. */
static ANM_ALWAYS_INLINE void load_heads(run_head *head, const stored_tile *t,
                                         const byte *w, const anm_dtype type,
                                         const int panels)
{
    ANM_UNROLL
    for (int p = 0; p < panels; p++, w += t->panel) {
        head[p] = load_head(w, type);
        for (size_t i = 0; i < head_bytes(type); i += 64)
            _mm_prefetch((const char *)(w + t->ahead + i), _MM_HINT_T1);
    }
}

static ANM_ALWAYS_INLINE void run_stored(const stored_tile *from,
                                         const anm_dtype type, const int rows,
                                         const int panels)
{
    const stored_tile t = *from;
    const int steps = line_steps(type);
    const size_t run = run_steps(type) ? run_steps(type) : (size_t)steps;
    const line_shape whole = { type, rows, panels, steps, LINE_WIDEN };
    const line_shape last = { type, rows, panels, 1, LINE_WIDEN };
    stored_at at = { t.a, t.w };
    __m512 acc[TILE_ROWS][TILE_PANELS];
    run_head head[TILE_PANELS];

    ANM_UNROLL
    for (int p = 0; p < panels; p++)
        head[p] = (run_head){ _mm512_setzero_ps(), _mm512_setzero_ps() };
    clear_sums(acc, rows, panels);
    for (size_t left = t.k / run; left > 0; left--) {
        if (run_steps(type)) {
            load_heads(head, &t, at.w, type, panels);
            at.w += head_bytes(type);
        }
        for (size_t lines = run / (size_t)steps; lines > 0; lines--) {
            add_line(acc, &t, &at, head, NULL, whole);
            at.a += steps;
            at.w += 64;
        }
    }
    if (!run_steps(type) && t.k % run != 0)
        add_line(acc, &t, &at, head, NULL, last);
    store_sums(&t, 0, acc, rows, panels);
}

/* One panel of a type with scales for more rows than one tile has: the first
 * half of them and the rest, a run at a time. */
static ANM_ALWAYS_INLINE void run_halves(const stored_tile *from,
                                         const anm_dtype type, const int rows)
{
    const stored_tile t = *from;
    const int steps = line_steps(type), first = (rows + 1) / 2;
    const size_t lines = run_steps(type) / (size_t)steps;
    const line_shape leave = { type, first, 1, steps, LINE_LEAVE };
    const line_shape take = { type, rows - first, 1, steps, LINE_TAKE };
    stored_at at = { t.a, t.w };
    __m512 low[TILE_ROWS][TILE_PANELS], high[TILE_ROWS][TILE_PANELS];
    run_head head;
    float left[32 * 16];

    clear_sums(low, first, 1);
    clear_sums(high, rows - first, 1);
    for (size_t k = 0; k < t.k; k += run_steps(type)) {
        stored_at second = { at.a + (size_t)first * t.lda, NULL };

        load_heads(&head, &t, at.w, type, 1);
        at.w += head_bytes(type);
        for (size_t i = 0; i < lines; i++) {
            add_line(low, &t, &at, &head, left + i * (size_t)steps * 16, leave);
            at.a += steps;
            at.w += 64;
        }
        for (size_t i = 0; i < lines; i++) {
            add_line(high, &t, &second, &head, left + i * (size_t)steps * 16,
                     take);
            second.a += steps;
        }
    }
    store_sums(&t, 0, low, first, 1);
    store_sums(&t, (size_t)first, high, rows - first, 1);
}

#endif
