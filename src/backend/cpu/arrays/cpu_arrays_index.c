/* cpu_arrays_index.c - elements picked and placed by index.
 *
 * check() has seen every index before run() uses it: run() only counts negative
 * ones from the end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>

#include "backend/cpu/arrays/cpu_arrays_ops.h"
#include "base/error.h"

static anm_cpu_cell *cells(const anm_cpu_array *a)
{
    return a->data;
}

static size_t place(int32_t index, size_t size)
{
    return index < 0 ? size - (size_t) - (int64_t)index : (size_t)index;
}

static anm_status check_index(const anm_cpu_array_step *s, int32_t index,
                              int64_t size, anm_error *err)
{
    const bool wraps = (s->node->attr.flags & ANM_ARRAY_WRAP_INDEX) != 0;

    if (index < size && (index >= 0 || (wraps && index >= -size)))
        return ANM_OK;
    return anm_fail(err, ANM_E_ARG,
                    "%s: index %" PRId32 " into an axis of %" PRId64,
                    anm_array_op_describe(s->node->op)->name, index, size);
}

/* All indices into one axis. */
static anm_status check_axis(const anm_cpu_array_step *s, anm_error *err)
{
    const anm_array_type *x = &s->in[0]->type;
    const int64_t size = x->dims[anm_array_axis(s->node->attr.axis, x->rank)];
    const size_t n = anm_cpu_array_n(s->in[1]);
    anm_status status = ANM_OK;

    for (size_t i = 0; i < n && !status; i++)
        status = check_index(s, anm_cpu_ints(s->in[1])[i], size, err);
    return status;
}

anm_status anm_cpu_array_check_gather(const anm_cpu_array_step *s,
                                      anm_error *err)
{
    return check_axis(s, err);
}

anm_status anm_cpu_array_check_along(const anm_cpu_array_step *s,
                                     anm_error *err)
{
    return check_axis(s, err);
}

anm_status anm_cpu_array_check_nd(const anm_cpu_array_step *s, anm_error *err)
{
    const anm_array_type *x = &s->in[0]->type, *ix = &s->in[1]->type;
    const size_t named = (size_t)ix->dims[ix->rank - 1];
    const size_t n = anm_cpu_array_n(s->in[1]);
    anm_status status = ANM_OK;

    for (size_t i = 0; i < n && !status; i++) {
        const int64_t axis = s->node->attr.batch_dims + (int64_t)(i % named);
        status = check_index(s, anm_cpu_ints(s->in[1])[i], x->dims[axis], err);
    }
    return status;
}

/* ---- Rows along an axis -------------------------------------------------- */

/* x [batch, outer, size, inner], indices [batch, n],
 * picked [batch, outer, n, inner]. */
typedef struct rows {
    size_t batch, outer, size, inner, n;
} rows;

static rows rows_of(const anm_cpu_array_step *s)
{
    const anm_array_type *x = &s->in[0]->type;
    const unsigned axis = anm_array_axis(s->node->attr.axis, x->rank);
    const anm_cpu_around a = anm_cpu_around_axis(x, axis);
    rows r = { .batch = 1, .outer = a.outer, .size = a.mid, .inner = a.inner };

    for (unsigned i = 0; i < (unsigned)s->node->attr.batch_dims; i++)
        r.batch *= (size_t)x->dims[i];
    if (r.batch) r.outer /= r.batch;
    r.n = r.batch ? anm_cpu_array_n(s->in[1]) / r.batch : 0;
    return r;
}

/* A table has the rows of the first axis; who reads along another one has the
 * cells beside it. */
static bool reads_table(const anm_cpu_array_step *s)
{
    return s->in[0]->table && anm_cpu_array_is_lookup(s->node, &s->in[0]->type);
}

size_t anm_cpu_array_room_gather(const anm_cpu_array_step *s,
                                 unsigned n_members)
{
    (void)n_members;
    /* Indices from the end, counted from the front for the kernel. */
    return reads_table(s) ? anm_cpu_array_n(s->in[1]) : 0;
}

