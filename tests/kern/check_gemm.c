/* check_gemm.c - packing and the matrix product.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

/* ---- Packing -------------------------------------------------------------- */

static void check_pack(check *c, const anm_kern *k, size_t n, size_t depth)
{
    const size_t ldw = depth + check_below(c, 4);
    const size_t first = check_below(c, anm_panels(n));
    const size_t count = 1 + check_below(c, anm_panels(n) - first);
    const float *w = check_floats(c, (n - 1) * ldw + depth);
    float *dst = check_space(c, count * ANM_PANEL * depth);
    bool ok = true;

    k->pack_f32(dst, w, ldw, n, depth, first, count);
    for (size_t i = 0; i < count * ANM_PANEL * depth; i++) {
        const size_t j =
            (first + i / (ANM_PANEL * depth)) * ANM_PANEL + i % ANM_PANEL;
        const size_t d = i / ANM_PANEL % depth;

        ok = ok && dst[i] == (j < n ? w[j * ldw + d] : 0.0f);
    }
    check_true(c, ok, "pack n=%zu k=%zu panels %zu+%zu", n, depth, first,
               count);
    check_release(c);
}

typedef struct pack_bench {
    const anm_kern *k;
    float *dst;
    const float *w;
    size_t n, depth;
} pack_bench;

static void run_pack(void *ctx)
{
    const pack_bench *b = ctx;

    b->k->pack_f32(b->dst, b->w, b->depth, b->n, b->depth, 0, anm_panels(b->n));
}

void check_pack_f32(check *c, const anm_kern *k)
{
    for (size_t n = 1; n <= 50; n++) {
        for (size_t depth = 1; depth <= 40; depth += 1 + check_below(c, 3))
            check_pack(c, k, n, depth);
    }
    if (!c->bench) return;

    pack_bench b = { .k = k, .n = 384, .depth = 384 };
    b.w = check_floats(c, b.n * b.depth);
    b.dst = check_space(c, b.n * b.depth);
    check_report(c, "pack_f32 384x384", check_time(run_pack, &b), 0.0,
                 384.0 * 384 * 4);
}

/* ---- The matrix product ------------------------------------------------------ */

/* One product with all it needs; c0 is what c held before. */
typedef struct product {
    anm_gemm_f32 g;
    const float *w; /* [n, k], as it was before packing */
    const float *c0;
    size_t c_len;
    bool in_place;
} product;

typedef struct shape {
    size_t m, n, k;
    anm_act act;
    bool bias, residual, in_place;
} shape;

static product make_product(check *c, const anm_kern *kern, const shape *s)
{
    product p = { .in_place = s->in_place };
    const size_t ld_residual = s->n + check_below(c, 3);
    float *w = check_floats(c, s->n * s->k);
    float *packed = check_space(c, anm_panels(s->n) * ANM_PANEL * s->k);

    kern->pack_f32(packed, w, s->k, s->n, s->k, 0, anm_panels(s->n));
    p.w = w;
    p.g = (anm_gemm_f32){
        .m = s->m,
        .n = s->n,
        .k = s->k,
        .lda = s->k + check_below(c, 5),
        .w = packed,
        .ldc = s->n + check_below(c, 5),
        .bias = s->bias ? check_floats(c, s->n) : NULL,
        .act = s->act,
        .panel_count = anm_panels(s->n),
    };
    p.g.a = check_floats(c, (s->m - 1) * p.g.lda + s->k);
    p.c_len = (s->m - 1) * p.g.ldc + s->n;
    p.g.c = check_space(c, p.c_len);
    if (s->residual) {
        p.g.residual = check_floats(c, (s->m - 1) * ld_residual + s->n);
        p.g.ld_residual = ld_residual;
    }
    if (s->in_place) {
        for (size_t i = 0; i < s->m * s->n; i++)
            p.g.c[i / s->n * p.g.ldc + i % s->n] = check_unit(c);
        p.g.residual = p.g.c;
        p.g.ld_residual = p.g.ldc;
    }
    p.c0 = check_copy(c, p.g.c, p.c_len);
    return p;
}

