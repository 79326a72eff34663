/* widen.c - stored types become float32, one way at every level. What the
 * blocks of each type look like stands in base/types.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "kern/kern.h"

/* ---- Plain types ---------------------------------------------------------- */

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

/* ---- Block types ---------------------------------------------------------- */

static float half_at(const unsigned char *p)
{
    return anm_f32_of_f16((uint16_t)(p[0] | p[1] << 8));
}

static float signed_at(const unsigned char *p)
{
    return p[0] < 128 ? (float)p[0] : (float)p[0] - 256.0f;
}

static void widen_q8_0(float *dst, const unsigned char *p)
{
    const float d = half_at(p);

    for (size_t i = 0; i < 32; i++)
        dst[i] = d * signed_at(p + 2 + i);
}

static void widen_q4_0(float *dst, const unsigned char *p)
{
    const float d = half_at(p);

    for (size_t i = 0; i < 16; i++) {
        const int low = p[2 + i] & 15, high = p[2 + i] >> 4;

        dst[i] = d * (float)(low - 8);
        dst[i + 16] = d * (float)(high - 8);
    }
}

/* Scale and minimum i of 8, 6 bits each in 12 bytes: those of 0 to 3 are the
 * low bits of bytes 0-3 and 4-7, whose two high bits belong to 4 to 7; the low
 * bits of these are the nibbles of bytes 8-11. */
static void read_scale(const unsigned char *s, size_t i, float *scale,
                       float *minimum)
{
    const unsigned low = i < 4 ? s[i] & 63u : s[i + 4] & 15u;
    const unsigned min_low = i < 4 ? s[i + 4] & 63u : s[i + 4] >> 4;
    const unsigned high = i < 4 ? 0 : (unsigned)s[i - 4] >> 6 << 4;
    const unsigned min_high = i < 4 ? 0 : (unsigned)s[i] >> 6 << 4;

    *scale = (float)(low | high);
    *minimum = (float)(min_low | min_high);
}

/* 8 runs of 32 elements with a scale and a minimum each; two neighbouring runs
 * share 32 bytes, the first has the low nibbles. */
static void widen_q4_k(float *dst, const unsigned char *p)
{
    const float d = half_at(p), dmin = half_at(p + 2);
    const unsigned char *q = p + 16;

    for (size_t run = 0; run < 8; run++) {
        const unsigned shift = run % 2 ? 4 : 0;
        float scale, minimum;

        read_scale(p + 4, run, &scale, &minimum);
        scale *= d;
        minimum *= dmin;
        for (size_t i = 0; i < 32; i++) {
            const float product =
                scale * (float)(q[run / 2 * 32 + i] >> shift & 15);
            dst[run * 32 + i] = product - minimum;
        }
    }
}

/* Two halves of 128 elements. Of a half, run r of 32 elements has its low four
 * bits in byte 32 (r mod 2) + i, low nibbles for r < 2, and its high two at bit
 * 2 r of byte i; each 16 elements have a scale. */
static void widen_q6_k(float *dst, const unsigned char *p)
{
    const float d = half_at(p + 208);

    for (size_t at = 0; at < 256; at++) {
        const size_t half = at / 128, run = at % 128 / 32, i = at % 32;
        const unsigned low = p[half * 64 + run % 2 * 32 + i] >> run / 2 * 4;
        const unsigned high = p[128 + half * 32 + i] >> 2 * run;
        const int q = (int)((low & 15u) | (high & 3u) << 4) - 32;

        dst[at] = d * signed_at(p + 192 + at / 16) * (float)q;
    }
}

typedef void widen_block(float *dst, const unsigned char *p);

static widen_block *const blocks[ANM_DTYPE_COUNT] = {
    [ANM_DTYPE_Q8_0] = widen_q8_0,
    [ANM_DTYPE_Q4_0] = widen_q4_0,
    [ANM_DTYPE_Q4_K] = widen_q4_k,
    [ANM_DTYPE_Q6_K] = widen_q6_k,
};

/* ---- Any ------------------------------------------------------------------ */

/* The integers of 32 and 64 bits have values that float32 lacks, and no weight
 * is stored so. */
bool anm_widen_f32(float *dst, const void *src, anm_dtype from, size_t n)
{
    static const bool plain[ANM_DTYPE_COUNT] = {
        [ANM_DTYPE_F32] = true, [ANM_DTYPE_F16] = true, [ANM_DTYPE_BF16] = true,
        [ANM_DTYPE_F64] = true, [ANM_DTYPE_I16] = true, [ANM_DTYPE_I8] = true,
        [ANM_DTYPE_U16] = true, [ANM_DTYPE_U8] = true,
    };
    const anm_block block = anm_dtype_block(from);
    const unsigned char *p = src;

    if (!plain[from] && !blocks[from]) return false;
    assert(n % block.elements == 0);
    if (from == ANM_DTYPE_F32) {
        if (n > 0) memcpy(dst, src, n * sizeof(*dst));
        return true;
    }
    for (size_t i = 0; i < n; i += block.elements, p += block.bytes) {
        if (blocks[from])
            blocks[from](dst + i, p);
        else
            dst[i] = widen_one(p, from);
    }
    return true;
}
