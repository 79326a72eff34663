/* variants.h - the kernels that anm_kern_init() chooses among. The suffix is
 * the level; the contracts are in kern.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_KERN_VARIANTS_H
#define ANM_KERN_VARIANTS_H

#include "kern/kern.h"

/* Queries that attention treats as one block: scratch holds their scores. */
enum { ANM_ATTENTION_BLOCK = 8 };

/* Keys that query i of a call sees. */
static inline size_t anm_attention_visible(const anm_attention_f32 *a, size_t i)
{
    const size_t limit = a->q_first + i + 1;

    return a->causal && limit < a->n_k ? limit : a->n_k;
}

/* The 32 elements q - 16 of a block. */
void anm_read_q5_0(const unsigned char *block, int8_t q[32]);

/* Run `run` of a block: 32 elements scale q - minimum of the 8 of Q4_K and of
 * Q5_K, and 16 elements scale q of the 16 of Q6_K. The scales are exact. */
void anm_read_q4_k(const unsigned char *block, size_t run, float *scale,
                   float *minimum, int8_t q[32]);
void anm_read_q5_k(const unsigned char *block, size_t run, float *scale,
                   float *minimum, int8_t q[32]);
void anm_read_q6_k(const unsigned char *block, size_t run, float *scale,
                   int8_t q[16]);

/* Steps of a panel that share scales, and the bytes that come before them; 0
 * where the type has none. */
size_t anm_panel_run(anm_dtype type);
size_t anm_panel_head(anm_dtype type);

/* ---- The specification --------------------------------------------------- */

void anm_pack_ref(void *dst, anm_dtype type, const void *w, size_t ldw,
                  size_t n, size_t k);
/* Steps [first, first + steps) of a panel as [steps][16] float32; first is at a
 * pair or where a run of 32 begins, and likewise the end, but for that of k. */
void anm_widen_panel_ref(float *dst, const void *panel, anm_dtype type,
                         size_t first, size_t steps);
void anm_gemm_f32_ref(const anm_gemm_f32 *g);
float anm_act_one_ref(float x, anm_act act);
void anm_act_f32_ref(float *x, size_t n, anm_act act);
void anm_layer_norm_f32_ref(float *y, size_t ldy, const float *x, size_t ldx,
                            const float *gamma, const float *beta, size_t rows,
                            size_t dim, float eps);
void anm_rms_norm_f32_ref(float *y, size_t ldy, const float *x, size_t ldx,
                          const float *gamma, size_t rows, size_t groups,
                          size_t dim, float eps);
void anm_rope_f32_ref(float *y, size_t ldy, const float *x, size_t ldx,
                      const float *angles, size_t lda, size_t rows,
                      size_t heads, size_t dim);
void anm_glu_f32_ref(float *y, size_t ldy, const float *x, size_t ldx,
                     size_t rows, size_t dim, anm_act act);
void anm_angles_f32_ref(float *y, size_t ldy, const int32_t *positions,
                        size_t n, size_t dim, double theta);
void anm_softmax_f32_ref(float *x, size_t ldx, size_t rows, size_t n);
void anm_attention_f32_ref(const anm_attention_f32 *a);
void anm_add_f32_ref(float *y, size_t ldy, const float *x, size_t ldx,
                     size_t rows, size_t dim);
void anm_gather_f32_ref(const anm_gather_f32 *g);
void anm_mean_rows_f32_ref(float *out, const float *x, size_t ldx, size_t n,
                           size_t dim);
float anm_dot_f32_ref(const float *a, const float *b, size_t n);
void anm_dot_rows_f32_ref(float *out, const float *rows, size_t ld, size_t n,
                          size_t dim, const float *q);
double anm_normalize_f32_ref(float *x, size_t n, double floor);
uint64_t anm_burn_fma_ref(uint64_t n);
float anm_read_f32_ref(const float *x, size_t n);

/* ---- AVX2, FMA -------------------------------------------------------- */