/* Rows of a table that is kept as stored. */
static void gather_table(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const rows g = rows_of(s);
    const anm_cpu_range r = anm_cpu_array_share(t, g.n, 1);
    int32_t *ids = (int32_t *)t->scratch;

    for (size_t i = 0; i < r.n; i++)
        ids[i] = (int32_t)place(anm_cpu_ints(s->in[1])[r.first + i], g.size);
    t->kern->gather_f32(&(anm_gather_f32){
        .table = s->in[0]->table,
        .type = s->in[0]->stored_type,
        .ldt = g.inner,
        .ids = ids,
        .n = r.n,
        .dim = g.inner,
        .y = (float *)s->out[0]->data + r.first * g.inner,
        .ldy = g.inner,
    });
}

void anm_cpu_array_gather(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const rows g = rows_of(s);
    const anm_cpu_range r = anm_cpu_array_share(t, g.batch * g.outer * g.n, 1);

    if (reads_table(s)) {
        gather_table(s, t);
        return;
    }
    for (size_t i = r.first; i < r.first + r.n && g.inner; i++) {
        const size_t outer = i / g.n;
        const size_t at = outer / g.outer * g.n + i % g.n;
        const size_t from = place(anm_cpu_ints(s->in[1])[at], g.size);

        memcpy(cells(s->out[0]) + i * g.inner,
               cells(s->in[0]) + (outer * g.size + from) * g.inner,
               g.inner * sizeof(anm_cpu_cell));
    }
}

/* ---- Elements along an axis ---------------------------------------------- */

/* Where the element of x lies that element `at` of the indices means. */
static size_t along(const anm_cpu_array_step *s, size_t at)
{
    const anm_array_type *x = &s->in[0]->type, *ix = &s->in[1]->type;
    const unsigned axis = anm_array_axis(s->node->attr.axis, x->rank);
    const int32_t index = anm_cpu_ints(s->in[1])[at];
    size_t from = 0, step = 1;

    for (unsigned i = x->rank; i-- > 0;) {
        const size_t size = (size_t)x->dims[i];
        const size_t j = at % (size_t)ix->dims[i];

        from += step * (i == axis ? place(index, size) : j);
        step *= size;
        at /= (size_t)ix->dims[i];
    }
    return from;
}

void anm_cpu_array_gather_along(const anm_cpu_array_step *s,
                                const anm_cpu_turn *t)
{
    const anm_cpu_range r =
        anm_cpu_array_share(t, anm_cpu_array_n(s->out[0]), 16);

    for (size_t i = r.first; i < r.first + r.n; i++)
        cells(s->out[0])[i] = cells(s->in[0])[along(s, i)];
}

/* ---- Rows by several indices --------------------------------------------- */

/* Each row of indices names a block of `inner` cells of x. */
typedef struct blocks {
    size_t n, named, inner;
    size_t per_batch; /* rows of indices of one batch */
} blocks;

static blocks blocks_of(const anm_cpu_array_step *s)
{
    const anm_array_type *x = &s->in[0]->type, *ix = &s->in[1]->type;
    const unsigned batch = (unsigned)s->node->attr.batch_dims;
    blocks b = { .n = 1, .inner = 1, .per_batch = 1 };

    b.named = (size_t)ix->dims[ix->rank - 1];
    for (unsigned i = 0; i + 1 < ix->rank; i++) {
        b.n *= (size_t)ix->dims[i];
        if (i >= batch) b.per_batch *= (size_t)ix->dims[i];
    }
    for (unsigned i = batch + (unsigned)b.named; i < x->rank; i++)
        b.inner *= (size_t)x->dims[i];
    return b;
}

static size_t block_at(const anm_cpu_array_step *s, const blocks *b, size_t row)
{
    const anm_array_type *x = &s->in[0]->type;
    const unsigned batch = (unsigned)s->node->attr.batch_dims;
    size_t at = row / b->per_batch;

    for (unsigned i = 0; i < b->named; i++) {
        const size_t size = (size_t)x->dims[batch + i];
        const int32_t index = anm_cpu_ints(s->in[1])[row * b->named + i];

        at = at * size + place(index, size);
    }
    return at * b->inner;
}

