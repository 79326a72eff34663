/* shape.c - the table of operations: one row each, with the rule that gives
 * the shape of its value.
 *
 * This is the only place that knows how many inputs an operation has, of what
 * type, and what comes out. Computed values are F32; constants may be any
 * floating type, which whoever runs the graph widens.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/shape.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"

/* ---- Shapes -------------------------------------------------------------- */

uint64_t anm_shape_elements(const anm_shape *s, size_t tokens)
{
    uint64_t n = 1;

    for (unsigned i = 0; i < s->rank; i++) {
        const uint64_t dim = s->dims[i] == ANM_DIM_TOKENS
                                 ? (uint64_t)tokens
                                 : (uint64_t)s->dims[i];
        if (dim && n > UINT64_MAX / dim) return UINT64_MAX;
        n *= dim;
    }
    return n;
}

void anm_shape_text(const anm_shape *s, char *out, size_t cap)
{
    size_t len = (size_t)snprintf(out, cap, "%s [", anm_dtype_name(s->dtype));

    for (unsigned i = 0; i < s->rank && len < cap; i++) {
        const char *comma = i ? ", " : "";
        char *to = out + len;

        if (s->dims[i] == ANM_DIM_TOKENS)
            len += (size_t)snprintf(to, cap - len, "%sL", comma);
        else
            len += (size_t)snprintf(to, cap - len, "%s%" PRId64, comma,
                                    s->dims[i]);
    }
    if (len < cap) snprintf(out + len, cap - len, "]");
}

/* A row of a block type is a whole number of blocks. */
static anm_status check_blocks(const anm_shape *s, bool constant,
                               anm_error *err)
{
    const size_t elements = anm_dtype_block(s->dtype).elements;
    const int64_t row = s->rank ? s->dims[s->rank - 1] : 1;

    if (elements == 1 || (constant && row % (int64_t)elements == 0))
        return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "rows of %" PRId64 " as %s, whole blocks of %zu in a "
                    "constant needed",
                    row, anm_dtype_name(s->dtype), elements);
}

anm_status anm_shape_check(const anm_shape *s, bool constant, anm_error *err)
{
    int64_t n = 1;

    if ((unsigned)s->dtype >= ANM_DTYPE_COUNT)
        return anm_fail(err, ANM_E_FORMAT, "type %u, known are %u",
                        (unsigned)s->dtype, (unsigned)ANM_DTYPE_COUNT);
    if (s->rank > ANM_RANK_MAX)
        return anm_fail(err, ANM_E_LIMIT, "%u axes, at most %d", s->rank,
                        ANM_RANK_MAX);
    for (unsigned i = 0; i < s->rank; i++) {
        const int64_t dim = s->dims[i];

        if (dim == ANM_DIM_TOKENS && !constant) continue;
        if (dim <= 0)
            return anm_fail(err, ANM_E_FORMAT,
                            "axis %u of %" PRId64 ", at least 1", i, dim);
        if (n > INT64_MAX / dim)
            return anm_fail(err, ANM_E_LIMIT,
                            "more than 2^63 elements from axis %u of %" PRId64,
                            i, dim);
        n *= dim;
    }
    return check_blocks(s, constant, err);
}

static bool is_real(const anm_shape *s)
{
    return s->dtype == ANM_DTYPE_F32 || s->dtype == ANM_DTYPE_F16 ||
           s->dtype == ANM_DTYPE_BF16 || s->dtype == ANM_DTYPE_F64;
}

/* Stored in blocks: only as the matrix of an operation that reads its rows. */
static bool is_blocks(const anm_shape *s)
{
    return anm_dtype_block(s->dtype).elements > 1;
}

/* Dimension counted from the last: 0 is the last. */
static int64_t dim_from_last(const anm_shape *s, unsigned i)
{
    return s->dims[s->rank - 1 - i];
}

/* The last `rank` dimensions of both are the same. */
static bool ends_alike(const anm_shape *a, const anm_shape *b, unsigned rank)
{
    for (unsigned i = 0; i < rank; i++)
        if (dim_from_last(a, i) != dim_from_last(b, i)) return false;
    return true;
}

