/* widen.c - stored types become float32, one way at every level. What the
 * blocks of each type look like stands in base/types.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "kern/variants.h"

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

/* Bit i of four bytes is the fifth of element i. */
void anm_read_q5_0(const unsigned char *p, int8_t q[32])
{
    for (size_t i = 0; i < 32; i++) {
        const int four = p[6 + i % 16] >> i / 16 * 4 & 15;
        const int fifth = p[2 + i / 8] >> i % 8 & 1;

        q[i] = (int8_t)((four | fifth << 4) - 16);
    }
}

static void widen_q5_0(float *dst, const unsigned char *p)
{
    const float d = half_at(p);
    int8_t q[32];

    anm_read_q5_0(p, q);
    for (size_t i = 0; i < 32; i++)
        dst[i] = d * (float)q[i];
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

/* 8 runs of 32 elements; two neighbouring runs share 32 bytes, the first has
 * the low nibbles. */
static void read_nibbles(const unsigned char *bytes, size_t run, int8_t q[32])
{
    for (size_t i = 0; i < 32; i++)
        q[i] = (int8_t)(bytes[run / 2 * 32 + i] >> run % 2 * 4 & 15);
}

void anm_read_q4_k(const unsigned char *p, size_t run, float *scale,
                   float *minimum, int8_t q[32])
{
    read_scale(p + 4, run, scale, minimum);
    *scale *= half_at(p);
    *minimum *= half_at(p + 2);
    read_nibbles(p + 16, run, q);
}

/* Bit `run` of byte i of 32 is the fifth of element i. */
void anm_read_q5_k(const unsigned char *p, size_t run, float *scale,
                   float *minimum, int8_t q[32])
{
    read_scale(p + 4, run, scale, minimum);
    *scale *= half_at(p);
    *minimum *= half_at(p + 2);
    read_nibbles(p + 48, run, q);
    for (size_t i = 0; i < 32; i++)
        q[i] = (int8_t)(q[i] | (p[16 + i] >> run & 1) << 4);
}

static void widen_run(float *dst, float scale, float minimum,
                      const int8_t q[32])
{
    for (size_t i = 0; i < 32; i++) {
        const float product = scale * (float)q[i];
        dst[i] = product - minimum;
    }
}

static void widen_q4_k(float *dst, const unsigned char *p)
{
    int8_t q[32];
    float scale, minimum;

    for (size_t run = 0; run < 8; run++) {
        anm_read_q4_k(p, run, &scale, &minimum, q);
        widen_run(dst + run * 32, scale, minimum, q);
    }
}

static void widen_q5_k(float *dst, const unsigned char *p)
{
    int8_t q[32];
    float scale, minimum;

    for (size_t run = 0; run < 8; run++) {
        anm_read_q5_k(p, run, &scale, &minimum, q);
        widen_run(dst + run * 32, scale, minimum, q);
    }
}

/* Two halves of 128 elements. Of a half, quarter r of 32 elements has its low
 * four bits in byte 32 (r mod 2) + i, low nibbles for r < 2, and its high two at
 * bit 2 r of byte i; each run of 16 elements has a scale. */
void anm_read_q6_k(const unsigned char *p, size_t run, float *scale,
                   int8_t q[16])
{
    const size_t half = run / 8, quarter = run % 8 / 2;
    const unsigned char *low = p + half * 64 + quarter % 2 * 32 + run % 2 * 16;
    const unsigned char *high = p + 128 + half * 32 + run % 2 * 16;

    *scale = half_at(p + 208) * signed_at(p + 192 + run);
    for (size_t i = 0; i < 16; i++) {
        const unsigned four = low[i] >> quarter / 2 * 4 & 15u;
        const unsigned two = high[i] >> 2 * quarter & 3u;

        q[i] = (int8_t)((int)(four | two << 4) - 32);
    }
}

static void widen_q6_k(float *dst, const unsigned char *p)
{
    int8_t q[16];
    float scale;

    for (size_t run = 0; run < 16; run++) {
        anm_read_q6_k(p, run, &scale, q);
        for (size_t i = 0; i < 16; i++)
            dst[run * 16 + i] = scale * (float)q[i];
    }
}

typedef void widen_block(float *dst, const unsigned char *p);

static widen_block *const blocks[ANM_DTYPE_COUNT] = {
    [ANM_DTYPE_Q8_0] = widen_q8_0, [ANM_DTYPE_Q4_0] = widen_q4_0,
    [ANM_DTYPE_Q5_0] = widen_q5_0, [ANM_DTYPE_Q4_K] = widen_q4_k,
    [ANM_DTYPE_Q5_K] = widen_q5_k, [ANM_DTYPE_Q6_K] = widen_q6_k,
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
