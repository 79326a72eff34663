/* cost.c - operations and bytes of a node, from its shapes.
 *
 * Multiply-accumulates are those of products, which the passes do not change;
 * what is done once an element shows in the bytes moved. Views move nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/cost.h"

/* What a byte weighs against a multiply-accumulate. */
static const double byte_weight = 1.0 / 16;

static double count(const anm_graph *g, anm_value_id v, size_t tokens)
{
    return (double)anm_shape_elements(&anm_graph_value(g, v)->shape, tokens);
}

static double last_axis(const anm_graph *g, anm_value_id v, size_t tokens)
{
    const anm_shape *s = &anm_graph_value(g, v)->shape;
    const int64_t dim = s->rank ? s->dims[s->rank - 1] : 1;

    return dim == ANM_DIM_TOKENS ? (double)tokens : (double)dim;
}

/* Pairs of query and key that meet. */
static double count_pairs(const anm_node *node, double n)
{
    return node->attr.flag ? n * (n + 1) / 2 : n * n;
}

static double count_macs(const anm_graph *g, const anm_node *node,
                         size_t tokens)
{
    switch (node->op) {
    case ANM_OP_LINEAR:
    case ANM_OP_MATMUL:
        return count(g, node->output, tokens) *
               last_axis(g, node->inputs[0], tokens);
    case ANM_OP_ATTENTION:
        return 2 * count_pairs(node, (double)tokens) *
               last_axis(g, node->inputs[0], tokens);
    case ANM_OP_POSITION:
    case ANM_OP_GATHER:
    case ANM_OP_ADD:
    case ANM_OP_MUL:
    case ANM_OP_SCALE:
    case ANM_OP_ACT:
    case ANM_OP_GLU:
    case ANM_OP_LAYER_NORM:
    case ANM_OP_RMS_NORM:
    case ANM_OP_ANGLES:
    case ANM_OP_ROPE:
    case ANM_OP_RESHAPE:
    case ANM_OP_TRANSPOSE:
    case ANM_OP_SLICE:
    case ANM_OP_SOFTMAX:
    case ANM_OP_POOL:
    case ANM_OP_NORMALIZE:
    case ANM_OP_COUNT:
        break;
    }
    return 0;
}

/* Elements of input k that the node reads: of a table the rows asked for. */
static double count_read(const anm_graph *g, const anm_node *node, size_t k,
                         size_t tokens)
{
    const bool table = node->op == ANM_OP_GATHER && k == 0;
    return count(g, table ? node->output : node->inputs[k], tokens);
}

static double bytes_an_element(anm_dtype type)
{
    const anm_block block = anm_dtype_block(type);

    return (double)block.bytes / (double)block.elements;
}

anm_cost anm_node_cost(const anm_graph *g, size_t node, size_t tokens)
{
    const anm_node *x = anm_graph_node(g, node);
    anm_cost cost = { .macs = count_macs(g, x, tokens) };

    if (x->op == ANM_OP_SLICE || x->op == ANM_OP_RESHAPE) return cost;
    for (size_t k = 0; k < ANM_INPUTS_MAX; k++) {
        if (x->inputs[k] == ANM_VALUE_NONE) continue;
        const double n = count_read(g, x, k, tokens);

        const anm_value *v = anm_graph_value(g, x->inputs[k]);
        if (v->kind == ANM_VALUE_CONST)
            cost.weight_bytes += n * bytes_an_element(v->kept);
        else
            cost.activation_bytes += n * sizeof(float);
    }
    cost.activation_bytes += count(g, x->output, tokens) * sizeof(float);
    return cost;
}

anm_cost anm_graph_cost(const anm_graph *g, size_t tokens)
{
    anm_cost sum = { 0 };

    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const anm_cost c = anm_node_cost(g, i, tokens);

        sum.macs += c.macs;
        sum.weight_bytes += c.weight_bytes;
        sum.activation_bytes += c.activation_bytes;
    }
    return sum;
}

static double weigh(anm_cost c)
{
    return c.macs + (c.weight_bytes + c.activation_bytes) * byte_weight;
}

double anm_node_share(const anm_graph *g, size_t node, size_t tokens)
{
    const double whole = weigh(anm_graph_cost(g, tokens));

    // A graph of views alone: each node is as good as another.
    if (whole <= 0) return 1.0 / (double)anm_graph_n_nodes(g);
    return weigh(anm_node_cost(g, node, tokens)) / whole;
}