static bool has_same_dims(const anm_shape *a, const anm_shape *b)
{
    return a->rank == b->rank && ends_alike(a, b, a->rank);
}

static bool is_vector(const anm_shape *s, int64_t n)
{
    return s->rank == 1 && s->dims[0] == n;
}

/* ---- Rules --------------------------------------------------------------- */

/* An operation being applied. out has a type when its rule is asked. */
typedef struct use {
    anm_op op;
    const anm_shape *const *in; /* [ANM_INPUTS_MAX] */
    const anm_attr *attr;
    anm_shape *out;
    anm_error *err;
} use;

/* "linear(F32 [L, 4], F32 [3, 5]): rule" */
static anm_status refuse(const use *u, const char *rule)
{
    char list[ANM_INPUTS_MAX * 96] = "";
    size_t len = 0;

    for (size_t i = 0; i < ANM_INPUTS_MAX; i++) {
        char text[96] = "nothing";

        if (u->in[i])
            anm_shape_text(u->in[i], text, sizeof(text));
        else if (i >= anm_op_describe(u->op)->max_inputs)
            break;
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
                                i ? ", " : "", text);
        if (len >= sizeof(list)) break;
    }
    return anm_fail(u->err, ANM_E_FORMAT, "%s(%s): %s",
                    anm_op_describe(u->op)->name, list, rule);
}

static void give_dims_of(const use *u, const anm_shape *s)
{
    const anm_dtype dtype = u->out->dtype;

    *u->out = *s;
    u->out->dtype = dtype;
}

static anm_status infer_position(const use *u)
{
    if (u->in[0]->rank != 1) return refuse(u, "ids must be [L]");
    if (u->attr->offset < 0 || u->attr->offset > INT32_MAX / 2)
        return refuse(u, "the offset must be 0 to 2^30");
    u->out->dtype = ANM_DTYPE_I32;
    give_dims_of(u, u->in[0]);
    return ANM_OK;
}

static anm_status infer_gather(const use *u)
{
    const anm_shape *table = u->in[0], *ids = u->in[1];

    if (table->rank != 2 || table->dims[0] < 0 || table->dims[1] < 0)
        return refuse(u, "the table must be [n, d]");
    if (ids->rank != 1) return refuse(u, "ids must be [L]");
    u->out->rank = 2;
    u->out->dims[0] = ids->dims[0];
    u->out->dims[1] = table->dims[1];
    return ANM_OK;
}

static anm_status infer_broadcast(const use *u)
{
    const anm_shape *a = u->in[0], *b = u->in[1];

    if (b->rank > a->rank || !ends_alike(a, b, b->rank))
        return refuse(u, "the second must have the last axes of the first");
    give_dims_of(u, a);
    return ANM_OK;
}

static anm_status infer_scale(const use *u)
{
    if (!isfinite(u->attr->alpha)) return refuse(u, "alpha must be finite");
    give_dims_of(u, u->in[0]);
    return ANM_OK;
}

static anm_status infer_linear(const use *u)
{
    const anm_shape *x = u->in[0], *w = u->in[1];

    if (w->rank != 2 || w->dims[0] < 0 || w->dims[1] < 0)
        return refuse(u, "the weight must be [n, k]");
    if (x->rank == 0 || dim_from_last(x, 0) != w->dims[1])
        return refuse(u, "the last axis of x must be the weight's k");
    if (u->in[2] && !is_vector(u->in[2], w->dims[0]))
        return refuse(u, "the bias must be [n]");
    if ((unsigned)u->attr->act >= ANM_ACT_COUNT)
        return refuse(u, "unknown activation");
    give_dims_of(u, x);
    u->out->dims[x->rank - 1] = w->dims[0];
    if (u->in[3] && !has_same_dims(u->in[3], u->out))
        return refuse(u, "the residual must have the shape of the result");
    return ANM_OK;
}

