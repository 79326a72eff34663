/* bench_loop.c - the tail of the machine: an empty loop that takes as long as a
 * call, on as many threads, timed between the calls. It touches no memory, makes
 * no system call and waits for nobody, so that whatever is slow about it is the
 * machine: other processes, its interrupts, its host.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include "beside.h"

#include <stdlib.h>

enum { TRIAL_TURNS = 20000, TRIALS = 9, LEAST_SAMPLES = 100, MOST = 1 << 16 };

/* One thread of a run. */
typedef struct looper {
    uint64_t turns, end_ns;
    double *ms; /* [cap] */
    size_t n, cap;
} looper;

double cli_bench_percentile(const double *sorted, size_t n, double part)
{
    const double at = part * (double)(n - 1);
    const size_t below = (size_t)at;
    if (below + 1 >= n) return sorted[n - 1];
    return sorted[below] +
           (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

static void turn(uint64_t turns)
{
    static volatile uint64_t sink;
    uint64_t x = sink;

    for (uint64_t i = 0; i < turns; i++)
        x = x * UINT64_C(6364136223846793005) + 1;
    sink = x;
}

static double time_turns(uint64_t turns)
{
    const uint64_t begin = cli_now_ns();

    turn(turns);
    return (double)(cli_now_ns() - begin) / 1e6;
}

static void run_looper(void *arg)
{
    looper *l = arg;

    while (l->n < l->cap && cli_now_ns() < l->end_ns)
        l->ms[l->n++] = time_turns(l->turns);
}

/* 0 where the clock is not that of this machine: no CPU makes the turns of a
 * trial, each of which needs the one before, in 1 us. */
static uint64_t turns_of(double ms)
{
    double least = time_turns(TRIAL_TURNS);

    for (int i = 1; i < TRIALS; i++) {
        const double again = time_turns(TRIAL_TURNS);
        if (again < least) least = again;
    }
    return least > 1e-3 ? (uint64_t)(ms / least * TRIAL_TURNS) + 1 : 0;
}

static bool grow(bench_loop *loop, size_t n)
{
    if (loop->n + n > MOST) return false;
    double *ms = realloc(loop->ms, (loop->n + n) * sizeof(*ms));
    if (ms) loop->ms = ms;
    return ms != NULL;
}

/* A call waits for its slowest thread: so does a sample. */
static void join(bench_loop *loop, const looper *loopers, unsigned threads)
{
    size_t n = loopers[0].n;

    for (unsigned t = 1; t < threads; t++)
        if (loopers[t].n < n) n = loopers[t].n;
    for (size_t i = 0; i < n; i++) {
        double most = 0.0;
        for (unsigned t = 0; t < threads; t++)
            if (loopers[t].ms[i] > most) most = loopers[t].ms[i];
        loop->ms[loop->n++] = most;
    }
}

static bool run_loopers(looper *loopers, unsigned threads)
{
    void **ctxs = calloc(threads, sizeof(*ctxs));
    anm_error err;

    for (unsigned t = 0; ctxs && t < threads; t++)
        ctxs[t] = &loopers[t];
    const bool done = ctxs && !cli_run_beside(run_looper, ctxs, threads, &err);
    free(ctxs);
    return done;
}

void cli_bench_loop_run(bench_loop *loop, unsigned threads, double call_ms,
                        double seconds)
{
    const size_t n = (size_t)(1e3 * seconds / call_ms) + 1;

    if (!loop->turns) loop->turns = turns_of(call_ms);
    if (!loop->turns) return;
    const uint64_t end = cli_now_ns() + (uint64_t)(seconds * 1e9);
    looper *loopers = calloc(threads, sizeof(*loopers));
    double *ms = calloc((size_t)threads * n, sizeof(*ms));
    if (loopers && ms && grow(loop, n)) {
        for (unsigned t = 0; t < threads; t++)
            loopers[t] = (looper){
                .turns = loop->turns, .end_ns = end, .ms = ms + t * n, .cap = n
            };
        if (run_loopers(loopers, threads)) join(loop, loopers, threads);
    }
    free(loopers);
    free(ms);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double cli_bench_loop_tail(bench_loop *loop)
{
    if (loop->n < LEAST_SAMPLES) return 0.0;
    qsort(loop->ms, loop->n, sizeof(*loop->ms), compare_doubles);
    return cli_bench_percentile(loop->ms, loop->n, 0.99) /
           cli_bench_percentile(loop->ms, loop->n, 0.50);
}
