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

anm_status anm_infer_axis(const anm_infer *f, int64_t axis, unsigned rank);

/* *to becomes what it and t broadcast to. */
anm_status anm_infer_broadcast(const anm_infer *f, anm_array_type *to,
                               const anm_array_type *t);

/* Movement, indices and making (arrays_shape_move.c). */
anm_status anm_infer_movement(anm_infer *f);

#endif
