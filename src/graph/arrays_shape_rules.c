/* arrays_shape_rules.c - shapes of the outputs of a node, by families of
 * operations; what moves and picks elements is in arrays_shape_move.c and
 * arrays_shape_index.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/arrays_shape.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/arrays_infer.h"

/* Every axis in range and none twice. */
static anm_status check_axes(const anm_infer *f, unsigned rank)
{
    const anm_array_attr *attr = &f->node->attr;
    unsigned seen = 0;

    if (attr->n_axes > ANM_RANK_MAX) return anm_infer_fail(f, "too many axes");
    for (unsigned i = 0; i < attr->n_axes; i++) {
        const anm_status status = anm_infer_axis(f, attr->axes[i], rank);
        if (status) return status;
        const unsigned bit = 1u << anm_array_axis(attr->axes[i], rank);
        if (seen & bit) return anm_infer_fail(f, "an axis twice");
        seen |= bit;
    }
    return ANM_OK;
}

static void set_dims(const anm_infer *f, const anm_array_type *t)
{
    f->out->rank = t->rank;
    memcpy(f->out->dims, t->dims, sizeof(t->dims));
}

/* ---- Element by element -------------------------------------------------- */

static anm_status infer_broadcast(anm_infer *f)
{
    anm_array_type t = f->in[0].type;

    for (unsigned i = 1; i < f->node->n_inputs; i++) {
        const anm_status status = anm_infer_broadcast(f, &t, &f->in[i].type);
        if (status) return status;
    }
    if (f->node->op == ANM_ARRAY_SELECT) t.dtype = f->in[1].type.dtype;
    set_dims(f, &t);
    return ANM_OK;
}

static anm_status infer_same(anm_infer *f)
{
    set_dims(f, &f->in[0].type);
    return ANM_OK;
}

/* Vectors with one element a channel (axis 1), or one element for all. */
static anm_status infer_channels(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    const int64_t channels = x->rank > 1 ? x->dims[1] : 1;

    if (x->rank < 2) return anm_infer_fail(f, "x has no axis of channels");
    for (unsigned i = 1; i < f->node->n_inputs; i++) {
        if (f->in[i].present &&
            anm_array_elements(&f->in[i].type) != (size_t)channels)
            return anm_infer_fail(f, "not one element a channel");
    }
    return infer_same(f);
}

static anm_status infer_axis(anm_infer *f)
{
    const anm_status status =
        anm_infer_axis(f, f->node->attr.axis, f->in[0].type.rank);
    return status ? status : infer_same(f);
}

static anm_status infer_axes(anm_infer *f)
{
    const anm_status status = check_axes(f, f->in[0].type.rank);
    return status ? status : infer_same(f);
}

/* ---- Reductions and norms ------------------------------------------------ */

static anm_status drop_axes(anm_infer *f, unsigned bits)
{
    const anm_array_type *x = &f->in[0].type;
    anm_array_type t = { 0 };

    for (unsigned i = 0; i < x->rank; i++) {
        if (!(bits & 1u << i))
            t.dims[t.rank++] = x->dims[i];
        else if (f->node->attr.flags & ANM_ARRAY_KEEP_DIMS)
            t.dims[t.rank++] = 1;
    }
    set_dims(f, &t);
    return ANM_OK;
}

static anm_status infer_reduce(anm_infer *f)
{
    const unsigned rank = f->in[0].type.rank;
    const anm_status status = check_axes(f, rank);

    return status ? status : drop_axes(f, anm_array_axes(&f->node->attr, rank));
}

static anm_status infer_arg(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    const anm_status status = anm_infer_axis(f, f->node->attr.axis, x->rank);
    if (status) return status;
    const unsigned axis = anm_array_axis(f->node->attr.axis, x->rank);

    if (x->dims[axis] == 0) return anm_infer_fail(f, "nothing to choose from");
    return drop_axes(f, 1u << axis);
}

static anm_status infer_layer_norm(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    const anm_status status = check_axes(f, x->rank);
    if (status) return status;
    if (x->rank == 0) return anm_infer_fail(f, "x has no axes");
    const unsigned bits = anm_array_axes(&f->node->attr, x->rank);
    size_t n = 1;

    for (unsigned i = 0; i < x->rank; i++)
        if (bits & 1u << i) n *= (size_t)x->dims[i];
    for (unsigned i = 1; i < f->node->n_inputs; i++) {
        if (f->in[i].present && anm_array_elements(&f->in[i].type) != n)
            return anm_infer_fail(f, "not one element per normalised one");
    }
    return infer_same(f);
}

