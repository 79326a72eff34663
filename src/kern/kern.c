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
        .pack = anm_pack_ref,
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
    k->pack = anm_pack_avx2;
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
    k->pack = anm_pack_avx512;
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

static float read_f16(const unsigned char *p)
{
    uint16_t h;

    memcpy(&h, p, sizeof(h));
    return anm_f32_of_f16(h);
}

/* One block of 32. The products are exact: 11 bits by 8. */
static void widen_q8_0(float *dst, const unsigned char *p)
{
    const float d = read_f16(p);

    for (size_t i = 0; i < 32; i++)
        dst[i] = d * widen_one(p + 2 + i, ANM_DTYPE_I8);
}

static void widen_q4_0(float *dst, const unsigned char *p)
{
    const float d = read_f16(p);

    for (size_t i = 0; i < 16; i++) {
        dst[i] = d * (float)((p[2 + i] & 15) - 8);
        dst[16 + i] = d * (float)((p[2 + i] >> 4) - 8);
    }
}

/* Types whose elements stand alone and have values that float32 has: not the
 * integers of 32 and 64 bits, and no weight is stored so. */
static bool is_plain_number(anm_dtype t)
{
    return t == ANM_DTYPE_F32 || t == ANM_DTYPE_F16 || t == ANM_DTYPE_BF16 ||
           t == ANM_DTYPE_F64 || t == ANM_DTYPE_I16 || t == ANM_DTYPE_I8 ||
           t == ANM_DTYPE_U16 || t == ANM_DTYPE_U8;
}

bool anm_widen_f32(float *dst, const void *src, anm_dtype from, size_t n)
{
    const anm_block block = anm_dtype_block(from);
    const unsigned char *p = src;

    if (from == ANM_DTYPE_F32) {
        if (n > 0) memcpy(dst, src, n * sizeof(*dst));
        return true;
    }
    if (!is_plain_number(from) && from != ANM_DTYPE_Q8_0 &&
        from != ANM_DTYPE_Q4_0)
        return false;
    assert(n % block.elements == 0);
    for (size_t i = 0; i < n; i += block.elements, p += block.bytes) {
        if (from == ANM_DTYPE_Q8_0)
            widen_q8_0(dst + i, p);
        else if (from == ANM_DTYPE_Q4_0)
            widen_q4_0(dst + i, p);
        else
            dst[i] = widen_one(p, from);
    }
    return true;
}

/* ---- Panels ---------------------------------------------------------------- */

bool anm_kern_keeps(anm_dtype type)
{
    return type == ANM_DTYPE_F32 || type == ANM_DTYPE_F16 ||
           type == ANM_DTYPE_BF16 || type == ANM_DTYPE_Q8_0 ||
           type == ANM_DTYPE_Q4_0;
}

size_t anm_panel_bytes(anm_dtype type, size_t k)
{
    const anm_block block = anm_dtype_block(type);

    assert(anm_kern_keeps(type) && k % block.elements == 0);
    if (type == ANM_DTYPE_BF16) k += k % 2;
    return k / block.elements * block.bytes * ANM_PANEL;
}
