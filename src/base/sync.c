/* sync.c - a lock, and a place to wait under it, over POSIX threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/sync.h"

#include <assert.h>

/* With default attributes these calls fail only for misuse. */
static void must(int rc)
{
    assert(rc == 0);
    (void)rc;
}

void anm_mutex_deinit(anm_mutex *m)
{
    must(pthread_mutex_destroy(&m->os));
}

void anm_mutex_lock(anm_mutex *m)
{
    must(pthread_mutex_lock(&m->os));
}

void anm_mutex_unlock(anm_mutex *m)
{
    must(pthread_mutex_unlock(&m->os));
}

void anm_signal_deinit(anm_signal *s)
{
    must(pthread_cond_destroy(&s->os));
}

void anm_signal_wait(anm_signal *s, anm_mutex *m)
{
    must(pthread_cond_wait(&s->os, &m->os));
}

void anm_signal_raise(anm_signal *s)
{
    must(pthread_cond_signal(&s->os));
}
