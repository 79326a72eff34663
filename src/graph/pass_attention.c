/* pass_attention.c - the operations of multi-head attention become one.
 *
 *   q, k, v [L, h d] -> RESHAPE [L, h, d] -> TRANSPOSE [h, L, d]   (each)
 *   MATMUL(q, k^T) -> SCALE -> SOFTMAX(mask) -> MATMUL(v)
 *     -> TRANSPOSE [L, h, d] -> RESHAPE [L, h d]
 *
 * becomes ATTENTION(q, k, v, mask) where the last RESHAPE stood. Every value
 * between has this one reader, or somebody would miss it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/rewrite.h"

/* The nodes between, in an order in which each value is unread when its node's
 * turn to be removed comes. */
enum { N_BETWEEN = 11 };

typedef struct match {
    anm_value_id q, k, v, mask;
    int64_t heads, head_dim;
    float scale;
    anm_node *between[N_BETWEEN];
    size_t n_between;
} match;

static anm_node *take(match *m, const anm_rewrite *r, anm_value_id v, anm_op op)
{
    anm_node *node = anm_rewrite_sole(r, v, op);

    if (node) m->between[m->n_between++] = node;
    return node;
}

/* Swaps the first two of three axes. */
static bool is_head_swap(const anm_node *t)
{
    const anm_attr *a = &t->attr;
    return a->rank == 3 && a->perm[0] == 1 && a->perm[1] == 0 &&
           a->perm[2] == 2;
}

static bool is_rows(const anm_graph *g, anm_value_id v, int64_t width)
{
    const anm_shape *s = &g->values[v].shape;
    return s->rank == 2 && s->dims[0] == ANM_DIM_TOKENS && s->dims[1] == width;
}

/* The rows that v [h, L, d] was split from; NONE when it was not, or into
 * other heads than m has. */
static anm_value_id match_heads(match *m, const anm_rewrite *r, anm_value_id v)
{
    const anm_node *swap = take(m, r, v, ANM_OP_TRANSPOSE);
    if (!swap || !is_head_swap(swap)) return ANM_VALUE_NONE;
    const anm_node *split = take(m, r, swap->inputs[0], ANM_OP_RESHAPE);
    if (!split) return ANM_VALUE_NONE;

    const int64_t *dims = split->attr.dims;
    if (m->heads == 0) {
        m->heads = dims[1];
        m->head_dim = dims[2];
    }
    // Both are dimensions as well and might be ANM_DIM_TOKENS.
    if (m->heads < 1 || m->heads > INT32_MAX || m->head_dim < 1)
        return ANM_VALUE_NONE;
    if (dims[0] != ANM_DIM_TOKENS || dims[1] != m->heads ||
        dims[2] != m->head_dim)
        return ANM_VALUE_NONE;
    const anm_value_id x = split->inputs[0];
    return is_rows(r->g, x, m->heads * m->head_dim) ? x : ANM_VALUE_NONE;
}

/* Everything behind a RESHAPE that joins heads. */
static bool match_attention(match *m, const anm_rewrite *r,
                            const anm_node *join)
{
    *m = (match){ .heads = 0 };
    const anm_node *swap = take(m, r, join->inputs[0], ANM_OP_TRANSPOSE);
    if (!swap || !is_head_swap(swap)) return false;
    const anm_node *mix = take(m, r, swap->inputs[0], ANM_OP_MATMUL);
    if (!mix || mix->attr.flag) return false;
    const anm_node *soft = take(m, r, mix->inputs[0], ANM_OP_SOFTMAX);
    if (!soft || soft->inputs[1] == ANM_VALUE_NONE) return false;
    const anm_node *scale = take(m, r, soft->inputs[0], ANM_OP_SCALE);
    if (!scale) return false;
    const anm_node *dots = take(m, r, scale->inputs[0], ANM_OP_MATMUL);
    if (!dots || !dots->attr.flag) return false;

    m->mask = soft->inputs[1];
    m->scale = scale->attr.alpha;
    m->q = match_heads(m, r, dots->inputs[0]);
    if (m->q == ANM_VALUE_NONE) return false;
    m->k = match_heads(m, r, dots->inputs[1]);
    if (m->k == ANM_VALUE_NONE) return false;
    m->v = match_heads(m, r, mix->inputs[1]);
    if (m->v == ANM_VALUE_NONE) return false;
    return is_rows(r->g, join->output, m->heads * m->head_dim);
}

static void replace(anm_rewrite *r, anm_node *join, const match *m)
{
    const anm_value_id inputs[] = { m->q, m->k, m->v, m->mask };

    r->n_readers[join->inputs[0]]--;
    join->op = ANM_OP_ATTENTION;
    join->attr = (anm_attr){
        .alpha = m->scale,
        .heads = (unsigned)m->heads,
        .kv_heads = (unsigned)m->heads,
    };
    for (size_t i = 0; i < ANM_INPUTS_MAX; i++) {
        join->inputs[i] = inputs[i];
        r->n_readers[inputs[i]]++;
    }
    for (size_t i = 0; i < m->n_between; i++)
        anm_rewrite_remove(r, m->between[i]);
}

bool anm_pass_attention(anm_rewrite *r)
{
    match m;

    for (size_t i = 0; i < r->g->n_nodes; i++) {
        anm_node *node = &r->g->nodes[i];

        if (node->op != ANM_OP_RESHAPE || r->removed[i]) continue;
        if (match_attention(&m, r, node)) replace(r, node, &m);
    }
    return true;
}
