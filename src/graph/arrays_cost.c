/* arrays_cost.c - products are what costs; everything else reads and writes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/arrays_cost.h"

static double elements(const anm_array_type *t, size_t tokens)
{
    double n = 1;

    for (unsigned i = 0; i < t->rank; i++)
        n *= t->dims[i] < 0 ? (double)tokens : (double)t->dims[i];
    return n;
}

/* The size of an axis, counted from the end. */
static double size_at(const anm_array_type *t, unsigned from_end, size_t tokens)
{
    if (from_end > t->rank) return 1;
    const int64_t dim = t->dims[t->rank - from_end];
    return dim < 0 ? (double)tokens : (double)dim;
}

static const anm_array_type *type_of(const anm_arrays *a, anm_value_id v)
{
    return &anm_arrays_value(a, v)->type;
}

double anm_array_node_macs(const anm_arrays *a, const anm_array_node *node,
                           size_t tokens)
{
    if (node->n_outputs == 0 || node->n_inputs == 0) return 0;
    const anm_array_type *x = type_of(a, node->inputs[0]);
    const double out = elements(type_of(a, node->outputs[0]), tokens);
    // Only products count: the others are named nowhere below.
    const anm_array_op op = node->op;
    const bool turned = node->attr.flags & ANM_ARRAY_TRANSPOSE_X;

    if (op == ANM_ARRAY_LINEAR) return out * size_at(x, 1, tokens);
    if (op == ANM_ARRAY_MATMUL) return out * size_at(x, turned ? 2 : 1, tokens);
    if (op == ANM_ARRAY_EINSUM) return out * size_at(x, 1, tokens);
    if (op == ANM_ARRAY_CONV) {
        const anm_array_type *w = type_of(a, node->inputs[1]);
        return out * elements(w, tokens) / size_at(w, w->rank, tokens);
    }
    if (op != ANM_ARRAY_SDPA && op != ANM_ARRAY_ATTENTION) return 0;
    // q k^T and the product with v: each output for each key, twice.
    const bool first = node->attr.flags & ANM_ARRAY_TOKENS_FIRST;
    const anm_array_type *k = type_of(a, node->inputs[1]);
    return 2 * out * size_at(k, first ? 3 : 2, tokens);
}

/* Bytes of a constant that one node reads. */
static double bytes_read(const anm_arrays *a, const anm_array_node *node,
                         unsigned i, size_t tokens)
{
    const anm_value_id v = node->inputs[i];
    if (v == ANM_VALUE_NONE) return 0;
    const anm_array *value = anm_arrays_value(a, v);
    if (value->kind != ANM_ARRAY_CONST) return 0;
    const double size = (double)anm_dtype_block(value->type.dtype).bytes;
    if (node->op == ANM_ARRAY_GATHER && i == 0)
        return elements(type_of(a, node->outputs[0]), tokens) * size;
    return elements(&value->type, tokens) * size;
}

anm_cost anm_arrays_cost(const anm_arrays *a, size_t tokens)
{
    anm_cost cost = { 0 };

    for (size_t i = 0; i < anm_arrays_n_nodes(a); i++) {
        const anm_array_node *node = anm_arrays_node(a, i);
        cost.macs += anm_array_node_macs(a, node, tokens);
        for (unsigned k = 0; k < node->n_inputs; k++)
            cost.weight_bytes += bytes_read(a, node, k, tokens);
        for (unsigned k = 0; k < node->n_outputs; k++)
            cost.activation_bytes +=
                elements(type_of(a, node->outputs[k]), tokens) * sizeof(float);
    }
    return cost;
}

size_t anm_arrays_length(const anm_arrays_text *text, size_t n)
{
    for (size_t i = 0; i < text->n_lengths; i++)
        if (text->lengths[i] >= n) return text->lengths[i];
    if (text->n_lengths) return text->lengths[text->n_lengths - 1];
    return n < text->min_length ? text->min_length : n;
}
