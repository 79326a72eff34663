/* gemm_avx512.c - packing and the matrix product for AVX-512.
 *
 * Two panels are read once for all rows: the first tile of rows brings them
 * into L2 and every tile fetches its share of the next two meanwhile. Few rows
 * take four panels at once, so that there are chains enough.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/tile_avx512.h"

void anm_pack_f32_avx512(float *dst, const float *w, size_t ldw, size_t n,
                         size_t k, size_t panel_first, size_t panel_count)
{
    for (size_t p = 0; p < panel_count; p++) {
        const size_t j = (panel_first + p) * ANM_PANEL;
        const size_t rows = n - j < ANM_PANEL ? n - j : ANM_PANEL;

        pack_panel(dst + p * ANM_PANEL * k, w + j * ldw, ldw, rows, k);
    }
}

/* What follows the sums of `rows` rows from row i0 and `panels` panels from
 * column j0. */
static void finish_tile(const anm_gemm_f32 *g, const float *sum, size_t i0,
                        size_t rows, size_t j0, size_t panels)
{
    for (size_t i = 0; i < rows; i++) {
        float *c = g->c + (i0 + i) * g->ldc;
        const float *residual = g->residual;

        if (residual) residual += (i0 + i) * g->ld_residual;
        for (size_t p = 0; p < panels; p++, sum += ANM_PANEL) {
            const size_t j = j0 + p * ANM_PANEL;
            const __mmask16 lanes = first_lanes(g->n - j);
            __m512 x = _mm512_loadu_ps(sum);

            if (g->bias)
                x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(lanes, g->bias + j));
            x = act_f32x16(x, g->act);
            if (residual)
                x = _mm512_add_ps(x,
                                  _mm512_maskz_loadu_ps(lanes, residual + j));
            _mm512_mask_storeu_ps(c + j, lanes, x);
        }
    }
}

static void run_single(const tile *t, size_t rows)
{
    switch (rows) {
    case 1:
        run_tile(t, 1, 1, 0xffff, TILE_PLAIN);
        break;
    case 2:
        run_tile(t, 2, 1, 0xffff, TILE_PLAIN);
        break;
    case 3:
        run_tile(t, 3, 1, 0xffff, TILE_PLAIN);
        break;
    case 4:
        run_tile(t, 4, 1, 0xffff, TILE_PLAIN);
        break;
    case 5:
        run_tile(t, 5, 1, 0xffff, TILE_PLAIN);
        break;
    case 6:
        run_tile(t, 6, 1, 0xffff, TILE_PLAIN);
        break;
    case 7:
        run_tile(t, 7, 1, 0xffff, TILE_PLAIN);
        break;
    case 8:
        run_tile(t, 8, 1, 0xffff, TILE_PLAIN);
        break;
    case 9:
        run_tile(t, 9, 1, 0xffff, TILE_PLAIN);
        break;
    case 10:
        run_tile(t, 10, 1, 0xffff, TILE_PLAIN);
        break;
    case 11:
        run_tile(t, 11, 1, 0xffff, TILE_PLAIN);
        break;
    case 12:
        run_tile(t, 12, 1, 0xffff, TILE_PLAIN);
        break;
    case 13:
        run_tile(t, 13, 1, 0xffff, TILE_PLAIN);
        break;
    default:
        run_tile(t, 14, 1, 0xffff, TILE_PLAIN);
        break;
    }
}

static void run_pair(const tile *t, size_t rows)
{
    switch (rows) {
    case 1:
        run_tile(t, 1, 2, 0xffff, TILE_PLAIN);
        break;
    case 2:
        run_tile(t, 2, 2, 0xffff, TILE_PLAIN);
        break;
    case 3:
        run_tile(t, 3, 2, 0xffff, TILE_PLAIN);
        break;
    case 4:
        run_tile(t, 4, 2, 0xffff, TILE_PLAIN);
        break;
    case 5:
        run_tile(t, 5, 2, 0xffff, TILE_PLAIN);
        break;
    case 6:
        run_tile(t, 6, 2, 0xffff, TILE_PLAIN);
        break;
    case 7:
        run_tile(t, 7, 2, 0xffff, TILE_PLAIN);
        break;
    case 8:
        run_tile(t, 8, 2, 0xffff, TILE_PLAIN);
        break;
    case 9:
        run_tile(t, 9, 2, 0xffff, TILE_PLAIN);
        break;
    case 10:
        run_tile(t, 10, 2, 0xffff, TILE_PLAIN);
        break;
    case 11:
        run_tile(t, 11, 2, 0xffff, TILE_PLAIN);
        break;
    case 12:
        run_tile(t, 12, 2, 0xffff, TILE_PLAIN);
        break;
    case 13:
        run_tile(t, 13, 2, 0xffff, TILE_PLAIN);
        break;
    default:
        run_tile(t, 14, 2, 0xffff, TILE_PLAIN);
        break;
    }
}

static void run_quad(const tile *t, size_t rows)
{
    switch (rows) {
    case 1:
        run_tile(t, 1, 4, 0xffff, TILE_PLAIN);
        break;
    case 2:
        run_tile(t, 2, 4, 0xffff, TILE_PLAIN);
        break;
    case 3:
        run_tile(t, 3, 4, 0xffff, TILE_PLAIN);
        break;
    default:
        run_tile(t, 4, 4, 0xffff, TILE_PLAIN);
        break;
    }
}

/* `panels` panels from panel p for all rows, in tiles of nearly equal height;
 * `next` lines of weights follow them. */
static void multiply_panels(const anm_gemm_f32 *g, size_t p, size_t panels,
                            size_t next)
{
    const size_t tiles = (g->m + TILE_ROWS - 1) / TILE_ROWS;
    const size_t turns = tiles * ((g->k + TILE_DEPTH - 1) / TILE_DEPTH);
    float sum[TILE_ROWS * 2 * ANM_PANEL];
    tile t = {
        .k = g->k,
        .a = g->a,
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
        if (panels == 4)
            run_quad(&t, rows);
        else if (panels == 2)
            run_pair(&t, rows);
        else
            run_single(&t, rows);
        finish_tile(g, sum, i, rows, p * ANM_PANEL, panels);
        t.ahead +=
            t.ahead_lines * ANM_PANEL * ((g->k + TILE_DEPTH - 1) / TILE_DEPTH);
        i += rows;
    }
}

void anm_gemm_f32_avx512(const anm_gemm_f32 *g)
{
    const size_t end = g->panel_first + g->panel_count;
    const size_t widest = g->m <= 4 ? 4 : 2;

    for (size_t p = g->panel_first; p < end;) {
        size_t panels = widest;

        while (panels > end - p)
            panels /= 2;
        const size_t after = end - p - panels;
        const size_t next = after < panels ? after : panels;
        multiply_panels(g, p, panels, next * g->k);
        p += panels;
    }
}
