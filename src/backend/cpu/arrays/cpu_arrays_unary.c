/* cpu_arrays_unary.c - one array, element by element.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "backend/cpu/arrays/cpu_arrays_ops.h"
#include "base/compiler.h"

/* ---- Floats -------------------------------------------------------------- */

static float sign(float x)
{
    return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x;
}

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* ln(1 + e^x), where e^x is more than a float holds too. */
static float softplus(float x)
{
    return x > 0.0f ? x + log1pf(expf(-x)) : log1pf(expf(x));
}

static float clip(float x, float low, float high)
{
    const float y = x < low ? low : x;
    return y > high ? high : y;
}

/* What is cheap enough for its loop to be worth being compiled alone. */
static ANM_ALWAYS_INLINE float apply_simple(int op, float x, float a, float b,
                                            float eps)
{
    switch (op) {
    case ANM_ARRAY_ABS:
        return fabsf(x);
    case ANM_ARRAY_SQUARE:
        return x * x;
    case ANM_ARRAY_SQRT:
        return sqrtf(x);
    case ANM_ARRAY_RSQRT:
        return 1.0f / sqrtf(x + eps);
    case ANM_ARRAY_INVERSE:
        return 1.0f / (x + eps);
    case ANM_ARRAY_CLIP:
        return clip(x, a, b);
    case ANM_ARRAY_RELU:
        return x < 0.0f ? 0.0f : x;
    default: /* LINEAR_ACTIVATION */
        return a * x + b;
    }
}

static ANM_ALWAYS_INLINE void loop_simple(int op, float *y, const float *x,
                                          size_t n, const anm_array_attr *attr)
{
    const float a = (float)attr->alpha, b = (float)attr->beta;
    const float eps = (float)attr->eps;

    for (size_t i = 0; i < n; i++)
        y[i] = apply_simple(op, x[i], a, b, eps);
}

static bool run_simple(anm_array_op op, float *y, const float *x, size_t n,
                       const anm_array_attr *attr)
{
    switch ((int)op) {
    case ANM_ARRAY_ABS:
        loop_simple(ANM_ARRAY_ABS, y, x, n, attr);
        return true;
    case ANM_ARRAY_SQUARE:
        loop_simple(ANM_ARRAY_SQUARE, y, x, n, attr);
        return true;
    case ANM_ARRAY_SQRT:
        loop_simple(ANM_ARRAY_SQRT, y, x, n, attr);
        return true;
    case ANM_ARRAY_RSQRT:
        loop_simple(ANM_ARRAY_RSQRT, y, x, n, attr);
        return true;
    case ANM_ARRAY_INVERSE:
        loop_simple(ANM_ARRAY_INVERSE, y, x, n, attr);
        return true;
    case ANM_ARRAY_CLIP:
        loop_simple(ANM_ARRAY_CLIP, y, x, n, attr);
        return true;
    case ANM_ARRAY_RELU:
        loop_simple(ANM_ARRAY_RELU, y, x, n, attr);
        return true;
    case ANM_ARRAY_LINEAR_ACTIVATION:
        loop_simple(ANM_ARRAY_LINEAR_ACTIVATION, y, x, n, attr);
        return true;
    default:
        return false;
    }
}