void anm_cpu_array_gather_nd(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const blocks b = blocks_of(s);
    const anm_cpu_range r = anm_cpu_array_share(t, b.n, 1);

    for (size_t i = r.first; i < r.first + r.n && b.inner; i++)
        memcpy(cells(s->out[0]) + i * b.inner,
               cells(s->in[0]) + block_at(s, &b, i),
               b.inner * sizeof(anm_cpu_cell));
}

/* ---- Scatter: one member, in the order of the updates -------------------- */

static float merge_f32(anm_array_mode mode, float a, float u)
{
    switch ((int)mode) {
    case ANM_ARRAY_MODE_ADD:
        return a + u;
    case ANM_ARRAY_MODE_SUB:
        return a - u;
    case ANM_ARRAY_MODE_MUL:
        return a * u;
    case ANM_ARRAY_MODE_DIV:
        return a / u;
    case ANM_ARRAY_MODE_MAX:
        return a > u || isnan(a) ? a : u;
    case ANM_ARRAY_MODE_MIN:
        return a < u || isnan(a) ? a : u;
    default:
        return u;
    }
}

static int64_t merge_i32(anm_array_mode mode, int64_t a, int64_t u)
{
    switch ((int)mode) {
    case ANM_ARRAY_MODE_ADD:
        return a + u;
    case ANM_ARRAY_MODE_SUB:
        return a - u;
    case ANM_ARRAY_MODE_MUL:
        return a * u;
    case ANM_ARRAY_MODE_DIV:
        return u ? a / u : 0;
    case ANM_ARRAY_MODE_MAX:
        return a > u ? a : u;
    case ANM_ARRAY_MODE_MIN:
        return a < u ? a : u;
    default:
        return u;
    }
}

static void merge(const anm_cpu_array_step *s, size_t to, size_t from, size_t n)
{
    const anm_cpu_array *y = s->out[0], *u = s->in[2];
    const anm_array_mode mode = s->node->attr.mode;

    for (size_t i = 0; i < n; i++) {
        if (anm_cpu_is_float(y)) {
            float *a = (float *)y->data + to + i;
            *a = merge_f32(mode, *a, anm_cpu_floats(u)[from + i]);
        } else {
            int32_t *a = (int32_t *)y->data + to + i;
            *a = anm_cpu_wrap(merge_i32(mode, *a, anm_cpu_ints(u)[from + i]),
                              y->type.dtype);
        }
    }
}

static void begin_scatter(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    if (s->out[0]->data != s->in[0]->data) anm_cpu_array_copy(s, t);
}

void anm_cpu_array_scatter(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const rows g = rows_of(s);

    begin_scatter(s, t);
    for (size_t i = 0; i < g.batch * g.outer * g.n; i++) {
        const size_t outer = i / g.n;
        const size_t at = outer / g.outer * g.n + i % g.n;
        const size_t to = place(anm_cpu_ints(s->in[1])[at], g.size);

        merge(s, (outer * g.size + to) * g.inner, i * g.inner, g.inner);
    }
}

void anm_cpu_array_scatter_along(const anm_cpu_array_step *s,
                                 const anm_cpu_turn *t)
{
    const size_t n = anm_cpu_array_n(s->in[1]);

    begin_scatter(s, t);
    for (size_t i = 0; i < n; i++)
        merge(s, along(s, i), i, 1);
}

void anm_cpu_array_scatter_nd(const anm_cpu_array_step *s,
                              const anm_cpu_turn *t)
{
    const blocks b = blocks_of(s);

    begin_scatter(s, t);
    for (size_t i = 0; i < b.n; i++)
        merge(s, block_at(s, &b, i), i * b.inner, b.inner);
}

/* ---- Indices made -------------------------------------------------------- */

