/* anemone.h - text to vectors on the device you named, with proof.
 *
 * anemone opens an embedding model, refuses to start when it may not run where
 * you said it must, turns text into vectors and hands back, on request, a
 * receipt: where the call ran, how that is known, how long each stage took,
 * and whether the call stayed inside the band that warm-up measured.
 *
 *     anm_options o;
 *     anm_options_init(&o);
 *     o.model = "/path/to/all-MiniLM-L6-v2";
 *
 *     anm_error err;
 *     anm_model *m;
 *     if (anm_model_open(&m, &o, &err)) die(err.message);
 *
 *     anm_text q = anm_text_of("what are my Q2 goals?");
 *     float *v = malloc(anm_model_dim(m) * sizeof(*v));
 *     if (anm_embed(m, &q, 1, v, &err)) die(err.message);
 *     anm_model_close(m);
 *
 * This is the whole public interface: what is not in this file is not API.
 *
 * Conventions, stated once
 * - A function that can fail returns an anm_status; 0 is ANM_OK. The last
 *   parameter is an optional anm_error that receives the message. On failure
 *   no out-parameter other than err is written, except that a handle is set
 *   to NULL.
 * - What a declaration does not call optional must be there: NULL is ANM_E_ARG.
 *   That, and ANM_E_NOMEM, any function that returns a status may return; a
 *   declaration names the others.
 * - Text is UTF-8 with a length; it need not end in NUL and may hold NUL.
 * - Strings handed out as `char **json` are allocated by the library, end in
 *   NUL and are released with anm_free(). Strings returned as `const char *`
 *   belong to the object they came from.
 * - Nothing here prints, exits, aborts, installs a signal handler or changes
 *   floating point modes.
 * - A release function accepts NULL.
 * - Unless a declaration says otherwise a handle may be used from any thread;
 *   closing it while a call is in flight is a bug of the caller. So is
 *   cancelling a thread that is inside a call: locks would stay held.
 * - A child that fork() made while no call was in flight may use and close the
 *   models that its parent opened. It has none of their threads and computes on
 *   the calling one alone. A memory is its parent's: open another.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANEMONE_H
#define ANEMONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(ANM_SHARED) && defined(__GNUC__)
#define ANM_API __attribute__((visibility("default")))
#else
#define ANM_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define ANM_VERSION "0.1.0"

/* ---- Status and error ---------------------------------------------------- */

/** Every status: name, exit code of the command, meaning. The one list from
 * which the enumeration, the names and the command's exit codes are made. */
#define ANM_STATUS_LIST(X)                                                     \
    X(OK, 0, "done")                                                           \
    X(E_ARG, 2, "an argument, a flag or a setting has a value not allowed")    \
    X(E_NOTFOUND, 3, "a file, a folder or a name does not exist")              \
    X(E_IO, 3, "the operating system failed a read or a write")                \
    X(E_FORMAT, 4, "a file is not of the form it claims to be")                \
    X(E_CORRUPT, 4, "a file has the right form and damaged content")           \
    X(E_UNSUPPORTED, 4, "a file asks for something that is not built in")      \
    X(E_CONTRACT, 5, "the required device cannot be used as required")         \
    X(E_DEVICE, 5, "a device failed, or gave a vector that is none")           \
    X(E_MISMATCH, 6, "fingerprints or dimensions differ")                      \
    X(E_BUSY, 7, "locked by another, or the queue is full")                    \
    X(E_DEADLINE, 7, "the deadline passed")                                    \
    X(E_NOMEM, 8, "out of memory")                                             \
    X(E_LIMIT, 8, "over a written limit")                                      \
    X(E_INTERNAL, 70, "a bug of anemone")

typedef enum anm_status {
#define X(name, exit_code, text) ANM_##name,
    ANM_STATUS_LIST(X)
#undef X
} anm_status;

/** "ANM_E_FORMAT" and the like; "ANM_?" for a value outside the list. */
ANM_API const char *anm_status_name(anm_status status);

/** The exit code that the command gives for a status. */
ANM_API int anm_status_exit_code(anm_status status);

/** What went wrong, for a person: what, where, the value found, the value
 * allowed. One line, at most 1,023 bytes, never the user's text. */
typedef struct anm_error {
    anm_status status;
    char message[1024];
} anm_error;

/* ---- Memory -------------------------------------------------------------- */

/** Where every byte of the library comes from. realloc is told the old size.
 * Any of them may be called from any thread. Blocks are aligned for any
 * scalar type; the library aligns further by itself. */
typedef struct anm_allocator {
    void *(*alloc)(void *ctx, size_t size);
    void *(*realloc)(void *ctx, void *ptr, size_t old_size, size_t new_size);
    void (*free)(void *ctx, void *ptr);
    void *ctx;
} anm_allocator;

/** Use another allocator than the C library's. Call before the first use of
 * anything else here, from one thread. NULL restores the default. */
ANM_API void anm_set_allocator(const anm_allocator *allocator);

/** Release what the library allocated and handed out. */
ANM_API void anm_free(void *ptr);

/* ---- Text ---------------------------------------------------------------- */

/** A borrowed run of UTF-8. {NULL, 0} is the empty text. */
typedef struct anm_text {
    const char *data; /**< [len], not NUL-terminated */
    size_t len;       /**< bytes */
} anm_text;

/** The text of a NUL-terminated string; borrowed. */
ANM_API anm_text anm_text_of(const char *string);

/** Longest single text accepted, in bytes: 16 MiB. A longer one is
 * ANM_E_LIMIT. */
#define ANM_TEXT_MAX_BYTES ((size_t)16 << 20)

/** Longest text that is computed, in tokens, whatever a model allows. A longer
 * one is ANM_E_LIMIT, unless the call asks for a cut to this many or fewer. */
#define ANM_TOKENS_MAX ((size_t)8192)

/* ---- Words --------------------------------------------------------------- */

