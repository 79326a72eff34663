/* cpu_arrays_move.c - the same elements in another order or another array.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/cpu/arrays/cpu_arrays_ops.h"
#include "base/error.h"

static anm_cpu_cell *cells(const anm_cpu_array *a)
{
    return a->data;
}

void anm_cpu_array_copy(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_cpu_array *x = s->in[0], *y = s->out[0];
    const anm_cpu_range r = anm_cpu_array_share(t, anm_cpu_array_n(y), 16);

    if (r.n == 0) return;
    memcpy(cells(y) + r.first, cells(x) + r.first, r.n * sizeof(anm_cpu_cell));
}

void anm_cpu_array_transpose(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *x = &s->in[0]->type;
    int64_t steps[ANM_RANK_MAX], step = 1;
    anm_cpu_walk w;

    for (unsigned i = x->rank; i-- > 0;) {
        steps[i] = step;
        step *= x->dims[i];
    }
    anm_cpu_walk_begin(&w, &s->out[0]->type);
    w.n_operands = 2;
    for (unsigned i = 0; i < x->rank; i++)
        w.steps[1][i] = steps[anm_array_axis(s->node->attr.axes[i], x->rank)];
    anm_cpu_walk_join(&w);
    anm_cpu_walk_copy(&w, t, cells(s->out[0]), cells(s->in[0]));
}

/* ---- Joining and splitting ----------------------------------------------- */

/* Rows of `width` cells, in blocks: to + i * to_step = from + i * from_step. */
static void copy_blocks(const anm_cpu_turn *t, anm_cpu_cell *to, size_t to_step,
                        const anm_cpu_cell *from, size_t from_step, size_t n,
                        size_t width)
{
    const anm_cpu_range r = anm_cpu_array_share(t, n, 1);

    for (size_t i = r.first; i < r.first + r.n; i++)
        memcpy(to + i * to_step, from + i * from_step, width * sizeof(*to));
}

void anm_cpu_array_concat(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *y = &s->out[0]->type;
    const unsigned axis = anm_array_axis(s->node->attr.axis, y->rank);
    const anm_cpu_around a = anm_cpu_around_axis(y, axis);
    const size_t n = s->node->n_inputs;
    const bool interleaved = (s->node->attr.flags & ANM_ARRAY_INTERLEAVE) != 0;
    size_t at = 0;

    for (unsigned i = 0; i < n; i++) {
        const anm_array_type *x = &s->in[i]->type;
        const size_t mid = x->rank ? (size_t)x->dims[axis] : 1;

        if (mid == 0 || a.inner == 0) continue;
        if (interleaved)
            copy_blocks(t, cells(s->out[0]) + i * a.inner, n * a.inner,
                        cells(s->in[i]), a.inner, a.outer * mid, a.inner);
        else
            copy_blocks(t, cells(s->out[0]) + at * a.inner, a.mid * a.inner,
                        cells(s->in[i]), mid * a.inner, a.outer, mid * a.inner);
        at += mid;
    }
}

void anm_cpu_array_stack(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *y = &s->out[0]->type;
    const anm_cpu_around a =
        anm_cpu_around_axis(y, anm_array_axis(s->node->attr.axis, y->rank));

    for (unsigned i = 0; i < s->node->n_inputs && a.inner; i++)
        copy_blocks(t, cells(s->out[0]) + i * a.inner, a.mid * a.inner,
                    cells(s->in[i]), a.inner, a.outer, a.inner);
}

void anm_cpu_array_split(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *x = &s->in[0]->type;
    const unsigned axis = anm_array_axis(s->node->attr.axis, x->rank);
    const anm_cpu_around a = anm_cpu_around_axis(x, axis);
    size_t at = 0;

    for (unsigned i = 0; i < s->node->n_outputs; i++) {
        const size_t width = (size_t)s->out[i]->type.dims[axis] * a.inner;

        if (width)
            copy_blocks(t, cells(s->out[i]), width, cells(s->in[0]) + at,
                        a.mid * a.inner, a.outer, width);
        at += width;
    }
}

/* ---- Repeating and turning ----------------------------------------------- */

/* Axis i of y is reps[i] times axis i of x: two axes of the walk. */
void anm_cpu_array_tile(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *x = &s->in[0]->type;
    const int32_t *reps = anm_cpu_ints(s->in[1]);
    anm_cpu_walk w = { .rank = 2 * x->rank, .n_operands = 2 };
    int64_t to = 1, from = 1;

    for (unsigned i = x->rank; i-- > 0;) {
        w.dims[2 * i] = (size_t)reps[i];
        w.dims[2 * i + 1] = (size_t)x->dims[i];
        w.steps[0][2 * i + 1] = to;
        w.steps[0][2 * i] = to * x->dims[i];
        w.steps[1][2 * i + 1] = from;
        to *= x->dims[i] * reps[i];
        from *= x->dims[i];
    }
    w.n = (size_t)to;
    anm_cpu_walk_join(&w);
    anm_cpu_walk_copy(&w, t, cells(s->out[0]), cells(s->in[0]));
}

void anm_cpu_array_reverse(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *x = &s->in[0]->type;
    const unsigned bits = anm_array_axes(&s->node->attr, x->rank);
    const anm_cpu_cell *from = cells(s->in[0]);
    anm_cpu_walk w;

    anm_cpu_walk_begin(&w, x);
    anm_cpu_walk_add(&w, x);
    for (unsigned i = 0; i < x->rank && w.n; i++) {
        if (!(bits & 1u << i)) continue;
        from += (x->dims[i] - 1) * w.steps[1][i];
        w.steps[1][i] = -w.steps[1][i];
    }
    anm_cpu_walk_join(&w);
    anm_cpu_walk_copy(&w, t, cells(s->out[0]), from);
}

