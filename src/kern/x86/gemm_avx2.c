/* gemm_avx2.c - packing and the matrix product for AVX2 + FMA.
 *
 * A panel is read once for all rows: the first tile of rows brings it into L2
 * and every tile fetches its share of the next meanwhile. Up to three rows take
 * several panels at once; one only waits for memory, and there the core's own
 * prefetcher does better.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"
#include "kern/x86/stored_avx2.h"

enum { FEW_ROWS = 3 };

void anm_pack_avx2(void *dst, anm_dtype type, const void *w, size_t ldw,
                   size_t n, size_t k)
{
    const float *from = w;
    float *to = dst;

    if (type != ANM_DTYPE_F32) {
        anm_pack_ref(dst, type, w, ldw, n, k);
        return;
    }
    for (size_t j = 0; j < n; j += ANM_PANEL)
        pack_panel(to + j * k, from + j * ldw, ldw,
                   n - j < ANM_PANEL ? n - j : ANM_PANEL, k);
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

/* Calls, not inlined: within its caller gcc keeps some sums on the stack, which
 * halves the speed. */
static ANM_NOINLINE void run_many(const tile *t, size_t rows)
{
    run_rows(t, rows, true, TILE_FETCH);
}

static ANM_NOINLINE void run_few(const tile *t, size_t rows, size_t panels)
{
    if (panels == 4)
        run_tile(t, 1, 4, true, TILE_PLAIN);
    else if (rows == 1)
        run_tile(t, 1, 2, true, TILE_PLAIN);
    else if (rows == 2)
        run_tile(t, 2, 2, true, TILE_FETCH);
    else
        run_tile(t, 3, 2, true, TILE_FETCH);
}

/* `panels` panels from panel p for all rows, in tiles of nearly equal height;
 * has_next: as many panels follow them. */
static void multiply_panels(const anm_gemm_f32 *g, size_t p, size_t panels,
                            bool has_next)
{
    const size_t tiles = (g->m + TILE_ROWS - 1) / TILE_ROWS;
    const size_t j0 = p * ANM_PANEL, j1 = j0 + panels * ANM_PANEL;
    float sum[TILE_ROWS * ANM_PANEL];
    tile t = {
        .k = g->k,
        .lda = g->lda,
        .w = (const float *)g->w + p * ANM_PANEL * g->k,
        .panel = ANM_PANEL * g->k,
        .step = ANM_PANEL,
        .sum = sum,
        .ld_sum = panels * ANM_PANEL,
    };

    t.ahead = has_next ? t.w + panels * t.panel : t.w;
    t.ahead_step = has_next ? (ANM_PANEL + tiles - 1) / tiles : 0;
    for (size_t i = 0, left = tiles; left > 0; left--) {
        const size_t rows = (g->m - i + left - 1) / left;

        t.a = g->a + i * g->lda;
        if (panels > 1)
            run_few(&t, rows, panels);
        else
            run_many(&t, rows);
        finish_tile(g, sum, t.ld_sum, i, rows, j0, j1 < g->n ? j1 : g->n);
        t.ahead += t.ahead_step * g->k;
        i += rows;
    }
}

/* ---- Stored types --------------------------------------------------------- */

/* A tile of the shapes that the number of rows asks for, of one type. */
static ANM_ALWAYS_INLINE void run_stored_as(const stored_tile *t,
                                            const anm_dtype type, size_t rows,
                                            size_t panels)
{
    if (panels == 4) {
        run_stored(t, type, 1, 4);
        return;
    }
    if (panels == 2) {
        if (rows == 1)
            run_stored(t, type, 1, 2);
        else if (rows == 2)
            run_stored(t, type, 2, 2);
        else
            run_stored(t, type, 3, 2);
        return;
    }
    switch (rows) {
    case 1:
        run_stored(t, type, 1, 1);
        break;
    case 2:
        run_stored(t, type, 2, 1);
        break;
    case 3:
        run_stored(t, type, 3, 1);
        break;
    case 4:
        run_stored(t, type, 4, 1);
        break;
    case 5:
        run_stored(t, type, 5, 1);
        break;
    default:
        run_stored(t, type, 6, 1);
        break;
    }
}

static ANM_NOINLINE void run_f16(const stored_tile *t, size_t rows,
                                 size_t panels)
{
    run_stored_as(t, ANM_DTYPE_F16, rows, panels);
}

