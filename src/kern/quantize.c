/* quantize.c - float32 becomes a type of fewer bits, once for an artifact and one
 * way at every level. What the blocks look like stands in base/types.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "kern/kern.h"

enum { BLOCK = 32, Q4_ROUNDS = 4 };

/* ---- Plain ---------------------------------------------------------------- */

static bool quantize_bf16(unsigned char *dst, const float *x)
{
    const uint16_t half = anm_bf16_of_f32(*x);

    memcpy(dst, &half, sizeof(half));
    return isfinite(anm_f32_of_bf16(half));
}

/* ---- Blocks --------------------------------------------------------------- */

/* The element of the largest magnitude, with its sign; NaN when there is one. */
static float find_largest(const float *x)
{
    float largest = 0.0f;

    for (size_t i = 0; i < BLOCK; i++)
        if (!(fabsf(x[i]) <= fabsf(largest))) largest = x[i];
    for (size_t i = 0; i < BLOCK; i++)
        if (isnan(x[i])) return x[i];
    return largest;
}

/* A scale as it is stored, and what is read back; false when a half has none. */
static bool round_scale(float *d, unsigned char *dst)
{
    const uint16_t half = anm_f16_of_f32(*d);

    *d = anm_f32_of_f16(half);
    dst[0] = (unsigned char)half;
    dst[1] = (unsigned char)(half >> 8);
    return isfinite(*d);
}

/* The whole number nearest to x / d, ties to even, between low and high. Of floats
 * from 2^23 to 2^24 the unit is one: the sum rounds. What is too large for that is
 * cut off first. */
static float nearest(float x, float d, float low, float high)
{
    static const float magic = 0x1.8p23f;
    const float q = d != 0.0f ? x / d : 0.0f;
    const float cut = q < low ? low : q > high ? high : q;

    return cut + magic - magic;
}

static bool quantize_q8_0(unsigned char *dst, const float *x)
{
    float d = fabsf(find_largest(x)) / 127.0f;

    if (!isfinite(d) || !round_scale(&d, dst)) return false;
    for (size_t i = 0; i < BLOCK; i++) {
        const int8_t q = (int8_t)nearest(x[i], d, -127.0f, 127.0f);
        memcpy(dst + 2 + i, &q, 1);
    }
    return true;
}

/* Levels of a block at a scale, and what is wrong with them. */
typedef struct levels {
    float d, q[BLOCK];
    double error; /* sum of squares */
} levels;

static levels choose_levels(const float *x, float d)
{
    levels l = { .d = d };

    for (size_t i = 0; i < BLOCK; i++) {
        l.q[i] = nearest(x[i], d, -8.0f, 7.0f);
        const double off = (double)x[i] - (double)d * (double)l.q[i];
        l.error += off * off;
    }
    return l;
}

/* The scale that suits the levels best. */
static float fit_scale(const float *x, const levels *l)
{
    double xq = 0.0, qq = 0.0;

    for (size_t i = 0; i < BLOCK; i++) {
        xq += (double)x[i] * (double)l->q[i];
        qq += (double)l->q[i] * (double)l->q[i];
    }
    return qq > 0.0 ? (float)(xq / qq) : 0.0f;
}

static bool quantize_q4_0(unsigned char *dst, const float *x)
{
    float d = find_largest(x) / -8.0f;

    if (!isfinite(d) || !round_scale(&d, dst)) return false;
    levels best = choose_levels(x, d);
    levels l = best;
    for (int round = 1; round < Q4_ROUNDS; round++) {
        d = fit_scale(x, &l);
        if (!round_scale(&d, dst)) break;
        l = choose_levels(x, d);
        if (!(l.error < best.error)) break;
        best = l;
    }
    d = best.d;
    (void)round_scale(&d, dst);
    for (size_t i = 0; i < BLOCK / 2; i++) {
        const unsigned low = (unsigned)((int)best.q[i] + 8);
        const unsigned high = (unsigned)((int)best.q[BLOCK / 2 + i] + 8);
        dst[2 + i] = (unsigned char)(low | high << 4);
    }
    return true;
}

/* ---- Any ------------------------------------------------------------------ */

bool anm_quantize(void *dst, anm_dtype to, const float *src, size_t n)
{
    const anm_block block = anm_dtype_block(to);
    bool (*one)(unsigned char *, const float *) =
        to == ANM_DTYPE_BF16   ? quantize_bf16
        : to == ANM_DTYPE_Q8_0 ? quantize_q8_0
        : to == ANM_DTYPE_Q4_0 ? quantize_q4_0
                               : NULL;
    unsigned char *p = dst;

    if (!one) return false;
    assert(n % block.elements == 0);
    for (size_t i = 0; i < n; i += block.elements, p += block.bytes)
        if (!one(p, src + i)) return false;
    return true;
}
