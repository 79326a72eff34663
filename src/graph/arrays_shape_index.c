/* arrays_shape_index.c - shapes of what picks and places elements by index.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "graph/arrays_infer.h"

static anm_status check_index_type(const anm_infer *f, unsigned i)
{
    if (anm_infer_is_integer(&f->in[i].type)) return ANM_OK;
    return anm_infer_fail(f, "indices must be integers");
}

/* x[:axis] + indices[batch_dims:] + x[axis + 1:]. */
static anm_status infer_gather(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type, *ix = &f->in[1].type;
    const int64_t batch = f->node->attr.batch_dims;
    int64_t dims[3 * ANM_RANK_MAX];
    size_t n = 0;
    anm_status status = check_index_type(f, 1);

    if (!status) status = anm_infer_axis(f, f->node->attr.axis, x->rank);
    if (status) return status;
    const unsigned axis = anm_array_axis(f->node->attr.axis, x->rank);
    if (batch < 0 || batch > axis || batch > ix->rank)
        return anm_infer_fail(f, "batch_dims out of range");
    for (unsigned i = 0; i < (unsigned)batch; i++) {
        if (x->dims[i] != ix->dims[i])
            return anm_infer_fail(f, "batch dimensions differ");
    }
    for (unsigned i = 0; i < axis; i++)
        dims[n++] = x->dims[i];
    for (unsigned i = (unsigned)batch; i < ix->rank; i++)
        dims[n++] = ix->dims[i];
    for (unsigned i = axis + 1; i < x->rank; i++)
        dims[n++] = x->dims[i];
    return anm_infer_dims(f, dims, n);
}

/* indices fits into x beside the axis. */
static anm_status check_along(const anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type, *ix = &f->in[1].type;
    anm_status status = check_index_type(f, 1);

    if (!status) status = anm_infer_axis(f, f->node->attr.axis, x->rank);
    if (status) return status;
    const unsigned axis = anm_array_axis(f->node->attr.axis, x->rank);
    if (ix->rank != x->rank) return anm_infer_fail(f, "ranks differ");
    for (unsigned i = 0; i < x->rank; i++) {
        if (i != axis && ix->dims[i] > x->dims[i])
            return anm_infer_fail(f, "indices are larger than x");
    }
    return ANM_OK;
}

static anm_status infer_along(anm_infer *f)
{
    const anm_status status = check_along(f);
    return status ? status
                  : anm_infer_dims(f, f->in[1].type.dims, f->in[1].type.rank);
}

/* indices [batch.., rows.., n] name n axes of x after the batch. */
static anm_status check_nd(const anm_infer *f, unsigned *n_named)
{
    const anm_array_type *x = &f->in[0].type, *ix = &f->in[1].type;
    const int64_t batch = f->node->attr.batch_dims;
    const anm_status status = check_index_type(f, 1);

    if (status) return status;
    if (ix->rank == 0 || batch < 0 || batch >= ix->rank || batch > x->rank)
        return anm_infer_fail(f, "batch_dims out of range");
    const int64_t n = ix->dims[ix->rank - 1];
    if (n > (int64_t)x->rank - batch)
        return anm_infer_fail(f, "more indices than axes");
    for (unsigned i = 0; i < (unsigned)batch; i++) {
        if (x->dims[i] != ix->dims[i])
            return anm_infer_fail(f, "batch dimensions differ");
    }
    *n_named = (unsigned)n;
    return ANM_OK;
}

static anm_status infer_gather_nd(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type, *ix = &f->in[1].type;
    int64_t dims[2 * ANM_RANK_MAX];
    unsigned named = 0;
    size_t n = 0;
    const anm_status status = check_nd(f, &named);

    if (status) return status;
    for (unsigned i = 0; i + 1 < ix->rank; i++)
        dims[n++] = ix->dims[i];
    for (unsigned i = (unsigned)f->node->attr.batch_dims + named; i < x->rank;
         i++)
        dims[n++] = x->dims[i];
    return anm_infer_dims(f, dims, n);
}