static anm_status infer_rms_norm(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;

    if (x->rank == 0) return anm_infer_fail(f, "x has no last axis");
    if (f->node->n_inputs > 1 && f->in[1].present &&
        anm_array_elements(&f->in[1].type) != (size_t)x->dims[x->rank - 1])
        return anm_infer_fail(f, "gamma is not as long as the last axis");
    return infer_same(f);
}

static anm_status infer_l2_norm(anm_infer *f)
{
    if (f->in[0].type.rank < 3) return anm_infer_fail(f, "x needs three axes");
    return infer_same(f);
}

static anm_status infer_quantize(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    const bool per_axis = (f->node->attr.flags & ANM_ARRAY_PER_AXIS) != 0;
    size_t n = 1;

    if (per_axis) {
        const anm_status status =
            anm_infer_axis(f, f->node->attr.axis, x->rank);
        if (status) return status;
        n = (size_t)x->dims[anm_array_axis(f->node->attr.axis, x->rank)];
    }
    for (unsigned i = 1; i < f->node->n_inputs; i++) {
        const size_t have =
            f->in[i].present ? anm_array_elements(&f->in[i].type) : 1;
        if (have != n && have != 1)
            return anm_infer_fail(f, "not one scale along the axis");
    }
    return infer_same(f);
}

/* ---- Linear algebra ------------------------------------------------------ */

static anm_status infer_linear(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type, *w = &f->in[1].type;
    const bool turned = (f->node->attr.flags & ANM_ARRAY_TRANSPOSE_W) != 0;
    anm_array_type t = *x;

    if (x->rank == 0 || w->rank != 2 ||
        x->dims[x->rank - 1] != w->dims[turned ? 0 : 1])
        return anm_infer_fail(f, "inner dimensions differ");
    if (anm_array_elements(w) == 0) return anm_infer_fail(f, "w is empty");
    t.dims[t.rank - 1] = w->dims[turned ? 1 : 0];
    if (f->node->n_inputs > 2 && f->in[2].present &&
        anm_array_elements(&f->in[2].type) != (size_t)t.dims[t.rank - 1])
        return anm_infer_fail(f, "bias is not as long as the rows of w");
    if (f->node->n_inputs > 3 && f->in[3].present &&
        anm_array_elements(&f->in[3].type) != anm_array_elements(&t))
        return anm_infer_fail(f, "the residual has another size");
    set_dims(f, &t);
    return ANM_OK;
}

anm_array_matrix anm_array_matrix_of(const anm_array_type *t, bool turned,
                                     bool left)
{
    const int64_t last = t->dims[t->rank - 1];

    if (t->rank == 1)
        return left ? (anm_array_matrix){ 1, last, (size_t)last, 1 }
                    : (anm_array_matrix){ last, 1, 1, 1 };
    const int64_t rows = t->dims[t->rank - 2];
    if (turned) return (anm_array_matrix){ last, rows, 1, (size_t)last };
    return (anm_array_matrix){ rows, last, (size_t)last, 1 };
}

/* Leading axes of two products broadcast; the last two are given. */
static anm_status join_batches(anm_infer *f, const anm_array_type *x,
                               const anm_array_type *y, anm_array_type *t)
{
    anm_array_type a = *x, b = *y;

    a.rank = x->rank > 2 ? x->rank - 2 : 0;
    b.rank = y->rank > 2 ? y->rank - 2 : 0;
    const anm_status status = anm_infer_broadcast(f, &a, &b);
    if (status) return status;
    if (a.rank + 2 > ANM_RANK_MAX) return anm_infer_fail(f, "too many axes");
    *t = a;
    return ANM_OK;
}