/** What the user permits. Core ML's four names on every system. */
typedef enum anm_units {
    ANM_UNITS_ALL,
    ANM_UNITS_CPU_AND_GPU,
    ANM_UNITS_CPU_AND_NE,
    ANM_UNITS_CPU_ONLY,
} anm_units;

/** What executes. UNKNOWN and MIXED occur in statements only. */
typedef enum anm_device {
    ANM_DEVICE_CPU,
    ANM_DEVICE_GPU,
    ANM_DEVICE_ANE,
    ANM_DEVICE_COUNT,
    ANM_DEVICE_UNKNOWN = ANM_DEVICE_COUNT,
    ANM_DEVICE_MIXED,
} anm_device;

/** How a statement about a device is known; a later value is stronger. */
typedef enum anm_evidence {
    ANM_EVIDENCE_UNKNOWN,
    ANM_EVIDENCE_CONFIGURED,
    ANM_EVIDENCE_PLANNED,
    ANM_EVIDENCE_OBSERVED,
} anm_evidence;

/** What weights are kept as; products are float32 on their exact values in all
 * of them. Weights that the file stores in a wider type are rounded once, when the
 * model is prepared, and how near its vectors stay is measured then: the plan
 * says it, and what is too far away is refused. */
typedef enum anm_precision {
    ANM_PRECISION_DEFAULT, /**< F32; what the file stores for bf16, quantised */
    ANM_PRECISION_F32,     /**< the values that the file has, however stored */
    ANM_PRECISION_BF16,    /**< bfloat16: stored so, or rounded from F32 */
    ANM_PRECISION_INT8,    /**< Q8_0: stored so, or rounded from a plain type */
    ANM_PRECISION_INT4,    /**< Q4_0 likewise, and Q4_K as stored */
} anm_precision;

/** Life of a loaded model. READY means proven: a golden text went in on the
 * serving buffers and the right vector came out. */
typedef enum anm_state {
    ANM_STATE_EMPTY,
    ANM_STATE_PREPARING,
    ANM_STATE_LOADING,
    ANM_STATE_WARMING,
    ANM_STATE_READY,
    ANM_STATE_DEGRADED,
    ANM_STATE_FAILED,
} anm_state;

/** Their spellings in messages and JSON: "CPU_AND_NE", "cpu", "observed",
 * "f32", "ready". */
ANM_API const char *anm_units_name(anm_units units);
ANM_API const char *anm_device_name(anm_device device);
ANM_API const char *anm_evidence_name(anm_evidence evidence);
ANM_API const char *anm_precision_name(anm_precision precision);
ANM_API const char *anm_state_name(anm_state state);

/** Read a spelling, in any letter case. ANM_E_ARG names the value and the
 * allowed ones. */
ANM_API anm_status anm_units_parse(anm_units *out, const char *name,
                                   anm_error *err);
ANM_API anm_status anm_precision_parse(anm_precision *out, const char *name,
                                       anm_error *err);

/* ---- Log ----------------------------------------------------------------- */

typedef enum anm_log_level {
    ANM_LOG_ERROR,
    ANM_LOG_WARN,
    ANM_LOG_INFO,
    ANM_LOG_DEBUG,
} anm_log_level;

/** Receives one line without newline, never holding a user's text. May be
 * called from any thread that is inside a call of the library. */
typedef void (*anm_log_fn)(void *ctx, anm_log_level level, const char *line);

/** Told how far a long step has come; total 0 means unknown. Called from the
 * thread that made the call, at most twenty times a second. */
typedef void (*anm_progress_fn)(void *ctx, const char *step, uint64_t done,
                                uint64_t total);

/* ---- Opening a model ----------------------------------------------------- */

/** The answer to a question of yes or no that a model's files may leave open.
 * MODEL: what they say, or an assumption where they are silent, which inspect
 * and receipts name. */
typedef enum anm_choice {
    ANM_CHOICE_MODEL,
    ANM_CHOICE_YES,
    ANM_CHOICE_NO,
} anm_choice;

/** How a model is to be opened. anm_options_init() fills in the defaults;
 * every pointer is borrowed for the duration of the call. */
typedef struct anm_options {
    const char *model;       /**< folder, .gguf or .mlpackage; required */
    const char *tokenizer;   /**< folder or tokenizer.json; NULL: the model's */
    const char *pooling;     /**< "mean", "cls" or "last"; NULL: what the files
                                say. For this and those up to padding a model
                                whose files leave nothing open is ANM_E_ARG */
    anm_choice normalize;    /**< whether vectors get unit length */
    anm_choice lowercase;    /**< whether the tokenizer of a GGUF file drops the
                                case */
    anm_choice add_eos;      /**< whether that of a GGUF file ends a text with
                                the end token */
    const char *function;    /**< of a package; NULL: its default one */
    const char *output;      /**< of a package, that holds the vector; NULL: the
                                only one that can */
    const char *padding;     /**< "left" or "right"; NULL: as the tokenizer's
                                files say, else right */
    anm_units units;         /**< ALL */
    const char *require;     /**< "none" or "DEVICE[:SHARE]"; NULL: what units
                                imply (cpu:1, gpu:0.5, ane:0.5, none) */
    unsigned allow_fallback; /**< bits 1u << anm_device; 0: none */
    anm_precision precision;
    unsigned threads;      /**< at most 1,024; 0: what cgroup, affinity and
                                cores allow */
    const char *cpu;       /**< ISA level such as "avx2"; NULL: the best */
    const char *cache_dir; /**< NULL: the platform's cache folder; "": none,
                                everything is prepared in memory */
    bool verify;           /**< hash weights and artifact again, trust nothing
                                remembered */
    bool overcommit;       /**< open also when the weights are more than cgroup
                                and machine have memory: else ANM_E_LIMIT */
    anm_log_fn log;        /**< NULL: silent */
    void *log_ctx;
    anm_log_level log_level;  /**< WARN */
    anm_progress_fn progress; /**< NULL: none */
    void *progress_ctx;
} anm_options;

