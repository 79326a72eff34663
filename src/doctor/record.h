/* record.h - calls as the doctor keeps them: what is needed of a receipt to
 * judge a window of calls and to draw it, of our own calls and of logs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_RECORD_H
#define ANM_RECORD_H

#include "anemone.h"

/* A line of a log above this is damaged, whatever it holds. */
#define ANM_RECEIPT_LINE_MAX ((size_t)1 << 20)

typedef struct anm_record {
    int64_t at_ms; /* wall clock, since the epoch; ANM_COUNTER_UNKNOWN */
    uint64_t total_ns;
    uint64_t stages_ns[ANM_STAGE_COUNT]; /* disjoint, their sum is the total */
    uint64_t p50_ns, low_ns, high_ns;    /* of the band; 0 without one */
    unsigned band_n; /* runs of warm-up behind it; 0: not known */
    bool blurred;    /* that band is of disturbed runs */
    anm_verdict verdict;
    size_t n_causes;
    struct {
        anm_cause cause;
        uint64_t excess_ns, explained_ns;
    } causes[3];
    unsigned first; /* ANM_FIRST_* bits */
    unsigned tokens;
    unsigned start; /* index into the log's loads */
    unsigned model; /* index into the log's models */
    anm_device device;
    anm_evidence evidence;
    int64_t idle_ns, run_delay_ns, run_delay_max_ns, major_faults, minor_faults;
    int64_t throttled_ns, freq_khz, psi_cpu_us, psi_memory_us, psi_io_us;
    /* Of our own calls. */
    const char *experiment, *arm; /* static; NULL in a log */
    bool imposed;   /* something was changed for it: never a finding's */
    bool disturbed; /* of a round that was discarded */
} anm_record;

/* A start of a log's process: how it found or prepared its model. Receipts of
 * one start tell the same state, file and nanoseconds. */
typedef struct anm_load_record {
    size_t at; /* index of the record that follows */
    char state[16];
    uint64_t load_ns;
    unsigned model, artifact; /* the same number: the same model, file */
} anm_load_record;

/* A model of a log. */
typedef struct anm_record_model {
    char name[128], fingerprint[80];
    anm_precision precision;
    anm_units units;
    size_t n;
} anm_record_model;

enum { ANM_RECORD_MODELS_MAX = 16, ANM_DAMAGED_NAMED = 8 };

/* In order of time. Zero-initialised: none. */
typedef struct anm_records {
    anm_record *items; /* [n] */
    size_t n, cap;
    anm_load_record *loads; /* [n_loads] */
    size_t n_loads, cap_loads;
    anm_record_model models[ANM_RECORD_MODELS_MAX]; /* [n_models] */
    size_t n_models;
    char (*artifacts)[33]; /* digests of paths, [n_artifacts] */
    size_t n_artifacts, cap_artifacts;
    /* Of logs. */
    size_t n_lines, n_damaged;
    struct {
        const char *file; /* "" for the log, ".1" for the one before it */
        size_t line;
        char why[96];
    } damaged[ANM_DAMAGED_NAMED]; /* the first of them */
} anm_records;

void anm_records_deinit(anm_records *r);

/* Add a call of our own; NULL when memory is out. The pointer is valid until
 * the next. */
anm_record *anm_records_add(anm_records *r, const anm_receipt *receipt,
                            int64_t at_ms);

/* Add the lines of a receipt log, those of FILE.1 first where there is one.
 * A line that is no receipt of version 1 is counted and passed over.
 *
 * @return ANM_OK
 *         ANM_E_NOTFOUND, ANM_E_IO   no such file, not readable
 *         ANM_E_FORMAT               no line is a receipt; names the first
 *         ANM_E_NOMEM */
anm_status anm_records_read(anm_records *r, const char *path, anm_error *err);

#endif
