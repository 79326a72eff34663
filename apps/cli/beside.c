/* beside.c - callers beside each other, each on a thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "beside.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct thread {
    pthread_t os;
    void (*fn)(void *ctx);
    void *ctx;
} thread;

static void *run(void *arg)
{
    const thread *t = arg;

    t->fn(t->ctx);
    return NULL;
}

anm_status cli_run_beside(void (*fn)(void *ctx), void *const *ctxs, size_t n,
                          anm_error *err)
{
    thread *threads = calloc(n, sizeof(*threads));
    size_t started = 1;

    if (!threads) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    for (; started < n; started++) {
        thread *t = &threads[started];
        *t = (thread){ .fn = fn, .ctx = ctxs[started] };
        if (pthread_create(&t->os, NULL, run, t)) break;
    }
    fn(ctxs[0]);
    for (size_t i = 1; i < started; i++)
        pthread_join(threads[i].os, NULL);
    free(threads);
    if (started < n)
        return cli_fail(err, ANM_E_LIMIT, "%zu of %zu callers could be started",
                        started, n);
    return ANM_OK;
}
