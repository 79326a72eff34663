/* kern.c - which variant stands in each slot of the table, and the size of
 * its scratch.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/kern.h"

#include "base/cpu.h"
#include "kern/variants.h"

static void init_ref(anm_kern *k)
{
    *k = (anm_kern){
        .level = "scalar",
        .pack = anm_pack_ref,
        .gemm_f32 = anm_gemm_f32_ref,
        .act_f32 = anm_act_f32_ref,
        .layer_norm_f32 = anm_layer_norm_f32_ref,
        .rms_norm_f32 = anm_rms_norm_f32_ref,
        .angles_f32 = anm_angles_f32_ref,
        .rope_f32 = anm_rope_f32_ref,
        .glu_f32 = anm_glu_f32_ref,
        .softmax_f32 = anm_softmax_f32_ref,
        .attention_f32 = anm_attention_f32_ref,
        .add_f32 = anm_add_f32_ref,
        .gather_f32 = anm_gather_f32_ref,
        .mean_rows_f32 = anm_mean_rows_f32_ref,
        .dot_f32 = anm_dot_f32_ref,
        .dot_rows_f32 = anm_dot_rows_f32_ref,
        .normalize_f32 = anm_normalize_f32_ref,
        .burn_fma = anm_burn_fma_ref,
        .read_f32 = anm_read_f32_ref,
    };
}

#if defined(__x86_64__)
static void overlay_avx2(anm_kern *k)
{
    k->level = "avx2";
    k->pack = anm_pack_avx2;
    k->gemm_f32 = anm_gemm_f32_avx2;
    k->act_f32 = anm_act_f32_avx2;
    k->layer_norm_f32 = anm_layer_norm_f32_avx2;
    k->rms_norm_f32 = anm_rms_norm_f32_avx2;
    k->rope_f32 = anm_rope_f32_avx2;
    k->glu_f32 = anm_glu_f32_avx2;
    k->softmax_f32 = anm_softmax_f32_avx2;
    k->attention_f32 = anm_attention_f32_avx2;
    k->add_f32 = anm_add_f32_avx2;
    k->gather_f32 = anm_gather_f32_avx2;
    k->mean_rows_f32 = anm_mean_rows_f32_avx2;
    k->dot_f32 = anm_dot_f32_avx2;
    k->dot_rows_f32 = anm_dot_rows_f32_avx2;
    k->normalize_f32 = anm_normalize_f32_avx2;
    k->burn_fma = anm_burn_fma_avx2;
    k->read_f32 = anm_read_f32_avx2;
}

static void overlay_avx512(anm_kern *k)
{
    k->level = "avx512";
    k->pack = anm_pack_avx512;
    k->gemm_f32 = anm_gemm_f32_avx512;
    k->act_f32 = anm_act_f32_avx512;
    k->layer_norm_f32 = anm_layer_norm_f32_avx512;
    k->rms_norm_f32 = anm_rms_norm_f32_avx512;
    k->rope_f32 = anm_rope_f32_avx512;
    k->glu_f32 = anm_glu_f32_avx512;
    k->softmax_f32 = anm_softmax_f32_avx512;
    k->attention_f32 = anm_attention_f32_avx512;
    k->add_f32 = anm_add_f32_avx512;
    k->gather_f32 = anm_gather_f32_avx512;
    k->mean_rows_f32 = anm_mean_rows_f32_avx512;
    k->dot_f32 = anm_dot_f32_avx512;
    k->dot_rows_f32 = anm_dot_rows_f32_avx512;
    k->normalize_f32 = anm_normalize_f32_avx512;
    k->burn_fma = anm_burn_fma_avx512;
    k->read_f32 = anm_read_f32_avx512;
}
#endif

void anm_kern_init(anm_kern *k, unsigned cpu)
{
    init_ref(k);
#if defined(__x86_64__)
    if (cpu & ANM_CPU_AVX2) overlay_avx2(k);
    if (cpu & ANM_CPU_AVX512) overlay_avx512(k);
#else
    (void)cpu;
#endif
}

size_t anm_attention_scratch(size_t n_k, size_t head_dim)
{
    return anm_panels(n_k) * ANM_PANEL * (head_dim + ANM_ATTENTION_BLOCK);
}
