/* causes.h - calls that came late, with a reason planted in them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_CAUSES_H
#define TEST_CAUSES_H

#include "engine/cause.h"

/* A call of `total` against a median of 10 ms, all of it predict. */
anm_receipt test_late_call(uint64_t total);

/* Nothing has changed and nothing was slow before it. */
anm_history test_quiet_past(void);

void test_move_stage(anm_receipt *r, anm_stage to, uint64_t ns);

/* Plant about `excess` of a cause in a call that is so much too late. */
void test_plant(anm_cause cause, uint64_t excess, anm_receipt *r,
                anm_history *h);

#endif
