/* pass_glu.c - act(linear) * linear becomes one linear and GLU.
 *
 *   LINEAR gate -> ACT -> MUL <- LINEAR up       both linears of one input
 *
 * The product may name its factors in either order. The GLU stands where the
 * product stood.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/rewrite.h"

typedef struct match {
    anm_node *act;
    anm_stack stack; /* gate, up */
} match;

static bool match_product(match *m, const anm_rewrite *r, const anm_node *mul,
                          size_t side)
{
    m->act = anm_rewrite_sole(r, mul->inputs[side], ANM_OP_ACT);
    if (!m->act) return false;
    m->stack = (anm_stack){ .n = 2 };
    m->stack.linears[0] = anm_rewrite_sole(r, m->act->inputs[0], ANM_OP_LINEAR);
    m->stack.linears[1] =
        anm_rewrite_sole(r, mul->inputs[1 - side], ANM_OP_LINEAR);
    if (!m->stack.linears[0] || !m->stack.linears[1]) return false;

    const anm_graph *g = r->g;
    return anm_stack_fits(g, &m->stack) &&
           g->values[m->stack.linears[0]->inputs[1]].shape.dims[0] ==
               g->values[m->stack.linears[1]->inputs[1]].shape.dims[0];
}

static bool replace(anm_rewrite *r, anm_node *mul, const match *m)
{
    anm_node linear;

    if (!anm_stack_insert(r, &m->stack, &linear)) return false;
    r->n_readers[mul->inputs[0]]--;
    r->n_readers[mul->inputs[1]]--;
    mul->op = ANM_OP_GLU;
    mul->attr = (anm_attr){ .act = m->act->attr.act };
    mul->inputs[0] = linear.output;
    mul->inputs[1] = ANM_VALUE_NONE;
    anm_rewrite_remove(r, m->act);
    anm_rewrite_remove(r, m->stack.linears[0]);
    anm_rewrite_remove(r, m->stack.linears[1]);
    return true;
}

bool anm_pass_glu(anm_rewrite *r)
{
    match m;

    for (size_t i = 0; i < r->g->n_nodes; i++) {
        anm_node *node = &r->g->nodes[i];

        if (node->op != ANM_OP_MUL) continue;
        if (!match_product(&m, r, node, 0) && !match_product(&m, r, node, 1))
            continue;
        if (!replace(r, node, &m)) return false;
    }
    return true;
}
