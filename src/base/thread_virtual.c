/* thread_virtual.c - threads that take turns in virtual time. A played machine
 * has CPUs for all of them, and no priorities.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include "base/virtual.h"

static unsigned n_running;

static void run(void *ctx)
{
    anm_thread *t = ctx;

    t->fn(t->ctx);
    t->ended = true;
    n_running--;
}

anm_status anm_thread_start(anm_thread *t, void (*fn)(void *ctx), void *ctx,
                            anm_error *err)
{
    *t = (anm_thread){ .fn = fn, .ctx = ctx };
    n_running++;
    const anm_status status = anm_virtual_start(run, t, anm_virtual_now(), err);
    t->started = !status;
    if (status) n_running--;
    return status;
}

void anm_thread_join(anm_thread *t)
{
    const uint64_t step_ns = 20000;

    while (t->started && !t->ended)
        anm_virtual_wait_until(anm_virtual_now() + step_ns);
    // Those that have ended are cleared away when nobody runs beside them.
    if (t->started && n_running == 0) anm_virtual_join();
    t->started = false;
}

bool anm_thread_yield_to_all(void)
{
    return false;
}

bool anm_thread_pin(unsigned n)
{
    (void)n;
    return false;
}

void anm_thread_burn(uint64_t ns)
{
    anm_virtual_spend(ns, true);
}