/** Every default. */
ANM_API void anm_options_init(anm_options *options);

/** A loaded model: weights, tokenizer, recipe, the backend that runs it. */
typedef struct anm_model anm_model;

/** Open, prepare or find the artifact, load, judge the contract, and prove
 * one prediction against the golden vector. The model is READY on ANM_OK.
 *
 * Any thread may use the model; calls queue, and a live call overtakes bulk
 * calls between chunks of at most one text or 10 ms.
 *
 * @param out      Receives the handle; NULL on failure.
 *
 * @return ANM_OK
 *         ANM_E_ARG          an option has a value not allowed
 *         ANM_E_NOTFOUND     no such model, or a file of it is missing
 *         ANM_E_FORMAT, ANM_E_CORRUPT, ANM_E_UNSUPPORTED   a file of it is
 *                            malformed, damaged, or asks for what is not built
 *         ANM_E_CONTRACT     the required device is not there, or too little
 *                            would run on it; names asked, present, share
 *         ANM_E_DEVICE       the first prediction was not the golden vector
 *         ANM_E_NOMEM, ANM_E_IO, ANM_E_LIMIT
 */
ANM_API anm_status anm_model_open(anm_model **out, const anm_options *options,
                                  anm_error *err);

/** Release a model, and all that belongs to it. */
ANM_API void anm_model_close(anm_model *m);

/** Measure the bands at these lengths on the calling thread, and keep them.
 * A resident program calls this once with the lengths it expects; bands that
 * an earlier start measured on this machine are reused unless `again`.
 *
 * @param lengths  [n_lengths] tokens, at most 16; NULL with 0: those of the
 *                 shortest text, then 8, 16, 32, 64, 128, 256, 512 … up to
 *                 anm_model_max_tokens(). Clamped to it.
 * @param budget_ms  Longest time to spend; 0: 2,000.
 *
 * @return ANM_OK, also when the time was up before the last length: the log
 *                 names it
 *         ANM_E_ARG     over 16 lengths
 *         ANM_E_DEVICE  a prediction failed */
ANM_API anm_status anm_model_warm(anm_model *m, const size_t *lengths,
                                  size_t n_lengths, unsigned budget_ms,
                                  bool again, anm_error *err);

/* ---- What a model is ----------------------------------------------------- */

/** What these return as text belongs to the model. */
ANM_API size_t anm_model_dim(const anm_model *m); /**< numbers in a vector */
/** Tokens of the longest text that is taken, special ones included: the
 * model's maximum, at most ANM_TOKENS_MAX. */
ANM_API size_t anm_model_max_tokens(const anm_model *m);
ANM_API const char *anm_model_name(const anm_model *m);
ANM_API const char *
anm_model_fingerprint(const anm_model *m);              /**< "sha256:…" */
ANM_API unsigned anm_model_threads(const anm_model *m); /**< caller included */
ANM_API anm_state anm_model_state(const anm_model *m);

/** Multiply-accumulates and bytes read for one text of `tokens` tokens, from
 * the cost model; with anm_model_peak() they give the floor. */
typedef struct anm_cost {
    double macs;
    double weight_bytes;
    double activation_bytes;
} anm_cost;

ANM_API anm_cost anm_model_cost(const anm_model *m, size_t tokens);

/** What this machine reached in a short measurement, at the model's ISA level
 * and thread count: the denominators of every floor. */
typedef struct anm_peak {
    double macs_per_s;  /**< float32 fused multiply-adds */
    double bytes_per_s; /**< sequential read, larger than the last cache */
} anm_peak;

/** Measure for about 100 ms. Runs in the model's queue as a bulk call. */
ANM_API anm_status anm_model_peak(anm_model *m, anm_peak *out, anm_error *err);

/* ---- Receipts ------------------------------------------------------------ */

typedef enum anm_stage {
    ANM_STAGE_QUEUE,
    ANM_STAGE_TOKENIZE,
    ANM_STAGE_BIND,
    ANM_STAGE_PREDICT,
    ANM_STAGE_POST,
    ANM_STAGE_SEARCH,
    ANM_STAGE_MERGE,
    ANM_STAGE_UNACCOUNTED, /**< what no other stage covers */
    ANM_STAGE_COUNT,
} anm_stage;

typedef enum anm_verdict {
    ANM_VERDICT_NONE, /**< no band for this call, or a bulk call */
    ANM_VERDICT_INSIDE,
    ANM_VERDICT_ABOVE,
    ANM_VERDICT_BELOW,
} anm_verdict;

/** Why a call left its band: the closed list. */
#define ANM_CAUSE_LIST(X)                                                      \
    X(NONE, "none")                                                            \
    X(COLD_START, "cold_start")                                                \
    X(FIRST_IN_BUCKET, "first_in_bucket")                                      \
    X(NEW_THREAD, "new_thread")                                                \
    X(IDLE_WAKEUP, "idle_wakeup")                                              \
    X(QUEUEING, "queueing")                                                    \
    X(CPU_CONTENTION, "cpu_contention")                                        \
    X(THROTTLED_QUOTA, "throttled_quota")                                      \
    X(PAGING, "paging")                                                        \
    X(MEMORY_PRESSURE, "memory_pressure")                                      \
    X(FREQUENCY, "frequency")                                                  \
    X(HOST_SLOWER, "host_slower")                                              \
    X(THERMAL_DRIFT, "thermal_drift")                                          \
    X(DEVICE_BUSY, "device_busy")                                              \
    X(LONGER_INPUT, "longer_input")                                            \
    X(INPUT_CHANGED, "input_changed")                                          \
    X(UNITS_NOT_HONOURED, "units_not_honoured")                                \
    X(FALLBACK_LOAD, "fallback_load")                                          \
    X(SLOWER_DEVICE_BY_PLAN, "slower_device_by_plan")                          \
    X(STALE_ARTIFACT, "stale_artifact")                                        \
    X(OVERHEAD_OUTSIDE_PREDICT, "overhead_outside_predict")                    \
    X(BAND_MOVED, "band_moved")                                                \
    X(EVIDENCE_CONFLICT, "evidence_conflict")                                  \
    X(UNKNOWN, "unknown")

