/* thread.c - starting, ending and placing threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include "base/clock.h"
#include "base/error.h"

#if defined(__linux__)
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <pthread/qos.h>
#endif

static void *run(void *arg)
{
    anm_thread *t = arg;

    t->fn(t->ctx);
    return NULL;
}

anm_status anm_thread_start(anm_thread *t, void (*fn)(void *ctx), void *ctx,
                            anm_error *err)
{
    *t = (anm_thread){ .fn = fn, .ctx = ctx };
    const int why = pthread_create(&t->os, NULL, run, t);
    if (why) return anm_fail_errno(err, why, "start a thread");
    t->started = true;
    return ANM_OK;
}

void anm_thread_join(anm_thread *t)
{
    if (t->started) pthread_join(t->os, NULL);
    t->started = false;
}

#if defined(__linux__)

bool anm_thread_yield_to_all(void)
{
    // On Linux the "process" of a thread number is that thread.
    const int least = 19;
    return setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), least) == 0;
}

bool anm_thread_pin(unsigned n)
{
    cpu_set_t allowed, one;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return false;
    CPU_ZERO(&one);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || n--) continue;
        CPU_SET(cpu, &one);
        return sched_setaffinity(0, sizeof(one), &one) == 0;
    }
    return false;
}

#elif defined(__APPLE__)

bool anm_thread_yield_to_all(void)
{
    return pthread_set_qos_class_self_np(QOS_CLASS_BACKGROUND, 0) == 0;
}

bool anm_thread_pin(unsigned n)
{
    (void)n;
    return false;
}

#else

bool anm_thread_yield_to_all(void)
{
    return false;
}

bool anm_thread_pin(unsigned n)
{
    (void)n;
    return false;
}

#endif

void anm_thread_burn(uint64_t ns)
{
    const uint64_t end = anm_now_ns() + ns;
    volatile double sink = 1;

    while (anm_now_ns() < end)
        for (int i = 0; i < 1000; i++)
            sink = sink * 0.999 + 1;
}
