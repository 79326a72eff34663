/* mil_ops.c - the operations of MIL: one row each.
 *
 * A row names the parameters that MIL gives the operation; the function reads
 * them, with the defaults of MIL, and adds a node. Operations that take their
 * inputs in order and nothing else share translate_plain().
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_ops.h"

#include <stdio.h>

/* ---- Inputs in order ------------------------------------------------------- */

/* Every word of the row's parameters is an input; those missing are NONE. */
static void translate_plain(anm_mil_walk *w)
{
    anm_value_id inputs[ANM_MIL_PLAIN_MAX];
    size_t n = 0;

    for (const char *at = w->row->params; *at; n++) {
        char param[32];
        const size_t len = strcspn(at, " ");
        snprintf(param, sizeof(param), "%.*s", (int)len, at);
        inputs[n] = n < anm_array_op_describe(w->row->op)->min_inputs
                        ? anm_mil_in(w, param)
                        : anm_mil_in_or_none(w, param);
        at += len + (at[len] == ' ');
    }
    anm_mil_emit(w, w->row->op, inputs, n, NULL);
}

/* ---- Element by element ---------------------------------------------------- */

static void emit_unary(anm_mil_walk *w, const anm_array_attr *attr)
{
    const anm_value_id x = anm_mil_in(w, "x");

    anm_mil_emit(w, w->row->op, &x, 1, attr);
}

/* Defaults of alpha and beta. */
typedef struct slope {
    anm_array_op op;
    double alpha, beta;
} slope;

static void translate_slope(anm_mil_walk *w)
{
    static const slope slopes[] = {
        { ANM_ARRAY_CLIP, 0, 0 },
        { ANM_ARRAY_THRESHOLD, 0, 0 },
        { ANM_ARRAY_LEAKY_RELU, 0.01, 0 },
        { ANM_ARRAY_CLAMPED_RELU, 0, 0 },
        { ANM_ARRAY_THRESHOLDED_RELU, 1, 0 },
        { ANM_ARRAY_ELU, 1, 0 },
        { ANM_ARRAY_LINEAR_ACTIVATION, 1, 0 },
        { ANM_ARRAY_SCALED_TANH, 1, 1 },
        { ANM_ARRAY_SIGMOID_HARD, 0.2, 0.5 },
    };
    size_t i = 0;

    while (slopes[i].op != w->row->op)
        i++;
    const anm_array_attr attr = {
        .alpha = anm_mil_real(w, "alpha", slopes[i].alpha),
        .beta = anm_mil_real(w, "beta", slopes[i].beta),
    };
    // These have no defaults in MIL.
    if (slopes[i].op == ANM_ARRAY_CLIP || slopes[i].op == ANM_ARRAY_THRESHOLD ||
        slopes[i].op == ANM_ARRAY_CLAMPED_RELU)
        anm_mil_need(w, w->row->op == ANM_ARRAY_THRESHOLD ? "alpha"
                                                          : "alpha beta");
    emit_unary(w, &attr);
}

/* A term against zero: of another type than x from iOS17 on, and read as
 * written. */
static void translate_epsilon(anm_mil_walk *w)
{
    const double otherwise = w->row->op == ANM_ARRAY_RSQRT     ? 1e-12
                             : w->row->op == ANM_ARRAY_INVERSE ? 1e-4
                                                               : 1e-45;
    const anm_array_attr attr = { .eps =
                                      anm_mil_real(w, "epsilon", otherwise) };

    emit_unary(w, &attr);
}

static void translate_gelu(anm_mil_walk *w)
{
    static const anm_mil_word modes[] = {
        { "EXACT", ANM_ACT_GELU_ERF },
        { "TANH_APPROXIMATION", ANM_ACT_GELU_TANH },
        { "SIGMOID_APPROXIMATION", ANM_ACT_NONE },
        { NULL, 0 },
    };
    const anm_array_attr attr = { .act = (anm_act)anm_mil_choice(
                                      w, "mode", "EXACT", modes) };

    emit_unary(w, &attr);
}

