/* tile_avx512.h - the inner product of rows and panels that the matrix product
 * and attention share, and the packing of panels.
 *
 * A tile keeps all its sums in registers over the whole of k, one chain for
 * each element in ascending k: that is why no element depends on the shape of
 * its tile. Registers would hold 12 rows and more; but rows whose distance is a
 * multiple of 4 KiB (k = 1024, 3072 …) share one set of the first cache, which
 * has 8 ways.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_KERN_TILE_AVX512_H
#define ANM_KERN_TILE_AVX512_H

#include "kern/x86/vec_avx512.h"

enum { TILE_ROWS = 8, TILE_PANELS = 4 };

typedef struct tile {
    size_t k;
    const float *a; /* [rows, k] */
    size_t lda;
    const float *w; /* panel p, step d: 16 floats at w + p panel + d step */
    size_t panel, step;
    float *sum; /* [rows, 16 panels] */
    size_t ld_sum;
    const float *ahead; /* panels to fetch into L2 meanwhile … */
    size_t ahead_step;  /* … going on by so many floats a step of k */
} tile;

/* How a tile begins and what it may load. */
typedef enum tile_kind {
    TILE_PLAIN,
    TILE_RESUME, /* sums go on from what `sum` holds */
    TILE_FETCH,  /* plain, and `ahead` is fetched: a line a panel each step,
                    since a count that varies costs a wrong guess per loop */
} tile_kind;

static ANM_ALWAYS_INLINE void run_tile(const tile *t, const int rows,
                                       const int panels, const __mmask16 lanes,
                                       const tile_kind kind)
{
    const float *a = t->a, *w = t->w, *ahead = t->ahead;
    const size_t lda = t->lda, panel = t->panel, step = t->step;
    const size_t ahead_step = t->ahead_step;
    __m512 acc[TILE_ROWS][TILE_PANELS];

    ANM_UNROLL
    for (int i = 0; i < rows; i++) {
        ANM_UNROLL
        for (int p = 0; p < panels; p++) {
            acc[i][p] = kind == TILE_RESUME
                            ? _mm512_loadu_ps(t->sum + (size_t)i * t->ld_sum +
                                              (size_t)p * 16)
                            : _mm512_setzero_ps();
        }
    }
    for (size_t d = t->k; d > 0; d--, a++, w += step) {
        __m512 v[TILE_PANELS];

        ANM_UNROLL
        for (int p = 0; p < panels; p++)
            v[p] = _mm512_maskz_loadu_ps(lanes, w + (size_t)p * panel);
        if (kind == TILE_FETCH) {
            ANM_UNROLL
            for (int p = 0; p < panels; p++)
                _mm_prefetch((const char *)(ahead + (size_t)p * panel),
                             _MM_HINT_T1);
            ahead += ahead_step;
        }
        ANM_UNROLL
        for (int i = 0; i < rows; i++) {
            const __m512 x = _mm512_set1_ps(a[(size_t)i * lda]);

            ANM_UNROLL
            for (int p = 0; p < panels; p++)
                acc[i][p] = _mm512_fmadd_ps(x, v[p], acc[i][p]);
        }
    }
    ANM_UNROLL
    for (int i = 0; i < rows; i++) {
        ANM_UNROLL
        for (int p = 0; p < panels; p++) {
            _mm512_storeu_ps(t->sum + (size_t)i * t->ld_sum + (size_t)p * 16,
                             acc[i][p]);
        }
    }
}

/* A tile of any height and one panel, of which `lanes` may be loaded. */
static ANM_ALWAYS_INLINE void run_rows(const tile *t, size_t rows,
                                       const __mmask16 lanes,
                                       const tile_kind kind)
{
    switch (rows) {
    case 1:
        run_tile(t, 1, 1, lanes, kind);
        break;
    case 2:
        run_tile(t, 2, 1, lanes, kind);
        break;
    case 3:
        run_tile(t, 3, 1, lanes, kind);
        break;
    case 4:
        run_tile(t, 4, 1, lanes, kind);
        break;
    case 5:
        run_tile(t, 5, 1, lanes, kind);
        break;
    case 6:
        run_tile(t, 6, 1, lanes, kind);
        break;
    case 7:
        run_tile(t, 7, 1, lanes, kind);
        break;
    default:
        run_tile(t, 8, 1, lanes, kind);
        break;
    }
}

/* Transpose 16 rows of 16: row j of x becomes lane j of each result. */
static ANM_ALWAYS_INLINE void transpose_f32x16(__m512 x[16])
{
    __m512 y[16];

    ANM_UNROLL
    for (int i = 0; i < 16; i += 4) {
        const __m512 a = _mm512_unpacklo_ps(x[i], x[i + 1]);
        const __m512 b = _mm512_unpackhi_ps(x[i], x[i + 1]);
        const __m512 c = _mm512_unpacklo_ps(x[i + 2], x[i + 3]);
        const __m512 d = _mm512_unpackhi_ps(x[i + 2], x[i + 3]);

        y[i] = _mm512_shuffle_ps(a, c, 0x44);
        y[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
        y[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        y[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
    /* y[4 g + c] holds, in quarter q, column 4 q + c of rows 4 g … 4 g + 3. */
    ANM_UNROLL
    for (int c = 0; c < 4; c++) {
        const __m512 a = _mm512_shuffle_f32x4(y[c], y[c + 4], 0x88);
        const __m512 b = _mm512_shuffle_f32x4(y[c], y[c + 4], 0xdd);
        const __m512 d = _mm512_shuffle_f32x4(y[c + 8], y[c + 12], 0x88);
        const __m512 e = _mm512_shuffle_f32x4(y[c + 8], y[c + 12], 0xdd);

        x[c] = _mm512_shuffle_f32x4(a, d, 0x88);
        x[c + 8] = _mm512_shuffle_f32x4(a, d, 0xdd);
        x[c + 4] = _mm512_shuffle_f32x4(b, e, 0x88);
        x[c + 12] = _mm512_shuffle_f32x4(b, e, 0xdd);
    }
}

/* One panel: rows w[0..rows) of k become [k][16], missing rows zeros. */
static ANM_ALWAYS_INLINE void pack_panel(float *dst, const float *w, size_t ldw,
                                         size_t rows, size_t k)
{
    for (size_t d = 0; d < k; d += 16) {
        const size_t n = k - d < 16 ? k - d : 16;
        const __mmask16 lanes = first_lanes(n);
        __m512 x[16];

        ANM_UNROLL
        for (size_t j = 0; j < 16; j++) {
            x[j] = j < rows ? _mm512_maskz_loadu_ps(lanes, w + j * ldw + d)
                            : _mm512_setzero_ps();
        }
        transpose_f32x16(x);
        ANM_UNROLL
        for (size_t j = 0; j < 16; j++) {
            if (j < n) _mm512_storeu_ps(dst + (d + j) * 16, x[j]);
        }
    }
}

#endif
