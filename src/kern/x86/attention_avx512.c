/* attention_avx512.c - attention of one head for AVX-512.
 *
 * The head's keys are packed once into panels, so that scores and the weighted
 * sum of values are the tiles of the matrix product. Queries go in blocks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>

#include "kern/variants.h"
#include "kern/x86/tile_avx512.h"

static_assert(ANM_ATTENTION_BLOCK == 12, "the cases of run_rows");

typedef struct block {
    const anm_attention_f32 *a;
    const float *keys; /* [panels of n_k] packed */
    float *scores;     /* [ANM_ATTENTION_BLOCK, ld] */
    size_t ld;
    size_t first, rows;               /* queries */
    float scale[ANM_ATTENTION_BLOCK]; /* 1 / sum of a row's exponentials */
} block;

static ANM_ALWAYS_INLINE void run_rows(const tile *t, size_t rows,
                                       const int panels, const __mmask16 lanes)
{
    switch (rows) {
    case 1:
        run_tile(t, 1, panels, lanes, TILE_PLAIN);
        break;
    case 2:
        run_tile(t, 2, panels, lanes, TILE_PLAIN);
        break;
    case 3:
        run_tile(t, 3, panels, lanes, TILE_PLAIN);
        break;
    case 4:
        run_tile(t, 4, panels, lanes, TILE_PLAIN);
        break;
    case 5:
        run_tile(t, 5, panels, lanes, TILE_PLAIN);
        break;
    case 6:
        run_tile(t, 6, panels, lanes, TILE_PLAIN);
        break;
    case 7:
        run_tile(t, 7, panels, lanes, TILE_PLAIN);
        break;
    case 8:
        run_tile(t, 8, panels, lanes, TILE_PLAIN);
        break;
    case 9:
        run_tile(t, 9, panels, lanes, TILE_PLAIN);
        break;
    case 10:
        run_tile(t, 10, panels, lanes, TILE_PLAIN);
        break;
    case 11:
        run_tile(t, 11, panels, lanes, TILE_PLAIN);
        break;
    default:
        run_tile(t, 12, panels, lanes, TILE_PLAIN);
        break;
    }
}

static void run_pair(const tile *t, size_t rows)
{
    run_rows(t, rows, 2, 0xffff);
}

static void run_single(const tile *t, size_t rows, __mmask16 lanes)
{
    run_rows(t, rows, 1, lanes);
}

static void score_block(const block *b)
{
    const anm_attention_f32 *a = b->a;
    const size_t panels =
        anm_panels(anm_attention_visible(a, b->first + b->rows - 1));
    tile t = {
        .k = a->head_dim,
        .a = a->q + b->first * a->ldq,
        .lda = a->ldq,
        .panel = ANM_PANEL * a->head_dim,
        .step = ANM_PANEL,
        .ld_sum = b->ld,
    };

    for (size_t p = 0; p < panels; p += 2) {
        t.w = b->keys + p * t.panel;
        t.sum = b->scores + p * ANM_PANEL;
        if (p + 1 < panels)
            run_pair(&t, b->rows);
        else
            run_single(&t, b->rows, 0xffff);
    }
}

/* Scores x[0..n) become exponentials; returns 1 / their sum, or 0. */
static ANM_ALWAYS_INLINE float weigh_row(float *x, size_t n, float scale)
{
    const __m512 least = _mm512_set1_ps(-INFINITY);
    const __m512 factor = _mm512_set1_ps(scale);
    __m512 max = least, sum = _mm512_setzero_ps();

    for (size_t j = 0; j < n; j += 16) {
        const __m512 s = _mm512_mul_ps(_mm512_loadu_ps(x + j), factor);

        _mm512_storeu_ps(x + j, s);
        max = _mm512_max_ps(_mm512_mask_mov_ps(least, first_lanes(n - j), s),
                            max);
    }
    const float top = _mm512_reduce_max_ps(max);
    max = _mm512_set1_ps(top == -INFINITY ? 0.0f : top);
    for (size_t j = 0; j < n; j += 16) {
        const __m512 e = _mm512_maskz_mov_ps(
            first_lanes(n - j),
            exp_f32x16(_mm512_sub_ps(_mm512_loadu_ps(x + j), max)));

        _mm512_storeu_ps(x + j, e);
        sum = _mm512_add_ps(sum, e);
    }
    const float total = _mm512_reduce_add_ps(sum);
    return total == 0.0f ? 0.0f : 1.0f / total;
}

