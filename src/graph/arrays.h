/* arrays.h - the array program: what a Core ML function computes, on arrays of
 * any rank with the shapes that it has itself. Executes nothing and knows no
 * device.
 *
 * graph.h describes one text of L tokens and serves models that come as
 * weights; a package brings its own computation, written for padded shapes,
 * and that is kept here as it stands. A program is a list of values and a list
 * of nodes in order of execution. Each node reads values and defines others.
 *
 * Conventions
 * - A value has a declared type: element type, rank, dims, -1 where unknown
 *   until inputs are given. Element types are F32 F16 (computed in float32: a
 *   value declared F16 is rounded by CAST and by WRITE_STATE alone), I32 I16 I8
 *   U16 U8 (computed as int32, wrapped to the declared type) and BOOL.
 * - Whatever a package may compute at run time (the shape of a reshape, the
 *   begin of a slice) is an input, constant or not; what it must write down is
 *   an attribute. Axes may be negative: they count from the end.
 * - What an opset means differently from another is an attribute; no node knows
 *   its opset.
 * - Building never fails in the middle: the first error sticks in the program,
 *   later calls return ANM_VALUE_NONE, and anm_arrays_finish() reports it.
 * - Names of values are unique, outputs of nodes included; they are copied.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ARRAYS_H
#define ANM_ARRAYS_H

#include "graph/graph.h"

/* Elements of one array; more is ANM_E_LIMIT. */
#define ANM_ARRAY_ELEMENTS_MAX ((uint64_t)1 << 31)
/* Inputs or outputs of one node. */
enum { ANM_ARRAY_ARGS_MAX = 1024 };

/* ---- Types --------------------------------------------------------------- */

typedef struct anm_array_type {
    anm_dtype dtype;
    unsigned rank;              /* 0: a scalar of one element */
    int64_t dims[ANM_RANK_MAX]; /* -1: unknown */
} anm_array_type;

/* "F16 [1, ?, 64]"; for messages. */
void anm_array_type_text(const anm_array_type *t, char *out, size_t cap);

/* True of F32 and F16. */
bool anm_array_is_float(anm_dtype dtype);