static anm_status infer_act(const use *u)
{
    if ((unsigned)u->attr->act >= ANM_ACT_COUNT)
        return refuse(u, "unknown activation");
    give_dims_of(u, u->in[0]);
    return ANM_OK;
}

static bool is_eps(double eps)
{
    return isfinite(eps) && eps >= 0;
}

static anm_status infer_glu(const use *u)
{
    const anm_shape *x = u->in[0];

    if (x->rank == 0 || dim_from_last(x, 0) < 2 || dim_from_last(x, 0) % 2 != 0)
        return refuse(u, "x must be [.., 2 d]");
    if ((unsigned)u->attr->act >= ANM_ACT_COUNT)
        return refuse(u, "unknown activation");
    give_dims_of(u, x);
    u->out->dims[x->rank - 1] /= 2;
    return ANM_OK;
}

static anm_status infer_layer_norm(const use *u)
{
    const anm_shape *x = u->in[0];

    if (x->rank == 0 || dim_from_last(x, 0) == ANM_DIM_TOKENS)
        return refuse(u, "x must be [.., d]");
    if (!is_vector(u->in[1], dim_from_last(x, 0)) ||
        !is_vector(u->in[2], dim_from_last(x, 0)))
        return refuse(u, "gamma and beta must be [d]");
    if (!is_eps(u->attr->eps)) return refuse(u, "eps must not be negative");
    give_dims_of(u, x);
    return ANM_OK;
}

static unsigned count_token_axes(const anm_shape *s)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->rank; i++)
        n += s->dims[i] == ANM_DIM_TOKENS;
    return n;
}

static anm_status infer_rms_norm(const use *u)
{
    const anm_shape *x = u->in[0], *gamma = u->in[1];

    if (gamma->rank != 1 || gamma->dims[0] < 1)
        return refuse(u, "gamma must be [d]");
    if (x->rank == 0 || dim_from_last(x, 0) < 1 ||
        dim_from_last(x, 0) % gamma->dims[0] != 0)
        return refuse(u, "the last axis of x must be a multiple of gamma's");
    if (!is_eps(u->attr->eps)) return refuse(u, "eps must not be negative");
    give_dims_of(u, x);
    return ANM_OK;
}

static anm_status infer_angles(const use *u)
{
    const int64_t d = u->attr->size;

    if (u->in[0]->rank != 1) return refuse(u, "positions must be [L]");
    if (d < 2 || d % 2 != 0) return refuse(u, "the size must be even, from 2");
    if (!isfinite(u->attr->theta) || u->attr->theta <= 0)
        return refuse(u, "theta must be above 0");
    u->out->rank = 2;
    u->out->dims[0] = u->in[0]->dims[0];
    u->out->dims[1] = d;
    return ANM_OK;
}

static anm_status infer_rope(const use *u)
{
    const anm_shape *x = u->in[0], *angles = u->in[1];

    if (angles->rank != 2 || angles->dims[1] < 2 || angles->dims[1] % 2 != 0)
        return refuse(u, "the angles must be [L, d], d even");
    if (x->rank != 2 || x->dims[0] != angles->dims[0] || x->dims[1] < 1 ||
        x->dims[1] % angles->dims[1] != 0)
        return refuse(u, "x must be [L, heads d]");
    give_dims_of(u, x);
    return ANM_OK;
}

static anm_status infer_reshape(const use *u)
{
    const anm_shape *x = u->in[0];

    u->out->rank = u->attr->rank;
    if (u->out->rank > ANM_RANK_MAX) return refuse(u, "too many axes");
    for (unsigned i = 0; i < u->out->rank; i++)
        u->out->dims[i] = u->attr->dims[i];
    const anm_status status = anm_shape_check(u->out, false, u->err);
    if (status) return status;
    // Equal for every L only when both factors are: the fixed and that of L.
    if (count_token_axes(x) != count_token_axes(u->out) ||
        anm_shape_elements(x, 1) != anm_shape_elements(u->out, 1))
        return refuse(u, "the new shape must have as many elements");
    return ANM_OK;
}

