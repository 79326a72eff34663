/* keep.h - precisions: in which type a model's weights are kept.
 *
 * Weights are the constants that products and look-ups read: the second input of
 * a LINEAR and the first of a GATHER. Everything else is small, and stays as it
 * is stored under every precision.
 *
 *   precision  weights stored as   are kept as
 *   f32        anything            they are stored: it promises exact values
 *   bf16       BF16                they are stored
 *              F32                 BF16
 *   int8       Q8_0                they are stored
 *              F32, F16, BF16      Q8_0
 *   int4       Q4_0, Q4_K          they are stored
 *              F32, F16, BF16      Q4_0; tables Q8_0
 *
 * "Stored as" is said of a model by most bytes of its constants. A weight whose rows
 * are no whole blocks of the type stays as it is stored.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_KEEP_H
#define ANM_KEEP_H

#include "graph/graph.h"

/* What weights that are stored so are called. */
anm_precision anm_precision_of(anm_dtype stored);

/* Whether weights stored as `stored` can be had in a precision. */
bool anm_precision_possible(anm_dtype stored, anm_precision precision);

/* Whether that rounds them. */
bool anm_precision_rounds(anm_dtype stored, anm_precision precision);

/* Say of every constant what it is kept as, once the passes are done; where the
 * precision rounds nothing, nothing changes. */
void anm_graph_keep(anm_graph *g, anm_precision precision);

/* Elements of weights, and those of them that are kept in another type than they
 * are stored in. */
typedef struct anm_kept {
    uint64_t weights, rounded;
} anm_kept;

anm_kept anm_graph_count_kept(const anm_graph *g);

#endif
