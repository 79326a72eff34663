/* cpu.h - what instructions this machine has, and how many CPUs are ours.
 *
 * A level is a named set of features that a kernel file may use. Levels of one
 * architecture form a chain: a mask that has a level has those below it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CPU_H
#define ANM_CPU_H

#include "anemone.h"

/* The levels: bit, name for users, what a kernel of that level may use.
 *   avx2        AVX2, FMA, F16C, BMI2 (and OS support for ymm)
 *   avxvnni     avx2 + AVX-VNNI
 *   avx512      avx2 + AVX-512 F, BW, DQ, VL (and OS support for zmm)
 *   avx512vnni  avx512 + AVX-512 VNNI
 *   avx512bf16  avx512vnni + AVX-512 BF16
 *   neon        AArch64 baseline
 *   dotprod     neon + SDOT/UDOT
 *   i8mm        dotprod + SMMLA, BFMMLA */
#define ANM_CPU_LEVEL_LIST(X)                                                  \
    X(AVX2, 0, "avx2")                                                         \
    X(AVXVNNI, 1, "avxvnni")                                                   \
    X(AVX512, 2, "avx512")                                                     \
    X(AVX512VNNI, 3, "avx512vnni")                                             \
    X(AVX512BF16, 4, "avx512bf16")                                             \
    X(NEON, 5, "neon")                                                         \
    X(DOTPROD, 6, "dotprod")                                                   \
    X(I8MM, 7, "i8mm")

enum {
#define X(name, bit, text) ANM_CPU_##name = 1u << bit,
    ANM_CPU_LEVEL_LIST(X)
#undef X
};

/* Levels this machine can execute; 0 is scalar. A pure reading, cheap. */
unsigned anm_cpu_detect(void);

/* The mask of a level by name with all that it includes ("avx512" gives AVX2
 * and AVX512 where AVX512 includes it; avxvnni is no part of avx512). NULL
 * gives everything detected. An unknown name, or a level that this machine
 * cannot execute, is ANM_E_ARG with the name and the possible ones. */
anm_status anm_cpu_parse(const char *name, unsigned *mask, anm_error *err);

/* The name of the highest level in a mask; "scalar" for 0. */
const char *anm_cpu_level_name(unsigned mask);

/* "AMD EPYC" and the like; "unknown" when the system does not say. Static. */
const char *anm_cpu_model(void);

/* ---- How many threads ---------------------------------------------------- */

/* Where the thread count comes from, so that a person can be told. */
typedef struct anm_cpu_budget {
    unsigned affinity; /* CPUs in the affinity mask */
    unsigned physical; /* distinct cores among those */
    double quota;      /* CPUs allowed by cgroup v1 or v2; 0: unlimited */
    unsigned threads;  /* min(physical, max(1, floor(quota))) */
    bool owns_all;     /* nobody narrowed affinity or quota: may pin */
} anm_cpu_budget;

/* Reads files under /sys and /proc; missing or senseless ones count as
 * unlimited. About 1 ms. */
void anm_cpu_budget_read(anm_cpu_budget *out);

#endif
