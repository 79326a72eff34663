/* package_output.c - which output of a package holds the vector, and what lies
 * between the two.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/package.h"

/* ---- Layout ---------------------------------------------------------------- */

/* The length that shapes are written for; -1 where there are several. */
static int64_t length_of(const anm_mil_inputs *in)
{
    return in->n_lengths == 1 ? (int64_t)in->lengths[0] : -1;
}

/* The axes of a type that are neither texts nor of size 1. */
typedef struct axes {
    int64_t dims[2];
    unsigned at[2], n;
} axes;

/* False when it cannot be an output of rows or vectors. */
static bool strip_axes(const anm_mil_value_type *t, const anm_mil_inputs *in,
                       axes *out)
{
    const int64_t texts = (int64_t)in->texts;

    out->n = 0;
    if (t->form != ANM_MIL_TENSOR || !t->rank_known || t->rank == 0 ||
        (t->type != ANM_MIL_FLOAT32 && t->type != ANM_MIL_FLOAT16))
        return false;
    for (unsigned i = 0; i < t->rank; i++) {
        const int64_t dim = t->dims[i];
        if (i == 0 && in->rank == 2) {
            if (dim != texts && dim != -1) return false;
            continue;
        }
        if (dim == 1 && length_of(in) != 1) continue;
        if (out->n == 2) return false;
        out->dims[out->n] = dim;
        out->at[out->n++] = i;
    }
    return out->n > 0;
}

/* Where both axes are as long as a text, an axis of 1 between them is the
 * layout of channels; nothing else is written that way. */
static bool is_of_channels(const axes *a, int64_t length)
{
    if (a->dims[1] != length) return false;
    return a->dims[0] != length || a->at[1] > a->at[0] + 1;
}

static bool read_layout(const anm_mil_value_type *t, const anm_mil_inputs *in,
                        anm_package_layout *layout, int64_t *dim)
{
    const int64_t length = length_of(in);
    axes a;

    if (!strip_axes(t, in, &a)) return false;
    if (a.n == 1) {
        *layout = ANM_PACKAGE_VECTOR;
        *dim = a.dims[0];
    } else if (is_of_channels(&a, length)) {
        *layout = ANM_PACKAGE_CHANNELS;
        *dim = a.dims[0];
    } else if (a.dims[0] == length) {
        *layout = ANM_PACKAGE_ROWS;
        *dim = a.dims[1];
    } else {
        return false;
    }
    return *dim > 0 && *dim <= INT32_MAX;
}

/* ---- Choosing -------------------------------------------------------------- */

static const anm_mil_value_type *type_of(const anm_mil_function *f,
                                         const anm_mil_binding *b)
{
    if (b->from) return &b->from->outputs[b->from_output].type;
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->inputs[i].name == b->name) return &f->inputs[i].type;
    return NULL;
}

static anm_status fail_choice(const anm_mil_function *f, const char *what,
                              anm_status status, anm_error *err)
{
    char text[160];
    anm_buf list = { 0 };

    for (size_t i = 0; i < f->block.n_outputs; i++) {
        const anm_mil_value_type *t = type_of(f, &f->block.outputs[i]);
        anm_buf_printf(&list, "%s%s %s", i ? ", " : "",
                       f->block.outputs[i].name,
                       t ? anm_mil_value_type_text(t, text, sizeof(text)) : "");
    }
    char *all = anm_buf_take(&list);
    status = anm_fail(err, status, "function %s: %s; its outputs are %s",
                      f->name, what, all ? all : "");
    anm_free(all);
    return status;
}

anm_status anm_package_choose(anm_package *p, const char *wanted, size_t *dim,
                              anm_error *err)
{
    const anm_mil_function *f = p->function;
    size_t n = 0;
    char what[200];

    for (size_t i = 0; i < f->block.n_outputs; i++) {
        const anm_mil_binding *b = &f->block.outputs[i];
        const anm_mil_value_type *t = type_of(f, b);
        anm_package_layout layout;
        int64_t size;
        if (wanted && strcmp(wanted, b->name) != 0) continue;
        if (!t || !read_layout(t, &p->inputs, &layout, &size)) continue;
        p->output = (anm_mil_var){ b->name, *t };
        p->layout = layout;
        *dim = (size_t)size;
        n++;
    }
    if (n == 1) return ANM_OK;
    if (wanted) {
        snprintf(what, sizeof(what),
                 "output %.100s is not there, or holds no vectors", wanted);
        return fail_choice(f, what, ANM_E_ARG, err);
    }
    if (n > 1)
        return fail_choice(f,
                           "several outputs may hold the vector; choose one "
                           "with --output-name",
                           ANM_E_ARG, err);
    return fail_choice(f,
                       "no output is [texts, dim], [texts, tokens, dim] or "
                       "[texts, dim, 1, tokens] of floats",
                       ANM_E_UNSUPPORTED, err);
}

