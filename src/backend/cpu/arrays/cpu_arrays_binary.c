/* cpu_arrays_binary.c - two arrays, or three, element by element.
 *
 * Each operation is one expression in apply_…(); the loops around it are
 * compiled once for each, so that what is constant in them vectorises.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "backend/cpu/arrays/cpu_arrays_ops.h"
#include "base/compiler.h"

/* A run of elements: operands go on by 0 or more cells. */
typedef struct span {
    size_t n;
    int64_t a_step, b_step;
} span;

/* ---- Floats -------------------------------------------------------------- */

static ANM_ALWAYS_INLINE float modulo_f32(float a, float b)
{
    const float r = fmodf(a, b);

    return r != 0.0f && (r < 0.0f) != (b < 0.0f) ? r + b : r;
}

static ANM_ALWAYS_INLINE float apply_f32(int op, float a, float b)
{
    switch (op) {
    case ANM_ARRAY_ADD:
        return a + b;
    case ANM_ARRAY_SUB:
        return a - b;
    case ANM_ARRAY_MUL:
        return a * b;
    case ANM_ARRAY_REAL_DIV:
        return a / b;
    case ANM_ARRAY_FLOOR_DIV:
        return floorf(a / b);
    case ANM_ARRAY_MOD:
        return modulo_f32(a, b);
    case ANM_ARRAY_POW:
        return b == 2.0f ? a * a : powf(a, b);
    case ANM_ARRAY_MAXIMUM:
        return a > b || isnan(a) ? a : b;
    default: /* MINIMUM */
        return a < b || isnan(a) ? a : b;
    }
}

static ANM_ALWAYS_INLINE void loop_f32(int op, float *y, const float *a,
                                       const float *b, span s)
{
    if (s.a_step == 1 && s.b_step == 1) {
        for (size_t i = 0; i < s.n; i++)
            y[i] = apply_f32(op, a[i], b[i]);
    } else if (s.a_step == 1 && s.b_step == 0) {
        for (size_t i = 0; i < s.n; i++)
            y[i] = apply_f32(op, a[i], b[0]);
    } else {
        for (size_t i = 0; i < s.n; i++)
            y[i] = apply_f32(op, a[(int64_t)i * s.a_step],
                             b[(int64_t)i * s.b_step]);
    }
}

static void combine_f32(anm_array_op op, float *y, const float *a,
                        const float *b, span s)
{
    switch ((int)op) {
    case ANM_ARRAY_ADD:
        loop_f32(ANM_ARRAY_ADD, y, a, b, s);
        return;
    case ANM_ARRAY_SUB:
        loop_f32(ANM_ARRAY_SUB, y, a, b, s);
        return;
    case ANM_ARRAY_MUL:
        loop_f32(ANM_ARRAY_MUL, y, a, b, s);
        return;
    case ANM_ARRAY_REAL_DIV:
        loop_f32(ANM_ARRAY_REAL_DIV, y, a, b, s);
        return;
    case ANM_ARRAY_FLOOR_DIV:
        loop_f32(ANM_ARRAY_FLOOR_DIV, y, a, b, s);
        return;
    case ANM_ARRAY_MOD:
        loop_f32(ANM_ARRAY_MOD, y, a, b, s);
        return;
    case ANM_ARRAY_POW:
        loop_f32(ANM_ARRAY_POW, y, a, b, s);
        return;
    case ANM_ARRAY_MAXIMUM:
        loop_f32(ANM_ARRAY_MAXIMUM, y, a, b, s);
        return;
    default:
        loop_f32(ANM_ARRAY_MINIMUM, y, a, b, s);
        return;
    }
}

static bool compare_f32(anm_array_op op, float a, float b)
{
    switch ((int)op) {
    case ANM_ARRAY_EQUAL:
        return a == b;
    case ANM_ARRAY_NOT_EQUAL:
        return a != b;
    case ANM_ARRAY_LESS:
        return a < b;
    case ANM_ARRAY_LESS_EQUAL:
        return a <= b;
    case ANM_ARRAY_GREATER:
        return a > b;
    default:
        return a >= b;
    }
}

/* ---- Integers ------------------------------------------------------------ */

