/* types.c - names and sizes of the small vocabularies, half floats.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/types.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    anm_block block;
} dtypes[] = {
#define X(name, text, elements, bytes) { text, { elements, bytes } },
    ANM_DTYPE_LIST(X)
#undef X
};

const char *anm_dtype_name(anm_dtype t)
{
    assert((unsigned)t < ANM_DTYPE_COUNT);
    return dtypes[t].name;
}

anm_block anm_dtype_block(anm_dtype t)
{
    assert((unsigned)t < ANM_DTYPE_COUNT);
    return dtypes[t].block;
}

bool anm_dtype_bytes(anm_dtype t, uint64_t n, uint64_t *bytes)
{
    const anm_block b = anm_dtype_block(t);

    if (n % b.elements != 0 || n / b.elements > UINT64_MAX / b.bytes)
        return false;
    *bytes = n / b.elements * b.bytes;
    return true;
}

bool anm_dtype_parse(const char *name, size_t len, anm_dtype *out)
{
    for (unsigned t = 0; t < ANM_DTYPE_COUNT; t++) {
        if (dtypes[t].block.elements != 1) continue;
        if (strlen(dtypes[t].name) != len) continue;
        if (memcmp(dtypes[t].name, name, len) != 0) continue;
        *out = (anm_dtype)t;
        return true;
    }
    return false;
}

const char *anm_act_name(anm_act act)
{
    static const char *const names[] = {
#define X(name, text) text,
        ANM_ACT_LIST(X)
#undef X
    };
    assert((unsigned)act < ANM_ACT_COUNT);
    return names[act];
}

static float float_of_bits(uint32_t bits)
{
    float f;
    static_assert(sizeof(f) == sizeof(bits), "float is binary32");
    memcpy(&f, &bits, sizeof(f));
    return f;
}

float anm_f32_of_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    const uint32_t exponent = (h >> 10) & 0x1fu;
    const uint32_t fraction = h & 0x3ffu;

    if (exponent == 0x1f)
        return float_of_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent)
        return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    // Zero and subnormals are multiples of 2^-24; the product is exact.
    const float magnitude = (float)fraction * 0x1p-24f;
    return sign ? -magnitude : magnitude;
}

float anm_f32_of_bf16(uint16_t b)
{
    return float_of_bits((uint32_t)b << 16);
}

uint16_t anm_f16_of_f32(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof(bits));
    const uint32_t sign = bits >> 16 & 0x8000u;
    const uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
    if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) {
        // Below 2^-14 the unit is 2^-24, which is that of a float at 0.5: the
        // sum rounds as a half does, and its fraction is the result.
        float sum;
        memcpy(&sum, &magnitude, sizeof(sum));
        sum += 0.5f;
        memcpy(&bits, &sum, sizeof(bits));
        return (uint16_t)(sign | (bits - 0x3f000000u));
    }
    // Half of the dropped part, less one when the kept part is even, carries
    // into it exactly when it is to be rounded up.
    const uint32_t odd = magnitude >> 13 & 1u;
    return (uint16_t)(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

uint16_t anm_bf16_of_f32(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof(bits));
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

void anm_dims_text(const uint64_t *dims, unsigned rank, char *out, size_t cap)
{
    size_t len = (size_t)snprintf(out, cap, "[");

    for (unsigned i = 0; i < rank && len < cap; i++)
        len += (size_t)snprintf(out + len, cap - len, "%s%" PRIu64,
                                i ? ", " : "", dims[i]);
    if (len < cap) snprintf(out + len, cap - len, "]");
}