typedef enum anm_cause {
#define X(name, text) ANM_CAUSE_##name,
    ANM_CAUSE_LIST(X)
#undef X
        ANM_CAUSE_COUNT,
} anm_cause;

/** Things that happened for the first time in this call. */
enum {
    ANM_FIRST_CALL = 1u << 0,   /**< first call of the model */
    ANM_FIRST_LENGTH = 1u << 1, /**< first of its length class or bucket */
    ANM_FIRST_THREAD = 1u << 2, /**< first from this thread */
};

/** A counter that this machine does not offer. */
#define ANM_COUNTER_UNKNOWN INT64_MIN

typedef struct anm_counters {
    int64_t idle_before;  /**< ns since the model's last call ended, sleep of
                               the machine included */
    int64_t in_flight;    /**< calls inside the model, this one included */
    int64_t cpu_ns;       /**< CPU time of caller and workers */
    int64_t run_delay_ns; /**< time runnable and not running, same threads */
    int64_t run_delay_max_ns; /**< of the one that waited longest */
    int64_t blocked_ns;       /**< calling thread asleep outside the queue */
    int64_t device_wait_ns;   /**< for a device busy with others */
    int64_t
        probe_ns; /**< host probe after a call above its band, else unknown */
    int64_t vol_switches;
    int64_t invol_switches;
    int64_t minor_faults;
    int64_t major_faults;
    int64_t throttled_ns; /**< the rest comes from samples of sample_age_ms */
    int64_t psi_cpu_us;
    int64_t psi_memory_us;
    int64_t psi_io_us;
    int64_t freq_khz;
    int64_t sample_age_ms;
} anm_counters;

/** The record of one call. Plain data in the caller's storage: copying it is
 * copying the struct. docs/RECEIPTS.md says how each field is known. */
typedef struct anm_receipt {
    struct {
        char name[128];
        char fingerprint[80];
        char architecture[32];
        anm_precision precision;
        size_t dim;
        char assumed[96]; /**< what the files leave open and was assumed, as
                             inspect's notes call it: "pooling, normalize"; ""
                             for nothing */
    } model;
    anm_units units;
    struct {
        char require[24]; /**< "none" or "cpu:1" */
        bool met;
        bool fallback;
        char reason[200]; /**< "" when there is none */
    } contract;
    struct {
        anm_device device;
        anm_evidence evidence;
        double share; /**< of the estimated work; negative: unknown */
        char how[200];
        unsigned excluded; /**< bits 1u << anm_device, by configuration */
        /** The strongest statement that contradicts the one above. */
        struct {
            anm_device device;
            anm_evidence evidence; /**< UNKNOWN: there is none */
            double share;
            char how[200];
        } conflict;
    } where;
    struct {
        size_t texts;
        size_t tokens; /**< ids that entered the model, special ones included */
        size_t bucket; /**< 0 where padding is skipped */
        size_t truncated;
        char prompt[64]; /**< name; "" for none */
        char ids_sha256[65];
    } input;
    uint64_t stages_ns[ANM_STAGE_COUNT]; /**< disjoint */
    uint64_t total_ns;                   /**< their exact sum */
    anm_counters counters;
    struct {
        size_t tokens;
        unsigned n;         /**< runs behind it; 0: no band */
        unsigned disturbed; /**< runs left out, others were busy */
        bool blurred; /**< fewer than three runs were not: then `n` counts all,
                           and what others took is inside the band */
        uint64_t p50_ns, low_ns, high_ns;
        uint64_t predict_p50_ns; /**< of the stage; 0: not known */
        uint64_t outside_p50_ns; /**< of all but queue and predict */
        uint64_t today_p50_ns;   /**< this start's warm-up; 0: not measured */
        uint64_t gap_ns; /**< of each median and of high_ns: what warm-up found
                            a gap as before this call to take */
        anm_verdict verdict;
    } band;
    size_t n_causes; /**< 1 to 3 */
    struct {
        anm_cause cause;
        uint64_t excess_ns;
        uint64_t explained_ns;
        char evidence[160];
    } causes[3];
    struct {
        char state[16]; /**< hit, built, rebuilt, memory */
        char path[512];
        uint64_t load_ns;
    } artifact;
    unsigned first; /**< ANM_FIRST_* bits */
    bool bulk;
    int64_t at_ms; /**< wall clock when the call ended, since the epoch */
} anm_receipt;

/** Their spellings in JSON: "predict", "inside", "idle_wakeup". */
ANM_API const char *anm_stage_name(anm_stage stage);
ANM_API const char *anm_verdict_name(anm_verdict verdict);
ANM_API const char *anm_cause_name(anm_cause cause);

/** The receipt as the JSON document of version 1. */
ANM_API anm_status anm_receipt_json(const anm_receipt *receipt, char **json,
                                    anm_error *err);

/* ---- Embedding ----------------------------------------------------------- */

/** Embed texts with the model's defaults, as one live call.
 *
 * Each text is tokenized, truncated to anm_model_max_tokens() and pooled to
 * one vector as the model's recipe says. The result does not depend on how
 * texts are grouped: row i is bit-identical to embedding texts[i] alone, with
 * any number of threads, at one ISA level.
 *
 * @param m        Any thread may call.
 * @param texts    [n_texts], borrowed for the duration of the call; there may
 *                 be none.
 * @param vectors  [n_texts, anm_model_dim(m)] row-major, caller-owned, fully
 *                 overwritten on ANM_OK and untouched otherwise.
 *
 * @return ANM_OK
 *         ANM_E_ARG     a text is not valid UTF-8; err names its index
 *         ANM_E_LIMIT   a text is longer than ANM_TEXT_MAX_BYTES, or of more
 *                       tokens than ANM_TOKENS_MAX where the model takes it, or
 *                       holds an added token beyond the model's table
 *         ANM_E_NOMEM   workspace could not grow; the model is still usable
 *         ANM_E_DEVICE  the guard refused a vector; the model is DEGRADED
 */