/* ---- Looking at the program ------------------------------------------------ */

/* The node that defines a value; NULL for inputs and constants. */
static const anm_array_node *maker_of(const anm_arrays *a, anm_value_id v)
{
    for (size_t i = anm_arrays_n_nodes(a); i-- > 0;) {
        const anm_array_node *n = anm_arrays_node(a, i);
        for (unsigned k = 0; k < n->n_outputs; k++)
            if (n->outputs[k] == v) return n;
    }
    return NULL;
}

static bool is_only_a_view(anm_array_op op)
{
    return op == ANM_ARRAY_CAST || op == ANM_ARRAY_IDENTITY ||
           op == ANM_ARRAY_RESHAPE || op == ANM_ARRAY_SQUEEZE ||
           op == ANM_ARRAY_EXPAND_DIMS;
}

/* The value behind casts and changes of shape. */
static anm_value_id strip_views(const anm_arrays *a, anm_value_id v)
{
    const anm_array_node *n = maker_of(a, v);

    while (n && is_only_a_view(n->op)) {
        v = n->inputs[0];
        n = maker_of(a, v);
    }
    return v;
}

/* Whether a value is a bound, a broadcast or a view of the length of x. */
static bool is_length_of(const anm_arrays *a, anm_value_id v, anm_value_id x)
{
    enum { STEPS = 16 };

    for (int step = 0; step < STEPS; step++) {
        const anm_array_node *n = maker_of(a, v);
        if (!n) return false;
        if (n->op == ANM_ARRAY_REDUCE_L2_NORM)
            return strip_views(a, n->inputs[0]) == x;
        const bool bound = n->op == ANM_ARRAY_MAXIMUM || n->op == ANM_ARRAY_ADD;
        if (!bound && !is_only_a_view(n->op) && n->op != ANM_ARRAY_CLIP &&
            n->op != ANM_ARRAY_TILE)
            return false;
        // Of a bound, the operand that is no constant.
        const bool first = !bound || anm_arrays_value(a, n->inputs[0])->kind !=
                                         ANM_ARRAY_CONST;
        v = n->inputs[first ? 0 : 1];
    }
    return false;
}

bool anm_package_is_unit(const anm_arrays *a, anm_value_id output)
{
    const anm_array_node *n = maker_of(a, strip_views(a, output));

    return n && n->op == ANM_ARRAY_REAL_DIV &&
           is_length_of(a, n->inputs[1], strip_views(a, n->inputs[0]));
}

/* Operations whose result still tells which row is meant. */
static bool carries_ids(anm_array_op op)
{
    return is_only_a_view(op) || op == ANM_ARRAY_SELECT ||
           op == ANM_ARRAY_ADD || op == ANM_ARRAY_MAXIMUM ||
           op == ANM_ARRAY_MINIMUM || op == ANM_ARRAY_CLIP ||
           op == ANM_ARRAY_TRANSPOSE;
}

bool anm_package_id_rows(const anm_arrays *a, anm_value_id ids, size_t *rows)
{
    bool *carried = anm_alloc_array(anm_arrays_n_values(a), sizeof(*carried));

    *rows = SIZE_MAX;
    if (!carried) return false;
    carried[ids] = true;
    for (size_t i = 0; i < anm_arrays_n_nodes(a); i++) {
        const anm_array_node *n = anm_arrays_node(a, i);
        bool any = false;
        for (unsigned k = 0; k < n->n_inputs; k++)
            any = any ||
                  (n->inputs[k] != ANM_VALUE_NONE && carried[n->inputs[k]]);
        if (any && carries_ids(n->op)) carried[n->outputs[0]] = true;
        if (n->op != ANM_ARRAY_GATHER || !carried[n->inputs[1]]) continue;
        const anm_array_type *t = &anm_arrays_value(a, n->inputs[0])->type;
        const int64_t axis =
            n->attr.axis < 0 ? n->attr.axis + (int64_t)t->rank : n->attr.axis;
        if (axis >= 0 && axis < (int64_t)t->rank && t->dims[axis] > 0 &&
            (uint64_t)t->dims[axis] < *rows)
            *rows = (size_t)t->dims[axis];
    }
    anm_free(carried);
    return true;
}