static void translate_cast(anm_mil_walk *w)
{
    const anm_array_attr attr = { .dtype = anm_mil_dtype_of(w, "dtype") };

    emit_unary(w, &attr);
}

/* ---- Over axes ------------------------------------------------------------- */

static void translate_softmax(anm_mil_walk *w)
{
    const anm_array_attr attr = { .axis = anm_mil_int(w, "axis", -1) };

    emit_unary(w, &attr);
}

static void translate_reduce(anm_mil_walk *w)
{
    anm_array_attr attr = { 0 };

    attr.n_axes = (unsigned)anm_mil_ints(w, "axes", attr.axes, ANM_RANK_MAX);
    if (anm_mil_bool(w, "keep_dims", false)) attr.flags = ANM_ARRAY_KEEP_DIMS;
    emit_unary(w, &attr);
}

static void translate_arg_reduce(anm_mil_walk *w)
{
    anm_array_attr attr = { .axis = anm_mil_int(w, "axis", -1) };

    if (anm_mil_bool(w, "keep_dims", false)) attr.flags = ANM_ARRAY_KEEP_DIMS;
    emit_unary(w, &attr);
}

static void translate_cumsum(anm_mil_walk *w)
{
    anm_array_attr attr = { .axis = anm_mil_int(w, "axis", 0) };

    if (anm_mil_bool(w, "exclusive", false)) attr.flags |= ANM_ARRAY_EXCLUSIVE;
    if (anm_mil_bool(w, "reverse", false))
        attr.flags |= ANM_ARRAY_REVERSE_ORDER;
    emit_unary(w, &attr);
}

/* Any order will do where none is asked for. */
static void translate_topk(anm_mil_walk *w)
{
    anm_array_attr attr = { .axis = anm_mil_int(w, "axis", -1),
                            .k = anm_mil_int(w, "k", 1) };

    if (anm_mil_bool(w, "ascending", false)) attr.flags = ANM_ARRAY_ASCENDING;
    emit_unary(w, &attr);
}

static void translate_band_part(anm_mil_walk *w)
{
    const anm_array_attr attr = { .lower = anm_mil_int(w, "lower", -1),
                                  .upper = anm_mil_int(w, "upper", -1) };

    emit_unary(w, &attr);
}

/* ---- Linear algebra -------------------------------------------------------- */

/* The weight is [outputs, inputs] and, as MIL wants it, a constant. */
static void translate_linear(anm_mil_walk *w)
{
    const anm_value_id inputs[] = { anm_mil_in(w, "x"), anm_mil_in(w, "weight"),
                                    anm_mil_in_or_none(w, "bias") };

    anm_mil_emit(w, ANM_ARRAY_LINEAR, inputs, 3, NULL);
}

static void translate_matmul(anm_mil_walk *w)
{
    const anm_value_id inputs[] = { anm_mil_in(w, "x"), anm_mil_in(w, "y") };
    anm_array_attr attr = { 0 };

    if (anm_mil_bool(w, "transpose_x", false))
        attr.flags |= ANM_ARRAY_TRANSPOSE_X;
    if (anm_mil_bool(w, "transpose_y", false))
        attr.flags |= ANM_ARRAY_TRANSPOSE_Y;
    anm_mil_emit(w, ANM_ARRAY_MATMUL, inputs, 2, &attr);
}

/* Whether an equation is "nchw,nwhu->nchu" or "chw,whr->chr" in any letters. */
static bool is_known_equation(const char *s)
{
    static const char *const forms[] = { "nchw,nwhu->nchu", "chw,whr->chr" };

    for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        char letters[128] = { 0 };
        size_t i = 0;
        for (; s[i] && forms[f][i]; i++) {
            const unsigned char to = (unsigned char)forms[f][i];
            const char c = s[i];
            const bool letter = to >= 'a' && to <= 'z';
            if (!letter ? c != (char)to
                        : !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
                break;
            if (!letter) continue;
            if (!letters[to]) letters[to] = c;
            if (letters[to] != c) break;
        }
        // Two places of one letter must not be two of the form.
        for (size_t a = 0; a < 128 && !s[i] && !forms[f][i]; a++)
            for (size_t b = 0; b < a; b++)
                if (letters[a] && letters[a] == letters[b]) return false;
        if (!s[i] && !forms[f][i]) return true;
    }
    return false;
}

