/* cpu_arrays_norm.c - layer norm and its relatives, and rotary positions.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "backend/cpu/arrays/cpu_arrays_ops.h"

/* ---- Layer norm ---------------------------------------------------------- */

/* gamma and beta of one normalised element; 1 and 0 where absent. */
static float scale_at(const anm_cpu_array *a, size_t i)
{
    return a ? anm_cpu_floats(a)[i] : 1.0f;
}

static float shift_at(const anm_cpu_array *a, size_t i)
{
    return a ? anm_cpu_floats(a)[i] : 0.0f;
}

/* Elements that are normalised together, `step` apart, one run for each of
 * [outer, inner]; gamma and beta are per element of the run. */
typedef struct norm {
    const anm_cpu_array *gamma, *beta;
    size_t n, step;
    double eps;
} norm;

static void normalize(float *y, const float *x, const norm *m)
{
    double sum = 0.0, square = 0.0;

    for (size_t i = 0; i < m->n; i++)
        sum += (double)x[i * m->step];
    const double mean = sum / (double)m->n;
    for (size_t i = 0; i < m->n; i++) {
        const double d = (double)x[i * m->step] - mean;
        square += d * d;
    }
    const double scale = 1.0 / sqrt(square / (double)m->n + m->eps);
    for (size_t i = 0; i < m->n; i++) {
        const double z = ((double)x[i * m->step] - mean) * scale;
        y[i * m->step] =
            (float)z * scale_at(m->gamma, i) + shift_at(m->beta, i);
    }
}

/* The kernel takes both vectors, of the last axis. */
static bool has_kernel(const anm_cpu_array_step *s, unsigned bits)
{
    const unsigned rank = s->in[0]->type.rank;

    return bits == 1u << (rank - 1) && anm_cpu_input(s, 1) &&
           anm_cpu_input(s, 2);
}

/* Normalised axes that follow each other: [outer, mid, inner]. False where
 * they do not. */
static bool group_axes(const anm_array_type *x, unsigned bits,
                       anm_cpu_around *a)
{
    unsigned part = 0; /* before, in, behind the normalised axes */

    *a = (anm_cpu_around){ 1, 1, 1 };
    for (unsigned i = 0; i < x->rank; i++) {
        const size_t dim = (size_t)x->dims[i];
        const bool in = (bits & 1u << i) != 0;

        if (in && part == 0) part = 1;
        if (!in && part == 1) part = 2;
        if (in && part == 2) return false;
        *(part == 0 ? &a->outer : part == 1 ? &a->mid : &a->inner) *= dim;
    }
    return true;
}

/* Axes with others between them: x is gathered line by line. */
static void normalize_apart(const anm_cpu_array_step *s, unsigned bits,
                            const norm *m)
{
    const anm_array_type *x = &s->in[0]->type;
    anm_cpu_walk kept, gone;
    size_t step = 1;
    anm_cpu_cursor line, in;
    const float *from = s->in[0]->data;
    float *to = s->out[0]->data;

    kept = gone = (anm_cpu_walk){ .n_operands = 1, .n = 1, .rank = x->rank };
    for (unsigned i = x->rank; i-- > 0;) {
        const bool goes = (bits & 1u << i) != 0;
        anm_cpu_walk *w = goes ? &gone : &kept;

        kept.dims[i] = gone.dims[i] = 1;
        w->dims[i] = (size_t)x->dims[i];
        w->steps[0][i] = (int64_t)step;
        w->n *= (size_t)x->dims[i];
        step *= (size_t)x->dims[i];
    }
    if (kept.n == 0 || gone.n == 0) return;
    for (size_t l = 0; l < kept.n; l++) {
        double sum = 0.0, square = 0.0;
        size_t i = 0;

        anm_cpu_cursor_begin(&line, &kept, (anm_cpu_range){ l, 1 });
        for (size_t pass = 0; pass < 3; pass++) {
            const double mean = sum / (double)gone.n;
            const double scale = 1.0 / sqrt(square / (double)gone.n + m->eps);

            for (i = 0; i < gone.n; i++) {
                anm_cpu_cursor_begin(&in, &gone, (anm_cpu_range){ i, 1 });
                const int64_t at = line.at[0] + in.at[0];
                const double d = (double)from[at] - mean;

                if (pass == 0) sum += (double)from[at];
                if (pass == 1) square += d * d;
                if (pass == 2)
                    to[at] = (float)(d * scale) * scale_at(m->gamma, i) +
                             shift_at(m->beta, i);
            }
        }
    }
}

