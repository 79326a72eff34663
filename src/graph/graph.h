/* graph.h - the intermediate representation: what a model computes, for one
 * text of L tokens. Executes nothing and knows no device.
 *
 * A graph is a list of values and a list of nodes in order of execution; each
 * node reads values and defines one. A dimension is a number or ANM_DIM_TOKENS,
 * the L of the text at hand. The inputs are the canonical form of a text: ids
 * and mask, both [L] int32. The meaning is that of one text whose masked
 * positions do not exist; a backend may run several texts at once when every
 * node is row-wise or knows the bounds of a text (anm_op_info.packable).
 *
 * Building never fails in the middle: the first error sticks in the graph,
 * later calls return ANM_VALUE_NONE, and anm_graph_finish() reports it. So a
 * builder reads like the paper.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_GRAPH_H
#define ANM_GRAPH_H

#include "anemone.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/types.h"

/* ---- Types --------------------------------------------------------------- */

typedef uint32_t anm_value_id;
#define ANM_VALUE_NONE UINT32_MAX

/* The number of tokens of the text. */
enum { ANM_DIM_TOKENS = -1 };

typedef struct anm_shape {
    anm_dtype dtype;
    unsigned rank;
    int64_t dims[ANM_RANK_MAX]; /* ANM_DIM_TOKENS or > 0 */
} anm_shape;

/* The operations: enum name, text, fewest and most inputs, packable, shape
 * rule, kernel-free meaning. X(NAME, text, min_inputs, max_inputs, packable).
 *
 *   POSITION    (ids [L])            -> i32 [L]: 0, 1, 2 … + attr.offset
 *   GATHER      (table [n, d], ids)  -> [L, d]
 *   ADD, MUL    (a, b)               -> a's shape; b broadcasts over leading
 *                                       axes
 *   SCALE       (x)                  -> x * attr.alpha
 *   LINEAR      (x [.., k], w [n, k], bias [n]?, residual [.., n]?)
 *                                    -> act(x w^T + bias) + residual; either
 *                                       optional input may be ANM_VALUE_NONE
 *   ACT         (x)                  -> act(x)
 *   GLU         (x [.., 2 d])        -> [.., d]: act(first half) * second half;
 *                                       attr.act
 *   LAYER_NORM  (x [.., d], gamma [d], beta [d]) over the last axis, attr.eps
 *   RMS_NORM    (x [.., h d], gamma [d]) each group of d by itself, attr.eps
 *   ANGLES      (positions [L])      -> [L, d]: the cosines of d/2 angles, then
 *                                       the sines; attr.size d, attr.theta;
 *                                       exactly as kern.h has angles_f32
 *   ROPE        (x [L, h d], angles [L, d]) each head of d turned: element j
 *                                       with element d/2 + j
 *   RESHAPE     (x)                  -> attr.dims
 *   TRANSPOSE   (x)                  -> attr.perm
 *   SLICE       (x [.., d])          -> [.., attr.size] from attr.begin on the
 *                                       last axis; a view
 *   MATMUL      (a [.., m, k], b [.., k, n])  b [.., n, k] with attr.flag
 *   SOFTMAX     (x [.., n], mask [n]?) over the last axis; masked keys get 0
 *   ATTENTION   (q [L, h d], k [L, g d], v [L, g d], mask [L])
 *                                    -> [L, h d]; attr.heads h, attr.kv_heads
 *                                       g, attr.alpha scale, attr.flag causal
 *   POOL        (x [L, d], mask [L]) -> [d]; attr.pool
 *   NORMALIZE   (x [d])              -> x / max(|x|, attr.eps) */
#define ANM_OP_LIST(X)                                                         \
    X(POSITION, "position", 1, 1, true)                                        \
    X(GATHER, "gather", 2, 2, true)                                            \
    X(ADD, "add", 2, 2, true)                                                  \
    X(MUL, "mul", 2, 2, true)                                                  \
    X(SCALE, "scale", 1, 1, true)                                              \
    X(LINEAR, "linear", 2, 4, true)                                            \
    X(ACT, "act", 1, 1, true)                                                  \
    X(GLU, "glu", 1, 1, true)                                                  \
    X(LAYER_NORM, "layer_norm", 3, 3, true)                                    \
    X(RMS_NORM, "rms_norm", 2, 2, true)                                        \
    X(ANGLES, "angles", 1, 1, true)                                            \
    X(ROPE, "rope", 2, 2, true)                                                \
    X(RESHAPE, "reshape", 1, 1, false)                                         \
    X(TRANSPOSE, "transpose", 1, 1, false)                                     \
    X(SLICE, "slice", 1, 1, true)                                              \
    X(MATMUL, "matmul", 2, 2, false)                                           \
    X(SOFTMAX, "softmax", 1, 2, false)                                         \
    X(ATTENTION, "attention", 4, 4, true)                                      \
    X(POOL, "pool", 2, 2, true)                                                \
    X(NORMALIZE, "normalize", 1, 1, true)

