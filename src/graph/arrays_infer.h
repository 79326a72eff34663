/* arrays_infer.h - what the files of shape inference share. Internal to
 * graph/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ARRAYS_INFER_H
#define ANM_ARRAYS_INFER_H

#include "graph/arrays_shape.h"

typedef struct anm_infer {
    const anm_array_node *node;
    const anm_array_known *in;
    anm_array_type *out;
    bool open;
    anm_error *err;
} anm_infer;

/* "op(types): why" */
anm_status anm_infer_fail(const anm_infer *f, const char *why);
/* The same with another status than ANM_E_FORMAT. */
anm_status anm_infer_fail_as(const anm_infer *f, anm_status status,
                             const char *why);

anm_status anm_infer_axis(const anm_infer *f, int64_t axis, unsigned rank);

/* *to becomes what it and t broadcast to. */
anm_status anm_infer_broadcast(const anm_infer *f, anm_array_type *to,
                               const anm_array_type *t);

/* Whether inputs and outputs are floats or integers as the operation wants
 * (arrays_shape_kinds.c). */
anm_status anm_infer_kinds(const anm_infer *f);

/* Movement and making (arrays_shape_move.c). */
anm_status anm_infer_movement(anm_infer *f);

/* By index (arrays_shape_index.c). */
anm_status anm_infer_index(anm_infer *f);

/* Whether input i is a list of integers, of n where n >= 0. */
anm_status anm_infer_list(const anm_infer *f, unsigned i, int64_t n);

/* Integers, and not BOOL. */
bool anm_infer_is_integer(const anm_array_type *t);

/* The same dims but along one axis; -1: along all. */
bool anm_infer_is_like(const anm_array_type *a, const anm_array_type *b,
                       int axis);

anm_status anm_infer_dims(anm_infer *f, const int64_t *dims, size_t n);

#endif
