/* sync.h - a lock, and a place to wait under it, for short critical sections.
 *
 * Initialised by ANM_MUTEX_INIT and ANM_SIGNAL_INIT, which cannot fail; nothing
 * here can.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_SYNC_H
#define ANM_SYNC_H

#include <pthread.h>

typedef struct anm_mutex {
    pthread_mutex_t os;
} anm_mutex;

typedef struct anm_signal {
    pthread_cond_t os;
} anm_signal;

#define ANM_MUTEX_INIT  ((anm_mutex){ PTHREAD_MUTEX_INITIALIZER })
#define ANM_SIGNAL_INIT ((anm_signal){ PTHREAD_COND_INITIALIZER })

void anm_mutex_deinit(anm_mutex *m);
void anm_mutex_lock(anm_mutex *m);
void anm_mutex_unlock(anm_mutex *m);

void anm_signal_deinit(anm_signal *s); /* nobody waits any more */

/* May wake without a reason: wait in a loop over a condition. */
void anm_signal_wait(anm_signal *s, anm_mutex *m);
void anm_signal_raise(anm_signal *s); /* wakes one waiter */

#endif
