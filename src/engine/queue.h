/* queue.h - one call at a time on a loaded model, live before bulk.
 *
 * A fair lock with two classes: waiting live calls go first, in order of
 * arrival; bulk calls go between them. A bulk call leaves and enters again
 * between chunks, so a live call waits for one chunk at most.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_QUEUE_H
#define ANM_QUEUE_H

#include "anemone.h"

typedef struct anm_queue anm_queue;

anm_status anm_queue_new(anm_queue **out, anm_error *err);
void anm_queue_free(anm_queue *q); /* nobody may be inside */

/* Returns when it is this caller's turn: whether another one had it before. */
bool anm_queue_enter(anm_queue *q, bool bulk);
/* Whether somebody has the turn now. */
bool anm_queue_leave(anm_queue *q);

/* Whether a live call is waiting: a bulk call asks between chunks. */
bool anm_queue_live_waiting(anm_queue *q);

/* Callers inside or waiting. */
unsigned anm_queue_in_flight(const anm_queue *q);

#endif
