/* pass_epilogue.c - what follows a linear is done by it: an activation, then
 * the sum with a residual.
 *
 * The linear moves to the place of what it swallows, since the residual may be
 * defined behind the place where it stood. LINEAR adds the residual last, so a
 * linear that has one takes no activation any more.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/rewrite.h"

static bool has_same_dims(const anm_shape *a, const anm_shape *b)
{
    return a->rank == b->rank &&
           memcmp(a->dims, b->dims, a->rank * sizeof(a->dims[0])) == 0;
}

/* Put the linear where node stands and give it node's value. */
static void swallow(anm_rewrite *r, anm_node *node, anm_node *linear)
{
    const anm_node moved = *linear;
    const anm_value_id output = node->output;

    // The reads of the linear are dropped with it and counted again here.
    r->n_readers[linear->output]--;
    anm_rewrite_remove(r, linear);
    *node = moved;
    node->output = output;
    for (size_t k = 0; k < ANM_INPUTS_MAX; k++)
        if (node->inputs[k] != ANM_VALUE_NONE) r->n_readers[node->inputs[k]]++;
}

static void fuse_act(anm_rewrite *r, anm_node *node)
{
    anm_node *linear = anm_rewrite_sole(r, node->inputs[0], ANM_OP_LINEAR);
    const anm_act act = node->attr.act;

    if (!linear || linear->attr.act != ANM_ACT_NONE ||
        linear->inputs[3] != ANM_VALUE_NONE)
        return;
    swallow(r, node, linear);
    node->attr.act = act;
}

/* True when the sum went into the linear that defines its input `side`. */
static bool fuse_add(anm_rewrite *r, anm_node *node, size_t side)
{
    const anm_value_id other = node->inputs[1 - side];
    const anm_value *v = &r->g->values[node->inputs[side]];
    const anm_value *residual = &r->g->values[other];
    anm_node *linear = anm_rewrite_sole(r, node->inputs[side], ANM_OP_LINEAR);

    if (!linear || linear->inputs[3] != ANM_VALUE_NONE) return false;
    if (residual->kind != ANM_VALUE_TEMP ||
        !has_same_dims(&v->shape, &residual->shape))
        return false;
    swallow(r, node, linear);
    // The sum's read of the residual is now the linear's.
    node->inputs[3] = other;
    return true;
}

bool anm_pass_epilogue(anm_rewrite *r)
{
    for (size_t i = 0; i < r->g->n_nodes; i++) {
        anm_node *node = &r->g->nodes[i];

        if (node->op == ANM_OP_ACT) fuse_act(r, node);
        if (node->op == ANM_OP_ADD && !fuse_add(r, node, 0))
            fuse_add(r, node, 1);
    }
    return true;
}
