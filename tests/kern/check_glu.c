/* check_glu.c - gated linear units.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "check.h"

static void check_row(check *c, const float *y, const float *x, size_t dim,
                      anm_act act)
{
    for (size_t j = 0; j < dim; j++) {
        const double up = x[dim + j], exact = check_act(x[j], act) * up;
        const double allowed = check_act_error(x[j], act) * fabs(up) +
                               CHECK_U * fabs(exact) + 0x1p-126;

        check_near(c, y[j], exact, allowed, "glu %s dim=%zu at %zu",
                   anm_act_name(act), dim, j);
    }
}

static void check_glu(check *c, const anm_kern *k, size_t rows, size_t dim,
                      anm_act act)
{
    const size_t ldx = 2 * dim + check_below(c, 4);
    const size_t ldy = dim + check_below(c, 4);
    const float *x = check_floats(c, (rows - 1) * ldx + 2 * dim);
    float *y = check_space(c, (rows - 1) * ldy + dim);

    k->glu_f32(y, ldy, x, ldx, rows, dim, act);
    for (size_t i = 0; i < rows; i++) {
        float *alone = check_copy(c, x + i * ldx, 2 * dim);

        check_row(c, y + i * ldy, x + i * ldx, dim, act);
        k->glu_f32(alone, 2 * dim, alone, 2 * dim, 1, dim, act);
        check_same(c, alone, y + i * ldy, dim,
                   "glu row alone in place, dim=%zu", dim);
        check_same(c, alone + dim, x + i * ldx + dim, dim,
                   "glu in place keeps the other half, dim=%zu", dim);
    }
    check_gaps(c, y, ldy, rows, dim, "glu");
    check_release(c);
}

static void check_glu_special(check *c, const anm_kern *k, size_t dim)
{
    float *x = check_floats(c, 2 * dim);
    const size_t at = check_below(c, dim);

    x[at + (check_below(c, 2) ? dim : 0)] = NAN;
    k->glu_f32(x, 2 * dim, x, 2 * dim, 1, dim, ANM_ACT_SILU);
    for (size_t j = 0; j < dim; j++)
        check_true(c, isnan(x[j]) == (j == at), "glu keeps NaN, dim=%zu", dim);
    check_release(c);
}

typedef struct glu_bench {
    const anm_kern *k;
    float *y;
    const float *x;
} glu_bench;

static void run_glu(void *ctx)
{
    const glu_bench *b = ctx;

    b->k->glu_f32(b->y, 3072, b->x, 6144, 8, 3072, ANM_ACT_SILU);
}

void check_glu_f32(check *c, const anm_kern *k)
{
    for (size_t dim = 1; dim <= 70; dim++) {
        for (unsigned act = 0; act < ANM_ACT_COUNT; act++)
            check_glu(c, k, 1 + check_below(c, 3), dim, (anm_act)act);
        check_glu_special(c, k, dim);
    }
    check_glu(c, k, 3, 3072, ANM_ACT_SILU);
    if (!c->bench) return;

    glu_bench b = { .k = k };
    b.x = check_floats(c, 8 * 6144);
    b.y = check_space(c, 8 * 3072);
    check_report(c, "glu_f32 8 x 3072 silu", check_time(run_glu, &b), 0.0,
                 8.0 * 3072 * 12);
}
