/* mil_lint.c - walking a package with the rules.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "model/mil_lint_rules.h"

static const uint64_t MIB = UINT64_C(1) << 20;
static const uint64_t GIB = UINT64_C(1) << 30;

enum {
    DIM_MAX = 16384,
    RANK_MAX = 5,
    SMALL_MODEL_MIB = 20,
    HUGE_CONSTANT_MIB = 256,
    INF_TABLE_MAX = 1 << 20, /* elements of a table looked at, and of all: */
    INF_SCAN_MAX = 64 << 20, /* a blob may be named many times */
    CONSTANT_MIN = 10,       /* elements of what counts as a weight */
};

typedef struct linter {
    anm_lint view; /* first: what the caller holds */
    anm_arena arena;
    anm_lint_finding *findings; /* [n], cap */
    size_t n, cap;
    const anm_mlpackage *package;
    uint64_t scan_left;       /* of INF_SCAN_MAX */
    uint64_t decoded;         /* bytes of all constants, made whole */
    bool has_fp16;            /* an op that computes in float16 */
    bool multiplies_infinity; /* by an infinite constant */
    bool failed;
} linter;

/* ---- Findings ------------------------------------------------------------ */

static anm_lint_finding *finding_of(linter *l, anm_lint_rule_id id,
                                    const char *word)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->findings[i].word, word) == 0) return &l->findings[i];
    if (!anm_grow(&l->findings, &l->cap, l->n + 1, sizeof(*l->findings))) {
        l->failed = true;
        return NULL;
    }
    anm_lint_finding *f = &l->findings[l->n++];
    *f = (anm_lint_finding){ .word = word,
                             .rule = anm_lint_rule_at(id),
                             .severity = anm_lint_rule_at(id)->severity,
                             .detail = "" };
    return f;
}

/* What a person looks for: the name of the value that the op gives. */
static const char *place_of(const anm_mil_op *op)
{
    return op->n_outputs ? op->outputs[0].name : op->name;
}

static void add_place(anm_lint_finding *f, const char *place)
{
    if (!f) return;
    // Names are unique pointers: an op with two outputs is one place.
    if (f->n_places && f->n_places <= ANM_LINT_PLACES_MAX &&
        f->places[f->n_places - 1] == place)
        return;
    if (f->n_places < ANM_LINT_PLACES_MAX) f->places[f->n_places] = place;
    f->n_places++;
}

static void report(linter *l, anm_lint_rule_id id, const char *place)
{
    add_place(finding_of(l, id, anm_lint_rule_at(id)->word), place);
}

static void report_detail(linter *l, anm_lint_rule_id id, const char *place,
                          const char *detail)
{
    anm_lint_finding *f = finding_of(l, id, anm_lint_rule_at(id)->word);
    char *copy = anm_arena_copy(&l->arena, detail, strlen(detail));

    if (!copy) l->failed = true;
    if (f && copy && !f->detail[0]) f->detail = copy;
    add_place(f, place);
}

/* "op-off-ane:topk". */
static void report_type(linter *l, const anm_mil_op *op)
{
    const char *rule = anm_lint_rule_at(ANM_LINT_RULE_OP_OFF_ANE)->word;
    const size_t len = strlen(rule) + 1 + strlen(op->type);
    char *word = anm_arena_alloc(&l->arena, len + 1);

    if (!word) {
        l->failed = true;
        return;
    }
    snprintf(word, len + 1, "%s:%s", rule, op->type);
    add_place(finding_of(l, ANM_LINT_RULE_OP_OFF_ANE, word), place_of(op));
}

/* ---- Features ------------------------------------------------------------ */

static void look_at_features(linter *l, const anm_features *x)
{
    for (size_t i = 0; i < x->n_inputs; i++) {
        const anm_feature *f = &x->inputs[i];

        if (f->n_shapes > 1) report(l, ANM_LINT_RULE_FLEXIBLE_ENUM, f->name);
        if (f->n_shapes <= 1 && anm_feature_is_flexible(f))
            report(l, ANM_LINT_RULE_FLEXIBLE_RANGE, f->name);
        if (f->rank > 1 && f->dims[0] > 1 && f->type == ANM_MIL_INT32)
            report(l, ANM_LINT_RULE_BATCH, f->name);
    }
    for (size_t i = 0; i < x->n_states; i++) {
        const anm_feature *f = &x->states[i];
        bool is_multiple = true;

        for (unsigned j = 0; j < f->rank; j++)
            is_multiple =
                is_multiple && (f->dims[j] == 1 || f->dims[j] % 32 == 0);
        report(l, ANM_LINT_RULE_STATE, f->name);
        if (!is_multiple) report(l, ANM_LINT_RULE_STATE_DIM, f->name);
    }
}