typedef enum anm_op {
#define X(name, text, lo, hi, packable) ANM_OP_##name,
    ANM_OP_LIST(X)
#undef X
        ANM_OP_COUNT,
} anm_op;

enum { ANM_INPUTS_MAX = 4 };

typedef enum anm_pool_kind {
    ANM_POOL_CLS,
    ANM_POOL_MEAN,
    ANM_POOL_LAST,
} anm_pool_kind;

const char *anm_pool_kind_name(anm_pool_kind kind); /* "cls" "mean" "last" */

/* What an operation needs besides its inputs; unused members are zero. */
typedef struct anm_attr {
    anm_act act;
    anm_pool_kind pool;
    float alpha;
    double eps, theta;
    bool flag;
    unsigned heads, kv_heads;
    int64_t offset, begin, size;
    unsigned rank;
    int64_t dims[ANM_RANK_MAX]; /* RESHAPE */
    unsigned perm[ANM_RANK_MAX];
} anm_attr;

typedef struct anm_node {
    anm_op op;
    anm_value_id inputs[ANM_INPUTS_MAX]; /* NONE where absent */
    anm_value_id output;
    anm_attr attr;
    const char *name; /* path of the layer, for plans and messages */
} anm_node;

/* A piece of a constant: stored bytes in a map, or in the graph's arena. */
typedef struct anm_part {
    anm_bytes data;
    uint64_t rows; /* along axis 0 */
} anm_part;

typedef enum anm_value_kind {
    ANM_VALUE_INPUT,
    ANM_VALUE_CONST,
    ANM_VALUE_TEMP,
} anm_value_kind;

/* A constant is one or more parts of equal type stacked along axis 0 (q, k and
 * v fused into one linear are three parts); nothing is copied for that. */
typedef struct anm_value {
    anm_value_kind kind;
    anm_shape shape;
    const char *name;
    anm_part *parts; /* [n_parts] of a CONST */
    size_t n_parts;
    /* The type that a backend keeps a CONST in where it has a form of its own for
     * it: as it is stored, until anm_graph_keep() says otherwise. */
    anm_dtype kept;
} anm_value;

typedef struct anm_op_info {
    const char *name;
    unsigned min_inputs, max_inputs;
    bool packable;
} anm_op_info;

const anm_op_info *anm_op_describe(anm_op op);

/* ---- Lifecycle ----------------------------------------------------------- */

typedef struct anm_graph anm_graph;

anm_status anm_graph_new(anm_graph **out, anm_error *err);
void anm_graph_free(anm_graph *g);

/* ---- Building ------------------------------------------------------------ */

anm_value_id anm_graph_input(anm_graph *g, const char *name,
                             const anm_shape *shape);

/* Borrowed bytes must outlive the graph; length and shape must agree. */
anm_value_id anm_graph_const(anm_graph *g, const char *name,
                             const anm_shape *shape, anm_bytes data);

/* Add a node; the shape of its value, which has the node's name, is inferred.
 * Names are copied, and no two values of a graph have the same. attr may be
 * NULL. */
anm_value_id anm_graph_add(anm_graph *g, anm_op op, const char *name,
                           const anm_value_id *inputs, size_t n_inputs,
                           const anm_attr *attr);

/* Declare the result: [dim] floats. Exactly one. */
void anm_graph_result(anm_graph *g, anm_value_id value);

/* Let the builder report its own trouble through the sticky error. */
void anm_graph_fail(anm_graph *g, anm_status status, const char *format, ...)
    ANM_PRINTF(3, 4);

/* The sticky error, or that the graph has no result, or a name twice. */
anm_status anm_graph_finish(const anm_graph *g, anm_error *err);

/* ---- Reading ------------------------------------------------------------- */

size_t anm_graph_n_nodes(const anm_graph *g);
const anm_node *anm_graph_node(const anm_graph *g, size_t i);
size_t anm_graph_n_values(const anm_graph *g);
const anm_value *anm_graph_value(const anm_graph *g, anm_value_id v);
anm_value_id anm_graph_result_of(const anm_graph *g);
/* NONE when no value has this name. */
anm_value_id anm_graph_find(const anm_graph *g, const char *name);

/* The type that most bytes of constants are stored as; F32 without any. */
anm_dtype anm_graph_main_type(const anm_graph *g);

/* Elements of a shape for a text of `tokens` tokens; UINT64_MAX when there are
 * more than that. */
uint64_t anm_shape_elements(const anm_shape *s, size_t tokens);

/* "F32 [L, 384]"; for messages. */
void anm_shape_text(const anm_shape *s, char *out, size_t cap);

#endif
