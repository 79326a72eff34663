/* thread_virtual.c - threads that take turns in virtual time. A played machine
 * has CPUs for all of them, and no priorities.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include "base/virtual.h"

anm_status anm_thread_start(anm_thread *t, void (*fn)(void *ctx), void *ctx,
                            anm_error *err)
{
    *t = (anm_thread){ .fn = fn, .ctx = ctx };
    const anm_status status =
        anm_virtual_start(fn, ctx, anm_virtual_now(), err);
    t->started = !status;
    return status;
}

void anm_thread_join(anm_thread *t)
{
    // Waits for all of them: whoever joins has told each to end.
    if (t->started) anm_virtual_join();
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