static void check_element(check *c, const product *p, size_t i, size_t j)
{
    const anm_gemm_f32 *g = &p->g;
    const double bias = g->bias ? g->bias[j] : 0.0;
    double sum = bias, magnitude = fabs(bias), residual = 0.0;

    for (size_t d = 0; d < g->k; d++) {
        const double term = (double)g->a[i * g->lda + d] * p->w[j * g->k + d];
        sum += term;
        magnitude += fabs(term);
    }
    if (g->residual) {
        residual = p->in_place ? p->c0[i * g->ldc + j]
                               : g->residual[i * g->ld_residual + j];
    }
    const double exact = check_act(sum, g->act) + residual;
    const double slope = g->act == ANM_ACT_NONE ? 1.0 : 1.13;
    const double tolerance =
        ((double)g->k + 4.0) * CHECK_U * magnitude * slope +
        check_act_error(sum, g->act) + CHECK_U * fabs(exact) +
        CHECK_EXACT * magnitude;

    check_near(c, g->c[i * g->ldc + j], exact, tolerance,
               "gemm m=%zu n=%zu k=%zu act=%d at %zu,%zu", g->m, g->n, g->k,
               (int)g->act, i, j);
}

static void check_product(check *c, const anm_kern *k, const shape *s)
{
    product p = make_product(c, k, s);

    k->gemm_f32(&p.g);
    for (size_t i = 0; i < s->m; i++) {
        for (size_t j = 0; j < s->n; j++)
            check_element(c, &p, i, j);
    }
    check_gaps(c, p.g.c, p.g.ldc, s->m, s->n, "gemm");
    check_release(c);
}

/* Any range of panels writes its columns with the bits that the whole product
 * gives them, and no other column. */
static void check_panel_range(check *c, const anm_kern *k, const shape *s)
{
    product p = make_product(c, k, s);
    const size_t panels = anm_panels(s->n);

    k->gemm_f32(&p.g);
    for (size_t first = 0; first < panels; first++) {
        const size_t count = check_below(c, panels - first + 1);
        const size_t begin = first * ANM_PANEL;
        const size_t end = begin + count * ANM_PANEL;
        anm_gemm_f32 part = p.g;
        bool ok = true;

        part.panel_first = first;
        part.panel_count = count;
        part.c = check_copy(c, p.c0, p.c_len);
        if (p.in_place) part.residual = part.c;
        k->gemm_f32(&part);
        for (size_t i = 0; i < p.c_len; i++) {
            const size_t j = i % p.g.ldc;
            const float *want =
                j >= begin && j < end && j < s->n ? p.g.c : p.c0;
            ok = ok && !memcmp(&part.c[i], &want[i], sizeof(float));
        }
        check_true(c, ok, "gemm m=%zu n=%zu k=%zu panels %zu+%zu", s->m, s->n,
                   s->k, first, count);
    }
    check_release(c);
}

/* A row alone has the bits it has at every place among others. */
static void check_row_alone(check *c, const anm_kern *k, const shape *s)
{
    product p = make_product(c, k, s);
    float *row = check_space(c, s->n);

    k->gemm_f32(&p.g);
    for (size_t i = 0; i < s->m; i++) {
        for (size_t m = 1; i + m <= s->m; m += 1 + check_below(c, 9)) {
            anm_gemm_f32 part = p.g;
            float *out =
                check_copy(c, p.c0 + i * p.g.ldc, (m - 1) * p.g.ldc + s->n);
            part.m = m;
            part.a = p.g.a + i * p.g.lda;
            part.c = out;
            if (p.in_place)
                part.residual = out;
            else if (p.g.residual)
                part.residual = p.g.residual + i * p.g.ld_residual;
            k->gemm_f32(&part);
            memcpy(row, out, s->n * sizeof(*row));
            check_same(c, row, p.g.c + i * p.g.ldc, s->n,
                       "gemm row %zu of %zu among %zu, n=%zu k=%zu", i, s->m, m,
                       s->n, s->k);
        }
    }
    check_release(c);
}

static shape random_shape(check *c, size_t m, size_t n, size_t k)
{
    return (shape){
        .m = m,
        .n = n,
        .k = k,
        .act = (anm_act)check_below(c, ANM_ACT_COUNT),
        .bias = check_below(c, 2),
        .residual = check_below(c, 2),
        .in_place = check_below(c, 3) == 0,
    };
}

/* Not-a-number and infinity reach their own row and column only; subnormal
 * products are not flushed. */