static void translate_einsum(anm_mil_walk *w)
{
    size_t n;
    const anm_value_id *values = anm_mil_in_row(w, "values", &n);
    const char *equation = anm_mil_string(w, "equation", "");

    if (n == 2 && is_known_equation(equation)) {
        anm_mil_emit(w, ANM_ARRAY_EINSUM, values, n, NULL);
        return;
    }
    anm_mil_fail(w, ANM_E_UNSUPPORTED,
                 "equation \"%.80s\" of %zu values; built in: "
                 "\"nchw,nwhu->nchu\" and \"chw,whr->chr\" of 2",
                 equation, n);
}

static void translate_conv(anm_mil_walk *w)
{
    static const anm_mil_word types[] = {
        { "valid", ANM_ARRAY_PAD_VALID },
        { "custom", ANM_ARRAY_PAD_CUSTOM },
        { "same", ANM_ARRAY_PAD_SAME },
        { "same_lower", ANM_ARRAY_PAD_SAME_LOWER },
        { NULL, 0 },
    };
    const anm_value_id inputs[] = { anm_mil_in(w, "x"), anm_mil_in(w, "weight"),
                                    anm_mil_in_or_none(w, "bias") };
    anm_array_attr attr = {
        .groups = anm_mil_int(w, "groups", 1),
        .strides = { 1, 1, 1 },
        .dilations = { 1, 1, 1 },
        .pad_type =
            (anm_array_pad_type)anm_mil_choice(w, "pad_type", "valid", types),
    };

    anm_mil_ints(w, "strides", attr.strides, 3);
    anm_mil_ints(w, "dilations", attr.dilations, 3);
    anm_mil_ints(w, "pad", attr.pads, 6);
    anm_mil_emit(w, ANM_ARRAY_CONV, inputs, 3, &attr);
}

/* ---- Norms ----------------------------------------------------------------- */

static void translate_layer_norm(anm_mil_walk *w)
{
    const anm_value_id inputs[] = { anm_mil_in(w, "x"),
                                    anm_mil_in_or_none(w, "gamma"),
                                    anm_mil_in_or_none(w, "beta") };
    anm_array_attr attr = { .eps = anm_mil_real(w, "epsilon", 1e-5) };

    attr.n_axes = (unsigned)anm_mil_ints(w, "axes", attr.axes, ANM_RANK_MAX);
    if (attr.n_axes == 0) {
        attr.n_axes = anm_mil_rank(w, inputs[0]);
        for (unsigned i = 0; i < attr.n_axes; i++)
            attr.axes[i] = i;
    }
    anm_mil_emit(w, ANM_ARRAY_LAYER_NORM, inputs, 3, &attr);
}

static void translate_batch_norm(anm_mil_walk *w)
{
    const anm_value_id inputs[] = { anm_mil_in(w, "x"), anm_mil_in(w, "mean"),
                                    anm_mil_in(w, "variance"),
                                    anm_mil_in_or_none(w, "gamma"),
                                    anm_mil_in_or_none(w, "beta") };
    const anm_array_attr attr = { .eps = anm_mil_real(w, "epsilon", 1e-5) };

    anm_mil_emit(w, ANM_ARRAY_BATCH_NORM, inputs, 5, &attr);
}

static void translate_instance_norm(anm_mil_walk *w)
{
    const anm_value_id inputs[] = { anm_mil_in(w, "x"),
                                    anm_mil_in_or_none(w, "gamma"),
                                    anm_mil_in_or_none(w, "beta") };
    const anm_array_attr attr = { .eps = anm_mil_real(w, "epsilon", 1e-5) };

    anm_mil_emit(w, ANM_ARRAY_INSTANCE_NORM, inputs, 3, &attr);
}

