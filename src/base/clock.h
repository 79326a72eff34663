/* clock.h - monotonic time, and CPU time of threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CLOCK_H
#define ANM_CLOCK_H

#include <pthread.h>
#include <stdint.h>

/* Nanoseconds of a clock that never goes back; the origin is arbitrary. */
uint64_t anm_now_ns(void);

/* Wall clock, nanoseconds since the epoch: for dates in records, never for
 * durations. */
int64_t anm_wall_ns(void);

/* CPU time consumed by the calling thread, nanoseconds. */
uint64_t anm_thread_cpu_ns(void);

/* The same of another thread that runs; 0 where the system does not say. */
uint64_t anm_other_thread_cpu_ns(pthread_t thread);

void anm_sleep_ns(uint64_t ns);

#endif
