/* check_dot_rows.c - one vector against many rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "check.h"

/* n rows of dim, ld apart; the last row ends at unreadable memory. */
static void check_shape(check *c, const anm_kern *k, size_t n, size_t dim,
                        size_t ld)
{
    const float *rows = check_floats(c, n ? (n - 1) * ld + dim : 0);
    const float *q = check_floats(c, dim);
    float *out = check_space(c, n);

    k->dot_rows_f32(out, rows, ld, n, dim, q);
    for (size_t i = 0; i < n; i++) {
        double exact = 0.0, magnitude = 0.0;
        float alone;

        for (size_t j = 0; j < dim; j++) {
            exact += (double)rows[i * ld + j] * q[j];
            magnitude += fabs((double)rows[i * ld + j] * q[j]);
        }
        check_near(c, out[i], exact,
                   ((double)dim * CHECK_U + CHECK_EXACT) * magnitude +
                       CHECK_U * fabs(exact),
                   "dot_rows n=%zu dim=%zu row %zu", n, dim, i);
        k->dot_rows_f32(&alone, rows + i * ld, ld, 1, dim, q);
        check_same(c, &alone, &out[i], 1, "dot_rows row %zu alone", i);
    }
    check_release(c);
}

typedef struct rows_bench {
    const anm_kern *k;
    float *rows, *q, *out;
    size_t n, dim;
    volatile float sink;
} rows_bench;

static void run_rows(void *ctx)
{
    rows_bench *b = ctx;

    b->k->dot_rows_f32(b->out, b->rows, b->dim, b->n, b->dim, b->q);
}

static void run_read(void *ctx)
{
    rows_bench *b = ctx;

    b->sink = b->k->read_f32(b->rows, b->n * b->dim);
}

/* The stopwatch takes runs by turns: the machine is shared. */
static void bench_rows(check *c, const anm_kern *k, size_t n, size_t dim)
{
    rows_bench b = { .k = k, .n = n, .dim = dim };
    const double bytes = (double)n * (double)dim * sizeof(float);
    double rows_ns = HUGE_VAL, read_ns = HUGE_VAL;
    char name[64];

    b.rows = check_floats(c, n * dim);
    b.q = check_floats(c, dim);
    b.out = check_space(c, n);
    for (int i = 0; i < 5; i++) {
        read_ns = fmin(read_ns, check_time(run_read, &b));
        rows_ns = fmin(rows_ns, check_time(run_rows, &b));
    }
    snprintf(name, sizeof(name), "dot_rows_f32 %zu x %zu", n, dim);
    check_report(c, name, rows_ns, 0.0, bytes);
    snprintf(name, sizeof(name), "  reading the same bytes");
    check_report(c, name, read_ns, 0.0, bytes);
    check_release(c);
}

void check_dot_rows_f32(check *c, const anm_kern *k)
{
    for (size_t dim = 0; dim <= 130; dim++)
        check_shape(c, k, 3, dim, dim + dim % 3);
    for (size_t n = 0; n <= 40; n += 5)
        check_shape(c, k, n, 384, 384);
    check_shape(c, k, 3, 4096, 4099);
    if (!c->bench) return;
    bench_rows(c, k, 100000, 384);
    bench_rows(c, k, 30000, 1024);
    bench_rows(c, k, 100, 384);
}
