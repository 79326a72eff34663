/* rewrite.c - one sweep over a graph: who defines and reads what, and the list
 * of nodes rebuilt behind it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/rewrite.h"

#include <assert.h>

void anm_rewrite_deinit(anm_rewrite *r)
{
    anm_free(r->definer);
    anm_free(r->n_readers);
    anm_free(r->removed);
    anm_free(r->insertions);
}

bool anm_rewrite_init(anm_rewrite *r, anm_graph *g)
{
    *r = (anm_rewrite){ .g = g, .n_values = g->n_values };
    r->definer = anm_alloc_array(g->n_values, sizeof(*r->definer));
    r->n_readers = anm_alloc_array(g->n_values, sizeof(*r->n_readers));
    r->removed = anm_alloc_array(g->n_nodes, sizeof(*r->removed));
    if (!r->definer || !r->n_readers || !r->removed) return false;
    for (size_t i = 0; i < g->n_nodes; i++) {
        anm_node *node = &g->nodes[i];

        r->definer[node->output] = node;
        for (size_t k = 0; k < ANM_INPUTS_MAX; k++)
            if (node->inputs[k] != ANM_VALUE_NONE)
                r->n_readers[node->inputs[k]]++;
    }
    r->n_readers[g->result]++;
    return true;
}

anm_node *anm_rewrite_sole(const anm_rewrite *r, anm_value_id v, anm_op op)
{
    anm_node *node = v < r->n_values ? r->definer[v] : NULL;

    return node && node->op == op && r->n_readers[v] == 1 ? node : NULL;
}

void anm_rewrite_remove(anm_rewrite *r, anm_node *node)
{
    const size_t i = (size_t)(node - r->g->nodes);

    assert(!r->removed[i] && r->n_readers[node->output] == 0);
    r->removed[i] = true;
    r->definer[node->output] = NULL;
    r->n_changes++;
    for (size_t k = 0; k < ANM_INPUTS_MAX; k++)
        if (node->inputs[k] != ANM_VALUE_NONE) r->n_readers[node->inputs[k]]--;
}

bool anm_rewrite_insert(anm_rewrite *r, const anm_node *before,
                        const anm_node *node)
{
    const size_t n = r->n_insertions;

    if (!anm_grow(&r->insertions, &r->cap_insertions, n + 1,
                  sizeof(*r->insertions)))
        return false;
    r->insertions[n] = (anm_insertion){
        .before = (size_t)(before - r->g->nodes),
        .turn = n,
        .node = *node,
    };
    r->n_insertions++;
    r->n_changes++;
    return true;
}

static int compare_insertions(const void *a, const void *b)
{
    const anm_insertion *x = a, *y = b;

    if (x->before != y->before) return x->before < y->before ? -1 : 1;
    return (x->turn > y->turn) - (x->turn < y->turn);
}

bool anm_rewrite_apply(anm_rewrite *r)
{
    anm_graph *g = r->g;
    const size_t cap = g->n_nodes + r->n_insertions;
    size_t n = 0, next = 0;
    anm_node *nodes = anm_alloc_array(cap, sizeof(*nodes));

    if (!nodes) return false;
    if (r->n_insertions)
        qsort(r->insertions, r->n_insertions, sizeof(*r->insertions),
              compare_insertions);
    for (size_t i = 0; i < g->n_nodes; i++) {
        while (next < r->n_insertions && r->insertions[next].before == i)
            nodes[n++] = r->insertions[next++].node;
        if (!r->removed[i]) nodes[n++] = g->nodes[i];
    }
    anm_free(g->nodes);
    g->nodes = nodes;
    g->n_nodes = n;
    g->cap_nodes = cap;
    return true;
}