/* ---- Operations -------------------------------------------------------------
 * X(NAME, text, fewest inputs, most inputs, outputs); 0 outputs: as many as
 * the node is given. text is MIL's name, or ours where there is none. "?" marks
 * an input that may be ANM_VALUE_NONE (or left off at the end). Meanings are
 * numpy's unless noted; binary operations broadcast both ways.
 *
 * Movement
 *   IDENTITY (x)    CAST (x) attr.dtype: float to int truncates and wraps, to
 *                   BOOL not zero, to F16 rounds
 *   RESHAPE (x, shape)       one -1; 0 copies the dim at the same index, or
 *                            with ANM_ARRAY_FROM_RIGHT at the same index from
 *                            the right (out of range: 1)
 *   EXPAND_DIMS (x) attr.axes, of the output     SQUEEZE (x) attr.axes, none:
 *                            all of size 1; an axis of another size stays
 *   TRANSPOSE (x) attr.axes is the permutation
 *   CONCAT (values…) attr.axis; scalars count as [1]; ANM_ARRAY_INTERLEAVE
 *   STACK (values…) attr.axis
 *   SPLIT (x, sizes?) attr.axis; equal parts without sizes
 *   TILE (x, reps)   REVERSE (x) attr.axes, none: all
 *   SLICE_BY_INDEX (x, begin, end, stride?) attr.begin_mask, end_mask,
 *                            squeeze_mask: bit i for axis i
 *   SLICE_BY_SIZE (x, begin, size)  size -1: to the end
 *   SLICE_UPDATE (x, update, begin, end, stride?)  masks as above
 *   PAD (x, pad, value?)     attr.mode CONSTANT, REFLECT, REPLICATE; pairs
 *                            before and after for the last axes
 * By index; negative indices count from the end with ANM_ARRAY_WRAP_INDEX, and
 * any other index outside the array fails the call
 *   GATHER (x, indices) attr.axis, batch_dims
 *   GATHER_ALONG_AXIS (x, indices) attr.axis
 *   GATHER_ND (x, indices) attr.batch_dims
 *   SCATTER (data, indices, updates) attr.axis, mode UPDATE ADD SUB MUL DIV MAX
 *                            MIN       SCATTER_ALONG_AXIS, SCATTER_ND  alike
 *   ONE_HOT (indices, size, on, off) attr.axis; an index outside is all off
 *   TOPK (x) attr.axis, k (-1: all), ANM_ARRAY_ASCENDING -> values, indices;
 *                            ties: the lower index first
 *   NON_ZERO (x)             -> [n, rank] indices
 * Making
 *   FILL (shape, value)  FILL_LIKE (ref, value)  RANGE_1D (start, end, step)
 *   SHAPE (x)  BAND_PART (x) attr.lower, upper: -1 keeps all
 *   CUMSUM (x) attr.axis, ANM_ARRAY_EXCLUSIVE, ANM_ARRAY_REVERSE_ORDER
 * Element by element; attr.alpha, beta where MIL has them, attr.eps of INVERSE
 * LOG RSQRT: 1/(x + eps), ln(x + eps), 1/sqrt(x + eps)
 *   MOD and FLOOR_DIV are Python's; ROUND half to even; GELU attr.act GELU_ERF,
 *   GELU_TANH, or NONE for x sigmoid(1.702 x); PRELU (x, alpha [C]) and
 *   SOFTPLUS_PARAMETRIC (x, alpha [C], beta [C]) per axis 1;
 *   SELECT (cond, a, b); CLAMPED_RELU min(beta, x >= 0 ? x : alpha x)
 * Over axes
 *   SOFTMAX (x) attr.axis; a row of -inf alone is NaN
 *   REDUCE_* (x) attr.axes, none: all, ANM_ARRAY_KEEP_DIMS; ARGMAX, ARGMIN
 *   attr.axis, first of equals
 * Linear algebra and norms
 *   LINEAR (x [.., k], w [n, k], bias [n]?, residual [.., n]?)
 *                  act(x w^T + bias) + residual; attr.act, NONE for MIL's
 *                  linear; w is a constant, [k, n] with ANM_ARRAY_TRANSPOSE_W
 *   MATMUL (x, y) ANM_ARRAY_TRANSPOSE_X, ANM_ARRAY_TRANSPOSE_Y
 *   EINSUM (a [n, c, h, w], b [n, w, h, u]) -> [n, c, h, u], or all without n;
 *                  n and h broadcast
 *   CONV (x [n, c, ..], w [o, c / groups, ..], bias?) attr.groups, pad_type,
 *                  and per spatial axis attr.strides, dilations, pads
 *   LAYER_NORM (x, gamma?, beta?) attr.axes, eps
 *   BATCH_NORM (x, mean, variance, gamma?, beta?) attr.eps, channels axis 1
 *   INSTANCE_NORM (x, gamma?, beta?) attr.eps
 *   L2_NORM (x)    x / sqrt(sum of squares over the last three axes + eps)
 *   SDPA (q, k, v, mask?)  MIL's scaled_dot_product_attention
 *   QUANTIZE (x, scale, zero?) attr.dtype, axis and ANM_ARRAY_PER_AXIS
 *   DEQUANTIZE (x, scale, zero?) likewise
 * State; a state value is read and written by these alone
 *   READ_STATE (state)       a copy: later writes do not show in it
 *   WRITE_STATE (state, x)   no output; rounds or wraps to the state's type
 * What the passes make
 *   RMS_NORM (x, gamma?)     x / sqrt(mean of squares over the last axis + eps)
 *   ROPE (x [.., d], cos, sin)  x cos + rotate(x) sin, rotate(x) = -x[d/2..],
 *                            x[..d/2]; cos and sin broadcast
 *   ATTENTION (q, k, v, mask?)  softmax(alpha q k^T + mask) v over the last two
 *                            axes; with ANM_ARRAY_TOKENS_FIRST q [b, l, h, d],
 *                            k [b, m, g, d], v and output alike, else [b, h, l,
 *                            d]; h a multiple of g; mask as of SDPA, shaped
 *                            [b, h, l, m] or broadcast to it */