/* ---- From the output to the vector ------------------------------------------ */

typedef struct tail {
    const anm_package *p;
    anm_arrays *a;
    int64_t texts, tokens, dim;
} tail;

static anm_array_type floats(int64_t a, int64_t b, int64_t c)
{
    anm_array_type t = { .dtype = ANM_DTYPE_F32, .rank = 2, .dims = { a, b } };

    if (c) {
        t.rank = 3;
        t.dims[2] = c;
    }
    return t;
}

/* One node with one value, whose names no program can hold. */
static anm_value_id add(const tail *t, anm_array_op op, const char *name,
                        const anm_value_id *inputs, size_t n,
                        const anm_array_attr *attr, anm_array_type type)
{
    const anm_array_result result = { name, type };

    return anm_arrays_add(t->a, op, name, inputs, n, attr, &result, 1);
}

static anm_value_id reshape(const tail *t, const char *name, anm_value_id x,
                            anm_array_type type)
{
    char shape_name[64];
    int32_t shape[ANM_RANK_MAX];

    for (unsigned i = 0; i < type.rank; i++)
        shape[i] = (int32_t)type.dims[i];
    snprintf(shape_name, sizeof(shape_name), "%s.shape", name);
    const anm_value_id inputs[] = { x, anm_arrays_const_i32(t->a, shape_name,
                                                            shape, type.rank) };
    return add(t, ANM_ARRAY_RESHAPE, name, inputs, 2, NULL, type);
}

/* [texts, tokens, dim], whatever the output's order. */
static anm_value_id add_rows(const tail *t, anm_value_id output)
{
    const anm_array_attr swap = { .n_axes = 3, .axes = { 0, 2, 1 } };
    const anm_array_type rows = floats(t->texts, t->tokens, t->dim);

    if (t->p->layout == ANM_PACKAGE_ROWS)
        return reshape(t, "/rows", output, rows);
    const anm_value_id channels =
        reshape(t, "/channels", output, floats(t->texts, t->dim, t->tokens));
    return add(t, ANM_ARRAY_TRANSPOSE, "/rows", &channels, 1, &swap, rows);
}

/* Positions that hold a token. */
static anm_value_id add_kept(const tail *t, anm_value_id mask)
{
    anm_array_type type = floats(t->texts, t->tokens, 0);
    const anm_array_attr to_bool = { .dtype = ANM_DTYPE_BOOL };

    type.dtype = anm_arrays_value(t->a, mask)->type.dtype;
    const anm_value_id flat = reshape(t, "/mask", mask, type);
    type.dtype = ANM_DTYPE_BOOL;
    return add(t, ANM_ARRAY_CAST, "/kept", &flat, 1, &to_bool, type);
}

/* Whatever padding holds, not a number too, counts for nothing. */
static anm_value_id add_mean(const tail *t, anm_value_id rows,
                             anm_value_id mask)
{
    const anm_array_attr last = { .n_axes = 1, .axes = { -1 } };
    const anm_array_attr over = { .n_axes = 1, .axes = { 1 } };
    const anm_array_attr count = { .n_axes = 1,
                                   .axes = { 1 },
                                   .flags = ANM_ARRAY_KEEP_DIMS };
    const anm_array_attr to_float = { .dtype = ANM_DTYPE_F32 };
    const anm_value_id kept = add_kept(t, mask);
    anm_array_type column = floats(t->texts, t->tokens, 1);

    column.dtype = ANM_DTYPE_BOOL;
    const anm_value_id select[] = {
        add(t, ANM_ARRAY_EXPAND_DIMS, "/kept.column", &kept, 1, &last, column),
        rows, anm_arrays_scalar_f32(t->a, "/zero", 0)
    };
    const anm_value_id masked =
        add(t, ANM_ARRAY_SELECT, "/rows.kept", select, 3, NULL,
            floats(t->texts, t->tokens, t->dim));
    const anm_value_id ones = add(t, ANM_ARRAY_CAST, "/ones", &kept, 1,
                                  &to_float, floats(t->texts, t->tokens, 0));
    const anm_value_id parts[] = {
        add(t, ANM_ARRAY_REDUCE_SUM, "/sum", &masked, 1, &over,
            floats(t->texts, t->dim, 0)),
        add(t, ANM_ARRAY_REDUCE_SUM, "/count", &ones, 1, &count,
            floats(t->texts, 1, 0)),
    };
    return add(t, ANM_ARRAY_REAL_DIV, "/pooled", parts, 2, NULL,
               floats(t->texts, t->dim, 0));
}

