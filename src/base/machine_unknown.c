/* machine_unknown.c - a machine that tells nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/machine.h"

anm_machine anm_machine_unknown(void)
{
    return (anm_machine){
        .cpus = ANM_COUNTER_UNKNOWN,
        .cpus_allowed = ANM_COUNTER_UNKNOWN,
        .cores = ANM_COUNTER_UNKNOWN,
        .l1d_bytes = ANM_COUNTER_UNKNOWN,
        .l2_bytes = ANM_COUNTER_UNKNOWN,
        .l3_bytes = ANM_COUNTER_UNKNOWN,
        .freq_khz = ANM_COUNTER_UNKNOWN,
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
}