#define ANM_ARRAY_OP_LIST(X)                                                   \
    X(IDENTITY, "identity", 1, 1, 1)                                           \
    X(CAST, "cast", 1, 1, 1)                                                   \
    X(RESHAPE, "reshape", 2, 2, 1)                                             \
    X(EXPAND_DIMS, "expand_dims", 1, 1, 1)                                     \
    X(SQUEEZE, "squeeze", 1, 1, 1)                                             \
    X(TRANSPOSE, "transpose", 1, 1, 1)                                         \
    X(CONCAT, "concat", 1, ANM_ARRAY_ARGS_MAX, 1)                              \
    X(STACK, "stack", 1, ANM_ARRAY_ARGS_MAX, 1)                                \
    X(SPLIT, "split", 1, 2, 0)                                                 \
    X(TILE, "tile", 2, 2, 1)                                                   \
    X(REVERSE, "reverse", 1, 1, 1)                                             \
    X(SLICE_BY_INDEX, "slice_by_index", 3, 4, 1)                               \
    X(SLICE_BY_SIZE, "slice_by_size", 3, 3, 1)                                 \
    X(SLICE_UPDATE, "slice_update", 4, 5, 1)                                   \
    X(PAD, "pad", 2, 3, 1)                                                     \
    X(GATHER, "gather", 2, 2, 1)                                               \
    X(GATHER_ALONG_AXIS, "gather_along_axis", 2, 2, 1)                         \
    X(GATHER_ND, "gather_nd", 2, 2, 1)                                         \
    X(SCATTER, "scatter", 3, 3, 1)                                             \
    X(SCATTER_ALONG_AXIS, "scatter_along_axis", 3, 3, 1)                       \
    X(SCATTER_ND, "scatter_nd", 3, 3, 1)                                       \
    X(ONE_HOT, "one_hot", 4, 4, 1)                                             \
    X(TOPK, "topk", 1, 1, 0)                                                   \
    X(NON_ZERO, "non_zero", 1, 1, 1)                                           \
    X(FILL, "fill", 2, 2, 1)                                                   \
    X(FILL_LIKE, "fill_like", 2, 2, 1)                                         \
    X(RANGE_1D, "range_1d", 3, 3, 1)                                           \
    X(SHAPE, "shape", 1, 1, 1)                                                 \
    X(BAND_PART, "band_part", 1, 1, 1)                                         \
    X(CUMSUM, "cumsum", 1, 1, 1)                                               \
    X(ADD, "add", 2, 2, 1)                                                     \
    X(SUB, "sub", 2, 2, 1)                                                     \
    X(MUL, "mul", 2, 2, 1)                                                     \
    X(REAL_DIV, "real_div", 2, 2, 1)                                           \
    X(FLOOR_DIV, "floor_div", 2, 2, 1)                                         \
    X(MOD, "mod", 2, 2, 1)                                                     \
    X(POW, "pow", 2, 2, 1)                                                     \
    X(MAXIMUM, "maximum", 2, 2, 1)                                             \
    X(MINIMUM, "minimum", 2, 2, 1)                                             \
    X(EQUAL, "equal", 2, 2, 1)                                                 \
    X(NOT_EQUAL, "not_equal", 2, 2, 1)                                         \
    X(LESS, "less", 2, 2, 1)                                                   \
    X(LESS_EQUAL, "less_equal", 2, 2, 1)                                       \
    X(GREATER, "greater", 2, 2, 1)                                             \
    X(GREATER_EQUAL, "greater_equal", 2, 2, 1)                                 \
    X(LOGICAL_AND, "logical_and", 2, 2, 1)                                     \
    X(LOGICAL_OR, "logical_or", 2, 2, 1)                                       \
    X(LOGICAL_XOR, "logical_xor", 2, 2, 1)                                     \
    X(LOGICAL_NOT, "logical_not", 1, 1, 1)                                     \
    X(SELECT, "select", 3, 3, 1)                                               \
    X(ABS, "abs", 1, 1, 1)                                                     \
    X(ACOS, "acos", 1, 1, 1)                                                   \
    X(ASIN, "asin", 1, 1, 1)                                                   \
    X(ATAN, "atan", 1, 1, 1)                                                   \
    X(ATANH, "atanh", 1, 1, 1)                                                 \
    X(CEIL, "ceil", 1, 1, 1)                                                   \
    X(COS, "cos", 1, 1, 1)                                                     \
    X(COSH, "cosh", 1, 1, 1)                                                   \
    X(ERF, "erf", 1, 1, 1)                                                     \
    X(EXP, "exp", 1, 1, 1)                                                     \
    X(EXP2, "exp2", 1, 1, 1)                                                   \
    X(FLOOR, "floor", 1, 1, 1)                                                 \
    X(INVERSE, "inverse", 1, 1, 1)                                             \
    X(LOG, "log", 1, 1, 1)                                                     \
    X(ROUND, "round", 1, 1, 1)                                                 \
    X(RSQRT, "rsqrt", 1, 1, 1)                                                 \
    X(SIGN, "sign", 1, 1, 1)                                                   \
    X(SIN, "sin", 1, 1, 1)                                                     \
    X(SINH, "sinh", 1, 1, 1)                                                   \
    X(SQRT, "sqrt", 1, 1, 1)                                                   \
    X(SQUARE, "square", 1, 1, 1)                                               \
    X(TAN, "tan", 1, 1, 1)                                                     \
    X(TANH, "tanh", 1, 1, 1)                                                   \
    X(SIGMOID, "sigmoid", 1, 1, 1)                                             \
    X(SIGMOID_HARD, "sigmoid_hard", 1, 1, 1)                                   \
    X(RELU, "relu", 1, 1, 1)                                                   \
    X(RELU6, "relu6", 1, 1, 1)                                                 \
    X(SOFTPLUS, "softplus", 1, 1, 1)                                           \
    X(SOFTPLUS_PARAMETRIC, "softplus_parametric", 3, 3, 1)                     \
    X(SOFTSIGN, "softsign", 1, 1, 1)                                           \
    X(SILU, "silu", 1, 1, 1)                                                   \
    X(GELU, "gelu", 1, 1, 1)                                                   \
    X(CLIP, "clip", 1, 1, 1)                                                   \
    X(THRESHOLD, "threshold", 1, 1, 1)                                         \
    X(LEAKY_RELU, "leaky_relu", 1, 1, 1)                                       \
    X(CLAMPED_RELU, "clamped_relu", 1, 1, 1)                                   \
    X(THRESHOLDED_RELU, "thresholded_relu", 1, 1, 1)                           \
    X(ELU, "elu", 1, 1, 1)                                                     \
    X(PRELU, "prelu", 2, 2, 1)                                                 \
    X(LINEAR_ACTIVATION, "linear_activation", 1, 1, 1)                         \
    X(SCALED_TANH, "scaled_tanh", 1, 1, 1)                                     \
    X(SOFTMAX, "softmax", 1, 1, 1)                                             \
    X(REDUCE_SUM, "reduce_sum", 1, 1, 1)                                       \
    X(REDUCE_MEAN, "reduce_mean", 1, 1, 1)                                     \
    X(REDUCE_MAX, "reduce_max", 1, 1, 1)                                       \
    X(REDUCE_MIN, "reduce_min", 1, 1, 1)                                       \
    X(REDUCE_PROD, "reduce_prod", 1, 1, 1)                                     \
    X(REDUCE_SUM_SQUARE, "reduce_sum_square", 1, 1, 1)                         \
    X(REDUCE_L1_NORM, "reduce_l1_norm", 1, 1, 1)                               \
    X(REDUCE_L2_NORM, "reduce_l2_norm", 1, 1, 1)                               \
    X(REDUCE_LOG_SUM, "reduce_log_sum", 1, 1, 1)                               \
    X(REDUCE_LOG_SUM_EXP, "reduce_log_sum_exp", 1, 1, 1)                       \
    X(REDUCE_ARGMAX, "reduce_argmax", 1, 1, 1)                                 \
    X(REDUCE_ARGMIN, "reduce_argmin", 1, 1, 1)                                 \
    X(LINEAR, "linear", 2, 4, 1)                                               \
    X(MATMUL, "matmul", 2, 2, 1)                                               \
    X(EINSUM, "einsum", 2, 2, 1)                                               \
    X(CONV, "conv", 2, 3, 1)                                                   \
    X(LAYER_NORM, "layer_norm", 1, 3, 1)                                       \
    X(BATCH_NORM, "batch_norm", 3, 5, 1)                                       \
    X(INSTANCE_NORM, "instance_norm", 1, 3, 1)                                 \
    X(L2_NORM, "l2_norm", 1, 1, 1)                                             \
    X(SDPA, "scaled_dot_product_attention", 3, 4, 1)                           \
    X(QUANTIZE, "quantize", 2, 3, 1)                                           \
    X(DEQUANTIZE, "dequantize", 2, 3, 1)                                       \
    X(READ_STATE, "read_state", 1, 1, 1)                                       \
    X(WRITE_STATE, "write_state", 2, 2, 0)                                     \
    X(RMS_NORM, "rms_norm", 1, 2, 1)                                           \
    X(ROPE, "rope", 3, 3, 1)                                                   \
    X(ATTENTION, "attention", 3, 4, 1)

