/* kern.c - which variant stands in each slot of the table, and what no level
 * improves: the size of scratch and the widening of stored types.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/kern.h"

#include <assert.h>
#include <string.h>

#include "base/cpu.h"
#include "kern/variants.h"

static void init_ref(anm_kern *k)
{
    *k = (anm_kern){
        .level = "scalar",
        .pack_f32 = anm_pack_f32_ref,
        .gemm_f32 = anm_gemm_f32_ref,
        .act_f32 = anm_act_f32_ref,
        .layer_norm_f32 = anm_layer_norm_f32_ref,
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
    k->pack_f32 = anm_pack_f32_avx2;
    k->gemm_f32 = anm_gemm_f32_avx2;
    k->act_f32 = anm_act_f32_avx2;
    k->layer_norm_f32 = anm_layer_norm_f32_avx2;
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
    k->pack_f32 = anm_pack_f32_avx512;
    k->gemm_f32 = anm_gemm_f32_avx512;
    k->act_f32 = anm_act_f32_avx512;
    k->layer_norm_f32 = anm_layer_norm_f32_avx512;
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

/* Files align nothing, so one element of a stored type is read by copying. */
static float widen_one(const unsigned char *p, anm_dtype from)
{
    uint16_t u16;
    int16_t i16;
    double f64;

    switch ((int)from) {
    case ANM_DTYPE_F64:
        memcpy(&f64, p, sizeof(f64));
        return (float)f64;
    case ANM_DTYPE_I16:
        memcpy(&i16, p, sizeof(i16));
        return i16;
    case ANM_DTYPE_I8:
        return p[0] < 128 ? (float)p[0] : (float)p[0] - 256.0f;
    case ANM_DTYPE_U8:
        return p[0];
    default:
        memcpy(&u16, p, sizeof(u16));
    }
    if (from == ANM_DTYPE_F16) return anm_f32_of_f16(u16);
    return from == ANM_DTYPE_BF16 ? anm_f32_of_bf16(u16) : (float)u16;
}

/* The integers of 32 and 64 bits have values that float32 lacks, and no weight
 * is stored so. */
bool anm_widen_f32(float *dst, const void *src, anm_dtype from, size_t n)
{
    static const size_t bytes[ANM_DTYPE_COUNT] = {
        [ANM_DTYPE_F32] = 4, [ANM_DTYPE_F16] = 2, [ANM_DTYPE_BF16] = 2,
        [ANM_DTYPE_F64] = 8, [ANM_DTYPE_I16] = 2, [ANM_DTYPE_I8] = 1,
        [ANM_DTYPE_U16] = 2, [ANM_DTYPE_U8] = 1,
    };
    const unsigned char *p = src;

    assert(from < ANM_DTYPE_COUNT);
    if (bytes[from] == 0) return false;
    if (from == ANM_DTYPE_F32) {
        if (n > 0) memcpy(dst, src, n * sizeof(*dst));
        return true;
    }
    for (size_t i = 0; i < n; i++)
        dst[i] = widen_one(p + i * bytes[from], from);
    return true;
}
