/* arrays_pass_attention.c - attention and rotary positions that were written
 * out.
 *
 *   q [b, h, l, d], k, v   softmax(q k^T scale + mask) v
 *
 * becomes ATTENTION. Where q, k and v come from [b, l, h, d] by a transpose
 * each and the result goes back by one, all four go: ATTENTION reads and writes
 * that layout. Heads of k and v that are repeated for several of q (expand_dims,
 * tile, reshape) are read once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "graph/arrays_rewrite.h"
#include "graph/arrays_shape.h"

/* ---- Pieces -------------------------------------------------------------- */

static bool is_permuted(const anm_array_node *t, const unsigned want[4])
{
    if (t->attr.n_axes != 4) return false;
    for (unsigned i = 0; i < 4; i++)
        if (anm_array_axis(t->attr.axes[i], 4) != want[i]) return false;
    return true;
}

static const unsigned swap_heads[4] = { 0, 2, 1, 3 };

/* What v [b, h, l, d] was transposed from, [b, l, h, d]; NONE. */
static anm_value_id match_swap(const anm_arrays_rewrite *r, anm_value_id v)
{
    const anm_array_node *t = anm_rewrite_definer(r, v, ANM_ARRAY_TRANSPOSE);

    return t && is_permuted(t, swap_heads) ? t->inputs[0] : ANM_VALUE_NONE;
}

/* What reshape(tile(expand_dims(x, 2), [1, 1, n, 1, 1])) repeats; v itself when
 * it repeats nothing. */
static anm_value_id match_repeat(const anm_arrays_rewrite *r, anm_value_id v)
{
    static const int64_t reps[5] = { 1, 1, -1, 1, 1 };
    const anm_array_node *join = anm_rewrite_definer(r, v, ANM_ARRAY_RESHAPE);
    if (!join) return v;
    const anm_array_node *tile =
        anm_rewrite_definer(r, join->inputs[0], ANM_ARRAY_TILE);
    if (!tile || !anm_rewrite_is_list(r, tile->inputs[1], reps, 5)) return v;
    const anm_array_node *expand =
        anm_rewrite_definer(r, tile->inputs[0], ANM_ARRAY_EXPAND_DIMS);
    if (!expand || expand->attr.n_axes != 1 ||
        anm_array_axis(expand->attr.axes[0], 5) != 2)
        return v;
    const anm_value_id x = expand->inputs[0];
    const anm_array_type *from = anm_rewrite_type(r, x);
    const anm_array_type *to = anm_rewrite_type(r, v);
    int64_t n = 0;
    /* Joined with the heads and not otherwise. */
    if (from->rank != 4 || to->rank != 4 ||
        !anm_rewrite_int(r, tile->inputs[1], 2, &n) || from->dims[1] < 1 ||
        to->dims[1] != from->dims[1] * n || to->dims[0] != from->dims[0] ||
        to->dims[2] != from->dims[2] || to->dims[3] != from->dims[3])
        return v;
    return x;
}

typedef struct match {
    anm_value_id q, k, v, mask;
    double scale;
    bool k_first; /* k is [b, m, g, d] already */
} match;

/* ---- Scores -------------------------------------------------------------- */

/* A constant factor, and what it multiplies. */
static bool match_scale(const anm_arrays_rewrite *r, anm_value_id v,
                        anm_value_id *x, double *scale)
{
    const anm_array_node *mul = anm_rewrite_only(r, v, ANM_ARRAY_MUL);
    const anm_array_node *div = anm_rewrite_only(r, v, ANM_ARRAY_REAL_DIV);

    for (unsigned i = 0; mul && i < 2; i++) {
        if (!anm_rewrite_scalar(r, mul->inputs[i], scale)) continue;
        *x = mul->inputs[1 - i];
        return true;
    }
    if (!div || !anm_rewrite_scalar(r, div->inputs[1], scale) || *scale == 0.0)
        return false;
    *scale = 1.0 / *scale;
    *x = div->inputs[0];
    return true;
}