ANM_API anm_status anm_embed(anm_model *m, const anm_text *texts,
                             size_t n_texts, float *vectors, anm_error *err);

/** What one call may ask for beyond the defaults. Zero-initialised: the
 * defaults. Strings are borrowed. */
typedef struct anm_embed_params {
    const char *prompt;      /**< name among the model's prompts; NULL: the
                                  model's default prompt; "": none */
    const char *prompt_text; /**< literal prefix; excludes `prompt` */
    size_t dims; /**< 0: all. Else cut to the first dims and renormalise */
    size_t max_tokens; /**< 0: the model's maximum. Above it: ANM_E_ARG */
    bool bulk;         /**< let live calls overtake; verdict is NONE */
    bool no_truncate;  /**< a text of more tokens is ANM_E_LIMIT, not cut */
} anm_embed_params;

/** What became of one text. */
typedef struct anm_text_info {
    size_t tokens;    /**< ids that entered the model, special ones included */
    size_t truncated; /**< tokens cut off */
} anm_text_info;

/** anm_embed() with parameters and a record of what happened.
 *
 * @param params   NULL: the defaults.
 * @param vectors  [n_texts, params->dims or anm_model_dim(m)].
 * @param infos    [n_texts], or NULL.
 * @param receipt  Overwritten on ANM_OK; or NULL.
 *
 * @return those of anm_embed(), and
 *         ANM_E_ARG    a parameter has a value not allowed, or no prompt is
 *                      called so; names those there are
 *         ANM_E_LIMIT  with no_truncate: a text is too long; err names it */
ANM_API anm_status anm_embed_with(anm_model *m, const anm_text *texts,
                                  size_t n_texts,
                                  const anm_embed_params *params,
                                  float *vectors, anm_text_info *infos,
                                  anm_receipt *receipt, anm_error *err);

/** A row of token ids, borrowed. */
typedef struct anm_ids {
    const int32_t *ids; /**< [n], special ones included */
    size_t n;
} anm_ids;

/** Embed ids as they are: nothing is added, and a row above
 * anm_model_max_tokens(), an empty row, or an id outside the vocabulary is
 * ANM_E_ARG; a row above ANM_TOKENS_MAX is ANM_E_LIMIT. params->prompt* and
 * max_tokens must be unset.
 *
 * @param rows     [n_rows], borrowed for the duration of the call.
 * @param vectors  [n_rows, params->dims or anm_model_dim(m)].
 * @param receipt  As of anm_embed_with(); or NULL.
 *
 * @return those of anm_embed() */
ANM_API anm_status anm_embed_ids(anm_model *m, const anm_ids *rows,
                                 size_t n_rows, const anm_embed_params *params,
                                 float *vectors, anm_receipt *receipt,
                                 anm_error *err);

/** The ids that would enter the model for a text: after prompt, special tokens
 * and truncation. The same function makes them for anm_embed_with().
 *
 * @param ids     [cap] receives up to cap ids.
 * @param n_ids   How many there are, also when that is more than cap.
 * @param info    Tokens and truncation; or NULL.
 *
 * @return those of anm_embed_with() that concern texts and parameters */
ANM_API anm_status anm_model_ids(anm_model *m, anm_text text,
                                 const anm_embed_params *params, int32_t *ids,
                                 size_t cap, size_t *n_ids, anm_text_info *info,
                                 anm_error *err);

/* ---- Tokenizing without weights ------------------------------------------ */

/** What turns a text into ids. Immutable: any number of threads may share it. */
typedef struct anm_tokenizer anm_tokenizer;

/** Reusable storage for the result of anm_tokenize(). One thread at a time. */
typedef struct anm_encoding anm_encoding;

/** Open the tokenizer of a model, or a tokenizer.json.
 *
 * @return ANM_OK
 *         ANM_E_NOTFOUND  no such file or folder, or none of either kind
 *         ANM_E_FORMAT, ANM_E_CORRUPT, ANM_E_UNSUPPORTED  it is malformed, or
 *                         asks for what is not built in; names what and where
 *         ANM_E_IO, ANM_E_LIMIT */
ANM_API anm_status anm_tokenizer_open(anm_tokenizer **out, const char *path,
                                      anm_error *err);

/** The same of options->tokenizer, or else of options->model. lowercase and
 * add_eos settle what a GGUF file leaves open; compiled tokenizers are kept in
 * cache_dir from one start to the next, unless `verify`. Other options do not
 * count.
 *
 * @return as above, and
 *         ANM_E_ARG  an option has a value not allowed, or asks for what the
 *                    files do not leave open */
ANM_API anm_status anm_tokenizer_open_with(anm_tokenizer **out,
                                           const anm_options *options,
                                           anm_error *err);
ANM_API void anm_tokenizer_close(anm_tokenizer *t);

ANM_API anm_status anm_encoding_new(anm_encoding **out, anm_error *err);
ANM_API void anm_encoding_free(anm_encoding *e);

/** Turn a text into ids. Never truncates. Threads that share a tokenizer have
 * an encoding each.
 *
 * @param special  Apply the post-processor, which adds special tokens. Those
 *                 written in the text are matched either way.
 * @param e        Receives the ids, in place of those it held.
 *
 * @return ANM_OK
 *         ANM_E_ARG    the text is not valid UTF-8
 *         ANM_E_LIMIT  it is longer than ANM_TEXT_MAX_BYTES, or a pattern of
 *                      the tokenizer needs more room on it than is allowed */
ANM_API anm_status anm_tokenize(const anm_tokenizer *t, anm_text text,
                                bool special, anm_encoding *e, anm_error *err);

