/* backend.h - the contract between the engine and code that can run a model.
 *
 * The engine is written against this header alone. A backend is a table of
 * functions; a runner is one program loaded on it. Life of a runner:
 *
 *   prepare (when no artifact fits) -> load -> plan -> predict … -> unload
 *
 * prepare() turns a program's constants into the sections of an artifact, once
 * for this machine. load() binds a program to those sections, which stay
 * mapped as long as the runner lives. Calls on one runner do not overlap: the
 * engine's queue serialises them. Statements about devices are raised here and
 * nowhere above: from the plan, and from what was observed during a call.
 * Nobody derives a device from a latency.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_BACKEND_H
#define ANM_BACKEND_H

#include "anemone.h"
#include "backend/evidence.h"
#include "base/bytes.h"
#include "base/log.h"
#include "graph/arrays.h"

/* ---- Words --------------------------------------------------------------- */

/* What is to be run. Borrowed by prepare, load and the runner. */
typedef struct anm_program {
    const anm_graph *graph; /* after the passes; or NULL and an array program */
    const anm_arrays *arrays;
    /* How texts get into `arrays`; NULL when it takes run() alone, and dim is
     * not looked at then. */
    const anm_arrays_text *text;
    anm_precision precision; /* never DEFAULT */
    size_t max_tokens;       /* longest single text */
    size_t dim;
    /* File maps that constants lie in: prepare() lets go of their pages as it
     * has read them. Constants may also lie elsewhere. */
    const anm_bytes *maps; /* [n_maps] */
    size_t n_maps;
} anm_program;

/* Where and how. */
typedef struct anm_load_params {
    anm_units units;
    unsigned threads; /* >= 1, caller included */
    unsigned cpu;     /* mask of ANM_CPU_* levels that may be used */
    const anm_log *log;
} anm_load_params;

/* The canonical form of a text: positions with mask 0 do not exist. At least
 * one position has mask 1. Borrowed for the call. */
typedef struct anm_input {
    const int32_t *ids;  /* [len] */
    const int32_t *mask; /* [len], 0 or 1 */
    size_t len;
} anm_input;

/* ---- Artifact sections --------------------------------------------------- */

/* Where prepare() puts what it makes: begin one section, write all its bytes
 * in order, begin the next. Sections are aligned to 4,096 in the file. */
typedef struct anm_section_sink {
    anm_status (*begin)(void *ctx, const char *name, uint64_t bytes,
                        anm_error *err);
    anm_status (*write)(void *ctx, const void *data, size_t len,
                        anm_error *err);
    void *ctx;
} anm_section_sink;

typedef struct anm_section {
    const char *name;
    anm_bytes bytes; /* aligned to 64 at least */
} anm_section;

typedef struct anm_sections {
    const anm_section *items; /* [n], sorted by name */
    size_t n;
} anm_sections;

/* False when there is none of this name. */
bool anm_sections_find(const anm_sections *s, const char *name, anm_bytes *out);

/* ---- Plan ---------------------------------------------------------------- */

/* One node of the program. Strings belong to the runner. */
typedef struct anm_plan_row {
    const char *name;    /* of the node */
    const char *type;    /* of its operation */
    const char *variant; /* ISA level, "" elsewhere */
    anm_device device;
    double share; /* of the estimated cost; negative: unknown */
    anm_evidence evidence;
    const char *reason; /* why not where the units would like it; or NULL */
} anm_plan_row;

/* ---- Predict ------------------------------------------------------------- */

/* Copy of a value inside the graph, taken when its node has run: for tests
 * and experiments. The value must exist under this name after the passes. */
typedef struct anm_tap {
    const char *name;
    float *out; /* [cap] */
    size_t cap;
    size_t n; /* floats written */
} anm_tap;

typedef struct anm_call {
    const anm_input *inputs; /* [n_inputs] */
    size_t n_inputs;
    float *vectors; /* [n_inputs, dim]; undefined after a failure */
    anm_tap *taps;  /* [n_taps], usually none */
    size_t n_taps;
    bool counted; /* a receipt is wanted: what the call observed will be asked
                     for with observe() */
    /* Told on the calling thread, after each operation of a pass, how many of
     * the pass have run, for a call that somebody waits for. NULL: nobody. */
    void (*told)(void *ctx, size_t done, size_t total);
    void *told_ctx;
} anm_call;

/* What the calling thread did for a call, from some time before predict() to some
 * time after it, and how long that was but for waiting for its turn. */
typedef struct anm_spent {
    uint64_t cpu_ns, wall_ns;
} anm_spent;

/* What the backend knows of a call. Counters cover threads of the backend, not
 * the caller; ANM_COUNTER_UNKNOWN where the system or the device is silent. */