static void translate_l2_norm(anm_mil_walk *w)
{
    const anm_array_attr attr = { .eps = anm_mil_real(w, "epsilon", 1e-6) };

    emit_unary(w, &attr);
}

/* ---- Activations quantised and back ---------------------------------------- */

static void translate_quantize(anm_mil_walk *w)
{
    const anm_value_id inputs[] = { anm_mil_in(w, "input"),
                                    anm_mil_in(w, "scale"),
                                    anm_mil_in_or_none(w, "zero_point") };
    anm_array_attr attr = { .axis = anm_mil_int(w, "axis", 0) };

    if (anm_mil_has(w, "axis")) attr.flags = ANM_ARRAY_PER_AXIS;
    if (w->row->op == ANM_ARRAY_QUANTIZE)
        attr.dtype = anm_mil_dtype_of(w, "output_dtype");
    anm_mil_emit(w, w->row->op, inputs, 3, &attr);
}

/* ---- The table ------------------------------------------------------------- */

#define UNARY(NAME, name)                                                      \
    {                                                                          \
        name, translate_plain, ANM_ARRAY_##NAME, "x"                           \
    }
#define BINARY(NAME, name)                                                     \
    {                                                                          \
        name, translate_plain, ANM_ARRAY_##NAME, "x y"                         \
    }
#define SLOPE(NAME, name)                                                      \
    {                                                                          \
        name, translate_slope, ANM_ARRAY_##NAME, "x alpha beta"                \
    }
#define REDUCE(NAME, name)                                                     \
    {                                                                          \
        name, translate_reduce, ANM_ARRAY_##NAME, "x axes keep_dims"           \
    }
#define ARG_REDUCE(NAME, name)                                                 \
    {                                                                          \
        name, translate_arg_reduce, ANM_ARRAY_##NAME,                          \
            "x axis keep_dims output_dtype"                                    \
    }
#define EPSILON(NAME, name)                                                    \
    {                                                                          \
        name, translate_epsilon, ANM_ARRAY_##NAME, "x epsilon"                 \
    }

