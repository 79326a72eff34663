/* stack.c - linears of one input become one linear, whose weight is theirs
 * stacked.
 *
 * The constant has a part for each weight: nothing is copied.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>

#include "graph/rewrite.h"

/* Input `input` of the linears are constants that stack: of one type, alike
 * but for the first axis. */
static bool can_stack(const anm_graph *g, const anm_stack *s, size_t input)
{
    const anm_value *first = &g->values[s->linears[0]->inputs[input]];

    for (size_t i = 0; i < s->n; i++) {
        const anm_value *v = &g->values[s->linears[i]->inputs[input]];

        if (v->kind != ANM_VALUE_CONST ||
            v->shape.dtype != first->shape.dtype ||
            (v->shape.rank == 2 && v->shape.dims[1] != first->shape.dims[1]))
            return false;
    }
    return true;
}

bool anm_stack_fits(const anm_graph *g, const anm_stack *s)
{
    size_t n_biases = 0;

    assert(s->n >= 2 && s->n <= ANM_STACK_MAX);
    for (size_t i = 0; i < s->n; i++) {
        const anm_node *l = s->linears[i];

        if (l->attr.act != ANM_ACT_NONE || l->inputs[3] != ANM_VALUE_NONE ||
            l->inputs[0] != s->linears[0]->inputs[0])
            return false;
        n_biases += l->inputs[2] != ANM_VALUE_NONE;
    }
    return can_stack(g, s, 1) &&
           (n_biases == 0 || (n_biases == s->n && can_stack(g, s, 2)));
}

anm_node *anm_stack_first(const anm_stack *s)
{
    anm_node *first = s->linears[0];

    for (size_t i = 1; i < s->n; i++)
        if (s->linears[i] < first) first = s->linears[i];
    return first;
}

/* Bytes that all names have in front, up to and with a dot. */
static size_t count_common(const anm_stack *s)
{
    const char *first = s->linears[0]->name;
    size_t common = 0;

    for (size_t i = 0; first[i]; i++) {
        for (size_t k = 1; k < s->n; k++)
            if (s->linears[k]->name[i] != first[i]) return common;
        if (first[i] == '.') common = i + 1;
    }
    return common;
}

/* "layer.query", "layer.key" and "layer.value" give "layer.query+key+value",
 * with an ending. NULL when memory is out. */
static const char *join_names(anm_graph *g, const anm_stack *s,
                              const char *ending)
{
    const size_t common = count_common(s);
    size_t cap = strlen(ending) + s->n, len = 0;

    for (size_t i = 0; i < s->n; i++)
        cap += strlen(s->linears[i]->name);
    char *name = anm_arena_alloc(&g->arena, cap);
    if (!name) return NULL;
    for (size_t i = 0; i < s->n; i++)
        len += (size_t)snprintf(name + len, cap - len, "%s%s", i ? "+" : "",
                                s->linears[i]->name + (i ? common : 0));
    snprintf(name + len, cap - len, "%s", ending);
    return name;
}

/* A constant of the parts of all; NONE when memory is out. */
static anm_value_id stack_constants(anm_graph *g, const anm_stack *s,
                                    size_t input, const char *ending)
{
    anm_value sum = g->values[s->linears[0]->inputs[input]];
    size_t n = 0;

    sum.n_parts = 0;
    sum.shape.dims[0] = 0;
    for (size_t i = 0; i < s->n; i++) {
        const anm_value *v = &g->values[s->linears[i]->inputs[input]];

        sum.n_parts += v->n_parts;
        sum.shape.dims[0] += v->shape.dims[0];
    }
    sum.name = join_names(g, s, ending);
    sum.parts = anm_arena_array(&g->arena, sum.n_parts, sizeof(*sum.parts));
    if (!sum.name || !sum.parts) return ANM_VALUE_NONE;
    for (size_t i = 0; i < s->n; i++) {
        const anm_value *v = &g->values[s->linears[i]->inputs[input]];

        memcpy(sum.parts + n, v->parts, v->n_parts * sizeof(*v->parts));
        n += v->n_parts;
    }
    return anm_graph_append(g, &sum);
}

/* The node and value of the one linear, named and shaped; false when memory is
 * out. */
static bool make_linear(anm_graph *g, const anm_stack *s, anm_node *out)
{
    const anm_node *first = s->linears[0];
    anm_value v = g->values[first->output];

    *out = *first;
    out->inputs[1] = stack_constants(g, s, 1, ".weight");
    if (out->inputs[1] == ANM_VALUE_NONE) return false;
    if (first->inputs[2] != ANM_VALUE_NONE) {
        out->inputs[2] = stack_constants(g, s, 2, ".bias");
        if (out->inputs[2] == ANM_VALUE_NONE) return false;
    }
    v.shape.dims[v.shape.rank - 1] = g->values[out->inputs[1]].shape.dims[0];
    out->name = v.name = join_names(g, s, "");
    if (!v.name) return false;
    out->output = anm_graph_append(g, &v);
    return out->output != ANM_VALUE_NONE;
}

bool anm_stack_insert(anm_rewrite *r, const anm_stack *s, anm_node *out)
{
    if (!make_linear(r->g, s, out) ||
        !anm_rewrite_insert(r, anm_stack_first(s), out))
        return false;
    r->n_readers[out->inputs[0]]++;
    return true;
}