/* A table rather than an algorithm: one row an operation. */
static float apply_f32(anm_array_op op, float x, const anm_array_attr *attr)
{
    const float a = (float)attr->alpha, b = (float)attr->beta;

    switch ((int)op) {
    case ANM_ARRAY_ACOS:
        return acosf(x);
    case ANM_ARRAY_ASIN:
        return asinf(x);
    case ANM_ARRAY_ATAN:
        return atanf(x);
    case ANM_ARRAY_ATANH:
        return atanhf(x);
    case ANM_ARRAY_CEIL:
        return ceilf(x);
    case ANM_ARRAY_COS:
        return cosf(x);
    case ANM_ARRAY_COSH:
        return coshf(x);
    case ANM_ARRAY_ERF:
        return erff(x);
    case ANM_ARRAY_EXP:
        return expf(x);
    case ANM_ARRAY_EXP2:
        return exp2f(x);
    case ANM_ARRAY_FLOOR:
        return floorf(x);
    case ANM_ARRAY_LOG:
        /* The default epsilon, 1e-45, is less than a float can add. */
        return (float)log((double)x + attr->eps);
    case ANM_ARRAY_ROUND:
        return rintf(x);
    case ANM_ARRAY_SIGN:
        return sign(x);
    case ANM_ARRAY_SIN:
        return sinf(x);
    case ANM_ARRAY_SINH:
        return sinhf(x);
    case ANM_ARRAY_TAN:
        return tanf(x);
    case ANM_ARRAY_TANH:
        return tanhf(x);
    case ANM_ARRAY_SIGMOID:
        return sigmoid(x);
    case ANM_ARRAY_SIGMOID_HARD:
        return clip(a * x + b, 0.0f, 1.0f);
    case ANM_ARRAY_RELU6:
        return clip(x, 0.0f, 6.0f);
    case ANM_ARRAY_SOFTPLUS:
        return softplus(x);
    case ANM_ARRAY_SOFTSIGN:
        return x / (1.0f + fabsf(x));
    case ANM_ARRAY_GELU: /* of sigmoid form */
        return x * sigmoid(1.702f * x);
    case ANM_ARRAY_THRESHOLD:
        return x < a ? a : x;
    case ANM_ARRAY_LEAKY_RELU:
        return x < 0.0f ? a * x : x;
    case ANM_ARRAY_CLAMPED_RELU:
        x = x < 0.0f ? a * x : x;
        return x > b ? b : x;
    case ANM_ARRAY_THRESHOLDED_RELU:
        return x < a ? 0.0f : x;
    case ANM_ARRAY_ELU:
        return x > 0.0f ? x : a * expm1f(x);
    default: /* SCALED_TANH */
        return a * tanhf(b * x);
    }
}

/* Activations that the kernel table has. */
static anm_act act_of(const anm_array_node *node)
{
    if (node->op == ANM_ARRAY_SILU) return ANM_ACT_SILU;
    if (node->op == ANM_ARRAY_TANH) return ANM_ACT_TANH;
    return node->op == ANM_ARRAY_GELU ? node->attr.act : ANM_ACT_NONE;
}

/* ---- Integers ------------------------------------------------------------ */

/* Shape inference lets no other operation see integers. */
static int64_t apply_i32(const anm_array_node *node, int32_t x)
{
    const int64_t v = x;

    switch ((int)node->op) {
    case ANM_ARRAY_LOGICAL_NOT:
        return !x;
    case ANM_ARRAY_ABS:
        return v < 0 ? -v : v;
    case ANM_ARRAY_SIGN:
        return (v > 0) - (v < 0);
    case ANM_ARRAY_SQUARE:
        return v * v;
    case ANM_ARRAY_RELU:
        return v < 0 ? 0 : v;
    default: /* CEIL, FLOOR, ROUND */
        return v;
    }
}

/* ---- Runs ---------------------------------------------------------------- */

void anm_cpu_array_unary(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_cpu_array *x = s->in[0], *y = s->out[0];
    const anm_cpu_range r = anm_cpu_array_share(t, anm_cpu_array_n(y), 16);
    const anm_act act = act_of(s->node);

    if (!anm_cpu_is_float(x)) {
        int32_t *to = (int32_t *)y->data;
        for (size_t i = r.first; i < r.first + r.n; i++)
            to[i] = anm_cpu_wrap(apply_i32(s->node, anm_cpu_ints(x)[i]),
                                 y->type.dtype);
        return;
    }
    float *to = (float *)y->data + r.first;
    const float *from = anm_cpu_floats(x) + r.first;
    if (act != ANM_ACT_NONE) {
        if (to != from) memcpy(to, from, r.n * sizeof(*to));
        t->kern->act_f32(to, r.n, act);
        return;
    }
    if (run_simple(s->node->op, to, from, r.n, &s->node->attr)) return;
    for (size_t i = 0; i < r.n; i++)
        to[i] = apply_f32(s->node->op, from[i], &s->node->attr);
}

/* Parameters per channel: axis 1. */
void anm_cpu_array_channels(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_cpu_array *x = s->in[0], *y = s->out[0];
    const anm_cpu_around a = anm_cpu_around_axis(&x->type, 1);
    const anm_cpu_range r = anm_cpu_array_share(t, a.outer * a.mid, 1);
    const float *alpha = anm_cpu_floats(s->in[1]);
    const bool prelu = s->node->op == ANM_ARRAY_PRELU;

    for (size_t i = r.first; i < r.first + r.n; i++) {
        const float *from = anm_cpu_floats(x) + i * a.inner;
        float *to = (float *)y->data + i * a.inner;
        const float p = alpha[i % a.mid];
        const float q = prelu ? 0.0f : anm_cpu_floats(s->in[2])[i % a.mid];

        for (size_t j = 0; j < a.inner; j++) {
            const float v = from[j];
            to[j] = prelu ? (v < 0.0f ? p * v : v) : p * softplus(q * v);
        }
    }
}

