/* sync_virtual.c - a lock, and a place to wait under it, among threads that
 * take turns in virtual time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/sync.h"

#include "base/virtual.h"

void anm_mutex_deinit(anm_mutex *m)
{
    (void)pthread_mutex_destroy(&m->os);
}

void anm_mutex_lock(anm_mutex *m)
{
    // Held by one who waits for its turn: it has to come first.
    const uint64_t step_ns = 1000;

    while (pthread_mutex_trylock(&m->os) != 0)
        anm_virtual_spend(step_ns, false);
}

void anm_mutex_unlock(anm_mutex *m)
{
    (void)pthread_mutex_unlock(&m->os);
}

void anm_signal_deinit(anm_signal *s)
{
    (void)pthread_cond_destroy(&s->os);
}

void anm_signal_wait(anm_signal *s, anm_mutex *m)
{
    // No other thread runs before this one waits, so no signal is lost.
    anm_mutex_unlock(m);
    anm_virtual_wait(s);
    anm_mutex_lock(m);
}

void anm_signal_raise(anm_signal *s)
{
    anm_virtual_raise(s);
}
