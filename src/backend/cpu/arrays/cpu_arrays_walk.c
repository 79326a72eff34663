/* cpu_arrays_walk.c - strided iteration over several arrays at once, and how
 * members share it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "backend/cpu/arrays/cpu_arrays.h"

anm_cpu_range anm_cpu_array_share(const anm_cpu_turn *t, size_t n, size_t grain)
{
    const size_t grains = (n + grain - 1) / grain;
    const size_t first = grains * t->member / t->n_members * grain;
    size_t end = grains * (t->member + 1) / t->n_members * grain;

    if (end > n) end = n;
    return (anm_cpu_range){ .first = first,
                            .n = end > first ? end - first : 0 };
}

int32_t anm_cpu_wrap(int64_t v, anm_dtype dtype)
{
    const uint64_t bits = (uint64_t)v;

    /* Converting an unsigned number that does not fit is defined by every
     * compiler we build with as taking its low bits. */
    switch ((int)dtype) {
    case ANM_DTYPE_BOOL:
        return v != 0;
    case ANM_DTYPE_I8:
        return (int8_t)(uint8_t)bits;
    case ANM_DTYPE_U8:
        return (uint8_t)bits;
    case ANM_DTYPE_I16:
        return (int16_t)(uint16_t)bits;
    case ANM_DTYPE_U16:
        return (uint16_t)bits;
    default:
        return (int32_t)(uint32_t)bits;
    }
}

anm_cpu_around anm_cpu_around_axis(const anm_array_type *t, unsigned axis)
{
    anm_cpu_around a = { 1, (size_t)t->dims[axis], 1 };

    for (unsigned i = 0; i < axis; i++)
        a.outer *= (size_t)t->dims[i];
    for (unsigned i = axis + 1; i < t->rank; i++)
        a.inner *= (size_t)t->dims[i];
    return a;
}

/* ---- Walks --------------------------------------------------------------- */

void anm_cpu_walk_begin(anm_cpu_walk *w, const anm_array_type *t)
{
    *w = (anm_cpu_walk){ .rank = t->rank };
    for (unsigned i = 0; i < t->rank; i++)
        w->dims[i] = (size_t)t->dims[i];
    w->n = anm_array_elements(t);
    anm_cpu_walk_add(w, t);
}

void anm_cpu_walk_add(anm_cpu_walk *w, const anm_array_type *t)
{
    int64_t *steps = w->steps[w->n_operands++];
    int64_t step = 1;

    assert(t->rank <= w->rank && w->n_operands <= ANM_CPU_WALK_OPERANDS);
    for (unsigned i = 1; i <= t->rank; i++) {
        const int64_t dim = t->dims[t->rank - i];

        steps[w->rank - i] = dim == 1 ? 0 : step;
        step *= dim;
    }
}

/* Whether axis i + 1 goes on where a step along axis i leads, for everyone. */
static bool is_joinable(const anm_cpu_walk *w, unsigned i)
{
    for (unsigned k = 0; k < w->n_operands; k++) {
        if (w->steps[k][i] != w->steps[k][i + 1] * (int64_t)w->dims[i + 1])
            return false;
    }
    return true;
}

static void remove_axis(anm_cpu_walk *w, unsigned i)
{
    w->rank--;
    for (; i < w->rank; i++) {
        w->dims[i] = w->dims[i + 1];
        for (unsigned k = 0; k < w->n_operands; k++)
            w->steps[k][i] = w->steps[k][i + 1];
    }
}

void anm_cpu_walk_join(anm_cpu_walk *w)
{
    for (unsigned i = w->rank; i-- > 0;) {
        if (w->dims[i] == 1) remove_axis(w, i);
    }
    for (unsigned i = w->rank > 1 ? w->rank - 1 : 0; i-- > 0;) {
        if (!is_joinable(w, i)) continue;
        w->dims[i + 1] *= w->dims[i];
        remove_axis(w, i);
    }
    if (w->rank > 0) return;
    w->rank = 1;
    w->dims[0] = 1;
    for (unsigned k = 0; k < w->n_operands; k++)
        w->steps[k][0] = 0;
}

/* ---- Cursors ------------------------------------------------------------- */

void anm_cpu_cursor_begin(anm_cpu_cursor *c, const anm_cpu_walk *w,
                          anm_cpu_range range)
{
    size_t rest = range.first;

    assert(w->rank > 0);
    *c = (anm_cpu_cursor){ .walk = w, .left = range.n };
    if (range.n == 0) return;
    for (unsigned i = w->rank; i-- > 0;) {
        c->index[i] = rest % w->dims[i];
        rest /= w->dims[i];
    }
    for (unsigned k = 0; k < w->n_operands; k++) {
        for (unsigned i = 0; i < w->rank; i++)
            c->at[k] += (int64_t)c->index[i] * w->steps[k][i];
    }
}

/* Step over the run that was given out. */
static void advance(anm_cpu_cursor *c)
{
    const anm_cpu_walk *w = c->walk;
    unsigned i = w->rank - 1;

    c->index[i] += c->run;
    for (unsigned k = 0; k < w->n_operands; k++)
        c->at[k] += (int64_t)c->run * w->steps[k][i];
    while (i > 0 && c->index[i] == w->dims[i]) {
        for (unsigned k = 0; k < w->n_operands; k++)
            c->at[k] +=
                w->steps[k][i - 1] - (int64_t)w->dims[i] * w->steps[k][i];
        c->index[i] = 0;
        c->index[--i]++;
    }
}

bool anm_cpu_cursor_next(anm_cpu_cursor *c)
{
    const anm_cpu_walk *w = c->walk;

    if (c->run) advance(c);
    if (c->left == 0) return false;
    c->run = w->dims[w->rank - 1] - c->index[w->rank - 1];
    if (c->run > c->left) c->run = c->left;
    c->left -= c->run;
    return true;
}

void anm_cpu_walk_copy(const anm_cpu_walk *w, const anm_cpu_turn *t,
                       anm_cpu_cell *to, const anm_cpu_cell *from)
{
    const int64_t *last = &w->steps[0][w->rank - 1];
    const int64_t to_step = *last, from_step = w->steps[1][w->rank - 1];
    anm_cpu_cursor c;

    anm_cpu_cursor_begin(&c, w, anm_cpu_array_share(t, w->n, 16));
    while (anm_cpu_cursor_next(&c)) {
        anm_cpu_cell *y = to + c.at[0];
        const anm_cpu_cell *x = from + c.at[1];

        if (to_step == 1 && from_step == 1) {
            memcpy(y, x, c.run * sizeof(*y));
            continue;
        }
        for (size_t i = 0; i < c.run; i++)
            y[(int64_t)i * to_step] = x[(int64_t)i * from_step];
    }
}
