/* mil_walk.c - reading the parameters of an operation and adding its nodes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_walk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"

void anm_mil_fail(anm_mil_walk *w, anm_status status, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    anm_arrays_fail(w->program, status, "function %s (%s): %s %s: %s",
                    w->function->name, w->function->opset, w->op->type,
                    w->op->name, text);
}

static void fail_memory(anm_mil_walk *w)
{
    anm_mil_fail(w, ANM_E_NOMEM, "out of memory");
}

const char *anm_mil_name(anm_mil_walk *w, const char *suffix)
{
    // No identifier of a program holds a stroke.
    const char *base = w->op->n_outputs ? w->op->outputs[0].name : w->op->name;
    const size_t len = strlen(base) + strlen(suffix) + 2;
    char *name = anm_arena_alloc(w->arena, len);

    if (!name) {
        fail_memory(w);
        return "/";
    }
    snprintf(name, len, "%s/%s", base, suffix);
    return name;
}

/* ---- Types ----------------------------------------------------------------- */

bool anm_mil_dtype(anm_mil_type type, anm_dtype *out)
{
    static const struct {
        anm_mil_type type;
        anm_dtype dtype;
    } pairs[] = {
        { ANM_MIL_BOOL, ANM_DTYPE_BOOL },   { ANM_MIL_FLOAT16, ANM_DTYPE_F16 },
        { ANM_MIL_FLOAT32, ANM_DTYPE_F32 }, { ANM_MIL_INT8, ANM_DTYPE_I8 },
        { ANM_MIL_INT16, ANM_DTYPE_I16 },   { ANM_MIL_INT32, ANM_DTYPE_I32 },
        { ANM_MIL_UINT8, ANM_DTYPE_U8 },    { ANM_MIL_UINT16, ANM_DTYPE_U16 },
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (pairs[i].type != type) continue;
        *out = pairs[i].dtype;
        return true;
    }
    return false;
}

/* The type of a name in the program's words. */
static bool read_type(anm_mil_walk *w, const char *name,
                      const anm_mil_value_type *t, anm_array_type *out)
{
    char text[160];

    *out = (anm_array_type){ .rank = t->rank };
    if (t->form != ANM_MIL_TENSOR || !t->rank_known || t->rank > ANM_RANK_MAX ||
        !anm_mil_dtype(t->type, &out->dtype)) {
        anm_mil_fail(
            w, ANM_E_UNSUPPORTED,
            "%s is %s; arrays of BOOL, FLOAT16, FLOAT32, INT8, INT16, "
            "INT32, UINT8 and UINT16 with %d axes at most are built in",
            name, anm_mil_value_type_text(t, text, sizeof(text)), ANM_RANK_MAX);
        return false;
    }
    for (unsigned i = 0; i < t->rank; i++)
        out->dims[i] = t->dims[i];
    return true;
}

unsigned anm_mil_rank(const anm_mil_walk *w, anm_value_id v)
{
    return v == ANM_VALUE_NONE ? 0 : anm_arrays_value(w->program, v)->type.rank;
}

/* ---- Inputs ---------------------------------------------------------------- */

static bool array_type_of(anm_mil_walk *w, const char *name,
                          const anm_mil_array *a, anm_array_type *out)
{
    *out = (anm_array_type){ .rank = a->rank };
    if (a->rank > ANM_RANK_MAX || !anm_mil_dtype(a->type, &out->dtype)) {
        anm_mil_fail(w, ANM_E_UNSUPPORTED,
                     "constant %s is %s with %u axes; BOOL, FLOAT16, FLOAT32, "
                     "INT8, INT16, INT32, UINT8 and UINT16 with %d at most are "
                     "built in",
                     name, anm_mil_type_name(a->type), a->rank, ANM_RANK_MAX);
        return false;
    }
    for (unsigned i = 0; i < a->rank; i++)
        out->dims[i] = a->dims[i] > INT64_MAX ? -1 : (int64_t)a->dims[i];
    return true;
}

/* A const op or a literal, as it lies in the package. */
static anm_value_id add_constant(anm_mil_walk *w, const char *name,
                                 const anm_mil_binding *b)
{
    anm_mil_array a;
    anm_array_type type;
    anm_error why;
    const anm_status status = anm_mil_constants_get(w->constants, b, &a, &why);

    if (status) {
        anm_mil_fail(w, status, "%s", why.message);
        return ANM_VALUE_NONE;
    }
    if (!array_type_of(w, name, &a, &type)) return ANM_VALUE_NONE;
    return anm_arrays_const(w->program, name, &type, a.data);
}

