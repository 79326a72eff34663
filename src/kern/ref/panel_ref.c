/* panel_ref.c - panels of every type: from rows as they are stored, and back to
 * values, as specified.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "kern/variants.h"

enum { MOST_STEPS = 32 };

typedef unsigned char byte;

static bool is_nibbles(anm_dtype type)
{
    return type == ANM_DTYPE_Q4_0 || type == ANM_DTYPE_Q4_K;
}

static bool has_minimum(anm_dtype type)
{
    return type == ANM_DTYPE_Q4_K || type == ANM_DTYPE_Q5_K;
}

/* ---- Packing -------------------------------------------------------------- */

/* Elements of `size` bytes; `pair` steps of d lie together. Rows past n and
 * steps past k are zero bytes. */
static void pack_plain(byte *dst, const byte *w, size_t row_bytes, size_t rows,
                       size_t k, size_t size, size_t pair)
{
    for (size_t j = 0; j < rows; j++) {
        for (size_t d = 0; d < k; d++) {
            const size_t at = (d / pair * ANM_PANEL + j) * pair + d % pair;

            memcpy(dst + at * size, w + j * row_bytes + d * size, size);
        }
    }
}

/* Steps of one row that share a scale. */
typedef struct row_run {
    byte head[8]; /* the scale as it is kept, and a minimum behind it */
    int8_t q[MOST_STEPS];
} row_run;

/* The steps from d on. A file's byte i of Q4_0 holds the steps i and i + 16. */
static row_run read_run(const byte *row, anm_dtype type, size_t d)
{
    const anm_block unit = anm_dtype_block(type);
    const byte *block = row + d / unit.elements * unit.bytes;
    const size_t at = d % unit.elements / anm_panel_run(type);
    row_run r = { 0 };
    float scale, minimum = 0.0f;

    if (unit.elements == MOST_STEPS) {
        memcpy(r.head, block, 2);
        if (type == ANM_DTYPE_Q8_0) memcpy(r.q, block + 2, MOST_STEPS);
        if (type == ANM_DTYPE_Q5_0) anm_read_q5_0(block, r.q);
        for (size_t i = 0; i < 16 && type == ANM_DTYPE_Q4_0; i++) {
            r.q[i] = (int8_t)((block[2 + i] & 15) - 8);
            r.q[16 + i] = (int8_t)((block[2 + i] >> 4) - 8);
        }
        return r;
    }
    if (type == ANM_DTYPE_Q4_K)
        anm_read_q4_k(block, at, &scale, &minimum, r.q);
    else if (type == ANM_DTYPE_Q5_K)
        anm_read_q5_k(block, at, &scale, &minimum, r.q);
    else
        anm_read_q6_k(block, at, &scale, r.q);
    memcpy(r.head, &scale, sizeof(scale));
    memcpy(r.head + 4, &minimum, sizeof(minimum));
    return r;
}

/* A run to its place among those of 16 features. */
static void place_run(byte *dst, anm_dtype type, const row_run *r, size_t j)
{
    const size_t head = anm_panel_head(type);
    const size_t size = anm_dtype_block(type).elements == MOST_STEPS ? 2 : 4;

    for (size_t i = 0; i * ANM_PANEL * size < head; i++)
        memcpy(dst + (i * ANM_PANEL + j) * size, r->head + i * size, size);
    dst += head;
    for (size_t i = 0; i < anm_panel_run(type); i++) {
        if (is_nibbles(type)) {
            const unsigned low = (unsigned)r->q[i] & 15u;
            byte *two = dst + (i / 8 * ANM_PANEL + j) * 4 + i % 8 / 2;

            *two = (byte)(*two | low << (i % 2 ? 4 : 0));
        } else {
            memcpy(dst + i * ANM_PANEL + j, &r->q[i], 1);
        }
    }
}