typedef enum anm_array_op {
#define X(name, text, lo, hi, outs) ANM_ARRAY_##name,
    ANM_ARRAY_OP_LIST(X)
#undef X
        ANM_ARRAY_OP_COUNT,
} anm_array_op;

typedef struct anm_array_op_info {
    const char *name;
    unsigned min_inputs, max_inputs;
    unsigned n_outputs; /* 0: as the node says */
} anm_array_op_info;

const anm_array_op_info *anm_array_op_describe(anm_array_op op);

/* The operation of MIL with this name; false when there is none. Names that
 * are ours (rms_norm, rope, attention) are not found. */
bool anm_array_op_find(const char *name, anm_array_op *out);

enum {
    ANM_ARRAY_FROM_RIGHT = 1 << 0,
    ANM_ARRAY_INTERLEAVE = 1 << 1,
    ANM_ARRAY_WRAP_INDEX = 1 << 2,
    ANM_ARRAY_ASCENDING = 1 << 3,
    ANM_ARRAY_EXCLUSIVE = 1 << 4,
    ANM_ARRAY_REVERSE_ORDER = 1 << 5, /* of CUMSUM: from the end */
    ANM_ARRAY_KEEP_DIMS = 1 << 6,
    ANM_ARRAY_TRANSPOSE_X = 1 << 7,
    ANM_ARRAY_TRANSPOSE_Y = 1 << 8,
    ANM_ARRAY_TRANSPOSE_W = 1 << 9,
    ANM_ARRAY_PER_AXIS = 1 << 10,
    ANM_ARRAY_TOKENS_FIRST = 1 << 11,
};

