/* arrays_shape_move.c - shapes of what moves, picks and makes elements: those
 * that may depend on contents.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/arrays_infer.h"

/* ---- Reshape and friends ------------------------------------------------- */

/* What a 0 in a shape stands for. */
static int64_t copied_dim(const anm_infer *f, unsigned i, unsigned rank)
{
    const anm_array_type *x = &f->in[0].type;
    const int64_t from_right = (int64_t)x->rank - ((int64_t)rank - i);

    if (!(f->node->attr.flags & ANM_ARRAY_FROM_RIGHT))
        return rank == x->rank ? x->dims[i] : 0;
    return from_right >= 0 ? x->dims[from_right] : 1;
}

static anm_status infer_reshape(anm_infer *f)
{
    const anm_array_known *shape = &f->in[1];
    const size_t n = anm_array_elements(&f->in[0].type);
    const size_t rank = anm_array_elements(&shape->type);
    anm_array_type t = { .rank = (unsigned)rank };
    size_t known = 1;
    int open = -1;
    anm_status status = anm_infer_list(f, 1, -1);

    if (status) return status;
    if (rank > ANM_RANK_MAX) return anm_infer_fail(f, "too many axes");
    f->open = !shape->data;
    if (f->open) return ANM_OK;
    for (unsigned i = 0; i < t.rank; i++) {
        t.dims[i] = anm_array_int(shape, i);
        if (t.dims[i] == 0) t.dims[i] = copied_dim(f, i, t.rank);
        if (t.dims[i] < -1 || (t.dims[i] == -1 && open >= 0))
            return anm_infer_fail(f, "no such shape");
        if (t.dims[i] == -1)
            open = (int)i;
        else if (t.dims[i] &&
                 known > ANM_ARRAY_ELEMENTS_MAX / (size_t)t.dims[i])
            return anm_infer_fail(f, "sizes differ");
        else
            known *= (size_t)t.dims[i];
    }
    if (open >= 0 && known > 0) t.dims[open] = (int64_t)(n / known);
    if (open >= 0 && known == 0) t.dims[open] = 0;
    if (anm_array_elements(&t) != n) {
        char why[128] = "sizes differ: ";
        t.dtype = f->in[0].type.dtype;
        anm_array_type_text(&t, why + strlen(why), sizeof(why) - strlen(why));
        return anm_infer_fail(f, why);
    }
    f->out->rank = t.rank;
    memcpy(f->out->dims, t.dims, sizeof(t.dims));
    return ANM_OK;
}

static anm_status infer_expand(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    const anm_array_attr *attr = &f->node->attr;
    const unsigned rank = x->rank + attr->n_axes;
    unsigned bits = 0, from = 0;

    if (attr->n_axes == 0 || attr->n_axes > ANM_RANK_MAX || rank > ANM_RANK_MAX)
        return anm_infer_fail(f, "no axes, or too many");
    for (unsigned i = 0; i < attr->n_axes; i++) {
        const anm_status status = anm_infer_axis(f, attr->axes[i], rank);
        if (status) return status;
        bits |= 1u << anm_array_axis(attr->axes[i], rank);
    }
    f->out->rank = rank;
    for (unsigned i = 0; i < rank; i++) {
        const bool added = (bits & 1u << i) != 0;

        if (!added && from == x->rank)
            return anm_infer_fail(f, "an axis twice");
        f->out->dims[i] = added ? 1 : x->dims[from++];
    }
    return from == x->rank ? ANM_OK : anm_infer_fail(f, "an axis twice");
}

static anm_status infer_squeeze(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    const anm_array_attr *attr = &f->node->attr;

    if (attr->n_axes > ANM_RANK_MAX) return anm_infer_fail(f, "too many axes");
    for (unsigned i = 0; i < attr->n_axes; i++) {
        const anm_status status = anm_infer_axis(f, attr->axes[i], x->rank);
        if (status) return status;
    }
    const unsigned bits = anm_array_axes(attr, x->rank);
    f->out->rank = 0;
    for (unsigned i = 0; i < x->rank; i++) {
        if (!(bits & 1u << i) || x->dims[i] != 1)
            f->out->dims[f->out->rank++] = x->dims[i];
    }
    return ANM_OK;
}

static anm_status infer_transpose(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    const anm_array_attr *attr = &f->node->attr;
    unsigned seen = 0;

    if (attr->n_axes != x->rank)
        return anm_infer_fail(f, "not a permutation of the axes");
    f->out->rank = x->rank;
    for (unsigned i = 0; i < x->rank; i++) {
        const anm_status status = anm_infer_axis(f, attr->axes[i], x->rank);
        if (status) return status;
        const unsigned axis = anm_array_axis(attr->axes[i], x->rank);
        seen |= 1u << axis;
        f->out->dims[i] = x->dims[axis];
    }
    if (seen != (1u << x->rank) - 1)
        return anm_infer_fail(f, "not a permutation of the axes");
    return ANM_OK;
}

