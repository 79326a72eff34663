/* memory_plan.h - where each temporary value lives: offsets into one block,
 * reused as soon as the last reader is done.
 *
 * Offsets depend on how many rows (tokens of all texts together) and texts a
 * call has. The plan is made once for a capacity; a smaller call uses the same
 * offsets. SLICE and RESHAPE values are views of what they read and take no
 * room, where rows allow it; otherwise they have room of their own and must be
 * copied (view is false): a slice inside a row of several axes, a reshape that
 * mixes the rows of a slice, either of an input or a constant.
 *
 * A value may lie where one lies that dies in its node: that of LINEAR over its
 * residual; that of LAYER_NORM, RMS_NORM and ROPE over x; that of GLU over the
 * first half of x. What is overwritten may be a slice of which nobody reads the
 * floats any more. Whoever runs the graph computes in place then (same offset
 * and ld).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MEMORY_PLAN_H
#define ANM_MEMORY_PLAN_H

#include "graph/graph.h"

/* Where a TEMP value lies. In floats; i32 values count alike.
 *
 *   first axis is L, no other   row r (a token) at offset + r * ld
 *   no axis is L                row r (a text) at offset + r * ld; per_text
 *   any other, [h, L, L] say    elements without gaps from offset, for the L of
 *                               the call; width and ld are the last axis at
 *                               capacity. Only graphs that run one text at a
 *                               time have such */
typedef struct anm_place {
    size_t offset;
    size_t ld;
    size_t width; /* elements of a row */
    bool per_text;
    bool view;
} anm_place;

typedef struct anm_memory_plan {
    anm_place *places; /* [n_values]; meaningful for TEMP values */
    size_t n_values;
    size_t floats;      /* size of the block */
    size_t rows, texts; /* the capacity */
} anm_memory_plan;

/* Zero-initialised is valid to deinit and to make again (which reuses the
 * array). Rooms begin at multiples of 16 floats. Sizes that do
 * not fit are ANM_E_LIMIT. After a failure the plan may only be made again or
 * deinited. */
anm_status anm_memory_plan_make(anm_memory_plan *p, const anm_graph *g,
                                size_t rows, size_t texts, anm_error *err);
void anm_memory_plan_deinit(anm_memory_plan *p);

#endif