typedef enum anm_array_mode {
    ANM_ARRAY_MODE_NONE,
    ANM_ARRAY_MODE_CONSTANT, /* PAD */
    ANM_ARRAY_MODE_REFLECT,
    ANM_ARRAY_MODE_REPLICATE,
    ANM_ARRAY_MODE_UPDATE, /* SCATTER* */
    ANM_ARRAY_MODE_ADD,
    ANM_ARRAY_MODE_SUB,
    ANM_ARRAY_MODE_MUL,
    ANM_ARRAY_MODE_DIV,
    ANM_ARRAY_MODE_MAX,
    ANM_ARRAY_MODE_MIN,
} anm_array_mode;

typedef enum anm_array_pad_type {
    ANM_ARRAY_PAD_VALID,
    ANM_ARRAY_PAD_CUSTOM, /* attr.pads */
    ANM_ARRAY_PAD_SAME,   /* the odd one at the end */
    ANM_ARRAY_PAD_SAME_LOWER,
} anm_array_pad_type;

/* What an operation needs besides its inputs; unused members are zero. */
typedef struct anm_array_attr {
    unsigned flags;
    anm_act act;
    anm_array_mode mode;
    anm_array_pad_type pad_type;
    anm_dtype dtype; /* CAST, QUANTIZE */
    int64_t axis, batch_dims, k, lower, upper, groups;
    unsigned n_axes;
    int64_t axes[ANM_RANK_MAX];
    unsigned begin_mask, end_mask, squeeze_mask;
    double alpha, beta, eps;
    int64_t strides[3], dilations[3], pads[6]; /* CONV */
} anm_array_attr;

/* ---- Values and nodes ---------------------------------------------------- */

typedef enum anm_array_kind {
    ANM_ARRAY_INPUT,
    ANM_ARRAY_CONST,
    ANM_ARRAY_STATE,
    ANM_ARRAY_TEMP,
} anm_array_kind;

/* Writes all bytes of a constant that is not stored plainly (a palette, say),
 * in order; the same bytes each time. Any thread, one call at a time. */
typedef anm_status (*anm_array_fill_fn)(void *ctx, void *dst, size_t bytes,
                                        anm_error *err);

typedef struct anm_array {
    anm_array_kind kind;
    anm_array_type type; /* of a CONST the type that it is stored in */
    const char *name;
    anm_bytes data;         /* of a CONST: row-major, little-endian, any */
    anm_array_fill_fn fill; /* alignment; or NULL data and this */
    void *fill_ctx;
} anm_array;

typedef struct anm_array_node {
    anm_array_op op;
    const char *name;            /* for plans and messages */
    const anm_value_id *inputs;  /* [n_inputs], NONE where absent */
    const anm_value_id *outputs; /* [n_outputs] */
    unsigned n_inputs, n_outputs;
    anm_array_attr attr;
} anm_array_node;

typedef struct anm_arrays anm_arrays;

/* ---- Building ------------------------------------------------------------ */

