/* bench_forward.c - all the layers of a small BERT in sequence, and the products
 * of some layers of a Qwen3 of 0.6 billion weights in each stored type, so that
 * the weights stream from where a whole model's weights lie.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "check.h"

enum { DIM = 384, FFN = 1536, N_HEADS = 12, HEAD_DIM = 32, N_LAYERS = 6 };

/* Weights of a layer, in this order, packed. */
enum { LAYER_LEN = 3 * DIM * DIM + DIM * DIM + 2 * FFN * DIM };

typedef struct forward {
    const anm_kern *k;
    size_t m;
    bool gemm_only;
    float *weights; /* [N_LAYERS, LAYER_LEN] */
    float *x;       /* [m, DIM] */
    float *wide;    /* [m, FFN], also qkv [m, 3 DIM] */
    float *ctx;     /* [m, DIM] */
    float *scratch;
    const float *ones; /* [FFN] */
} forward;

static void multiply(const forward *f, float *c, const float *a, const float *w,
                     size_t n, size_t k, anm_act act, const float *residual)
{
    const anm_gemm_f32 g = {
        .m = f->m,
        .n = n,
        .k = k,
        .a = a,
        .lda = k,
        .w = w,
        .c = c,
        .ldc = n,
        .bias = f->ones,
        .residual = residual,
        .ld_residual = n,
        .act = act,
        .panel_count = n / ANM_PANEL,
    };

    f->k->gemm_f32(&g);
}

static void attend(const forward *f)
{
    for (size_t h = 0; h < N_HEADS; h++) {
        const anm_attention_f32 a = {
            .n_q = f->m,
            .n_k = f->m,
            .head_dim = HEAD_DIM,
            .scale = 0.17f,
            .q = f->wide + h * HEAD_DIM,
            .ldq = 3 * DIM,
            .k = f->wide + DIM + h * HEAD_DIM,
            .ldk = 3 * DIM,
            .v = f->wide + 2 * DIM + h * HEAD_DIM,
            .ldv = 3 * DIM,
            .out = f->ctx + h * HEAD_DIM,
            .ldo = DIM,
            .scratch = f->scratch,
        };
        f->k->attention_f32(&a);
    }
}

static void normalize(const forward *f)
{
    f->k->layer_norm_f32(f->x, DIM, f->x, DIM, f->ones, f->ones, f->m, DIM,
                         1e-12f);
}

static void run_forward(void *ctx)
{
    const forward *f = ctx;

    for (size_t layer = 0; layer < N_LAYERS; layer++) {
        const float *w = f->weights + layer * LAYER_LEN;

        multiply(f, f->wide, f->x, w, 3 * DIM, DIM, ANM_ACT_NONE, NULL);
        w += 3 * DIM * DIM;
        if (!f->gemm_only) attend(f);
        multiply(f, f->x, f->ctx, w, DIM, DIM, ANM_ACT_NONE, f->x);
        w += DIM * DIM;
        normalize(f);
        multiply(f, f->wide, f->x, w, FFN, DIM,
                 f->gemm_only ? ANM_ACT_NONE : ANM_ACT_GELU_ERF, NULL);
        w += FFN * DIM;
        multiply(f, f->x, f->wide, w, DIM, FFN, ANM_ACT_NONE, f->x);
        normalize(f);
    }
}

static void bench_tokens(check *c, forward *f, size_t m)
{
    const double gemm = (double)N_LAYERS * LAYER_LEN * (double)m;
    const double attention =
        2.0 * (double)N_LAYERS * (double)(m * m) * (double)DIM;
    char name[64];

    f->m = m;
    f->gemm_only = true;
    snprintf(name, sizeof(name), "forward m=%zu, linear layers", m);
    check_report(c, name, check_time(run_forward, f), gemm,
                 4.0 * N_LAYERS * LAYER_LEN);
    f->gemm_only = false;
    snprintf(name, sizeof(name), "forward m=%zu", m);
    check_report(c, name, check_time(run_forward, f), gemm + attention,
                 4.0 * N_LAYERS * LAYER_LEN);
}

static void *map_huge(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        perror("mmap");
        exit(70);
    }
    madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

