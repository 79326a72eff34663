/* check_norm.c - layer normalisation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "check.h"

static void check_norm_row(check *c, const float *y, const float *x,
                           const float *gamma, const float *beta, size_t dim,
                           float eps)
{
    double mean = 0.0, var = 0.0, max_z = 0.0, max_x = 0.0;

    for (size_t j = 0; j < dim; j++)
        mean += x[j] / (double)dim;
    for (size_t j = 0; j < dim; j++)
        var += (x[j] - mean) * (x[j] - mean) / (double)dim;

    const double deviation = sqrt(var + (double)eps);
    for (size_t j = 0; j < dim; j++) {
        max_z = fmax(max_z, fabs(x[j] - mean) / deviation);
        max_x = fmax(max_x, fabs((double)x[j]));
    }
    for (size_t j = 0; j < dim; j++) {
        const double z = (x[j] - mean) / deviation;
        const double scale = fabs((double)gamma[j]);
        const double allowed = 1e-6 * (scale * max_z + fabs((double)beta[j])) +
                               scale * 0x1p-40 * max_x / deviation;

        check_near(c, y[j], z * gamma[j] + beta[j], allowed,
                   "layer_norm dim=%zu at %zu", dim, j);
    }
}

/* offset shifts all values: what a sum of squares in float would lose. */
static void check_norm(check *c, const anm_kern *k, size_t rows, size_t dim,
                       float offset)
{
    const size_t ldx = dim + check_below(c, 4), ldy = dim + check_below(c, 4);
    const float *gamma = check_floats(c, dim), *beta = check_floats(c, dim);
    float *x = check_space(c, (rows - 1) * ldx + dim);
    float *y = check_space(c, (rows - 1) * ldy + dim);
    const float eps = check_below(c, 2) ? 1e-12f : 1e-5f;

    for (size_t i = 0; i < rows * dim; i++)
        x[i / dim * ldx + i % dim] = offset + check_unit(c);
    k->layer_norm_f32(y, ldy, x, ldx, gamma, beta, rows, dim, eps);
    for (size_t i = 0; i < rows; i++) {
        float *alone = check_copy(c, x + i * ldx, dim);

        check_norm_row(c, y + i * ldy, x + i * ldx, gamma, beta, dim, eps);
        k->layer_norm_f32(alone, dim, alone, dim, gamma, beta, 1, dim, eps);
        check_same(c, alone, y + i * ldy, dim,
                   "layer_norm row alone in place, dim=%zu", dim);
    }
    check_gaps(c, y, ldy, rows, dim, "layer_norm");
    check_release(c);
}

static void check_norm_special(check *c, const anm_kern *k, size_t dim)
{
    const float *gamma = check_floats(c, dim), *beta = check_floats(c, dim);
    float *x = check_space(c, dim), *y = check_space(c, dim);

    for (size_t j = 0; j < dim; j++)
        x[j] = 0.3f;
    k->layer_norm_f32(y, dim, x, dim, gamma, beta, 1, dim, 1e-12f);
    check_norm_row(c, y, x, gamma, beta, dim, 1e-12f);

    x[check_below(c, dim)] = NAN;
    k->layer_norm_f32(y, dim, x, dim, gamma, beta, 1, dim, 1e-12f);
    for (size_t j = 0; j < dim; j++)
        check_true(c, isnan(y[j]), "layer_norm keeps NaN, dim=%zu", dim);
    check_release(c);
}

typedef struct norm_bench {
    const anm_kern *k;
    float *y;
    const float *x, *gamma, *beta;
} norm_bench;

static void run_norm(void *ctx)
{
    const norm_bench *b = ctx;

    b->k->layer_norm_f32(b->y, 384, b->x, 384, b->gamma, b->beta, 32, 384,
                         1e-12f);
}

void check_layer_norm_f32(check *c, const anm_kern *k)
{
    for (size_t dim = 1; dim <= 70; dim++) {
        check_norm(c, k, 1 + check_below(c, 3), dim, 0.0f);
        check_norm(c, k, 1, dim, 100.0f);
        check_norm_special(c, k, dim);
    }
    check_norm(c, k, 9, 384, 0.0f);
    check_norm(c, k, 3, 384, -1000.0f);
    check_norm(c, k, 2, 8192, 3.0f);
    if (!c->bench) return;

    norm_bench b = { .k = k };
    b.x = check_floats(c, 32 * 384);
    b.y = check_space(c, 32 * 384);
    b.gamma = check_floats(c, 384);
    b.beta = check_floats(c, 384);
    check_report(c, "layer_norm_f32 32 x 384", check_time(run_norm, &b), 0.0,
                 32.0 * 384 * 8);
}
