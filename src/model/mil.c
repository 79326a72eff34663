/* mil.c - walks a function from its inputs to its outputs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil.h"

#include <math.h>

#include "base/error.h"
#include "model/mil_walk.h"

/* ---- Infinite constants ---------------------------------------------------- */

static bool is_infinite(const anm_mil_value *v)
{
    enum { LOOKED_AT_MAX = 4096 }; // masks are scalars, or of a few rows
    double x = 0;

    if (v->form != ANM_MIL_TENSOR || !anm_mil_type_is_float(v->type) ||
        v->n > LOOKED_AT_MAX)
        return false;
    for (uint64_t i = 0; i < v->n; i++)
        if (anm_mil_value_real(v, i, &x) && isinf(x)) return true;
    return false;
}

const char *anm_mil_infinite_factor(const anm_mil_function *f)
{
    for (size_t i = 0; i < f->block.n_ops; i++) {
        const anm_mil_op *op = &f->block.ops[i];
        if (strcmp(op->type, "mul") != 0) continue;
        for (size_t a = 0; a < op->n_args; a++) {
            const anm_mil_binding *b = &op->args[a].bindings[0];
            const anm_mil_value *v = anm_mil_binding_value(b);
            if (v && is_infinite(v)) return b->name ? b->name : op->name;
        }
    }
    return NULL;
}

/* ---- What is needed -------------------------------------------------------- */

static bool is_wanted(const anm_mil_binding *output, const char *only)
{
    return !only || strcmp(output->name, only) == 0;
}

/* Mark the ops that outputs and states depend on, backwards: an op is defined
 * before it is used. */
static void mark_needed(const anm_mil_function *f, const char *only,
                        bool *needed)
{
    const anm_mil_block *b = &f->block;

    for (size_t i = 0; i < b->n_outputs; i++)
        if (b->outputs[i].from && is_wanted(&b->outputs[i], only))
            needed[b->outputs[i].from - b->ops] = true;
    for (size_t i = b->n_ops; i-- > 0;) {
        const anm_mil_op *op = &b->ops[i];
        // Nothing reads what writes a state.
        needed[i] = needed[i] || op->n_outputs == 0;
        for (size_t a = 0; a < op->n_args && needed[i]; a++)
            for (size_t k = 0; k < op->args[a].n; k++) {
                const anm_mil_op *from = op->args[a].bindings[k].from;
                if (from) needed[from - b->ops] = true;
            }
    }
}

/* ---- Inputs ---------------------------------------------------------------- */

static void add_inputs(anm_mil_walk *w)
{
    const anm_mil_function *f = w->function;

    for (size_t i = 0; i < f->n_inputs; i++) {
        const anm_mil_var *v = &f->inputs[i];
        anm_array_type type = { .rank = v->type.rank };
        char text[160];
        if (v->type.form != ANM_MIL_TENSOR || !v->type.rank_known ||
            v->type.rank > ANM_RANK_MAX ||
            !anm_mil_dtype(v->type.type, &type.dtype)) {
            anm_arrays_fail(
                w->program, ANM_E_UNSUPPORTED,
                "function %s (%s): input %s is %s; arrays of %d axes at most "
                "are built in",
                f->name, f->opset, v->name,
                anm_mil_value_type_text(&v->type, text, sizeof(text)),
                ANM_RANK_MAX);
            return;
        }
        for (unsigned k = 0; k < type.rank; k++)
            type.dims[k] = v->type.dims[k];
        if (v->type.is_state)
            anm_arrays_state(w->program, v->name, &type);
        else
            anm_arrays_input(w->program, v->name, &type);
    }
}

/* ---- Operations ------------------------------------------------------------ */

/* Whether `name` is one of the words of a row's parameters. */
static bool has_word(const char *words, const char *name)
{
    const size_t len = strlen(name);

    for (const char *at = words; *at;) {
        const size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, name, n) == 0) return true;
        at += n + (at[n] == ' ');
    }
    return false;
}

static void translate_op(anm_mil_walk *w)
{
    const anm_mil_op *op = w->op;

    w->row = anm_mil_row_find(op->type);
    if (!w->row) {
        anm_mil_fail(w, ANM_E_UNSUPPORTED, "this operation is not built in");
        return;
    }
    for (size_t i = 0; i < op->n_args; i++) {
        if (has_word(w->row->params, op->args[i].param)) continue;
        anm_mil_fail(w, ANM_E_UNSUPPORTED,
                     "parameter %s is not built in; built in: %s",
                     op->args[i].param, w->row->params);
        return;
    }
    w->row->translate(w);
}

/* Constants are added where they are read; what they declare is believed from
 * here on. */
static void check_constant(anm_mil_walk *w)
{
    anm_error why;
    const anm_status status = anm_mil_constants_check(w->op, &why);

    if (status) anm_mil_fail(w, status, "%s", why.message);
}

static void translate_block(anm_mil_walk *w, const bool *needed)
{
    const anm_mil_block *b = &w->function->block;

    for (size_t i = 0; i < b->n_ops; i++) {
        const anm_mil_op *op = &b->ops[i];
        if (!needed[i] || strcmp(op->type, "const") == 0) continue;
        w->op = op;
        if (strncmp(op->type, "constexpr_", 10) == 0)
            check_constant(w);
        else
            translate_op(w);
    }
}

static void add_outputs(anm_mil_walk *w, const char *only)
{
    const anm_mil_block *b = &w->function->block;

    for (size_t i = 0; i < b->n_outputs; i++) {
        const anm_mil_binding *out = &b->outputs[i];
        if (!is_wanted(out, only)) continue;
        if (out->from) w->op = out->from;
        anm_arrays_output(w->program, anm_mil_bind(w, "output", out));
    }
}

/* ---- The walk -------------------------------------------------------------- */

static bool make_room(anm_mil_walk *w, bool **needed)
{
    const anm_mil_block *b = &w->function->block;
    size_t n = 0;

    w->first = anm_arena_array(w->arena, b->n_ops, sizeof(*w->first));
    *needed = anm_arena_array(w->arena, b->n_ops, sizeof(**needed));
    if (!w->first || !*needed) return false;
    for (size_t i = 0; i < b->n_ops; i++) {
        w->first[i] = n;
        n += b->ops[i].n_outputs;
    }
    w->ids = anm_arena_array(w->arena, n, sizeof(*w->ids));
    for (size_t i = 0; i < n && w->ids; i++)
        w->ids[i] = ANM_VALUE_NONE;
    return w->ids != NULL;
}

static anm_status walk(anm_mil_walk *w, const char *only, anm_error *err)
{
    bool *needed = NULL;

    if (!make_room(w, &needed))
        return anm_fail(err, ANM_E_NOMEM, "function %s: out of memory",
                        w->function->name);
    mark_needed(w->function, only, needed);
    const anm_status status =
        anm_mil_constants_check_all(w->function, needed, err);
    if (status) return status;
    add_inputs(w);
    translate_block(w, needed);
    add_outputs(w, only);
    return anm_arrays_finish(w->program, err);
}

anm_status anm_mil_translate(anm_arrays **out, const anm_mil_function *f,
                             anm_mil_constants *c, const char *only,
                             anm_error *err)
{
    anm_arena arena = { 0 };
    anm_mil_walk w = {
        .function = f, .constants = c, .arena = &arena, .ios = f->ios
    };
    anm_status status = anm_arrays_new(&w.program, err);

    *out = NULL;
    if (!status) status = walk(&w, only, err);
    anm_arena_deinit(&arena);
    if (status) {
        anm_arrays_free(w.program);
        return status;
    }
    *out = w.program;
    return ANM_OK;
}