/* Columns [d, d + 16 panels) of the block's output. All rows together over the
 * keys that the first row sees, then each row over the rest of its own. */
static void mix_columns(const block *b, size_t d, size_t panels,
                        __mmask16 lanes)
{
    const anm_attention_f32 *a = b->a;
    float sum[ANM_ATTENTION_BLOCK * 2 * ANM_PANEL];
    const size_t shared = anm_attention_visible(a, b->first);
    tile t = {
        .k = shared,
        .a = b->scores,
        .lda = b->ld,
        .w = a->v + d,
        .panel = ANM_PANEL,
        .step = a->ldv,
        .sum = sum,
        .ld_sum = panels * ANM_PANEL,
    };

    if (panels == 2)
        run_pair(&t, b->rows);
    else
        run_single(&t, b->rows, lanes);
    t.w += shared * a->ldv;
    for (size_t i = 0; i < b->rows; i++) {
        float *out = a->out + (b->first + i) * a->ldo + d;
        const __m512 scale = _mm512_set1_ps(b->scale[i]);

        t.k = anm_attention_visible(a, b->first + i) - shared;
        t.a = b->scores + i * b->ld + shared;
        t.sum = sum + i * t.ld_sum;
        if (t.k > 0 && panels == 2)
            run_tile(&t, 1, 2, 0xffff, TILE_RESUME);
        else if (t.k > 0)
            run_tile(&t, 1, 1, lanes, TILE_RESUME);
        for (size_t p = 0; p < panels; p++) {
            const __m512 x = _mm512_loadu_ps(t.sum + p * ANM_PANEL);

            _mm512_mask_storeu_ps(out + p * ANM_PANEL, lanes,
                                  _mm512_mul_ps(x, scale));
        }
    }
}

static void mix_block(const block *b)
{
    const size_t head_dim = b->a->head_dim;
    size_t d = 0;

    for (; head_dim - d >= 32; d += 32)
        mix_columns(b, d, 2, 0xffff);
    for (; d < head_dim; d += 16)
        mix_columns(b, d, 1, first_lanes(head_dim - d));
}

void anm_attention_f32_avx512(const anm_attention_f32 *a)
{
    const size_t panels = anm_panels(a->n_k);
    const size_t panel_len = ANM_PANEL * a->head_dim;
    const size_t blocks =
        (a->n_q + ANM_ATTENTION_BLOCK - 1) / ANM_ATTENTION_BLOCK;
    block b = {
        .a = a,
        .keys = a->scratch,
        .scores = a->scratch + panels * panel_len,
        .ld = panels * ANM_PANEL,
    };

    for (size_t p = 0; p < panels; p++) {
        const size_t j = p * ANM_PANEL;
        const size_t rows = a->n_k - j < ANM_PANEL ? a->n_k - j : ANM_PANEL;

        pack_panel(a->scratch + p * panel_len, a->k + j * a->ldk, a->ldk, rows,
                   a->head_dim);
    }
    for (size_t left = blocks; left > 0; left--, b.first += b.rows) {
        b.rows = (a->n_q - b.first + left - 1) / left;
        score_block(&b);
        for (size_t i = 0; i < b.rows; i++)
            b.scale[i] =
                weigh_row(b.scores + i * b.ld,
                          anm_attention_visible(a, b.first + i), a->scale);
        mix_block(&b);
    }
}
