/* kern.h - the kernel table: every compute operation, its mathematical
 * contract, and the variants that meet it.
 *
 * anm_kern_init() is a pure function of a level mask: 0 gives the scalar
 * specification (ref/), each level overlays what it improves (x86/, arm/).
 * tests/kern checks every distinct pointer against the scalar one under the
 * tolerance that its contract states. Kernels are total functions: they do not
 * allocate, fail, log or start threads. Who calls them splits the work.
 *
 * Conventions, stated once
 * - Matrices are row-major; ld* is the distance between rows in elements.
 * - No alignment is required, and nothing outside the stated ranges is read or
 *   written. Outputs do not overlap inputs unless a contract says "in place".
 * - ROWS ARE INDEPENDENT: the bits of an output row depend on that row's
 *   inputs (and weights) alone, not on how many rows, panels or calls there
 *   are. A vector is therefore the same alone and in any batch.
 * - u = 2^-24, the unit roundoff of float32. NaN in gives NaN out; infinities
 *   and subnormals are ordinary numbers. No flush-to-zero.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_KERN_H
#define ANM_KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"

/* ---- Weights ---------------------------------------------------------------
 * Weights stay in the type they are stored in: F32, F16, BF16, Q8_0, Q4_0, Q5_0,
 * Q4_K, Q5_K or Q6_K. All arithmetic is float32 on values as anm_widen_f32() makes them,
 * so that a product has the same bits as with the widened weights as F32.
 *
 * A panel holds 16 output features of all k, at every level, so that one
 * prepared artifact has one layout. Features past n have the value 0 and k past
 * the end of a pair likewise. Element (feature j, d) of a panel:
 *
 *   F32, F16   [k][16]: element 16 d + j
 *   BF16       [k / 2 rounded up][16][2]: one load is two steps of d
 *   Q8_0       for each 32 d: 16 scales f16, then [32][16] i8
 *   Q5_0       the same, of q - 16
 *   Q4_0       for each 32 d: 16 scales f16, then [4][16][4] bytes, one load
 *              is eight steps of d: those of byte b are 2 b (its low bits) and
 *              2 b + 1, as q - 8 in two's complement
 *   Q4_K       for each 32 d: 16 scales and 16 minima f32, multiplied out, then
 *              nibbles as of Q4_0, but q itself: w = scale q - minimum
 *   Q5_K       heads as of Q4_K, then [32][16] u8
 *   Q6_K       for each 16 d: 16 scales f32, multiplied out, then [16][16] i8
 *
 * Panels of Q8_0 and Q4_0 take the bytes that their rows take in a file, those
 * of Q4_K 4 / 3 of them, of Q6_K 1.52, of Q5_0 1.55 and of Q5_K 1.82. */

/* Columns (output features) of a packed panel. */
enum { ANM_PANEL = 16 };

/* Whether panels and tables may have this type. */
bool anm_kern_keeps(anm_dtype type);

/* Bytes of one panel; k is a whole number of blocks of the type. */
size_t anm_panel_bytes(anm_dtype type, size_t k);

/* Panels that cover n output features. */
static inline size_t anm_panels(size_t n)
{
    return (n + ANM_PANEL - 1) / ANM_PANEL;
}

/* A matrix product over packed weights with everything that follows it:
 *
 *   c[i][j] = act(sum_k a[i][k] w[j][k] + bias[j]) + residual[i][j]
 *
 * for i < m and the columns j < n of panels [panel_first, panel_first +
 * panel_count). residual may be c itself (in place). The panel_ahead panels
 * behind those are asked of memory early, for whoever multiplies them next. */
typedef struct anm_gemm_f32 {
    size_t m, n, k;
    const float *a; /* [m, k] */
    size_t lda;
    const void *w; /* anm_kern.pack() of [n, k] */
    anm_dtype w_type;
    float *c; /* [m, n] */
    size_t ldc;
    const float *bias;     /* [n], or NULL */
    const float *residual; /* [m, n], or NULL */
    size_t ld_residual;
    anm_act act;
    size_t panel_first, panel_count, panel_ahead;
} anm_gemm_f32;

/* y[i] = table[ids[i]], widened, for n rows of dim; 0 <= ids[i] < rows of the
 * table, the caller's duty. dim and ldt are whole blocks of the type. */
typedef struct anm_gather_f32 {
    const void *table; /* rows as stored */
    anm_dtype type;
    size_t ldt;         /* in elements */
    const int32_t *ids; /* [n] */
    size_t n, dim;
    float *y; /* [n, dim] */
    size_t ldy;
} anm_gather_f32;