static anm_status infer_matmul(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type, *y = &f->in[1].type;
    const unsigned flags = f->node->attr.flags;
    anm_array_type t;

    if (x->rank == 0 || y->rank == 0)
        return anm_infer_fail(f, "a scalar has no rows");
    const anm_array_matrix a =
        anm_array_matrix_of(x, (flags & ANM_ARRAY_TRANSPOSE_X) != 0, true);
    const anm_array_matrix b =
        anm_array_matrix_of(y, (flags & ANM_ARRAY_TRANSPOSE_Y) != 0, false);
    if (a.cols != b.rows) return anm_infer_fail(f, "inner dimensions differ");
    const anm_status status = join_batches(f, x, y, &t);
    if (status) return status;
    if (x->rank > 1) t.dims[t.rank++] = a.rows;
    if (y->rank > 1) t.dims[t.rank++] = b.cols;
    set_dims(f, &t);
    return ANM_OK;
}

/* [n, c, h, w] and [n, w, h, u], or both without n. */
static anm_status infer_einsum(anm_infer *f)
{
    const anm_array_type *a = &f->in[0].type, *b = &f->in[1].type;
    const unsigned r = a->rank;
    anm_array_type t = *a;

    if ((r != 3 && r != 4) || b->rank != r)
        return anm_infer_fail(f, "needs two arrays of three or four axes");
    if (a->dims[r - 1] != b->dims[r - 3])
        return anm_infer_fail(f, "inner dimensions differ");
    for (unsigned i = 0; i < r; i++) {
        const bool shared = i == r - 2 || (r == 4 && i == 0);
        if (!shared) continue;
        if (a->dims[i] != b->dims[i] && a->dims[i] != 1 && b->dims[i] != 1)
            return anm_infer_fail(f, "shapes do not broadcast");
        t.dims[i] = a->dims[i] == 1 ? b->dims[i] : a->dims[i];
    }
    t.dims[r - 1] = b->dims[r - 1];
    set_dims(f, &t);
    return ANM_OK;
}

anm_status anm_array_window_of(const anm_array_attr *attr,
                               const anm_array_type *x, const anm_array_type *w,
                               anm_array_window *out, anm_error *err)
{
    for (unsigned i = 0; i < x->rank - 2; i++) {
        const int64_t size = x->dims[i + 2];
        const int64_t stride = attr->strides[i] ? attr->strides[i] : 1;
        const int64_t dilation = attr->dilations[i] ? attr->dilations[i] : 1;
        const int64_t most = (int64_t)ANM_ARRAY_ELEMENTS_MAX;
        int64_t before = 0, total = 0;

        if (stride < 1 || stride > most || dilation < 1 || dilation > most)
            return anm_fail(err, ANM_E_FORMAT,
                            "conv: stride %" PRId64 ", dilation %" PRId64,
                            stride, dilation);
        const int64_t reach = (w->dims[i + 2] - 1) * dilation + 1;
        if (attr->pad_type == ANM_ARRAY_PAD_CUSTOM) {
            before = attr->pads[2 * i];
            total = before + attr->pads[2 * i + 1];
            if (before < 0 || attr->pads[2 * i + 1] < 0 || total > most)
                return anm_fail(err, ANM_E_FORMAT,
                                "conv: pads %" PRId64 " and %" PRId64, before,
                                attr->pads[2 * i + 1]);
        } else if (attr->pad_type != ANM_ARRAY_PAD_VALID) {
            const int64_t steps = (size + stride - 1) / stride - 1;
            total = steps * stride + reach - size;
            if (total < 0) total = 0;
            before = attr->pad_type == ANM_ARRAY_PAD_SAME ? total / 2
                                                          : total - total / 2;
        }
        out->before[i] = before;
        out->out[i] = (size + total - reach) / stride + 1;
        if (size + total < reach || w->dims[i + 2] < 1)
            return anm_fail(err, ANM_E_FORMAT,
                            "conv: a window of %" PRId64 " over %" PRId64,
                            reach, size + total);
    }
    return ANM_OK;
}

