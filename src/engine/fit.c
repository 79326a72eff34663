/* fit.c - whether a model fits into the memory that there is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/fit.h"

#include <stdio.h>

#include "base/error.h"

static void write_limit(char *out, size_t cap, const char *who, uint64_t bytes)
{
    if (bytes)
        snprintf(out, cap, "%s %.3f GB", who, (double)bytes / 1e9);
    else
        snprintf(out, cap, "%s any", who);
}

anm_status anm_fit_check(const anm_footprint *need,
                         const anm_memory_limit *have, anm_error *err)
{
    const uint64_t bytes = need->weights + need->room;
    char group[64], machine[64];

    if ((!have->cgroup || bytes <= have->cgroup) &&
        (!have->machine || bytes <= have->machine))
        return ANM_OK;
    write_limit(group, sizeof(group), "the cgroup allows", have->cgroup);
    write_limit(machine, sizeof(machine), "the machine has", have->machine);
    return anm_fail(err, ANM_E_LIMIT,
                    "weights of %.3f GB and room of %.3f GB do not fit into "
                    "memory: %s, %s; every call would read them from disk "
                    "again, which overcommit permits",
                    (double)need->weights / 1e9, (double)need->room / 1e9,
                    group, machine);
}
