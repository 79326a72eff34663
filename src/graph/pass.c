/* pass.c - running passes to their fixed points, and removing what nobody
 * reads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/pass.h"

#include <assert.h>

#include "base/error.h"
#include "graph/rewrite.h"

/* From the last node to the first: what a removed node read may be unread when
 * its own turn comes. */
static bool remove_dead(anm_rewrite *r)
{
    for (size_t i = r->g->n_nodes; i-- > 0;) {
        anm_node *node = &r->g->nodes[i];
        if (r->n_readers[node->output] == 0) anm_rewrite_remove(r, node);
    }
    return true;
}

typedef bool (*pass_fn)(anm_rewrite *r);

/* Sweep until nothing changes. */
static bool run_pass(anm_graph *g, pass_fn pass)
{
    anm_rewrite r;
    bool ok, again;

    do {
        ok = anm_rewrite_init(&r, g) && pass(&r) &&
             (!r.n_changes || anm_rewrite_apply(&r));
        again = r.n_changes != 0;
        anm_rewrite_deinit(&r);
    } while (ok && again);
    return ok;
}

/* ---- Values -------------------------------------------------------------- */

/* Which values a node defines or reads; inputs of the graph always stay. */
static void mark_values(const anm_graph *g, bool *used)
{
    for (size_t i = 0; i < g->n_values; i++)
        used[i] = g->values[i].kind == ANM_VALUE_INPUT;
    for (size_t i = 0; i < g->n_nodes; i++) {
        const anm_node *node = &g->nodes[i];

        used[node->output] = true;
        for (size_t k = 0; k < ANM_INPUTS_MAX; k++)
            if (node->inputs[k] != ANM_VALUE_NONE) used[node->inputs[k]] = true;
    }
}

/* Drop values that no node knows any more, and number the others afresh. */
static bool compact_values(anm_graph *g)
{
    bool *used = anm_alloc_array(g->n_values, sizeof(*used));
    anm_value_id *ids = anm_alloc_array(g->n_values, sizeof(*ids));
    anm_value_id n = 0;
    const bool ok = used && ids;

    if (ok) mark_values(g, used);
    for (size_t i = 0; ok && i < g->n_values; i++) {
        ids[i] = n;
        if (used[i]) g->values[n++] = g->values[i];
    }
    for (size_t i = 0; ok && i < g->n_nodes; i++) {
        anm_node *node = &g->nodes[i];

        node->output = ids[node->output];
        for (size_t k = 0; k < ANM_INPUTS_MAX; k++)
            if (node->inputs[k] != ANM_VALUE_NONE)
                node->inputs[k] = ids[node->inputs[k]];
    }
    if (ok) {
        g->result = ids[g->result];
        g->n_values = n;
    }
    anm_free(used);
    anm_free(ids);
    return ok;
}

anm_status anm_graph_optimize(anm_graph *g, unsigned passes, anm_error *err)
{
    static const struct {
        unsigned bit;
        pass_fn pass;
    } order[] = {
        { ANM_PASS_ATTENTION, anm_pass_attention },
        { ANM_PASS_STACK, anm_pass_stack },
        { ANM_PASS_GLU, anm_pass_glu },
        { ANM_PASS_EPILOGUE, anm_pass_epilogue },
        { ANM_PASS_DEAD, remove_dead },
    };
    bool ok = true;

    assert(!g->error.status && g->result != ANM_VALUE_NONE);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && ok; i++)
        if (passes & order[i].bit) ok = run_pass(g, order[i].pass);
    ok = ok && compact_values(g);
    if (!ok) return anm_fail(err, ANM_E_NOMEM, "graph: out of memory");
    // Values that passes name may meet names that the builder gave.
    return anm_graph_check_names(g, err);
}