static void bench_bert(check *c, const anm_kern *k)
{
    static const size_t ms[] = { 1, 2, 4, 8, 9, 12, 16, 24, 32, 64, 128 };
    const size_t bytes = sizeof(float) * N_LAYERS * LAYER_LEN;
    forward f = { .k = k, .weights = map_huge(bytes) };
    float *ones = check_space(c, FFN);

    for (size_t i = 0; i < N_LAYERS * LAYER_LEN; i++)
        f.weights[i] = check_unit(c) * 0.05f;
    for (size_t i = 0; i < FFN; i++)
        ones[i] = 1.0f;
    f.ones = ones;
    f.x = check_floats(c, 128 * DIM);
    f.wide = check_floats(c, 128 * FFN);
    f.ctx = check_floats(c, 128 * DIM);
    f.scratch = check_space(c, anm_attention_scratch(128, HEAD_DIM));
    for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++)
        bench_tokens(c, &f, ms[i]);
    check_release(c);
    munmap(f.weights, bytes);
}

/* ---- Qwen3-0.6B ------------------------------------------------------------- */

enum { WIDE_LAYERS = 5, PRODUCTS = 4 * WIDE_LAYERS, WIDE_MOST = 6144 };

/* q k v, o, gate and up, down: [n, k] of a layer. */
static const size_t wide[4][2] = {
    { 4096, 1024 }, { 1024, 2048 }, { 6144, 1024 }, { 1024, 3072 }
};

typedef struct stream {
    const anm_kern *k;
    anm_dtype type;
    size_t m;
    const unsigned char *weights;
    const float *a; /* [m, WIDE_MOST] */
    float *c;       /* [m, WIDE_MOST] */
} stream;

static size_t stream_bytes(anm_dtype type)
{
    size_t bytes = 0;

    for (size_t i = 0; i < 4; i++)
        bytes += anm_panels(wide[i][0]) * anm_panel_bytes(type, wide[i][1]);
    return bytes * WIDE_LAYERS;
}

/* Every product once, in order; best[i] becomes the least time of each. */
static void run_stream(const stream *s, double best[PRODUCTS])
{
    const unsigned char *w = s->weights;

    for (size_t i = 0; i < PRODUCTS; i++) {
        const size_t n = wide[i % 4][0], k = wide[i % 4][1];
        const anm_gemm_f32 g = {
            .m = s->m,
            .n = n,
            .k = k,
            .a = s->a,
            .lda = k,
            .w = w,
            .w_type = s->type,
            .c = s->c,
            .ldc = n,
            .panel_count = anm_panels(n),
        };
        const uint64_t start = anm_now_ns();

        s->k->gemm_f32(&g);
        best[i] = fmin(best[i], (double)(anm_now_ns() - start));
        w += anm_panels(n) * anm_panel_bytes(s->type, k);
    }
}

/* The sum of least times: on a machine that others use too, hardly ever is a
 * run of all products undisturbed as a whole. */
static double time_stream(const stream *s)
{
    const uint64_t begin = anm_now_ns();
    double best[PRODUCTS], sum = 0.0;

    for (size_t i = 0; i < PRODUCTS; i++)
        best[i] = HUGE_VAL;
    for (int runs = 0; runs < 5 || anm_now_ns() - begin < 1000000000; runs++)
        run_stream(s, best);
    for (size_t i = 0; i < PRODUCTS; i++)
        sum += best[i];
    return sum;
}

static void bench_type(check *c, const anm_kern *k, anm_dtype type)
{
    static const size_t ms[] = { 1, 4, 8, 12, 16, 32, 64 };
    const size_t bytes = stream_bytes(type);
    unsigned char *weights = map_huge(bytes);
    stream s = { .k = k, .type = type, .weights = weights };
    double weights_n = 0.0;

    // 0x30 makes small numbers of every type, and touches every page.
    memset(weights, 0x30, bytes);
    s.a = check_floats(c, 64 * WIDE_MOST);
    s.c = check_space(c, 64 * WIDE_MOST);
    for (size_t i = 0; i < 4; i++)
        weights_n += (double)(WIDE_LAYERS * wide[i][0] * wide[i][1]);
    for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
        char name[64];

        s.m = ms[i];
        snprintf(name, sizeof(name), "qwen3 layers %s m=%zu",
                 anm_dtype_name(type), s.m);
        check_report(c, name, time_stream(&s), weights_n * (double)s.m,
                     (double)bytes);
    }
    check_release(c);
    munmap(weights, bytes);
}

void bench_forward(check *c, const anm_kern *k)
{
    bench_bert(c, k);
    for (size_t i = 0; i < CHECK_TYPES; i++)
        bench_type(c, k, check_types[i]);
}
