/* arrays_infer.c - what the files of shape inference share: how a rule says no,
 * and the questions that several of them ask.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/arrays_infer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

anm_status anm_infer_fail_as(const anm_infer *f, anm_status status,
                             const char *why)
{
    char shapes[256];
    size_t at = 0;

    shapes[0] = '\0';
    for (unsigned i = 0; i < f->node->n_inputs && at < sizeof(shapes); i++) {
        char text[96] = "none";

        if (f->in[i].present)
            anm_array_type_text(&f->in[i].type, text, sizeof(text));
        at += (size_t)snprintf(shapes + at, sizeof(shapes) - at, "%s%s",
                               i ? ", " : "", text);
    }
    return anm_fail(f->err, status, "%s(%s): %s",
                    anm_array_op_describe(f->node->op)->name, shapes, why);
}

anm_status anm_infer_fail(const anm_infer *f, const char *why)
{
    return anm_infer_fail_as(f, ANM_E_FORMAT, why);
}

anm_status anm_infer_axis(const anm_infer *f, int64_t axis, unsigned rank)
{
    char why[64];

    if (axis >= -(int64_t)rank && axis < (int64_t)rank) return ANM_OK;
    snprintf(why, sizeof(why), "axis %" PRId64 " of %u", axis, rank);
    return anm_infer_fail(f, why);
}

anm_status anm_infer_broadcast(const anm_infer *f, anm_array_type *to,
                               const anm_array_type *t)
{
    const unsigned rank = to->rank > t->rank ? to->rank : t->rank;
    anm_array_type joined = { .dtype = to->dtype, .rank = rank };

    for (unsigned i = 1; i <= rank; i++) {
        const int64_t a = i <= to->rank ? to->dims[to->rank - i] : 1;
        const int64_t b = i <= t->rank ? t->dims[t->rank - i] : 1;

        if (a != b && a != 1 && b != 1)
            return anm_infer_fail(f, "shapes do not broadcast");
        joined.dims[rank - i] = a == 1 ? b : a;
    }
    *to = joined;
    return ANM_OK;
}

bool anm_infer_is_integer(const anm_array_type *t)
{
    return !anm_array_is_float(t->dtype) && t->dtype != ANM_DTYPE_BOOL;
}

anm_status anm_infer_list(const anm_infer *f, unsigned i, int64_t n)
{
    const anm_array_type *t = &f->in[i].type;
    char why[64];

    if (anm_infer_is_integer(t) && t->rank <= 1 &&
        (n < 0 || anm_array_elements(t) == (size_t)n))
        return ANM_OK;
    if (n < 0)
        snprintf(why, sizeof(why), "input %u must be a list of integers", i);
    else
        snprintf(why, sizeof(why), "input %u must be %" PRId64 " integers", i,
                 n);
    return anm_infer_fail(f, why);
}

anm_status anm_infer_dims(anm_infer *f, const int64_t *dims, size_t n)
{
    if (n > ANM_RANK_MAX) return anm_infer_fail(f, "too many axes");
    f->out->rank = (unsigned)n;
    memcpy(f->out->dims, dims, n * sizeof(*dims));
    return ANM_OK;
}

bool anm_infer_is_like(const anm_array_type *a, const anm_array_type *b,
                       int axis)
{
    if (a->rank != b->rank) return false;
    for (unsigned i = 0; i < a->rank; i++) {
        if ((int)i != axis && a->dims[i] != b->dims[i]) return false;
    }
    return true;
}
