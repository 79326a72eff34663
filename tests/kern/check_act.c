/* check_act.c - activation functions and softmax.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

double check_act(double x, anm_act act)
{
    const double y = 0.79788456080286536 * (x + 0.044715 * x * x * x);

    if (act == ANM_ACT_NONE) return x;
    if (act == ANM_ACT_TANH) return tanh(x);
    if (x == -INFINITY) return 0.0;
    switch (act) {
    case ANM_ACT_GELU_ERF:
        return 0.5 * x * erfc(-x / sqrt(2.0));
    case ANM_ACT_GELU_TANH:
        return x / (1.0 + exp(-2.0 * y));
    case ANM_ACT_SILU:
        return x / (1.0 + exp(-x));
    case ANM_ACT_RELU:
        return x < 0.0 ? 0.0 : x;
    case ANM_ACT_NONE:
    case ANM_ACT_TANH:
    case ANM_ACT_COUNT:
        break;
    }
    return x;
}

double check_act_error(double x, anm_act act)
{
    if (act == ANM_ACT_NONE || act == ANM_ACT_RELU) return 0.0;
    return 4e-7 * fmax(1.0, fabs(x));
}

/* ---- Activations ----------------------------------------------------------- */

static void check_act_values(check *c, const anm_kern *k, const float *x,
                             size_t n, anm_act act)
{
    float *y = check_copy(c, x, n);

    k->act_f32(y, n, act);
    for (size_t i = 0; i < n; i++) {
        check_near(c, y[i], check_act(x[i], act), check_act_error(x[i], act),
                   "act %d at %.9g", (int)act, (double)x[i]);
    }
}

/* The value of an element does not depend on where it lies. */
static void check_act_tails(check *c, const anm_kern *k, anm_act act)
{
    const float *x = check_floats(c, 80);
    float *whole = check_copy(c, x, 80);

    k->act_f32(whole, 80, act);
    for (size_t n = 0; n <= 80; n++) {
        float *part = check_copy(c, x + 80 - n, n);

        k->act_f32(part, n, act);
        check_same(c, part, whole + 80 - n, n, "act %d, n=%zu", (int)act, n);
    }
    check_release(c);
}

static void check_act_range(check *c, const anm_kern *k, anm_act act)
{
    static const float special[] = {
        0.0f,    -0.0f,    1e-42f,   -1e-42f,   FLT_MIN, -FLT_MIN,
        FLT_MAX, -FLT_MAX, INFINITY, -INFINITY, NAN,     1e-20f,
        -1e-20f, 88.0f,    -88.0f,   104.0f,    -104.0f, 13.0f,
        -13.0f,  -12.99f,  -14.0f,   -15.0f,    -5.5f,   -6.0f,
    };
    enum { N = 20000 };
    float *x = check_space(c, N);

    for (size_t i = 0; i < N; i++)
        x[i] = (float)(-20.0 + 40.0 * (double)i / N) + check_unit(c) * 1e-3f;
    check_act_values(c, k, x, N, act);
    for (size_t i = 0; i < N; i++)
        x[i] = ldexpf(check_unit(c), (int)check_below(c, 250) - 130);
    check_act_values(c, k, x, N, act);
    check_act_values(c, k, special, sizeof(special) / sizeof(special[0]), act);
    check_release(c);
}

typedef struct act_bench {
    const anm_kern *k;
    float *x;
    const float *from;
    size_t n;
    anm_act act;
} act_bench;

static void run_act(void *ctx)
{
    const act_bench *b = ctx;

    memcpy(b->x, b->from, b->n * sizeof(*b->x));
    b->k->act_f32(b->x, b->n, b->act);
}

