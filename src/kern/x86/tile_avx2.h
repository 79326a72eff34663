/* tile_avx2.h - the inner product of rows and panels that the matrix product
 * and attention share, and the packing of panels.
 *
 * A tile keeps all its sums in registers over the whole of k, one chain for
 * each element in ascending k: that is why no element depends on the shape of
 * its tile. 6 rows x 1 panel and 3 rows x 2 panels take 12 of the 16
 * registers; 8 chains keep both multipliers busy.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_KERN_TILE_AVX2_H
#define ANM_KERN_TILE_AVX2_H

#include "kern/x86/vec_avx2.h"

enum { TILE_ROWS = 6, TILE_PANELS = 4 };

typedef struct tile {
    size_t k;
    const float *a; /* [rows, k] */
    size_t lda;
    const float *w; /* panel p, step d: 16 floats at w + p panel + d step */
    size_t panel, step;
    size_t columns; /* of the last panel that may be loaded, 16 at most */
    float *sum;     /* [rows, 16 panels] */
    size_t ld_sum;
    const float *ahead; /* panels to fetch into L2 meanwhile … */
    size_t ahead_step;  /* … going on by so many floats a step of k */
} tile;

/* How a tile begins. */
typedef enum tile_kind {
    TILE_PLAIN,
    TILE_RESUME, /* sums go on from what `sum` holds */
    TILE_FETCH,  /* plain, and `ahead` is fetched: a line a panel each step,
                    since a count that varies costs a wrong guess per loop */
} tile_kind;

/* Half h of the 2 panels halves of one step. */
static ANM_ALWAYS_INLINE __m256 load_half(const tile *t, const float *w,
                                          const int h, const bool whole)
{
    const float *p = w + (size_t)(h / 2) * t->panel + (size_t)(h % 2) * 8;
    const size_t begin = h % 2 ? 8 : 0;

    if (whole) return _mm256_loadu_ps(p);
    return _mm256_maskload_ps(
        p, first_lanes(t->columns > begin ? t->columns - begin : 0));
}

static ANM_ALWAYS_INLINE float *half_sum(const tile *t, int i, int h)
{
    return t->sum + (size_t)i * t->ld_sum + (size_t)h * 8;
}

/* One step of k. Broadcasts come first where rows are fewer than halves, so
 * that sums, the shorter side and one more fit the 16 registers. */
static ANM_ALWAYS_INLINE void step_tile(__m256 acc[TILE_ROWS][2 * TILE_PANELS],
                                        const tile *t, const float *a,
                                        size_t lda, const float *w,
                                        const int rows, const int halves,
                                        const bool whole)
{
    __m256 x[TILE_ROWS], v[2];

    if (halves > 2) {
        ANM_UNROLL
        for (int i = 0; i < rows; i++)
            x[i] = _mm256_broadcast_ss(a + (size_t)i * lda);
        ANM_UNROLL
        for (int h = 0; h < halves; h++) {
            v[0] = load_half(t, w, h, whole);
            ANM_UNROLL
            for (int i = 0; i < rows; i++)
                acc[i][h] = _mm256_fmadd_ps(x[i], v[0], acc[i][h]);
        }
        return;
    }
    v[0] = load_half(t, w, 0, whole);
    v[1] = load_half(t, w, 1, whole);
    ANM_UNROLL
    for (int i = 0; i < rows; i++) {
        x[0] = _mm256_broadcast_ss(a + (size_t)i * lda);
        acc[i][0] = _mm256_fmadd_ps(x[0], v[0], acc[i][0]);
        acc[i][1] = _mm256_fmadd_ps(x[0], v[1], acc[i][1]);
    }
}

