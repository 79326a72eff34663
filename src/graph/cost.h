/* cost.h - what a node costs: operations and bytes, the basis of shares in a
 * plan and of every floor. An estimate from shapes alone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_COST_H
#define ANM_COST_H

#include "graph/graph.h"

/* One node, for one text of `tokens` tokens. Weight bytes count constants as
 * they are stored; a GATHER counts the rows it reads. */
anm_cost anm_node_cost(const anm_graph *g, size_t node, size_t tokens);

anm_cost anm_graph_cost(const anm_graph *g, size_t tokens);

/* Share of the whole that a node has, by multiply-accumulates plus one
 * sixteenth of the bytes moved; the shares of a graph sum to 1. */
double anm_node_share(const anm_graph *g, size_t node, size_t tokens);

#endif
