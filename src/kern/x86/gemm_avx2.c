/* gemm_avx2.c - packing and the matrix product for AVX2 + FMA.
 *
 * A panel is read once for all rows: the first tile of rows brings it into L2
 * and every tile fetches its share of the next meanwhile. Few rows take two or
 * four panels at once, so that there are chains enough.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/tile_avx2.h"

void anm_pack_f32_avx2(float *dst, const float *w, size_t ldw, size_t n,
                       size_t k, size_t panel_first, size_t panel_count)
{
    for (size_t p = 0; p < panel_count; p++) {
        const size_t j = (panel_first + p) * ANM_PANEL;
        const size_t rows = n - j < ANM_PANEL ? n - j : ANM_PANEL;

        pack_panel(dst + p * ANM_PANEL * k, w + j * ldw, ldw, rows, k);
    }
}

/* What follows the sums of `rows` rows from row i0 and the columns [j0, j1). */
static void finish_tile(const anm_gemm_f32 *g, const float *sum, size_t ld_sum,
                        size_t i0, size_t rows, size_t j0, size_t j1)
{
    for (size_t i = 0; i < rows; i++, sum += ld_sum) {
        float *c = g->c + (i0 + i) * g->ldc;
        const float *residual = g->residual;

        if (residual) residual += (i0 + i) * g->ld_residual;
        for (size_t j = j0; j < j1; j += 8) {
            const size_t n = j1 - j;
            __m256 x = _mm256_loadu_ps(sum + (j - j0));

            if (g->bias) x = _mm256_add_ps(x, load_f32x8(g->bias + j, n));
            x = act_f32x8(x, g->act);
            if (residual) x = _mm256_add_ps(x, load_f32x8(residual + j, n));
            store_f32x8(c + j, n, x);
        }
    }
}

static void run_single(const tile *t, size_t rows)
{
    switch (rows) {
    case 1:
        run_tile(t, 1, 1, true, TILE_PLAIN);
        break;
    case 2:
        run_tile(t, 2, 1, true, TILE_PLAIN);
        break;
    case 3:
        run_tile(t, 3, 1, true, TILE_PLAIN);
        break;
    case 4:
        run_tile(t, 4, 1, true, TILE_PLAIN);
        break;
    case 5:
        run_tile(t, 5, 1, true, TILE_PLAIN);
        break;
    default:
        run_tile(t, 6, 1, true, TILE_PLAIN);
        break;
    }
}

static void run_wide(const tile *t, size_t rows, size_t panels)
{
    if (panels == 4)
        run_tile(t, 1, 4, true, TILE_PLAIN);
    else if (rows == 1)
        run_tile(t, 1, 2, true, TILE_PLAIN);
    else if (rows == 2)
        run_tile(t, 2, 2, true, TILE_PLAIN);
    else
        run_tile(t, 3, 2, true, TILE_PLAIN);
}

/* `panels` panels from panel p for all rows, in tiles of nearly equal height;
 * `next` lines of weights follow them. */
static void multiply_panels(const anm_gemm_f32 *g, size_t p, size_t panels,
                            size_t next)
{
    const size_t tiles = (g->m + TILE_ROWS - 1) / TILE_ROWS;
    const size_t depths = (g->k + TILE_DEPTH - 1) / TILE_DEPTH;
    const size_t turns = tiles * depths;
    const size_t j0 = p * ANM_PANEL, j1 = j0 + panels * ANM_PANEL;
    float sum[TILE_ROWS * ANM_PANEL];
    tile t = {
        .k = g->k,
        .lda = g->lda,
        .w = g->w + p * ANM_PANEL * g->k,
        .panel = ANM_PANEL * g->k,
        .step = ANM_PANEL,
        .sum = sum,
        .ld_sum = panels * ANM_PANEL,
        .ahead_lines = turns ? (next + turns - 1) / turns : 0,
    };

    t.ahead = t.w + panels * t.panel;
    for (size_t i = 0, left = tiles; left > 0; left--) {
        const size_t rows = (g->m - i + left - 1) / left;

        t.a = g->a + i * g->lda;
        if (panels > 1)
            run_wide(&t, rows, panels);
        else
            run_single(&t, rows);
        finish_tile(g, sum, t.ld_sum, i, rows, j0, j1 < g->n ? j1 : g->n);
        t.ahead += t.ahead_lines * ANM_PANEL * depths;
        i += rows;
    }
}

void anm_gemm_f32_avx2(const anm_gemm_f32 *g)
{
    static const size_t widest[4] = { 4, 4, 2, 2 };
    const size_t end = g->panel_first + g->panel_count;

    for (size_t p = g->panel_first; p < end;) {
        size_t panels = g->m < 4 ? widest[g->m] : 1;

        while (panels > end - p)
            panels /= 2;
        const size_t after = end - p - panels;
        const size_t next = after < panels ? after : panels;
        multiply_panels(g, p, panels, next * g->k);
        p += panels;
    }
}
