/* state.h - what an open engine is made of; for the files of engine/ alone.
 *
 * Who may touch what: members of the first group are fixed once the engine is
 * open. The runner belongs to whoever has the turn of the queue. The last group
 * is read and written under `book`, which is never held for longer than a few
 * assignments and one reading of host counters.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_STATE_H
#define ANM_STATE_H

#include <stdatomic.h>

#include "base/host.h"
#include "base/sync.h"
#include "engine/artifact.h"
#include "engine/band.h"
#include "engine/contract.h"
#include "engine/engine.h"
#include "engine/past.h"
#include "engine/queue.h"
#include "engine/slot.h"
#include "model/fingerprint.h"

struct anm_engine {
    anm_source *source;
    anm_graph *graph;   /* after the passes; NULL of a package, which has */
    anm_arrays *arrays; /* an array program and the way texts get into it */
    anm_arrays_text text;
    anm_program program;
    anm_bytes *maps; /* of the weights' files */
    anm_load_params load;
    const char *level; /* ISA level */
    const anm_backend *backend;
    anm_contract_facts facts;
    anm_contract contract;
    char fingerprint[ANM_FINGERPRINT_TEXT];
    anm_artifact artifact;
    anm_log log;
    char *cache;    /* folder; NULL: nothing is kept */
    char *band_key; /* what bands depend on */
    char plan_digest[33], artifact_digest[33];
    /* Of a run of t tokens: macs[0] + macs[1] t + macs[2] t^2. */
    double macs[3];
    uint64_t open_ns;
    int64_t opened_at_ns;     /* anm_now_ns() at the start of open */
    anm_progress_fn progress; /* while it is being opened; or NULL */
    void *progress_ctx;

    atomic_int state;          /* anm_state */
    atomic_ullong macs_per_ms; /* reached lately; 0: not yet known */
    anm_queue *queue;
    anm_runner *runner;
    size_t reserved_tokens, reserved_texts; /* of the runner */
    anm_slots slots;                        /* with a lock of their own */

    anm_mutex book;
    anm_receipt blank; /* all that receipts have in common */
    anm_bands bands;
    anm_past past;
    uint64_t last_end_ns; /* by the clock that goes on in a sleep */
    unsigned n_calls;     /* inside the engine now */
    bool was_called;
    bool warned_dims;
    uint64_t lengths_seen;  /* bit per power of two */
    uint64_t *threads_seen; /* bit per thread */
    size_t cap_threads;     /* words */
    anm_host host;
    anm_host_state sample, sample_before;
    uint64_t sample_ns;
    unsigned n_samples;
};

/* An empty engine in the state `preparing`; NULL without memory. What is left
 * of it anm_engine_close() frees, at any step of opening. */
anm_engine *anm_engine_new(const anm_options *options);

void anm_engine_enter_state(anm_engine *e, anm_state state, const char *reason);

/* The length that a text of n tokens runs at: n itself, unless the model has
 * fixed ones. *padded (may be NULL): whether it is one of these. */
size_t anm_engine_length(const anm_engine *e, size_t n, bool *padded);

/* Multiply-adds of a run of so many tokens, estimated. */
double anm_engine_macs(const anm_engine *e, size_t tokens);

#endif
