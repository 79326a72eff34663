/* check_rows.c - adding, gathering, averaging rows; dot, unit length; what is
 * there for measurements; widening.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

static void check_add(check *c, const anm_kern *k, size_t rows, size_t dim,
                      bool one_row)
{
    const size_t ldy = dim + check_below(c, 4);
    const size_t ldx = one_row ? 0 : dim + check_below(c, 4);
    const float *x = check_floats(c, (rows - 1) * ldx + dim);
    float *y = check_space(c, (rows - 1) * ldy + dim);
    bool ok = true;

    for (size_t i = 0; i < rows * dim; i++)
        y[i / dim * ldy + i % dim] = check_unit(c);
    const float *before = check_copy(c, y, (rows - 1) * ldy + dim);
    k->add_f32(y, ldy, x, ldx, rows, dim);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < dim; j++)
            ok = ok && y[i * ldy + j] == before[i * ldy + j] + x[i * ldx + j];
    }
    check_true(c, ok, "add rows=%zu dim=%zu ldx=%zu", rows, dim, ldx);
    check_gaps(c, y, ldy, rows, dim, "add");
    check_release(c);
}

void check_add_f32(check *c, const anm_kern *k)
{
    for (size_t dim = 1; dim <= 80; dim++) {
        check_add(c, k, 1 + check_below(c, 4), dim, false);
        check_add(c, k, 1 + check_below(c, 4), dim, true);
    }
}

static void check_gather(check *c, const anm_kern *k, anm_dtype type, size_t n,
                         size_t dim)
{
    const size_t unit = anm_dtype_block(type).elements;
    const size_t rows = 7, ldt = dim + unit * check_below(c, 4);
    const size_t len = (rows - 1) * ldt + dim;
    const size_t ldy = dim + check_below(c, 4);
    const anm_gather_f32 g = {
        .table = check_stored(c, type, len),
        .type = type,
        .ldt = ldt,
        .ids = check_ids(c, n, rows),
        .n = n,
        .dim = dim,
        .y = check_space(c, (n - 1) * ldy + dim),
        .ldy = ldy,
    };
    float *values = check_space(c, len);

    anm_widen_f32(values, g.table, type, len);
    k->gather_f32(&g);
    for (size_t i = 0; i < n; i++) {
        check_same(c, g.y + i * ldy, values + (size_t)g.ids[i] * ldt, dim,
                   "gather %s row %zu, dim=%zu", anm_dtype_name(type), i, dim);
    }
    check_gaps(c, g.y, ldy, n, dim, "gather");
    check_release(c);
}

void check_gather_f32(check *c, const anm_kern *k)
{
    for (size_t t = 0; t < CHECK_TYPES; t++) {
        const size_t unit = anm_dtype_block(check_types[t]).elements;

        for (size_t dim = unit; dim <= 80 + unit; dim += unit)
            check_gather(c, k, check_types[t], 1 + check_below(c, 9), dim);
    }
}

static void check_mean(check *c, const anm_kern *k, size_t n, size_t dim)
{
    const size_t ldx = dim + check_below(c, 4);
    const float *x = check_floats(c, (n - 1) * ldx + dim);
    float *out = check_space(c, dim);

    k->mean_rows_f32(out, x, ldx, n, dim);
    for (size_t j = 0; j < dim; j++) {
        double mean = 0.0, magnitude = 0.0;

        for (size_t i = 0; i < n; i++) {
            mean += x[i * ldx + j] / (double)n;
            magnitude += fabs((double)x[i * ldx + j]) / (double)n;
        }
        check_near(c, out[j], mean,
                   ((double)(n + 1) * CHECK_U + CHECK_EXACT) * magnitude,
                   "mean n=%zu dim=%zu at %zu", n, dim, j);
    }
    check_release(c);
}

void check_mean_rows_f32(check *c, const anm_kern *k)
{
    for (size_t dim = 1; dim <= 150; dim++)
        check_mean(c, k, 1 + check_below(c, 40), dim);
    check_mean(c, k, 512, 384);
}

/* ---- Dot and unit length ------------------------------------------------------ */