/* ---- Joining and splitting ----------------------------------------------- */

static anm_status infer_concat(anm_infer *f)
{
    const bool interleaved = (f->node->attr.flags & ANM_ARRAY_INTERLEAVE) != 0;
    anm_array_type t = f->in[0].type;

    if (t.rank == 0) t = (anm_array_type){ .rank = 1, .dims = { 1 } };
    const anm_status status = anm_infer_axis(f, f->node->attr.axis, t.rank);
    if (status) return status;
    const unsigned axis = anm_array_axis(f->node->attr.axis, t.rank);
    for (unsigned i = 1; i < f->node->n_inputs; i++) {
        anm_array_type x = f->in[i].type;

        if (x.rank == 0) x = (anm_array_type){ .rank = 1, .dims = { 1 } };
        if (!anm_infer_is_like(&t, &x, (int)axis) ||
            (interleaved && x.dims[axis] != f->in[0].type.dims[axis]))
            return anm_infer_fail(f, "shapes differ beside the axis");
        t.dims[axis] += x.dims[axis];
    }
    f->out->rank = t.rank;
    memcpy(f->out->dims, t.dims, sizeof(t.dims));
    return ANM_OK;
}

static anm_status infer_stack(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;

    if (x->rank == ANM_RANK_MAX) return anm_infer_fail(f, "too many axes");
    const anm_status status =
        anm_infer_axis(f, f->node->attr.axis, x->rank + 1);
    if (status) return status;
    for (unsigned i = 1; i < f->node->n_inputs; i++) {
        if (!anm_infer_is_like(x, &f->in[i].type, -1))
            return anm_infer_fail(f, "shapes differ");
    }
    const unsigned axis = anm_array_axis(f->node->attr.axis, x->rank + 1);
    f->out->rank = x->rank + 1;
    for (unsigned i = 0, from = 0; i < f->out->rank; i++)
        f->out->dims[i] =
            i == axis ? (int64_t)f->node->n_inputs : x->dims[from++];
    return ANM_OK;
}

static anm_status infer_split(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    const unsigned n = f->node->n_outputs;
    const bool sized = f->node->n_inputs > 1 && f->in[1].present;
    anm_status status = anm_infer_axis(f, f->node->attr.axis, x->rank);

    if (!status && sized) status = anm_infer_list(f, 1, n);
    if (status) return status;
    f->open = sized && !f->in[1].data;
    if (f->open) return ANM_OK;
    const unsigned axis = anm_array_axis(f->node->attr.axis, x->rank);
    int64_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        const int64_t part =
            sized ? anm_array_int(&f->in[1], i) : x->dims[axis] / n;

        if (part < 0) return anm_infer_fail(f, "a part of negative size");
        f->out[i].rank = x->rank;
        memcpy(f->out[i].dims, x->dims, sizeof(x->dims));
        f->out[i].dims[axis] = part;
        sum += part;
    }
    return sum == x->dims[axis]
               ? ANM_OK
               : anm_infer_fail(f, "the parts do not cover the axis");
}

static anm_status infer_tile(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    const anm_status status = anm_infer_list(f, 1, (int64_t)x->rank);
    if (status) return status;

    f->open = !f->in[1].data;
    if (f->open) return ANM_OK;
    f->out->rank = x->rank;
    for (unsigned i = 0; i < x->rank; i++) {
        const int64_t reps = anm_array_int(&f->in[1], i);

        if (reps < 1) return anm_infer_fail(f, "reps must be at least 1");
        f->out->dims[i] = x->dims[i] * reps;
    }
    return ANM_OK;
}

/* ---- Slices -------------------------------------------------------------- */

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* begin:end:stride of one axis as numpy reads it. */
static void slice_axis(anm_array_slice *s, unsigned i, int64_t dim,
                       const int64_t *begin, const int64_t *end)
{
    const int64_t step = s->step[i];
    const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? dim : dim - 1;
    int64_t from = step > 0 ? 0 : dim - 1, to = step > 0 ? dim : -1;

    if (begin) from = clamp(*begin < 0 ? *begin + dim : *begin, low, high);
    if (end) to = clamp(*end < 0 ? *end + dim : *end, low, high);
    const int64_t span = step > 0 ? to - from : from - to;
    const int64_t size = step > 0 ? step : -step;
    s->start[i] = from;
    s->count[i] = span > 0 ? (span + size - 1) / size : 0;
    /* An axis of one element is answered with it by whoever writes packages,
     * whatever begin and end say. */
    if (dim == 1 && s->count[i] == 0) {
        s->start[i] = 0;
        s->count[i] = 1;
    }
}

