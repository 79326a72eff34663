/* cpu_arrays_reduce.c - many elements become one, and softmax.
 *
 * Sums of floats are taken in double and in the order of the elements, so that
 * no result depends on how members share them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>

#include "backend/cpu/arrays/cpu_arrays_ops.h"

/* ---- Which elements ------------------------------------------------------ */

/* Axes that stay and axes that go, each with its steps in x. */
typedef struct fold {
    unsigned n_kept, n_gone;
    size_t kept[ANM_RANK_MAX], gone[ANM_RANK_MAX];
    size_t kept_step[ANM_RANK_MAX], gone_step[ANM_RANK_MAX];
    size_t n; /* elements of one result */
} fold;

static fold fold_of(const anm_array_type *x, unsigned bits)
{
    fold f = { .n = 1 };
    size_t steps[ANM_RANK_MAX], step = 1;

    for (unsigned i = x->rank; i-- > 0;) {
        steps[i] = step;
        step *= (size_t)x->dims[i];
    }
    for (unsigned i = 0; i < x->rank; i++) {
        const size_t dim = (size_t)x->dims[i];

        if (bits & 1u << i) {
            f.gone[f.n_gone] = dim;
            f.gone_step[f.n_gone++] = steps[i];
            f.n *= dim;
        } else {
            f.kept[f.n_kept] = dim;
            f.kept_step[f.n_kept++] = steps[i];
        }
    }
    return f;
}

/* Offset of element i of these axes. */
static size_t offset_of(size_t i, unsigned n, const size_t *dims,
                        const size_t *steps)
{
    size_t at = 0;

    for (unsigned j = n; j-- > 0;) {
        at += i % dims[j] * steps[j];
        i /= dims[j];
    }
    return at;
}

/* ---- One result ---------------------------------------------------------- */

static double begin_f64(anm_array_op op)
{
    if (op == ANM_ARRAY_REDUCE_MAX) return -INFINITY;
    if (op == ANM_ARRAY_REDUCE_MIN) return INFINITY;
    return op == ANM_ARRAY_REDUCE_PROD ? 1.0 : 0.0;
}

static double take_f64(anm_array_op op, double sum, double v)
{
    switch ((int)op) {
    case ANM_ARRAY_REDUCE_MAX:
        return v > sum || isnan(v) ? v : sum;
    case ANM_ARRAY_REDUCE_MIN:
        return v < sum || isnan(v) ? v : sum;
    case ANM_ARRAY_REDUCE_PROD:
        return sum * v;
    case ANM_ARRAY_REDUCE_SUM_SQUARE:
    case ANM_ARRAY_REDUCE_L2_NORM:
        return sum + v * v;
    case ANM_ARRAY_REDUCE_L1_NORM:
        return sum + fabs(v);
    default:
        return sum + v;
    }
}

static double end_f64(anm_array_op op, double sum, size_t n)
{
    switch ((int)op) {
    case ANM_ARRAY_REDUCE_MEAN:
        return sum / (double)n;
    case ANM_ARRAY_REDUCE_L2_NORM:
        return sqrt(sum);
    case ANM_ARRAY_REDUCE_LOG_SUM:
        return log(sum);
    default:
        return sum;
    }
}

static double reduce_f64(anm_array_op op, const float *x, const fold *f)
{
    const unsigned last = f->n_gone ? f->n_gone - 1 : 0;
    const size_t run = f->n_gone ? f->gone[last] : 1;
    const size_t step = f->n_gone ? f->gone_step[last] : 1;
    double sum = begin_f64(op);

    for (size_t i = 0; i < f->n; i += run) {
        const float *from = x + offset_of(i, f->n_gone, f->gone, f->gone_step);

        for (size_t j = 0; j < run; j++)
            sum = take_f64(op, sum, (double)from[j * step]);
    }
    return end_f64(op, sum, f->n);
}

static double reduce_log_sum_exp(const float *x, const fold *f)
{
    const double most = reduce_f64(ANM_ARRAY_REDUCE_MAX, x, f);
    double sum = 0.0;

    if (isinf(most)) return most;
    for (size_t i = 0; i < f->n; i++)
        sum += exp((double)x[offset_of(i, f->n_gone, f->gone, f->gone_step)] -
                   most);
    return log(sum) + most;
}

/* Modulo 2^64, of which the declared type takes the low bits. */
static int64_t reduce_i64(anm_array_op op, const int32_t *x, const fold *f)
{
    uint64_t sum = op == ANM_ARRAY_REDUCE_PROD ? 1 : 0;
    int64_t most = op == ANM_ARRAY_REDUCE_MIN ? INT32_MAX : INT32_MIN;

    for (size_t i = 0; i < f->n; i++) {
        const int64_t v = x[offset_of(i, f->n_gone, f->gone, f->gone_step)];

        if (op == ANM_ARRAY_REDUCE_PROD)
            sum *= (uint64_t)v;
        else if (op == ANM_ARRAY_REDUCE_SUM_SQUARE)
            sum += (uint64_t)(v * v);
        else if (op == ANM_ARRAY_REDUCE_L1_NORM)
            sum += (uint64_t)(v < 0 ? -v : v);
        else
            sum += (uint64_t)v;
        if (op == ANM_ARRAY_REDUCE_MIN ? v < most : v > most) most = v;
    }
    if (op == ANM_ARRAY_REDUCE_MIN || op == ANM_ARRAY_REDUCE_MAX) return most;
    if (op == ANM_ARRAY_REDUCE_MEAN)
        return f->n ? (int64_t)sum / (int64_t)f->n : 0;
    return (int64_t)sum;
}

