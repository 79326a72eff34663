/* plan_check.h - memory plans, and whether a graph may run over one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_PLAN_CHECK_H
#define ANM_TEST_PLAN_CHECK_H

#include "support/graph_build.h"

#include "graph/memory_plan.h"

/* Plan or fail the test with the message. */
anm_memory_plan test_plan(const anm_graph *g, size_t rows, size_t texts);

/* The place of a value by name; fails the test when there is none. */
const anm_place *test_plan_place(const anm_memory_plan *p, const anm_graph *g,
                                 const char *name);

/* Run the graph over the plan, float by float: every value holds its own
 * numbers whenever one reads it, and the block is no larger than all values
 * side by side. Fails the test otherwise. */
void test_plan_check(const anm_graph *g, const anm_memory_plan *p);

#endif