static anm_status slice_by_size(const anm_array_known *in, anm_array_slice *out,
                                anm_error *err)
{
    const anm_array_type *x = &in[0].type;

    for (unsigned i = 0; i < x->rank; i++) {
        const int64_t dim = x->dims[i], size = anm_array_int(&in[2], i);
        const int64_t begin = anm_array_int(&in[1], i);
        const int64_t from = begin < 0 ? begin + dim : begin;
        const int64_t n = size == -1 ? dim - from : size;

        if (from < 0 || n < 0 || from + n > dim)
            return anm_fail(err, ANM_E_ARG,
                            "slice_by_size: %" PRId64 " from %" PRId64
                            " of axis %u of %" PRId64,
                            size, begin, i, dim);
        out->start[i] = from;
        out->step[i] = 1;
        out->count[i] = n;
    }
    return ANM_OK;
}

anm_status anm_array_slice_of(const anm_array_node *node,
                              const anm_array_known *in, anm_array_slice *out,
                              anm_error *err)
{
    const anm_array_type *x = &in[0].type;
    const anm_array_attr *attr = &node->attr;
    const unsigned at = node->op == ANM_ARRAY_SLICE_UPDATE ? 2 : 1;
    const bool strided = node->n_inputs > at + 2 && in[at + 2].present;

    if (node->op == ANM_ARRAY_SLICE_BY_SIZE) return slice_by_size(in, out, err);
    for (unsigned i = 0; i < x->rank; i++) {
        const int64_t dim = x->dims[i];
        const int64_t begin = anm_array_int(&in[at], i),
                      end = anm_array_int(&in[at + 1], i);
        const unsigned bit = 1u << i;

        out->step[i] = strided ? anm_array_int(&in[at + 2], i) : 1;
        if (attr->squeeze_mask & bit) {
            out->start[i] = begin < 0 ? begin + dim : begin;
            out->step[i] = out->count[i] = 1;
            if (out->start[i] < 0 || out->start[i] >= dim)
                return anm_fail(err, ANM_E_ARG,
                                "%s: index %" PRId64 " of axis %u of %" PRId64,
                                anm_array_op_describe(node->op)->name, begin, i,
                                dim);
            continue;
        }
        if (out->step[i] == 0)
            return anm_fail(err, ANM_E_FORMAT, "%s: a stride of 0",
                            anm_array_op_describe(node->op)->name);
        slice_axis(out, i, dim, attr->begin_mask & bit ? NULL : &begin,
                   attr->end_mask & bit ? NULL : &end);
    }
    return ANM_OK;
}

static anm_status infer_slice(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    const bool update = f->node->op == ANM_ARRAY_SLICE_UPDATE;
    const unsigned at = update ? 2 : 1;
    anm_array_slice s;
    anm_array_type t = { 0 };
    anm_status status = ANM_OK;

    for (unsigned i = at; i < f->node->n_inputs && !status; i++) {
        if (!f->in[i].present) continue;
        status = anm_infer_list(f, i, (int64_t)x->rank);
        f->open = f->open || !f->in[i].data;
    }
    if (status) return status;
    if (update) {
        f->open = false; /* the shape is that of x; running checks the rest */
        f->out->rank = x->rank;
        memcpy(f->out->dims, x->dims, sizeof(x->dims));
        return ANM_OK;
    }
    if (f->open) return ANM_OK;
    status = anm_array_slice_of(f->node, f->in, &s, f->err);
    if (status) return status;
    for (unsigned i = 0; i < x->rank; i++) {
        if (!(f->node->attr.squeeze_mask & 1u << i))
            t.dims[t.rank++] = s.count[i];
    }
    f->out->rank = t.rank;
    memcpy(f->out->dims, t.dims, sizeof(t.dims));
    return ANM_OK;
}

