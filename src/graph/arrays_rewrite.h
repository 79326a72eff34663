/* arrays_rewrite.h - one sweep of a pass over an array program. Internal to
 * graph/.
 *
 * A pass walks the nodes in order and changes the last node of a pattern into
 * what the whole of it means: all that this reads is defined before. Nodes in
 * between lose their readers and are dropped with those behind the sweep.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ARRAYS_REWRITE_H
#define ANM_ARRAYS_REWRITE_H

#include "graph/arrays_storage.h"

typedef struct anm_arrays_rewrite {
    anm_arrays *a;
    anm_array_node **definer; /* [n_values] NULL where no node is */
    size_t *n_readers;        /* [n_values] inputs of nodes, and outputs */
} anm_arrays_rewrite;

/* Begin a sweep. False when memory is out; _deinit() is due either way. */
bool anm_arrays_rewrite_init(anm_arrays_rewrite *r, anm_arrays *a);
void anm_arrays_rewrite_deinit(anm_arrays_rewrite *r);

/* End it: drop the nodes whose values nobody reads any more. */
void anm_arrays_rewrite_drop_dead(anm_arrays_rewrite *r);

/* The node that defines v, when it is of this operation; else NULL. */
anm_array_node *anm_rewrite_definer(const anm_arrays_rewrite *r, anm_value_id v,
                                    anm_array_op op);

/* The same where v has one reader, the one that asks. */
anm_array_node *anm_rewrite_only(const anm_arrays_rewrite *r, anm_value_id v,
                                 anm_array_op op);

/* Change a node where it stands; its outputs stay. False when memory is out. */
bool anm_rewrite_change(anm_arrays_rewrite *r, anm_array_node *node,
                        anm_array_op op, const anm_value_id *inputs, size_t n,
                        const anm_array_attr *attr);

const anm_array_type *anm_rewrite_type(const anm_arrays_rewrite *r,
                                       anm_value_id v);

/* Whether v is a constant of one number, and which. */
bool anm_rewrite_scalar(const anm_arrays_rewrite *r, anm_value_id v,
                        double *out);

/* Whether v is a constant list of integers that are these; -1 in want is any.
 */
bool anm_rewrite_is_list(const anm_arrays_rewrite *r, anm_value_id v,
                         const int64_t *want, size_t n);
bool anm_rewrite_int(const anm_arrays_rewrite *r, anm_value_id v, size_t i,
                     int64_t *out);

/* Whether v is a constant of floats with one element for each of axis `axis` of
 * t, whose size is known, and 1 along all others. */
bool anm_rewrite_is_vector(const anm_arrays_rewrite *r, anm_value_id v,
                           const anm_array_type *t, unsigned axis);

/* Of a binary node: which of its inputs is defined by a node of this operation
 * and read by it alone (*other is then the other input); NULL: neither. */
anm_array_node *anm_rewrite_operand(const anm_arrays_rewrite *r,
                                    const anm_array_node *node, anm_array_op op,
                                    anm_value_id *other);

/* Every dim is known, and the same. */
bool anm_rewrite_same_dims(const anm_array_type *a, const anm_array_type *b);

/* The passes, one sweep each; false when memory is out. */
bool anm_pass_array_product(anm_arrays_rewrite *r);
bool anm_pass_array_norm(anm_arrays_rewrite *r);
bool anm_pass_array_gelu(anm_arrays_rewrite *r);
bool anm_pass_array_rope(anm_arrays_rewrite *r);
bool anm_pass_array_attention(anm_arrays_rewrite *r);
bool anm_pass_array_epilogue(anm_arrays_rewrite *r);

#endif
