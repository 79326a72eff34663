/* host_virtual.c - what a played machine says of its threads and itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/host.h"

#include <stdio.h>

#include "base/virtual.h"

static void forget(unsigned bit, int64_t *counter)
{
    if (anm_virtual_host()->absent & bit) *counter = ANM_COUNTER_UNKNOWN;
}

void anm_host_thread_read(anm_host_thread *out)
{
    *out = *anm_virtual_counters();
    forget(ANM_VIRTUAL_NO_RUN_DELAY, &out->run_delay_ns);
    forget(ANM_VIRTUAL_NO_SWITCHES, &out->vol_switches);
    forget(ANM_VIRTUAL_NO_SWITCHES, &out->invol_switches);
    forget(ANM_VIRTUAL_NO_FAULTS, &out->minor_faults);
    forget(ANM_VIRTUAL_NO_FAULTS, &out->major_faults);
}

void anm_host_sample(anm_host *h, anm_host_state *out)
{
    h->opened = true;
    *out = anm_virtual_host()->state;
    forget(ANM_VIRTUAL_NO_THROTTLED, &out->throttled_ns);
    forget(ANM_VIRTUAL_NO_PSI, &out->psi_cpu_us);
    forget(ANM_VIRTUAL_NO_PSI, &out->psi_memory_us);
    forget(ANM_VIRTUAL_NO_PSI, &out->psi_io_us);
    forget(ANM_VIRTUAL_NO_FREQ, &out->freq_khz);
}

void anm_host_deinit(anm_host *h)
{
    *h = (anm_host){ 0 };
}

void anm_host_identity(char *out, size_t cap)
{
    snprintf(out, cap, "%s", anm_virtual_host()->identity);
}

int64_t anm_host_resident_bytes(void)
{
    return ANM_COUNTER_UNKNOWN;
}

int64_t anm_host_peak_resident_bytes(void)
{
    return ANM_COUNTER_UNKNOWN;
}