void anm_cpu_array_layer_norm(const anm_cpu_array_step *s,
                              const anm_cpu_turn *t)
{
    const anm_array_type *x = &s->in[0]->type;
    const unsigned bits = anm_array_axes(&s->node->attr, x->rank);
    const float *from = s->in[0]->data;
    float *to = s->out[0]->data;
    anm_cpu_around a;

    if (!group_axes(x, bits, &a)) {
        const norm m = { anm_cpu_input(s, 1), anm_cpu_input(s, 2), 1, 1,
                         s->node->attr.eps };
        if (t->member == 0) normalize_apart(s, bits, &m);
        return;
    }
    if (a.mid == 0 || a.outer * a.inner == 0) return;
    const norm m = { anm_cpu_input(s, 1), anm_cpu_input(s, 2), a.mid, a.inner,
                     s->node->attr.eps };
    const anm_cpu_range r = anm_cpu_array_share(t, a.outer * a.inner, 1);
    if (has_kernel(s, bits)) {
        t->kern->layer_norm_f32(to + r.first * a.mid, a.mid,
                                from + r.first * a.mid, a.mid, m.gamma->data,
                                m.beta->data, r.n, a.mid, (float)m.eps);
        return;
    }
    for (size_t i = r.first; i < r.first + r.n; i++) {
        const size_t at = i / a.inner * a.mid * a.inner + i % a.inner;
        normalize(to + at, from + at, &m);
    }
}

void anm_cpu_array_rms_norm(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *x = &s->in[0]->type;
    const anm_cpu_around a = anm_cpu_around_axis(x, x->rank - 1);
    const anm_cpu_array *gamma = anm_cpu_input(s, 1);
    const anm_cpu_range r = anm_cpu_array_share(t, a.outer, 1);
    const double eps = s->node->attr.eps;

    if (gamma && a.mid) {
        t->kern->rms_norm_f32((float *)s->out[0]->data + r.first * a.mid, a.mid,
                              anm_cpu_floats(s->in[0]) + r.first * a.mid, a.mid,
                              gamma->data, r.n, 1, a.mid, (float)eps);
        return;
    }
    for (size_t i = r.first; i < r.first + r.n; i++) {
        const float *from = anm_cpu_floats(s->in[0]) + i * a.mid;
        float *to = (float *)s->out[0]->data + i * a.mid;
        double square = 0.0;

        for (size_t j = 0; j < a.mid; j++)
            square += (double)from[j] * (double)from[j];
        const float scale = (float)(1.0 / sqrt(square / (double)a.mid + eps));
        for (size_t j = 0; j < a.mid; j++)
            to[j] = from[j] * scale * scale_at(gamma, j);
    }
}

/* ---- Per channel --------------------------------------------------------- */

void anm_cpu_array_batch_norm(const anm_cpu_array_step *s,
                              const anm_cpu_turn *t)
{
    const anm_cpu_around a = anm_cpu_around_axis(&s->in[0]->type, 1);
    const anm_cpu_range r = anm_cpu_array_share(t, a.outer * a.mid, 1);
    const anm_cpu_array *gamma = anm_cpu_input(s, 3);
    const anm_cpu_array *beta = anm_cpu_input(s, 4);

    for (size_t i = r.first; i < r.first + r.n; i++) {
        const size_t c = i % a.mid;
        const double mean = (double)anm_cpu_floats(s->in[1])[c];
        const double scale =
            1.0 / sqrt((double)anm_cpu_floats(s->in[2])[c] + s->node->attr.eps);
        const float *from = anm_cpu_floats(s->in[0]) + i * a.inner;
        float *to = (float *)s->out[0]->data + i * a.inner;

        for (size_t j = 0; j < a.inner; j++)
            to[j] =
                (float)(((double)from[j] - mean) * scale) * scale_at(gamma, c) +
                shift_at(beta, c);
    }
}