void check_act_f32(check *c, const anm_kern *k)
{
    for (int act = 0; act < ANM_ACT_COUNT; act++) {
        check_act_range(c, k, (anm_act)act);
        check_act_tails(c, k, (anm_act)act);
    }
    for (int act = 1; c->bench && act < ANM_ACT_COUNT; act++) {
        act_bench b = { .k = k, .n = 1536, .act = (anm_act)act };
        char name[64];

        b.from = check_floats(c, b.n);
        b.x = check_copy(c, b.from, b.n);
        snprintf(name, sizeof(name), "act_f32 %s n=1536", anm_act_name(b.act));
        check_report(c, name, check_time(run_act, &b), 0.0, 0.0);
    }
}

/* ---- Softmax -------------------------------------------------------------- */

static void check_softmax_row(check *c, const float *got, const float *x,
                              size_t n, const char *what)
{
    double max = -INFINITY, sum = 0.0;

    for (size_t j = 0; j < n; j++)
        max = fmax(max, x[j]);
    for (size_t j = 0; j < n; j++)
        sum += x[j] == -INFINITY ? 0.0 : exp(x[j] - max);
    for (size_t j = 0; j < n; j++) {
        const double exact =
            x[j] == -INFINITY && !isnan(sum) ? 0.0 : exp(x[j] - max) / sum;

        check_near(c, got[j], exact, 1e-6 * exact + 0x1p-126,
                   "softmax %s n=%zu at %zu, x=%.9g", what, n, j, (double)x[j]);
    }
}

static void check_softmax_rows(check *c, const anm_kern *k, size_t rows,
                               size_t n, float spread)
{
    const size_t ld = n + check_below(c, 4);
    float *x = check_space(c, (rows - 1) * ld + n);

    for (size_t i = 0; i < rows * n; i++)
        x[i / n * ld + i % n] = spread * check_unit(c);
    float *y = check_copy(c, x, (rows - 1) * ld + n);
    k->softmax_f32(y, ld, rows, n);
    for (size_t i = 0; i < rows; i++) {
        float *alone = check_copy(c, x + i * ld, n);

        check_softmax_row(c, y + i * ld, x + i * ld, n, "random");
        k->softmax_f32(alone, n, 1, n);
        check_same(c, alone, y + i * ld, n, "softmax row alone, n=%zu", n);
    }
    check_gaps(c, y, ld, rows, n, "softmax");
    check_release(c);
}

static void check_softmax_special(check *c, const anm_kern *k, size_t n)
{
    for (int kind = 0; kind < 4; kind++) {
        float *x = check_floats(c, n);

        for (size_t j = 0; j < n; j++) {
            if (kind == 0 || (kind == 1 && check_below(c, 2))) x[j] = -INFINITY;
        }
        if (kind == 2) x[check_below(c, n)] = NAN;
        if (kind == 3) x[check_below(c, n)] = -FLT_MAX;
        float *y = check_copy(c, x, n);
        k->softmax_f32(y, n, 1, n);
        check_softmax_row(c, y, x, n, "special");
    }
    check_release(c);
}

static void run_softmax(void *ctx)
{
    const act_bench *b = ctx;

    memcpy(b->x, b->from, b->n * 32 * sizeof(*b->x));
    b->k->softmax_f32(b->x, b->n, 32, b->n);
}

void check_softmax_f32(check *c, const anm_kern *k)
{
    for (size_t n = 1; n <= 70; n++) {
        check_softmax_rows(c, k, 1 + check_below(c, 4), n, 4.0f);
        check_softmax_rows(c, k, 2, n, 100.0f);
        check_softmax_special(c, k, n);
    }
    check_softmax_rows(c, k, 2, 8192, 0.01f);
    check_softmax_rows(c, k, 2, 3001, 50.0f);
    for (size_t n = 32; c->bench && n <= 512; n *= 4) {
        act_bench b = { .k = k, .n = n };
        char name[64];

        b.from = check_floats(c, 32 * n);
        b.x = check_copy(c, b.from, 32 * n);
        snprintf(name, sizeof(name), "softmax_f32 32 rows n=%zu", n);
        check_report(c, name, check_time(run_softmax, &b), 0.0, 0.0);
    }
}
