/* check_rope.c - rotary positions: angles and rotation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "check.h"

/* ---- Angles --------------------------------------------------------------- */

static void check_angles(check *c, const anm_kern *k, size_t n, size_t dim,
                         double theta, size_t below)
{
    const size_t ld = dim + check_below(c, 4), half = dim / 2;
    const int32_t *p = check_ids(c, n, below);
    float *y = check_space(c, (n - 1) * ld + dim);

    k->angles_f32(y, ld, p, n, dim, theta);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < half; j++) {
            const float share = (float)(2 * j) / (float)dim;
            const float power = (float)pow((float)theta, share);
            const float angle = (float)p[i] * (1.0f / power);

            check_near(c, y[i * ld + j], cos(angle), 2 * CHECK_U, "cos of %.9g",
                       (double)angle);
            check_near(c, y[i * ld + half + j], sin(angle), 2 * CHECK_U,
                       "sin of %.9g", (double)angle);
        }
    }
    check_gaps(c, y, ld, n, dim, "angles");
    check_release(c);
}

/* Within what rounding an angle to float32 moves it, the angles are those of
 * the definition. */
static void check_definition(check *c, const anm_kern *k, int32_t position)
{
    float y[128];

    k->angles_f32(y, 128, &position, 1, 128, 1e6);
    for (size_t j = 0; j < 64; j++) {
        const double angle = position * pow(1e6, -(double)j / 64.0);
        // Of exponent, power, reciprocal and product.
        const double moved = angle * (log(1e6) + 3) * CHECK_U;

        check_near(c, y[j], cos(angle), moved + 2 * CHECK_U,
                   "cos at %d, column %zu", (int)position, j);
        check_near(c, y[64 + j], sin(angle), moved + 2 * CHECK_U,
                   "sin at %d, column %zu", (int)position, j);
    }
}

void check_angles_f32(check *c, const anm_kern *k)
{
    for (size_t dim = 2; dim <= 70; dim += 2)
        check_angles(c, k, 1 + check_below(c, 4), dim, 10000.0, 512);
    check_angles(c, k, 64, 128, 1e6, 8192);
    check_angles(c, k, 2, 128, 1.0, 8192);
    for (int32_t p = 0; p < 8192; p = 2 * p + 1)
        check_definition(c, k, p);
}

/* ---- Rotation ------------------------------------------------------------- */

static void check_row(check *c, const float *y, const float *x,
                      const float *angles, size_t heads, size_t dim)
{
    const size_t half = dim / 2;

    for (size_t i = 0; i < heads * half; i++) {
        const size_t at = i / half * dim + i % half;
        const double a = x[at], b = x[at + half];
        const double co = angles[i % half], si = angles[half + i % half];

        check_near(c, y[at], a * co - b * si,
                   2 * CHECK_U * (fabs(a * co) + fabs(b * si)) + 0x1p-126,
                   "rope dim=%zu at %zu", dim, at);
        check_near(c, y[at + half], b * co + a * si,
                   2 * CHECK_U * (fabs(b * co) + fabs(a * si)) + 0x1p-126,
                   "rope dim=%zu at %zu", dim, at + half);
    }
}

static void check_rope(check *c, const anm_kern *k, size_t rows, size_t heads,
                       size_t dim)
{
    const size_t width = heads * dim;
    const size_t ldx = width + check_below(c, 4);
    const size_t ldy = width + check_below(c, 4);
    const size_t lda = dim + check_below(c, 4);
    const float *x = check_floats(c, (rows - 1) * ldx + width);
    const float *angles = check_floats(c, (rows - 1) * lda + dim);
    float *y = check_space(c, (rows - 1) * ldy + width);

    k->rope_f32(y, ldy, x, ldx, angles, lda, rows, heads, dim);
    for (size_t i = 0; i < rows; i++) {
        float *alone = check_copy(c, x + i * ldx, width);

        check_row(c, y + i * ldy, x + i * ldx, angles + i * lda, heads, dim);
        k->rope_f32(alone, width, alone, width, angles + i * lda, lda, 1, heads,
                    dim);
        check_same(c, alone, y + i * ldy, width,
                   "rope row alone in place, dim=%zu", dim);
    }
    check_gaps(c, y, ldy, rows, width, "rope");
    check_release(c);
}

static void check_rope_special(check *c, const anm_kern *k, size_t dim)
{
    const float *angles = check_floats(c, dim);
    float *x = check_floats(c, dim);
    const size_t at = check_below(c, dim), half = dim / 2;

    x[at] = NAN;
    k->rope_f32(x, dim, x, dim, angles, dim, 1, 1, dim);
    for (size_t j = 0; j < dim; j++)
        check_true(c, isnan(x[j]) == (j % half == at % half),
                   "rope keeps NaN in its pair, dim=%zu", dim);
    check_release(c);
}

typedef struct rope_bench {
    const anm_kern *k;
    float *y;
    const float *x, *angles;
} rope_bench;

static void run_rope(void *ctx)
{
    const rope_bench *b = ctx;

    b->k->rope_f32(b->y, 2048, b->x, 2048, b->angles, 128, 32, 16, 128);
}

void check_rope_f32(check *c, const anm_kern *k)
{
    for (size_t dim = 2; dim <= 70; dim += 2) {
        check_rope(c, k, 1 + check_below(c, 3), 1 + check_below(c, 4), dim);
        check_rope_special(c, k, dim);
    }
    check_rope(c, k, 5, 16, 128);
    if (!c->bench) return;

    rope_bench b = { .k = k };
    b.x = check_floats(c, 32 * 2048);
    b.y = check_space(c, 32 * 2048);
    b.angles = check_floats(c, 32 * 128);
    check_report(c, "rope_f32 32 x 16 x 128", check_time(run_rope, &b), 0.0,
                 32.0 * 2048 * 8);
}