/** What an encoding holds, until it is used again. */
ANM_API size_t anm_encoding_n(const anm_encoding *e);
ANM_API const int32_t *anm_encoding_ids(const anm_encoding *e); /**< [n] */

/** The vocabulary's spelling of an id; "" when it has none. Valid as long as
 * the tokenizer. */
ANM_API anm_text anm_tokenizer_piece(const anm_tokenizer *t, int32_t id);

/* ---- Raw predictions ----------------------------------------------------- */

/** Element types of arrays that go into a Core ML package and come out. */
#define ANM_RAW_TYPE_LIST(X)                                                   \
    X(FLOAT32)                                                                 \
    X(FLOAT16)                                                                 \
    X(FLOAT64)                                                                 \
    X(INT32)                                                                   \
    X(INT8)

typedef enum anm_raw_type {
#define X(name) ANM_RAW_##name,
    ANM_RAW_TYPE_LIST(X)
#undef X
        ANM_RAW_TYPE_COUNT,
} anm_raw_type;

/** "FLOAT32", as packages spell it. */
ANM_API const char *anm_raw_type_name(anm_raw_type type);

/** ANM_E_ARG names the value and the allowed ones. */
ANM_API anm_status anm_raw_type_parse(anm_raw_type *out, const char *name,
                                      anm_error *err);

/** A named array, row-major. Exactly one of floats and ints is given, as the
 * type says; an array without elements may have neither. */
typedef struct anm_raw_array {
    const char *name;
    anm_raw_type type;  /**< as the package declares it */
    const size_t *dims; /**< [rank] */
    size_t rank;
    const float *floats; /**< [elements] of the FLOAT types: what goes into a
                              FLOAT16 is rounded to it, what comes out is as
                              computed */
    const int32_t *ints; /**< [elements] of the INT types */
} anm_raw_array;

/** The functions of a Core ML package as they are: arrays in, arrays out, no
 * tokenizer, no recipe, no contract. Any other model is one function "main" of
 * "ids" and "mask" (INT32 [tokens] or [1, tokens], the mask may be left off)
 * that gives "vector". One thread at a time. */
typedef struct anm_predictor anm_predictor;

/** Open a model for raw predictions. For a package the options model, threads,
 * cpu and log count, for others all.
 *
 * @return ANM_OK
 *         ANM_E_UNSUPPORTED  what the package holds cannot be run here; names
 *                            what and where
 *         and those of anm_model_open() that concern its files */
ANM_API anm_status anm_predictor_open(anm_predictor **out,
                                      const anm_options *options,
                                      anm_error *err);
ANM_API void anm_predictor_close(anm_predictor *p);

/** Run a function once. Each function keeps its states from run to run; a run
 * that fails on its way, at an index outside its array say, leaves them at
 * zero.
 *
 * @param function   NULL: the package's default one.
 * @param inputs     [n_inputs], one for each input of the function, found by
 *                   name, borrowed.
 * @param outputs    Receives [n_outputs] arrays in the package's order, which
 *                   belong to p and are valid until its next use.
 *
 * @return ANM_OK
 *         ANM_E_NOTFOUND  no such function; names those there are
 *         ANM_E_ARG       an input is missing, unknown, given twice, or of
 *                         another type or shape than allowed; names it, what
 *                         is expected and what was found, and no state
 *                         changed; or an index in it is outside its array
 *         ANM_E_UNSUPPORTED, ANM_E_FORMAT  the function cannot be run: at its
 *                         first use
 *         ANM_E_DEVICE    an output holds what is no number, since a constant
 *                         is infinite; names both
 *         ANM_E_NOMEM, ANM_E_LIMIT */
ANM_API anm_status anm_predictor_run(anm_predictor *p, const char *function,
                                     const anm_raw_array *inputs,
                                     size_t n_inputs,
                                     const anm_raw_array **outputs,
                                     size_t *n_outputs, anm_error *err);

/** Every state of every function back to zero. */
ANM_API void anm_predictor_reset(anm_predictor *p);

/* ---- Memory: collections that are remembered and recalled ---------------- */

/** A store opened with what is needed to embed for it. Any number of threads
 * may recall; remembering and forgetting take turns. Several handles, also in
 * several processes, may be open on one store. */
typedef struct anm_memory anm_memory;

typedef struct anm_memory_options {
    const char *store; /**< file; required */
    anm_model *model;  /**< borrowed; NULL: opened when first needed, from the
                            path that the collection remembers */
    const anm_options *open; /**< how such a model is opened (its `model` is
                                  filled in); NULL: the defaults. Borrowed as
                                  long as the handle */
    bool read_only;          /**< the store must exist */
    unsigned timeout_ms;     /**< wait for another writer; 0: 5,000 */
    bool no_truncate;        /**< a text or question of more tokens than the
                                  model takes is ANM_E_LIMIT, not cut */
} anm_memory_options;

/** A store that is absent is made, with missing folders, when the first items
 * are remembered; what is refused leaves none behind. Until then it holds no
 * collection, and upkeep other than `ls` is ANM_E_NOTFOUND.
 *
 * @return ANM_OK, ANM_E_ARG (an option of `open` has a value not allowed),
 *          ANM_E_NOTFOUND, ANM_E_FORMAT (not a store of anemone),
 *          ANM_E_UNSUPPORTED (made by a newer version), ANM_E_BUSY, ANM_E_IO */
ANM_API anm_status anm_memory_open(anm_memory **out,
                                   const anm_memory_options *options,
                                   anm_error *err);
ANM_API void anm_memory_close(anm_memory *m);

/** What is remembered. */
typedef struct anm_memo {
    anm_text key;  /**< 1 to 1,024 bytes */
    anm_text text; /**< as of anm_embed() */
    anm_text meta; /**< a JSON object, or empty; at most 1 MiB */
} anm_memo;

/** What became of the items of one call. */
typedef struct anm_remembered {
    size_t added, updated, unchanged;
    size_t truncated; /**< texts that lost tokens */
} anm_remembered;

