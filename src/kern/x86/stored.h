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

/* Steps of k in the 64 bytes of a line. */
static ANM_ALWAYS_INLINE int line_steps(const anm_dtype type)
{
    return type == ANM_DTYPE_Q8_0 ? 4 : type == ANM_DTYPE_Q4_0 ? 8 : 2;
}

static ANM_ALWAYS_INLINE bool has_scales(const anm_dtype type)
{
    return type == ANM_DTYPE_Q8_0 || type == ANM_DTYPE_Q4_0;
}

#endif
