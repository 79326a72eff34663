/* builder.h - what the builders of all architectures share: tensors checked
 * and turned into constants, nodes, names. Internal to model/.
 *
 * Trouble sticks in the graph (graph.h), so that a builder reads like the
 * paper. A tensor that is not there, or not what the settings promise, names
 * file, tensor, what was found and what was expected.
 *
 * Matrices may be stored as F32, F16, BF16 or a block type; vectors as F32,
 * F16 or BF16. A row of a block type is a whole number of blocks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_BUILDER_H
#define ANM_BUILDER_H

#include "model/source.h"

enum { ANM_NAME_BYTES = 96 }; /* canonical names and those of nodes */

typedef struct anm_builder {
    anm_source *s;
    anm_graph *g;
    unsigned layer;         /* of the names that are made */
    const char *layers;     /* canonical path of a layer: "encoder.layer" */
    anm_value_id ids, mask; /* anm_builder_begin() */
} anm_builder;

/* ---- Settings ------------------------------------------------------------ */

/* The activation that "hidden_act" names; `otherwise` when it is silent. */
anm_status anm_read_act(const json_t *config, const char *at,
                        const char *otherwise, anm_act *out, anm_error *err);

/* ---- Names --------------------------------------------------------------- */

/* Of a part of the layer at hand: "layer_03.PART" and "LAYERS.3.PART". */
typedef struct anm_part_name {
    char node[ANM_NAME_BYTES], tensor[ANM_NAME_BYTES];
} anm_part_name;

anm_part_name anm_name_part(const anm_builder *b, const char *part);

/* ---- Tensors ------------------------------------------------------------- */

/* The tensor `w` of canonical name `name`, checked and marked as used; NULL
 * after a failure. w NULL: it is not there. cols 0: a vector. */
const anm_weight *anm_use_weight(anm_builder *b, anm_weight *w,
                                 const char *name, int64_t rows, int64_t cols);

/* Constants under their canonical names. */
anm_value_id anm_add_matrix(anm_builder *b, const char *name, int64_t rows,
                            int64_t cols);
anm_value_id anm_add_vector(anm_builder *b, const char *name, int64_t n);

/* ---- Nodes --------------------------------------------------------------- */

anm_value_id anm_add_node1(anm_builder *b, anm_op op, const char *name,
                           anm_value_id x, const anm_attr *attr);
anm_value_id anm_add_node2(anm_builder *b, anm_op op, const char *name,
                           anm_value_id x, anm_value_id y,
                           const anm_attr *attr);

/* x W^T, plus a bias of that part where `bias`; W is "PART.weight", [n, k]. */
anm_value_id anm_add_linear(anm_builder *b, const char *part, anm_value_id x,
                            int64_t n, int64_t k, bool bias);

/* The inputs of the canonical form of a text. */
void anm_builder_begin(anm_builder *b);

/* Pooling and normalisation as the recipe says, and the result. */
void anm_builder_finish(anm_builder *b, anm_value_id rows);

#endif
