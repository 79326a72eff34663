/* mil_lint_ops.c - what the rules say of one operation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "model/mil_linter.h"

static const uint64_t MIB = UINT64_C(1) << 20;

enum {
    DIM_MAX = 16384,
    RANK_MAX = 5,
    HUGE_CONSTANT_MIB = 256,
    INF_TABLE_MAX = 1 << 20, /* elements of a table looked at */
    CONSTANT_MIN = 10,       /* elements of what counts as a weight */
};

/* ---- Constants ----------------------------------------------------------- */

static bool holds_infinity(anm_linter *l, const anm_mil_value *v)
{
    double x = 0;

    if (!anm_mil_type_is_float(v->type) || v->n > INF_TABLE_MAX ||
        v->n > l->scan_left)
        return false;
    l->scan_left -= v->n;
    for (uint64_t i = 0; i < v->n; i++)
        if (anm_mil_value_real(v, i, &x) && isinf(x)) return true;
    return false;
}

/* Elements of a declared type; unknown axes count as -1, and a type that is no
 * tensor of known rank as one element. */
static int64_t elements(const anm_mil_value_type *t)
{
    int64_t n = 1;

    for (unsigned i = 0; i < t->rank; i++)
        n *= t->dims[i];
    return n;
}

static void count_decoded(anm_linter *l, const anm_mil_op *op)
{
    const bool is_const = strcmp(op->type, "const") == 0;

    for (size_t i = 0; i < op->n_outputs; i++) {
        const anm_mil_value_type *t = &op->outputs[i].type;
        const int64_t n = elements(t);
        const unsigned bits = anm_mil_type_bits(t->type);

        if (n > 0 && (!is_const || n >= CONSTANT_MIN))
            l->decoded += (uint64_t)n * (bits ? bits : 8) / 8;
    }
}

static void look_at_const(anm_linter *l, const anm_mil_op *op)
{
    const anm_mil_value *v = anm_mil_op_attribute(op, "val");
    double x = 0;

    if (!v) return;
    if (v->data.len > HUGE_CONSTANT_MIB * MIB)
        anm_linter_report(l, ANM_LINT_RULE_HUGE_CONSTANT,
                          anm_lint_place_of(op));
    if (v->type == ANM_MIL_FLOAT16 && v->n == 1 &&
        anm_mil_value_real(v, 0, &x) && fabs(x) == 0x1p-24)
        anm_linter_report(l, ANM_LINT_RULE_EPSILON, anm_lint_place_of(op));
    if (v->in_file && holds_infinity(l, v))
        anm_linter_report(l, ANM_LINT_RULE_INF_MASK, anm_lint_place_of(op));
}

/* The shape of a parameter's literal. */
static const anm_mil_value *literal(const anm_mil_op *op, const char *param)
{
    const anm_mil_arg *arg = anm_mil_op_arg(op, param);
    return arg ? arg->bindings[0].value : NULL;
}

static void look_at_constexpr(anm_linter *l, const anm_mil_op *op)
{
    const anm_mil_value *scale = literal(op, "scale"), *lut;
    uint64_t groups = 1;

    if (strcmp(op->type, "constexpr_blockwise_shift_scale") == 0) {
        bool has_blocks = false;

        for (unsigned i = 1; scale && i < scale->rank; i++)
            has_blocks = has_blocks || scale->dims[i] > 1;
        anm_linter_report(
            l, has_blocks ? ANM_LINT_RULE_BLOCKWISE : ANM_LINT_RULE_INT8_AS_F16,
            anm_lint_place_of(op));
        return;
    }
    if (strcmp(op->type, "constexpr_affine_dequantize") == 0)
        anm_linter_report(l, ANM_LINT_RULE_INT8_AS_F16, anm_lint_place_of(op));
    if (strcmp(op->type, "constexpr_lut_to_dense") != 0) return;
    lut = literal(op, "lut");
    if (!lut || lut->rank < 2) return;
    for (unsigned i = 0; i + 2 < lut->rank; i++)
        groups *= lut->dims[i] ? lut->dims[i] : 1;
    if (groups > 1)
        anm_linter_report(l, ANM_LINT_RULE_GROUPED_PALETTE,
                          anm_lint_place_of(op));
    if (lut->dims[lut->rank - 1] > 1)
        anm_linter_report(l, ANM_LINT_RULE_VECTOR_PALETTE,
                          anm_lint_place_of(op));
}

void anm_linter_constant(anm_linter *l, const anm_mil_op *op)
{
    count_decoded(l, op);
    if (strcmp(op->type, "const") == 0)
        look_at_const(l, op);
    else
        look_at_constexpr(l, op);
}

/* ---- Ops ----------------------------------------------------------------- */

static bool is_one_of(const char *type, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(type, list[i]) == 0) return true;
    return false;
}

static bool is_control_flow(const anm_mil_op *op)
{
    static const char *const types[] = { "cond", "while_loop", "lstm",
                                         "gru",  "rnn",        "custom_layer" };
    return is_one_of(op->type, types, sizeof(types) / sizeof(types[0]));
}

