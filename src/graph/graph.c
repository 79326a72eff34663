/* graph.c - values and nodes of a graph, and the builder with its sticky
 * error.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "graph/shape.h"
#include "graph/storage.h"
#include "graph/value_names.h"

const char *anm_pool_kind_name(anm_pool_kind kind)
{
    static const char *const names[] = {
        [ANM_POOL_CLS] = "cls",
        [ANM_POOL_MEAN] = "mean",
        [ANM_POOL_LAST] = "last",
    };
    assert((unsigned)kind < sizeof(names) / sizeof(names[0]));
    return names[kind];
}

/* ---- Lifecycle ----------------------------------------------------------- */

anm_status anm_graph_new(anm_graph **out, anm_error *err)
{
    *out = anm_alloc_zero(sizeof(**out));
    if (!*out) return anm_fail(err, ANM_E_NOMEM, "graph: out of memory");
    (*out)->result = ANM_VALUE_NONE;
    return ANM_OK;
}

void anm_graph_free(anm_graph *g)
{
    if (!g) return;
    anm_free(g->values);
    anm_free(g->nodes);
    anm_arena_deinit(&g->arena);
    anm_free(g);
}

/* ---- Building ------------------------------------------------------------ */

void anm_graph_fail(anm_graph *g, anm_status status, const char *format, ...)
{
    char text[sizeof(g->error.message)];
    va_list args;

    assert(status);
    if (g->error.status) return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    anm_fail(&g->error, status, "%s", text);
}

static anm_value_id fail_memory(anm_graph *g)
{
    anm_graph_fail(g, ANM_E_NOMEM, "graph: out of memory");
    return ANM_VALUE_NONE;
}

anm_value_id anm_graph_append(anm_graph *g, const anm_value *v)
{
    if (g->n_values >= ANM_VALUE_NONE ||
        !anm_grow(&g->values, &g->cap_values, g->n_values + 1, sizeof(*v)))
        return fail_memory(g);
    g->values[g->n_values] = *v;
    return (anm_value_id)g->n_values++;
}

/* Append v with a copy of its name, once its shape has been looked at. */
static anm_value_id add_outer_value(anm_graph *g, anm_value *v)
{
    anm_error why;

    assert(v->name && v->name[0]);
    const bool constant = v->kind == ANM_VALUE_CONST;
    const anm_status status = anm_shape_check(&v->shape, constant, &why);
    if (status) {
        anm_graph_fail(g, status, "%s: %s", v->name, why.message);
        return ANM_VALUE_NONE;
    }
    v->name = anm_arena_copy(&g->arena, v->name, strlen(v->name));
    return v->name ? anm_graph_append(g, v) : fail_memory(g);
}

anm_value_id anm_graph_input(anm_graph *g, const char *name,
                             const anm_shape *shape)
{
    anm_value v = { .kind = ANM_VALUE_INPUT, .shape = *shape, .name = name };

    return g->error.status ? ANM_VALUE_NONE : add_outer_value(g, &v);
}

/* The bytes are as many as the shape says. */
static bool has_bytes(const anm_shape *shape, anm_bytes data)
{
    uint64_t bytes = 0;

    return anm_dtype_bytes(shape->dtype, anm_shape_elements(shape, 0),
                           &bytes) &&
           bytes == data.len;
}

anm_value_id anm_graph_const(anm_graph *g, const char *name,
                             const anm_shape *shape, anm_bytes data)
{
    anm_value v = { .kind = ANM_VALUE_CONST,
                    .shape = *shape,
                    .name = name,
                    .kept = shape->dtype };

    if (g->error.status) return ANM_VALUE_NONE;
    v.parts = anm_arena_alloc(&g->arena, sizeof(*v.parts));
    if (!v.parts) return fail_memory(g);
    const anm_value_id id = add_outer_value(g, &v);
    if (id == ANM_VALUE_NONE) return id;
    if (!has_bytes(shape, data)) {
        char text[96];
        anm_shape_text(shape, text, sizeof(text));
        anm_graph_fail(g, ANM_E_FORMAT, "%s: %zu bytes for %s", name, data.len,
                       text);
        return ANM_VALUE_NONE;
    }
    v.parts[0] = (anm_part){
        .data = data,
        .rows = shape->rank ? (uint64_t)shape->dims[0] : 1,
    };
    g->values[id].n_parts = 1;
    return id;
}

/* Look inputs up: ids into node, shapes into shapes. False after a failure,
 * which is a bug of the builder. */
static bool resolve_inputs(anm_graph *g, anm_node *node,
                           const anm_shape *shapes[ANM_INPUTS_MAX],
                           const anm_value_id *inputs, size_t n_inputs)
{
    const anm_op_info *info = anm_op_describe(node->op);

    if (n_inputs < info->min_inputs || n_inputs > info->max_inputs) {
        anm_graph_fail(g, ANM_E_INTERNAL,
                       "%s: %s of %zu inputs, takes %u to %u", node->name,
                       info->name, n_inputs, info->min_inputs,
                       info->max_inputs);
        return false;
    }
    for (size_t i = 0; i < ANM_INPUTS_MAX; i++) {
        const anm_value_id id = i < n_inputs ? inputs[i] : ANM_VALUE_NONE;

        node->inputs[i] = id;
        shapes[i] = id < g->n_values ? &g->values[id].shape : NULL;
        if (shapes[i] || (id == ANM_VALUE_NONE && i >= info->min_inputs))
            continue;
        anm_graph_fail(g, ANM_E_INTERNAL,
                       "%s: input %zu of %s is value %" PRIu32 " of %zu",
                       node->name, i, info->name, id, g->n_values);
        return false;
    }
    return true;
}

