/* check_gemm.c - packing and the matrix product.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

/* ---- Packing -------------------------------------------------------------- */

/* Step d of feature j among runs of `steps` with heads of `head` bytes: where
 * its whole number lies, and whose head it has. */
typedef struct run_place {
    const unsigned char *head;
    const unsigned char *bytes;
    size_t d;
} run_place;

static run_place find_run(const unsigned char *panel, size_t d, size_t steps,
                          size_t head, size_t bytes)
{
    const unsigned char *p = panel + d / steps * (head + bytes);

    return (run_place){ p, p + head, d % steps };
}

static int nibble_at(const run_place *r, size_t j)
{
    const unsigned two = r->bytes[r->d / 8 * 64 + j * 4 + r->d % 8 / 2];

    return (int)(r->d % 2 ? two >> 4 : two & 15);
}

static float float_at(const unsigned char *p, anm_dtype type)
{
    float x;

    anm_widen_f32(&x, p, type, 1);
    return x;
}

/* The value of feature j, step d of a panel, by the layout that kern.h states:
 * an account of its own. */
static float panel_value(const unsigned char *panel, anm_dtype type, size_t j,
                         size_t d)
{
    run_place r;

    switch ((int)type) {
    case ANM_DTYPE_BF16:
        return float_at(panel + ((d / 2 * 16 + j) * 2 + d % 2) * 2, type);
    case ANM_DTYPE_Q8_0:
    case ANM_DTYPE_Q5_0:
        r = find_run(panel, d, 32, 32, 512);
        return float_at(r.head + 2 * j, ANM_DTYPE_F16) *
               float_at(r.bytes + r.d * 16 + j, ANM_DTYPE_I8);
    case ANM_DTYPE_Q4_0:
        r = find_run(panel, d, 32, 32, 256);
        return float_at(r.head + 2 * j, ANM_DTYPE_F16) *
               (float)((nibble_at(&r, j) ^ 8) - 8);
    case ANM_DTYPE_Q4_K:
        r = find_run(panel, d, 32, 128, 256);
        return fmaf(float_at(r.head + 4 * j, ANM_DTYPE_F32),
                    (float)nibble_at(&r, j),
                    -float_at(r.head + 64 + 4 * j, ANM_DTYPE_F32));
    case ANM_DTYPE_Q5_K:
        r = find_run(panel, d, 32, 128, 512);
        return fmaf(float_at(r.head + 4 * j, ANM_DTYPE_F32),
                    (float)r.bytes[r.d * 16 + j],
                    -float_at(r.head + 64 + 4 * j, ANM_DTYPE_F32));
    case ANM_DTYPE_Q6_K:
        r = find_run(panel, d, 16, 64, 256);
        return float_at(r.head + 4 * j, ANM_DTYPE_F32) *
               float_at(r.bytes + r.d * 16 + j, ANM_DTYPE_I8);
    default:
        return float_at(panel + (d * 16 + j) * anm_dtype_block(type).bytes,
                        type);
    }
}

static void check_panels(check *c, const anm_kern *k, anm_dtype type, size_t n,
                         size_t depth)
{
    const size_t unit = anm_dtype_block(type).elements;
    const size_t ldw = depth + unit * check_below(c, 4);
    const size_t len = (n - 1) * ldw + depth;
    const size_t panel = anm_panel_bytes(type, depth);
    const void *w = check_stored(c, type, len);
    float *values = check_space(c, len);
    const unsigned char *dst =
        (void *)check_space(c, (anm_panels(n) * panel + 3) / 4);
    bool ok = true;

    anm_widen_f32(values, w, type, len);
    k->pack((void *)dst, type, w, ldw, n, depth);
    for (size_t j = 0; j < anm_panels(n) * ANM_PANEL; j++) {
        for (size_t d = 0; d < depth; d++) {
            const float x = panel_value(dst + j / 16 * panel, type, j % 16, d);

            ok = ok && x == (j < n ? values[j * ldw + d] : 0.0f);
        }
    }
    check_true(c, ok, "pack %s n=%zu k=%zu", anm_dtype_name(type), n, depth);
    check_release(c);
}

typedef struct pack_bench {
    const anm_kern *k;
    anm_dtype type;
    void *dst;
    const void *w;
    size_t n, depth;
} pack_bench;

