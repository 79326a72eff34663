/* examine.h - an open engine looked at from outside: what the doctor's
 * experiments read and do beside ordinary calls.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_EXAMINE_H
#define ANM_EXAMINE_H

#include "engine/band.h"
#include "engine/engine.h"

/* What does not change while an engine is open; strings belong to it. */
typedef struct anm_engine_facts {
    const char *backend;
    const char *level; /* ISA level */
    anm_units units;
    anm_precision precision;
    unsigned devices; /* bits of the devices that the backend can drive */
    const char *plan; /* digest; "": not known */
    const char *artifact_state, *artifact_path; /* path NULL in memory */
    uint64_t artifact_bytes, artifact_ns;
    uint64_t open_ns;
} anm_engine_facts;

anm_engine_facts anm_engine_facts_of(const anm_engine *e);

/* Backends of this build and the devices that each finds here. */
typedef struct anm_backend_view {
    const char *name;
    unsigned devices; /* bits */
} anm_backend_view;

/* The i-th; false beyond the last. */
bool anm_engine_backend(size_t i, anm_backend_view *out);

/* The middle of three host probes, in a turn of the queue; 0: not offered. */
uint64_t anm_engine_probe(anm_engine *e);

/* The bands as they are now, and what belongs to them. */
void anm_engine_bands(anm_engine *e, anm_bands *out);

/* The mapped files that predictions may read: prepared model and weights. */
typedef struct anm_engine_pages {
    uint64_t mapped_bytes;
    int64_t resident_bytes; /* of them in memory; ANM_COUNTER_UNKNOWN */
} anm_engine_pages;

anm_engine_pages anm_engine_pages_of(const anm_engine *e);

/* Let go of all those pages: the next prediction brings in again what it
 * reads. No call may be inside. */
void anm_engine_pages_drop(const anm_engine *e);

#endif
