/* cpu_arrays_budget.c - how much memory the arrays of a runner may take.
 *
 * The limit is the same everywhere, so that a package is refused for the same
 * reason everywhere. Below it the machine is asked as well: memory that the
 * system promises and does not have ends the process instead of the call.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>

#include "backend/cpu/arrays/cpu_arrays.h"
#include "base/error.h"
#include "base/memory_limit.h"

/* 256 MiB: what any machine has is not worth reading files for. */
static const uint64_t FREE_CELLS = (uint64_t)1 << 26;

static anm_status ask_machine(uint64_t all, uint64_t more, anm_error *err)
{
    anm_memory_limit have;

    anm_memory_limit_read(&have);
    if (have.cgroup && all * sizeof(anm_cpu_cell) > have.cgroup)
        return anm_fail(err, ANM_E_LIMIT,
                        "arrays of %.3f GB, the cgroup allows %.3f GB",
                        (double)all * 4e-9, (double)have.cgroup * 1e-9);
    if (have.machine && more * sizeof(anm_cpu_cell) > have.machine)
        return anm_fail(err, ANM_E_LIMIT,
                        "arrays of %.3f GB, the machine has %.3f GB",
                        (double)more * 4e-9, (double)have.machine * 1e-9);
    return ANM_OK;
}

anm_status anm_cpu_cells_take(anm_cpu_arrays *a, uint64_t n, anm_error *err)
{
    anm_status status = ANM_OK;

    assert(a->cells <= ANM_CPU_CELLS_MAX);
    if (n > ANM_CPU_CELLS_MAX - a->cells)
        return anm_fail(err, ANM_E_LIMIT,
                        "%" PRIu64 " elements besides %" PRIu64
                        ", at most %" PRIu64 " in all",
                        n, a->cells, ANM_CPU_CELLS_MAX);
    if (a->cells + n > FREE_CELLS) status = ask_machine(a->cells + n, n, err);
    if (!status) a->cells += n;
    return status;
}

void anm_cpu_cells_give(anm_cpu_arrays *a, uint64_t n)
{
    assert(n <= a->cells);
    a->cells -= n;
}