/* Updates are what gathering at the indices would give. */
static anm_status infer_scatter(anm_infer *f)
{
    const anm_array_type *data = &f->in[0].type;
    anm_array_type got = { 0 };
    anm_infer g = *f;
    anm_status status;

    g.out = &got;
    if (f->node->op == ANM_ARRAY_SCATTER)
        status = infer_gather(&g);
    else if (f->node->op == ANM_ARRAY_SCATTER_ND)
        status = infer_gather_nd(&g);
    else
        status = infer_along(&g);
    if (status) return status;
    if (got.rank != f->in[2].type.rank ||
        !anm_infer_is_like(&got, &f->in[2].type, -1))
        return anm_infer_fail(f, "updates have another shape");
    f->out->rank = data->rank;
    memcpy(f->out->dims, data->dims, sizeof(data->dims));
    return ANM_OK;
}

static anm_status infer_one_hot(anm_infer *f)
{
    const anm_array_type *ix = &f->in[0].type;
    anm_status status = check_index_type(f, 0);

    if (!status) status = anm_infer_list(f, 1, 1);
    if (status) return status;
    if (ix->rank == ANM_RANK_MAX) return anm_infer_fail(f, "too many axes");
    status = anm_infer_axis(f, f->node->attr.axis, ix->rank + 1);
    if (status) return status;
    if (anm_array_elements(&f->in[2].type) != 1 ||
        anm_array_elements(&f->in[3].type) != 1)
        return anm_infer_fail(f, "on and off must be scalars");
    f->open = !f->in[1].data;
    if (f->open) return ANM_OK;
    const int64_t size = anm_array_int(&f->in[1], 0);
    const unsigned axis = anm_array_axis(f->node->attr.axis, ix->rank + 1);
    if (size < 0) return anm_infer_fail(f, "a negative size");
    f->out->rank = ix->rank + 1;
    for (unsigned i = 0, from = 0; i < f->out->rank; i++)
        f->out->dims[i] = i == axis ? size : ix->dims[from++];
    return ANM_OK;
}

static anm_status infer_topk(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    const anm_status status = anm_infer_axis(f, f->node->attr.axis, x->rank);
    if (status) return status;
    const unsigned axis = anm_array_axis(f->node->attr.axis, x->rank);
    const int64_t k = f->node->attr.k == -1 ? x->dims[axis] : f->node->attr.k;

    if (k < 0 || k > x->dims[axis])
        return anm_infer_fail(f, "k is larger than the axis");
    for (unsigned i = 0; i < f->node->n_outputs; i++) {
        f->out[i].rank = x->rank;
        memcpy(f->out[i].dims, x->dims, sizeof(x->dims));
        f->out[i].dims[axis] = k;
    }
    return f->node->n_outputs <= 2 ? ANM_OK
                                   : anm_infer_fail(f, "gives two results");
}

static anm_status infer_non_zero(anm_infer *f)
{
    const anm_array_type *x = &f->in[0].type;
    const int64_t dims[2] = { (int64_t)anm_array_elements(x), x->rank };

    f->open = !f->in[0].data;
    return f->open ? ANM_OK : anm_infer_dims(f, dims, 2);
}

anm_status anm_infer_index(anm_infer *f)
{
    switch ((int)f->node->op) {
    case ANM_ARRAY_GATHER:
        return infer_gather(f);
    case ANM_ARRAY_GATHER_ALONG_AXIS:
        return infer_along(f);
    case ANM_ARRAY_GATHER_ND:
        return infer_gather_nd(f);
    case ANM_ARRAY_SCATTER:
    case ANM_ARRAY_SCATTER_ALONG_AXIS:
    case ANM_ARRAY_SCATTER_ND:
        return infer_scatter(f);
    case ANM_ARRAY_ONE_HOT:
        return infer_one_hot(f);
    case ANM_ARRAY_TOPK:
        return infer_topk(f);
    case ANM_ARRAY_NON_ZERO:
        return infer_non_zero(f);
    default:
        return anm_infer_fail(f, "no shape");
    }
}
