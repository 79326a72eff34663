/* rewrite.h - one sweep of a pass over a graph. Internal to graph/.
 *
 * A pass walks the nodes in order and either changes a node where it stands,
 * removes it, or inserts nodes before one. The list of nodes is rebuilt once,
 * behind the sweep, so that a sweep is linear. A node may be changed into one
 * that reads more only at its own place: everything it reads is then defined
 * before it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_REWRITE_H
#define ANM_REWRITE_H

#include "graph/storage.h"

typedef struct anm_insertion {
    size_t before; /* index of a node as the sweep found it */
    size_t turn;   /* order among those before one node */
    anm_node node;
} anm_insertion;

typedef struct anm_rewrite {
    anm_graph *g;
    size_t n_values;           /* of g when the sweep began */
    anm_node **definer;        /* [n_values] NULL where no node is */
    size_t *n_readers;         /* [n_values] inputs of nodes, and the result */
    bool *removed;             /* [n_nodes] */
    anm_insertion *insertions; /* [n_insertions] */
    size_t n_insertions, cap_insertions;
    size_t n_changes;
} anm_rewrite;

/* Begin a sweep. False when memory is out; _deinit() is due either way. */
bool anm_rewrite_init(anm_rewrite *r, anm_graph *g);
void anm_rewrite_deinit(anm_rewrite *r);

/* End it: rebuild the list of nodes without the removed and with the inserted.
 * False when memory is out. */
bool anm_rewrite_apply(anm_rewrite *r);

/* For a reader of v: the node that defines v, when it is of this operation and
 * v has no other reader, being the result included; else NULL. */
anm_node *anm_rewrite_sole(const anm_rewrite *r, anm_value_id v, anm_op op);

/* Drop a node and what it reads; its value must have no reader left. */
void anm_rewrite_remove(anm_rewrite *r, anm_node *node);

/* False when memory is out. */
bool anm_rewrite_insert(anm_rewrite *r, const anm_node *before,
                        const anm_node *node);

/* Linears of one input that become one, whose weight is theirs stacked. */
enum { ANM_STACK_MAX = 3 };

typedef struct anm_stack {
    anm_node *linears[ANM_STACK_MAX]; /* [n] in the order of the rows */
    size_t n;
} anm_stack;

/* Whether they can: no activation, no residual, constants of one type, and
 * either all have a bias or none has (a bias of zeros would be one more
 * constant). */
bool anm_stack_fits(const anm_graph *g, const anm_stack *s);

/* Insert the one linear before the first of them and give it out. The others
 * stay, for the caller to replace. False when memory is out. */
bool anm_stack_insert(anm_rewrite *r, const anm_stack *s, anm_node *out);

/* The first of them in order of execution. */
anm_node *anm_stack_first(const anm_stack *s);

/* The passes, one sweep each; false when memory is out. */
bool anm_pass_attention(anm_rewrite *r);
bool anm_pass_stack(anm_rewrite *r);
bool anm_pass_glu(anm_rewrite *r);
bool anm_pass_epilogue(anm_rewrite *r);

#endif
