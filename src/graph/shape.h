/* shape.h - what an operation makes of the shapes it is given. Internal to
 * graph/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_SHAPE_H
#define ANM_SHAPE_H

#include "graph/graph.h"

/* Rank, type and dimensions are possible, and the elements for a text of one
 * token fit into int64_t. A constant has no dimension ANM_DIM_TOKENS. */
anm_status anm_shape_check(const anm_shape *s, bool constant, anm_error *err);

/* The shape of an operation's value. inputs[i] is NULL where absent; as many
 * are there as anm_op_info asks for. The message names operation and shapes.
 * attr is checked too. */
anm_status anm_shape_infer(anm_op op,
                           const anm_shape *const inputs[ANM_INPUTS_MAX],
                           const anm_attr *attr, anm_shape *out,
                           anm_error *err);

#endif
