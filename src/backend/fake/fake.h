/* fake.h - a backend that plays a machine as a scenario scripts it: for tests
 * and demonstrations, never in a release. docs/SCENARIOS.md is the format.
 *
 * One scenario a process. It is read before anything else happens and then
 * lives until the end. Whoever runs the workload says when a start, a phase or
 * a query begins; without that every call counts as live and unnumbered.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_FAKE_H
#define ANM_FAKE_H

#include "backend/backend.h"
#include "base/json.h"

enum { ANM_FAKE_NAME = 64, ANM_FAKE_ITEMS_MAX = 64 };

/* A number, or one drawn evenly from low to high. */
typedef struct anm_fake_range {
    double low, high;
} anm_fake_range;

/* Of the work, by device; negative: not said. */
typedef struct anm_fake_shares {
    double of[ANM_DEVICE_COUNT];
} anm_fake_shares;

typedef struct anm_fake_device {
    bool present;
    double ms, ms_per_token;
    double spread; /* of log latency */
    double tail_chance, tail_factor;
} anm_fake_device;

typedef enum anm_fake_phase {
    ANM_FAKE_OPEN,
    ANM_FAKE_WARM,
    ANM_FAKE_LIVE,
    ANM_FAKE_ANY,
} anm_fake_phase;

/* When a fault acts: all that is said must hold. */
typedef struct anm_fake_when {
    size_t phase;
    double start, from_start;
    double from_query, to_query, every;
    double from_ms, to_ms;
    double min_idle_ms, min_tokens, max_tokens;
    double chance;
    bool first_on_thread, first_of_length;
    const char *caller; /* NULL: any */
} anm_fake_when;

#define ANM_FAKE_KIND_LIST(X)                                                  \
    X(SLOW, "slow")                                                            \
    X(CONTENTION, "contention")                                                \
    X(QUOTA, "quota")                                                          \
    X(PAGING, "paging")                                                        \
    X(MEMORY, "memory")                                                        \
    X(BUSY, "busy")                                                            \
    X(IDLE, "idle")                                                            \
    X(DRIFT, "drift")                                                          \
    X(FREQUENCY, "frequency")                                                  \
    X(HOST, "host")                                                            \
    X(OVERHEAD, "overhead")                                                    \
    X(PAD, "pad")                                                              \
    X(SUSPEND, "suspend")                                                      \
    X(EXECUTE, "execute")                                                      \
    X(PLAN, "plan")                                                            \
    X(ARTIFACT, "artifact")                                                    \
    X(EVIDENCE, "evidence")                                                    \
    X(FAIL, "fail")                                                            \
    X(OUTPUT, "output")                                                        \
    X(CRASH, "crash")

typedef enum anm_fake_kind {
#define X(name, text) ANM_FAKE_##name,
    ANM_FAKE_KIND_LIST(X)
#undef X
        ANM_FAKE_KIND_COUNT,
} anm_fake_kind;

typedef enum anm_fake_stage {
    ANM_FAKE_TOKENIZE,
    ANM_FAKE_BIND,
    ANM_FAKE_POST,
} anm_fake_stage;

/* What a source of evidence answers. */
typedef enum anm_fake_answer {
    ANM_FAKE_ABSENT,
    ANM_FAKE_HONEST,
    ANM_FAKE_SAYS_CPU,
    ANM_FAKE_SAYS_GPU,
    ANM_FAKE_SAYS_ANE,
} anm_fake_answer;

typedef struct anm_fake_evidence {
    bool plan, cpu_time;
    size_t energy, footprint; /* anm_fake_answer */
} anm_fake_evidence;

typedef enum anm_fake_at {
    ANM_FAKE_AT_ACCEPTS,
    ANM_FAKE_AT_PREPARE,
    ANM_FAKE_AT_LOAD,
    ANM_FAKE_AT_PREDICT,
} anm_fake_at;

typedef enum anm_fake_output {
    ANM_FAKE_NAN,
    ANM_FAKE_INF,
    ANM_FAKE_ZERO,
    ANM_FAKE_WRONG,
    ANM_FAKE_LONG,
} anm_fake_output;

/* Of an artifact that is found. */
typedef enum anm_fake_found { ANM_FAKE_CORRUPT, ANM_FAKE_STALE } anm_fake_found;

typedef struct anm_fake_fault {
    size_t kind;
    anm_fake_when when;
    anm_fake_range ms;
    double factor, per_query, max_factor;
    double tau_ms, khz, tokens;
    size_t stage, device, at, status, output, answer;
    size_t energy, footprint;
    const char *reason;
    anm_fake_shares shares;
} anm_fake_fault;

/* One caller's queries in a row, or a restart of the whole process. */
typedef struct anm_fake_step {
    bool restart, warm, again;
    double queries;
    double start_ms;
    anm_fake_range gap_ms, tokens;
    double texts;
    const char *caller, *prompt;
    bool same_text;
} anm_fake_step;

typedef struct anm_fake_scenario {
    const char *name, *about;
    double seed;
    struct {
        const char *units, *require, *allow_fallback;
        double threads;
    } settings;
    struct {
        double dim, layers, max_tokens, words;
    } model;
    struct {
        const char *name;
        double clock_read_ns, freq_khz;
        unsigned absent;
    } machine;
    anm_fake_device devices[ANM_DEVICE_COUNT];
    struct {
        bool known;
        size_t prefer; /* anm_device */
        double share;  /* that the preferred device gets; 1: all it can */
        const char *reason;
        size_t ops[ANM_OP_COUNT]; /* device of an operation; COUNT: any */
    } plan;
    anm_fake_shares executes;
    anm_fake_evidence evidence;
    struct {
        double tokenize_ms, bind_ms, post_ms, load_ms;
    } stages;
    struct {
        bool skip, again;
        double budget_ms;
        size_t lengths[16], n_lengths;
    } warm;
    anm_fake_step steps[ANM_FAKE_ITEMS_MAX]; /* [n_steps] */
    size_t n_steps;
    anm_fake_fault faults[ANM_FAKE_ITEMS_MAX]; /* [n_faults] */
    size_t n_faults;
    json_t *document; /* owns every string */
} anm_fake_scenario;

