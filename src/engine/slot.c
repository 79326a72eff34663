/* slot.c - the storage of one call, and those that wait for the next one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/slot.h"

#include "base/alloc.h"
#include "base/error.h"

enum { BYTES_KEPT = 8 << 20 };

static void free_slot(anm_slot *slot)
{
    if (!slot) return;
    anm_inputs_deinit(&slot->inputs);
    anm_free(slot->staged);
    anm_free(slot->infos);
    anm_sha256_free(slot->hash);
    anm_free(slot);
}

anm_slot *anm_slot_take(anm_slots *slots, anm_error *err)
{
    anm_mutex_lock(&slots->lock);
    anm_slot *slot = slots->free;
    if (slot) slots->free = slot->next;
    anm_mutex_unlock(&slots->lock);
    if (slot) return slot;

    slot = anm_alloc_zero(sizeof(*slot));
    if (slot) slot->hash = anm_sha256_new();
    if (slot && slot->hash) return slot;
    free_slot(slot);
    anm_fail(err, ANM_E_NOMEM, "call: out of memory");
    return NULL;
}

void anm_slot_give_back(anm_slots *slots, anm_slot *slot)
{
    const anm_inputs *in = &slot->inputs;
    const size_t bytes = slot->cap_staged * sizeof(*slot->staged) +
                         in->cap_ids * sizeof(*in->ids) + in->cap_joined +
                         (in->encoding ? anm_encoding_bytes(in->encoding) : 0);

    // One huge call must not hold its memory for ever.
    if (bytes > BYTES_KEPT) {
        free_slot(slot);
        return;
    }
    anm_mutex_lock(&slots->lock);
    slot->next = slots->free;
    slots->free = slot;
    anm_mutex_unlock(&slots->lock);
}

void anm_slots_deinit(anm_slots *slots)
{
    while (slots->free) {
        anm_slot *slot = slots->free;
        slots->free = slot->next;
        free_slot(slot);
    }
    anm_mutex_deinit(&slots->lock);
}
