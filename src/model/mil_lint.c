/* mil_lint.c - walking a package with the rules.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "model/mil_linter.h"

static const uint64_t MIB = UINT64_C(1) << 20;
static const uint64_t GIB = UINT64_C(1) << 30;

enum {
    SMALL_MODEL_MIB = 20,
    INF_SCAN_MAX = 64 << 20, /* a blob may be named many times */
};

/* ---- Features ------------------------------------------------------------ */

static bool is_range(const anm_feature *f)
{
    return f->n_shapes <= 1 && anm_feature_is_flexible(f);
}

static void look_at_features(anm_linter *l, const anm_features *x)
{
    for (size_t i = 0; i < x->n_inputs; i++) {
        const anm_feature *f = &x->inputs[i];

        if (f->n_shapes > 1)
            anm_linter_report(l, ANM_LINT_RULE_FLEXIBLE_ENUM, f->name);
        if (is_range(f))
            anm_linter_report(l, ANM_LINT_RULE_FLEXIBLE_RANGE, f->name);
        if (f->rank > 1 && f->dims[0] > 1 && f->type == ANM_MIL_INT32)
            anm_linter_report(l, ANM_LINT_RULE_BATCH, f->name);
    }
    for (size_t i = 0; i < x->n_states; i++) {
        const anm_feature *f = &x->states[i];
        bool is_multiple = true;

        for (unsigned j = 0; j < f->rank; j++)
            is_multiple =
                is_multiple && (f->dims[j] == 1 || f->dims[j] % 32 == 0);
        anm_linter_report(l, ANM_LINT_RULE_STATE, f->name);
        if (!is_multiple)
            anm_linter_report(l, ANM_LINT_RULE_STATE_DIM, f->name);
    }
}

/* ---- The program --------------------------------------------------------- */

static void look_at_block(anm_linter *l, const anm_mil_block *b)
{
    for (size_t i = 0; i < b->n_ops; i++) {
        const anm_mil_op *op = &b->ops[i];

        if (anm_mil_op_is_constant(op))
            anm_linter_constant(l, op);
        else
            anm_linter_op(l, op);
        for (size_t j = 0; j < op->n_blocks; j++)
            look_at_block(l, &op->blocks[j]);
    }
}

/* Outputs that a cast to float32 gives. */
static void look_at_outputs(anm_linter *l, const anm_mil_function *f)
{
    for (size_t i = 0; i < f->block.n_outputs; i++) {
        const anm_mil_binding *b = &f->block.outputs[i];

        if (b->from && strcmp(b->from->type, "cast") == 0 &&
            b->from->outputs[b->from_output].type.type == ANM_MIL_FLOAT32 &&
            l->has_fp16)
            anm_linter_report(l, ANM_LINT_RULE_OUTPUT_CAST, b->name);
    }
}

/* ---- The whole ----------------------------------------------------------- */

static void set_floors(anm_linter *l, uint64_t bytes)
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

static void look_at_size(anm_linter *l)
{
    char text[64];

    snprintf(text, sizeof(text),
             "%.3g MB of weights, compressed ones made whole",
             (double)l->decoded * 1e-6);
    if (l->decoded < SMALL_MODEL_MIB * MIB)
        anm_linter_report_detail(l, ANM_LINT_RULE_SMALL_MODEL, "model", text);
    if (l->decoded > GIB)
        anm_linter_report_detail(l, ANM_LINT_RULE_WEIGHTS_1G, "model", text);
    if (l->decoded > 2 * GIB)
        anm_linter_report_detail(l, ANM_LINT_RULE_WEIGHTS_2G, "model", text);
}

static void look_at_reading(anm_linter *l)
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
    anm_linter_report_detail(l, ANM_LINT_RULE_BANDWIDTH, "model", text);
}

/* What the rest of the model makes less grave. */
static void ease(anm_linter *l)
{
    if (l->has_fp16)
        anm_linter_lower(l, ANM_LINT_RULE_FP32_COMPUTE, ANM_LINT_WARN);
    if (!l->multiplies_infinity)
        anm_linter_lower(l, ANM_LINT_RULE_INF_CONSTANT, ANM_LINT_WARN);
}

/* Functions share their weights, and one of them is loaded at a time: what
 * counts is the one that has most. */
static void look_at_function(anm_linter *l, const anm_mil_function *f)
{
    const uint64_t most = l->decoded;

    l->decoded = 0;
    look_at_features(l, &f->features);
    look_at_block(l, &f->block);
    look_at_outputs(l, f);
    if (l->decoded < most) l->decoded = most;
}

static void look_at_package(anm_linter *l)
{
    const anm_mlpackage *p = l->package;

    if (!p->n_functions) {
        look_at_features(l, &p->features);
        if (strcmp(p->kind, "mlProgram") != 0)
            anm_linter_report(l, ANM_LINT_RULE_NOT_PROGRAM, p->kind);
        return;
    }
    for (size_t i = 0; i < p->n_functions; i++)
        look_at_function(l, &p->functions[i]);
    look_at_size(l);
    look_at_reading(l);
    ease(l);
}

anm_status anm_lint_new(anm_lint **out, const anm_mlpackage *p, anm_error *err)
{
    *out = NULL;
    anm_linter *l = anm_alloc_zero(sizeof(*l));
    if (!l) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", p->path);
    l->package = p;
    l->scan_left = INF_SCAN_MAX;
    look_at_package(l);
    if (l->failed) {
        anm_lint_free(&l->view);
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", p->path);
    }
    anm_linter_sort(l);
    *out = &l->view;
    return ANM_OK;
}

void anm_lint_free(anm_lint *view)
{
    anm_linter *l = (anm_linter *)view;

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

const char *anm_lint_function_off_ane(const anm_mil_function *f)
{
    for (size_t i = 0; i < f->features.n_inputs; i++)
        if (is_range(&f->features.inputs[i]))
            return anm_lint_rule_at(ANM_LINT_RULE_FLEXIBLE_RANGE)->word;
    return NULL;
}
