/* cause.h - why a call left its band: a pure function of the receipt, the band
 * and the history, driven by the one table in cause.c.
 *
 * Excess is total - p50 of the band. Each row of the table claims a part of it
 * by one of three kinds of proof:
 *
 *   time    nanoseconds that were counted: a wait, or a stage
 *   model   what a curve measured here predicts for this call
 *   fact    this call is not of the kind that the band's runs were: first of
 *           its kind, other device, other plan, other artifact, other input.
 *           What warm-up priced is explained up to that price. Without a price
 *           a fact takes what times and models leave, when that much leaves the
 *           band by itself; another place or artifact goes before what passes
 *           (a first call, another input), and facts that cannot be told apart
 *           share evenly.
 *
 * Rows claim in the order of the table, each from what is left, and a wait is
 * drawn from the pot that counted it, so that no wait is claimed twice. A cause
 * is listed when it explains at least a fifth of the excess; the three largest
 * stay; together they must explain at least half, else the answer is `unknown`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_CAUSE_H
#define ANM_CAUSE_H

#include "engine/band.h"

/* What the engine knows beside the receipt. Zero-initialised: nothing. */
typedef struct anm_history {
    anm_band band;          /* of the call, with its stages */
    uint64_t idle_extra_ns; /* by the idle curve, for the gap before the call */
    double longer_ratio;    /* estimated time at the call's tokens over that of
                               the longest band; 0 or 1: within the bands */
    double probe_ratio;  /* host probe over the calibrated one, 1 while within
                               what those scattered by; 0: none */
    double freq_ratio;   /* frequency at warm-up over now; 0: not known */
    double drift;        /* rise of the last calls over p50, as a share */
    bool plan_changed;   /* since the band was measured */
    bool device_changed; /* another device than in the band's runs */
    bool artifact_changed;
    bool input_changed;   /* after calls of one and the same input */
    uint64_t standing_ns; /* what another place or artifact took of calls before
                             this one that were no firsts; 0: not known */
} anm_history;

/* Fill causes and n_causes from the rest of the receipt. Inside the band, below
 * it, and without a band: one entry `none`. Its evidence is empty but for a call
 * inside the band, more than 1.1 p50 long, that followed a gap of 40 ms or more
 * and did not wait for most of what it took more: it tells the gap, and that
 * `idle_wakeup` may be part of it. */
void anm_cause_explain(anm_receipt *receipt, const anm_history *history);

/* The table, for pages and tests: kind of proof ("time", "model", "fact") and
 * the rule in words. NULL for none and unknown. */
const char *anm_cause_proof(anm_cause cause);
const char *anm_cause_rule(anm_cause cause);

#endif