static anm_status infer_transpose(const use *u)
{
    const anm_shape *x = u->in[0];
    unsigned seen = 0;

    if (u->attr->rank != x->rank)
        return refuse(u, "perm must have an entry for each axis");
    u->out->rank = x->rank;
    for (unsigned i = 0; i < x->rank; i++) {
        const unsigned from = u->attr->perm[i];

        if (from >= x->rank || seen & 1u << from)
            return refuse(u, "perm must name each axis once");
        seen |= 1u << from;
        u->out->dims[i] = x->dims[from];
    }
    return ANM_OK;
}

static anm_status infer_slice(const use *u)
{
    const anm_shape *x = u->in[0];
    const int64_t begin = u->attr->begin, size = u->attr->size;

    if (x->rank == 0 || dim_from_last(x, 0) == ANM_DIM_TOKENS)
        return refuse(u, "x must be [.., d]");
    const int64_t d = dim_from_last(x, 0);
    if (begin < 0 || size < 1 || begin > d || size > d - begin)
        return refuse(u, "the range must lie within the last axis");
    give_dims_of(u, x);
    u->out->dims[x->rank - 1] = size;
    return ANM_OK;
}

static anm_status infer_matmul(const use *u)
{
    const anm_shape *a = u->in[0], *b = u->in[1];
    const unsigned k = u->attr->flag ? 0 : 1, n = u->attr->flag ? 1 : 0;

    if (a->rank < 2 || b->rank != a->rank)
        return refuse(u, "both must have the same rank, at least 2");
    for (unsigned i = 0; i < a->rank - 2; i++)
        if (a->dims[i] != b->dims[i])
            return refuse(u, "the leading axes must be the same");
    if (dim_from_last(a, 0) != dim_from_last(b, k))
        return refuse(u, "the axes summed over must be the same");
    give_dims_of(u, a);
    u->out->dims[a->rank - 1] = dim_from_last(b, n);
    return ANM_OK;
}

static anm_status infer_softmax(const use *u)
{
    const anm_shape *x = u->in[0], *mask = u->in[1];

    if (x->rank == 0) return refuse(u, "x must be [.., n]");
    if (mask && !is_vector(mask, dim_from_last(x, 0)))
        return refuse(u, "the mask must be [n]");
    give_dims_of(u, x);
    return ANM_OK;
}

static anm_status infer_attention(const use *u)
{
    const anm_shape *q = u->in[0], *k = u->in[1], *v = u->in[2];
    const int64_t heads = u->attr->heads, kv_heads = u->attr->kv_heads;

    if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0)
        return refuse(u, "heads must be a multiple of kv_heads, both above 0");
    if (q->rank != 2 || q->dims[1] < 0 || q->dims[1] % heads != 0)
        return refuse(u, "q must be [L, heads d]");
    if (k->rank != 2 || k->dims[0] != q->dims[0] ||
        k->dims[1] != q->dims[1] / heads * kv_heads || !has_same_dims(k, v))
        return refuse(u, "k and v must be [L, kv_heads d]");
    if (!is_vector(u->in[3], q->dims[0]))
        return refuse(u, "the mask must be [L]");
    if (!isfinite(u->attr->alpha)) return refuse(u, "alpha must be finite");
    give_dims_of(u, q);
    return ANM_OK;
}

static anm_status infer_pool(const use *u)
{
    const anm_shape *x = u->in[0];

    if (x->rank != 2 || x->dims[1] < 0) return refuse(u, "x must be [L, d]");
    if (!is_vector(u->in[1], x->dims[0]))
        return refuse(u, "the mask must be [L]");
    if ((unsigned)u->attr->pool > ANM_POOL_LAST)
        return refuse(u, "unknown pooling");
    u->out->rank = 1;
    u->out->dims[0] = x->dims[1];
    return ANM_OK;
}

static anm_status infer_normalize(const use *u)
{
    if (u->in[0]->rank != 1 || u->in[0]->dims[0] < 0)
        return refuse(u, "x must be [d]");
    if (!is_eps(u->attr->eps)) return refuse(u, "eps must not be negative");
    give_dims_of(u, u->in[0]);
    return ANM_OK;
}