/* ---- Constants ----------------------------------------------------------- */

static bool holds_infinity(linter *l, const anm_mil_value *v)
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

static void count_decoded(linter *l, const anm_mil_op *op)
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

static void look_at_const(linter *l, const anm_mil_op *op)
{
    const anm_mil_value *v = anm_mil_op_attribute(op, "val");
    double x = 0;

    if (!v) return;
    if (v->data.len > HUGE_CONSTANT_MIB * MIB)
        report(l, ANM_LINT_RULE_HUGE_CONSTANT, place_of(op));
    if (v->type == ANM_MIL_FLOAT16 && v->n == 1 &&
        anm_mil_value_real(v, 0, &x) && fabs(x) == 0x1p-24)
        report(l, ANM_LINT_RULE_EPSILON, place_of(op));
    if (v->in_file && holds_infinity(l, v))
        report(l, ANM_LINT_RULE_INF_MASK, place_of(op));
}

/* The shape of a parameter's literal. */
static const anm_mil_value *literal(const anm_mil_op *op, const char *param)
{
    const anm_mil_arg *arg = anm_mil_op_arg(op, param);
    return arg ? arg->bindings[0].value : NULL;
}

static void look_at_constexpr(linter *l, const anm_mil_op *op)
{
    const anm_mil_value *scale = literal(op, "scale"), *lut;
    uint64_t groups = 1;

    if (strcmp(op->type, "constexpr_blockwise_shift_scale") == 0) {
        bool has_blocks = false;

        for (unsigned i = 1; scale && i < scale->rank; i++)
            has_blocks = has_blocks || scale->dims[i] > 1;
        report(l,
               has_blocks ? ANM_LINT_RULE_BLOCKWISE : ANM_LINT_RULE_INT8_AS_F16,
               place_of(op));
        return;
    }
    if (strcmp(op->type, "constexpr_affine_dequantize") == 0)
        report(l, ANM_LINT_RULE_INT8_AS_F16, place_of(op));
    if (strcmp(op->type, "constexpr_lut_to_dense") != 0) return;
    lut = literal(op, "lut");
    if (!lut || lut->rank < 2) return;
    for (unsigned i = 0; i + 2 < lut->rank; i++)
        groups *= lut->dims[i] ? lut->dims[i] : 1;
    if (groups > 1) report(l, ANM_LINT_RULE_GROUPED_PALETTE, place_of(op));
    if (lut->dims[lut->rank - 1] > 1)
        report(l, ANM_LINT_RULE_VECTOR_PALETTE, place_of(op));
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
static bool reads_infinity(linter *l, const anm_mil_op *op)
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

static void look_at_output(linter *l, const anm_mil_op *op,
                           const anm_mil_value_type *t)
{
    const bool is_cast = strcmp(op->type, "cast") == 0;

    if (t->type == ANM_MIL_FLOAT16) l->has_fp16 = true;
    if (!is_cast && (t->type == ANM_MIL_FLOAT32 || t->type == ANM_MIL_FLOAT64))
        report(l, ANM_LINT_RULE_FP32_COMPUTE, place_of(op));
    if (t->type != ANM_MIL_FLOAT16 && t->type != ANM_MIL_FLOAT32 &&
        t->type != ANM_MIL_FLOAT64 && !is_cast &&
        strcmp(op->type, "shape") != 0)
        report(l, ANM_LINT_RULE_INT_OPS, place_of(op));
    if (!t->rank_known) {
        report(l, ANM_LINT_RULE_UNKNOWN_RANK, place_of(op));
        return;
    }
    if (t->rank > RANK_MAX) report(l, ANM_LINT_RULE_RANK, place_of(op));
    if (has_unknown(t)) report(l, ANM_LINT_RULE_UNKNOWN_DIM, place_of(op));
    if (is_wide(t)) report(l, ANM_LINT_RULE_DIM, place_of(op));
    if (t->type == ANM_MIL_FLOAT16 && t->rank >= 3 &&
        t->dims[t->rank - 1] > 0 && t->dims[t->rank - 1] < 32 &&
        elements(t) > 64)
        report(l, ANM_LINT_RULE_LAST_DIM, place_of(op));
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

static void look_at_conv(linter *l, const anm_mil_op *op)
{
    const anm_mil_arg *arg = anm_mil_op_arg(op, "weight");
    const anm_mil_op *from = arg ? arg->bindings[0].from : NULL;

    if (!from || strncmp(op->type, "conv", 4) != 0) return;
    const anm_mil_value_type *t =
        &from->outputs[arg->bindings[0].from_output].type;
    for (unsigned i = 2; i < t->rank; i++)
        if (t->dims[i] > 13) report(l, ANM_LINT_RULE_CONV_KERNEL, place_of(op));
}

static void look_at_argmax(linter *l, const anm_mil_op *op)
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
        report(l, ANM_LINT_RULE_ARGMAX, place_of(op));
}

static void look_at_op(linter *l, const anm_mil_op *op)
{
    if (is_off_ane(op)) report_type(l, op);
    if (is_control_flow(op))
        report(l, ANM_LINT_RULE_CONTROL_FLOW, place_of(op));
    if (reads_infinity(l, op)) {
        report(l, ANM_LINT_RULE_INF_CONSTANT, place_of(op));
        l->multiplies_infinity |= strcmp(op->type, "mul") == 0;
    }
    if (is_runtime_slice(op))
        report(l, ANM_LINT_RULE_RUNTIME_SLICE, place_of(op));
    if (may_overflow(op)) report(l, ANM_LINT_RULE_FP16_OVERFLOW, place_of(op));
    if (strcmp(op->type, "gather") == 0)
        report(l, ANM_LINT_RULE_GATHER, place_of(op));
    if (strcmp(op->type, "cast") == 0)
        report(l, ANM_LINT_RULE_CAST, place_of(op));
    if (strcmp(op->type, "linear") == 0)
        report(l, ANM_LINT_RULE_LINEAR, place_of(op));
    if (strcmp(op->type, "quantize") == 0)
        report(l, ANM_LINT_RULE_W8A8, place_of(op));
    if (anm_mil_op_attribute(op, "IntendedBackend"))
        report(l, ANM_LINT_RULE_PINNED, place_of(op));
    look_at_conv(l, op);
    look_at_argmax(l, op);
    for (size_t i = 0; i < op->n_outputs; i++)
        look_at_output(l, op, &op->outputs[i].type);
}

static void look_at_block(linter *l, const anm_mil_block *b)
{
    for (size_t i = 0; i < b->n_ops; i++) {
        const anm_mil_op *op = &b->ops[i];

        if (anm_mil_op_is_constant(op)) {
            count_decoded(l, op);
            if (strcmp(op->type, "const") == 0)
                look_at_const(l, op);
            else
                look_at_constexpr(l, op);
        } else {
            look_at_op(l, op);
        }
        for (size_t j = 0; j < op->n_blocks; j++)
            look_at_block(l, &op->blocks[j]);
    }
}

/* Outputs that a cast to float32 gives. */
static void look_at_outputs(linter *l, const anm_mil_function *f)
{
    for (size_t i = 0; i < f->block.n_outputs; i++) {
        const anm_mil_binding *b = &f->block.outputs[i];

        if (b->from && strcmp(b->from->type, "cast") == 0 &&
            b->from->outputs[b->from_output].type.type == ANM_MIL_FLOAT32 &&
            l->has_fp16)
            report(l, ANM_LINT_RULE_OUTPUT_CAST, b->name);
    }
}

/* ---- The whole ----------------------------------------------------------- */

static void set_floors(linter *l, uint64_t bytes)
{
    size_t n = 0;
    const anm_lint_floor *devices = anm_lint_bandwidths(&n);
    anm_lint_floor *floors = anm_arena_array(&l->arena, n, sizeof(*floors));

    if (!floors) {
        l->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        floors[i] = devices[i];
        floors[i].ms = (double)bytes / devices[i].gb_per_s * 1e-6;
    }
    l->view.floors = floors;
    l->view.n_floors = n;
    l->view.bytes_read = bytes;
}

static void look_at_size(linter *l)
{
    char text[64];

    snprintf(text, sizeof(text),
             "%.3g MB of weights, compressed ones made whole",
             (double)l->decoded * 1e-6);
    if (l->decoded < SMALL_MODEL_MIB * MIB)
        report_detail(l, ANM_LINT_RULE_SMALL_MODEL, "model", text);
    if (l->decoded > GIB)
        report_detail(l, ANM_LINT_RULE_WEIGHTS_1G, "model", text);
    if (l->decoded > 2 * GIB)
        report_detail(l, ANM_LINT_RULE_WEIGHTS_2G, "model", text);
}

static void look_at_reading(linter *l)
{
    uint64_t bytes = 0;
    char text[256];

    if (!anm_lint_bytes_read(l->package->main, &bytes)) l->failed = true;
    if (!bytes) return;
    set_floors(l, bytes);
    if (bytes < MIB || l->failed) return;
    const anm_lint_floor *slow = &l->view.floors[1],
                         *fast = &l->view.floors[l->view.n_floors - 4];
    snprintf(text, sizeof(text),
             "%.3g GB are read: %.3g ms at least on the %s, %.3g ms on the %s",
             (double)bytes * 1e-9, slow->ms, slow->device, fast->ms,
             fast->device);
    report_detail(l, ANM_LINT_RULE_BANDWIDTH, "model", text);
}

static int compare_findings(const void *a, const void *b)
{
    const anm_lint_finding *x = a, *y = b;

    if (x->severity != y->severity) return x->severity > y->severity ? -1 : 1;
    if (x->rule != y->rule) return x->rule < y->rule ? -1 : 1;
    return strcmp(x->word, y->word);
}

static void lower(linter *l, anm_lint_rule_id id, anm_lint_severity severity)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->findings[i].rule == anm_lint_rule_at(id))
            l->findings[i].severity = severity;
}

