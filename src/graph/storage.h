/* storage.h - how a graph is kept: for the builder and the passes. Internal to
 * graph/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_STORAGE_H
#define ANM_STORAGE_H

#include "base/alloc.h"
#include "graph/graph.h"

struct anm_graph {
    anm_arena arena; /* names and parts */
    anm_value *values;
    size_t n_values, cap_values;
    anm_node *nodes;
    size_t n_nodes, cap_nodes;
    anm_value_id result;
    anm_error error; /* the first one sticks; status 0: none yet */
};

/* Append a value as it stands, name and parts already in the arena. NONE and
 * a sticky error when memory is out. */
anm_value_id anm_graph_append(anm_graph *g, const anm_value *v);

/* ANM_E_FORMAT when two values have one name. */
anm_status anm_graph_check_names(const anm_graph *g, anm_error *err);

#endif
