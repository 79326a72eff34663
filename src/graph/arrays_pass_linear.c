/* arrays_pass_linear.c - products by constants, and what follows a product.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/arrays_rewrite.h"

/* ---- PRODUCT ------------------------------------------------------------- */

static bool is_matrix(const anm_arrays_rewrite *r, anm_value_id v)
{
    const anm_array *c = &r->a->values[v];

    return c->kind == ANM_ARRAY_CONST && anm_array_is_float(c->type.dtype) &&
           c->type.rank == 2 && c->type.dims[0] > 0 && c->type.dims[1] > 0;
}

/* Another product must not read it the other way round: a weight is packed
 * once. */
static bool is_turned_elsewhere(const anm_arrays_rewrite *r, anm_value_id v,
                                unsigned turned)
{
    for (size_t i = 0; i < r->a->n_nodes; i++) {
        const anm_array_node *node = &r->a->nodes[i];

        if (node->op == ANM_ARRAY_LINEAR && node->inputs[1] == v &&
            (node->attr.flags & ANM_ARRAY_TRANSPOSE_W) != turned)
            return true;
    }
    return false;
}

bool anm_pass_array_product(anm_arrays_rewrite *r)
{
    for (size_t i = 0; i < r->a->n_nodes; i++) {
        anm_array_node *node = &r->a->nodes[i];
        const unsigned flags = node->attr.flags;
        const unsigned turned =
            flags & ANM_ARRAY_TRANSPOSE_Y ? 0 : ANM_ARRAY_TRANSPOSE_W;

        if (node->op != ANM_ARRAY_MATMUL || flags & ANM_ARRAY_TRANSPOSE_X ||
            !is_matrix(r, node->inputs[1]) ||
            r->a->values[node->inputs[0]].kind == ANM_ARRAY_CONST ||
            is_turned_elsewhere(r, node->inputs[1], turned))
            continue;
        const anm_value_id inputs[] = { node->inputs[0], node->inputs[1] };
        if (!anm_rewrite_change(r, node, ANM_ARRAY_LINEAR, inputs, 2,
                                &(anm_array_attr){ .flags = turned }))
            return false;
    }
    return true;
}

/* ---- EPILOGUE ------------------------------------------------------------ */

/* The inputs of a LINEAR, absent ones as such. */
typedef struct linear {
    anm_value_id in[4];
    anm_array_attr attr;
} linear;

static linear linear_of(const anm_array_node *node)
{
    linear l = { .attr = node->attr };

    for (unsigned i = 0; i < 4; i++)
        l.in[i] = i < node->n_inputs ? node->inputs[i] : ANM_VALUE_NONE;
    return l;
}

static anm_act act_of(const anm_array_node *node)
{
    switch ((int)node->op) {
    case ANM_ARRAY_RELU:
        return ANM_ACT_RELU;
    case ANM_ARRAY_SILU:
        return ANM_ACT_SILU;
    case ANM_ARRAY_TANH:
        return ANM_ACT_TANH;
    case ANM_ARRAY_GELU:
        return node->attr.act;
    default:
        return ANM_ACT_NONE;
    }
}

static bool add_activation(anm_arrays_rewrite *r, anm_array_node *node)
{
    const anm_act act = act_of(node);
    const anm_array_node *product =
        anm_rewrite_only(r, node->inputs[0], ANM_ARRAY_LINEAR);

    if (act == ANM_ACT_NONE || !product) return true;
    linear l = linear_of(product);
    if (l.attr.act != ANM_ACT_NONE || l.in[3] != ANM_VALUE_NONE) return true;
    l.attr.act = act;
    return anm_rewrite_change(r, node, ANM_ARRAY_LINEAR, l.in, 4, &l.attr);
}

static bool add_operand(anm_arrays_rewrite *r, anm_array_node *node)
{
    const anm_array_type *t = anm_rewrite_type(r, node->outputs[0]);
    anm_value_id other = ANM_VALUE_NONE;
    const anm_array_node *product =
        anm_rewrite_operand(r, node, ANM_ARRAY_LINEAR, &other);

    if (!product || t->rank == 0) return true;
    linear l = linear_of(product);
    const anm_array_type *from = anm_rewrite_type(r, product->outputs[0]);
    if (l.in[3] != ANM_VALUE_NONE || from->rank != t->rank) return true;
    if (l.in[2] == ANM_VALUE_NONE && l.attr.act == ANM_ACT_NONE &&
        anm_rewrite_is_vector(r, other, from, from->rank - 1)) {
        l.in[2] = other;
    } else if (anm_rewrite_same_dims(t, from) &&
               anm_rewrite_same_dims(t, anm_rewrite_type(r, other))) {
        l.in[3] = other;
    } else {
        return true;
    }
    return anm_rewrite_change(r, node, ANM_ARRAY_LINEAR, l.in, 4, &l.attr);
}

bool anm_pass_array_epilogue(anm_arrays_rewrite *r)
{
    for (size_t i = 0; i < r->a->n_nodes; i++) {
        anm_array_node *node = &r->a->nodes[i];
        const bool done = node->op == ANM_ARRAY_ADD ? add_operand(r, node)
                          : node->n_inputs > 0      ? add_activation(r, node)
                                                    : true;
        if (!done) return false;
    }
    return true;
}