anm_value_id anm_graph_add(anm_graph *g, anm_op op, const char *name,
                           const anm_value_id *inputs, size_t n_inputs,
                           const anm_attr *attr)
{
    anm_node node = { .op = op, .name = name };
    anm_value v = { .kind = ANM_VALUE_TEMP };
    const anm_shape *shapes[ANM_INPUTS_MAX];
    anm_error why;

    assert(name && name[0]);
    if (g->error.status) return ANM_VALUE_NONE;
    if (attr) node.attr = *attr;
    if (!resolve_inputs(g, &node, shapes, inputs, n_inputs))
        return ANM_VALUE_NONE;
    const anm_status status =
        anm_shape_infer(op, shapes, &node.attr, &v.shape, &why);
    if (status) {
        anm_graph_fail(g, status, "%s: %s", name, why.message);
        return ANM_VALUE_NONE;
    }
    node.name = v.name = anm_arena_copy(&g->arena, name, strlen(name));
    if (!v.name ||
        !anm_grow(&g->nodes, &g->cap_nodes, g->n_nodes + 1, sizeof(node)))
        return fail_memory(g);
    node.output = anm_graph_append(g, &v);
    if (node.output != ANM_VALUE_NONE) g->nodes[g->n_nodes++] = node;
    return node.output;
}

void anm_graph_result(anm_graph *g, anm_value_id value)
{
    char text[96];

    if (g->error.status) return;
    if (value >= g->n_values || g->result != ANM_VALUE_NONE) {
        anm_graph_fail(g, ANM_E_INTERNAL,
                       "result: value %" PRIu32 " of %zu after %s", value,
                       g->n_values,
                       g->result == ANM_VALUE_NONE ? "none" : "another");
        return;
    }
    const anm_value *v = &g->values[value];
    if (v->kind == ANM_VALUE_TEMP && v->shape.dtype == ANM_DTYPE_F32 &&
        v->shape.rank == 1 && v->shape.dims[0] != ANM_DIM_TOKENS) {
        g->result = value;
        return;
    }
    anm_shape_text(&v->shape, text, sizeof(text));
    anm_graph_fail(g, ANM_E_FORMAT,
                   "result %s: %s, must be computed and F32 [d]", v->name,
                   text);
}

anm_status anm_graph_check_names(const anm_graph *g, anm_error *err)
{
    const size_t n = g->n_values;
    const char **names = anm_alloc_array(n, sizeof(*names));

    if (!names) return anm_fail(err, ANM_E_NOMEM, "graph: out of memory");
    for (size_t i = 0; i < n; i++)
        names[i] = g->values[i].name;
    const anm_status status = anm_value_names_check(names, n, err);
    anm_free(names);
    return status;
}

anm_status anm_graph_finish(const anm_graph *g, anm_error *err)
{
    if (g->error.status)
        return anm_fail(err, g->error.status, "%s", g->error.message);
    if (g->result == ANM_VALUE_NONE)
        return anm_fail(err, ANM_E_INTERNAL, "a graph of %zu nodes, no result",
                        g->n_nodes);
    return anm_graph_check_names(g, err);
}

/* ---- Reading ------------------------------------------------------------- */

size_t anm_graph_n_nodes(const anm_graph *g)
{
    return g->n_nodes;
}

const anm_node *anm_graph_node(const anm_graph *g, size_t i)
{
    assert(i < g->n_nodes);
    return &g->nodes[i];
}

size_t anm_graph_n_values(const anm_graph *g)
{
    return g->n_values;
}

const anm_value *anm_graph_value(const anm_graph *g, anm_value_id v)
{
    assert(v < g->n_values);
    return &g->values[v];
}

anm_value_id anm_graph_result_of(const anm_graph *g)
{
    return g->result;
}

anm_value_id anm_graph_find(const anm_graph *g, const char *name)
{
    for (size_t i = 0; i < g->n_values; i++)
        if (strcmp(g->values[i].name, name) == 0) return (anm_value_id)i;
    return ANM_VALUE_NONE;
}

anm_dtype anm_graph_main_type(const anm_graph *g)
{
    uint64_t bytes[ANM_DTYPE_COUNT] = { 0 };
    anm_dtype most = ANM_DTYPE_F32;

    for (size_t i = 0; i < g->n_values; i++) {
        const anm_value *v = &g->values[i];

        for (size_t p = 0; p < v->n_parts; p++)
            bytes[v->shape.dtype] += v->parts[p].data.len;
    }
    for (unsigned t = 0; t < ANM_DTYPE_COUNT; t++) {
        if (bytes[t] > bytes[most]) most = (anm_dtype)t;
    }
    return most;
}
