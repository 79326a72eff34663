/* host.c - counters of this thread, this process's cgroup and this machine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/host.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/proc.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#if defined(__linux__)

#include <fcntl.h>
#include <pthread.h>

#include "base/error.h"
#include "base/open.h"

/* Opening a schedstat costs three times as much as reading it, so each thread
 * keeps its own until it ends. Waiting for a CPU begins and ends with a switch:
 * as long as a thread has not been switched, its delay is the one read last, and
 * the dearest of its readings is left out. */
typedef struct schedstat {
    int fd;           // 0, which no opened file has here: not opened yet
    unsigned n_forks; // when it was opened
    bool known;
    int64_t switches; // at the time of the latest reading or before it
    int64_t delay;
    int64_t cpu_ns; // at the latest reading of all counters
} schedstat;

static _Thread_local schedstat own_schedstat;
static pthread_key_t schedstat_key;
static bool has_schedstat_key;

/* Between this process and the first that opened a schedstat. Only the handler
 * changes it, while the child of a fork has one thread. */
static unsigned n_forks;

/* The ending thread forgets it too: what another key's destructor calls after
 * this would read a descriptor that is somebody else's by then. */
static void close_schedstat(void *value)
{
    close((int)(intptr_t)value);
    own_schedstat = (schedstat){ .n_forks = n_forks };
}

static void count_fork(void)
{
    n_forks++;
}

static void make_schedstat_key(void)
{
    if (pthread_atfork(NULL, NULL, count_fork) != 0) return;
    has_schedstat_key =
        pthread_key_create(&schedstat_key, close_schedstat) == 0;
}

/* A child has its parent's, which goes on telling of the thread that forked. */
static void drop_inherited(schedstat *s)
{
    if (s->n_forks == n_forks) return;
    if (s->fd && pthread_setspecific(schedstat_key, NULL) == 0) close(s->fd);
    *s = (schedstat){ .n_forks = n_forks };
}

/* -1 when there is none. */
static int thread_schedstat(schedstat *s)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (s->fd) return s->fd;
    pthread_once(&once, make_schedstat_key);
    if (!has_schedstat_key) return -1;
    const int fd = anm_open_fd("/proc/thread-self/schedstat", O_RDONLY, 0);
    if (fd < 0) return -1;
    if (pthread_setspecific(schedstat_key, (void *)(intptr_t)fd) == 0)
        return s->fd = fd;
    close(fd);
    return -1;
}

/* The delay of a thread that has been switched so often. The switches are read
 * first: one that comes in between makes the next reading read again. */
static int64_t read_run_delay(int64_t switches)
{
    schedstat *s = &own_schedstat;
    char text[96];

    drop_inherited(s);
    if (s->known && s->switches == switches) return s->delay;
    const int fd = thread_schedstat(s);
    s->known = fd >= 0 && anm_proc_read_fd(fd, text, sizeof(text)) &&
               anm_proc_run_delay(text, &s->delay);
    if (!s->known) return ANM_COUNTER_UNKNOWN;
    s->switches = switches;
    return s->delay;
}

static void read_rusage(anm_host_thread *out)
{
    struct rusage r;

    own_schedstat.cpu_ns = out->cpu_ns;
    if (getrusage(RUSAGE_THREAD, &r) != 0) {
        // Without them nothing tells that the delay has not grown.
        own_schedstat.known = false;
        out->run_delay_ns = read_run_delay(0);
        return;
    }
    out->vol_switches = r.ru_nvcsw;
    out->invol_switches = r.ru_nivcsw;
    out->minor_faults = r.ru_minflt;
    out->major_faults = r.ru_majflt;
    out->run_delay_ns = read_run_delay(r.ru_nvcsw + r.ru_nivcsw);
}

int64_t anm_host_thread_active_ns(void)
{
    drop_inherited(&own_schedstat);
    const schedstat before = own_schedstat;
    anm_host_thread now;

    anm_host_thread_read(&now);
    if (!before.known || now.run_delay_ns == ANM_COUNTER_UNKNOWN)
        return ANM_COUNTER_UNKNOWN;
    return now.cpu_ns - before.cpu_ns + now.run_delay_ns - before.delay;
}

enum { FD_GROUP, FD_PSI_CPU, FD_PSI_MEMORY, FD_PSI_IO, FD_FREQ };
enum { N_FDS = sizeof((anm_host){ 0 }.fds) / sizeof(int) };

