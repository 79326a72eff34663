/* slot.h - the storage of one call, and those that wait for the next one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_SLOT_H
#define ANM_SLOT_H

#include "base/sha256.h"
#include "base/sync.h"
#include "engine/input.h"

/* The storage of one call, kept for the next one: a second identical call
 * allocates nothing. */
typedef struct anm_slot {
    struct anm_slot *next;
    anm_inputs inputs; /* of one chunk */
    float *staged;     /* vectors until all of the call succeeded */
    size_t cap_staged;
    anm_text_info *infos;
    size_t cap_infos;
    anm_sha256 *hash;    /* of the ids so far; none between calls */
    anm_receipt *record; /* of this call: the caller's, or the one below */
    anm_receipt receipt;
} anm_slot;

/* Those that no call holds. ANM_SLOTS_INIT, which cannot fail; any thread may
 * take and give back. */
typedef struct anm_slots {
    anm_mutex lock;
    anm_slot *free;
} anm_slots;

#define ANM_SLOTS_INIT ((anm_slots){ .lock = ANM_MUTEX_INIT })

/* The one that was given back last, or a new one; NULL with ANM_E_NOMEM in
 * *err. */
anm_slot *anm_slot_take(anm_slots *slots, anm_error *err);
/* Kept for the next call, unless it has become very large. */
void anm_slot_give_back(anm_slots *slots, anm_slot *slot);
/* No call holds one any more. */
void anm_slots_deinit(anm_slots *slots);

#endif