void anm_cpu_array_instance_norm(const anm_cpu_array_step *s,
                                 const anm_cpu_turn *t)
{
    const anm_cpu_around a = anm_cpu_around_axis(&s->in[0]->type, 1);
    const anm_cpu_range r = anm_cpu_array_share(t, a.outer * a.mid, 1);
    const anm_cpu_array *gamma = anm_cpu_input(s, 1);
    const anm_cpu_array *beta = anm_cpu_input(s, 2);
    const norm m = { .n = a.inner, .step = 1, .eps = s->node->attr.eps };

    for (size_t i = r.first; i < r.first + r.n && a.inner; i++) {
        float *to = (float *)s->out[0]->data + i * a.inner;

        normalize(to, anm_cpu_floats(s->in[0]) + i * a.inner, &m);
        for (size_t j = 0; j < a.inner; j++)
            to[j] =
                to[j] * scale_at(gamma, i % a.mid) + shift_at(beta, i % a.mid);
    }
}

/* Over the last three axes together. */
void anm_cpu_array_l2_norm(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *x = &s->in[0]->type;
    size_t n = 1;

    for (unsigned i = x->rank - 3; i < x->rank; i++)
        n *= (size_t)x->dims[i];
    if (n == 0) return;
    const anm_cpu_range r =
        anm_cpu_array_share(t, anm_cpu_array_n(s->in[0]) / n, 1);
    for (size_t i = r.first; i < r.first + r.n; i++) {
        const float *from = anm_cpu_floats(s->in[0]) + i * n;
        float *to = (float *)s->out[0]->data + i * n;
        double square = 0.0;

        for (size_t j = 0; j < n; j++)
            square += (double)from[j] * (double)from[j];
        const double scale = 1.0 / sqrt(square + s->node->attr.eps);
        for (size_t j = 0; j < n; j++)
            to[j] = (float)((double)from[j] * scale);
    }
}

/* ---- Rotary positions ---------------------------------------------------- */

void anm_cpu_array_rope(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *x = &s->in[0]->type;
    const size_t d = (size_t)x->dims[x->rank - 1];
    anm_cpu_walk w;
    anm_cpu_cursor c;

    anm_cpu_walk_begin(&w, x);
    anm_cpu_walk_add(&w, &s->in[1]->type);
    anm_cpu_walk_add(&w, &s->in[2]->type);
    if (d == 0 || w.n == 0) return;
    const int64_t cos_step = w.steps[1][w.rank - 1];
    const int64_t sin_step = w.steps[2][w.rank - 1];
    anm_cpu_cursor_begin(&c, &w, anm_cpu_array_share(t, w.n, d));
    while (anm_cpu_cursor_next(&c)) {
        const float *from = anm_cpu_floats(s->in[0]) + c.at[0];
        const float *cosine = anm_cpu_floats(s->in[1]) + c.at[1];
        const float *sine = anm_cpu_floats(s->in[2]) + c.at[2];
        float *to = (float *)s->out[0]->data + c.at[0];

        for (size_t j = 0; j < d / 2; j++) {
            const size_t h = j + d / 2;
            const float a = from[j], b = from[h];

            to[j] = a * cosine[(int64_t)j * cos_step] -
                    b * sine[(int64_t)j * sin_step];
            to[h] = b * cosine[(int64_t)h * cos_step] +
                    a * sine[(int64_t)h * sin_step];
        }
    }
}
