/* bench.h - the parts of `bench`: measuring (bench_measure.c), the machine's own
 * tail (bench_loop.c), the line protocol (bench_lines.c), live queries
 * (bench_mission.c), the cost of receipts (bench_evidence.c), the table
 * (verb_bench.c).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "session.h"

/* How one row is measured. */
typedef struct bench_plan {
    size_t tokens;
    size_t idle_ms; /* sleep before each call; 0: back to back */
    size_t callers; /* threads that call at once; 0 or 1: one */
    size_t texts;   /* rows of one bulk call; 0: live calls of one text */
    double seconds; /* to measure for */
} bench_plan;

typedef struct bench_row {
    bench_plan plan;
    char mode[32]; /* "back_to_back", "idle_50ms", "callers_4", "bulk_32" */
    size_t n;      /* calls */
    double min_ms, p50_ms, p95_ms, p99_ms, max_ms;
    double texts_per_s;
    double floor_ms;  /* of one call; the least that this machine allows */
    double loop_tail; /* p99 / p50 of a plain loop as long as a call, between
                         the calls; 0: not measured, or too few for a p99 */
} bench_row;

/* Different rows of exactly `tokens` ids that the model itself makes. */
enum { BENCH_VARIANTS = 8 };

typedef struct bench_ids {
    size_t tokens;
    int32_t *ids; /* [BENCH_VARIANTS, tokens] */
} bench_ids;

anm_status cli_bench_ids(cli_session *s, size_t tokens, bench_ids *out,
                         anm_error *err);

/* Measure one row. Stops early, with what there is, when interrupted. */
anm_status cli_bench_measure(cli_session *s, const bench_plan *plan,
                             const anm_peak *peak, bench_row *out,
                             anm_receipt *receipt, anm_error *err);

/* Ascending. */
void cli_bench_sort(double *values, size_t n);

/* Of sorted samples, the value below which `part` of them lie. */
double cli_bench_percentile(const double *sorted, size_t n, double part);

/* What a plain loop does: what a call does, less everything that is ours. */
typedef struct bench_work {
    unsigned threads;
    size_t bytes;   /* that each call reads, over all threads */
    double call_ms; /* counting fills what reading leaves of it */
} bench_work;

/* Samples of a plain loop; zero-initialised: none. */
typedef struct bench_loop {
    size_t *memory;  /* [n_memory] what it reads, round and round; owned */
    size_t n_memory; /* 0: the first run has not been */
    uint64_t turns;  /* of counting, in a sample */
    double *ms;      /* [n], owned */
    size_t n;
} bench_loop;

/* Loops for so many seconds; the same work each time. Nothing is added where
 * memory or threads are out. */
void cli_bench_loop_run(bench_loop *loop, const bench_work *work,
                        double seconds);

void cli_bench_loop_deinit(bench_loop *loop);

/* p99 / p50; 0 of fewer than 100 samples. */
double cli_bench_loop_tail(bench_loop *loop);

/* Answer the requests on stdin until they end; the exit code. */
int cli_bench_lines(cli *c);

/* Live queries at human gaps against warm-up; the exit code. */
int cli_bench_mission(cli *c, bool quick);

/* The cost of a receipt; the exit code. */
int cli_bench_evidence(cli *c, bool quick);

#endif