static void pack_runs(byte *dst, anm_dtype type, const byte *w,
                      size_t row_bytes, size_t rows, size_t k)
{
    const size_t steps = anm_panel_run(type);
    const size_t bytes = anm_panel_bytes(type, k) / (k / steps);

    for (size_t d = 0; d < k; d += steps, dst += bytes) {
        for (size_t j = 0; j < rows; j++) {
            const row_run r = read_run(w + j * row_bytes, type, d);

            place_run(dst, type, &r, j);
        }
    }
}

void anm_pack_ref(void *dst, anm_dtype type, const void *w, size_t ldw,
                  size_t n, size_t k)
{
    const anm_block unit = anm_dtype_block(type);
    const size_t row_bytes = ldw / unit.elements * unit.bytes;
    const size_t panel_bytes = anm_panel_bytes(type, k);

    assert(ldw % unit.elements == 0);
    memset(dst, 0, anm_panels(n) * panel_bytes);
    for (size_t j = 0; j < n && k > 0; j += ANM_PANEL) {
        byte *panel = (byte *)dst + j / ANM_PANEL * panel_bytes;
        const byte *from = (const byte *)w + j * row_bytes;
        const size_t rows = n - j < ANM_PANEL ? n - j : ANM_PANEL;

        if (anm_panel_run(type) > 0)
            pack_runs(panel, type, from, row_bytes, rows, k);
        else
            pack_plain(panel, from, row_bytes, rows, k, unit.bytes,
                       type == ANM_DTYPE_BF16 ? 2 : 1);
    }
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

/* Step d of a run as whole numbers. */
static void read_step(float q[ANM_PANEL], const byte *bytes, anm_dtype type,
                      size_t d)
{
    const byte *two = bytes + d / 8 * 4 * ANM_PANEL + d % 8 / 2;

    if (!is_nibbles(type)) {
        (void)anm_widen_f32(q, bytes + d * ANM_PANEL, ANM_DTYPE_I8, ANM_PANEL);
        return;
    }
    for (size_t j = 0; j < ANM_PANEL; j++) {
        const int x = d % 2 ? two[4 * j] >> 4 : two[4 * j] & 15;

        q[j] = (float)(type == ANM_DTYPE_Q4_0 && x > 7 ? x - 16 : x);
    }
}

static void widen_run(float *dst, const byte *p, anm_dtype type)
{
    const bool halves = anm_dtype_block(type).elements == MOST_STEPS;
    float scale[ANM_PANEL], minimum[ANM_PANEL], q[ANM_PANEL];

    (void)anm_widen_f32(scale, p, halves ? ANM_DTYPE_F16 : ANM_DTYPE_F32,
                        ANM_PANEL);
    if (has_minimum(type)) memcpy(minimum, p + sizeof(scale), sizeof(minimum));
    for (size_t d = 0; d < anm_panel_run(type); d++) {
        read_step(q, p + anm_panel_head(type), type, d);
        for (size_t j = 0; j < ANM_PANEL; j++) {
            const float product = scale[j] * q[j];

            *dst++ = has_minimum(type) ? product - minimum[j] : product;
        }
    }
}

void anm_widen_panel_ref(float *dst, const void *panel, anm_dtype type,
                         size_t first, size_t steps)
{
    const byte *p = (const byte *)panel;
    const size_t run = anm_panel_run(type);

    if (run > 0) {
        const size_t bytes = anm_panel_bytes(type, 256) / (256 / run);

        for (size_t d = 0; d < steps; d += run)
            widen_run(dst + d * ANM_PANEL, p + (first + d) / run * bytes, type);
        return;
    }
    p += first * anm_dtype_block(type).bytes * ANM_PANEL;
    if (type != ANM_DTYPE_BF16) {
        (void)anm_widen_f32(dst, p, type, steps * ANM_PANEL);
        return;
    }
    for (size_t d = 0; d < steps; d += 2)
        widen_pair(dst + d * ANM_PANEL, p + d * ANM_PANEL * 2, steps - d);
}
