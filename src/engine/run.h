/* run.h - one call: what it is, what became of it, and the stage clock that runs
 * through it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_RUN_H
#define ANM_RUN_H

#include "engine/engine.h"
#include "engine/slot.h"

/* What a call is, with every default resolved. Borrowed. */
typedef struct anm_job {
    const anm_text *texts; /* [n], or NULL */
    const anm_ids *rows;   /* [n], or NULL */
    size_t n;
    anm_input_params input;
    const char *prompt; /* its name, as a receipt shows it */
    size_t dims;
    bool bulk;
    bool counted;  /* the backend reads its counters */
    bool recorded; /* a receipt is wanted */
} anm_job;

/* What became of it. */
typedef struct anm_run {
    uint64_t start_ns;
    uint64_t mark_ns; /* where the latest stage ended */
    uint64_t stages_ns[ANM_STAGE_COUNT];
    uint64_t total_ns;
    size_t tokens, truncated, longest;
    size_t n_chunks;
    bool has_turn; /* of the queue */
    /* At the latest observation, or the start: CPU time of the calling thread,
     * and the clock but for waiting in the queue. */
    uint64_t seen_cpu_ns, seen_ns;
    uint64_t probe_ns;    /* of the host, after the call; 0: not probed */
    anm_observed workers; /* counters summed over chunks, testimony joined */
} anm_run;

/* A run whose clock starts now. cpu_ns: of the calling thread, if counted. */
anm_run anm_run_begin(uint64_t cpu_ns);

/* The stage ends here, and the next one begins: the time since the latest mark
 * is its. */
void anm_run_mark(anm_run *run, anm_stage stage);

/* Stop the clock: what no stage covers becomes ANM_STAGE_UNACCOUNTED. */
void anm_run_end(anm_run *run);

/* Fill slot->staged with [n, dims] vectors that passed the guard, and
 * slot->infos. When it succeeds the run still has the turn, which
 * anm_book_stop() gives back, and its last chunk is not yet observed. */
anm_status anm_run_job(anm_engine *e, const anm_job *job, anm_slot *slot,
                       anm_run *run, anm_error *err);

/* Add what the backend observed of the latest chunk, where that is counted.
 * cpu_ns: of the calling thread until now. */
void anm_run_observe(anm_engine *e, const anm_job *job, uint64_t cpu_ns,
                     anm_run *run);

/* After the end: give the turn back if the run has it, and add what that takes. */
void anm_run_leave(anm_engine *e, anm_run *run);

#endif
