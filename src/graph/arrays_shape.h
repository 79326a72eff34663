/* arrays_shape.h - what a node of an array program makes of the shapes it is
 * given, once inputs are there.
 *
 * Everything is checked here that a kernel may then rely upon: ranks, axes,
 * sizes that must agree, element types of shapes and indices, and that no
 * array is larger than ANM_ARRAY_ELEMENTS_MAX. Contents (an index in range) are
 * not: that is for whoever runs the node.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ARRAYS_SHAPE_H
#define ANM_ARRAYS_SHAPE_H

#include "graph/arrays.h"

/* An input of a node. Dims of the type are all known. */
typedef struct anm_array_known {
    bool present;
    anm_array_type type;
    const void *data; /* as computed (float, int32_t); NULL: not known yet */
} anm_array_known;

/* The dims of every output into out [n_outputs], whose element types the caller
 * has set. Where they depend on contents that are not known yet, *open becomes
 * true and out is left alone; with all data given that does not happen, but
 * for NON_ZERO, whose first dim is then the most there can be. Messages name
 * operation and shapes, and not the node. */
anm_status anm_arrays_infer(const anm_array_node *node,
                            const anm_array_known *in, anm_array_type *out,
                            bool *open, anm_error *err);

/* Elements; all dims are known. */
size_t anm_array_elements(const anm_array_type *t);

/* -1 is the last of `rank`; the axis is known to be in range. */
static inline unsigned anm_array_axis(int64_t axis, unsigned rank)
{
    return (unsigned)(axis < 0 ? axis + rank : axis);
}

/* Integer i of an input of integers whose data is known. */
static inline int64_t anm_array_int(const anm_array_known *k, size_t i)
{
    return ((const int32_t *)k->data)[i];
}

/* The axes of attr as bits; all of them where it has none. */
unsigned anm_array_axes(const anm_array_attr *attr, unsigned rank);

/* Which elements SLICE_BY_INDEX, SLICE_BY_SIZE and SLICE_UPDATE mean: per axis
 * of x a start, a step and a count. */
typedef struct anm_array_slice {
    int64_t start[ANM_RANK_MAX], step[ANM_RANK_MAX], count[ANM_RANK_MAX];
} anm_array_slice;

/* The data of begin, end, stride and size are known. */
anm_status anm_array_slice_of(const anm_array_node *node,
                              const anm_array_known *in, anm_array_slice *out,
                              anm_error *err);

/* Padding before and size after of each spatial axis of a CONV. */
typedef struct anm_array_window {
    int64_t before[3], out[3];
} anm_array_window;

anm_status anm_array_window_of(const anm_array_attr *attr,
                               const anm_array_type *x, const anm_array_type *w,
                               anm_array_window *out, anm_error *err);

/* An operand of MATMUL as a matrix: a vector on the left is a row, on the right
 * a column. */
typedef struct anm_array_matrix {
    int64_t rows, cols;
    size_t row_step, col_step; /* in elements */
} anm_array_matrix;

anm_array_matrix anm_array_matrix_of(const anm_array_type *t, bool turned,
                                     bool left);

/* How many numbers RANGE_1D counts; its inputs are known. */
anm_status anm_array_range_count(const anm_array_known *in, int64_t *out,
                                 anm_error *err);

#endif