static ANM_NOINLINE void run_bf16(const stored_tile *t, size_t rows,
                                  size_t panels)
{
    run_stored_as(t, ANM_DTYPE_BF16, rows, panels);
}

static ANM_NOINLINE void run_q8_0(const stored_tile *t, size_t rows,
                                  size_t panels)
{
    run_stored_as(t, ANM_DTYPE_Q8_0, rows, panels);
}

static ANM_NOINLINE void run_q4_0(const stored_tile *t, size_t rows,
                                  size_t panels)
{
    run_stored_as(t, ANM_DTYPE_Q4_0, rows, panels);
}

static ANM_NOINLINE void run_q4_k(const stored_tile *t, size_t rows,
                                  size_t panels)
{
    run_stored_as(t, ANM_DTYPE_Q4_K, rows, panels);
}

static ANM_NOINLINE void run_q5_k(const stored_tile *t, size_t rows,
                                  size_t panels)
{
    run_stored_as(t, ANM_DTYPE_Q5_K, rows, panels);
}

static ANM_NOINLINE void run_q6_k(const stored_tile *t, size_t rows,
                                  size_t panels)
{
    run_stored_as(t, ANM_DTYPE_Q6_K, rows, panels);
}

static void run_type(const stored_tile *t, anm_dtype type, size_t rows,
                     size_t panels)
{
    if (type == ANM_DTYPE_F16)
        run_f16(t, rows, panels);
    else if (type == ANM_DTYPE_BF16)
        run_bf16(t, rows, panels);
    else if (type == ANM_DTYPE_Q8_0)
        run_q8_0(t, rows, panels);
    else if (type == ANM_DTYPE_Q4_0)
        run_q4_0(t, rows, panels);
    else if (type == ANM_DTYPE_Q4_K)
        run_q4_k(t, rows, panels);
    else if (type == ANM_DTYPE_Q5_K)
        run_q5_k(t, rows, panels);
    else
        run_q6_k(t, rows, panels);
}

/* `panels` panels from panel p for all rows, in tiles of nearly equal height:
 * the taller, the less widening a product. */
static void multiply_stored(const anm_gemm_f32 *g, stored_tile *t, size_t p,
                            size_t panels)
{
    const size_t tiles = (g->m + TILE_ROWS - 1) / TILE_ROWS;
    const size_t j0 = p * ANM_PANEL, j1 = j0 + panels * ANM_PANEL;
    float sum[TILE_ROWS * ANM_PANEL];

    t->sum = sum;
    t->ld_sum = panels * ANM_PANEL;
    for (size_t i = 0, left = tiles; left > 0; left--) {
        const size_t rows = (g->m - i + left - 1) / left;

        t->a = g->a + i * g->lda;
        run_type(t, product_type(g->w_type), rows, panels);
        finish_tile(g, sum, t->ld_sum, i, rows, j0, j1 < g->n ? j1 : g->n);
        i += rows;
    }
}

static void multiply_type(const anm_gemm_f32 *g)
{
    const size_t widest = g->m == 1 ? 4 : g->m <= FEW_ROWS ? 2 : 1;
    const size_t end = g->panel_first + g->panel_count;
    const size_t bytes = anm_panel_bytes(g->w_type, g->k);
    stored_tile t = { .k = g->k, .lda = g->lda, .panel = bytes };

    for (size_t p = g->panel_first; p < end;) {
        size_t panels = widest;

        while (panels > end - p)
            panels /= 2;
        t.w = (const byte *)g->w + p * bytes;
        t.ahead = end - p + g->panel_ahead >= 2 * panels ? panels * bytes : 0;
        multiply_stored(g, &t, p, panels);
        p += panels;
    }
}

void anm_gemm_f32_avx2(const anm_gemm_f32 *g)
{
    if (g->w_type != ANM_DTYPE_F32) {
        multiply_type(g);
        return;
    }

    const size_t widest = g->m == 1 ? 4 : g->m <= FEW_ROWS ? 2 : 1;
    const size_t end = g->panel_first + g->panel_count;

    for (size_t p = g->panel_first; p < end;) {
        size_t panels = widest;

        while (panels > end - p)
            panels /= 2;
        multiply_panels(g, p, panels, end - p + g->panel_ahead >= 2 * panels);
        p += panels;
    }
}