static ANM_ALWAYS_INLINE void run_tile(const tile *t, const int rows,
                                       const int panels, const bool whole,
                                       const tile_kind kind)
{
    const float *a = t->a, *w = t->w, *ahead = t->ahead;
    const size_t lda = t->lda, step = t->step, ahead_step = t->ahead_step;
    const int halves = 2 * panels;
    __m256 acc[TILE_ROWS][2 * TILE_PANELS];

    ANM_UNROLL
    for (int i = 0; i < rows; i++) {
        ANM_UNROLL
        for (int h = 0; h < halves; h++) {
            acc[i][h] = kind == TILE_RESUME ? _mm256_loadu_ps(half_sum(t, i, h))
                                            : _mm256_setzero_ps();
        }
    }
    for (size_t d = t->k; d > 0; d--, a++, w += step) {
        if (kind == TILE_FETCH) {
            ANM_UNROLL
            for (int p = 0; p < panels; p++)
                _mm_prefetch((const char *)(ahead + (size_t)p * t->panel),
                             _MM_HINT_T1);
            ahead += ahead_step;
        }
        step_tile(acc, t, a, lda, w, rows, halves, whole);
    }
    ANM_UNROLL
    for (int i = 0; i < rows; i++) {
        ANM_UNROLL
        for (int h = 0; h < halves; h++)
            _mm256_storeu_ps(half_sum(t, i, h), acc[i][h]);
    }
}

/* A tile of any height and one panel; whole: all its columns may be loaded. */
static ANM_ALWAYS_INLINE void run_rows(const tile *t, size_t rows,
                                       const bool whole, const tile_kind kind)
{
    switch (rows) {
    case 1:
        run_tile(t, 1, 1, whole, kind);
        break;
    case 2:
        run_tile(t, 2, 1, whole, kind);
        break;
    case 3:
        run_tile(t, 3, 1, whole, kind);
        break;
    case 4:
        run_tile(t, 4, 1, whole, kind);
        break;
    case 5:
        run_tile(t, 5, 1, whole, kind);
        break;
    default:
        run_tile(t, 6, 1, whole, kind);
        break;
    }
}

/* Transpose 8 rows of 8. */
static ANM_ALWAYS_INLINE void transpose_f32x8(__m256 x[8])
{
    __m256 y[8];

    ANM_UNROLL
    for (int i = 0; i < 8; i += 4) {
        const __m256 a = _mm256_unpacklo_ps(x[i], x[i + 1]);
        const __m256 b = _mm256_unpackhi_ps(x[i], x[i + 1]);
        const __m256 c = _mm256_unpacklo_ps(x[i + 2], x[i + 3]);
        const __m256 d = _mm256_unpackhi_ps(x[i + 2], x[i + 3]);

        y[i] = _mm256_shuffle_ps(a, c, 0x44);
        y[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        y[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        y[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    ANM_UNROLL
    for (int c = 0; c < 4; c++) {
        x[c] = _mm256_permute2f128_ps(y[c], y[c + 4], 0x20);
        x[c + 4] = _mm256_permute2f128_ps(y[c], y[c + 4], 0x31);
    }
}

/* 8 columns of a panel from 8 rows, of which the first `rows` exist. */
static ANM_ALWAYS_INLINE void pack_half(float *dst, const float *w, size_t ldw,
                                        size_t rows, size_t k)
{
    for (size_t d = 0; d < k; d += 8) {
        const size_t n = k - d < 8 ? k - d : 8;
        __m256 x[8];

        ANM_UNROLL
        for (size_t j = 0; j < 8; j++) {
            x[j] =
                j < rows ? load_f32x8(w + j * ldw + d, n) : _mm256_setzero_ps();
        }
        transpose_f32x8(x);
        ANM_UNROLL
        for (size_t j = 0; j < 8; j++) {
            if (j < n) _mm256_storeu_ps(dst + (d + j) * 16, x[j]);
        }
    }
}

/* One panel: rows w[0..rows) of k become [k][16], missing rows zeros. */
static ANM_ALWAYS_INLINE void pack_panel(float *dst, const float *w, size_t ldw,
                                         size_t rows, size_t k)
{
    const size_t low = rows < 8 ? rows : 8;

    pack_half(dst, w, ldw, low, k);
    pack_half(dst + 8, w + low * ldw, ldw, rows - low, k);
}

#endif
