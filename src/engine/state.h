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
#include "engine/cause.h"
#include "engine/contract.h"
#include "engine/engine.h"
#include "engine/input.h"
#include "engine/queue.h"
#include "model/fingerprint.h"

/* The storage of one call, kept for the next one: a second identical call
 * allocates nothing. */
typedef struct anm_slot {
    struct anm_slot *next;
    anm_inputs inputs; /* of one chunk */
    float *staged;     /* vectors until all of the call succeeded */
    size_t cap_staged;
    anm_text_info *infos;
    size_t cap_infos;
    anm_sha256 *hash;    /* of the ids so far; none between calls */
    anm_receipt *record; /* of this call: the caller's, or the one below */
    anm_receipt receipt;
} anm_slot;

enum { ANM_PAST_RATIOS = 32, ANM_PAST_GAPS = 16 };

/* What earlier calls left behind for judging the next one. */
typedef struct anm_past {
    float ratios[ANM_PAST_RATIOS]; /* total over p50, a ring */
    size_t n_ratios;               /* ever */
    /* As shares of p50: the rise that was seen last and has not gone, and what
     * another place or artifact took of the last call that was no first. */
    double drifted, standing_share;
    /* The call before: its gap's class, and how many in a row had it. Where a
     * longer gap came: the time beyond p50 of the call before it, and how many
     * gaps from it on are still charged. */
    int latest_class;
    unsigned n_as_long;
    uint64_t latest_ns, usual_ns;
    unsigned n_alike;
    /* What gaps of a class have added lately, a ring each. */
    uint64_t extra_ns[ANM_IDLE_CLASSES][ANM_PAST_GAPS];
    size_t n_extra[ANM_IDLE_CLASSES]; /* ever */
    char ids_sha256[65];              /* of the call before */
    size_t n_same;                    /* calls of these ids in a row */
    anm_device device;                /* of the warm-up, observed */
} anm_past;

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

    anm_mutex book;
    anm_receipt blank; /* all that receipts have in common */
    anm_slot *slots;   /* free ones */
    anm_bands bands;
    anm_past past;
    uint64_t last_end_ns;
    unsigned n_calls; /* inside the engine now */
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

/* ---- describe.c, engine.c: the steps of opening ---------------------------- */

/* Source and graph; no weight is read. */
anm_status anm_engine_describe(anm_engine **out, const anm_options *options,
                               anm_error *err);

/* Choose a backend and judge the contract as far as it can be without loading;
 * ANM_E_UNSUPPORTED when none can run the model. */
anm_status anm_engine_choose(anm_engine *e, const anm_options *options,
                             anm_error *err);

/* The fingerprint: reads every weight unless it is remembered. */
anm_status anm_engine_identify(anm_engine *e, const anm_options *options,
                               anm_error *err);

/* Artifact and runner, and the contract judged on the plan. */
anm_status anm_engine_load(anm_engine *e, const anm_options *options,
                           anm_error *err);

void anm_engine_enter_state(anm_engine *e, anm_state state, const char *reason);

/* The length that a text of n tokens runs at: n itself, unless the model has
 * fixed ones. *padded (may be NULL): whether it is one of these. */
size_t anm_engine_length(const anm_engine *e, size_t n, bool *padded);

/* The graph before passes; to be freed by the caller. NULL of a package. */
anm_status anm_engine_plain_graph(anm_engine *e, anm_graph **out,
                                  anm_error *err);

/* ---- golden.c --------------------------------------------------------------- */

/* How an artifact is made for this engine: the backend's sections, then the
 * golden vector. The builder borrows the engine. */
anm_artifact_builder anm_golden_builder(anm_engine *e);

/* At most so many tokens of the golden text are computed.
 *
 * @param a_token     Multiply-adds that a token takes.
 * @param frame       Special tokens of a text.
 * @param max_tokens  Of the model's longest text. */
size_t anm_golden_length(double a_token, size_t frame, size_t max_tokens);

