/* pass_stack.c - the linears that make q, k and v of one attention become one
 * linear and a slice each. A norm and a rotation may stand between.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/rewrite.h"

/* The linear that makes v, by way of one ROPE and one RMS_NORM or directly;
 * NULL when something else does, or somebody else reads what lies between. */
static anm_node *find_linear(const anm_rewrite *r, anm_value_id v)
{
    static const anm_op between[] = { ANM_OP_ROPE, ANM_OP_RMS_NORM };

    for (size_t i = 0; i < 2; i++) {
        const anm_node *node = anm_rewrite_sole(r, v, between[i]);
        if (node) v = node->inputs[0];
    }
    return anm_rewrite_sole(r, v, ANM_OP_LINEAR);
}

static bool match_stack(const anm_rewrite *r, const anm_node *attention,
                        anm_stack *s)
{
    s->n = ANM_STACK_MAX;
    for (size_t i = 0; i < s->n; i++) {
        s->linears[i] = find_linear(r, attention->inputs[i]);
        if (!s->linears[i]) return false;
    }
    return anm_stack_fits(r->g, s);
}

/* Each of the linears becomes a slice of the one. */
static bool replace(anm_rewrite *r, const anm_stack *s)
{
    const anm_node *first = anm_stack_first(s);
    anm_node linear;
    int64_t begin = 0;

    if (!anm_stack_insert(r, s, &linear)) return false;
    for (size_t i = 0; i < s->n; i++) {
        anm_node *l = s->linears[i];
        const int64_t size = r->g->values[l->inputs[1]].shape.dims[0];
        const anm_node slice = {
            .op = ANM_OP_SLICE,
            .inputs = { linear.output, ANM_VALUE_NONE, ANM_VALUE_NONE,
                        ANM_VALUE_NONE },
            .output = l->output,
            .attr = { .begin = begin, .size = size },
            .name = l->name,
        };

        begin += size;
        if (!anm_rewrite_insert(r, first, &slice)) return false;
        r->n_readers[l->output]--;
        anm_rewrite_remove(r, l);
    }
    return true;
}

bool anm_pass_stack(anm_rewrite *r)
{
    anm_stack s;

    for (size_t i = 0; i < r->g->n_nodes; i++) {
        const anm_node *node = &r->g->nodes[i];

        if (node->op != ANM_OP_ATTENTION || !match_stack(r, node, &s)) continue;
        if (!replace(r, &s)) return false;
    }
    return true;
}