static anm_status infer_conv(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type, *w = &f->in[1].type;
    const int64_t groups = f->node->attr.groups ? f->node->attr.groups : 1;
    anm_array_type t = *x;
    anm_array_window window;

    if (x->rank < 3 || x->rank > 5 || w->rank != x->rank)
        return anm_infer_fail(f, "needs one to three spatial axes");
    if (anm_array_elements(w) == 0) return anm_infer_fail(f, "w is empty");
    if (groups < 1 || w->dims[0] % groups != 0 || x->dims[1] % groups != 0 ||
        w->dims[1] != x->dims[1] / groups)
        return anm_infer_fail(f, "channels and groups disagree");
    if (f->node->n_inputs > 2 && f->in[2].present &&
        anm_array_elements(&f->in[2].type) != (size_t)w->dims[0])
        return anm_infer_fail(f, "bias is not as long as the output channels");
    const anm_status status =
        anm_array_window_of(&f->node->attr, x, w, &window, f->err);
    if (status) return status;
    t.dims[1] = w->dims[0];
    for (unsigned i = 2; i < x->rank; i++)
        t.dims[i] = window.out[i - 2];
    set_dims(f, &t);
    return ANM_OK;
}

/* ---- Attention ----------------------------------------------------------- */

/* The mask broadcasts to the scores and adds no axis or size to them. */
static anm_status check_mask(anm_infer *f, const anm_array_type *scores)
{
    anm_array_type joined = *scores;

    if (f->node->n_inputs < 4 || !f->in[3].present) return ANM_OK;
    const anm_status status = anm_infer_broadcast(f, &joined, &f->in[3].type);
    if (status) return status;
    if (joined.rank == scores->rank &&
        anm_array_elements(&joined) == anm_array_elements(scores))
        return ANM_OK;
    return anm_infer_fail(f, "the mask is larger than the scores");
}

static anm_status infer_sdpa(anm_infer *f)
{
    const anm_array_type *q = &f->in[0].type, *k = &f->in[1].type,
                         *v = &f->in[2].type;
    const unsigned r = q->rank;

    if (r < 2 || k->rank != r || v->rank != r)
        return anm_infer_fail(f, "ranks differ");
    for (unsigned i = 0; i + 2 < r; i++) {
        if (q->dims[i] != k->dims[i] || q->dims[i] != v->dims[i])
            return anm_infer_fail(f, "leading dimensions differ");
    }
    if (q->dims[r - 1] != k->dims[r - 1] || k->dims[r - 2] != v->dims[r - 2])
        return anm_infer_fail(f, "inner dimensions differ");
    anm_array_type t = *q;
    t.dims[r - 1] = k->dims[r - 2];
    const anm_status status = check_mask(f, &t);
    if (status) return status;
    t.dims[r - 1] = v->dims[r - 1];
    set_dims(f, &t);
    return ANM_OK;
}

static anm_status infer_attention(anm_infer *f)
{
    const anm_array_type *q = &f->in[0].type, *k = &f->in[1].type,
                         *v = &f->in[2].type;
    const bool first = (f->node->attr.flags & ANM_ARRAY_TOKENS_FIRST) != 0;
    const unsigned l = first ? 1 : 2, h = first ? 2 : 1;

    if (q->rank != 4 || k->rank != 4 || v->rank != 4)
        return anm_infer_fail(f, "needs four axes");
    if (q->dims[0] != k->dims[0] || q->dims[0] != v->dims[0] ||
        q->dims[3] != k->dims[3] || k->dims[l] != v->dims[l] ||
        k->dims[h] != v->dims[h] || k->dims[h] == 0 ||
        q->dims[h] % k->dims[h] != 0)
        return anm_infer_fail(f, "dimensions differ");
    const anm_array_type scores = {
        .rank = 4,
        .dims = { q->dims[0], q->dims[h], q->dims[l], k->dims[l] },
    };
    const anm_status status = check_mask(f, &scores);
    if (status) return status;
    anm_array_type t = *q;
    t.dims[3] = v->dims[3];
    set_dims(f, &t);
    return ANM_OK;
}

static anm_status infer_rope(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    anm_array_type t = *x;

    if (x->rank == 0 || x->dims[x->rank - 1] % 2 != 0)
        return anm_infer_fail(f, "the last axis has no halves");
    for (unsigned i = 1; i < 3; i++) {
        const anm_status status = anm_infer_broadcast(f, &t, &f->in[i].type);
        if (status) return status;
    }
    if (t.rank != x->rank || anm_array_elements(&t) != anm_array_elements(x))
        return anm_infer_fail(f, "cos and sin are larger than x");
    return infer_same(f);
}

/* ---- State --------------------------------------------------------------- */