static bool is_off_ane(const anm_mil_op *op)
{
    static const char *const types[] = {
        "topk",     "gather_along_axis", "gather_nd",
        "scatter",  "scatter_nd",        "scatter_along_axis",
        "non_zero", "range_1d",          "non_maximum_suppression",
    };
    return is_control_flow(op) ||
           is_one_of(op->type, types, sizeof(types) / sizeof(types[0]));
}

/* A slice whose place is the result of an op or an input. */
static bool is_runtime_slice(const anm_mil_op *op)
{
    static const char *const params[] = { "begin", "end" };

    if (strcmp(op->type, "slice_by_index") != 0 &&
        strcmp(op->type, "slice_update") != 0)
        return false;
    for (size_t i = 0; i < 2; i++) {
        const anm_mil_arg *arg = anm_mil_op_arg(op, params[i]);

        for (size_t j = 0; arg && j < arg->n; j++)
            if (arg->bindings[j].name &&
                (!arg->bindings[j].from ||
                 !anm_mil_op_is_constant(arg->bindings[j].from)))
                return true;
    }
    return false;
}

/* An immediate infinity that an op computes with. clip(beta = inf) is what
 * clamp(min=) becomes, and harmless. */
static bool reads_infinity(anm_linter *l, const anm_mil_op *op)
{
    if (strcmp(op->type, "clip") == 0) return false;
    for (size_t i = 0; i < op->n_args; i++)
        for (size_t j = 0; j < op->args[i].n; j++) {
            const anm_mil_binding *b = &op->args[i].bindings[j];
            const anm_mil_value *v = b->name ? anm_mil_binding_value(b) : NULL;

            if (v && !v->in_file &&
                (v->type == ANM_MIL_FLOAT16 || v->type == ANM_MIL_FLOAT32) &&
                holds_infinity(l, v))
                return true;
        }
    return false;
}

static bool is_wide(const anm_mil_value_type *t)
{
    for (unsigned i = 0; i < t->rank; i++)
        if (t->dims[i] > DIM_MAX) return true;
    return false;
}

static bool has_unknown(const anm_mil_value_type *t)
{
    for (unsigned i = 0; i < t->rank; i++)
        if (t->dims[i] < 0) return true;
    return false;
}

static void look_at_output(anm_linter *l, const anm_mil_op *op,
                           const anm_mil_value_type *t)
{
    const bool is_cast = strcmp(op->type, "cast") == 0;

    if (t->type == ANM_MIL_FLOAT16) l->has_fp16 = true;
    if (!is_cast && (t->type == ANM_MIL_FLOAT32 || t->type == ANM_MIL_FLOAT64))
        anm_linter_report(l, ANM_LINT_RULE_FP32_COMPUTE, anm_lint_place_of(op));
    if (t->type != ANM_MIL_FLOAT16 && t->type != ANM_MIL_FLOAT32 &&
        t->type != ANM_MIL_FLOAT64 && !is_cast &&
        strcmp(op->type, "shape") != 0)
        anm_linter_report(l, ANM_LINT_RULE_INT_OPS, anm_lint_place_of(op));
    if (!t->rank_known) {
        anm_linter_report(l, ANM_LINT_RULE_UNKNOWN_RANK, anm_lint_place_of(op));
        return;
    }
    if (t->rank > RANK_MAX)
        anm_linter_report(l, ANM_LINT_RULE_RANK, anm_lint_place_of(op));
    if (has_unknown(t))
        anm_linter_report(l, ANM_LINT_RULE_UNKNOWN_DIM, anm_lint_place_of(op));
    if (is_wide(t))
        anm_linter_report(l, ANM_LINT_RULE_DIM, anm_lint_place_of(op));
    if (t->type == ANM_MIL_FLOAT16 && t->rank >= 3 &&
        t->dims[t->rank - 1] > 0 && t->dims[t->rank - 1] < 32 &&
        elements(t) > 64)
        anm_linter_report(l, ANM_LINT_RULE_LAST_DIM, anm_lint_place_of(op));
}

/* The op that computes a parameter's only value. */
static const anm_mil_op *producer(const anm_mil_op *op, const char *param)
{
    const anm_mil_arg *arg = anm_mil_op_arg(op, param);
    return arg && arg->n == 1 ? arg->bindings[0].from : NULL;
}

static bool is_square(const anm_mil_op *op)
{
    if (strcmp(op->type, "square") == 0 || strcmp(op->type, "pow") == 0)
        return true;
    const anm_mil_arg *x = anm_mil_op_arg(op, "x");
    const anm_mil_arg *y = anm_mil_op_arg(op, "y");
    return strcmp(op->type, "mul") == 0 && x && y && x->bindings[0].name &&
           x->bindings[0].name == y->bindings[0].name;
}

/* The mean of squares in float16 whose input was not scaled by a maximum. */
static bool may_overflow(const anm_mil_op *op)
{
    const anm_mil_op *square = producer(op, "x");

    if (strcmp(op->type, "reduce_mean") != 0 || !square || !is_square(square) ||
        !square->n_outputs || square->outputs[0].type.type != ANM_MIL_FLOAT16)
        return false;
    const anm_mil_op *scaled = producer(square, "x");
    // A division before is the safe form; a difference is that of a variance.
    return !scaled || (strcmp(scaled->type, "real_div") != 0 &&
                       strcmp(scaled->type, "sub") != 0);
}

