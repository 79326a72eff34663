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

static_assert((int)TILE_ROWS <= (int)ANM_ATTENTION_BLOCK,
              "scratch holds a block of scores");

typedef struct block {
    const anm_attention_f32 *a;
    const float *keys; /* [panels of n_k] packed */
    float *scores;     /* [TILE_ROWS, ld] */
    size_t ld;
    size_t first, rows;     /* queries */
    float scale[TILE_ROWS]; /* 1 / sum of a row's exponentials */
} block;

/* In two functions, so that the common one has no mask to keep. */
static ANM_NOINLINE void run_whole(const tile *t, size_t rows)
{
    run_rows(t, rows, 0xffff, TILE_PLAIN);
}

static ANM_NOINLINE void run_part(const tile *t, size_t rows, __mmask16 lanes)
{
    run_rows(t, rows, lanes, TILE_PLAIN);
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
        .w = b->keys,
        .step = ANM_PANEL,
        .sum = b->scores,
        .ld_sum = b->ld,
    };

    for (size_t p = 0; p < panels; p++) {
        run_whole(&t, b->rows);
        t.w += ANM_PANEL * a->head_dim;
        t.sum += ANM_PANEL;
    }
}

/* Scores x[0..n) become exponentials; returns 1 / their sum, or 0. The scores
 * go on to a whole panel, so that loads need no mask. */
static ANM_ALWAYS_INLINE float weigh_row(float *x, size_t n, float factor)
{
    const __m512 least = _mm512_set1_ps(-INFINITY);
    const __m512 scale = _mm512_set1_ps(factor);
    __m512 max = least, sum = _mm512_setzero_ps();

    for (size_t j = 0; j < n; j += 16) {
        const __m512 s = _mm512_mul_ps(_mm512_loadu_ps(x + j), scale);

        max = _mm512_max_ps(_mm512_mask_mov_ps(least, first_lanes(n - j), s),
                            max);
    }
    const float top = _mm512_reduce_max_ps(max);
    max = _mm512_set1_ps(top == -INFINITY ? 0.0f : top);
    for (size_t j = 0; j < n; j += 16) {
        const __m512 e = _mm512_maskz_mov_ps(
            first_lanes(n - j),
            exp_f32x16(_mm512_fmsub_ps(_mm512_loadu_ps(x + j), scale, max)));

        _mm512_storeu_ps(x + j, e);
        sum = _mm512_add_ps(sum, e);
    }
    const float total = _mm512_reduce_add_ps(sum);
    return total == 0.0f ? 0.0f : 1.0f / total;
}

/* Columns [d, d + columns) of the block's output. All rows together over the
 * keys that the first row sees, then each row over the rest of its own. */
static void mix_columns(const block *b, size_t d, size_t columns)
{
    const anm_attention_f32 *a = b->a;
    const size_t shared = anm_attention_visible(a, b->first);
    const __mmask16 lanes = first_lanes(columns);
    float sum[TILE_ROWS * ANM_PANEL];
    tile t = {
        .k = shared,
        .a = b->scores,
        .lda = b->ld,
        .w = a->v + d,
        .step = a->ldv,
        .sum = sum,
        .ld_sum = ANM_PANEL,
    };

    if (columns == ANM_PANEL)
        run_whole(&t, b->rows);
    else
        run_part(&t, b->rows, lanes);
    t.w += shared * a->ldv;
    for (size_t i = 0; i < b->rows; i++, t.sum += ANM_PANEL) {
        float *out = a->out + (b->first + i) * a->ldo + d;
        const __m512 scale = _mm512_set1_ps(b->scale[i]);

        t.k = anm_attention_visible(a, b->first + i) - shared;
        t.a = b->scores + i * b->ld + shared;
        if (t.k > 0) run_tile(&t, 1, 1, lanes, TILE_RESUME);
        _mm512_mask_storeu_ps(out, lanes,
                              _mm512_mul_ps(_mm512_loadu_ps(t.sum), scale));
    }
}

void anm_attention_f32_avx512(const anm_attention_f32 *a)
{
    const size_t panels = anm_panels(a->n_k);
    const size_t panel_len = ANM_PANEL * a->head_dim;
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
    size_t left = (a->n_q + TILE_ROWS - 1) / TILE_ROWS;
    for (; left > 0; left--, b.first += b.rows) {
        b.rows = (a->n_q - b.first + left - 1) / left;
        score_block(&b);
        for (size_t i = 0; i < b.rows; i++)
            b.scale[i] =
                weigh_row(b.scores + i * b.ld,
                          anm_attention_visible(a, b.first + i), a->scale);
        for (size_t d = 0; d < a->head_dim; d += ANM_PANEL) {
            const size_t columns = a->head_dim - d;
            mix_columns(&b, d, columns < ANM_PANEL ? columns : ANM_PANEL);
        }
    }
}
