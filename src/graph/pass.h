/* pass.h - rewriting a graph into fewer, larger nodes of the same meaning.
 *
 * Passes know shapes and patterns, no device. Each one keeps the meaning
 * exactly up to the order of float32 summation; a test runs every graph with
 * and without them.
 *
 *   ATTENTION   reshape, transpose, matmul, scale, softmax, matmul, transpose,
 *               reshape                          -> ATTENTION
 *   STACK       linears of one input, without activation, that feed one
 *               ATTENTION, by way of RMS_NORM and ROPE or directly
 *                                                -> one LINEAR and SLICEs
 *   GLU         act(linear) * linear, both of one input
 *                                                -> one LINEAR and GLU
 *   EPILOGUE    linear + act; linear + add       -> LINEAR with act, residual
 *   DEAD        nodes whose value nobody reads   -> removed
 *
 * A pass fires only where no other node reads what it would remove, dead nodes
 * included. A value keeps its name as long as it exists: of a fused linear the
 * last value's name stays, and the linear's own stays that of the node. Stacked
 * linears "a.q", "a.k", "a.v" become "a.q+k+v", its constants "a.q+k+v.weight"
 * and ".bias".
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_PASS_H
#define ANM_PASS_H

#include "graph/graph.h"

enum {
    ANM_PASS_ATTENTION = 1u << 0,
    ANM_PASS_STACK = 1u << 1,
    ANM_PASS_GLU = 1u << 2,
    ANM_PASS_EPILOGUE = 1u << 3,
    ANM_PASS_DEAD = 1u << 4,
    ANM_PASS_ALL = 0x1f,
};

/* Rewrite a finished g in place, each pass to its fixed point, in the order
 * above. Values that no node defines or reads any more are dropped and the
 * others numbered afresh; inputs stay. On failure (memory, or a name that a
 * pass gives being taken) the graph may only be freed. */
anm_status anm_graph_optimize(anm_graph *g, unsigned passes, anm_error *err);

#endif
