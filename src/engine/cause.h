/* cause.h - why a call left its band: a pure function of the receipt.
 *
 * A cause is listed when it explains at least a fifth of the excess; together
 * they must explain at least half, else the answer is `unknown`. Today's table
 * has the causes that are proven by time alone and measured on every call:
 * queue wait and run delay.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CAUSE_H
#define ANM_CAUSE_H

#include "anemone.h"

/* Fill causes and n_causes from the rest of the receipt. Inside the band, below
 * it, and without a band: one entry `none`. */
void anm_cause_explain(anm_receipt *receipt);

#endif
