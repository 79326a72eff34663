/* clock_virtual.c - the clocks of a played machine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "base/virtual.h"

uint64_t anm_now_ns(void)
{
    return anm_virtual_read();
}

uint64_t anm_now_with_sleep_ns(void)
{
    return anm_virtual_now();
}

/* The machine is switched on at midnight of 1 January 2026. */
int64_t anm_wall_ns(void)
{
    const int64_t origin = INT64_C(1767225600) * 1000000000;

    return origin + (int64_t)anm_virtual_now();
}

uint64_t anm_thread_cpu_ns(void)
{
    return (uint64_t)anm_virtual_counters()->cpu_ns;
}

uint64_t anm_other_thread_cpu_ns(pthread_t thread)
{
    (void)thread;
    return 0;
}

void anm_sleep_ns(uint64_t ns)
{
    anm_virtual_spend(ns, false);
}