/* Read and check a scenario. ANM_E_FORMAT names the field and what is
 * allowed. */
anm_status anm_fake_scenario_read(anm_fake_scenario *out, const char *path,
                                  anm_error *err);
void anm_fake_scenario_deinit(anm_fake_scenario *s);

/* ---- Playing ----------------------------------------------------------------- */

/* Make the scenario this process's machine; seed 0: its own. */
anm_status anm_fake_begin(const char *path, uint64_t seed, anm_error *err);
void anm_fake_end(void);

/* The one of anm_fake_begin(). */
const anm_fake_scenario *anm_fake_scenario_played(void);

/* A folder in which a model of the scenario's sizes is made. */
anm_status anm_fake_model_write(const char *folder, anm_error *err);

/* A number from [0, 1). */
double anm_fake_draw(uint64_t *state);
double anm_fake_draw_range(anm_fake_range r, uint64_t *state);
uint64_t anm_fake_seed(void);

void anm_fake_enter_start(unsigned start); /* from 1 */
void anm_fake_enter_phase(anm_fake_phase phase);

/* An artifact was found whole: whether it is of another configuration. What is
 * loaded next is then as slow as the fault says. */
bool anm_fake_found_stale(void);

/* The calling thread is about to ask its next query. */
void anm_fake_enter_query(unsigned number, const char *caller);

/* Time that a stage outside the backend takes. */
void anm_fake_spend_stage(anm_fake_stage stage);

/* ---- Between the files of fake/ ---------------------------------------------- */

/* A call as conditions see it. */
typedef struct anm_fake_moment {
    size_t tokens;
    double idle_ms;
    bool first_on_thread, first_of_length;
} anm_fake_moment;

/* What faults make of a call. */
typedef struct anm_fake_effect {
    double factor;                  /* of the device's work */
    double ms[ANM_FAKE_KIND_COUNT]; /* that are added, by kind */
    double bind_ms;
    double tokens; /* least that the device works through */
    double host_ratio, khz;
    anm_fake_shares executes;
    anm_fake_evidence evidence;
    const anm_fake_fault *fail, *output, *crash; /* or NULL */
} anm_fake_effect;

/* While opening: such a call is no first of its thread or length. */
bool anm_fake_is_proving(void);

void anm_fake_effect_of_call(const anm_fake_moment *m, anm_fake_effect *out);

/* The first active fault of a kind that acts while loading; NULL: none. */
const anm_fake_fault *anm_fake_fault_at_load(anm_fake_kind kind,
                                             anm_fake_at at);

/* Add what waits of this kind count to the calling thread and the machine. */
void anm_fake_count_wait(anm_fake_kind kind, double ms);

bool anm_fake_counts_as_cpu(anm_fake_kind kind);

/* The vectors of a call, spoilt as `output` says; NULL: as they should be. */
void anm_fake_vectors_fill(size_t dim, const anm_call *call,
                           const anm_fake_fault *output);

extern const anm_backend anm_backend_fake;

#define ANM_FAKE_DEVICES "cpu|gpu|ane"
#define ANM_FAKE_ANSWERS "absent|honest|cpu|gpu|ane"
#define ANM_FAKE_NOT_SAID                                                      \
    {                                                                          \
        {                                                                      \
            -1, -1, -1                                                         \
        }                                                                      \
    }

/* ---- fake_fields.c: objects by table -------------------------------------------- */

typedef enum anm_fake_field_kind {
    ANM_FAKE_REAL,     /* double in [low, high] */
    ANM_FAKE_COUNT,    /* the same, whole */
    ANM_FAKE_BOOL,     /* bool */
    ANM_FAKE_STRING,   /* const char *, borrowed */
    ANM_FAKE_CHOICE,   /* size_t: position among the words of `words`, "a|b" */
    ANM_FAKE_RANGE,    /* anm_fake_range: number, or [low, high] */
    ANM_FAKE_SHARES,   /* anm_fake_shares: object of devices */
    ANM_FAKE_ELSEWHERE /* read by somebody else */
} anm_fake_field_kind;

typedef struct anm_fake_field {
    const char *name;
    anm_fake_field_kind kind;
    size_t offset;
    double low, high;
    const char *words;
} anm_fake_field;

/* Read the members of an object; those that are absent leave `into` alone.
 * o NULL: none is there. at: its name in messages, "": the document. */
anm_status anm_fake_fields_read(const json_t *o, const char *at,
                                const anm_fake_field *fields, size_t n,
                                void *into, anm_error *err);

/* AT.NAME holds v, which is not among `allowed`: ANM_E_FORMAT that says all of
 * it. v NULL: it is missing. */
anm_status anm_fake_fail_value(const char *at, const char *name,
                               const json_t *v, const char *allowed,
                               anm_error *err);

/* Count the items of a list that is read elsewhere; NULL: none is there. */
anm_status anm_fake_list_check(const json_t *list, const char *at, size_t *n,
                               anm_error *err);

/* Position of a word among "a|b|c"; SIZE_MAX: it is none of them. */
size_t anm_fake_find_word(const char *words, const char *word);

/* ---- fake_faults.c -------------------------------------------------------------- */

/* Read the list of faults. NULL: there is none. */
anm_status anm_fake_faults_read(anm_fake_scenario *s, const json_t *list,
                                anm_error *err);

#endif