static void run_pack(void *ctx)
{
    const pack_bench *b = ctx;

    b->k->pack(b->dst, b->type, b->w, b->depth, b->n, b->depth);
}

static void bench_pack(check *c, const anm_kern *k, anm_dtype type)
{
    pack_bench b = { .k = k, .type = type, .n = 384, .depth = 384 };
    char name[64];

    b.w = check_stored(c, type, b.n * b.depth);
    b.dst = check_space(c, b.n * b.depth);
    snprintf(name, sizeof(name), "pack %s 384x384", anm_dtype_name(type));
    check_report(c, name, check_time(run_pack, &b), 0.0,
                 (double)check_bytes(type, b.n * b.depth));
    check_release(c);
}

void check_pack(check *c, const anm_kern *k)
{
    for (size_t t = 0; t < CHECK_TYPES; t++) {
        const size_t unit = anm_dtype_block(check_types[t]).elements;

        for (size_t n = 1; n <= 50; n++) {
            for (size_t depth = 1; depth <= 40; depth += 1 + check_below(c, 7))
                check_panels(c, k, check_types[t], n,
                             (depth + unit - 1) / unit * unit);
        }
        if (c->bench) bench_pack(c, k, check_types[t]);
    }
}

/* ---- The matrix product ------------------------------------------------------ */

/* One product with all it needs; c0 is what c held before. */
typedef struct product {
    anm_gemm_f32 g;
    const float *w; /* [n, k], the values before packing */
    const float *c0;
    size_t c_len;
    bool in_place;
} product;

typedef struct shape {
    anm_dtype type;
    size_t m, n, k; /* k is whole blocks */
    anm_act act;
    bool bias, residual, in_place;
} shape;

static product make_product(check *c, const anm_kern *kern, const shape *s)
{
    product p = { .in_place = s->in_place };
    const size_t ld_residual = s->n + check_below(c, 3);
    const void *stored = check_stored(c, s->type, s->n * s->k);
    const size_t panel_bytes = anm_panel_bytes(s->type, s->k);
    float *w = check_space(c, s->n * s->k);
    void *packed =
        check_space(c, (anm_panels(s->n) * panel_bytes + 3) / sizeof(float));

    anm_widen_f32(w, stored, s->type, s->n * s->k);
    kern->pack(packed, s->type, stored, s->k, s->n, s->k);
    p.w = w;
    p.g = (anm_gemm_f32){
        .m = s->m,
        .n = s->n,
        .k = s->k,
        .lda = s->k + check_below(c, 5),
        .w = packed,
        .w_type = s->type,
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
               "gemm %s m=%zu n=%zu k=%zu act=%d at %zu,%zu",
               anm_dtype_name(g->w_type), g->m, g->n, g->k, (int)g->act, i, j);
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
        check_true(c, ok, "gemm %s m=%zu n=%zu k=%zu panels %zu+%zu",
                   anm_dtype_name(s->type), s->m, s->n, s->k, first, count);
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
                       "gemm %s row %zu of %zu among %zu, n=%zu k=%zu",
                       anm_dtype_name(s->type), i, s->m, m, s->n, s->k);
        }
    }
    check_release(c);
}

/* Widening is exact and the order of summation one, so the type of the weights
 * does not show in the bits. */
static void check_as_f32(check *c, const anm_kern *k, const shape *s)
{
    product p = make_product(c, k, s);
    float *panels = check_space(c, anm_panels(s->n) * ANM_PANEL * s->k);
    anm_gemm_f32 g = p.g;

    k->pack(panels, ANM_DTYPE_F32, p.w, s->k, s->n, s->k);
    g.w = panels;
    g.w_type = ANM_DTYPE_F32;
    g.c = check_copy(c, p.c0, p.c_len);
    if (p.in_place) g.residual = g.c;
    k->gemm_f32(&p.g);
    k->gemm_f32(&g);
    check_same(c, p.g.c, g.c, p.c_len, "gemm %s m=%zu n=%zu k=%zu, as F32",
               anm_dtype_name(s->type), s->m, s->n, s->k);
    check_release(c);
}

