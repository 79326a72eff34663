/* memory_limit.c - limits of cgroups and the machine's memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/memory_limit.h"

#include "base/proc.h"

uint64_t anm_memory_limit_of(const char *text)
{
    int64_t bytes = 0;

    if (!anm_proc_number(text, &bytes) || bytes <= 0) return 0;
    return bytes < INT64_C(1) << 60 ? (uint64_t)bytes : 0;
}

static uint64_t limit_of_folder(const anm_cgroup *c)
{
    char text[64];

    if (anm_cgroup_read(c, "memory.max", text, sizeof(text)) ||
        anm_cgroup_read(c, "memory.limit_in_bytes", text, sizeof(text)))
        return anm_memory_limit_of(text);
    return 0;
}

/* Between the folder of this process and the mount point. */
static uint64_t tightest_limit(const char *controller)
{
    uint64_t tightest = 0;
    anm_cgroup c;

    if (!anm_cgroup_find(controller, &c)) return 0;
    do {
        const uint64_t limit = limit_of_folder(&c);
        if (limit && (!tightest || limit < tightest)) tightest = limit;
    } while (anm_cgroup_up(&c));
    return tightest;
}

void anm_memory_limit_read(anm_memory_limit *out)
{
    char text[4096];
    int64_t kb = 0;

    *out = (anm_memory_limit){ .cgroup = tightest_limit(NULL) };
    const uint64_t v1 = tightest_limit("memory");
    if (v1 && (!out->cgroup || v1 < out->cgroup)) out->cgroup = v1;
    if (anm_proc_read("/proc/meminfo", text, sizeof(text)) &&
        anm_proc_value(text, "MemAvailable:", &kb))
        out->machine = (uint64_t)kb * 1024;
}
