/* stored.h - what the levels share of products with weights that are not
 * float32.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_KERN_STORED_H
#define ANM_KERN_STORED_H

#include "base/compiler.h"
#include "kern/kern.h"

typedef unsigned char byte;

typedef struct stored_tile {
    size_t k;       /* whole blocks */
    const float *a; /* [rows, k] */
    size_t lda;
    const byte *w; /* panel p at w + p panel */
    size_t panel;
    size_t ahead; /* bytes from each weight to the one to fetch into L2 */
    float *sum;   /* [rows, 16 panels] */
    size_t ld_sum;
} stored_tile;

/* Where a tile stands. */
typedef struct stored_at {
    const float *a;
    const byte *w;
} stored_at;

/* The panels of Q5_0 are those of Q8_0: for products it is the same type. */
static ANM_ALWAYS_INLINE anm_dtype product_type(const anm_dtype type)
{
    return type == ANM_DTYPE_Q5_0 ? ANM_DTYPE_Q8_0 : type;
}

static ANM_ALWAYS_INLINE bool is_nibbles(const anm_dtype type)
{
    return type == ANM_DTYPE_Q4_0 || type == ANM_DTYPE_Q4_K;
}

/* What the panels of a type are made of, known to the compiler: as
 * anm_panel_run() and anm_panel_head() have it. */
static ANM_ALWAYS_INLINE size_t run_steps(const anm_dtype type)
{
    if (type == ANM_DTYPE_Q6_K) return 16;
    return type == ANM_DTYPE_Q8_0 || type == ANM_DTYPE_Q5_K || is_nibbles(type)
               ? 32
               : 0;
}

static ANM_ALWAYS_INLINE bool has_minimum(const anm_dtype type)
{
    return type == ANM_DTYPE_Q4_K || type == ANM_DTYPE_Q5_K;
}

static ANM_ALWAYS_INLINE size_t head_bytes(const anm_dtype type)
{
    if (has_minimum(type)) return 128;
    return type == ANM_DTYPE_Q6_K ? 64 : 32;
}

/* Steps of k in the 64 bytes of a line. */
static ANM_ALWAYS_INLINE int line_steps(const anm_dtype type)
{
    return run_steps(type) == 0 ? 2 : is_nibbles(type) ? 8 : 4;
}

#endif