static const anm_mil_row rows[] = {
    UNARY(ABS, "abs"),
    UNARY(ACOS, "acos"),
    BINARY(ADD, "add"),
    UNARY(ASIN, "asin"),
    UNARY(ATAN, "atan"),
    UNARY(ATANH, "atanh"),
    { "band_part", translate_band_part, ANM_ARRAY_BAND_PART, "x lower upper" },
    { "batch_norm", translate_batch_norm, ANM_ARRAY_BATCH_NORM,
      "x mean variance gamma beta epsilon" },
    { "cast", translate_cast, ANM_ARRAY_CAST, "x dtype" },
    UNARY(CEIL, "ceil"),
    SLOPE(CLAMPED_RELU, "clamped_relu"),
    SLOPE(CLIP, "clip"),
    { "concat", anm_mil_concat, ANM_ARRAY_CONCAT, "values axis interleave" },
    { "conv", translate_conv, ANM_ARRAY_CONV,
      "x weight bias strides pad_type pad dilations groups" },
    { "coreml_update_state", anm_mil_update_state, ANM_ARRAY_WRITE_STATE,
      "state value" },
    UNARY(COS, "cos"),
    UNARY(COSH, "cosh"),
    { "cumsum", translate_cumsum, ANM_ARRAY_CUMSUM,
      "x axis exclusive reverse" },
    { "dequantize", translate_quantize, ANM_ARRAY_DEQUANTIZE,
      "input scale zero_point axis" },
    { "einsum", translate_einsum, ANM_ARRAY_EINSUM, "values equation" },
    { "elu", translate_slope, ANM_ARRAY_ELU, "x alpha" },
    BINARY(EQUAL, "equal"),
    UNARY(ERF, "erf"),
    UNARY(EXP, "exp"),
    UNARY(EXP2, "exp2"),
    { "expand_dims", anm_mil_expand_dims, ANM_ARRAY_EXPAND_DIMS, "x axes" },
    { "fill", anm_mil_fill, ANM_ARRAY_FILL, "shape value" },
    { "fill_like", anm_mil_fill, ANM_ARRAY_FILL_LIKE, "ref_tensor value" },
    UNARY(FLOOR, "floor"),
    BINARY(FLOOR_DIV, "floor_div"),
    { "gather", anm_mil_gather, ANM_ARRAY_GATHER,
      "x indices axis batch_dims validate_indices" },
    { "gather_along_axis", anm_mil_gather, ANM_ARRAY_GATHER_ALONG_AXIS,
      "x indices axis validate_indices" },
    { "gather_nd", anm_mil_gather, ANM_ARRAY_GATHER_ND,
      "x indices batch_dims validate_indices" },
    { "gelu", translate_gelu, ANM_ARRAY_GELU, "x mode" },
    BINARY(GREATER, "greater"),
    BINARY(GREATER_EQUAL, "greater_equal"),
    UNARY(IDENTITY, "identity"),
    { "instance_norm", translate_instance_norm, ANM_ARRAY_INSTANCE_NORM,
      "x gamma beta epsilon" },
    EPSILON(INVERSE, "inverse"),
    { "l2_norm", translate_l2_norm, ANM_ARRAY_L2_NORM, "x epsilon" },
    { "layer_norm", translate_layer_norm, ANM_ARRAY_LAYER_NORM,
      "x axes gamma beta epsilon" },
    { "leaky_relu", translate_slope, ANM_ARRAY_LEAKY_RELU, "x alpha" },
    BINARY(LESS, "less"),
    BINARY(LESS_EQUAL, "less_equal"),
    { "linear", translate_linear, ANM_ARRAY_LINEAR, "x weight bias" },
    SLOPE(LINEAR_ACTIVATION, "linear_activation"),
    EPSILON(LOG, "log"),
    BINARY(LOGICAL_AND, "logical_and"),
    UNARY(LOGICAL_NOT, "logical_not"),
    BINARY(LOGICAL_OR, "logical_or"),
    BINARY(LOGICAL_XOR, "logical_xor"),
    { "matmul", translate_matmul, ANM_ARRAY_MATMUL,
      "x y transpose_x transpose_y" },
    BINARY(MAXIMUM, "maximum"),
    BINARY(MINIMUM, "minimum"),
    BINARY(MOD, "mod"),
    BINARY(MUL, "mul"),
    UNARY(NON_ZERO, "non_zero"),
    BINARY(NOT_EQUAL, "not_equal"),
    { "one_hot", anm_mil_one_hot, ANM_ARRAY_ONE_HOT,
      "indices one_hot_vector_size axis on_value off_value" },
    { "pad", anm_mil_pad, ANM_ARRAY_PAD, "x pad mode constant_val" },
    BINARY(POW, "pow"),
    { "prelu", translate_plain, ANM_ARRAY_PRELU, "x alpha" },
    { "quantize", translate_quantize, ANM_ARRAY_QUANTIZE,
      "input scale zero_point axis output_dtype" },
    { "range_1d", translate_plain, ANM_ARRAY_RANGE_1D, "start end step" },
    { "read_state", translate_plain, ANM_ARRAY_READ_STATE, "input" },
    BINARY(REAL_DIV, "real_div"),
    ARG_REDUCE(REDUCE_ARGMAX, "reduce_argmax"),
    ARG_REDUCE(REDUCE_ARGMIN, "reduce_argmin"),
    REDUCE(REDUCE_L1_NORM, "reduce_l1_norm"),
    REDUCE(REDUCE_L2_NORM, "reduce_l2_norm"),
    REDUCE(REDUCE_LOG_SUM, "reduce_log_sum"),
    REDUCE(REDUCE_LOG_SUM_EXP, "reduce_log_sum_exp"),
    REDUCE(REDUCE_MAX, "reduce_max"),
    REDUCE(REDUCE_MEAN, "reduce_mean"),
    REDUCE(REDUCE_MIN, "reduce_min"),
    REDUCE(REDUCE_PROD, "reduce_prod"),
    REDUCE(REDUCE_SUM, "reduce_sum"),
    REDUCE(REDUCE_SUM_SQUARE, "reduce_sum_square"),
    UNARY(RELU, "relu"),
    UNARY(RELU6, "relu6"),
    { "reshape", anm_mil_reshape, ANM_ARRAY_RESHAPE, "x shape" },
    { "reshape_like", anm_mil_reshape_like, ANM_ARRAY_RESHAPE,
      "x ref_tensors begins ends end_masks" },
    { "reverse", anm_mil_axes, ANM_ARRAY_REVERSE, "x axes" },
    UNARY(ROUND, "round"),
    EPSILON(RSQRT, "rsqrt"),
    { "scaled_dot_product_attention", translate_plain, ANM_ARRAY_SDPA,
      "query key value attn_mask" },
    SLOPE(SCALED_TANH, "scaled_tanh"),
    { "scatter", anm_mil_scatter_op, ANM_ARRAY_SCATTER,
      "data indices updates axis mode validate_indices" },
    { "scatter_along_axis", anm_mil_scatter_op, ANM_ARRAY_SCATTER_ALONG_AXIS,
      "data indices updates axis mode validate_indices" },
    { "scatter_nd", anm_mil_scatter_op, ANM_ARRAY_SCATTER_ND,
      "data indices updates mode validate_indices" },
    { "select", translate_plain, ANM_ARRAY_SELECT, "cond a b" },
    UNARY(SHAPE, "shape"),
    UNARY(SIGMOID, "sigmoid"),
    SLOPE(SIGMOID_HARD, "sigmoid_hard"),
    UNARY(SIGN, "sign"),
    UNARY(SILU, "silu"),
    UNARY(SIN, "sin"),
    UNARY(SINH, "sinh"),
    { "slice_by_index", anm_mil_slice, ANM_ARRAY_SLICE_BY_INDEX,
      "x begin end stride begin_mask end_mask squeeze_mask" },
    { "slice_by_size", translate_plain, ANM_ARRAY_SLICE_BY_SIZE,
      "x begin size" },
    { "slice_update", anm_mil_slice_update, ANM_ARRAY_SLICE_UPDATE,
      "x update begin end stride begin_mask end_mask squeeze_mask" },
    { "softmax", translate_softmax, ANM_ARRAY_SOFTMAX, "x axis" },
    UNARY(SOFTPLUS, "softplus"),
    { "softplus_parametric", translate_plain, ANM_ARRAY_SOFTPLUS_PARAMETRIC,
      "x alpha beta" },
    UNARY(SOFTSIGN, "softsign"),
    { "split", anm_mil_split, ANM_ARRAY_SPLIT,
      "x axis num_splits split_sizes" },
    UNARY(SQRT, "sqrt"),
    UNARY(SQUARE, "square"),
    { "squeeze", anm_mil_axes, ANM_ARRAY_SQUEEZE, "x axes" },
    { "stack", anm_mil_concat, ANM_ARRAY_STACK, "values axis" },
    BINARY(SUB, "sub"),
    UNARY(TAN, "tan"),
    UNARY(TANH, "tanh"),
    { "threshold", translate_slope, ANM_ARRAY_THRESHOLD, "x alpha" },
    { "thresholded_relu", translate_slope, ANM_ARRAY_THRESHOLDED_RELU,
      "x alpha" },
    { "tile", translate_plain, ANM_ARRAY_TILE, "x reps" },
    { "topk", translate_topk, ANM_ARRAY_TOPK,
      "x k axis ascending sort return_indices output_indices_dtype" },
    { "transpose", anm_mil_transpose, ANM_ARRAY_TRANSPOSE, "x perm" },
    { "write_state", translate_plain, ANM_ARRAY_WRITE_STATE, "input data" },
};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

const anm_mil_row *anm_mil_row_find(const char *type)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (strcmp(rows[i].name, type) == 0) return &rows[i];
    return NULL;
}

bool anm_mil_op_at(size_t i, const char **name, const char **params)
{
    if (i >= N_ROWS) return false;
    *name = rows[i].name;
    *params = rows[i].params;
    return true;
}
