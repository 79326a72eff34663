/* memory_limit.h - how much memory this process may have.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MEMORY_LIMIT_H
#define ANM_MEMORY_LIMIT_H

#include <stdint.h>

/* Bytes; 0 where the system does not say. */
typedef struct anm_memory_limit {
    uint64_t cgroup;  /* the tightest limit of cgroup v1 or v2 above us; 0 also
                         where there is none */
    uint64_t machine; /* that can be had without swapping, pages of files that
                         can be dropped included */
} anm_memory_limit;

void anm_memory_limit_read(anm_memory_limit *out);

/* What a limit file of a cgroup says; 0: none. v1 writes a number beyond any
 * machine for none, v2 "max". */
uint64_t anm_memory_limit_of(const char *text);

#endif
