/* arrays_cost.h - how much work an array program is for one run, from the
 * shapes that it declares.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ARRAYS_COST_H
#define ANM_ARRAYS_COST_H

#include "graph/arrays.h"

/* Multiply-accumulates of one node when every dimension that is not declared is
 * `tokens`; 0 for a node that only moves or looks up. */
double anm_array_node_macs(const anm_arrays *a, const anm_array_node *node,
                           size_t tokens);

/* Of one run at this length: of all texts of it. Weights are bytes as they are
 * stored; of a table that is looked up, only the rows that are read. */
anm_cost anm_arrays_cost(const anm_arrays *a, size_t tokens);

/* The length that a text of n tokens runs at: the shortest of text->lengths
 * that holds it, else n itself, at least text->min_length. The longest where
 * none holds it. */
size_t anm_arrays_length(const anm_arrays_text *text, size_t n);

#endif
