/* arrays_pass_norm.c - norms and GELU that were written out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "graph/arrays_rewrite.h"
#include "graph/arrays_shape.h"

/* ---- Pieces -------------------------------------------------------------- */

/* x * x in any spelling; *x is what is squared. */
static bool match_square(const anm_arrays_rewrite *r, anm_value_id v,
                         anm_value_id *x)
{
    const anm_array_node *square = anm_rewrite_only(r, v, ANM_ARRAY_SQUARE);
    double two = 0.0;

    if (square) {
        *x = square->inputs[0];
        return true;
    }
    const anm_array_node *power = anm_rewrite_only(r, v, ANM_ARRAY_POW);
    if (power && anm_rewrite_scalar(r, power->inputs[1], &two) && two == 2.0) {
        *x = power->inputs[0];
        return true;
    }
    const anm_array_node *mul = anm_rewrite_only(r, v, ANM_ARRAY_MUL);
    if (!mul || mul->inputs[0] != mul->inputs[1]) return false;
    *x = mul->inputs[0];
    return true;
}

/* A mean over one axis that stays as 1. */
static const anm_array_node *match_mean(const anm_arrays_rewrite *r,
                                        anm_value_id v, unsigned rank,
                                        unsigned *axis)
{
    const anm_array_node *mean = anm_rewrite_only(r, v, ANM_ARRAY_REDUCE_MEAN);

    if (!mean || mean->attr.n_axes != 1 ||
        !(mean->attr.flags & ANM_ARRAY_KEEP_DIMS))
        return NULL;
    if (anm_rewrite_type(r, mean->inputs[0])->rank != rank) return NULL;
    if (mean->attr.axes[0] < -(int64_t)rank ||
        mean->attr.axes[0] >= (int64_t)rank)
        return NULL;
    *axis = anm_array_axis(mean->attr.axes[0], rank);
    return mean;
}

/* 1 / sqrt(v + eps) as rsqrt, with or without an add before it. */
static bool match_root(const anm_arrays_rewrite *r, anm_value_id root,
                       anm_value_id *v, double *eps)
{
    const anm_array_node *rsqrt = anm_rewrite_only(r, root, ANM_ARRAY_RSQRT);
    double more = 0.0;

    if (!rsqrt) return false;
    *eps = rsqrt->attr.eps;
    *v = rsqrt->inputs[0];
    const anm_array_node *add = anm_rewrite_only(r, *v, ANM_ARRAY_ADD);
    for (unsigned i = 0; add && i < 2; i++) {
        if (!anm_rewrite_scalar(r, add->inputs[i], &more)) continue;
        *eps += more;
        *v = add->inputs[1 - i];
        break;
    }
    return true;
}

/* Whether v has the axes of x: a constant of one number may have more of them,
 * of size 1, and what it meets gets them. */
static bool has_rank_of(const anm_arrays_rewrite *r, anm_value_id v,
                        anm_value_id x)
{
    return anm_rewrite_type(r, v)->rank == anm_rewrite_type(r, x)->rank;
}

/* ---- Norms --------------------------------------------------------------- */

/* mul(x, rsqrt(mean(x^2) + eps)), and where x is x0 - mean(x0) the rest of a
 * layer norm too. */
static bool match_norm(anm_arrays_rewrite *r, anm_array_node *mul,
                       unsigned from)
{
    const anm_value_id x = mul->inputs[from];
    const unsigned rank = anm_rewrite_type(r, x)->rank;
    anm_value_id mean_square = ANM_VALUE_NONE, squared = ANM_VALUE_NONE;
    anm_array_attr attr = { .n_axes = 1 };
    unsigned axis = 0, mean_axis = 0;

    if (!has_rank_of(r, mul->outputs[0], x) ||
        !match_root(r, mul->inputs[1 - from], &mean_square, &attr.eps))
        return true;
    const anm_array_node *mean = match_mean(r, mean_square, rank, &axis);
    if (!mean || !match_square(r, mean->inputs[0], &squared) || squared != x)
        return true;
    attr.axes[0] = axis;
    const anm_array_node *sub = anm_rewrite_definer(r, x, ANM_ARRAY_SUB);
    if (sub) {
        const anm_array_node *m =
            match_mean(r, sub->inputs[1], rank, &mean_axis);
        if (m && m->inputs[0] == sub->inputs[0] && mean_axis == axis)
            return anm_rewrite_change(r, mul, ANM_ARRAY_LAYER_NORM, sub->inputs,
                                      1, &attr);
    }
    if (axis != rank - 1) return true;
    return anm_rewrite_change(r, mul, ANM_ARRAY_RMS_NORM, &x, 1,
                              &(anm_array_attr){ .eps = attr.eps });
}

/* The one axis that a norm is over; false when there are several. */
static bool norm_axis(const anm_arrays_rewrite *r, const anm_array_node *norm,
                      unsigned *axis)
{
    const unsigned rank = anm_rewrite_type(r, norm->inputs[0])->rank;

    *axis = rank - 1;
    if (rank == 0 || norm->op == ANM_ARRAY_RMS_NORM) return rank > 0;
    if (norm->attr.n_axes != 1) return false;
    *axis = anm_array_axis(norm->attr.axes[0], rank);
    return *axis < rank;
}

static bool has_input(const anm_array_node *node, unsigned i)
{
    return i < node->n_inputs && node->inputs[i] != ANM_VALUE_NONE;
}