anm_status anm_arrays_new(anm_arrays **out, anm_error *err);
void anm_arrays_free(anm_arrays *a); /* accepts NULL */

/* Named values from outside. A state begins as zeros. */
anm_value_id anm_arrays_input(anm_arrays *a, const char *name,
                              const anm_array_type *type);
anm_value_id anm_arrays_state(anm_arrays *a, const char *name,
                              const anm_array_type *type);

/* Bytes are borrowed and outlive the program; all dims are known. Types as
 * stored: F32 F16 BF16 I32 I16 I8 U16 U8 BOOL (a byte of 0 or 1). */
anm_value_id anm_arrays_const(anm_arrays *a, const char *name,
                              const anm_array_type *type, anm_bytes data);

/* A constant that is made when asked for; ctx outlives the program. */
anm_value_id anm_arrays_const_lazy(anm_arrays *a, const char *name,
                                   const anm_array_type *type,
                                   anm_array_fill_fn fill, void *ctx);

/* Small constants of the builder's own, copied. */
anm_value_id anm_arrays_const_i32(anm_arrays *a, const char *name,
                                  const int32_t *v, size_t n);
anm_value_id anm_arrays_scalar_f32(anm_arrays *a, const char *name, float v);
anm_value_id anm_arrays_scalar_i32(anm_arrays *a, const char *name, int32_t v);

typedef struct anm_array_result {
    const char *name;
    anm_array_type type; /* as declared; dims -1 where not known */
} anm_array_result;

/* Add a node with these outputs, whose ids are first, first + 1 …; returns the
 * first, or NONE after an error and of WRITE_STATE. attr may be NULL. */
anm_value_id anm_arrays_add(anm_arrays *a, anm_array_op op, const char *name,
                            const anm_value_id *inputs, size_t n_inputs,
                            const anm_array_attr *attr,
                            const anm_array_result *results, size_t n_results);

/* Declare a result; its name for callers is the value's. Inputs and constants
 * may be results too. */
void anm_arrays_output(anm_arrays *a, anm_value_id value);

void anm_arrays_fail(anm_arrays *a, anm_status status, const char *format, ...)
    ANM_PRINTF(3, 4);

/* The sticky error, or that there is no output, or a name twice. */
anm_status anm_arrays_finish(const anm_arrays *a, anm_error *err);

/* ---- Reading ------------------------------------------------------------- */

size_t anm_arrays_n_values(const anm_arrays *a);
const anm_array *anm_arrays_value(const anm_arrays *a, anm_value_id v);
size_t anm_arrays_n_nodes(const anm_arrays *a);
const anm_array_node *anm_arrays_node(const anm_arrays *a, size_t i);

/* In the order they were declared. */
size_t anm_arrays_n_inputs(const anm_arrays *a);
anm_value_id anm_arrays_input_at(const anm_arrays *a, size_t i);
size_t anm_arrays_n_outputs(const anm_arrays *a);
anm_value_id anm_arrays_output_at(const anm_arrays *a, size_t i);

/* NONE when no value has this name. */
anm_value_id anm_arrays_find(const anm_arrays *a, const char *name);

/* ---- Text in, vector out ----------------------------------------------------
 * How a text becomes the inputs of a program and where its vector is. The last
 * axis of every input below is positions, the axes before it count the texts of
 * one run (`batch`, usually 1). Whatever pooling or normalisation the recipe
 * wants that the package lacks is nodes of the program. */

typedef enum anm_array_role {
    ANM_ARRAY_ROLE_IDS,
    ANM_ARRAY_ROLE_MASK,      /* 1 kept, 0 padding */
    ANM_ARRAY_ROLE_TYPES,     /* zeros */
    ANM_ARRAY_ROLE_POSITIONS, /* 0, 1, 2 … */
} anm_array_role;

enum { ANM_ARRAY_FEEDS_MAX = 4 };

typedef struct anm_arrays_text {
    struct {
        anm_value_id input;
        anm_array_role role;
    } feeds[ANM_ARRAY_FEEDS_MAX]; /* every input of the program is in here */
    size_t n_feeds;
    size_t batch;
    int32_t pad_id;
    bool pad_left;
    /* A text is padded to the shortest of these that holds it; or, where there
     * are none, to min_length when it is shorter. */
    const size_t *lengths; /* [n_lengths], ascending */
    size_t n_lengths;
    size_t min_length, max_length;
    anm_value_id vector; /* an output of batch x dim elements */
} anm_arrays_text;

#endif