static int open_kept(const char *path)
{
    const int fd = anm_open_fd(path, O_RDONLY, 0);
    return fd < 0 ? 0 : fd;
}

static void close_throttled(anm_host *h)
{
    for (unsigned i = 0; i < h->n_throttled; i++)
        close(h->throttled[i]);
    h->n_throttled = 0;
}

/* A folder counts only what its own quota does, and one above it may have a
 * quota as well, now or later: all of them are read. */
static void open_throttled(anm_host *h)
{
    const unsigned most = sizeof(h->throttled) / sizeof(h->throttled[0]);
    anm_cgroup c;
    char path[sizeof(c.folder) + 16];

    close_throttled(h);
    if (!anm_cgroup_find("cpu", &c) && !anm_cgroup_find(NULL, &c)) return;
    do {
        snprintf(path, sizeof(path), "%s/cpu.stat", c.folder);
        const int fd = open_kept(path);
        if (fd) h->throttled[h->n_throttled++] = fd;
    } while (h->n_throttled < most && anm_cgroup_up(&c));
}

/* FNV-1a; 0 for a text that cannot be read. */
static uint64_t hash_group(int fd)
{
    char text[2048];
    uint64_t hash = 0xcbf29ce484222325u;

    if (!fd || !anm_proc_read_fd(fd, text, sizeof(text))) return 0;
    for (const char *s = text; *s; s++)
        hash = (hash ^ (unsigned char)*s) * 0x100000001b3u;
    return hash;
}

/* A process may be moved into another cgroup while it runs. */
static void follow_group(anm_host *h)
{
    const uint64_t group = hash_group(h->fds[FD_GROUP]);

    if (group == h->group) return;
    h->group = group;
    open_throttled(h);
}

static void open_files(anm_host *h)
{
    char path[80];

    h->fds[FD_GROUP] = open_kept("/proc/self/cgroup");
    h->fds[FD_PSI_CPU] = open_kept("/proc/pressure/cpu");
    h->fds[FD_PSI_MEMORY] = open_kept("/proc/pressure/memory");
    h->fds[FD_PSI_IO] = open_kept("/proc/pressure/io");
    for (unsigned i = FD_FREQ; i < N_FDS; i++) {
        snprintf(path, sizeof(path),
                 "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_cur_freq",
                 i - FD_FREQ);
        h->fds[i] = open_kept(path);
    }
    open_throttled(h);
    h->group = hash_group(h->fds[FD_GROUP]);
    h->process = getpid();
    h->opened = true;
}

/* What a parser finds in a kept file. */
static int64_t sample_file(int fd, bool (*parse)(const char *, int64_t *))
{
    char text[1024];
    int64_t value = 0;

    if (!fd || !anm_proc_read_fd(fd, text, sizeof(text)) ||
        !parse(text, &value))
        return ANM_COUNTER_UNKNOWN;
    return value;
}

static int64_t sample_throttled(const anm_host *h)
{
    int64_t sum = ANM_COUNTER_UNKNOWN;

    for (unsigned i = 0; i < h->n_throttled; i++) {
        const int64_t ns = sample_file(h->throttled[i], anm_proc_throttled_ns);
        if (ns == ANM_COUNTER_UNKNOWN) continue;
        sum = sum == ANM_COUNTER_UNKNOWN ? ns : sum + ns;
    }
    return sum;
}

static int64_t sample_freq(const anm_host *h)
{
    int64_t sum = 0, n = 0;

    for (unsigned i = FD_FREQ; i < N_FDS; i++) {
        const int64_t khz = sample_file(h->fds[i], anm_proc_number);
        if (khz <= 0) continue;
        sum += khz;
        n++;
    }
    return n ? sum / n : ANM_COUNTER_UNKNOWN;
}

void anm_host_sample(anm_host *h, anm_host_state *out)
{
    // What a parent opened under /proc/self goes on telling of the parent.
    if (h->opened && h->process != getpid()) anm_host_deinit(h);
    if (!h->opened) open_files(h);
    follow_group(h);
    *out = (anm_host_state){
        .group = h->group,
        .throttled_ns = sample_throttled(h),
        .psi_cpu_us = sample_file(h->fds[FD_PSI_CPU], anm_proc_psi_total),
        .psi_memory_us = sample_file(h->fds[FD_PSI_MEMORY], anm_proc_psi_total),
        .psi_io_us = sample_file(h->fds[FD_PSI_IO], anm_proc_psi_total),
        .freq_khz = sample_freq(h),
    };
}