/* norm * constant: gamma; layer norm + constant: beta. */
static bool add_parameter(anm_arrays_rewrite *r, anm_array_node *node,
                          anm_array_op op)
{
    anm_value_id other = ANM_VALUE_NONE;
    unsigned axis = 0;
    const anm_array_node *norm = anm_rewrite_operand(r, node, op, &other);
    const bool is_beta = node->op == ANM_ARRAY_ADD;

    if (!norm || (is_beta && op == ANM_ARRAY_RMS_NORM)) return true;
    const anm_array_type *t = anm_rewrite_type(r, norm->outputs[0]);
    if (!norm_axis(r, norm, &axis) ||
        !anm_rewrite_is_vector(r, other, t, axis) || has_input(norm, 2) ||
        (!is_beta && has_input(norm, 1)))
        return true;
    const anm_value_id inputs[] = {
        norm->inputs[0],
        !is_beta ? other
                 : (has_input(norm, 1) ? norm->inputs[1] : ANM_VALUE_NONE),
        is_beta ? other : ANM_VALUE_NONE,
    };
    const size_t n = op == ANM_ARRAY_RMS_NORM ? 2 : 3;
    return anm_rewrite_change(r, node, op, inputs, n, &norm->attr);
}

static bool fuse_mul(anm_arrays_rewrite *r, anm_array_node *node)
{
    for (unsigned i = 0; i < 2 && node->op == ANM_ARRAY_MUL; i++) {
        if (!match_norm(r, node, i)) return false;
    }
    return true;
}

bool anm_pass_array_norm(anm_arrays_rewrite *r)
{
    static const anm_array_op norms[] = { ANM_ARRAY_RMS_NORM,
                                          ANM_ARRAY_LAYER_NORM };

    for (size_t i = 0; i < r->a->n_nodes; i++) {
        anm_array_node *node = &r->a->nodes[i];

        if (!fuse_mul(r, node)) return false;
        for (size_t j = 0; j < 2; j++) {
            if (node->op != ANM_ARRAY_MUL && node->op != ANM_ARRAY_ADD) break;
            if (!add_parameter(r, node, norms[j])) return false;
        }
    }
    return true;
}

/* ---- GELU ---------------------------------------------------------------- */

/* Rounded to half, a constant is another one. */
static bool is_near(const anm_arrays_rewrite *r, anm_value_id v, double want)
{
    double found = 0.0;

    return anm_rewrite_scalar(r, v, &found) &&
           fabs(found - want) <= 1e-6 * fabs(want);
}

/* The factor of a product by this constant; NONE when it is none. */
static anm_value_id factor_by(const anm_arrays_rewrite *r, anm_value_id v,
                              anm_array_op op, double constant)
{
    const anm_array_node *node = anm_rewrite_only(r, v, op);

    for (unsigned i = 0; node && i < 2; i++) {
        if (is_near(r, node->inputs[1 - i], constant) &&
            (op != ANM_ARRAY_REAL_DIV || i == 0))
            return node->inputs[i];
    }
    return ANM_VALUE_NONE;
}

/* 1 + erf(x / sqrt 2): its x. */
static anm_value_id match_erf(const anm_arrays_rewrite *r, anm_value_id v)
{
    const anm_value_id inner = factor_by(r, v, ANM_ARRAY_ADD, 1.0);
    if (inner == ANM_VALUE_NONE) return ANM_VALUE_NONE;
    const anm_array_node *erf = anm_rewrite_only(r, inner, ANM_ARRAY_ERF);
    if (!erf) return ANM_VALUE_NONE;
    const anm_value_id x =
        factor_by(r, erf->inputs[0], ANM_ARRAY_MUL, sqrt(0.5));
    if (x != ANM_VALUE_NONE) return x;
    return factor_by(r, erf->inputs[0], ANM_ARRAY_REAL_DIV, sqrt(2.0));
}

/* The three ways to multiply x, 1/2 and 1 + erf: the halved operand is x, the
 * sum, or the product of both. */
static anm_value_id match_gelu(const anm_arrays_rewrite *r,
                               const anm_array_node *mul)
{
    for (unsigned i = 0; i < 2; i++) {
        const anm_value_id a = mul->inputs[i], b = mul->inputs[1 - i];
        const anm_value_id x = match_erf(r, b);
        const anm_value_id sum = factor_by(r, b, ANM_ARRAY_MUL, 0.5);

        if (x != ANM_VALUE_NONE && factor_by(r, a, ANM_ARRAY_MUL, 0.5) == x)
            return x;
        if (sum != ANM_VALUE_NONE && match_erf(r, sum) == a) return a;
        const anm_array_node *both =
            is_near(r, b, 0.5) ? anm_rewrite_only(r, a, ANM_ARRAY_MUL) : NULL;
        for (unsigned j = 0; both && j < 2; j++) {
            if (match_erf(r, both->inputs[j]) == both->inputs[1 - j])
                return both->inputs[1 - j];
        }
    }
    return ANM_VALUE_NONE;
}

bool anm_pass_array_gelu(anm_arrays_rewrite *r)
{
    for (size_t i = 0; i < r->a->n_nodes; i++) {
        anm_array_node *node = &r->a->nodes[i];
        if (node->op != ANM_ARRAY_MUL) continue;
        const anm_value_id x = match_gelu(r, node);

        if (x == ANM_VALUE_NONE || !has_rank_of(r, node->outputs[0], x))
            continue;
        if (!anm_rewrite_change(r, node, ANM_ARRAY_GELU, &x, 1,
                                &(anm_array_attr){ .act = ANM_ACT_GELU_ERF }))
            return false;
    }
    return true;
}
