/* virtual.h - time, counters and threads of a machine that is played.
 *
 * Builds that play scenarios link clock_virtual.c, host_virtual.c,
 * pool_virtual.c and sync_virtual.c instead of the files without _virtual, and
 * this beneath them. Time passes only where somebody spends it. One thread of
 * all runs at any moment: when it spends time or waits, the one whose time
 * comes first goes on, so that a run depends on nothing but its script.
 *
 * Threads take part when they come from anm_virtual_start(), and the first one
 * that asks is the main one. Other threads may read the clock.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_VIRTUAL_H
#define ANM_VIRTUAL_H

#include "base/host.h"

/* Counters that the machine does not offer, as bits. */
enum {
    ANM_VIRTUAL_NO_RUN_DELAY = 1u << 0,
    ANM_VIRTUAL_NO_SWITCHES = 1u << 1,
    ANM_VIRTUAL_NO_FAULTS = 1u << 2,
    ANM_VIRTUAL_NO_THROTTLED = 1u << 3,
    ANM_VIRTUAL_NO_PSI = 1u << 4,
    ANM_VIRTUAL_NO_FREQ = 1u << 5,
};

typedef struct anm_virtual_machine {
    char identity[128];
    anm_host_state state;
    unsigned absent;
    uint64_t tick_ns;  /* that reading the clock takes */
    double host_ratio; /* how much longer than usual code takes, now */
} anm_virtual_machine;

/* The one machine of this process. */
anm_virtual_machine *anm_virtual_host(void);

/* Counters of the calling thread. */
anm_host_thread *anm_virtual_counters(void);

/* A reading of the clock: takes tick_ns. */
uint64_t anm_virtual_read(void);

/* The time, without taking any. */
uint64_t anm_virtual_now(void);

/* Let time pass for the calling thread; on_cpu counts it as its CPU time. */
void anm_virtual_spend(uint64_t ns, bool on_cpu);
void anm_virtual_wait_until(uint64_t at_ns);

/* The clock goes on without anybody having run: a suspended machine. */
void anm_virtual_jump(uint64_t ns);

/* Run fn on a thread of its own from `at_ns` on. */
anm_status anm_virtual_start(void (*fn)(void *ctx), void *ctx, uint64_t at_ns,
                             anm_error *err);

/* Wait for a signal, any address; the first that waits is woken. */
void anm_virtual_wait(const void *signal);
void anm_virtual_raise(const void *signal);

/* Wait until every thread of _start has ended. */
void anm_virtual_join(void);

#endif
