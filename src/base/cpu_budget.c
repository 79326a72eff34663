/* cpu_budget.c - how many threads are ours: affinity, cores, cgroup quota.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/proc.h"

#if defined(__linux__)

#include <sched.h>

/* Beyond this many CPUs we do not look: eight kernels' worth of cpu_set_t. */
enum { N_SETS = 8, MAX_CPUS = N_SETS * CPU_SETSIZE };

/* The lowest CPU of the core that cpu belongs to; cpu itself when the system
 * does not say. The list of siblings is asked, not core_id: cores of two
 * clusters can have the same id. */
static unsigned core_of(unsigned cpu)
{
    char path[96], text[256];
    int64_t first = 0;

    snprintf(path, sizeof(path),
             "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
             cpu);
    if (!anm_proc_read(path, text, sizeof(text))) return cpu;
    if (!anm_proc_first_cpu(text, &first) || first >= MAX_CPUS) return cpu;
    return (unsigned)first;
}

static void read_cpus(anm_cpu_budget *out)
{
    cpu_set_t allowed[N_SETS], cores[N_SETS];

    memset(cores, 0, sizeof(cores));
    if (sched_getaffinity(0, sizeof(allowed), allowed) != 0) return;
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
        if (!CPU_ISSET_S(cpu, sizeof(allowed), allowed)) continue;
        out->affinity++;
        CPU_SET_S(core_of(cpu), sizeof(cores), cores);
    }
    out->physical = (unsigned)CPU_COUNT_S(sizeof(cores), cores);
}

/* The tightest quota between the folder of this process and the mount point;
 * 0: unlimited. */
static double tightest_quota(const char *controller)
{
    double tightest = 0;
    anm_cgroup c;

    if (!anm_cgroup_find(controller, &c)) return 0;
    do {
        const double quota = anm_cgroup_quota(&c);
        if (quota > 0 && (tightest == 0 || quota < tightest)) tightest = quota;
    } while (anm_cgroup_up(&c));
    return tightest;
}

static double read_quota(void)
{
    const double v1 = tightest_quota("cpu"), v2 = tightest_quota(NULL);
    return v1 > 0 && (v2 == 0 || v1 < v2) ? v1 : v2;
}

#elif defined(__APPLE__)

#include <sys/sysctl.h>

static unsigned read_count(const char *name)
{
    int value = 0;
    size_t size = sizeof(value);
    if (sysctlbyname(name, &value, &size, NULL, 0) != 0 || value < 0) return 0;
    return (unsigned)value;
}

/* Level 0 is the fast cores. A step waits for its slowest member, so that the
 * slow ones are no help. */
static void read_cpus(anm_cpu_budget *out)
{
    out->affinity = read_count("hw.logicalcpu");
    out->physical = read_count("hw.perflevel0.physicalcpu");
    if (!out->physical) out->physical = read_count("hw.physicalcpu");
}

static double read_quota(void)
{
    return 0;
}

#else

static void read_cpus(anm_cpu_budget *out)
{
    (void)out;
}

static double read_quota(void)
{
    return 0;
}

#endif

void anm_cpu_budget_read(anm_cpu_budget *out)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned n_online = online > 0 ? (unsigned)online : 1;

    *out = (anm_cpu_budget){ .quota = read_quota() };
    read_cpus(out);
    if (!out->affinity) out->affinity = n_online;
    if (!out->physical) out->physical = out->affinity;
    out->threads = out->physical;
    if (out->quota > 0 && out->quota < out->threads)
        out->threads = out->quota < 1 ? 1 : (unsigned)out->quota;
    out->owns_all = out->affinity >= n_online &&
                    (out->quota == 0 || out->quota >= out->affinity);
}
