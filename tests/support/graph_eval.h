/* graph_eval.h - what a graph means, computed in double with no care for
 * speed: the yardstick for builders and passes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_GRAPH_EVAL_H
#define ANM_TEST_GRAPH_EVAL_H

#include "support/support.h"

#include "graph/graph.h"

/* Every value of a graph for one text of n tokens, none masked. */
typedef struct test_eval {
    const anm_graph *g;
    size_t n_tokens;
    double **values; /* [n_values][elements]; NULL where never defined */
} test_eval;

test_eval test_eval_run(const anm_graph *g, const int32_t *ids, size_t n);
void test_eval_free(test_eval *e);

/* The elements of a value by name; fails the test when there is none. */
const double *test_eval_value(const test_eval *e, const char *name, size_t *n);

#endif