/* A compressed constant, which stays so until it is asked for. */
static anm_value_id add_compressed(anm_mil_walk *w, const char *name,
                                   const anm_mil_binding *b)
{
    const anm_mil_op *op = b->from;
    anm_array_type type;

    if (!anm_mil_constexpr_known(op->type)) {
        anm_mil_fail(w, ANM_E_UNSUPPORTED,
                     "its %s is of operation %s, which is not built in", name,
                     op->type);
        return ANM_VALUE_NONE;
    }
    if (!read_type(w, name, &op->outputs[b->from_output].type, &type))
        return ANM_VALUE_NONE;
    void *lazy = anm_mil_constants_lazy(w->constants, b);
    if (!lazy) {
        fail_memory(w);
        return ANM_VALUE_NONE;
    }
    return anm_arrays_const_lazy(w->program, name, &type,
                                 anm_mil_constants_fill, lazy);
}

/* Where the value of an op's output is noted. */
static anm_value_id *place_of(anm_mil_walk *w, const anm_mil_binding *b)
{
    const size_t index = (size_t)(b->from - w->function->block.ops);

    assert(index < w->function->block.n_ops);
    return &w->ids[w->first[index] + b->from_output];
}

anm_value_id anm_mil_bind(anm_mil_walk *w, const char *param,
                          const anm_mil_binding *b)
{
    if (!b->name) return add_constant(w, anm_mil_name(w, param), b);
    if (!b->from) return anm_arrays_find(w->program, b->name);
    anm_value_id *place = place_of(w, b);
    if (*place == ANM_VALUE_NONE && anm_mil_is_constant(b))
        *place = strcmp(b->from->type, "const") == 0
                     ? add_constant(w, b->name, b)
                     : add_compressed(w, b->name, b);
    return *place;
}

bool anm_mil_has(const anm_mil_walk *w, const char *param)
{
    return anm_mil_op_arg(w->op, param) != NULL;
}

anm_value_id anm_mil_in_or_none(anm_mil_walk *w, const char *param)
{
    const anm_mil_arg *arg = anm_mil_op_arg(w->op, param);

    if (!arg) return ANM_VALUE_NONE;
    if (arg->n != 1) {
        anm_mil_fail(w, ANM_E_FORMAT, "%s has %zu values, must have 1", param,
                     arg->n);
        return ANM_VALUE_NONE;
    }
    return anm_mil_bind(w, param, &arg->bindings[0]);
}

anm_value_id anm_mil_in(anm_mil_walk *w, const char *param)
{
    if (!anm_mil_has(w, param)) {
        anm_mil_fail(w, ANM_E_FORMAT, "it has no %s", param);
        return ANM_VALUE_NONE;
    }
    return anm_mil_in_or_none(w, param);
}

const anm_value_id *anm_mil_in_row(anm_mil_walk *w, const char *param,
                                   size_t *n)
{
    const anm_mil_arg *arg = anm_mil_op_arg(w->op, param);
    char name[64];

    *n = 0;
    if (!arg) {
        anm_mil_fail(w, ANM_E_FORMAT, "it has no %s", param);
        return NULL;
    }
    anm_value_id *ids = anm_arena_array(w->arena, arg->n, sizeof(*ids));
    if (!ids) {
        fail_memory(w);
        return NULL;
    }
    for (size_t i = 0; i < arg->n; i++) {
        snprintf(name, sizeof(name), "%.40s%zu", param, i);
        ids[i] = anm_mil_bind(w, name, &arg->bindings[i]);
    }
    *n = arg->n;
    return ids;
}

/* ---- Constants ------------------------------------------------------------- */

/* The constant of a parameter; NULL when there is no such parameter, or after
 * the error that it is computed. */
static const anm_mil_value *constant_of(anm_mil_walk *w, const char *param)
{
    const anm_mil_value *v = anm_mil_op_value(w->op, param);

    if (!v && anm_mil_has(w, param))
        anm_mil_fail(w, ANM_E_UNSUPPORTED,
                     "%s is computed; only a constant is built in", param);
    return v;
}

