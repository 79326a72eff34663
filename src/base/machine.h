/* machine.h - what this machine is, for a person who has to judge a latency.
 *
 * Read once for a report; nothing here is for every call. A number that this
 * system does not tell is ANM_COUNTER_UNKNOWN, a text "".
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MACHINE_H
#define ANM_MACHINE_H

#include "anemone.h"

enum { ANM_ACCELERATORS_MAX = 8 };

/* A device that was seen, whoever could drive it. */
typedef struct anm_accelerator {
    anm_device kind;    /* GPU, ANE, or UNKNOWN */
    char name[64];      /* "NVIDIA [10de:2330]" */
    char seen_as[96];   /* where: "/dev/nvidia0", "pci 0000:00:05.0" */
    bool can_be_opened; /* this process may open its device node */
} anm_accelerator;

typedef struct anm_machine {
    char system[96];         /* "Linux 6.1.0" */
    char cpu[64];            /* model */
    char virtualisation[32]; /* "KVM", "none" */
    char features[160];      /* instruction sets of use to kernels */
    int64_t cpus, cpus_allowed, cores;
    double quota_cpus; /* 0: unlimited */
    int64_t l1d_bytes, l2_bytes, l3_bytes;
    int64_t freq_khz, freq_max_khz;
    char governor[32];
    char huge_pages[16]; /* "always", "madvise", "never" */
    int64_t memory_bytes, available_bytes;
    int64_t memory_limit_bytes; /* of the cgroup; UNKNOWN: none */
    int64_t swap_bytes, swap_free_bytes;
    int64_t swappiness;
    double load_1min;                   /* negative: unknown */
    double psi_cpu, psi_memory, psi_io; /* "some" over the last 10 s, per
                                              cent; negative: unknown */
    int64_t nice;                       /* of this process */
    anm_accelerator accelerators[ANM_ACCELERATORS_MAX]; /* [n_accelerators] */
    size_t n_accelerators;
} anm_machine;

void anm_machine_read(anm_machine *out);

/* Nothing known of it: what reading begins with. */
anm_machine anm_machine_unknown(void);

/* ---- Texts of /sys and /proc --------------------------------------------------- */

/* The word in brackets of "always [madvise] never"; "" when there is none. */
void anm_machine_choice(const char *text, char *out, size_t cap);

/* "512K", "33M" and "32768" in bytes. */
bool anm_machine_size(const char *text, int64_t *out);

/* Per cent of "some avg10=0.25 …". */
bool anm_machine_psi(const char *text, double *out);

#endif
