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

    *out = anm_machine_unknown();
    if (!(m->absent & ANM_VIRTUAL_NO_FREQ)) out->freq_khz = m->state.freq_khz;
    snprintf(out->system, sizeof(out->system), "played machine");
    snprintf(out->cpu, sizeof(out->cpu), "%.63s", m->identity);
}
