/* bench_search.h - `bench search`: a question's way through the memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_BENCH_SEARCH_H
#define CLI_BENCH_SEARCH_H

#include "bench.h"

typedef struct bench_search_options {
    cli_sizes items, collections;
    const char *where;
    size_t k, seconds;
} bench_search_options;

/* Measure and print; the exit code. */
int cli_bench_search(cli *c, const bench_search_options *o);

#endif