/* Towards minus infinity; 0 by 0, as numpy answers. */
static int64_t floor_div(int64_t a, int64_t b)
{
    if (b == 0) return 0;
    const int64_t q = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

/* Exact where it fits; the low bits of the product of two int32_t otherwise. */
static int64_t power(int64_t a, int64_t b)
{
    uint64_t base = (uint64_t)a, y = 1;

    if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    for (; b > 0; b >>= 1) {
        if (b & 1) y *= base;
        base *= base;
    }
    return (int64_t)y;
}

static int64_t apply_i32(anm_array_op op, int64_t a, int64_t b)
{
    switch ((int)op) {
    case ANM_ARRAY_ADD:
        return a + b;
    case ANM_ARRAY_SUB:
        return a - b;
    case ANM_ARRAY_MUL:
        return a * b;
    case ANM_ARRAY_REAL_DIV:
        return b ? a / b : 0;
    case ANM_ARRAY_FLOOR_DIV:
        return floor_div(a, b);
    case ANM_ARRAY_MOD:
        return b ? a - floor_div(a, b) * b : 0;
    case ANM_ARRAY_POW:
        return power(a, b);
    case ANM_ARRAY_MAXIMUM:
        return a > b ? a : b;
    case ANM_ARRAY_MINIMUM:
        return a < b ? a : b;
    case ANM_ARRAY_EQUAL:
        return a == b;
    case ANM_ARRAY_NOT_EQUAL:
        return a != b;
    case ANM_ARRAY_LESS:
        return a < b;
    case ANM_ARRAY_LESS_EQUAL:
        return a <= b;
    case ANM_ARRAY_GREATER:
        return a > b;
    case ANM_ARRAY_GREATER_EQUAL:
        return a >= b;
    case ANM_ARRAY_LOGICAL_AND:
        return a && b;
    case ANM_ARRAY_LOGICAL_OR:
        return a || b;
    default: /* LOGICAL_XOR */
        return !a != !b;
    }
}

/* ---- Runs ---------------------------------------------------------------- */

static void combine_run(const anm_cpu_array_step *s, const anm_cpu_cursor *c,
                        span sp)
{
    const anm_array_op op = s->node->op;
    const anm_cpu_array *a = s->in[0], *b = s->in[1], *y = s->out[0];

    if (anm_cpu_is_float(a)) {
        const float *x = anm_cpu_floats(a) + c->at[1];
        const float *z = anm_cpu_floats(b) + c->at[2];

        if (op <= ANM_ARRAY_MINIMUM) {
            combine_f32(op, (float *)y->data + c->at[0], x, z, sp);
            return;
        }
        int32_t *to = (int32_t *)y->data + c->at[0];
        for (size_t i = 0; i < sp.n; i++)
            to[i] = compare_f32(op, x[(int64_t)i * sp.a_step],
                                z[(int64_t)i * sp.b_step]);
        return;
    }
    const int32_t *x = anm_cpu_ints(a) + c->at[1];
    const int32_t *z = anm_cpu_ints(b) + c->at[2];
    int32_t *to = (int32_t *)y->data + c->at[0];
    for (size_t i = 0; i < sp.n; i++)
        to[i] = anm_cpu_wrap(
            apply_i32(op, x[(int64_t)i * sp.a_step], z[(int64_t)i * sp.b_step]),
            y->type.dtype);
}

void anm_cpu_array_binary(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    anm_cpu_walk w;
    anm_cpu_cursor c;

    anm_cpu_walk_begin(&w, &s->out[0]->type);
    anm_cpu_walk_add(&w, &s->in[0]->type);
    anm_cpu_walk_add(&w, &s->in[1]->type);
    anm_cpu_walk_join(&w);
    anm_cpu_cursor_begin(&c, &w, anm_cpu_array_share(t, w.n, 16));
    while (anm_cpu_cursor_next(&c))
        combine_run(
            s, &c,
            (span){ c.run, w.steps[1][w.rank - 1], w.steps[2][w.rank - 1] });
}

void anm_cpu_array_select(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    anm_cpu_walk w;
    anm_cpu_cursor c;

    anm_cpu_walk_begin(&w, &s->out[0]->type);
    for (unsigned i = 0; i < 3; i++)
        anm_cpu_walk_add(&w, &s->in[i]->type);
    anm_cpu_walk_join(&w);
    const unsigned last = w.rank - 1;
    anm_cpu_cursor_begin(&c, &w, anm_cpu_array_share(t, w.n, 16));
    while (anm_cpu_cursor_next(&c)) {
        const int32_t *cond = anm_cpu_ints(s->in[0]) + c.at[1];
        const anm_cpu_cell *a = (const anm_cpu_cell *)s->in[1]->data + c.at[2];
        const anm_cpu_cell *b = (const anm_cpu_cell *)s->in[2]->data + c.at[3];
        anm_cpu_cell *y = (anm_cpu_cell *)s->out[0]->data + c.at[0];

        for (int64_t i = 0; i < (int64_t)c.run; i++)
            y[i] = cond[i * w.steps[1][last]] ? a[i * w.steps[2][last]]
                                              : b[i * w.steps[3][last]];
    }
}
