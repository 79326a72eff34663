/* check_attention.c - attention of one head.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static size_t visible(const anm_attention_f32 *a, size_t i)
{
    const size_t limit = a->q_first + i + 1;

    return a->causal && limit < a->n_k ? limit : a->n_k;
}

/* The exact scores of query i; returns the largest sum of magnitudes, of which
 * each score may err by head_dim u. */
static double exact_scores(const anm_attention_f32 *a, size_t i, double *p,
                           size_t n)
{
    double worst = 0.0;

    for (size_t j = 0; j < n; j++) {
        double magnitude = 0.0;

        p[j] = 0.0;
        for (size_t d = 0; d < a->head_dim; d++) {
            const double product =
                (double)a->q[i * a->ldq + d] * a->k[j * a->ldk + d] * a->scale;
            p[j] += product;
            magnitude += fabs(product);
        }
        worst = fmax(worst, magnitude);
    }
    return worst;
}

static void exact_softmax(double *p, size_t n)
{
    double max = -INFINITY, sum = 0.0;

    for (size_t j = 0; j < n; j++)
        max = fmax(max, p[j]);
    for (size_t j = 0; j < n; j++)
        sum += p[j] = exp(p[j] - max);
    for (size_t j = 0; j < n; j++)
        p[j] /= sum;
}

static void check_query(check *c, const anm_attention_f32 *a, size_t i)
{
    const size_t n = visible(a, i);
    double *p = (void *)check_space(c, 2 * n);
    const double s = exact_scores(a, i, p, n);

    exact_softmax(p, n);
    for (size_t d = 0; d < a->head_dim; d++) {
        double exact = 0.0, max_v = 0.0;

        for (size_t j = 0; j < n; j++) {
            exact += p[j] * a->v[j * a->ldv + d];
            max_v = fmax(max_v, fabs((double)a->v[j * a->ldv + d]));
        }
        const double allowed =
            (2.0 * ((double)a->head_dim + 2.0) * CHECK_U * s +
             (double)n * CHECK_U + 2e-6) *
            max_v;
        check_near(c, a->out[i * a->ldo + d], exact, allowed,
                   "attention n_q=%zu n_k=%zu head_dim=%zu causal=%d+%zu at "
                   "%zu,%zu",
                   a->n_q, a->n_k, a->head_dim, a->causal, a->q_first, i, d);
    }
}

static anm_attention_f32 make_attention(check *c, size_t n_q, size_t n_k,
                                        size_t head_dim)
{
    anm_attention_f32 a = {
        .n_q = n_q,
        .n_k = n_k,
        .head_dim = head_dim,
        .scale = 1.0f / sqrtf((float)head_dim),
        .ldq = head_dim + check_below(c, 5),
        .ldk = head_dim + check_below(c, 5),
        .ldv = head_dim + check_below(c, 5),
        .ldo = head_dim + check_below(c, 5),
    };

    a.q = check_floats(c, (n_q - 1) * a.ldq + head_dim);
    a.k = check_floats(c, (n_k - 1) * a.ldk + head_dim);
    a.v = check_floats(c, (n_k - 1) * a.ldv + head_dim);
    a.out = check_space(c, (n_q - 1) * a.ldo + head_dim);
    a.scratch = check_space(c, anm_attention_scratch(n_k, head_dim));
    return a;
}

/* Queries first..first + n_q - 1 of `a` in a call of their own have the same
 * bits, whatever the scratch held. */
static void check_split(check *c, const anm_kern *k, const anm_attention_f32 *a,
                        size_t first, size_t n_q)
{
    anm_attention_f32 part = *a;

    part.n_q = n_q;
    part.q_first = a->q_first + first;
    part.q = a->q + first * a->ldq;
    part.out = check_space(c, (n_q - 1) * a->ldo + a->head_dim);
    part.scratch = check_space(c, anm_attention_scratch(a->n_k, a->head_dim));
    k->attention_f32(&part);
    for (size_t i = 0; i < n_q; i++) {
        check_same(c, part.out + i * a->ldo, a->out + (first + i) * a->ldo,
                   a->head_dim,
                   "attention query %zu of %zu in a call of %zu, n_k=%zu "
                   "head_dim=%zu causal=%d",
                   first + i, a->n_q, n_q, a->n_k, a->head_dim, a->causal);
    }
}