/** Upsert by key; texts that are unchanged are not embedded again. The
 * collection is created with the model's fingerprint when it does not exist.
 * On ANM_OK all items are on disk; on failure none is.
 *
 * @param collection    1 to 128 bytes, without control characters.
 * @param items         [n_items], borrowed for the duration of the call.
 * @param counts        Or NULL.
 * @param on_truncated  Called for each truncated text with its index and the
 *                      tokens cut off; or NULL.
 *
 * @return ANM_OK
 *         ANM_E_MISMATCH  the collection belongs to another fingerprint or
 *                         dimension; both are named, nothing changes
 *         ANM_E_ARG       a key is empty or too long, metadata is no object
 *         ANM_E_BUSY      another writer held the store for the timeout
 *         and those of anm_embed_with() */
ANM_API anm_status anm_memory_remember(
    anm_memory *m, const char *collection, const anm_memo *items,
    size_t n_items, anm_remembered *counts,
    void (*on_truncated)(void *ctx, size_t index, size_t tokens), void *ctx,
    anm_error *err);

/** What a question may ask for. Zero-initialised: the defaults. */
typedef struct anm_recall_params {
    const char *const *collections; /**< [n_collections]; none: all */
    size_t n_collections;
    size_t k;          /**< 0: 10 */
    const char *where; /**< filter expression; NULL: none */
} anm_recall_params;

/** Results of one question, best first. */
typedef struct anm_recall anm_recall;

/** One result; what it points to belongs to its anm_recall. */
typedef struct anm_recalled {
    const char *collection;
    anm_text key, text, meta;
    float score; /**< cosine similarity */
} anm_recalled;

/** What searching one collection took. */
typedef struct anm_searched {
    const char *collection;
    uint64_t items, candidates; /**< in it; after the filter */
    uint64_t ns;
} anm_searched;

/** Embed the question once, search the collections in parallel, merge.
 *
 * A collection that cannot be searched is an error with its name, never a
 * silent hole. Release with anm_recall_free().
 *
 * @param params   NULL: the defaults.
 * @param receipt  Overwritten on ANM_OK; or NULL.
 *
 * @return ANM_OK
 *         ANM_E_NOTFOUND  no such collection
 *         ANM_E_MISMATCH  collections of different fingerprints, or another
 *                         than the model's
 *         ANM_E_ARG       the filter is malformed; names the column
 *         ANM_E_CORRUPT, ANM_E_IO, and those of anm_embed_with() */
ANM_API anm_status anm_memory_recall(anm_memory *m, anm_text question,
                                     const anm_recall_params *params,
                                     anm_recall **out, anm_receipt *receipt,
                                     anm_error *err);
ANM_API void anm_recall_free(anm_recall *r);
ANM_API size_t anm_recall_n(const anm_recall *r);
ANM_API anm_recalled anm_recall_at(const anm_recall *r, size_t i);
ANM_API bool anm_recall_certified(const anm_recall *r); /**< exact, proven */
ANM_API size_t anm_recall_n_searched(const anm_recall *r);
ANM_API anm_searched anm_recall_searched(const anm_recall *r, size_t i);

/** Remove items by key ([n_keys]) or, with keys NULL, by filter expression.
 * Durable on ANM_OK, all or none. Keys that do not exist are not counted.
 *
 * @param removed  Or NULL.
 *
 * @return ANM_OK
 *         ANM_E_NOTFOUND  no such collection
 *         ANM_E_ARG       the filter is malformed, or both are given
 *         ANM_E_BUSY      another writer held the store for the timeout
 *         ANM_E_IO */
ANM_API anm_status anm_memory_forget(anm_memory *m, const char *collection,
                                     const anm_text *keys, size_t n_keys,
                                     const char *where, size_t *removed,
                                     anm_error *err);

/** One item as it is stored; valid while fn runs. */
typedef struct anm_remembered_item {
    anm_text key, text, meta;
    const float *vector; /**< [dim]; NULL unless asked for */
    size_t dim;
    int64_t seq;        /**< of its last change, ascending in the store */
    int64_t updated_ms; /**< wall clock of that, since the epoch */
} anm_remembered_item;

/** Call fn for one item (key not NULL) or for all, from one snapshot. fn
 * returns false to stop.
 *
 * @return ANM_OK
 *         ANM_E_NOTFOUND  no such collection, or no such key in it
 *         ANM_E_CORRUPT, ANM_E_IO */
ANM_API anm_status anm_memory_each(anm_memory *m, const char *collection,
                                   const anm_text *key, bool with_vectors,
                                   bool (*fn)(void *ctx,
                                              const anm_remembered_item *item),
                                   void *ctx, anm_error *err);

/** Documents of upkeep, those that the command's verbs of these names give:
 * collections (`ls`), figures (`stats`), `check` (sound: no problem found; or
 * NULL), `backup` to a file that must not exist, `compact`.
 *
 * @return ANM_OK, ANM_E_IO, ANM_E_CORRUPT; of those that write also ANM_E_BUSY
 *         and, for a file that exists, ANM_E_ARG */
ANM_API anm_status anm_memory_ls(anm_memory *m, char **json, anm_error *err);
ANM_API anm_status anm_memory_stats(anm_memory *m, char **json, anm_error *err);
ANM_API anm_status anm_memory_check(anm_memory *m, char **json, bool *sound,
                                    anm_error *err);
ANM_API anm_status anm_memory_backup(anm_memory *m, const char *path,
                                     char **json, anm_error *err);
ANM_API anm_status anm_memory_compact(anm_memory *m, char **json,
                                      anm_error *err);

/** Keep an index on a metadata path ("tags.kind") of a collection, so that
 * filters on it need not look at every item. Durable on ANM_OK.
 *
 * @return ANM_OK
 *         ANM_E_NOTFOUND  no such collection
 *         ANM_E_ARG       no such form of a path
 *         ANM_E_BUSY, ANM_E_IO */
