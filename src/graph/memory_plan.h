/* memory_plan.h - where each temporary value lives: offsets into one block,
 * reused as soon as the last reader is done.
 *
 * Offsets depend on how many rows (tokens of all texts together) and texts a
 * call has. The plan is made once for a capacity; a smaller call uses the same
 * offsets. SLICE values, and RESHAPE values, are views of what they read and
 * take no room. A LINEAR with a residual that dies there may write over it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MEMORY_PLAN_H
#define ANM_MEMORY_PLAN_H

#include "graph/graph.h"

/* Where a TEMP value of a packed run lies: row r of the value starts at
 * offset + r * ld (in floats; i32 values count alike). A value without a token
 * axis has one row per text. */
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
    size_t floats; /* size of the block */
    size_t rows, texts; /* the capacity */
} anm_memory_plan;

/* Zero-initialised is valid to deinit and to make again (which reuses the
 * arrays). Every offset is a multiple of 16 floats. */
anm_status anm_memory_plan_make(anm_memory_plan *p, const anm_graph *g,
                                size_t rows, size_t texts, anm_error *err);
void anm_memory_plan_deinit(anm_memory_plan *p);

#endif
