/* pass_stack.c - the linears that make q, k and v of one attention become one
 * linear, whose weight is theirs stacked, and a slice each.
 *
 * The constant has a part for each weight: nothing is copied. Either all three
 * have a bias or none has: a bias of zeros would be one more constant.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "graph/rewrite.h"

enum { N = 3 };

/* The linears of one attention, in order q, k, v. */
typedef struct trio {
    anm_node *linears[N];
} trio;

/* Input `input` of the linears are constants that stack: of one type, alike
 * but for the first axis. */
static bool can_stack(const anm_graph *g, const trio *t, size_t input)
{
    const anm_value *first = &g->values[t->linears[0]->inputs[input]];

    for (size_t i = 0; i < N; i++) {
        const anm_value *v = &g->values[t->linears[i]->inputs[input]];

        if (v->kind != ANM_VALUE_CONST ||
            v->shape.dtype != first->shape.dtype ||
            (v->shape.rank == 2 && v->shape.dims[1] != first->shape.dims[1]))
            return false;
    }
    return true;
}

static bool match_trio(const anm_rewrite *r, const anm_node *attention, trio *t)
{
    size_t n_biases = 0;

    for (size_t i = 0; i < N; i++) {
        anm_node *l = anm_rewrite_sole(r, attention->inputs[i], ANM_OP_LINEAR);

        if (!l || l->attr.act != ANM_ACT_NONE || l->inputs[3] != ANM_VALUE_NONE)
            return false;
        t->linears[i] = l;
        if (l->inputs[0] != t->linears[0]->inputs[0]) return false;
        n_biases += l->inputs[2] != ANM_VALUE_NONE;
    }
    return can_stack(r->g, t, 1) &&
           (n_biases == 0 || (n_biases == N && can_stack(r->g, t, 2)));
}

/* "layer.query", "layer.key" and "layer.value" give "layer.query+key+value",
 * with an ending. NULL when memory is out. */
static const char *join_names(anm_graph *g, const trio *t, const char *ending)
{
    const char *names[N];
    size_t len = strlen(ending) + N, common = 0;

    for (size_t i = 0; i < N; i++) {
        names[i] = t->linears[i]->name;
        len += strlen(names[i]);
    }
    for (size_t i = 0; names[0][i] && names[0][i] == names[1][i] &&
                       names[0][i] == names[2][i];
         i++)
        if (names[0][i] == '.') common = i + 1;
    char *name = anm_arena_alloc(&g->arena, len);
    if (name)
        snprintf(name, len, "%s+%s+%s%s", names[0], names[1] + common,
                 names[2] + common, ending);
    return name;
}

/* A constant of the parts of all three; NONE when memory is out. */
static anm_value_id stack_constants(anm_graph *g, const trio *t, size_t input,
                                    const char *ending)
{
    anm_value sum = g->values[t->linears[0]->inputs[input]];
    size_t n = 0;

    sum.n_parts = 0;
    sum.shape.dims[0] = 0;
    for (size_t i = 0; i < N; i++) {
        const anm_value *v = &g->values[t->linears[i]->inputs[input]];

        sum.n_parts += v->n_parts;
        sum.shape.dims[0] += v->shape.dims[0];
    }
    sum.name = join_names(g, t, ending);
    sum.parts = anm_arena_array(&g->arena, sum.n_parts, sizeof(*sum.parts));
    if (!sum.name || !sum.parts) return ANM_VALUE_NONE;
    for (size_t i = 0; i < N; i++) {
        const anm_value *v = &g->values[t->linears[i]->inputs[input]];

        memcpy(sum.parts + n, v->parts, v->n_parts * sizeof(*v->parts));
        n += v->n_parts;
    }
    return anm_graph_append(g, &sum);
}

/* The node and value of the one linear, named and shaped; false when memory is
 * out. */
static bool make_linear(anm_graph *g, const trio *t, anm_node *out)
{
    const anm_node *q = t->linears[0];
    anm_value v = g->values[q->output];

    *out = *q;
    out->inputs[1] = stack_constants(g, t, 1, ".weight");
    if (out->inputs[1] == ANM_VALUE_NONE) return false;
    if (q->inputs[2] != ANM_VALUE_NONE) {
        out->inputs[2] = stack_constants(g, t, 2, ".bias");
        if (out->inputs[2] == ANM_VALUE_NONE) return false;
    }
    v.shape.dims[v.shape.rank - 1] = g->values[out->inputs[1]].shape.dims[0];
    out->name = v.name = join_names(g, t, "");
    if (!v.name) return false;
    out->output = anm_graph_append(g, &v);
    return out->output != ANM_VALUE_NONE;
}

static bool stack(anm_rewrite *r, const trio *t)
{
    const anm_node *first = t->linears[0];
    anm_node linear;
    int64_t begin = 0;

    for (size_t i = 1; i < N; i++)
        if (t->linears[i] < first) first = t->linears[i];
    if (!make_linear(r->g, t, &linear) ||
        !anm_rewrite_insert(r, first, &linear))
        return false;
    r->n_readers[linear.inputs[0]]++;
    for (size_t i = 0; i < N; i++) {
        anm_node *l = t->linears[i];
        const int64_t size = r->g->values[l->inputs[1]].shape.dims[0];
        const anm_node slice = {
            .op = ANM_OP_SLICE,
            .inputs = { linear.output, ANM_VALUE_NONE, ANM_VALUE_NONE,
                        ANM_VALUE_NONE },
            .output = l->output,
            .attr = { .begin = begin, .size = size },
            .name = l->name,
        };

        begin += size;
        if (!anm_rewrite_insert(r, first, &slice)) return false;
        r->n_readers[l->output]--;
        anm_rewrite_remove(r, l);
    }
    return true;
}

bool anm_pass_stack(anm_rewrite *r)
{
    trio t;

    for (size_t i = 0; i < r->g->n_nodes; i++) {
        const anm_node *node = &r->g->nodes[i];

        if (node->op != ANM_OP_ATTENTION || !match_trio(r, node, &t)) continue;
        if (!stack(r, &t)) return false;
    }
    return true;
}