/* Attention of one head of one text:
 *
 *   out[i] = sum_j p[i][j] v[j],  p[i] = softmax_j(scale q[i] . k[j])
 *
 * for n_q queries and n_k keys; with `causal` query i sees the keys
 * j <= q_first + i only. A caller may split the queries of a text over calls:
 * q and out then start at query q_first of the text. */
typedef struct anm_attention_f32 {
    size_t n_q, n_k, head_dim;
    size_t q_first;
    bool causal;
    float scale;
    const float *q; /* [n_q, head_dim] */
    size_t ldq;
    const float *k; /* [n_k, head_dim] */
    size_t ldk;
    const float *v; /* [n_k, head_dim] */
    size_t ldv;
    float *out; /* [n_q, head_dim] */
    size_t ldo;
    float *scratch; /* [anm_attention_scratch(n_k, head_dim)] */
} anm_attention_f32;

/* Floats of scratch, linear in n_k: room for one block of queries' scores and
 * one repacked copy of a head's keys. */
size_t anm_attention_scratch(size_t n_k, size_t head_dim);

typedef struct anm_kern {
    /* The level each table is for: "scalar", "avx2", "avx512" … */
    const char *level;

    /* Reorder weights w [n, k] of a type, as they are stored and ldw elements
     * apart, into anm_panels(n) panels at dst. k and ldw are whole blocks. A
     * caller that streams passes 16 rows, or a multiple, at a time. Exact. */
    void (*pack)(void *dst, anm_dtype type, const void *w, size_t ldw, size_t n,
                 size_t k);

    /* Error: |c - exact| <= (k + 4) u (S + |bias|) L + E + u |c|, where
     * S = sum |a w|, L = 1.13 bounds the slope of every activation and E is
     * the activation's own error as stated at `act_f32`. Any order of
     * summation that does not depend on m or the panel range. */
    void (*gemm_f32)(const anm_gemm_f32 *g);

    /* x[0..n) = act(x[0..n)), in place. Absolute error of GELU_ERF and
     * GELU_TANH: at most 4e-7 max(1, |x|); of SILU and TANH: 4e-7
     * max(1, |x|); RELU is exact. gelu(-inf) is -0 or 0, not NaN. */
    void (*act_f32)(float *x, size_t n, anm_act act);

    /* y[i] = (x[i] - mean_i) / sqrt(var_i + eps) * gamma + beta for each of
     * `rows` rows of `dim`, var biased, mean and var accumulated so that
     * |y - exact| <= 1e-6 (|gamma| max_j |z_j| + |beta|) + |gamma| 2^-40
     * max_j |x_j| / sqrt(var + eps), z the normalised row; the last term is the
     * mean's rounding in double. In place allowed (y == x, ldy == ldx). */
    void (*layer_norm_f32)(float *y, size_t ldy, const float *x, size_t ldx,
                           const float *gamma, const float *beta, size_t rows,
                           size_t dim, float eps);

    /* Each of `rows` rows holds `groups` groups of dim, normalised each by
     * itself: y = x / sqrt(mean of x^2 + eps) * gamma, the mean in double.
     * Error of each entry: at most 4 u times its exact value plus 2^-126, as
     * long as the root is between 2^-120 and 2^120. In place allowed (y == x,
     * ldy == ldx). */
    void (*rms_norm_f32)(float *y, size_t ldy, const float *x, size_t ldx,
                         const float *gamma, size_t rows, size_t groups,
                         size_t dim, float eps);

    /* The angles of rotary positions, for dim even: for j < dim/2
     *
     *   y[i][j] = cos a, y[i][dim/2 + j] = sin a,  a = p[i] f_j
     *   f_j = 1 / theta^(2j / dim)
     *
     * where exponent, power, reciprocal and a are each rounded to float32, as
     * in the implementations that models are trained with: at position 8192
     * the rounding of a alone moves it by up to 2^-12, which nobody may do
     * better than the original. cos and sin of that a: error <= 2 u. The same
     * at every level. */
    void (*angles_f32)(float *y, size_t ldy, const int32_t *positions, size_t n,
                       size_t dim, double theta);

    /* Each of `rows` rows holds `heads` heads of dim, each of which turns by
     * the row's angles (as of angles_f32): for j < dim/2
     *
     *   y[j] = x[j] c_j - x[dim/2 + j] s_j
     *   y[dim/2 + j] = x[dim/2 + j] c_j + x[j] s_j
     *
     * Error: at most 2 u times the sum of both products' magnitudes, plus
     * 2^-126. In place allowed (y == x, ldy == ldx). */
    void (*rope_f32)(float *y, size_t ldy, const float *x, size_t ldx,
                     const float *angles, size_t lda, size_t rows, size_t heads,
                     size_t dim);

    /* y[i][j] = act(x[i][j]) x[i][dim + j] for j < dim. Error: that of act_f32
     * times |x[i][dim + j]|, plus u |y| + 2^-126. In place over the first half
     * allowed (y == x, ldy == ldx). */
    void (*glu_f32)(float *y, size_t ldy, const float *x, size_t ldx,
                    size_t rows, size_t dim, anm_act act);

    /* Each of `rows` rows of n becomes its softmax, in place. Entries of -inf
     * become 0; a row of only -inf becomes zeros. Error of each entry: at most
     * 1e-6 times its exact value plus 2^-126. */
    void (*softmax_f32)(float *x, size_t ldx, size_t rows, size_t n);

    /* Error: |out - exact| <= (2 (head_dim + 2) u S + n u + 2e-6) max_j |v_j|
     * over the n keys that a query sees, S = max_j sum_d |scale q_d k_jd|: a
     * score errs by (head_dim + 2) u S, and an error of every score by d moves
     * the softmax by at most 2 d in sum. A key that a query may not see does
     * not reach it, NaN included. */
    void (*attention_f32)(const anm_attention_f32 *a);

    /* y[i] += x[i] for rows of dim; row stride 0 for x adds one row to all. */
    void (*add_f32)(float *y, size_t ldy, const float *x, size_t ldx,
                    size_t rows, size_t dim);

    /* Exact. */
    void (*gather_f32)(const anm_gather_f32 *g);

    /* out[j] = mean over the n > 0 rows of x[.][j], summed in row order in
     * float32 with error <= (n + 1) u mean |x|. */
    void (*mean_rows_f32)(float *out, const float *x, size_t ldx, size_t n,
                          size_t dim);

    /* Dot product of a[0..n) and b[0..n); 0 when n is 0. Any order of
     * summation: |result - exact| <= n u sum |a b|. */
    float (*dot_f32)(const float *a, const float *b, size_t n);

    /* out[i] = rows[i] . q for n rows of dim: reads rows once, in order, at the
     * speed of memory. Error of each as of dot_f32. */
    void (*dot_rows_f32)(float *out, const float *rows, size_t ld, size_t n,
                         size_t dim, const float *q);

    /* x /= max(|x|_2, floor), in place; the norm accumulated in double.
     * Relative error of each entry <= 4 u. A zero vector stays zero. Returns
     * the norm before. */
    double (*normalize_f32)(float *x, size_t n, double floor);

    /* For measurements: run about n multiply-adds of this level's widest kind
     * on registers and return how many float32 multiply-adds were done. */
    uint64_t (*burn_fma)(uint64_t n);

    /* For measurements: read x[0..n) once with the widest loads; the sum keeps
     * the loads alive. */
    float (*read_f32)(const float *x, size_t n);
} anm_kern;