static anm_status infer_write(anm_infer *f)
{
    const anm_array_type *s = &f->in[0].type, *x = &f->in[1].type;

    if (s->rank != x->rank ||
        memcmp(s->dims, x->dims, s->rank * sizeof(*s->dims)) != 0)
        return anm_infer_fail(f, "state and value differ");
    return ANM_OK;
}

/* ---- All of them --------------------------------------------------------- */

static anm_status infer_op(anm_infer *f)
{
    const anm_array_op op = f->node->op;

    /* Families lie together in the list of operations. */
    if (op >= ANM_ARRAY_ADD && op <= ANM_ARRAY_SELECT)
        return op == ANM_ARRAY_LOGICAL_NOT ? infer_same(f) : infer_broadcast(f);
    if (op >= ANM_ARRAY_REDUCE_SUM && op <= ANM_ARRAY_REDUCE_LOG_SUM_EXP)
        return infer_reduce(f);
    if (op == ANM_ARRAY_SOFTPLUS_PARAMETRIC || op == ANM_ARRAY_PRELU)
        return infer_channels(f);
    if (op >= ANM_ARRAY_ABS && op <= ANM_ARRAY_SCALED_TANH)
        return infer_same(f);
    switch ((int)op) {
    case ANM_ARRAY_SOFTMAX:
    case ANM_ARRAY_CUMSUM:
        return infer_axis(f);
    case ANM_ARRAY_REVERSE:
        return infer_axes(f);
    case ANM_ARRAY_REDUCE_ARGMAX:
    case ANM_ARRAY_REDUCE_ARGMIN:
        return infer_arg(f);
    case ANM_ARRAY_LAYER_NORM:
        return infer_layer_norm(f);
    case ANM_ARRAY_BATCH_NORM:
    case ANM_ARRAY_INSTANCE_NORM:
        return infer_channels(f);
    case ANM_ARRAY_L2_NORM:
        return infer_l2_norm(f);
    case ANM_ARRAY_RMS_NORM:
        return infer_rms_norm(f);
    case ANM_ARRAY_QUANTIZE:
    case ANM_ARRAY_DEQUANTIZE:
        return infer_quantize(f);
    case ANM_ARRAY_LINEAR:
        return infer_linear(f);
    case ANM_ARRAY_MATMUL:
        return infer_matmul(f);
    case ANM_ARRAY_EINSUM:
        return infer_einsum(f);
    case ANM_ARRAY_CONV:
        return infer_conv(f);
    case ANM_ARRAY_SDPA:
        return infer_sdpa(f);
    case ANM_ARRAY_ATTENTION:
        return infer_attention(f);
    case ANM_ARRAY_ROPE:
        return infer_rope(f);
    case ANM_ARRAY_WRITE_STATE:
        return infer_write(f);
    case ANM_ARRAY_IDENTITY:
    case ANM_ARRAY_CAST:
    case ANM_ARRAY_FILL_LIKE:
    case ANM_ARRAY_READ_STATE:
        return infer_same(f);
    default:
        return anm_infer_movement(f);
    }
}

static anm_status check_size(const anm_infer *f, const anm_array_type *t)
{
    uint64_t n = 1;

    for (unsigned i = 0; i < t->rank; i++) {
        const uint64_t d = (uint64_t)t->dims[i];

        assert(t->dims[i] >= 0);
        if (d > ANM_ARRAY_ELEMENTS_MAX ||
            (d && n > ANM_ARRAY_ELEMENTS_MAX / d)) {
            char text[96], why[160];
            anm_array_type_text(t, text, sizeof(text));
            snprintf(why, sizeof(why), "%s is more than %" PRIu64 " elements",
                     text, ANM_ARRAY_ELEMENTS_MAX);
            return anm_infer_fail_as(f, ANM_E_LIMIT, why);
        }
        n *= d;
    }
    return ANM_OK;
}

anm_status anm_arrays_infer(const anm_array_node *node,
                            const anm_array_known *in, anm_array_type *out,
                            bool *open, anm_error *err)
{
    anm_infer f = { .node = node, .in = in, .out = out, .err = err };
    anm_status status = anm_infer_kinds(&f);

    if (!status) status = infer_op(&f);
    for (unsigned i = 0; i < node->n_outputs && !status && !f.open; i++)
        status = check_size(&f, &out[i]);
    *open = f.open;
    return status;
}
