/* arrays.c - values and nodes of an array program, and the builder with its
 * sticky error.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "graph/arrays_storage.h"
#include "graph/value_names.h"

/* ---- The operations ------------------------------------------------------ */

static const anm_array_op_info ops[] = {
#define X(name, text, lo, hi, outs) [ANM_ARRAY_##name] = { text, lo, hi, outs },
    ANM_ARRAY_OP_LIST(X)
#undef X
};

const anm_array_op_info *anm_array_op_describe(anm_array_op op)
{
    assert((unsigned)op < ANM_ARRAY_OP_COUNT);
    return &ops[op];
}

bool anm_array_op_find(const char *name, anm_array_op *out)
{
    for (unsigned i = 0; i < ANM_ARRAY_RMS_NORM; i++) {
        if (strcmp(ops[i].name, name) != 0) continue;
        *out = (anm_array_op)i;
        return true;
    }
    return false;
}

/* ---- Types --------------------------------------------------------------- */

bool anm_array_is_float(anm_dtype dtype)
{
    return dtype == ANM_DTYPE_F32 || dtype == ANM_DTYPE_F16;
}

void anm_array_type_text(const anm_array_type *t, char *out, size_t cap)
{
    size_t at = (size_t)snprintf(out, cap, "%s [", anm_dtype_name(t->dtype));

    for (unsigned i = 0; i < t->rank && at < cap; i++) {
        const char *comma = i ? ", " : "";

        if (t->dims[i] < 0)
            at += (size_t)snprintf(out + at, cap - at, "%s?", comma);
        else
            at += (size_t)snprintf(out + at, cap - at, "%s%" PRId64, comma,
                                   t->dims[i]);
    }
    if (at < cap) snprintf(out + at, cap - at, "]");
}

/* Types that a value may be computed in. */
static bool is_computed(anm_dtype t)
{
    return t == ANM_DTYPE_F32 || t == ANM_DTYPE_F16 || t == ANM_DTYPE_I32 ||
           t == ANM_DTYPE_I16 || t == ANM_DTYPE_I8 || t == ANM_DTYPE_U16 ||
           t == ANM_DTYPE_U8 || t == ANM_DTYPE_BOOL;
}

/* Elements of the known dims; false when there are too many. */
static bool count_known(const anm_array_type *t, uint64_t *n)
{
    *n = 1;
    for (unsigned i = 0; i < t->rank; i++) {
        const int64_t d = t->dims[i];

        if (d < 0) continue;
        if (d > 0 && *n > ANM_ARRAY_ELEMENTS_MAX / (uint64_t)d) return false;
        *n *= (uint64_t)d;
    }
    return true;
}

static anm_status check_type(const anm_array_type *t, bool constant,
                             anm_error *err)
{
    char text[96];
    uint64_t n = 0;
    bool known = true;

    if (t->rank > ANM_RANK_MAX)
        return anm_fail(err, ANM_E_UNSUPPORTED, "%u axes, at most %d", t->rank,
                        ANM_RANK_MAX);
    anm_array_type_text(t, text, sizeof(text));
    for (unsigned i = 0; i < t->rank; i++) {
        known = known && t->dims[i] >= 0;
        if (t->dims[i] < -1)
            return anm_fail(err, ANM_E_FORMAT, "%s: axis %u is negative", text,
                            i);
    }
    if (!is_computed(t->dtype) && !(constant && t->dtype == ANM_DTYPE_BF16))
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: arrays of this type are not computed", text);
    if (constant && !known)
        return anm_fail(err, ANM_E_FORMAT, "%s: a constant of unknown size",
                        text);
    if (!count_known(t, &n))
        return anm_fail(err, ANM_E_LIMIT, "%s: at most %" PRIu64 " elements",
                        text, ANM_ARRAY_ELEMENTS_MAX);
    return ANM_OK;
}

/* ---- Lifecycle ----------------------------------------------------------- */

anm_status anm_arrays_new(anm_arrays **out, anm_error *err)
{
    *out = anm_alloc_zero(sizeof(**out));
    if (!*out) return anm_fail(err, ANM_E_NOMEM, "program: out of memory");
    return ANM_OK;
}