/* q k^T of four axes; k turned by the product, or by a transpose before. */
static bool match_dots(const anm_arrays_rewrite *r, anm_value_id v, match *m)
{
    static const unsigned turned[4] = { 0, 1, 3, 2 };
    static const unsigned from_tokens[4] = { 0, 2, 3, 1 };
    const anm_array_node *dots = anm_rewrite_only(r, v, ANM_ARRAY_MATMUL);

    if (!dots || dots->attr.flags & ANM_ARRAY_TRANSPOSE_X ||
        anm_rewrite_type(r, dots->inputs[0])->rank != 4 ||
        anm_rewrite_type(r, dots->inputs[1])->rank != 4)
        return false;
    m->q = dots->inputs[0];
    m->k = dots->inputs[1];
    if (dots->attr.flags & ANM_ARRAY_TRANSPOSE_Y) return true;
    const anm_array_node *t = anm_rewrite_definer(r, m->k, ANM_ARRAY_TRANSPOSE);
    if (!t) return false;
    m->k = t->inputs[0];
    m->k_first = is_permuted(t, from_tokens);
    return m->k_first || is_permuted(t, turned);
}

/* The mask adds nothing to the shape of the scores: its size along keys and
 * queries is theirs by what follows; those of batch and heads are looked at. */
static bool is_mask(const anm_arrays_rewrite *r, anm_value_id mask,
                    anm_value_id scores)
{
    const anm_array_type *m = anm_rewrite_type(r, mask);
    const anm_array_type *s = anm_rewrite_type(r, scores);

    if (m->rank > 4) return false;
    for (unsigned i = 1; i <= m->rank; i++) {
        const int64_t a = m->dims[m->rank - i], b = s->dims[4 - i];

        if (a != 1 && a != b) return false;
    }
    return true;
}

static bool match_scores(const anm_arrays_rewrite *r, anm_value_id v, match *m)
{
    const anm_array_node *add = anm_rewrite_only(r, v, ANM_ARRAY_ADD);
    anm_value_id x = v;

    m->mask = ANM_VALUE_NONE;
    m->scale = 1.0;
    for (unsigned i = 0; i < (add ? 2u : 1u); i++) {
        *m = (match){ .mask = add ? add->inputs[1 - i] : ANM_VALUE_NONE };
        x = add ? add->inputs[i] : v;
        m->scale = 1.0;
        if (add && !is_mask(r, m->mask, x)) continue;
        anm_value_id inner = x;
        double scale = 1.0;
        if (match_scale(r, x, &inner, &scale)) {
            m->scale = scale;
            x = inner;
        }
        if (match_dots(r, x, m)) return true;
    }
    return false;
}

/* ---- Attention ----------------------------------------------------------- */

static bool match_softmax(const anm_arrays_rewrite *r, const anm_array_node *n,
                          match *m)
{
    const anm_array_node *soft =
        anm_rewrite_only(r, n->inputs[0], ANM_ARRAY_SOFTMAX);

    if (n->attr.flags & (ANM_ARRAY_TRANSPOSE_X | ANM_ARRAY_TRANSPOSE_Y) ||
        !soft || anm_rewrite_type(r, n->outputs[0])->rank != 4 ||
        anm_rewrite_type(r, n->inputs[1])->rank != 4 ||
        (soft->attr.axis != -1 && soft->attr.axis != 3))
        return false;
    if (!match_scores(r, soft->inputs[0], m)) return false;
    m->v = n->inputs[1];
    return true;
}

static bool match_sdpa(const anm_arrays_rewrite *r, const anm_array_node *n,
                       match *m)
{
    const anm_array_type *q = anm_rewrite_type(r, n->inputs[0]);

    if (q->rank != 4 || q->dims[3] < 1) return false;
    *m = (match){ .q = n->inputs[0],
                  .k = n->inputs[1],
                  .v = n->inputs[2],
                  .mask = n->n_inputs > 3 ? n->inputs[3] : ANM_VALUE_NONE,
                  .scale = 1.0 / sqrt((double)q->dims[3]) };
    return true;
}

