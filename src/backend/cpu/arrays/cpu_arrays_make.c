/* cpu_arrays_make.c - arrays from numbers and shapes, and running sums.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/cpu/arrays/cpu_arrays_ops.h"

/* FILL (shape, value) and FILL_LIKE (ref, value). */
void anm_cpu_array_fill(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_cpu_range r =
        anm_cpu_array_share(t, anm_cpu_array_n(s->out[0]), 16);
    const anm_cpu_cell value = *(const anm_cpu_cell *)s->in[1]->data;
    anm_cpu_cell *y = s->out[0]->data;

    for (size_t i = r.first; i < r.first + r.n; i++)
        y[i] = value;
}

void anm_cpu_array_range(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const size_t n = anm_cpu_array_n(s->out[0]);
    const anm_cpu_array *y = s->out[0];

    (void)t;
    for (size_t i = 0; i < n; i++) {
        if (anm_cpu_is_float(y)) {
            const double start = (double)anm_cpu_floats(s->in[0])[0];
            const double step = (double)anm_cpu_floats(s->in[2])[0];
            ((float *)y->data)[i] = (float)(start + (double)i * step);
        } else {
            const int64_t start = anm_cpu_ints(s->in[0])[0];
            const int64_t step = anm_cpu_ints(s->in[2])[0];
            ((int32_t *)y->data)[i] =
                anm_cpu_wrap(start + (int64_t)i * step, y->type.dtype);
        }
    }
}

void anm_cpu_array_shape(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *x = &s->in[0]->type;

    (void)t;
    for (unsigned i = 0; i < x->rank; i++)
        ((int32_t *)s->out[0]->data)[i] =
            anm_cpu_wrap(x->dims[i], ANM_DTYPE_I32);
}

void anm_cpu_array_band(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *x = &s->in[0]->type;
    const size_t rows = (size_t)x->dims[x->rank - 2];
    const size_t cols = (size_t)x->dims[x->rank - 1];
    const int64_t lower = s->node->attr.lower, upper = s->node->attr.upper;
    const anm_cpu_range r =
        anm_cpu_array_share(t, anm_cpu_array_n(s->in[0]), 16);
    const anm_cpu_cell *from = s->in[0]->data;
    anm_cpu_cell *to = s->out[0]->data;

    for (size_t i = r.first; i < r.first + r.n; i++) {
        const int64_t m = (int64_t)(i / cols % rows), n = (int64_t)(i % cols);
        const bool keep =
            (lower < 0 || m - n <= lower) && (upper < 0 || n - m <= upper);
        to[i] = keep ? from[i] : (anm_cpu_cell){ 0 };
    }
}

/* One line along the axis: from its first element to its last, or back. */
static void sum_line(const anm_cpu_array_step *s, size_t first, size_t n,
                     size_t step)
{
    const anm_cpu_array *x = s->in[0], *y = s->out[0];
    const bool exclusive = (s->node->attr.flags & ANM_ARRAY_EXCLUSIVE) != 0;
    const bool back = (s->node->attr.flags & ANM_ARRAY_REVERSE_ORDER) != 0;
    double sum = 0.0;
    int64_t whole = 0;

    for (size_t i = 0; i < n; i++) {
        const size_t at = first + (back ? n - 1 - i : i) * step;

        if (anm_cpu_is_float(x)) {
            const double v = (double)anm_cpu_floats(x)[at];
            ((float *)y->data)[at] = (float)(exclusive ? sum : sum + v);
            sum += v;
        } else {
            const int64_t v = anm_cpu_ints(x)[at];
            ((int32_t *)y->data)[at] =
                anm_cpu_wrap(exclusive ? whole : whole + v, y->type.dtype);
            whole += v;
        }
    }
}

void anm_cpu_array_cumsum(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *x = &s->in[0]->type;
    const anm_cpu_around a =
        anm_cpu_around_axis(x, anm_array_axis(s->node->attr.axis, x->rank));
    const anm_cpu_range r = anm_cpu_array_share(t, a.outer * a.inner, 1);

    for (size_t i = r.first; i < r.first + r.n; i++)
        sum_line(s, i / a.inner * a.mid * a.inner + i % a.inner, a.mid,
                 a.inner);
}

/* ---- State --------------------------------------------------------------- */

/* What is written is rounded or wrapped to the state's declared type. */
void anm_cpu_array_write_state(const anm_cpu_array_step *s,
                               const anm_cpu_turn *t)
{
    const anm_cpu_array *state = s->in[0], *x = s->in[1];
    const anm_dtype to = state->type.dtype;
    const anm_cpu_range r = anm_cpu_array_share(t, anm_cpu_array_n(x), 16);

    for (size_t i = r.first; i < r.first + r.n; i++) {
        if (to == ANM_DTYPE_F16)
            ((float *)state->data)[i] =
                anm_f32_of_f16(anm_f16_of_f32(anm_cpu_floats(x)[i]));
        else if (to == ANM_DTYPE_F32)
            ((float *)state->data)[i] = anm_cpu_floats(x)[i];
        else
            ((int32_t *)state->data)[i] = anm_cpu_wrap(anm_cpu_ints(x)[i], to);
    }
}
