/* bench_forward.c - all the layers of a small BERT in sequence, so that the
 * weights stream from where a whole model's weights lie.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

void bench_forward(check *c, const anm_kern *k)
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
