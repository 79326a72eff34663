/* bench_evidence.c - `bench --evidence`: what a receipt costs. The same query
 * of 8 tokens with and without one, block by block in turn, so that whatever
 * the machine does meets both.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum { TOKENS = 8, BLOCK = 25, BLOCKS = 80, QUICK_BLOCKS = 8 };

typedef struct job {
    cli_session session;
    bench_ids ids;
    float *vector;
    double *ms[2]; /* [BLOCKS * BLOCK] without, with */
    size_t n;
} job;

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static anm_status run_block(job *j, bool with, anm_error *err)
{
    anm_receipt receipt;
    anm_status status = ANM_OK;

    // The first of a block pays for the change and is not counted.
    for (size_t i = 0; i <= BLOCK && !status; i++) {
        const anm_ids row = { j->ids.ids + i % BENCH_VARIANTS * TOKENS,
                              TOKENS };
        const uint64_t begin = cli_now_ns();
        status = anm_embed_ids(j->session.model, &row, 1, NULL, j->vector,
                               with ? &receipt : NULL, err);
        if (i) j->ms[with][j->n + i - 1] = (double)(cli_now_ns() - begin) / 1e6;
    }
    return status;
}

static anm_status measure(job *j, size_t blocks, anm_error *err)
{
    anm_status status = ANM_OK;

    for (size_t b = 0; b < blocks && !status && !cli_interrupted(); b++) {
        // Who comes first alternates.
        status = run_block(j, b % 2, err);
        if (!status) status = run_block(j, !(b % 2), err);
        if (!status) j->n += BLOCK;
    }
    return status;
}

static anm_status run(job *j, cli *c, bool quick, anm_error *err)
{
    anm_status status = cli_session_open(&j->session, c, true, err);
    if (!status) status = cli_session_warm(&j->session, err);
    if (!status) status = cli_bench_ids(&j->session, TOKENS, &j->ids, err);
    if (status) return status;
    j->vector = calloc(anm_model_dim(j->session.model), sizeof(*j->vector));
    for (int i = 0; i < 2; i++)
        j->ms[i] = calloc(BLOCKS * BLOCK, sizeof(*j->ms[i]));
    if (!j->vector || !j->ms[0] || !j->ms[1])
        return cli_fail(err, ANM_E_NOMEM, "out of memory");
    return measure(j, quick ? QUICK_BLOCKS : BLOCKS, err);
}

static void write_result(const job *j, const cli *c)
{
    double p50[2];

    for (int i = 0; i < 2; i++) {
        qsort(j->ms[i], j->n, sizeof(*j->ms[i]), compare_doubles);
        p50[i] = cli_bench_percentile(j->ms[i], j->n, 0.5);
    }
    if (c->json) {
        printf("{\"anemone_bench\":1,\"mode\":\"evidence\",\"tokens\":%d,"
               "\"n\":%zu,\"without_p50_ms\":%.6g,\"with_p50_ms\":%.6g,"
               "\"cost_share\":%.4g}\n",
               TOKENS, j->n, p50[0], p50[1], p50[1] / p50[0] - 1.0);
    } else {
        printf("%d tokens, %zu calls each: %.4f ms without a receipt, %.4f ms "
               "with one: %+.2f %%\n",
               TOKENS, j->n, p50[0], p50[1], 100.0 * (p50[1] / p50[0] - 1.0));
    }
}

int cli_bench_evidence(cli *c, bool quick)
{
    job j = { 0 };
    anm_error err;

    const anm_status status = run(&j, c, quick, &err);
    if (!status && j.n) write_result(&j, c);
    cli_session_close(&j.session);
    free(j.ids.ids);
    free(j.vector);
    free(j.ms[0]);
    free(j.ms[1]);
    return status ? cli_report(c, &err) : cli_finish(c, CLI_DONE);
}