/* What the rest of the model makes less grave. */
static void ease(linter *l)
{
    if (l->has_fp16) lower(l, ANM_LINT_RULE_FP32_COMPUTE, ANM_LINT_WARN);
    if (!l->multiplies_infinity)
        lower(l, ANM_LINT_RULE_INF_CONSTANT, ANM_LINT_WARN);
}

static void look_at_package(linter *l)
{
    const anm_mlpackage *p = l->package;

    if (!p->n_functions) {
        look_at_features(l, &p->features);
        if (strcmp(p->kind, "mlProgram") != 0)
            report(l, ANM_LINT_RULE_NOT_PROGRAM, p->kind);
        return;
    }
    for (size_t i = 0; i < p->n_functions; i++) {
        look_at_features(l, &p->functions[i].features);
        look_at_block(l, &p->functions[i].block);
        look_at_outputs(l, &p->functions[i]);
    }
    look_at_size(l);
    look_at_reading(l);
    ease(l);
}

anm_status anm_lint_new(anm_lint **out, const anm_mlpackage *p, anm_error *err)
{
    *out = NULL;
    linter *l = anm_alloc_zero(sizeof(*l));
    if (!l) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", p->path);
    l->package = p;
    l->scan_left = INF_SCAN_MAX;
    look_at_package(l);
    if (l->failed) {
        anm_lint_free(&l->view);
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", p->path);
    }
    if (l->n) qsort(l->findings, l->n, sizeof(*l->findings), compare_findings);
    l->view.findings = l->findings;
    l->view.n = l->n;
    *out = &l->view;
    return ANM_OK;
}

void anm_lint_free(anm_lint *view)
{
    linter *l = (linter *)view;

    if (!l) return;
    anm_free(l->findings);
    anm_arena_deinit(&l->arena);
    anm_free(l);
}

size_t anm_lint_count(const anm_lint *lint, anm_lint_severity s)
{
    size_t n = 0;

    for (size_t i = 0; i < lint->n; i++)
        n += lint->findings[i].severity == s;
    return n;
}

const anm_lint_finding *anm_lint_find(const anm_lint *lint, const char *word)
{
    for (size_t i = 0; i < lint->n; i++)
        if (strcmp(lint->findings[i].word, word) == 0)
            return &lint->findings[i];
    return NULL;
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