void anm_arrays_free(anm_arrays *a)
{
    if (!a) return;
    anm_free(a->values);
    anm_free(a->nodes);
    anm_free(a->inputs.items);
    anm_free(a->outputs.items);
    anm_arena_deinit(&a->arena);
    anm_free(a);
}

/* ---- Building values ----------------------------------------------------- */

void anm_arrays_fail(anm_arrays *a, anm_status status, const char *format, ...)
{
    char text[sizeof(a->error.message)];
    va_list args;

    assert(status);
    if (a->error.status) return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    anm_fail(&a->error, status, "%s", text);
}

static anm_value_id fail_memory(anm_arrays *a)
{
    anm_arrays_fail(a, ANM_E_NOMEM, "program: out of memory");
    return ANM_VALUE_NONE;
}

static bool push_id(anm_arrays *a, anm_array_ids *ids, anm_value_id id)
{
    if (!anm_grow(&ids->items, &ids->cap, ids->n + 1, sizeof(*ids->items))) {
        fail_memory(a);
        return false;
    }
    ids->items[ids->n++] = id;
    return true;
}

/* Append v with a copy of its name, once its type has been looked at. */
static anm_value_id add_value(anm_arrays *a, anm_array *v)
{
    anm_error why;

    assert(v->name && v->name[0]);
    if (a->error.status) return ANM_VALUE_NONE;
    const bool constant = v->kind == ANM_ARRAY_CONST;
    const anm_status status = check_type(&v->type, constant, &why);
    if (status) {
        anm_arrays_fail(a, status, "%s: %s", v->name, why.message);
        return ANM_VALUE_NONE;
    }
    v->name = anm_arena_copy(&a->arena, v->name, strlen(v->name));
    if (!v->name || a->n_values >= ANM_VALUE_NONE ||
        !anm_grow(&a->values, &a->cap_values, a->n_values + 1, sizeof(*v)))
        return fail_memory(a);
    a->values[a->n_values] = *v;
    return (anm_value_id)a->n_values++;
}

anm_value_id anm_arrays_input(anm_arrays *a, const char *name,
                              const anm_array_type *type)
{
    anm_array v = { .kind = ANM_ARRAY_INPUT, .type = *type, .name = name };
    const anm_value_id id = add_value(a, &v);

    if (id == ANM_VALUE_NONE || !push_id(a, &a->inputs, id))
        return ANM_VALUE_NONE;
    return id;
}

anm_value_id anm_arrays_state(anm_arrays *a, const char *name,
                              const anm_array_type *type)
{
    anm_array v = { .kind = ANM_ARRAY_STATE, .type = *type, .name = name };

    for (unsigned i = 0; i < type->rank; i++) {
        if (type->dims[i] < 0)
            anm_arrays_fail(a, ANM_E_FORMAT, "%s: a state of unknown size",
                            name);
    }
    return add_value(a, &v);
}

static anm_value_id add_const(anm_arrays *a, anm_array *v)
{
    const anm_value_id id = add_value(a, v);
    uint64_t n = 0, bytes = 0;
    char text[96];

    if (id == ANM_VALUE_NONE || v->fill) return id;
    if (count_known(&v->type, &n) &&
        anm_dtype_bytes(v->type.dtype, n, &bytes) && bytes == v->data.len)
        return id;
    anm_array_type_text(&v->type, text, sizeof(text));
    anm_arrays_fail(a, ANM_E_FORMAT, "%s: %zu bytes for %s", v->name,
                    v->data.len, text);
    return ANM_VALUE_NONE;
}

anm_value_id anm_arrays_const(anm_arrays *a, const char *name,
                              const anm_array_type *type, anm_bytes data)
{
    return add_const(a, &(anm_array){ .kind = ANM_ARRAY_CONST,
                                      .type = *type,
                                      .name = name,
                                      .data = data });
}

