/* bench_loop.c - the tail of the machine: a plain loop that takes as long as a
 * call, on as many threads, timed between the calls. It reads as many bytes as a
 * call reads weights, counts for the rest of the time, makes no system call and
 * waits for nobody, so that whatever is slow about it is the machine: other
 * processes, its interrupts, its host, those who share its memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include "beside.h"

#include <stdlib.h>
#include <string.h>

enum {
    TRIAL_TURNS = 20000,
    TRIALS = 9,
    READ_TRIALS = 15,
    LEAST_SAMPLES = 100,
    MOST_SAMPLES = 1 << 16,
    // A small machine's last cache holds less; a larger model is read as often
    // as it takes.
    MOST_MEMORY = 64 << 20,
};

/* One thread of a run. */
typedef struct looper {
    const bench_loop *loop;
    size_t at, words; /* of the memory: where to go on, and how many a sample */
    uint64_t end_ns;
    double *ms; /* [cap] */
    size_t n, cap;
} looper;

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void cli_bench_sort(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), compare_doubles);
}

double cli_bench_percentile(const double *sorted, size_t n, double part)
{
    const double at = part * (double)(n - 1);
    const size_t below = (size_t)at;
    if (below + 1 >= n) return sorted[n - 1];
    return sorted[below] +
           (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

static volatile size_t sink; // keeps the work alive

static void count(uint64_t turns)
{
    uint64_t x = sink;

    for (uint64_t i = 0; i < turns; i++)
        x = x * UINT64_C(6364136223846793005) + 1;
    sink = x;
}

/* `words` from `at` on, round and round; where the next sample goes on. */
static size_t read_memory(const bench_loop *loop, size_t at, size_t words)
{
    size_t sum = 0;

    while (words) {
        const size_t left = loop->n_memory - at;
        const size_t n = words < left ? words : left;

        for (size_t i = 0; i < n; i++)
            sum += loop->memory[at + i];
        at = (at + n) % loop->n_memory;
        words -= n;
    }
    sink = sum;
    return at;
}

static void run_looper(void *arg)
{
    looper *l = arg;

    while (l->n < l->cap && cli_now_ns() < l->end_ns) {
        const uint64_t begin = cli_now_ns();

        if (l->words) l->at = read_memory(l->loop, l->at, l->words);
        count(l->loop->turns);
        l->ms[l->n++] = (double)(cli_now_ns() - begin) / 1e6;
    }
}

static bool grow(bench_loop *loop, size_t n)
{
    if (loop->n + n > MOST_SAMPLES) return false;
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

/* At most n samples. */
static void add_samples(bench_loop *loop, const bench_work *work, size_t n,
                        double seconds)
{
    const uint64_t end = cli_now_ns() + (uint64_t)(seconds * 1e9);
    const size_t words = work->bytes / sizeof(size_t) / work->threads;
    looper *loopers = calloc(work->threads, sizeof(*loopers));
    double *ms = calloc(work->threads * n, sizeof(*ms));

    if (loopers && ms && grow(loop, n)) {
        for (unsigned t = 0; t < work->threads; t++)
            loopers[t] = (looper){ .loop = loop,
                                   .at = t * words % loop->n_memory,
                                   .words = words,
                                   .end_ns = end,
                                   .ms = ms + t * n,
                                   .cap = n };
        if (run_loopers(loopers, work->threads))
            join(loop, loopers, work->threads);
    }
    free(loopers);
    free(ms);
}

/* 0 where the clock is not that of this machine: no CPU makes the turns of a
 * trial, each of which needs the one before, in 1 us. */
static uint64_t turns_of(double ms)
{
    double least = 1e9;

    for (int i = 0; i < TRIALS; i++) {
        const uint64_t begin = cli_now_ns();
        count(TRIAL_TURNS);
        const double now = (double)(cli_now_ns() - begin) / 1e6;
        if (now < least) least = now;
    }
    return least > 1e-3 ? (uint64_t)(ms / least * TRIAL_TURNS) + 1 : 0;
}

/* Memory that is there, page by page, and how long to count beside reading. */
static bool prepare(bench_loop *loop, const bench_work *work)
{
    const size_t bytes = work->bytes < MOST_MEMORY ? work->bytes : MOST_MEMORY;
    size_t *memory = malloc(bytes + sizeof(*memory));

    if (!memory) return false;
    memset(memory, 1, bytes + sizeof(*memory));
    loop->memory = memory;
    loop->n_memory = bytes / sizeof(*memory) + 1;
    add_samples(loop, work, READ_TRIALS, 1.0);
    if (loop->n == 0) return false;
    cli_bench_sort(loop->ms, loop->n);
    const double left = work->call_ms - loop->ms[loop->n / 2];
    loop->n = 0;
    loop->turns = turns_of(left > 0.0 ? left : 0.0);
    return loop->turns > 0;
}

void cli_bench_loop_run(bench_loop *loop, const bench_work *work,
                        double seconds)
{
    if (!loop->n_memory && !prepare(loop, work)) return;
    if (loop->turns)
        add_samples(loop, work, (size_t)(1e3 * seconds / work->call_ms) + 1,
                    seconds);
}

void cli_bench_loop_deinit(bench_loop *loop)
{
    free(loop->memory);
    free(loop->ms);
}

double cli_bench_loop_tail(bench_loop *loop)
{
    if (loop->n < LEAST_SAMPLES) return 0.0;
    cli_bench_sort(loop->ms, loop->n);
    return cli_bench_percentile(loop->ms, loop->n, 0.99) /
           cli_bench_percentile(loop->ms, loop->n, 0.50);
}
