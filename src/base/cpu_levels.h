/* cpu_levels.h - which levels a machine has, as a pure function of what its
 * registers say, so that machines we do not have can be tried.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CPU_LEVELS_H
#define ANM_CPU_LEVELS_H

#include <stdint.h>

/* What an x86 answers; 0 where a leaf does not exist. */
typedef struct anm_cpuid {
    uint32_t leaf1_ecx;
    uint32_t leaf7_ebx, leaf7_ecx;
    uint32_t leaf7_1_eax;
    uint32_t xcr0; /* states that the system saves; 0 without OSXSAVE */
} anm_cpuid;

/* Bits ANM_CPU_* of cpu.h. */
unsigned anm_cpu_levels_x86(const anm_cpuid *r);

#endif