void anm_cpu_array_reduce(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_cpu_array *x = s->in[0], *y = s->out[0];
    const anm_array_op op = s->node->op;
    const fold f =
        fold_of(&x->type, anm_array_axes(&s->node->attr, x->type.rank));
    const anm_cpu_range r = anm_cpu_array_share(t, anm_cpu_array_n(y), 1);

    for (size_t i = r.first; i < r.first + r.n; i++) {
        const size_t at = offset_of(i, f.n_kept, f.kept, f.kept_step);

        if (!anm_cpu_is_float(x))
            ((int32_t *)y->data)[i] = anm_cpu_wrap(
                reduce_i64(op, anm_cpu_ints(x) + at, &f), y->type.dtype);
        else if (op == ANM_ARRAY_REDUCE_LOG_SUM_EXP)
            ((float *)y->data)[i] =
                (float)reduce_log_sum_exp(anm_cpu_floats(x) + at, &f);
        else
            ((float *)y->data)[i] =
                (float)reduce_f64(op, anm_cpu_floats(x) + at, &f);
    }
}

/* ---- The place of the largest -------------------------------------------- */

static bool is_better(const anm_cpu_array *x, bool largest, size_t i, size_t j)
{
    if (!anm_cpu_is_float(x))
        return largest ? anm_cpu_ints(x)[i] > anm_cpu_ints(x)[j]
                       : anm_cpu_ints(x)[i] < anm_cpu_ints(x)[j];
    const float a = anm_cpu_floats(x)[i], b = anm_cpu_floats(x)[j];
    if (isnan(b)) return false;
    return isnan(a) || (largest ? a > b : a < b);
}

void anm_cpu_array_arg(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_cpu_array *x = s->in[0];
    const unsigned axis = anm_array_axis(s->node->attr.axis, x->type.rank);
    const anm_cpu_around a = anm_cpu_around_axis(&x->type, axis);
    const bool largest = s->node->op == ANM_ARRAY_REDUCE_ARGMAX;
    const anm_cpu_range r = anm_cpu_array_share(t, a.outer * a.inner, 1);

    for (size_t i = r.first; i < r.first + r.n; i++) {
        const size_t base = i / a.inner * a.mid * a.inner + i % a.inner;
        size_t best = 0;

        for (size_t j = 1; j < a.mid; j++) {
            if (is_better(x, largest, base + j * a.inner,
                          base + best * a.inner))
                best = j;
        }
        ((int32_t *)s->out[0]->data)[i] =
            anm_cpu_wrap((int64_t)best, s->out[0]->type.dtype);
    }
}

/* ---- Softmax ------------------------------------------------------------- */

static bool is_all_masked(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] != -INFINITY) return false;
    return true;
}

void anm_cpu_softmax_rows(const anm_kern *kern, float *x, size_t ld,
                          size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++) {
        float *row = x + i * ld;

        /* The kernel makes zeros of such a row, which is right where masked
         * positions do not exist; here they do, and e^(-inf + inf) is NaN. */
        if (!is_all_masked(row, n)) continue;
        for (size_t j = 0; j < n; j++)
            row[j] = NAN;
    }
    kern->softmax_f32(x, ld, rows, n);
}

size_t anm_cpu_array_room_softmax(const anm_cpu_array_step *s,
                                  unsigned n_members)
{
    const anm_array_type *x = &s->in[0]->type;

    (void)n_members;
    return (size_t)x->dims[anm_array_axis(s->node->attr.axis, x->rank)];
}

void anm_cpu_array_softmax(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *x = &s->in[0]->type;
    const anm_cpu_around a =
        anm_cpu_around_axis(x, anm_array_axis(s->node->attr.axis, x->rank));
    const anm_cpu_range r = anm_cpu_array_share(t, a.outer * a.inner, 1);
    const float *from = s->in[0]->data;
    float *to = s->out[0]->data;

    if (r.n == 0 || a.mid == 0) return;
    if (a.inner == 1) {
        if (to != from)
            memcpy(to + r.first * a.mid, from + r.first * a.mid,
                   r.n * a.mid * sizeof(*to));
        anm_cpu_softmax_rows(t->kern, to + r.first * a.mid, a.mid, r.n, a.mid);
        return;
    }
    for (size_t i = r.first; i < r.first + r.n; i++) {
        const size_t at = i / a.inner * a.mid * a.inner + i % a.inner;

        for (size_t j = 0; j < a.mid; j++)
            t->scratch[j] = from[at + j * a.inner];
        anm_cpu_softmax_rows(t->kern, t->scratch, a.mid, 1, a.mid);
        for (size_t j = 0; j < a.mid; j++)
            to[at + j * a.inner] = t->scratch[j];
    }
}