int64_t anm_host_resident_bytes(void)
{
    char text[4096];
    int64_t kib = 0;

    if (!anm_proc_read("/proc/self/status", text, sizeof(text)) ||
        !anm_proc_value(text, "VmRSS:", &kib))
        return ANM_COUNTER_UNKNOWN;
    return kib * 1024;
}

/* Not ru_maxrss: exec hands that down from the process before it. */
int64_t anm_host_peak_resident_bytes(void)
{
    char text[4096];
    int64_t kib = 0;

    if (!anm_proc_read("/proc/self/status", text, sizeof(text)) ||
        !anm_proc_value(text, "VmHWM:", &kib))
        return ANM_COUNTER_UNKNOWN;
    return kib * 1024;
}

#else

/* Only the process is counted here, which says nothing of a thread. */
static void read_rusage(anm_host_thread *out)
{
    (void)out;
}

int64_t anm_host_thread_active_ns(void)
{
    return ANM_COUNTER_UNKNOWN;
}

void anm_host_sample(anm_host *h, anm_host_state *out)
{
    h->opened = true;
    *out = (anm_host_state){
        .throttled_ns = ANM_COUNTER_UNKNOWN,
        .psi_cpu_us = ANM_COUNTER_UNKNOWN,
        .psi_memory_us = ANM_COUNTER_UNKNOWN,
        .psi_io_us = ANM_COUNTER_UNKNOWN,
        .freq_khz = ANM_COUNTER_UNKNOWN,
    };
}

int64_t anm_host_resident_bytes(void)
{
    return ANM_COUNTER_UNKNOWN;
}

int64_t anm_host_peak_resident_bytes(void)
{
    struct rusage r;

    if (getrusage(RUSAGE_SELF, &r) != 0) return ANM_COUNTER_UNKNOWN;
#if defined(__APPLE__)
    return r.ru_maxrss;
#else
    return (int64_t)r.ru_maxrss * 1024;
#endif
}

#endif

void anm_host_thread_read(anm_host_thread *out)
{
    *out = (anm_host_thread){
        .cpu_ns = (int64_t)anm_thread_cpu_ns(),
        .run_delay_ns = ANM_COUNTER_UNKNOWN,
        .vol_switches = ANM_COUNTER_UNKNOWN,
        .invol_switches = ANM_COUNTER_UNKNOWN,
        .minor_faults = ANM_COUNTER_UNKNOWN,
        .major_faults = ANM_COUNTER_UNKNOWN,
    };
    read_rusage(out);
}

void anm_host_deinit(anm_host *h)
{
    for (size_t i = 0; i < sizeof(h->fds) / sizeof(h->fds[0]); i++)
        if (h->fds[i]) close(h->fds[i]);
    for (unsigned i = 0; i < h->n_throttled; i++)
        close(h->throttled[i]);
    *h = (anm_host){ 0 };
}

#if defined(__x86_64__)

/* The twelve letters a hypervisor calls itself by, or "none". */
static void read_hypervisor(char out[13])
{
    const unsigned present = 1u << 31;
    unsigned a, b, c, d, name[3];

    memcpy(out, "none", sizeof("none"));
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & present)) return;
    __cpuid(0x40000000u, a, name[0], name[1], name[2]);
    memcpy(out, name, sizeof(name));
    out[12] = '\0';
    for (unsigned i = 0; i < 12 && out[i]; i++)
        if (out[i] < ' ' || out[i] > '~') out[i] = '?';
    if (!out[0]) memcpy(out, "unnamed", sizeof("unnamed"));
}

#else

static void read_hypervisor(char out[13])
{
    memcpy(out, "unknown", sizeof("unknown"));
}

#endif

void anm_host_identity(char *out, size_t cap)
{
    // How much of its memory a kernel keeps to itself changes with its
    // version; whole GiB do not.
    const double bytes =
        (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    char hypervisor[13];

    read_hypervisor(hypervisor);
    snprintf(out, cap, "%s; %ld CPUs; %.0f GiB; hypervisor %s", anm_cpu_model(),
             sysconf(_SC_NPROCESSORS_CONF), bytes / (double)(1 << 30),
             hypervisor);
}