void anm_pack_avx2(void *dst, anm_dtype type, const void *w, size_t ldw,
                   size_t n, size_t k);
void anm_gemm_f32_avx2(const anm_gemm_f32 *g);
void anm_act_f32_avx2(float *x, size_t n, anm_act act);
void anm_layer_norm_f32_avx2(float *y, size_t ldy, const float *x, size_t ldx,
                             const float *gamma, const float *beta, size_t rows,
                             size_t dim, float eps);
void anm_rms_norm_f32_avx2(float *y, size_t ldy, const float *x, size_t ldx,
                           const float *gamma, size_t rows, size_t groups,
                           size_t dim, float eps);
void anm_rope_f32_avx2(float *y, size_t ldy, const float *x, size_t ldx,
                       const float *angles, size_t lda, size_t rows,
                       size_t heads, size_t dim);
void anm_glu_f32_avx2(float *y, size_t ldy, const float *x, size_t ldx,
                      size_t rows, size_t dim, anm_act act);
void anm_softmax_f32_avx2(float *x, size_t ldx, size_t rows, size_t n);
void anm_attention_f32_avx2(const anm_attention_f32 *a);
void anm_add_f32_avx2(float *y, size_t ldy, const float *x, size_t ldx,
                      size_t rows, size_t dim);
void anm_gather_f32_avx2(const anm_gather_f32 *g);
void anm_mean_rows_f32_avx2(float *out, const float *x, size_t ldx, size_t n,
                            size_t dim);
float anm_dot_f32_avx2(const float *a, const float *b, size_t n);
void anm_dot_rows_f32_avx2(float *out, const float *rows, size_t ld, size_t n,
                           size_t dim, const float *q);
double anm_normalize_f32_avx2(float *x, size_t n, double floor);
uint64_t anm_burn_fma_avx2(uint64_t n);
float anm_read_f32_avx2(const float *x, size_t n);

/* ---- AVX-512 F, BW, DQ, VL --------------------------------------------- */

void anm_pack_avx512(void *dst, anm_dtype type, const void *w, size_t ldw,
                     size_t n, size_t k);
void anm_gemm_f32_avx512(const anm_gemm_f32 *g);
void anm_act_f32_avx512(float *x, size_t n, anm_act act);
void anm_layer_norm_f32_avx512(float *y, size_t ldy, const float *x, size_t ldx,
                               const float *gamma, const float *beta,
                               size_t rows, size_t dim, float eps);
void anm_rms_norm_f32_avx512(float *y, size_t ldy, const float *x, size_t ldx,
                             const float *gamma, size_t rows, size_t groups,
                             size_t dim, float eps);
void anm_rope_f32_avx512(float *y, size_t ldy, const float *x, size_t ldx,
                         const float *angles, size_t lda, size_t rows,
                         size_t heads, size_t dim);
void anm_glu_f32_avx512(float *y, size_t ldy, const float *x, size_t ldx,
                        size_t rows, size_t dim, anm_act act);
void anm_softmax_f32_avx512(float *x, size_t ldx, size_t rows, size_t n);
void anm_attention_f32_avx512(const anm_attention_f32 *a);
void anm_add_f32_avx512(float *y, size_t ldy, const float *x, size_t ldx,
                        size_t rows, size_t dim);
void anm_gather_f32_avx512(const anm_gather_f32 *g);
void anm_mean_rows_f32_avx512(float *out, const float *x, size_t ldx, size_t n,
                              size_t dim);
float anm_dot_f32_avx512(const float *a, const float *b, size_t n);
void anm_dot_rows_f32_avx512(float *out, const float *rows, size_t ld, size_t n,
                             size_t dim, const float *q);
double anm_normalize_f32_avx512(float *x, size_t n, double floor);
uint64_t anm_burn_fma_avx512(uint64_t n);
float anm_read_f32_avx512(const float *x, size_t n);

#endif
