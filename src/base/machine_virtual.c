/* machine_virtual.c - what a played machine is: what its scenario says and
 * nothing of the one that plays it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/machine.h"

#include <stdio.h>

#include "base/virtual.h"

void anm_machine_read(anm_machine *out)
{
    const anm_virtual_machine *m = anm_virtual_host();

    *out = (anm_machine){
        .cpus = ANM_COUNTER_UNKNOWN,
        .cpus_allowed = ANM_COUNTER_UNKNOWN,
        .cores = ANM_COUNTER_UNKNOWN,
        .l1d_bytes = ANM_COUNTER_UNKNOWN,
        .l2_bytes = ANM_COUNTER_UNKNOWN,
        .l3_bytes = ANM_COUNTER_UNKNOWN,
        .freq_khz = m->absent & ANM_VIRTUAL_NO_FREQ ? ANM_COUNTER_UNKNOWN
                                                    : m->state.freq_khz,
        .freq_max_khz = ANM_COUNTER_UNKNOWN,
        .memory_bytes = ANM_COUNTER_UNKNOWN,
        .available_bytes = ANM_COUNTER_UNKNOWN,
        .memory_limit_bytes = ANM_COUNTER_UNKNOWN,
        .swap_bytes = ANM_COUNTER_UNKNOWN,
        .swap_free_bytes = ANM_COUNTER_UNKNOWN,
        .swappiness = ANM_COUNTER_UNKNOWN,
        .load_1min = -1,
        .psi_cpu = -1,
        .psi_memory = -1,
        .psi_io = -1,
        .nice = ANM_COUNTER_UNKNOWN,
    };
    snprintf(out->system, sizeof(out->system), "played machine");
    snprintf(out->cpu, sizeof(out->cpu), "%.63s", m->identity);
}