typedef struct anm_observed {
    anm_testimony where; /* raised with the functions of evidence.h */
    int64_t cpu_ns;
    int64_t run_delay_ns;     /* sum over the threads */
    int64_t run_delay_max_ns; /* of the one that waited longest */
    int64_t device_wait_ns;   /* before a device busy with others took the
                                 call; UNKNOWN where there is no such thing */
    int64_t vol_switches, invol_switches, minor_faults, major_faults;
} anm_observed;

/* ---- Arrays in, arrays out ------------------------------------------------ */

/* An array as it is computed: floats where its type is F32 or F16, else
 * int32_t. Row-major. */
typedef struct anm_array_view {
    anm_value_id value;
    unsigned rank;
    int64_t dims[ANM_RANK_MAX];
    const void *data;
} anm_array_view;

typedef struct anm_arrays_call {
    /* Every input of the program once, in any order, in a shape that its
     * declared dims allow. Borrowed for the call. */
    const anm_array_view *inputs; /* [n_inputs] */
    size_t n_inputs;
    bool reset_states; /* to zeros before the run; else as the last one left
                          them */
    /* Every output in the order of the program; value and shape are filled in,
     * data belongs to the runner until its next call. Numbers are as computed:
     * an output declared F16 is not rounded. */
    anm_array_view *outputs; /* [n_outputs] */
    size_t n_outputs;
} anm_arrays_call;

/* ---- Memory -------------------------------------------------------------- */

/* Bytes; 0 where nothing is known. */
typedef struct anm_footprint {
    uint64_t weights; /* sections of the artifact, which every call reads */
    uint64_t room;    /* values of one text of so many tokens, and scratch */
} anm_footprint;

/* ---- The table ----------------------------------------------------------- */

typedef struct anm_runner anm_runner;

typedef struct anm_backend {
    const char *name; /* "cpu" */

    /* Devices present on this machine that the backend can drive: bits
     * 1u << anm_device. */
    unsigned (*devices)(void);

    /* Whether it can run the program under these units at all: ANM_OK, or
     * ANM_E_UNSUPPORTED naming the operation. */
    anm_status (*accepts)(const anm_program *program,
                          const anm_load_params *params, anm_error *err);

    /* A word that names the layout of its sections: artifacts of another word
     * are not for it. */
    const char *(*layout)(const anm_program *program,
                          const anm_load_params *params);

    /* What the program would take of memory; before anything is prepared. NULL:
     * not known. */
    anm_status (*footprint)(const anm_program *program,
                            const anm_load_params *params, size_t tokens,
                            anm_footprint *out, anm_error *err);

    anm_status (*prepare)(const anm_program *program,
                          const anm_load_params *params,
                          const anm_section_sink *sink, anm_error *err);

    /* ANM_E_CORRUPT when a section is missing or has another size than the
     * program needs: the engine then prepares again. */
    anm_status (*load)(anm_runner **out, const anm_program *program,
                       const anm_load_params *params,
                       const anm_sections *sections, anm_error *err);

    /* Rows in the order of the program's nodes; valid as long as the runner. */
    size_t (*plan)(const anm_runner *r, const anm_plan_row **rows);

    /* Make room for calls of up to this many tokens and texts, so that they
     * allocate nothing and fault no page. ANM_E_NOMEM leaves the runner as it
     * was. predict() grows by itself when needed. */
    anm_status (*reserve)(anm_runner *r, size_t tokens, size_t texts,
                          anm_error *err);

    /* Row i of the vectors is bit-identical whatever else is in the call.
     * *bind_ns: the part of it that brings the canonical input into the
     * backend's own form. */
    anm_status (*predict)(anm_runner *r, const anm_call *call,
                          uint64_t *bind_ns, anm_error *err);

    /* What was observed of the latest call: once, after a counted predict()
     * that succeeded and before the next one, on the same thread. The backend's
     * threads read their counters from the end of predict() on, beside whatever
     * the caller does until here, where they are waited for. */
    void (*observe)(anm_runner *r, const anm_spent *caller, anm_observed *out);

    /* Run an array program on arrays. predict() resets the states before each
     * text. NULL: not offered. ANM_E_ARG: an input is missing or has a shape
     * that is not allowed, or an index of the call is out of its array. What
     * fails when operations have begun leaves the states at zeros. */
    anm_status (*run)(anm_runner *r, const anm_arrays_call *call,
                      anm_error *err);

    /* Do a fixed piece of work of about 50 us, of the kind that predictions are
     * made of and where they run, and return the nanoseconds that it took the
     * slowest thread: tells whether the host itself is slower just now. NULL:
     * not offered. */
    uint64_t (*probe)(anm_runner *r);

    /* What this machine reaches at the runner's level and threads. */
    anm_status (*measure)(anm_runner *r, anm_peak *out, anm_error *err);

    void (*unload)(anm_runner *r); /* accepts NULL */
} anm_backend;

/* Backends built in, best first; ends in NULL. */
const anm_backend *const *anm_backends(void);

extern const anm_backend anm_backend_cpu;

#endif