anm_value_id anm_arrays_const_lazy(anm_arrays *a, const char *name,
                                   const anm_array_type *type,
                                   anm_array_fill_fn fill, void *ctx)
{
    return add_const(a, &(anm_array){ .kind = ANM_ARRAY_CONST,
                                      .type = *type,
                                      .name = name,
                                      .fill = fill,
                                      .fill_ctx = ctx });
}

/* A constant whose bytes are copied into the program. */
static anm_value_id add_copied(anm_arrays *a, const char *name,
                               const anm_array_type *type, const void *data,
                               size_t bytes)
{
    if (a->error.status) return ANM_VALUE_NONE;
    void *copy = anm_arena_alloc(&a->arena, bytes ? bytes : 1);
    if (!copy) return fail_memory(a);
    if (bytes) memcpy(copy, data, bytes);
    return anm_arrays_const(a, name, type, (anm_bytes){ copy, bytes });
}

anm_value_id anm_arrays_const_i32(anm_arrays *a, const char *name,
                                  const int32_t *v, size_t n)
{
    const anm_array_type type = { .dtype = ANM_DTYPE_I32,
                                  .rank = 1,
                                  .dims = { (int64_t)n } };
    return add_copied(a, name, &type, v, n * sizeof(*v));
}

anm_value_id anm_arrays_scalar_f32(anm_arrays *a, const char *name, float v)
{
    return add_copied(a, name, &(anm_array_type){ .dtype = ANM_DTYPE_F32 }, &v,
                      sizeof(v));
}

anm_value_id anm_arrays_scalar_i32(anm_arrays *a, const char *name, int32_t v)
{
    return add_copied(a, name, &(anm_array_type){ .dtype = ANM_DTYPE_I32 }, &v,
                      sizeof(v));
}

/* ---- Building nodes ------------------------------------------------------ */

static bool check_input(anm_arrays *a, const anm_array_node *node, size_t i,
                        anm_value_id id)
{
    const anm_array_op_info *info = anm_array_op_describe(node->op);
    const bool to_state = (node->op == ANM_ARRAY_READ_STATE ||
                           node->op == ANM_ARRAY_WRITE_STATE) &&
                          i == 0;

    if (id == ANM_VALUE_NONE && i >= info->min_inputs) return true;
    if (id < a->n_values && (a->values[id].kind == ANM_ARRAY_STATE) == to_state)
        return true;
    anm_arrays_fail(a, ANM_E_FORMAT, "%s: input %zu of %s is %s", node->name, i,
                    info->name,
                    id < a->n_values ? a->values[id].name : "missing");
    return false;
}

/* Copies what the node reads into the arena. */
static bool take_inputs(anm_arrays *a, anm_array_node *node,
                        const anm_value_id *inputs, size_t n)
{
    const anm_array_op_info *info = anm_array_op_describe(node->op);

    if (n < info->min_inputs || n > info->max_inputs) {
        anm_arrays_fail(a, ANM_E_FORMAT, "%s: %s of %zu inputs, takes %u to %u",
                        node->name, info->name, n, info->min_inputs,
                        info->max_inputs);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!check_input(a, node, i, inputs[i])) return false;
    }
    anm_value_id *ids = anm_arena_array(&a->arena, n, sizeof(*ids));
    if (!ids) {
        fail_memory(a);
        return false;
    }
    memcpy(ids, inputs, n * sizeof(*ids));
    node->inputs = ids;
    node->n_inputs = (unsigned)n;
    return true;
}

static bool make_outputs(anm_arrays *a, anm_array_node *node,
                         const anm_array_result *results, size_t n)
{
    const anm_array_op_info *info = anm_array_op_describe(node->op);
    const bool any = info->n_outputs == 0 && node->op != ANM_ARRAY_WRITE_STATE;

    if (any ? n == 0 || n > ANM_ARRAY_ARGS_MAX : n != info->n_outputs) {
        anm_arrays_fail(a, ANM_E_FORMAT, "%s: %s with %zu outputs", node->name,
                        info->name, n);
        return false;
    }
    anm_value_id *ids = anm_arena_array(&a->arena, n ? n : 1, sizeof(*ids));
    if (!ids) {
        fail_memory(a);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        ids[i] = add_value(a, &(anm_array){ .kind = ANM_ARRAY_TEMP,
                                            .type = results[i].type,
                                            .name = results[i].name });
        if (ids[i] == ANM_VALUE_NONE) return false;
    }
    node->outputs = ids;
    node->n_outputs = (unsigned)n;
    return true;
}

