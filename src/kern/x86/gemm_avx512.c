/* gemm_avx512.c - packing and the matrix product for AVX-512.
 *
 * Weights are read once for all rows: the first tile of rows brings them into
 * L2 and every tile fetches its share of the next meanwhile. How many panels
 * stand side by side depends on m:
 *   1 … 3 rows   four, since fewer sums do not cover their latency. One or two
 *                rows only wait for memory, and there the core's own
 *                prefetcher does better
 *   4 … 8 rows   one: weights come as a single stream
 *   9 and more   two under 4 to 6 rows: half the loads of a
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "kern/variants.h"
#include "kern/x86/stored_avx512.h"

enum { FEW_ROWS = 3, PAIR_ROWS = 6 };

static_assert(
    FEW_ROWS * 4 <= PAIR_ROWS * 2 && TILE_ROWS <= PAIR_ROWS * 2 &&
        FEW_ROWS * 4 <= TILE_ROWS * 2,
    "a pair has the largest sums, and two halves those of stored ones");

void anm_pack_avx512(void *dst, anm_dtype type, const void *w, size_t ldw,
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

/* Calls, not inlined: within its caller gcc keeps some sums on the stack, which
 * halves the speed. */
static ANM_NOINLINE void run_single(const tile *t, size_t rows)
{
    run_rows(t, rows, 0xffff, TILE_FETCH);
}

static ANM_NOINLINE void run_pair(const tile *t, size_t rows)
{
    assert(rows >= 4 && rows <= PAIR_ROWS);
    if (rows == 4)
        run_tile(t, 4, 2, 0xffff, TILE_FETCH);
    else if (rows == 5)
        run_tile(t, 5, 2, 0xffff, TILE_FETCH);
    else
        run_tile(t, 6, 2, 0xffff, TILE_FETCH);
}

static ANM_NOINLINE void run_four(const tile *t, size_t rows)
{
    assert(rows <= FEW_ROWS);
    if (rows == 1)
        run_tile(t, 1, 4, 0xffff, TILE_PLAIN);
    else if (rows == 2)
        run_tile(t, 2, 4, 0xffff, TILE_PLAIN);
    else
        run_tile(t, 3, 4, 0xffff, TILE_FETCH);
}

/* `panels` panels from panel p for all rows, in tiles of nearly equal height;
 * has_next: as many panels follow them. */
static void multiply_panels(const anm_gemm_f32 *g, size_t p, size_t panels,
                            bool has_next)
{
    const size_t most = g->m <= TILE_ROWS ? TILE_ROWS : PAIR_ROWS;
    const size_t tiles = (g->m + most - 1) / most;
    float sum[PAIR_ROWS * 2 * ANM_PANEL];
    tile t = {
        .k = g->k,
        .a = g->a,
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
        if (panels == 4)
            run_four(&t, rows);
        else if (panels == 2)
            run_pair(&t, rows);
        else
            run_single(&t, rows);
        finish_tile(g, sum, i, rows, p * ANM_PANEL, panels);
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
        if (rows == 1)
            run_stored(t, type, 1, 4);
        else if (rows == 2)
            run_stored(t, type, 2, 4);
        else
            run_stored(t, type, 3, 4);
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
    case 6:
        run_stored(t, type, 6, 1);
        break;
    case 7:
        run_stored(t, type, 7, 1);
        break;
    default:
        run_stored(t, type, 8, 1);
        break;
    }
}

/* The same for types with scales, whose tiles may be twice as high. */
static ANM_ALWAYS_INLINE void run_scaled_as(const stored_tile *t,
                                            const anm_dtype type, size_t rows,
                                            size_t panels)
{
    switch (rows) {
    case 9:
        run_halves(t, type, 9);
        break;
    case 10:
        run_halves(t, type, 10);
        break;
    case 11:
        run_halves(t, type, 11);
        break;
    case 12:
        run_halves(t, type, 12);
        break;
    case 13:
        run_halves(t, type, 13);
        break;
    case 14:
        run_halves(t, type, 14);
        break;
    case 15:
        run_halves(t, type, 15);
        break;
    case 16:
        run_halves(t, type, 16);
        break;
    default:
        run_stored_as(t, type, rows, panels);
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
    run_scaled_as(t, ANM_DTYPE_Q8_0, rows, panels);
}

static ANM_NOINLINE void run_q4_0(const stored_tile *t, size_t rows,
                                  size_t panels)
{
    run_scaled_as(t, ANM_DTYPE_Q4_0, rows, panels);
}

static ANM_NOINLINE void run_q4_k(const stored_tile *t, size_t rows,
                                  size_t panels)
{
    run_scaled_as(t, ANM_DTYPE_Q4_K, rows, panels);
}

static ANM_NOINLINE void run_q5_k(const stored_tile *t, size_t rows,
                                  size_t panels)
{
    run_scaled_as(t, ANM_DTYPE_Q5_K, rows, panels);
}

static ANM_NOINLINE void run_q6_k(const stored_tile *t, size_t rows,
                                  size_t panels)
{
    run_scaled_as(t, ANM_DTYPE_Q6_K, rows, panels);
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
    const size_t most =
        run_steps(product_type(g->w_type)) ? 2 * TILE_ROWS : TILE_ROWS;
    const size_t tiles = (g->m + most - 1) / most;
    float sum[2 * TILE_ROWS * ANM_PANEL];

    t->sum = sum;
    t->ld_sum = panels * ANM_PANEL;
    for (size_t i = 0, left = tiles; left > 0; left--) {
        const size_t rows = (g->m - i + left - 1) / left;

        t->a = g->a + i * g->lda;
        run_type(t, product_type(g->w_type), rows, panels);
        finish_tile(g, sum, i, rows, p * ANM_PANEL, panels);
        i += rows;
    }
}

static void multiply_type(const anm_gemm_f32 *g)
{
    const size_t end = g->panel_first + g->panel_count;
    const size_t widest = g->m <= FEW_ROWS ? 4 : 1;
    const size_t bytes = anm_panel_bytes(g->w_type, g->k);
    stored_tile t = { .k = g->k, .lda = g->lda, .panel = bytes };

    for (size_t p = g->panel_first; p < end;) {
        const size_t panels = end - p >= widest ? widest : 1;

        t.w = (const byte *)g->w + p * bytes;
        t.ahead = end - p + g->panel_ahead >= 2 * panels ? panels * bytes : 0;
        multiply_stored(g, &t, p, panels);
        p += panels;
    }
}

void anm_gemm_f32_avx512(const anm_gemm_f32 *g)
{
    if (g->w_type != ANM_DTYPE_F32) {
        multiply_type(g);
        return;
    }

    const size_t end = g->panel_first + g->panel_count;
    const size_t widest = g->m <= FEW_ROWS ? 4 : g->m <= TILE_ROWS ? 1 : 2;

    for (size_t p = g->panel_first; p < end;) {
        const size_t panels = end - p >= widest ? widest : 1;

        multiply_panels(g, p, panels, end - p + g->panel_ahead >= 2 * panels);
        p += panels;
    }
}