static void look_at_conv(anm_linter *l, const anm_mil_op *op)
{
    const anm_mil_arg *arg = anm_mil_op_arg(op, "weight");
    const anm_mil_op *from = arg ? arg->bindings[0].from : NULL;

    if (!from || strncmp(op->type, "conv", 4) != 0) return;
    const anm_mil_value_type *t =
        &from->outputs[arg->bindings[0].from_output].type;
    for (unsigned i = 2; i < t->rank; i++)
        if (t->dims[i] > 13)
            anm_linter_report(l, ANM_LINT_RULE_CONV_KERNEL,
                              anm_lint_place_of(op));
}

static void look_at_argmax(anm_linter *l, const anm_mil_op *op)
{
    const anm_mil_arg *arg = anm_mil_op_arg(op, "x");
    const anm_mil_value *axis = anm_mil_op_value(op, "axis");
    int64_t at = -1;

    if (strncmp(op->type, "reduce_arg", 10) != 0 || !arg ||
        !arg->bindings[0].from)
        return;
    const anm_mil_binding *b = &arg->bindings[0];
    const anm_mil_value_type *t = &b->from->outputs[b->from_output].type;
    if (axis && !anm_mil_value_int(axis, 0, &at)) return;
    if (at < 0) at += t->rank;
    if (at >= 0 && at < t->rank && t->dims[at] > 2048)
        anm_linter_report(l, ANM_LINT_RULE_ARGMAX, anm_lint_place_of(op));
}

void anm_linter_op(anm_linter *l, const anm_mil_op *op)
{
    if (is_off_ane(op)) anm_linter_report_type(l, op);
    if (is_control_flow(op))
        anm_linter_report(l, ANM_LINT_RULE_CONTROL_FLOW, anm_lint_place_of(op));
    if (reads_infinity(l, op)) {
        anm_linter_report(l, ANM_LINT_RULE_INF_CONSTANT, anm_lint_place_of(op));
        l->multiplies_infinity |= strcmp(op->type, "mul") == 0;
    }
    if (is_runtime_slice(op))
        anm_linter_report(l, ANM_LINT_RULE_RUNTIME_SLICE,
                          anm_lint_place_of(op));
    if (may_overflow(op))
        anm_linter_report(l, ANM_LINT_RULE_FP16_OVERFLOW,
                          anm_lint_place_of(op));
    if (strcmp(op->type, "gather") == 0)
        anm_linter_report(l, ANM_LINT_RULE_GATHER, anm_lint_place_of(op));
    if (strcmp(op->type, "cast") == 0)
        anm_linter_report(l, ANM_LINT_RULE_CAST, anm_lint_place_of(op));
    if (strcmp(op->type, "linear") == 0)
        anm_linter_report(l, ANM_LINT_RULE_LINEAR, anm_lint_place_of(op));
    if (strcmp(op->type, "quantize") == 0)
        anm_linter_report(l, ANM_LINT_RULE_W8A8, anm_lint_place_of(op));
    if (anm_mil_op_attribute(op, "IntendedBackend"))
        anm_linter_report(l, ANM_LINT_RULE_PINNED, anm_lint_place_of(op));
    look_at_conv(l, op);
    look_at_argmax(l, op);
    for (size_t i = 0; i < op->n_outputs; i++)
        look_at_output(l, op, &op->outputs[i].type);
}

const char *anm_lint_op_off_ane(const anm_mil_op *op)
{
    anm_lint_rule_id id = ANM_LINT_RULE_COUNT;

    if (strcmp(op->type, "cast") == 0) id = ANM_LINT_RULE_CAST;
    if (strcmp(op->type, "gather") == 0) id = ANM_LINT_RULE_GATHER;
    if (is_off_ane(op)) id = ANM_LINT_RULE_OP_OFF_ANE;
    if (is_runtime_slice(op)) id = ANM_LINT_RULE_RUNTIME_SLICE;
    for (size_t i = 0; i < op->n_outputs && id == ANM_LINT_RULE_COUNT; i++) {
        const anm_mil_value_type *t = &op->outputs[i].type;

        if (t->type == ANM_MIL_FLOAT32 || t->type == ANM_MIL_FLOAT64)
            id = ANM_LINT_RULE_FP32_COMPUTE;
        else if (t->type != ANM_MIL_FLOAT16)
            id = ANM_LINT_RULE_INT_OPS;
        else if (t->rank > RANK_MAX)
            id = ANM_LINT_RULE_RANK;
        else if (!t->rank_known || has_unknown(t))
            id = ANM_LINT_RULE_UNKNOWN_DIM;
        else if (is_wide(t))
            id = ANM_LINT_RULE_DIM;
    }
    return id == ANM_LINT_RULE_COUNT ? NULL : anm_lint_rule_at(id)->word;
}