static void check_special(check *c, const anm_kern *k)
{
    const shape s = { .m = 5, .n = 37, .k = 19 };
    product p = make_product(c, k, &s);
    float *a = check_copy(c, p.g.a, 4 * p.g.lda + s.k);
    bool ok = true;

    a[p.g.lda + 3] = NAN;
    a[2 * p.g.lda + 4] = INFINITY;
    for (size_t d = 0; d < s.k; d++)
        a[3 * p.g.lda + d] = ldexpf(check_unit(c), -130);
    p.g.a = a;
    k->gemm_f32(&p.g);
    for (size_t j = 0; j < s.n; j++) {
        const float at_inf = p.g.c[2 * p.g.ldc + j];
        const float w = p.w[j * s.k + 4];

        ok = ok && isnan(p.g.c[p.g.ldc + j]);
        ok = ok && isinf(at_inf) && signbit(at_inf) == signbit(w);
        ok = ok && p.g.c[3 * p.g.ldc + j] != 0.0f;
        check_element(c, &p, 0, j);
        check_element(c, &p, 4, j);
    }
    check_true(c, ok, "gemm with NaN, infinity and subnormals");
    check_release(c);
}

/* ---- Figures --------------------------------------------------------------- */

static void run_gemm(void *ctx)
{
    const anm_kern *k = ((const anm_kern **)ctx)[0];
    const anm_gemm_f32 *g = ((const anm_gemm_f32 **)ctx)[1];

    k->gemm_f32(g);
}

static void bench_gemm(check *c, const anm_kern *k, size_t m, size_t n,
                       size_t depth, anm_act act)
{
    const shape s = { .m = m, .n = n, .k = depth, .act = act, .bias = true };
    product p = make_product(c, k, &s);
    const void *ctx[2] = { k, &p.g };
    const double bytes = (double)(n * depth) * 4.0;
    char name[64];

    p.g.lda = depth; /* as activations lie in a workspace */
    p.g.ldc = n;
    snprintf(name, sizeof(name), "gemm_f32 m=%zu n=%zu k=%zu%s", m, n, depth,
             act ? " gelu" : "");
    check_report(c, name, check_time(run_gemm, ctx), (double)(m * n * depth),
                 bytes);
    check_release(c);
}

static void bench_gemms(check *c, const anm_kern *k)
{
    static const size_t ms[] = { 1, 2, 4, 8, 9, 12, 16, 24, 32, 64, 128 };

    for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
        bench_gemm(c, k, ms[i], 1152, 384, ANM_ACT_NONE);
        bench_gemm(c, k, ms[i], 384, 384, ANM_ACT_NONE);
        bench_gemm(c, k, ms[i], 1536, 384, ANM_ACT_NONE);
        bench_gemm(c, k, ms[i], 1536, 384, ANM_ACT_GELU_ERF);
        bench_gemm(c, k, ms[i], 384, 1536, ANM_ACT_NONE);
    }
    bench_gemm(c, k, 32, 3072, 768, ANM_ACT_NONE);
    bench_gemm(c, k, 32, 768, 3072, ANM_ACT_NONE);
    bench_gemm(c, k, 32, 1024, 1024, ANM_ACT_NONE);
    bench_gemm(c, k, 32, 1024, 4096, ANM_ACT_NONE);
}

void check_gemm_f32(check *c, const anm_kern *k)
{
    for (size_t m = 1; m <= 40; m++) {
        for (size_t t = 0; t < 12; t++) {
            const shape s = random_shape(c, m, 1 + check_below(c, 100),
                                         1 + check_below(c, 50));
            check_product(c, k, &s);
        }
    }
    for (size_t n = 1; n <= 100; n++) {
        const shape s =
            random_shape(c, 1 + check_below(c, 16), n, check_below(c, 40));
        check_product(c, k, &s);
    }
    for (size_t t = 0; t < 25; t++) {
        const shape s =
            random_shape(c, 1 + check_below(c, 32), 1 + check_below(c, 200),
                         1 + check_below(c, 64));
        check_panel_range(c, k, &s);
        check_row_alone(c, k, &s);
    }
    const shape deep = random_shape(c, 30, 72, 1536);
    check_product(c, k, &deep);
    const shape wide = random_shape(c, 67, 160, 1024);
    check_product(c, k, &wide);
    check_row_alone(c, k, &wide);
    check_special(c, k);
    if (c->bench) bench_gemms(c, k);
}