void anm_cpu_array_one_hot(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *y = &s->out[0]->type;
    const anm_cpu_around a =
        anm_cpu_around_axis(y, anm_array_axis(s->node->attr.axis, y->rank));
    const anm_cpu_range r =
        anm_cpu_array_share(t, anm_cpu_array_n(s->out[0]), 16);
    const anm_cpu_cell on = cells(s->in[2])[0], off = cells(s->in[3])[0];

    for (size_t i = r.first; i < r.first + r.n; i++) {
        const size_t from = i / (a.mid * a.inner) * a.inner + i % a.inner;
        const int64_t at = (int64_t)(i / a.inner % a.mid);

        cells(s->out[0])[i] = anm_cpu_ints(s->in[0])[from] == at ? on : off;
    }
}

/* Whether the element at i comes before that at j: NaN is larger than all, and
 * of equals the first comes first. */
static bool is_before(const anm_cpu_array *x, bool ascending, size_t i,
                      size_t j)
{
    bool less, more;

    if (anm_cpu_is_float(x)) {
        const float a = anm_cpu_floats(x)[i], b = anm_cpu_floats(x)[j];
        less = a < b || (isnan(b) && !isnan(a));
        more = a > b || (isnan(a) && !isnan(b));
    } else {
        less = anm_cpu_ints(x)[i] < anm_cpu_ints(x)[j];
        more = anm_cpu_ints(x)[i] > anm_cpu_ints(x)[j];
    }
    if (less || more) return ascending ? less : more;
    return i < j;
}

/* One line of x into the first k places, by insertion: k is small. */
static void choose(const anm_cpu_array_step *s, size_t line)
{
    const anm_cpu_array *x = s->in[0], *y = s->out[0];
    const anm_cpu_array *places = s->node->n_outputs > 1 ? s->out[1] : NULL;
    const bool up = (s->node->attr.flags & ANM_ARRAY_ASCENDING) != 0;
    const unsigned axis = anm_array_axis(s->node->attr.axis, x->type.rank);
    const anm_cpu_around a = anm_cpu_around_axis(&x->type, axis);
    const size_t k = (size_t)y->type.dims[axis];
    const size_t base = line / a.inner * a.mid * a.inner + line % a.inner;
    anm_cpu_cell *best =
        cells(y) + line / a.inner * k * a.inner + line % a.inner;
    size_t n = 0;

    /* The places of the chosen first, their values in the end. */
    for (size_t i = 0; i < a.mid; i++) {
        size_t at = n;

        while (at > 0 &&
               is_before(x, up, base + i * a.inner,
                         base + (size_t)best[(at - 1) * a.inner].i * a.inner)) {
            if (at < k) best[at * a.inner] = best[(at - 1) * a.inner];
            at--;
        }
        if (at < k) best[at * a.inner].i = (int32_t)i;
        if (n < k) n++;
    }
    for (size_t i = 0; i < k; i++) {
        const size_t at = (size_t)best[i * a.inner].i;

        if (places)
            cells(places)[(size_t)(best - cells(y)) + i * a.inner] =
                best[i * a.inner];
        best[i * a.inner] = cells(x)[base + at * a.inner];
    }
}

void anm_cpu_array_topk(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *x = &s->in[0]->type;
    const unsigned axis = anm_array_axis(s->node->attr.axis, x->rank);
    const anm_cpu_around a = anm_cpu_around_axis(x, axis);
    const anm_cpu_range r = anm_cpu_array_share(t, a.outer * a.inner, 1);

    for (size_t i = r.first; i < r.first + r.n; i++)
        choose(s, i);
}

void anm_cpu_array_non_zero(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_cpu_array *x = s->in[0];
    const anm_array_type *type = &x->type;
    const size_t n = anm_cpu_array_n(x);
    int32_t *to = s->out[0]->data;
    int64_t found = 0;

    (void)t;
    for (size_t i = 0; i < n; i++) {
        size_t rest = i;

        if (anm_cpu_is_float(x) ? anm_cpu_floats(x)[i] == 0.0f
                                : anm_cpu_ints(x)[i] == 0)
            continue;
        for (unsigned j = type->rank; j-- > 0;) {
            to[found * type->rank + j] =
                (int32_t)(rest % (size_t)type->dims[j]);
            rest /= (size_t)type->dims[j];
        }
        found++;
    }
    s->out[0]->type.dims[0] = found;
}
