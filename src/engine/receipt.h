/* receipt.h - the book that is kept over calls, and the record of one call.
 *
 * The book belongs to the engine: who is inside, since when nobody is, which
 * lengths and threads have been seen, the latest sample of the dear counters.
 * Any thread may call; each function takes the lock of the book by itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_RECEIPT_H
#define ANM_RECEIPT_H

#include "base/host.h"
#include "engine/band.h"
#include "engine/run.h"

/* A call about to begin, as the book sees it. */
typedef struct anm_entry {
    int64_t idle_ns; /* since the last call ended; 0 when one is inside */
    unsigned in_flight;
    anm_host_thread thread; /* counters at the start, when counted */
    anm_host_thread after;  /* and at the end */
    anm_band band;          /* of a recorded call, at its end */
} anm_entry;

void anm_book_enter(anm_engine *e, bool counted, anm_entry *entry);

/* A call that ran to its end: stop the clock, read its counters when it is a
 * counted one, probe the host when it is above its band and nobody waits, and
 * give the turn back. With job->recorded slot->record is begun. */
void anm_book_stop(anm_engine *e, const anm_job *job, anm_entry *entry,
                   anm_run *run, anm_slot *slot);

/* What the calling thread and the workers used. Unknown where either is. */
anm_counters anm_book_counters(const anm_entry *entry, const anm_run *run);

/* Note that the call has ended; with job->recorded complete slot->record. */
void anm_book_leave(anm_engine *e, const anm_job *job, const anm_entry *entry,
                    const anm_run *run, const anm_slot *slot);

/* The call failed: only counts. */
void anm_book_abandon(anm_engine *e);

/* The model is open: read the dear counters for the first time, and note what
 * its receipts have in common. */
void anm_book_begin(anm_engine *e);

#endif
