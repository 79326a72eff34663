/* clock.c - the system's clocks in nanoseconds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <errno.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t = { 0 };
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t anm_now_ns(void)
{
    return (uint64_t)read_clock(CLOCK_MONOTONIC);
}

#if defined(CLOCK_BOOTTIME)
uint64_t anm_now_with_sleep_ns(void)
{
    return (uint64_t)read_clock(CLOCK_BOOTTIME);
}
#else
/* Of a Mac this is the clock that goes on while it sleeps. */
uint64_t anm_now_with_sleep_ns(void)
{
    return anm_now_ns();
}
#endif

int64_t anm_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t anm_thread_cpu_ns(void)
{
    return (uint64_t)read_clock(CLOCK_THREAD_CPUTIME_ID);
}

#if defined(__APPLE__)
uint64_t anm_other_thread_cpu_ns(pthread_t thread)
{
    (void)thread;
    return 0;
}
#else
uint64_t anm_other_thread_cpu_ns(pthread_t thread)
{
    clockid_t id;
    return pthread_getcpuclockid(thread, &id) == 0 ? (uint64_t)read_clock(id)
                                                   : 0;
}
#endif

void anm_sleep_ns(uint64_t ns)
{
    struct timespec left = { .tv_sec = (time_t)(ns / 1000000000),
                             .tv_nsec = (long)(ns % 1000000000) };
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