static void check_dot(check *c, const anm_kern *k, size_t n)
{
    const float *a = check_floats(c, n), *b = check_floats(c, n);
    double exact = 0.0, magnitude = 0.0;

    for (size_t i = 0; i < n; i++) {
        exact += (double)a[i] * b[i];
        magnitude += fabs((double)a[i] * b[i]);
    }
    check_near(c, k->dot_f32(a, b, n), exact,
               ((double)n * CHECK_U + CHECK_EXACT) * magnitude, "dot n=%zu", n);
    check_release(c);
}

typedef struct dot_bench {
    const anm_kern *k;
    float *a, *b;
    size_t n;
    volatile float sink;
} dot_bench;

static void run_dot(void *ctx)
{
    dot_bench *b = ctx;

    b->sink = b->k->dot_f32(b->a, b->b, b->n);
}

void check_dot_f32(check *c, const anm_kern *k)
{
    for (size_t n = 0; n <= 200; n++)
        check_dot(c, k, n);
    check_dot(c, k, 4096);
    for (size_t n = 384; c->bench && n <= 1536; n *= 2) {
        dot_bench b = { .k = k, .n = n };
        char name[64];

        b.a = check_floats(c, n);
        b.b = check_floats(c, n);
        snprintf(name, sizeof(name), "dot_f32 n=%zu", n);
        check_report(c, name, check_time(run_dot, &b), (double)n, 0.0);
    }
}

static void check_normalize(check *c, const anm_kern *k, size_t n, int exponent)
{
    float *x = check_floats(c, n);
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        x[i] = ldexpf(x[i], exponent);
        sum += (double)x[i] * x[i];
    }
    float *y = check_copy(c, x, n);
    check_near(c, k->normalize_f32(y, n, 1e-12), sqrt(sum), 1e-12 * sqrt(sum),
               "norm n=%zu", n);
    for (size_t i = 0; i < n; i++) {
        const double exact = x[i] / fmax(sqrt(sum), 1e-12);
        /* Below the normal numbers half a step is the unit roundoff. */
        check_near(c, y[i], exact, 4.0 * CHECK_U * fabs(exact) + 0x1p-150,
                   "normalize n=%zu 2^%d", n, exponent);
    }
    check_release(c);
}

void check_normalize_f32(check *c, const anm_kern *k)
{
    float *zero = check_space(c, 37);

    memset(zero, 0, 37 * sizeof(*zero));
    check_true(c, k->normalize_f32(zero, 37, 0.0) == 0.0, "norm of zero is 0");
    for (size_t i = 0; i < 37; i++)
        check_true(c, zero[i] == 0.0f, "zero stays zero");
    zero[20] = NAN;
    check_true(c, isnan(k->normalize_f32(zero, 37, 1e-12)), "norm of NaN");
    for (size_t i = 0; i < 37; i++)
        check_true(c, isnan(zero[i]), "normalize keeps NaN");
    for (size_t n = 0; n <= 80; n++) {
        check_normalize(c, k, n, 0);
        check_normalize(c, k, n, -60);
        check_normalize(c, k, n, 120);
    }
    check_normalize(c, k, 384, -130);
    check_normalize(c, k, 4096, 0);
}

/* ---- Measurements ------------------------------------------------------------- */

void check_burn_fma(check *c, const anm_kern *k)
{
    check_true(c, k->burn_fma(0) == 0, "no work is no work");
    for (uint64_t n = 1; n < 100000; n *= 3) {
        const uint64_t done = k->burn_fma(n);

        check_true(c, done >= n && done <= n + 4096, "burn_fma near n");
    }
}

typedef struct read_bench {
    const anm_kern *k;
    const float *x;
    size_t n;
    volatile float sink;
} read_bench;

static void run_read(void *ctx)
{
    read_bench *b = ctx;

    b->sink = b->k->read_f32(b->x, b->n);
}