static shape random_shape(check *c, anm_dtype type, size_t m, size_t n,
                          size_t k)
{
    const size_t unit = anm_dtype_block(type).elements;

    return (shape){
        .type = type,
        .m = m,
        .n = n,
        .k = (k + unit - 1) / unit * unit,
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

static void bench_gemm(check *c, const anm_kern *k, anm_dtype type, size_t m,
                       size_t n, size_t depth, anm_act act)
{
    const shape s = {
        .type = type, .m = m, .n = n, .k = depth, .act = act, .bias = true
    };
    product p = make_product(c, k, &s);
    const void *ctx[2] = { k, &p.g };
    const double bytes = (double)check_bytes(type, n * depth);
    char name[64];

    p.g.lda = depth; /* as activations lie in a workspace */
    p.g.ldc = n;
    snprintf(name, sizeof(name), "gemm %s m=%zu n=%zu k=%zu%s",
             anm_dtype_name(type), m, n, depth, act ? " gelu" : "");
    check_report(c, name, check_time(run_gemm, ctx), (double)(m * n * depth),
                 bytes);
    check_release(c);
}

static void bench_gemms(check *c, const anm_kern *k)
{
    static const size_t ms[] = { 1, 2, 4, 8, 9, 12, 16, 24, 32, 64, 128 };

    for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
        bench_gemm(c, k, ANM_DTYPE_F32, ms[i], 1152, 384, ANM_ACT_NONE);
        bench_gemm(c, k, ANM_DTYPE_F32, ms[i], 384, 384, ANM_ACT_NONE);
        bench_gemm(c, k, ANM_DTYPE_F32, ms[i], 1536, 384, ANM_ACT_NONE);
        bench_gemm(c, k, ANM_DTYPE_F32, ms[i], 1536, 384, ANM_ACT_GELU_ERF);
        bench_gemm(c, k, ANM_DTYPE_F32, ms[i], 384, 1536, ANM_ACT_NONE);
    }
    bench_gemm(c, k, ANM_DTYPE_F32, 32, 3072, 768, ANM_ACT_NONE);
    bench_gemm(c, k, ANM_DTYPE_F32, 32, 768, 3072, ANM_ACT_NONE);
    bench_gemm(c, k, ANM_DTYPE_F32, 32, 1024, 1024, ANM_ACT_NONE);
    bench_gemm(c, k, ANM_DTYPE_F32, 32, 1024, 4096, ANM_ACT_NONE);
}

static void bench_types(check *c, const anm_kern *k)
{
    static const size_t ms[] = { 1, 2, 4, 8, 9, 12, 16, 24, 32, 64, 128 };

    for (size_t t = 0; t < CHECK_TYPES; t++) {
        for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
            bench_gemm(c, k, check_types[t], ms[i], 384, 1536, ANM_ACT_NONE);
            bench_gemm(c, k, check_types[t], ms[i], 3072, 1024, ANM_ACT_NONE);
        }
    }
}

static void check_type(check *c, const anm_kern *k, anm_dtype type)
{
    // Of the others check_as_f32() below says the most.
    const size_t times = type == ANM_DTYPE_F32 ? 6 : 1;

    for (size_t m = 1; m <= 40; m++) {
        for (size_t t = 0; t < times; t++) {
            const shape s = random_shape(c, type, m, 1 + check_below(c, 100),
                                         1 + check_below(c, 50));
            check_product(c, k, &s);
        }
    }
    for (size_t n = 1; n <= 100; n += 7 - times) {
        const shape s = random_shape(c, type, 1 + check_below(c, 16), n,
                                     check_below(c, 40));
        check_product(c, k, &s);
    }
    for (size_t t = 0; t < 15; t++) {
        const shape s =
            random_shape(c, type, 1 + check_below(c, 50),
                         1 + check_below(c, 150), 1 + check_below(c, 300));
        check_as_f32(c, k, &s);
        check_panel_range(c, k, &s);
        check_row_alone(c, k, &s);
    }
    const shape deep = random_shape(c, type, 30, 72, 1536);
    check_product(c, k, &deep);
    const shape wide = random_shape(c, type, 67, 40, 1024);
    check_product(c, k, &wide);
    check_as_f32(c, k, &wide);
}

void check_gemm_f32(check *c, const anm_kern *k)
{
    for (size_t t = 0; t < CHECK_TYPES; t++)
        check_type(c, k, check_types[t]);
    check_special(c, k);
    if (c->bench) bench_gemms(c, k);
    if (c->bench) bench_types(c, k);
}
