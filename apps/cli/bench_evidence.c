/* bench_evidence.c - `bench --evidence`: what a receipt costs, and how much of
 * a query its stages leave open.
 *
 * The same query of 8 tokens runs with a receipt and without, in short blocks
 * that take turns. What the machine does for longer than a pair of blocks meets
 * both; what is shorter hits some calls of a block, whose lower quartile is
 * taken. The cost is the median of the differences of all pairs, with the
 * interval in which that median lies 95 times of 100.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 8, BLOCK = 10, PAIRS = 500, QUICK_PAIRS = 20, SECONDS = 20 };

typedef struct job {
    cli_session session;
    bench_ids ids;
    float *vector;
    double *ms[2];       /* [PAIRS] quartiles of blocks: without, with */
    double *cost_us;     /* [PAIRS] differences */
    double *unaccounted; /* [PAIRS * BLOCK] us of each receipt */
    size_t n;            /* pairs */
} job;

static double sorted_percentile(double *values, size_t n, double part)
{
    cli_bench_sort(values, n);
    return cli_bench_percentile(values, n, part);
}

static anm_status run_block(job *j, bool with, anm_error *err)
{
    double ms[BLOCK];
    anm_receipt receipt;
    anm_status status = ANM_OK;

    // The first of a block pays for the change and is not counted.
    for (size_t i = 0; i <= BLOCK && !status; i++) {
        const anm_ids row = { j->ids.ids + i % BENCH_VARIANTS * TOKENS,
                              TOKENS };
        const uint64_t begin = cli_now_ns();
        status = anm_embed_ids(j->session.model, &row, 1, NULL, j->vector,
                               with ? &receipt : NULL, err);
        const uint64_t end = cli_now_ns();
        if (i == 0 || status) continue;
        ms[i - 1] = (double)(end - begin) / 1e6;
        if (with)
            j->unaccounted[j->n * BLOCK + i - 1] =
                (double)receipt.stages_ns[ANM_STAGE_UNACCOUNTED] / 1e3;
    }
    if (!status) j->ms[with][j->n] = sorted_percentile(ms, BLOCK, 0.25);
    return status;
}

static anm_status measure(job *j, size_t pairs, anm_error *err)
{
    const uint64_t end = cli_now_ns() + SECONDS * UINT64_C(1000000000);
    anm_status status = ANM_OK;

    while (j->n < pairs && !status && !cli_interrupted()) {
        if (j->n >= QUICK_PAIRS && cli_now_ns() > end) break;
        // Who comes first alternates.
        const bool first = j->n % 2;
        status = run_block(j, first, err);
        if (!status) status = run_block(j, !first, err);
        if (status) break;
        j->cost_us[j->n] = 1e3 * (j->ms[1][j->n] - j->ms[0][j->n]);
        j->n++;
    }
    return status;
}

static anm_status run(job *j, cli *c, bool quick, anm_error *err)
{
    // Not warmed up: without a band no call is above it, and nothing is read that
    // is read only then.
    anm_status status = cli_session_open(&j->session, c, true, err);
    if (!status) status = cli_bench_ids(&j->session, TOKENS, &j->ids, err);
    if (status) return status;
    j->vector = calloc(anm_model_dim(j->session.model), sizeof(*j->vector));
    for (int i = 0; i < 2; i++)
        j->ms[i] = calloc(PAIRS, sizeof(*j->ms[i]));
    j->cost_us = calloc(PAIRS, sizeof(*j->cost_us));
    j->unaccounted = calloc(PAIRS * BLOCK, sizeof(*j->unaccounted));
    if (!j->vector || !j->ms[0] || !j->ms[1] || !j->cost_us || !j->unaccounted)
        return cli_fail(err, ANM_E_NOMEM, "out of memory");
    return measure(j, quick ? QUICK_PAIRS : PAIRS, err);
}

static void write_result(job *j, const cli *c)
{
    const size_t n = j->n, calls = n * BLOCK;
    const double without = sorted_percentile(j->ms[0], n, 0.5);
    const double with = sorted_percentile(j->ms[1], n, 0.5);
    const double cost = sorted_percentile(j->cost_us, n, 0.5);
    // Ranks of the median by the binomial of a fair coin, as a normal.
    const double reach = 0.98 / sqrt((double)n);
    const double low =
        cli_bench_percentile(j->cost_us, n, fmax(0.5 - reach, 0.0));
    const double high =
        cli_bench_percentile(j->cost_us, n, fmin(0.5 + reach, 1.0));
    const double open_p50 = sorted_percentile(j->unaccounted, calls, 0.5);
    const double open_p99 = cli_bench_percentile(j->unaccounted, calls, 0.99);
    const unsigned threads = anm_model_threads(j->session.model);

    if (c->json) {
        printf("{\"anemone_bench\":1,\"mode\":\"evidence\",\"tokens\":%d,"
               "\"threads\":%u,\"n\":%zu,\"without_p50_ms\":%.6g,"
               "\"with_p50_ms\":%.6g,\"cost_share\":%.4g,\"cost_us\":%.4g,"
               "\"cost_low_us\":%.4g,\"cost_high_us\":%.4g,"
               "\"unaccounted_p50_us\":%.4g,\"unaccounted_p99_us\":%.4g}\n",
               TOKENS, threads, calls, without, with, cost / without / 1e3,
               cost, low, high, open_p50, open_p99);
        return;
    }
    printf("%d tokens, %u thread%s, %zu calls each: %.4f ms without a receipt, "
           "%.4f ms with one\n",
           TOKENS, threads, threads > 1 ? "s" : "", calls, without, with);
    printf("a receipt costs %.1f us (%.1f to %.1f): %+.2f %%\n", cost, low,
           high, 100.0 * cost / without / 1e3);
    printf("unaccounted of a query: median %.1f us, p99 %.1f us\n", open_p50,
           open_p99);
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
    free(j.cost_us);
    free(j.unaccounted);
    return status ? cli_report(c, &err) : cli_finish(c, CLI_DONE);
}