/* The row at one end, for all texts the same. */
static anm_value_id add_end(const tail *t, anm_value_id rows, int32_t at)
{
    const int32_t begin[] = { 0, at, 0 };
    const anm_array_attr slice = { .begin_mask = 5,
                                   .end_mask = 5,
                                   .squeeze_mask = 2 };
    const anm_value_id where = anm_arrays_const_i32(t->a, "/row", begin, 3);
    const anm_value_id inputs[] = { rows, where, where };

    return add(t, ANM_ARRAY_SLICE_BY_INDEX, "/pooled", inputs, 3, &slice,
               floats(t->texts, t->dim, 0));
}

/* The first or last row that holds a token, by the mask of each text. */
static anm_value_id add_found(const tail *t, anm_value_id rows,
                              anm_value_id mask, bool first)
{
    const anm_array_attr to_int = { .dtype = ANM_DTYPE_I32 };
    const anm_array_attr over = { .n_axes = 1, .axes = { 1 }, .axis = 1 };
    const anm_array_attr pick = { .axis = 1, .batch_dims = 1 };
    const anm_value_id kept = add_kept(t, mask);
    anm_array_type type = floats(t->texts, t->tokens, 0);

    type.dtype = ANM_DTYPE_I32;
    const anm_value_id ones =
        add(t, ANM_ARRAY_CAST, "/ones", &kept, 1, &to_int, type);
    type.rank = 1;
    anm_value_id index =
        add(t, first ? ANM_ARRAY_REDUCE_ARGMAX : ANM_ARRAY_REDUCE_SUM, "/index",
            &ones, 1, &over, type);
    if (!first) {
        const anm_value_id minus[] = { index,
                                       anm_arrays_scalar_i32(t->a, "/one", 1) };
        index = add(t, ANM_ARRAY_SUB, "/last", minus, 2, NULL, type);
    }
    const anm_value_id inputs[] = { rows, index };
    return add(t, ANM_ARRAY_GATHER, "/pooled", inputs, 2, &pick,
               floats(t->texts, t->dim, 0));
}

static anm_value_id add_pool(const tail *t, anm_pool_kind pool,
                             anm_value_id output, anm_value_id mask)
{
    const bool left = t->p->pad_left;

    if (t->p->layout == ANM_PACKAGE_VECTOR)
        return reshape(t, "/pooled", output, floats(t->texts, t->dim, 0));
    const anm_value_id rows = add_rows(t, output);
    switch (pool) {
    case ANM_POOL_MEAN:
        return add_mean(t, rows, mask);
    case ANM_POOL_CLS:
        return left ? add_found(t, rows, mask, true) : add_end(t, rows, 0);
    case ANM_POOL_LAST:
        return left ? add_end(t, rows, -1) : add_found(t, rows, mask, false);
    }
    return ANM_VALUE_NONE;
}

static anm_value_id add_unit(const tail *t, anm_value_id x)
{
    const anm_array_attr last = { .n_axes = 1,
                                  .axes = { -1 },
                                  .flags = ANM_ARRAY_KEEP_DIMS };
    const anm_array_type column = floats(t->texts, 1, 0);
    const anm_value_id bound[] = {
        add(t, ANM_ARRAY_REDUCE_L2_NORM, "/length", &x, 1, &last, column),
        anm_arrays_scalar_f32(t->a, "/least", 1e-12f)
    };
    const anm_value_id parts[] = { x, add(t, ANM_ARRAY_MAXIMUM, "/divisor",
                                          bound, 2, NULL, column) };

    return add(t, ANM_ARRAY_REAL_DIV, "/vector", parts, 2, NULL,
               floats(t->texts, t->dim, 0));
}

anm_value_id anm_package_add_vector(const anm_package *p, anm_pool_kind pool,
                                    anm_arrays *a, anm_value_id output,
                                    anm_value_id mask)
{
    anm_package_layout layout;
    tail t = { .p = p,
               .a = a,
               .texts = (int64_t)p->inputs.texts,
               .tokens = length_of(&p->inputs) };

    if (!read_layout(&p->output.type, &p->inputs, &layout, &t.dim))
        return ANM_VALUE_NONE;
    const anm_value_id v = add_pool(&t, pool, output, mask);
    return p->unit ? add_unit(&t, v) : v;
}