/* ---- Slices -------------------------------------------------------------- */

/* What the inputs are to shape inference, all data known. */
static void look_up(const anm_cpu_array_step *s, anm_array_known known[5])
{
    for (unsigned i = 0; i < s->node->n_inputs && i < 5; i++) {
        known[i] = (anm_array_known){ .present = s->in[i] != NULL };
        if (!s->in[i]) continue;
        known[i].type = s->in[i]->type;
        known[i].data = s->in[i]->data;
    }
}

/* A walk over the part of an array of type x that the slice means; returns
 * where it begins. Operand 1 goes along the part without gaps. */
static int64_t walk_slice(anm_cpu_walk *w, const anm_array_type *x,
                          const anm_array_slice *sl)
{
    int64_t step = 1, dense = 1, begin = 0;

    *w = (anm_cpu_walk){ .rank = x->rank, .n_operands = 2, .n = 1 };
    for (unsigned i = x->rank; i-- > 0;) {
        w->dims[i] = (size_t)sl->count[i];
        w->steps[0][i] = step * sl->step[i];
        w->steps[1][i] = dense;
        begin += step * sl->start[i];
        step *= x->dims[i];
        dense *= sl->count[i];
    }
    w->n = (size_t)dense;
    return begin;
}

static void swap_operands(anm_cpu_walk *w)
{
    int64_t steps[ANM_CPU_WALK_AXES];

    memcpy(steps, w->steps[0], sizeof(steps));
    memcpy(w->steps[0], w->steps[1], sizeof(steps));
    memcpy(w->steps[1], steps, sizeof(steps));
}

void anm_cpu_array_slice(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    anm_array_known known[5];
    anm_array_slice sl;
    anm_cpu_walk w;

    look_up(s, known);
    if (anm_array_slice_of(s->node, known, &sl, NULL)) return;
    const int64_t begin = walk_slice(&w, &s->in[0]->type, &sl);
    if (w.n == 0) return;
    swap_operands(&w);
    anm_cpu_walk_join(&w);
    anm_cpu_walk_copy(&w, t, cells(s->out[0]), cells(s->in[0]) + begin);
}

anm_status anm_cpu_array_check_slice_update(const anm_cpu_array_step *s,
                                            anm_error *err)
{
    anm_array_known known[5];
    anm_array_slice sl;
    size_t n = 1;

    look_up(s, known);
    const anm_status status = anm_array_slice_of(s->node, known, &sl, err);
    if (status) return status;
    for (unsigned i = 0; i < s->in[0]->type.rank; i++)
        n *= (size_t)sl.count[i];
    if (n == anm_cpu_array_n(s->in[1])) return ANM_OK;
    return anm_fail(err, ANM_E_ARG,
                    "slice_update: %zu elements for a slice of %zu",
                    anm_cpu_array_n(s->in[1]), n);
}

void anm_cpu_array_slice_update(const anm_cpu_array_step *s,
                                const anm_cpu_turn *t)
{
    const anm_cpu_turn alone = { .kern = t->kern, .n_members = 1 };
    anm_array_known known[5];
    anm_array_slice sl;
    anm_cpu_walk w;

    look_up(s, known);
    if (anm_array_slice_of(s->node, known, &sl, NULL)) return;
    if (cells(s->out[0]) != cells(s->in[0])) anm_cpu_array_copy(s, &alone);
    const int64_t begin = walk_slice(&w, &s->in[0]->type, &sl);
    if (w.n == 0) return;
    anm_cpu_walk_join(&w);
    anm_cpu_walk_copy(&w, &alone, cells(s->out[0]) + begin, cells(s->in[1]));
}

/* ---- Pad ----------------------------------------------------------------- */

/* The element of an axis of `size` that stands at i, counted from its first
 * one; -1: none. */
static int64_t padded_from(int64_t i, int64_t size, anm_array_mode mode)
{
    if (i >= 0 && i < size) return i;
    if (mode == ANM_ARRAY_MODE_REFLECT) return i < 0 ? -i : 2 * size - 2 - i;
    if (mode == ANM_ARRAY_MODE_REPLICATE) return i < 0 ? 0 : size - 1;
    return -1;
}

/* Where element `at` of y comes from in x; -1: padding. */
static int64_t source_of(const anm_cpu_array_step *s, const int64_t *before,
                         size_t at)
{
    const anm_array_type *x = &s->in[0]->type, *y = &s->out[0]->type;
    int64_t from = 0, step = 1;

    for (unsigned i = x->rank; i-- > 0;) {
        const size_t size = (size_t)y->dims[i];
        const int64_t j = padded_from((int64_t)(at % size) - before[i],
                                      x->dims[i], s->node->attr.mode);

        if (j < 0) return -1;
        from += j * step;
        step *= x->dims[i];
        at /= size;
    }
    return from;
}

void anm_cpu_array_pad(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const unsigned rank = s->in[0]->type.rank;
    const unsigned n = (unsigned)anm_cpu_array_n(s->in[1]) / 2;
    const anm_cpu_array *value = anm_cpu_input(s, 2);
    const anm_cpu_cell fill = value ? cells(value)[0] : (anm_cpu_cell){ 0 };
    const anm_cpu_range r =
        anm_cpu_array_share(t, anm_cpu_array_n(s->out[0]), 16);
    int64_t before[ANM_RANK_MAX] = { 0 };

    for (unsigned i = 0; i < n; i++)
        before[rank - n + i] = anm_cpu_ints(s->in[1])[2 * i];
    for (size_t i = r.first; i < r.first + r.n; i++) {
        const int64_t from = source_of(s, before, i);
        cells(s->out[0])[i] = from < 0 ? fill : cells(s->in[0])[from];
    }
}
