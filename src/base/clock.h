/* clock.h - monotonic time, and CPU time of threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CLOCK_H
#define ANM_CLOCK_H

#include <pthread.h>
#include <stdint.h>

/* Nanoseconds of a clock that never goes back; the origin is arbitrary. */
uint64_t anm_now_ns(void);

/* The time from one reading of it to a later one. 0 where the clock went back
 * all the same, as that of a machine does whose CPUs disagree. */
static inline uint64_t anm_elapsed_ns(uint64_t since, uint64_t now)
{
    return now > since ? now - since : 0;
}

/* The same clock with the time in which the machine slept: for pauses between
 * calls. The origin is another one. */
uint64_t anm_now_with_sleep_ns(void);

/* Wall clock, nanoseconds since the epoch: for dates in records, never for
 * durations. */
int64_t anm_wall_ns(void);

/* CPU time consumed by the calling thread, nanoseconds. */
uint64_t anm_thread_cpu_ns(void);

/* The same of another thread that runs; 0 where the system does not say. */
uint64_t anm_other_thread_cpu_ns(pthread_t thread);

void anm_sleep_ns(uint64_t ns);

#endif
