/* graph_build.h - graphs like those of real builders, in small, and their text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_GRAPH_BUILD_H
#define ANM_TEST_GRAPH_BUILD_H

#include "support/support.h"

#include "graph/graph.h"

/* An encoder as BERT's: every constant is zeros. */
typedef struct test_encoder {
    unsigned layers;
    int64_t dim, heads, inner;
    unsigned biases; /* bits 0 to 2: q, k, v have one */
} test_encoder;

enum { TEST_ALL_BIASES = 7 };

/* Values: "ids", "mask", "embedding"; for layer i "i.q", "i.q.split",
 * "i.q.heads" (k and v alike), "i.dots", "i.scores", "i.shares", "i.mixed",
 * "i.rows", "i.attention", "i.o", "i.o.sum", "i.o.norm", "i.up", "i.act",
 * "i.down", "i.down.sum", "i"; then "pool" and "unit". A constant is its node's
 * value with ".w", ".b" behind it. */
anm_graph *test_encoder_new(const test_encoder *e);

/* A graph with ids and mask and nothing else. */
anm_graph *test_graph_new(void);

/* A constant of zeros, rank 1 where cols is 0. */
anm_value_id test_const(anm_graph *g, const char *name, int64_t rows,
                        int64_t cols);

/* "ids" through a table of `dim` numbers: [L, dim]. */
anm_value_id test_rows(anm_graph *g, const char *name, int64_t dim);

anm_value_id test_add1(anm_graph *g, anm_op op, const char *name,
                       anm_value_id x, const anm_attr *attr);
anm_value_id test_add2(anm_graph *g, anm_op op, const char *name,
                       anm_value_id a, anm_value_id b, const anm_attr *attr);

/* With weight and bias as constants. */
anm_value_id test_linear(anm_graph *g, const char *name, anm_value_id x,
                         int64_t n, bool bias);

/* Mean pooling of [L, d], declared as the result; checks the graph. */
void test_end(anm_graph *g, anm_value_id x);

/* "gather linear …" in order; static storage, the last four stay valid. */
const char *test_ops(const anm_graph *g);

/* Every value is what its nodes make of it: nodes read only what is defined
 * before, each value is defined at most once, shapes are those of the rules.
 * Fails the test otherwise. */
void test_graph_check(const anm_graph *g);

/* The node that defines the value of this name; NULL when there is none. */
const anm_node *test_definer(const anm_graph *g, const char *name);

#endif
