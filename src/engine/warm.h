/* warm.h - the timed runs of a warm-up, for the files that make bands of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_WARM_H
#define ANM_WARM_H

#include "base/buf.h"
#include "engine/band.h"
#include "engine/run.h"
#include "engine/state.h"

enum { ANM_WARM_PROBES_MAX = 128 };

/* Everything about one warm-up. */
typedef struct anm_warm {
    anm_engine *e;
    anm_slot *slot;
    anm_job job; /* of one text of the length that was prepared last */
    anm_buf text;
    anm_text one;
    bool again;  /* bands that are known are measured as well */
    bool probed; /* what belongs to all bands is measured too: */
    uint64_t probes_ns[ANM_WARM_PROBES_MAX]; /* of the host, after runs */
    unsigned n_probes;
} anm_warm;

/* A job of one text of exactly `tokens` tokens; *possible is false when this
 * tokenizer has no such text. */
anm_status anm_warm_prepare(anm_warm *w, size_t tokens, bool *possible,
                            anm_error *err);

/* Run the prepared job and time it, as a live call is. */
anm_status anm_warm_run(anm_warm *w, anm_timed *out, anm_error *err);

/* The pause before a run, where runs take `run_ns`: how long it is, 0 for none,
 * and the pause itself. */
uint64_t anm_warm_pause_ns(uint64_t run_ns);
void anm_warm_rest(uint64_t run_ns);

/* Probe the host, as after a call that left its band; nothing when it is not
 * to be probed. */
void anm_warm_probe(anm_warm *w);

#endif