static void check_attention(check *c, const anm_kern *k, size_t n_q, size_t n_k,
                            size_t head_dim, bool causal)
{
    anm_attention_f32 a = make_attention(c, n_q, n_k, head_dim);

    a.causal = causal;
    if (causal && n_k >= n_q) a.q_first = check_below(c, n_k - n_q + 1);
    k->attention_f32(&a);
    for (size_t i = 0; i < n_q; i++)
        check_query(c, &a, i);
    check_gaps(c, a.out, a.ldo, n_q, head_dim, "attention");
    for (int t = 0; t < 3; t++) {
        const size_t first = check_below(c, n_q);
        check_split(c, k, &a, first, 1 + check_below(c, n_q - first));
    }
    check_release(c);
}

/* With `causal` what a query may not see does not reach it, NaN included. */
static void check_causal_nan(check *c, const anm_kern *k, size_t head_dim)
{
    enum { N = 29, SEEN = 11 };
    anm_attention_f32 a = make_attention(c, N, N, head_dim);
    anm_attention_f32 b = a;
    float *key = check_copy(c, a.k, (N - 1) * a.ldk + head_dim);
    float *v = check_copy(c, a.v, (N - 1) * a.ldv + head_dim);

    a.causal = b.causal = true;
    k->attention_f32(&a);
    for (size_t j = SEEN; j < N; j++) {
        for (size_t d = 0; d < head_dim; d++) {
            key[j * a.ldk + d] = NAN;
            v[j * a.ldv + d] = j % 2 ? NAN : INFINITY;
        }
    }
    b.k = key;
    b.v = v;
    b.out = check_space(c, (N - 1) * a.ldo + head_dim);
    k->attention_f32(&b);
    check_same(c, b.out, a.out, (SEEN - 1) * a.ldo + head_dim,
               "attention sees no NaN of the future, head_dim=%zu", head_dim);
    check_true(c, isnan(b.out[SEEN * a.ldo]),
               "attention keeps NaN, head_dim=%zu", head_dim);
    check_release(c);
}

/* ---- Figures --------------------------------------------------------------- */

typedef struct heads {
    const anm_kern *k;
    anm_attention_f32 a;
    size_t n_heads;
} heads;

static void run_heads(void *ctx)
{
    const heads *h = ctx;

    for (size_t i = 0; i < h->n_heads; i++) {
        anm_attention_f32 a = h->a;

        a.q += i * a.head_dim;
        a.k += i * a.head_dim;
        a.v += i * a.head_dim;
        a.out += i * a.head_dim;
        h->k->attention_f32(&a);
    }
}

static void bench_heads(check *c, const anm_kern *k, size_t n, size_t n_heads,
                        size_t head_dim, bool causal)
{
    const size_t dim = n_heads * head_dim;
    heads h = { .k = k, .n_heads = n_heads };
    float *qkv = check_floats(c, n * 3 * dim);
    char name[64];

    h.a = (anm_attention_f32){
        .n_q = n,
        .n_k = n,
        .head_dim = head_dim,
        .causal = causal,
        .scale = 0.17f,
        .q = qkv,
        .ldq = 3 * dim,
        .k = qkv + dim,
        .ldk = 3 * dim,
        .v = qkv + 2 * dim,
        .ldv = 3 * dim,
        .ldo = dim,
    };
    h.a.out = check_space(c, n * dim);
    h.a.scratch = check_space(c, anm_attention_scratch(n, head_dim));
    snprintf(name, sizeof(name), "attention_f32 n=%zu %zux%zu%s", n, n_heads,
             head_dim, causal ? " causal" : "");
    check_report(c, name, check_time(run_heads, &h),
                 2.0 * (double)(n * n * dim) / (causal ? 2.0 : 1.0), 0.0);
    check_release(c);
}

void check_attention_f32(check *c, const anm_kern *k)
{
    for (size_t head_dim = 1; head_dim <= 70; head_dim++) {
        check_attention(c, k, 1 + check_below(c, 30), 1 + check_below(c, 60),
                        head_dim, false);
        check_attention(c, k, 1 + check_below(c, 30), 30 + check_below(c, 60),
                        head_dim, true);
    }
    for (size_t n = 1; n <= 50; n++) {
        check_attention(c, k, n, n, 32, n % 2);
        check_attention(c, k, n, n, 64, n % 2 == 0);
    }
    check_attention(c, k, 20, 20, 128, false);
    check_attention(c, k, 33, 513, 32, false);
    check_attention(c, k, 200, 200, 128, true);
    check_causal_nan(c, k, 32);
    check_causal_nan(c, k, 19);
    for (size_t n = 8; c->bench && n <= 512; n *= 2) {
        bench_heads(c, k, n, 12, 32, false);
        bench_heads(c, k, n, 12, 64, false);
    }
    if (c->bench) bench_heads(c, k, 128, 16, 128, true);
}