anm_value_id anm_arrays_add(anm_arrays *a, anm_array_op op, const char *name,
                            const anm_value_id *inputs, size_t n_inputs,
                            const anm_array_attr *attr,
                            const anm_array_result *results, size_t n_results)
{
    anm_array_node node = { .op = op, .name = name };

    assert(name && name[0]);
    if (a->error.status) return ANM_VALUE_NONE;
    if (attr) node.attr = *attr;
    if (!take_inputs(a, &node, inputs, n_inputs) ||
        !make_outputs(a, &node, results, n_results))
        return ANM_VALUE_NONE;
    node.name = anm_arena_copy(&a->arena, name, strlen(name));
    if (!node.name ||
        !anm_grow(&a->nodes, &a->cap_nodes, a->n_nodes + 1, sizeof(node)))
        return fail_memory(a);
    a->nodes[a->n_nodes++] = node;
    return node.n_outputs ? node.outputs[0] : ANM_VALUE_NONE;
}

void anm_arrays_output(anm_arrays *a, anm_value_id value)
{
    if (a->error.status) return;
    if (value < a->n_values && a->values[value].kind != ANM_ARRAY_STATE) {
        push_id(a, &a->outputs, value);
        return;
    }
    anm_arrays_fail(a, ANM_E_FORMAT, "output: value %" PRIu32 " of %zu %s",
                    value, a->n_values,
                    value < a->n_values ? "is a state" : "values");
}

static anm_status check_names(const anm_arrays *a, anm_error *err)
{
    const size_t n = a->n_values;
    const char **names = anm_alloc_array(n, sizeof(*names));

    if (!names) return anm_fail(err, ANM_E_NOMEM, "program: out of memory");
    for (size_t i = 0; i < n; i++)
        names[i] = a->values[i].name;
    const anm_status status = anm_value_names_check(names, n, err);
    anm_free(names);
    return status;
}

anm_status anm_arrays_finish(const anm_arrays *a, anm_error *err)
{
    if (a->error.status)
        return anm_fail(err, a->error.status, "%s", a->error.message);
    if (a->outputs.n == 0)
        return anm_fail(err, ANM_E_FORMAT, "a program of %zu nodes, no output",
                        a->n_nodes);
    return check_names(a, err);
}

/* ---- Reading ------------------------------------------------------------- */

size_t anm_arrays_n_values(const anm_arrays *a)
{
    return a->n_values;
}

const anm_array *anm_arrays_value(const anm_arrays *a, anm_value_id v)
{
    assert(v < a->n_values);
    return &a->values[v];
}

size_t anm_arrays_n_nodes(const anm_arrays *a)
{
    return a->n_nodes;
}

const anm_array_node *anm_arrays_node(const anm_arrays *a, size_t i)
{
    assert(i < a->n_nodes);
    return &a->nodes[i];
}

size_t anm_arrays_n_inputs(const anm_arrays *a)
{
    return a->inputs.n;
}

anm_value_id anm_arrays_input_at(const anm_arrays *a, size_t i)
{
    assert(i < a->inputs.n);
    return a->inputs.items[i];
}

size_t anm_arrays_n_outputs(const anm_arrays *a)
{
    return a->outputs.n;
}

anm_value_id anm_arrays_output_at(const anm_arrays *a, size_t i)
{
    assert(i < a->outputs.n);
    return a->outputs.items[i];
}

anm_value_id anm_arrays_find(const anm_arrays *a, const char *name)
{
    for (size_t i = 0; i < a->n_values; i++)
        if (strcmp(a->values[i].name, name) == 0) return (anm_value_id)i;
    return ANM_VALUE_NONE;
}
