/* panel_ref.c - panels of every type: from rows as they are stored, and back to
 * values, as specified.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "kern/variants.h"

enum { BLOCK = 32, SCALES = 2 * ANM_PANEL };

typedef unsigned char byte;

/* ---- Packing -------------------------------------------------------------- */

/* Elements of `size` bytes; `pair` steps of d lie together. Rows past n and
 * steps past k are zero bytes. */
static void pack_plain(byte *dst, const byte *w, size_t row_bytes, size_t rows,
                       size_t k, size_t size, size_t pair)
{
    const size_t steps = (k + pair - 1) / pair * pair;

    memset(dst, 0, steps * ANM_PANEL * size);
    for (size_t j = 0; j < rows; j++) {
        for (size_t d = 0; d < k; d++) {
            const size_t at = (d / pair * ANM_PANEL + j) * pair + d % pair;

            memcpy(dst + at * size, w + j * row_bytes + d * size, size);
        }
    }
}

static void pack_q8_0(byte *dst, const byte *w, size_t row_bytes, size_t rows,
                      size_t k)
{
    const anm_block block = anm_dtype_block(ANM_DTYPE_Q8_0);

    memset(dst, 0, anm_panel_bytes(ANM_DTYPE_Q8_0, k));
    for (size_t b = 0; b < k / BLOCK; b++) {
        for (size_t j = 0; j < rows; j++) {
            const byte *from = w + j * row_bytes + b * block.bytes;

            memcpy(dst + 2 * j, from, 2);
            for (size_t i = 0; i < BLOCK; i++)
                dst[SCALES + i * ANM_PANEL + j] = from[2 + i];
        }
        dst += block.bytes * ANM_PANEL;
    }
}

/* A file's byte i holds the steps i and i + 16. */
static unsigned nibble_of(const byte *q, size_t i)
{
    return i < BLOCK / 2 ? q[i] & 15u : q[i - BLOCK / 2] >> 4;
}

static void pack_q4_0(byte *dst, const byte *w, size_t row_bytes, size_t rows,
                      size_t k)
{
    const anm_block block = anm_dtype_block(ANM_DTYPE_Q4_0);

    memset(dst, 0, anm_panel_bytes(ANM_DTYPE_Q4_0, k));
    for (size_t b = 0; b < k / BLOCK; b++) {
        for (size_t j = 0; j < rows; j++) {
            const byte *from = w + j * row_bytes + b * block.bytes;

            memcpy(dst + 2 * j, from, 2);
            for (size_t i = 0; i < BLOCK; i += 2) {
                const size_t at = i / 8 * ANM_PANEL * 4 + j * 4 + i % 8 / 2;

                // q - 8 in two's complement is q with its high bit turned.
                dst[SCALES + at] =
                    0x88 ^ (byte)(nibble_of(from + 2, i) |
                                  nibble_of(from + 2, i + 1) << 4);
            }
        }
        dst += block.bytes * ANM_PANEL;
    }
}

static void pack_panel(byte *dst, anm_dtype type, const byte *w,
                       size_t row_bytes, size_t rows, size_t k)
{
    if (type == ANM_DTYPE_Q8_0)
        pack_q8_0(dst, w, row_bytes, rows, k);
    else if (type == ANM_DTYPE_Q4_0)
        pack_q4_0(dst, w, row_bytes, rows, k);
    else
        pack_plain(dst, w, row_bytes, rows, k, anm_dtype_block(type).bytes,
                   type == ANM_DTYPE_BF16 ? 2 : 1);
}

void anm_pack_ref(void *dst, anm_dtype type, const void *w, size_t ldw,
                  size_t n, size_t k)
{
    const anm_block block = anm_dtype_block(type);
    const size_t row_bytes = ldw / block.elements * block.bytes;
    const size_t panel_bytes = anm_panel_bytes(type, k);

    assert(ldw % block.elements == 0);
    for (size_t j = 0; j < n; j += ANM_PANEL)
        pack_panel((byte *)dst + j / ANM_PANEL * panel_bytes, type,
                   (const byte *)w + j * row_bytes, row_bytes,
                   n - j < ANM_PANEL ? n - j : ANM_PANEL, k);
}

/* ---- Widening ------------------------------------------------------------- */

/* One pair of steps, or the half of it that is there. */
static void widen_pair(float *dst, const byte *pair, size_t steps)
{
    float x[2 * ANM_PANEL];

    (void)anm_widen_f32(x, pair, ANM_DTYPE_BF16, 2 * ANM_PANEL);
    for (size_t d = 0; d < steps && d < 2; d++) {
        for (size_t j = 0; j < ANM_PANEL; j++)
            dst[d * ANM_PANEL + j] = x[2 * j + d];
    }
}

/* The 32 steps of one block. */
static void widen_q8_0(float *dst, const byte *block)
{
    float scale[ANM_PANEL];

    (void)anm_widen_f32(scale, block, ANM_DTYPE_F16, ANM_PANEL);
    (void)anm_widen_f32(dst, block + SCALES, ANM_DTYPE_I8, BLOCK * ANM_PANEL);
    for (size_t i = 0; i < BLOCK * ANM_PANEL; i++)
        dst[i] *= scale[i % ANM_PANEL];
}

static void widen_q4_0(float *dst, const byte *block)
{
    float scale[ANM_PANEL];

    (void)anm_widen_f32(scale, block, ANM_DTYPE_F16, ANM_PANEL);
    for (size_t d = 0; d < BLOCK; d++) {
        const byte *q = block + SCALES + d / 8 * 4 * ANM_PANEL + d % 8 / 2;

        for (size_t j = 0; j < ANM_PANEL; j++) {
            const int x = d % 2 ? q[4 * j] >> 4 : q[4 * j] & 15;

            *dst++ = scale[j] * (float)(x < 8 ? x : x - 16);
        }
    }
}

void anm_widen_panel_ref(float *dst, const void *panel, anm_dtype type,
                         size_t first, size_t steps)
{
    const anm_block unit = anm_dtype_block(type);
    const byte *p =
        (const byte *)panel + first / unit.elements * unit.bytes * ANM_PANEL;
    const size_t stride = type == ANM_DTYPE_BF16 ? 2
                          : unit.elements == 1   ? steps
                                                 : BLOCK;

    assert(first % (type == ANM_DTYPE_BF16 ? 2 : unit.elements) == 0);
    for (size_t d = 0; d < steps; d += stride, dst += stride * ANM_PANEL) {
        if (type == ANM_DTYPE_BF16)
            widen_pair(dst, p, steps - d);
        else if (type == ANM_DTYPE_Q8_0)
            widen_q8_0(dst, p);
        else if (type == ANM_DTYPE_Q4_0)
            widen_q4_0(dst, p);
        else
            (void)anm_widen_f32(dst, p, type, steps * ANM_PANEL);
        p += stride / unit.elements * unit.bytes * ANM_PANEL;
    }
}