/* ---- The table ----------------------------------------------------------- */

static const anm_op_info infos[] = {
#define X(name, text, lo, hi, packable) { text, lo, hi, packable },
    ANM_OP_LIST(X)
#undef X
};

/* Beside the rule: which inputs are I32 (bits of their number), the others are
 * floating; or the operation moves elements of any type. */
static const struct {
    anm_status (*infer)(const use *u);
    unsigned i32_inputs;
    bool any_type;
} rows[] = {
    [ANM_OP_POSITION] = { infer_position, 1u << 0, false },
    [ANM_OP_GATHER] = { infer_gather, 1u << 1, false },
    [ANM_OP_ADD] = { infer_broadcast, 0, false },
    [ANM_OP_MUL] = { infer_broadcast, 0, false },
    [ANM_OP_SCALE] = { infer_scale, 0, false },
    [ANM_OP_LINEAR] = { infer_linear, 0, false },
    [ANM_OP_ACT] = { infer_act, 0, false },
    [ANM_OP_GLU] = { infer_glu, 0, false },
    [ANM_OP_LAYER_NORM] = { infer_layer_norm, 0, false },
    [ANM_OP_RMS_NORM] = { infer_rms_norm, 0, false },
    [ANM_OP_ANGLES] = { infer_angles, 1u << 0, false },
    [ANM_OP_ROPE] = { infer_rope, 0, false },
    [ANM_OP_RESHAPE] = { infer_reshape, 0, true },
    [ANM_OP_TRANSPOSE] = { infer_transpose, 0, true },
    [ANM_OP_SLICE] = { infer_slice, 0, true },
    [ANM_OP_MATMUL] = { infer_matmul, 0, false },
    [ANM_OP_SOFTMAX] = { infer_softmax, 1u << 1, false },
    [ANM_OP_ATTENTION] = { infer_attention, 1u << 3, false },
    [ANM_OP_POOL] = { infer_pool, 1u << 1, false },
    [ANM_OP_NORMALIZE] = { infer_normalize, 0, false },
};
static_assert(sizeof(rows) / sizeof(rows[0]) == ANM_OP_COUNT, "row per op");
static_assert(sizeof(infos) / sizeof(infos[0]) == ANM_OP_COUNT, "info per op");

const anm_op_info *anm_op_describe(anm_op op)
{
    assert((unsigned)op < ANM_OP_COUNT);
    return &infos[op];
}

/* Whose rows are read whole. */
static bool may_be_blocks(anm_op op, size_t input)
{
    return (op == ANM_OP_LINEAR && input == 1) ||
           (op == ANM_OP_GATHER && input == 0);
}

static anm_status check_types(const use *u)
{
    for (size_t i = 0; i < ANM_INPUTS_MAX; i++) {
        if (!u->in[i] || rows[u->op].any_type) continue;
        const bool i32 = rows[u->op].i32_inputs & 1u << i;

        if (i32 && u->in[i]->dtype != ANM_DTYPE_I32)
            return refuse(u, "ids and masks must be I32");
        if (!i32 && !is_real(u->in[i]) &&
            !(may_be_blocks(u->op, i) && is_blocks(u->in[i])))
            return refuse(u, "must be of a floating type");
    }
    return ANM_OK;
}

anm_status anm_shape_infer(anm_op op,
                           const anm_shape *const inputs[ANM_INPUTS_MAX],
                           const anm_attr *attr, anm_shape *out, anm_error *err)
{
    const use u = { op, inputs, attr, out, err };

    assert((unsigned)op < ANM_OP_COUNT && rows[op].infer);
    anm_status status = check_types(&u);
    if (status) return status;

    *out = (anm_shape){ .dtype = ANM_DTYPE_F32 };
    if (!is_real(inputs[0]) && rows[op].any_type) out->dtype = inputs[0]->dtype;
    status = rows[op].infer(&u);
    return status ? status : anm_shape_check(out, false, err);
}