/* Predict the golden text on the serving thread and buffers and compare.
 * ANM_E_CORRUPT when the artifact holds no golden vector of this size. */
anm_status anm_golden_prove(anm_engine *e, anm_error *err);

/* Add to the message of a vector that is none what in a package may be the
 * cause, if anything there is. */
void anm_golden_explain(const anm_engine *e, anm_error *err);

/* ---- run.c: one call ---------------------------------------------------------- */

/* What a call is, with every default resolved. Borrowed. */
typedef struct anm_job {
    const anm_text *texts; /* [n], or NULL */
    const anm_ids *rows;   /* [n], or NULL */
    size_t n;
    anm_input_params input;
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
    uint64_t probe_ns;    /* of the host, after the call; 0: not probed */
    anm_observed workers; /* counters summed over chunks, testimony joined */
} anm_run;

anm_slot *anm_slot_take(anm_engine *e, anm_error *err);
void anm_slot_give_back(anm_engine *e, anm_slot *slot);
void anm_slot_free(anm_slot *slot);

/* A run whose clock starts now. */
anm_run anm_run_begin(void);

/* The stage ends here, and the next one begins: the time since the latest mark
 * is its. */
void anm_run_mark(anm_run *run, anm_stage stage);

/* Stop the clock: what no stage covers becomes ANM_STAGE_UNACCOUNTED. */
void anm_run_end(anm_run *run);

/* Fill slot->staged with [n, dims] vectors that passed the guard, and
 * slot->infos. */
anm_status anm_run_job(anm_engine *e, const anm_job *job, anm_slot *slot,
                       anm_run *run, anm_error *err);

/* ---- receipt.c ------------------------------------------------------------------ */

/* A call about to begin, as the book sees it. */
typedef struct anm_entry {
    int64_t idle_ns; /* since the last call ended; 0 when one is inside */
    unsigned in_flight;
    anm_host_thread thread; /* counters at the start, when counted */
    anm_host_thread after;  /* and at the end */
} anm_entry;

void anm_book_enter(anm_engine *e, bool counted, anm_entry *entry);

/* A counted call that ran to its end: stop the clock, read its counters, and
 * probe the host when the call is above its band and nobody else is inside. */
void anm_book_stop(anm_engine *e, const anm_job *job, anm_entry *entry,
                   anm_run *run);

/* What the calling thread and the workers used. Unknown where either is. */
anm_counters anm_book_counters(const anm_entry *entry, const anm_run *run);

/* Note that the call has ended; with job->recorded fill slot->record. */
void anm_book_leave(anm_engine *e, const anm_job *job, const anm_entry *entry,
                    const anm_run *run, const char *prompt, anm_slot *slot);

/* The call failed: only counts. */
void anm_book_abandon(anm_engine *e);

/* The model is open: read the dear counters for the first time, and note what
 * its receipts have in common. */
void anm_book_begin(anm_engine *e);

/* ---- history.c -------------------------------------------------------------------- */

/* Under the queue's turn: the least of three host probes; 0: not offered. */
uint64_t anm_host_probe(anm_engine *e);

/* Under `book`: what is known beside the receipt of a call. */
anm_history anm_past_view(const anm_engine *e, const anm_band *band,
                          const anm_receipt *r);

/* Under `book`: remember a recorded live call of one text. */
void anm_past_note(anm_engine *e, const anm_receipt *r);

/* ---- floor.c ---------------------------------------------------------------------- */

/* Measure the machine at the engine's backend, level and threads without
 * loading the model. */
anm_status anm_floor_measure(const anm_engine *e, anm_peak *out,
                             anm_error *err);

/* ---- call_log.c ------------------------------------------------------------------ */

/* One line about a recorded call that succeeded (level info). */
void anm_log_call(const anm_engine *e, const anm_receipt *r);

/* One line about each of the first n inputs (level debug): shape, type, range
 * and hash, never a text. */
void anm_log_inputs(const anm_engine *e, const anm_inputs *in, size_t n);

#endif