/* ---- Casts --------------------------------------------------------------- */

int32_t anm_cpu_int_of(float x, anm_dtype dtype)
{
    const double v = trunc((double)x);

    if (dtype == ANM_DTYPE_BOOL) return x != 0.0f;
    /* Beyond 64 bits every low bit is zero; not a number counts as that. */
    if (!(v >= -0x1p63 && v < 0x1p63)) return 0;
    return anm_cpu_wrap((int64_t)v, dtype);
}

void anm_cpu_array_cast(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_cpu_array *x = s->in[0], *y = s->out[0];
    const anm_dtype to = y->type.dtype;
    const anm_cpu_range r = anm_cpu_array_share(t, anm_cpu_array_n(y), 16);
    const bool from_float = anm_cpu_is_float(x);
    float *floats = y->data;
    int32_t *ints = y->data;

    for (size_t i = r.first; i < r.first + r.n; i++) {
        if (!anm_array_is_float(to)) {
            ints[i] = from_float ? anm_cpu_int_of(anm_cpu_floats(x)[i], to)
                                 : anm_cpu_wrap(anm_cpu_ints(x)[i], to);
            continue;
        }
        const float v =
            from_float ? anm_cpu_floats(x)[i] : (float)anm_cpu_ints(x)[i];
        floats[i] = to == ANM_DTYPE_F16 ? anm_f32_of_f16(anm_f16_of_f32(v)) : v;
    }
}

/* ---- Quantised activations ------------------------------------------------ */

/* The scale and zero point that element i has. */
typedef struct steps {
    const float *scale;
    const anm_cpu_array *zero;
    size_t n_scale, n_zero;
    anm_cpu_around around;
} steps;

static steps steps_of(const anm_cpu_array_step *s)
{
    const anm_array_attr *attr = &s->node->attr;
    const anm_array_type *x = &s->in[0]->type;
    const anm_cpu_array *zero = anm_cpu_input(s, 2);
    steps q = { .scale = anm_cpu_floats(s->in[1]),
                .zero = zero,
                .n_scale = anm_cpu_array_n(s->in[1]),
                .n_zero = zero ? anm_cpu_array_n(zero) : 1,
                .around = { 1, 1, anm_array_elements(x) } };

    if (attr->flags & ANM_ARRAY_PER_AXIS)
        q.around = anm_cpu_around_axis(x, anm_array_axis(attr->axis, x->rank));
    return q;
}

static float zero_at(const steps *q, size_t channel)
{
    const size_t at = q->n_zero > 1 ? channel : 0;

    if (!q->zero) return 0.0f;
    return anm_cpu_is_float(q->zero) ? anm_cpu_floats(q->zero)[at]
                                     : (float)anm_cpu_ints(q->zero)[at];
}

void anm_cpu_array_quantize(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const steps q = steps_of(s);
    const anm_cpu_array *y = s->out[0];
    const bool is_signed = y->type.dtype == ANM_DTYPE_I8;
    const float low = is_signed ? -128.0f : 0.0f;
    const float high = is_signed ? 127.0f : 255.0f;
    const anm_cpu_range r = anm_cpu_array_share(t, anm_cpu_array_n(y), 16);

    for (size_t i = r.first; i < r.first + r.n; i++) {
        const size_t c = i / q.around.inner % q.around.mid;
        const float v =
            anm_cpu_floats(s->in[0])[i] / q.scale[q.n_scale > 1 ? c : 0];

        ((int32_t *)y->data)[i] = anm_cpu_int_of(
            clip(rintf(v) + zero_at(&q, c), low, high), ANM_DTYPE_I32);
    }
}

void anm_cpu_array_dequantize(const anm_cpu_array_step *s,
                              const anm_cpu_turn *t)
{
    const steps q = steps_of(s);
    const anm_cpu_array *x = s->in[0];
    const anm_cpu_range r = anm_cpu_array_share(t, anm_cpu_array_n(x), 16);

    for (size_t i = r.first; i < r.first + r.n; i++) {
        const size_t c = i / q.around.inner % q.around.mid;

        ((float *)s->out[0]->data)[i] =
            ((float)anm_cpu_ints(x)[i] - zero_at(&q, c)) *
            q.scale[q.n_scale > 1 ? c : 0];
    }
}