static anm_status infer_pad(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    const size_t n = anm_array_elements(&f->in[1].type);
    const anm_status status = anm_infer_list(f, 1, -1);

    if (status) return status;
    if (n % 2 != 0 || n / 2 > x->rank)
        return anm_infer_fail(f, "pad is not a pair per axis");
    f->open = !f->in[1].data;
    if (f->open) return ANM_OK;
    f->out->rank = x->rank;
    memcpy(f->out->dims, x->dims, sizeof(x->dims));
    for (unsigned i = 0; i < n / 2; i++) {
        const unsigned axis = x->rank - (unsigned)(n / 2) + i;
        const int64_t before = anm_array_int(&f->in[1], 2 * i);
        const int64_t after = anm_array_int(&f->in[1], 2 * i + 1);
        const int64_t most = x->dims[axis] - 1;

        if (before < 0 || after < 0) return anm_infer_fail(f, "a negative pad");
        if (f->node->attr.mode == ANM_ARRAY_MODE_REFLECT &&
            (before > most || after > most))
            return anm_infer_fail(f, "a pad longer than what it reflects");
        if (f->node->attr.mode == ANM_ARRAY_MODE_REPLICATE && most < 0 &&
            before + after > 0)
            return anm_infer_fail(f, "nothing to replicate");
        f->out->dims[axis] += before + after;
    }
    return ANM_OK;
}

/* ---- Making -------------------------------------------------------------- */

static anm_status infer_fill(anm_infer *f)
{
    const size_t rank = anm_array_elements(&f->in[0].type);
    const anm_status status = anm_infer_list(f, 0, -1);

    if (status) return status;
    if (rank > ANM_RANK_MAX) return anm_infer_fail(f, "too many axes");
    if (anm_array_elements(&f->in[1].type) != 1)
        return anm_infer_fail(f, "the value must be a scalar");
    f->open = !f->in[0].data;
    if (f->open) return ANM_OK;
    f->out->rank = (unsigned)rank;
    for (unsigned i = 0; i < rank; i++) {
        f->out->dims[i] = anm_array_int(&f->in[0], i);
        if (f->out->dims[i] < 0) return anm_infer_fail(f, "a negative size");
    }
    return ANM_OK;
}

anm_status anm_array_range_count(const anm_array_known *in, int64_t *out,
                                 anm_error *err)
{
    double v[3];

    for (unsigned i = 0; i < 3; i++) {
        if (anm_array_is_float(in[i].type.dtype))
            v[i] = (double)((const float *)in[i].data)[0];
        else
            v[i] = (double)anm_array_int(&in[i], 0);
    }
    const double n = ceil((v[1] - v[0]) / v[2]);
    if (!(v[2] != 0) || !(n <= (double)ANM_ARRAY_ELEMENTS_MAX))
        return anm_fail(err, ANM_E_ARG, "range_1d: from %g to %g by %g", v[0],
                        v[1], v[2]);
    *out = n > 0 ? (int64_t)n : 0;
    return ANM_OK;
}

static anm_status infer_range(anm_infer *f)
{
    for (unsigned i = 0; i < 3; i++) {
        if (anm_array_elements(&f->in[i].type) != 1)
            return anm_infer_fail(f, "start, end and step must be scalars");
        f->open = f->open || !f->in[i].data;
    }
    if (f->open) return ANM_OK;
    f->out->rank = 1;
    return anm_array_range_count(f->in, &f->out->dims[0], f->err);
}

static anm_status infer_band(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;

    if (x->rank < 2) return anm_infer_fail(f, "needs two axes");
    return anm_infer_dims(f, x->dims, x->rank);
}

anm_status anm_infer_movement(anm_infer *f)
{
    switch ((int)f->node->op) {
    case ANM_ARRAY_RESHAPE:
        return infer_reshape(f);
    case ANM_ARRAY_EXPAND_DIMS:
        return infer_expand(f);
    case ANM_ARRAY_SQUEEZE:
        return infer_squeeze(f);
    case ANM_ARRAY_TRANSPOSE:
        return infer_transpose(f);
    case ANM_ARRAY_CONCAT:
        return infer_concat(f);
    case ANM_ARRAY_STACK:
        return infer_stack(f);
    case ANM_ARRAY_SPLIT:
        return infer_split(f);
    case ANM_ARRAY_TILE:
        return infer_tile(f);
    case ANM_ARRAY_SLICE_BY_INDEX:
    case ANM_ARRAY_SLICE_BY_SIZE:
    case ANM_ARRAY_SLICE_UPDATE:
        return infer_slice(f);
    case ANM_ARRAY_PAD:
        return infer_pad(f);
    case ANM_ARRAY_FILL:
        return infer_fill(f);
    case ANM_ARRAY_RANGE_1D:
        return infer_range(f);
    case ANM_ARRAY_SHAPE:
        f->out->rank = 1;
        f->out->dims[0] = f->in[0].type.rank;
        return ANM_OK;
    case ANM_ARRAY_BAND_PART:
        return infer_band(f);
    default:
        return anm_infer_index(f);
    }
}
