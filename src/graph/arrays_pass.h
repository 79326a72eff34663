/* arrays_pass.h - rewriting an array program into fewer, larger nodes of the
 * same meaning, so that a package runs as fast as the same model from a folder.
 *
 * A package spells out what a converter did not recognise. Each pass keeps the
 * meaning up to the order of float32 summation; a test runs every package with
 * and without them.
 *
 *   PRODUCT    matmul by a constant matrix                  -> LINEAR
 *   NORM       mean of squares, rsqrt, mul (, mul)          -> RMS_NORM
 *              mean, sub, mean of squares, rsqrt, mul       -> LAYER_NORM
 *              LAYER_NORM, mul, add of constants            -> gamma, beta
 *   GELU       x/2 (1 + erf(x/sqrt 2))                      -> GELU
 *   ROPE       x cos + concat(-x2, x1) sin                  -> ROPE
 *   ATTENTION  matmul, scale, mask, softmax, matmul, and the transposes and
 *              repetitions of heads around it; SDPA likewise -> ATTENTION
 *   EPILOGUE   LINEAR + constant, + activation, + array     -> LINEAR
 *   DEAD       nodes whose values nobody reads              -> removed
 *
 * A pass fires only where no other node reads what it would remove. Values keep
 * their ids and names; those that no node defines any more are left behind
 * unread. Inputs, outputs and states stay.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ARRAYS_PASS_H
#define ANM_ARRAYS_PASS_H

#include "graph/arrays.h"

enum {
    ANM_ARRAYS_PASS_PRODUCT = 1u << 0,
    ANM_ARRAYS_PASS_NORM = 1u << 1,
    ANM_ARRAYS_PASS_GELU = 1u << 2,
    ANM_ARRAYS_PASS_ROPE = 1u << 3,
    ANM_ARRAYS_PASS_ATTENTION = 1u << 4,
    ANM_ARRAYS_PASS_EPILOGUE = 1u << 5,
    ANM_ARRAYS_PASS_DEAD = 1u << 6,
    ANM_ARRAYS_PASS_ALL = 0x7f,
};

/* Rewrite a finished program in place, in the order above. ANM_E_NOMEM: it may
 * only be freed. */
anm_status anm_arrays_optimize(anm_arrays *a, unsigned passes, anm_error *err);

#endif
