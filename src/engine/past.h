/* past.h - what earlier calls left behind for judging the next one. Written and
 * read by history.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_PAST_H
#define ANM_PAST_H

#include "engine/band.h"

enum { ANM_PAST_RATIOS = 32, ANM_PAST_GAPS = 16 };

typedef struct anm_past {
    float ratios[ANM_PAST_RATIOS]; /* total over p50, a ring */
    size_t n_ratios;               /* ever */
    /* As shares of p50: the rise that was seen last and has not gone, and what
     * another place or artifact took of the last call that was no first. */
    double drifted, standing_share;
    /* The call before: its gap, the class of that, and how many in a row had
     * it. Where a longer gap came: the time beyond p50 of the call before it,
     * less what its own gap takes, and how many gaps from it on are still
     * charged. */
    int64_t latest_idle_ns;
    int latest_class;
    unsigned n_as_long;
    uint64_t latest_ns, usual_ns;
    unsigned n_alike;
    /* What gaps of a class have taken lately, a ring each. */
    uint64_t extra_ns[ANM_IDLE_CLASSES][ANM_PAST_GAPS];
    size_t n_extra[ANM_IDLE_CLASSES]; /* ever */
    char ids_sha256[65];              /* of the call before */
    size_t n_same;                    /* calls of these ids in a row */
    anm_device device;                /* of the warm-up, observed */
} anm_past;

#endif
