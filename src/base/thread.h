/* thread.h - threads of one purpose: other callers and busy neighbours of an
 * experiment. The team that computes is pool.h.
 *
 * On a played machine a thread takes its turn in virtual time like the callers
 * of a workload.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_THREAD_H
#define ANM_THREAD_H

#include <pthread.h>

#include "anemone.h"

/* Zero-initialised is none. Stays where it is while it runs. */
typedef struct anm_thread {
    pthread_t os;
    void (*fn)(void *ctx);
    void *ctx;
    bool started;
    bool ended; /* of a played machine's threads, which take turns */
} anm_thread;

anm_status anm_thread_start(anm_thread *t, void (*fn)(void *ctx), void *ctx,
                            anm_error *err);

/* Wait until it has ended; nothing to do for none. */
void anm_thread_join(anm_thread *t);

/* Let everybody else go first from now on; for the calling thread, and not to
 * be taken back. False where the system has no such thing or refuses. */
bool anm_thread_yield_to_all(void);

/* Keep the calling thread on the n-th CPU (from 0) of those it may use. False
 * where that cannot be done. */
bool anm_thread_pin(unsigned n);

/* Compute for about this long without sleeping. */
void anm_thread_burn(uint64_t ns);

#endif