void check_read_f32(check *c, const anm_kern *k)
{
    for (size_t n = 0; n <= 300; n++) {
        float *x = check_space(c, n);

        for (size_t i = 0; i < n; i++)
            x[i] = (float)check_below(c, 9);
        double sum = 0.0;
        for (size_t i = 0; i < n; i++)
            sum += x[i];
        check_near(c, k->read_f32(x, n), sum, 0.0, "read n=%zu", n);
        check_release(c);
    }
    for (size_t kb = 16; c->bench && kb <= 65536; kb *= 16) {
        read_bench b = { .k = k, .n = kb * 256 };
        char name[64];

        b.x = check_floats(c, b.n);
        snprintf(name, sizeof(name), "read_f32 %zu KiB", kb);
        check_report(c, name, check_time(run_read, &b), 0.0,
                     (double)kb * 1024.0);
        check_release(c);
    }
}

/* ---- Widening --------------------------------------------------------------- */

static void check_widen(check *c, anm_dtype from, const void *src, size_t n,
                        const float *want)
{
    float *dst = check_space(c, n);

    check_true(c, anm_widen_f32(dst, src, from, n), "widen %s",
               anm_dtype_name(from));
    check_same(c, dst, want, n, "widen %s", anm_dtype_name(from));
}

void check_widen_f32(check *c)
{
    static const uint16_t f16[] = { 0x3c00, 0xc000, 0x0001, 0x7c00, 0x8000 };
    static const float of_f16[] = { 1.0f, -2.0f, 0x1p-24f, INFINITY, -0.0f };
    static const uint16_t bf16[] = { 0x3f80, 0xc000, 0x0001, 0xff80 };
    static const float of_bf16[] = { 1.0f, -2.0f, 0x1p-133f, -INFINITY };
    static const double f64[] = { 1.0, -0x1.000001p-3, 1e300 };
    static const float of_f64[] = { 1.0f, -0x1p-3f, INFINITY };
    static const int8_t i8[] = { -128, -1, 0, 127 };
    static const float of_i8[] = { -128.0f, -1.0f, 0.0f, 127.0f };
    static const int16_t i16[] = { -32768, 32767 };
    static const float of_i16[] = { -32768.0f, 32767.0f };
    static const uint16_t u16[] = { 0, 65535 };
    static const float of_u16[] = { 0.0f, 65535.0f };
    /* d = -1/2 and q = 0, 1 … 31 less 16 */
    unsigned char q8_0[34] = { 0x00, 0xb8 };
    /* d = 2 and the low nibbles 0 … 15, the high ones 15 … 0 */
    unsigned char q4_0[18] = { 0x00, 0x40 };
    float of_q8_0[32], of_q4_0[32];
    unsigned char odd[1 + sizeof(of_bf16)];
    float unused;

    for (int i = 0; i < 32; i++) {
        q8_0[2 + i] = (unsigned char)(i - 16);
        of_q8_0[i] = -0.5f * (float)(i - 16);
        if (i < 16) q4_0[2 + i] = (unsigned char)(i | (15 - i) << 4);
        of_q4_0[i] = 2.0f * (float)(i < 16 ? i - 8 : 31 - i - 8);
    }
    check_widen(c, ANM_DTYPE_Q8_0, q8_0, 32, of_q8_0);
    check_widen(c, ANM_DTYPE_Q4_0, q4_0, 32, of_q4_0);
    check_widen(c, ANM_DTYPE_F16, f16, 5, of_f16);
    check_widen(c, ANM_DTYPE_BF16, bf16, 4, of_bf16);
    check_widen(c, ANM_DTYPE_F64, f64, 3, of_f64);
    check_widen(c, ANM_DTYPE_I8, i8, 4, of_i8);
    check_widen(c, ANM_DTYPE_U8, "\0\200\377", 3,
                (const float[]){ 0.0f, 128.0f, 255.0f });
    check_widen(c, ANM_DTYPE_I16, i16, 2, of_i16);
    check_widen(c, ANM_DTYPE_U16, u16, 2, of_u16);
    memcpy(odd + 1, of_bf16, sizeof(of_bf16));
    check_widen(c, ANM_DTYPE_F32, odd + 1, 4, of_bf16);
    check_true(c, !anm_widen_f32(&unused, i8, ANM_DTYPE_I64, 0),
               "I64 is no number here");
    check_true(c, !anm_widen_f32(&unused, i8, ANM_DTYPE_BOOL, 0),
               "BOOL is no number here");
}
