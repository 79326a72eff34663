/* history.h - what earlier calls and warm-up tell about the next call.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_HISTORY_H
#define ANM_HISTORY_H

#include "engine/cause.h"
#include "engine/engine.h"

/* Under the turn of the queue: the middle of three host probes; 0: not offered. */
uint64_t anm_host_probe(anm_engine *e);

/* Under `book`: what is known beside the receipt of a call. */
anm_history anm_past_view(const anm_engine *e, const anm_band *band,
                          const anm_receipt *r);

/* Under `book`: remember a recorded live call of one text. */
void anm_past_note(anm_engine *e, const anm_receipt *r);

#endif