static void fail_kind(anm_mil_walk *w, const char *param, const char *wanted)
{
    anm_mil_fail(w, ANM_E_FORMAT, "%s must be %s", param, wanted);
}

int64_t anm_mil_int(anm_mil_walk *w, const char *param, int64_t otherwise)
{
    const anm_mil_value *v = constant_of(w, param);
    int64_t out = otherwise;

    if (v && (v->n != 1 || !anm_mil_value_int(v, 0, &out)))
        fail_kind(w, param, "one integer");
    return out;
}

double anm_mil_real(anm_mil_walk *w, const char *param, double otherwise)
{
    const anm_mil_value *v = constant_of(w, param);
    double out = otherwise;

    if (v && (v->n != 1 || !anm_mil_value_real(v, 0, &out)))
        fail_kind(w, param, "one number");
    return out;
}

bool anm_mil_bool(anm_mil_walk *w, const char *param, bool otherwise)
{
    return anm_mil_int(w, param, otherwise) != 0;
}

const char *anm_mil_string(anm_mil_walk *w, const char *param,
                           const char *otherwise)
{
    const anm_mil_value *v = constant_of(w, param);

    if (!v) return otherwise;
    const char *text = anm_mil_value_string(v);
    if (!text) fail_kind(w, param, "a string");
    return text ? text : otherwise;
}

size_t anm_mil_ints(anm_mil_walk *w, const char *param, int64_t *out,
                    size_t cap)
{
    const anm_mil_value *v = constant_of(w, param);

    if (!v) return 0;
    if (v->n > cap) {
        anm_mil_fail(w, ANM_E_UNSUPPORTED,
                     "%s has %" PRIu64 " elements, at most %zu are built in",
                     param, v->n, cap);
        return 0;
    }
    for (size_t i = 0; i < v->n; i++) {
        if (anm_mil_value_int(v, i, &out[i])) continue;
        fail_kind(w, param, "integers");
        return 0;
    }
    return (size_t)v->n;
}

unsigned anm_mil_bits(anm_mil_walk *w, const char *param)
{
    int64_t on[ANM_RANK_MAX];
    const size_t n = anm_mil_ints(w, param, on, ANM_RANK_MAX);
    unsigned bits = 0;

    for (size_t i = 0; i < n; i++)
        if (on[i]) bits |= 1u << i;
    return bits;
}

unsigned anm_mil_row_bits(anm_mil_walk *w, const char *param, size_t n)
{
    const anm_mil_arg *arg = anm_mil_op_arg(w->op, param);
    unsigned bits = 0;

    if (!arg) return 0;
    for (size_t i = 0; i < arg->n && i < n && i < ANM_RANK_MAX; i++) {
        const anm_mil_value *v = anm_mil_binding_value(&arg->bindings[i]);
        int64_t on = 0;
        if (!v || !anm_mil_value_int(v, 0, &on))
            fail_kind(w, param, "constant bools");
        if (on) bits |= 1u << i;
    }
    return bits;
}

/* ---- Outputs --------------------------------------------------------------- */

void anm_mil_emit(anm_mil_walk *w, anm_array_op op, const anm_value_id *inputs,
                  size_t n_inputs, const anm_array_attr *attr)
{
    const size_t n = w->op->n_outputs;
    anm_array_result *results = anm_arena_array(w->arena, n, sizeof(*results));

    if (!results) {
        fail_memory(w);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const anm_mil_var *out = &w->op->outputs[i];
        results[i].name = out->name;
        if (!read_type(w, out->name, &out->type, &results[i].type)) return;
    }
    const anm_value_id first = anm_arrays_add(
        w->program, op, w->op->name, inputs, n_inputs, attr, results, n);
    const size_t index = (size_t)(w->op - w->function->block.ops);
    for (size_t i = 0; i < n && first != ANM_VALUE_NONE; i++)
        w->ids[w->first[index] + i] = first + (anm_value_id)i;
}

anm_value_id anm_mil_emit_extra(anm_mil_walk *w, anm_array_op op,
                                const char *suffix, const anm_value_id *inputs,
                                size_t n_inputs, const anm_array_attr *attr,
                                const anm_array_type *type)
{
    anm_array_result result = { .name = anm_mil_name(w, suffix) };

    if (type) result.type = *type;
    return anm_arrays_add(w->program, op, result.name, inputs, n_inputs, attr,
                          &result, type ? 1 : 0);
}
