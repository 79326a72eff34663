/* check_rms_norm.c - normalisation by the root of the mean square.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "check.h"

static void check_group(check *c, const float *y, const float *x,
                        const float *gamma, size_t dim, float eps)
{
    double squares = 0.0;

    for (size_t j = 0; j < dim; j++)
        squares += (double)x[j] * x[j];
    const double root = sqrt(squares / (double)dim + (double)eps);
    for (size_t j = 0; j < dim; j++) {
        const double exact = x[j] / root * gamma[j];

        check_near(c, y[j], exact, 4 * CHECK_U * fabs(exact) + 0x1p-126,
                   "rms_norm dim=%zu at %zu", dim, j);
    }
}

static void check_rms_norm(check *c, const anm_kern *k, size_t rows,
                           size_t groups, size_t dim, float magnitude)
{
    const size_t width = groups * dim;
    const size_t ldx = width + check_below(c, 4);
    const size_t ldy = width + check_below(c, 4);
    const float *gamma = check_floats(c, dim);
    float *x = check_space(c, (rows - 1) * ldx + width);
    float *y = check_space(c, (rows - 1) * ldy + width);
    const float eps = check_below(c, 2) ? 1e-6f : 0.0f;

    for (size_t i = 0; i < rows * width; i++)
        x[i / width * ldx + i % width] = magnitude * check_unit(c);
    k->rms_norm_f32(y, ldy, x, ldx, gamma, rows, groups, dim, eps);
    for (size_t i = 0; i < rows; i++) {
        float *alone = check_copy(c, x + i * ldx, width);

        for (size_t g = 0; g < groups; g++)
            check_group(c, y + i * ldy + g * dim, x + i * ldx + g * dim, gamma,
                        dim, eps);
        k->rms_norm_f32(alone, width, alone, width, gamma, 1, groups, dim, eps);
        check_same(c, alone, y + i * ldy, width,
                   "rms_norm row alone in place, dim=%zu", dim);
    }
    check_gaps(c, y, ldy, rows, width, "rms_norm");
    check_release(c);
}

/* A NaN stays in its own group; zeros stay zeros where eps is not 0. */
static void check_rms_norm_special(check *c, const anm_kern *k, size_t dim)
{
    const float *gamma = check_floats(c, dim);
    float *x = check_floats(c, 2 * dim), *y = check_space(c, 2 * dim);
    float *zeros = check_space(c, dim);

    x[check_below(c, dim)] = NAN;
    k->rms_norm_f32(y, 2 * dim, x, 2 * dim, gamma, 1, 2, dim, 1e-6f);
    for (size_t j = 0; j < dim; j++)
        check_true(c, isnan(y[j]), "rms_norm keeps NaN, dim=%zu", dim);
    check_group(c, y + dim, x + dim, gamma, dim, 1e-6f);

    for (size_t j = 0; j < dim; j++)
        zeros[j] = 0.0f;
    k->rms_norm_f32(zeros, dim, zeros, dim, gamma, 1, 1, dim, 1e-6f);
    for (size_t j = 0; j < dim; j++)
        check_true(c, zeros[j] == 0.0f, "rms_norm of zeros, dim=%zu", dim);
    check_release(c);
}

typedef struct norm_bench {
    const anm_kern *k;
    float *y;
    const float *x, *gamma;
} norm_bench;

static void run_norm(void *ctx)
{
    const norm_bench *b = ctx;

    b->k->rms_norm_f32(b->y, 1024, b->x, 1024, b->gamma, 32, 1, 1024, 1e-6f);
}

void check_rms_norm_f32(check *c, const anm_kern *k)
{
    for (size_t dim = 1; dim <= 70; dim++) {
        check_rms_norm(c, k, 1 + check_below(c, 3), 1, dim, 1.0f);
        check_rms_norm(c, k, 2, 1 + check_below(c, 5), dim, 100.0f);
        check_rms_norm(c, k, 1, 1, dim, 0x1p-100f);
        check_rms_norm(c, k, 1, 1, dim, 0x1p+100f);
        check_rms_norm_special(c, k, dim);
    }
    check_rms_norm(c, k, 3, 16, 128, 1.0f);
    check_rms_norm(c, k, 2, 1, 8192, 3.0f);
    if (!c->bench) return;

    norm_bench b = { .k = k };
    b.x = check_floats(c, 32 * 1024);
    b.y = check_space(c, 32 * 1024);
    b.gamma = check_floats(c, 1024);
    check_report(c, "rms_norm_f32 32 x 1024", check_time(run_norm, &b), 0.0,
                 32.0 * 1024 * 8);
}