/* Sizes that ATTENTION wants equal and a product only broadcasts. */
static bool is_whole(const anm_arrays_rewrite *r, const match *m)
{
    const anm_array_type *q = anm_rewrite_type(r, m->q);
    const anm_array_type *k = anm_rewrite_type(r, m->k);
    const anm_array_type *v = anm_rewrite_type(r, m->v);
    const int64_t heads = k->dims[m->k_first ? 2 : 1];

    return q->dims[0] == k->dims[0] && q->dims[0] == v->dims[0] &&
           q->dims[1] == heads && q->dims[1] == v->dims[1] && heads > 0;
}

/* q, k and v as [b, l, h, d], where all of them can be read so. */
static bool read_tokens_first(const anm_arrays_rewrite *r, match *m)
{
    const anm_value_id q = match_swap(r, m->q);
    const anm_value_id k =
        m->k_first ? m->k : match_swap(r, match_repeat(r, m->k));
    const anm_value_id v = match_swap(r, match_repeat(r, m->v));

    if (q == ANM_VALUE_NONE || k == ANM_VALUE_NONE || v == ANM_VALUE_NONE ||
        anm_rewrite_type(r, k)->dims[2] != anm_rewrite_type(r, v)->dims[2])
        return false;
    m->q = q;
    m->k = k;
    m->v = v;
    return true;
}

static bool replace(anm_arrays_rewrite *r, anm_array_node *node, const match *m,
                    bool tokens_first)
{
    const anm_value_id inputs[] = { m->q, m->k, m->v, m->mask };
    const anm_array_attr attr = {
        .flags = tokens_first ? ANM_ARRAY_TOKENS_FIRST : 0,
        .alpha = m->scale,
    };
    return anm_rewrite_change(r, node, ANM_ARRAY_ATTENTION, inputs, 4, &attr);
}

static bool match_node(const anm_arrays_rewrite *r, const anm_array_node *node,
                       match *m)
{
    if (!node) return false;
    if (node->op == ANM_ARRAY_SDPA)
        return match_sdpa(r, node, m) && is_whole(r, m);
    return node->op == ANM_ARRAY_MATMUL && match_softmax(r, node, m) &&
           is_whole(r, m);
}

/* A transpose of the result back to [b, l, h, d]. */
static bool fuse_swapped(anm_arrays_rewrite *r, anm_array_node *swap)
{
    const anm_value_id v = swap->inputs[0];
    const anm_array_node *node = anm_rewrite_only(r, v, ANM_ARRAY_MATMUL);
    match m;

    if (!is_permuted(swap, swap_heads)) return true;
    if (!node) node = anm_rewrite_only(r, v, ANM_ARRAY_SDPA);
    if (!match_node(r, node, &m) || !read_tokens_first(r, &m)) return true;
    return replace(r, swap, &m, true);
}

static bool fuse_plain(anm_arrays_rewrite *r, anm_array_node *node)
{
    match m;

    if (!match_node(r, node, &m) || m.k_first) return true;
    const anm_value_id k = match_repeat(r, m.k), v = match_repeat(r, m.v);
    if (anm_rewrite_type(r, k)->dims[1] == anm_rewrite_type(r, v)->dims[1]) {
        m.k = k;
        m.v = v;
    }
    return replace(r, node, &m, false);
}

/* Transposes first: a product that one of them reads is theirs. */
bool anm_pass_array_attention(anm_arrays_rewrite *r)
{
    for (size_t i = 0; i < r->a->n_nodes; i++) {
        anm_array_node *node = &r->a->nodes[i];

        if (node->op == ANM_ARRAY_TRANSPOSE && !fuse_swapped(r, node))
            return false;
    }
    for (size_t i = 0; i < r->a->n_nodes; i++) {
        anm_array_node *node = &r->a->nodes[i];

        if (node->op != ANM_ARRAY_MATMUL && node->op != ANM_ARRAY_SDPA)
            continue;
        if (r->n_readers[node->outputs[0]] > 0 && !fuse_plain(r, node))
            return false;
    }
    return true;
}

/* ---- ROPE ---------------------------------------------------------------- */