ANM_API anm_status anm_memory_index(anm_memory *m, const char *collection,
                                    const char *path, anm_error *err);

/* ---- Looking at models, plans and caches --------------------------------- */

enum {
    ANM_INSPECT_TENSORS = 1u << 0, /**< add every tensor */
    ANM_INSPECT_OPS = 1u << 1,     /**< add every operation */
};

/** What a model is, as the JSON document "anemone_inspect". Loads nothing on a
 * device and never refuses by contract.
 *
 * @param flags  ANM_INSPECT_* bits.
 *
 * @return those of anm_model_open() that concern options and files */
ANM_API anm_status anm_inspect(const anm_options *options, unsigned flags,
                               char **json, anm_error *err);

/** Where each operation would run, as the JSON document "anemone_plan".
 *
 * @param met  Whether the contract would be met, never a reason to fail; or
 *             NULL.
 *
 * @return those of anm_model_open() that concern options and files */
ANM_API anm_status anm_plan(const anm_options *options, char **json, bool *met,
                            anm_error *err);

/** As anm_plan(), of a Core ML package whose plan was recorded on a Mac:
 * devices and shares are the recording's, and the contract is judged on them.
 *
 * @param recorded  A file of the form that docs/COREML.md gives.
 *
 * @return ANM_E_FORMAT  malformed, or recorded of another package
 *         ANM_E_ARG     the model is no package */
ANM_API anm_status anm_plan_from(const anm_options *options,
                                 const char *recorded, char **json, bool *met,
                                 anm_error *err);

/** Prepared artifacts in a cache folder (NULL: the platform's), as JSON
 * {"anemone_cache":1,"path":…,"artifacts":[{"path":…,"model":…,"bytes":…,
 * "state":…}], …}.
 * verify hashes each one (sound, or NULL: none is damaged); prune deletes those that are damaged, of another
 * format version, or unused for `unused_days`. Nothing else in the folder is
 * touched. */
ANM_API anm_status anm_cache_ls(const char *cache_dir, char **json,
                                anm_error *err);
ANM_API anm_status anm_cache_verify(const char *cache_dir, char **json,
                                    bool *sound, anm_error *err);
ANM_API anm_status anm_cache_prune(const char *cache_dir, unsigned unused_days,
                                   char **json, anm_error *err);

/* ---- Doctor: experiments and findings ------------------------------------ */

/** What a process of its own took for the same model, as the program that
 * calls the doctor measured it: a library cannot start another copy of its
 * program. */
typedef struct anm_fresh {
    uint64_t open_ns;  /**< start of the process … first answer */
    uint64_t first_ns; /**< first call, by its receipt */
    uint64_t later_ns; /**< median of the calls after it */
} anm_fresh;

typedef struct anm_doctor_params {
    bool quick;             /**< about 15 s instead of 90 s */
    const char *experiment; /**< by name; NULL: all */
    const char *receipts;   /**< judge this receipt log as well; NULL: none */
    const char *settings;   /**< JSON array for the document's "settings"; NULL:
                               an empty one */
    uint64_t seed;          /**< of orders and resampling; 0: 1 */
    /** Asked between calls; true ends the measurement, and what there is is
     * reported. NULL: never. */
    bool (*stop)(void *ctx);
    /** Measure a fresh process. False with a reason in why: not testable.
     * NULL: not testable from here. */
    bool (*fresh)(void *ctx, anm_fresh *out, char *why, size_t cap);
    void *ctx;
} anm_doctor_params;

/** Measure what conditions cost on this machine, and find which of them are
 * there without having been imposed, as the JSON document "anemone_doctor"
 * (docs/schema/doctor.schema.json).
 *
 * Opens the model by itself and never refuses by contract; it imposes load,
 * other threads and dropped pages on this process while it runs.
 *
 * @param params      NULL: the defaults.
 * @param n_findings  Or NULL.
 *
 * @return ANM_OK, also when it was stopped
 *         ANM_E_ARG   no experiment of that name; names those there are
 *         and those of anm_model_open() and anm_doctor_receipts() */
ANM_API anm_status anm_doctor(const anm_options *options,
                              const anm_doctor_params *params, char **json,
                              size_t *n_findings, anm_error *err);

/** Findings from a receipt log alone, of any process; FILE.1 is read before
 * FILE where it exists. Lines that are no receipts are counted in the document.
 *
 * @param settings  As in anm_doctor_params.
 *
 * @return ANM_OK
 *         ANM_E_NOTFOUND, ANM_E_IO
 *         ANM_E_FORMAT  no line of it is a receipt */
ANM_API anm_status anm_doctor_receipts(const char *path, const char *settings,
                                       char **json, size_t *n_findings,
                                       anm_error *err);

/** Names of the experiments in their order; ends in NULL. Static storage. */
ANM_API const char *const *anm_doctor_experiments(void);

/** The doctor's JSON document as one HTML page: findings first, every call
 * against its band, what conditions cost, the machine. A pure function of the
 * document; the page fetches nothing and runs nothing. A document that is not
 * ours can make it emptier, never harmful.
 *
 * @param html  NUL-terminated UTF-8, for anm_free().
 *
 * @return ANM_OK
 *         ANM_E_FORMAT, ANM_E_UNSUPPORTED  no such document, or its version
 *         ANM_E_LIMIT                      over 64 MiB */
ANM_API anm_status anm_doctor_page(const char *json, char **html,
                                   anm_error *err);

/** Version, commit, compiler, ISA levels in use and available, backends built
 * in and present, the machine, memory of this process, as JSON.
 *
 * @param cpu  ISA level to report as in use; NULL: the best. */
ANM_API anm_status anm_build_json(const char *cpu, char **json, anm_error *err);

/** Names of the ISA levels this machine can run, ascending, "scalar" first;
 * ends in NULL. Static storage. */
ANM_API const char *const *anm_cpu_levels(void);

#ifdef __cplusplus
}
#endif

#endif
