/* contract.h - what the user requires, judged against what is planned.
 *
 * A pure function: units, requirement, fallback, devices present and planned
 * shares go in; a verdict and its words come out. Nothing is loaded or read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CONTRACT_H
#define ANM_CONTRACT_H

#include "anemone.h"

/* The requirement: share 0 is "none". */
typedef struct anm_require {
    anm_device device;
    double share; /* (0, 1] */
} anm_require;

/* "none" or "DEVICE[:SHARE]" in any letter case; NULL gives what the units
 * imply. ANM_E_ARG names the value and the allowed form. */
anm_status anm_require_parse(anm_require *out, const char *text,
                             anm_units units, anm_error *err);

/* "cpu:1", "gpu:0.5", "none" */
void anm_require_text(const anm_require *r, char *out, size_t cap);

/* Devices that the units exclude, and those they permit, as bits. */
unsigned anm_units_permitted(anm_units units);

typedef struct anm_contract_facts {
    anm_units units;
    anm_require require;
    unsigned allow_fallback;         /* bits 1u << anm_device */
    unsigned present;                /* devices some backend can drive here */
    unsigned loadable;               /* devices that can load this very model */
    double shares[ANM_DEVICE_COUNT]; /* planned; negative: unknown */
} anm_contract_facts;

typedef struct anm_contract {
    bool met;          /* the requirement itself */
    bool runs;         /* met, or an allowed fallback takes over */
    bool fallback;     /* runs only because a fallback was allowed */
    anm_device device; /* where it will run, by plan */
    char require[24];
    char reason[512]; /* when !met: device asked, what is present, the share
                         planned, the share required, and the exact flag that
                         would accept it; "" when met */
} anm_contract;

void anm_contract_judge(const anm_contract_facts *facts, anm_contract *out);

#endif