/* Half of the last axis of *x: the first or the second. */
static bool match_half(const anm_arrays_rewrite *r, anm_value_id v, bool second,
                       anm_value_id *x)
{
    const anm_array_node *s = anm_rewrite_only(r, v, ANM_ARRAY_SLICE_BY_INDEX);
    if (!s || s->attr.squeeze_mask ||
        (s->n_inputs > 3 && s->inputs[3] != ANM_VALUE_NONE))
        return false;
    const anm_array_type *from = anm_rewrite_type(r, s->inputs[0]);
    const anm_array_type *to = anm_rewrite_type(r, v);
    const unsigned last = from->rank - 1;
    int64_t begin = 0;

    if (from->rank == 0 || to->rank != from->rank || to->dims[last] < 1 ||
        from->dims[last] != 2 * to->dims[last] ||
        !anm_rewrite_int(r, s->inputs[1], last, &begin))
        return false;
    if (s->attr.begin_mask & 1u << last) begin = 0;
    if (begin < 0) begin += from->dims[last];
    if (begin != (second ? to->dims[last] : 0)) return false;
    /* Along the other axes all of it, which their equal sizes show. */
    for (unsigned i = 0; i < last; i++)
        if (from->dims[i] < 0 || from->dims[i] != to->dims[i]) return false;
    *x = s->inputs[0];
    return true;
}

/* concat(-x2, x1): its x. */
static bool match_rotation(const anm_arrays_rewrite *r, anm_value_id v,
                           anm_value_id *x)
{
    const anm_array_node *join = anm_rewrite_only(r, v, ANM_ARRAY_CONCAT);
    const unsigned rank = anm_rewrite_type(r, v)->rank;
    anm_value_id minus = ANM_VALUE_NONE, other = ANM_VALUE_NONE;
    double one = 0.0;

    if (!join || join->n_inputs != 2 ||
        join->attr.flags & ANM_ARRAY_INTERLEAVE || rank == 0 ||
        anm_array_axis(join->attr.axis, rank) != rank - 1)
        return false;
    if (!match_scale(r, join->inputs[0], &minus, &one) || one != -1.0)
        return false;
    return match_half(r, minus, true, x) &&
           match_half(r, join->inputs[1], false, &other) && other == *x;
}

/* Broadcasts to x and adds nothing to its shape. */
static bool is_angles(const anm_arrays_rewrite *r, anm_value_id v,
                      const anm_array_type *x)
{
    const anm_array_type *t = anm_rewrite_type(r, v);

    if (t->rank > x->rank) return false;
    for (unsigned i = 1; i <= t->rank; i++) {
        const int64_t dim = t->dims[t->rank - i];
        if (dim != 1 && dim != x->dims[x->rank - i]) return false;
    }
    return true;
}

/* add(mul(x, cos), mul(rotate(x), sin)). */
static bool fuse_rotation(anm_arrays_rewrite *r, anm_array_node *add,
                          unsigned turned)
{
    const anm_array_node *a =
        anm_rewrite_only(r, add->inputs[1 - turned], ANM_ARRAY_MUL);
    const anm_array_node *b =
        anm_rewrite_only(r, add->inputs[turned], ANM_ARRAY_MUL);
    anm_value_id x = ANM_VALUE_NONE;

    for (unsigned i = 0; a && b && i < 2; i++) {
        if (!match_rotation(r, b->inputs[i], &x)) continue;
        for (unsigned j = 0; j < 2; j++) {
            const anm_value_id in[] = { x, a->inputs[1 - j], b->inputs[1 - i] };
            const anm_array_type *t = anm_rewrite_type(r, x);

            if (a->inputs[j] != x || !is_angles(r, in[1], t) ||
                !is_angles(r, in[2], t))
                continue;
            return anm_rewrite_change(r, add, ANM_ARRAY_ROPE, in, 3,
                                      &(anm_array_attr){ 0 });
        }
    }
    return true;
}

bool anm_pass_array_rope(anm_arrays_rewrite *r)
{
    for (size_t i = 0; i < r->a->n_nodes; i++) {
        anm_array_node *node = &r->a->nodes[i];

        for (unsigned j = 0; j < 2 && node->op == ANM_ARRAY_ADD; j++) {
            if (!fuse_rotation(r, node, j)) return false;
        }
    }
    return true;
}