/* Fill the table for a mask of ANM_CPU_* levels. */
void anm_kern_init(anm_kern *k, unsigned cpu);

/* Widen n elements of a stored type, whole blocks of it, to float32: plain
 * types exactly (F64 rounds), block types to the float that ggml decodes:
 *
 *   Q8_0   d q         Q4_K   (d scale) q - (dmin minimum)
 *   Q4_0   d (q - 8)   Q5_K   (d scale) q - (dmin minimum)
 *   Q5_0   d (q - 16)  Q6_K   (d scale) (q - 32)
 *
 * each product and the difference rounded once. src needs no alignment. False
 * for a type that has no value as a number here. */
bool anm_widen_f32(float *dst, const void *src, anm_dtype from, size_t n);

/* Round n floats, whole blocks, to a type of fewer bits; |x| is the largest
 * magnitude of a block:
 *
 *   BF16   the nearest, ties to even
 *   Q8_0   d = |x| / 127 as a half, q the nearest: no element is further away than
 *          |x| / 254 + |x| 2^-11 + 2^-18
 *   Q4_0   d and q by turns the best for each other, from d = x / -8 on: the
 *          squared error of a block is never above that of the first d
 *
 * dst needs no alignment. False when there is no such rounding: another type, a
 * value that is not finite, or one so large that no half is its scale. */
bool anm_quantize(void *dst, anm_dtype to, const float *src, size_t n);

#endif
