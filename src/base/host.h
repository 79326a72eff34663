/* host.h - what the system says about this thread, process and machine.
 *
 * Two classes by cost: anm_host_thread_read() is for every call (about 1 us);
 * anm_host_sample() is for at most ten times a second. A value that this
 * machine does not offer is ANM_COUNTER_UNKNOWN, never 0.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_HOST_H
#define ANM_HOST_H

#include "anemone.h"

/* Of the calling thread, since it started. */
typedef struct anm_host_thread {
    int64_t cpu_ns;
    int64_t run_delay_ns; /* runnable and not running */
    int64_t vol_switches, invol_switches;
    int64_t minor_faults, major_faults;
} anm_host_thread;

void anm_host_thread_read(anm_host_thread *out);

/* How long this thread has computed or waited for a CPU since it last called
 * anm_host_thread_read(). */
int64_t anm_host_thread_active_ns(void);

/* Of the process's cgroup and the machine. */
typedef struct anm_host_state {
    uint64_t group;       /* tells one cgroup of this process from another */
    int64_t throttled_ns; /* cgroup v2 cpu.stat or v1, cumulative, of the
                             folder and those above it; starts anew where
                             `group` differs */
    int64_t psi_cpu_us;   /* "some total" of /proc/pressure, cumulative */
    int64_t psi_memory_us;
    int64_t psi_io_us;
    int64_t freq_khz; /* mean over the first four CPUs, now */
} anm_host_state;

/* Opens its files once and keeps them (a zero anm_host finds them again), but
 * follows the process into another cgroup, and opens them anew in a child of
 * fork(). One thread at a time. */
typedef struct anm_host {
    int fds[8];
    int throttled[6]; /* [n_throttled] cpu.stat, innermost first */
    unsigned n_throttled;
    uint64_t group;
    int64_t process; /* that opened them */
    bool opened;
} anm_host;

void anm_host_sample(anm_host *h, anm_host_state *out);
void anm_host_deinit(anm_host *h);

/* A stable name of this machine for bands: CPU model, CPU count, memory size,
 * virtualisation, boot-independent. Writes at most cap bytes with NUL. */
void anm_host_identity(char *out, size_t cap);

/* Memory of this process: bytes resident now, and the highest. */
int64_t anm_host_resident_bytes(void);
int64_t anm_host_peak_resident_bytes(void);

#endif
