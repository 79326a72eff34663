/* experiment.h - controlled comparisons: arms that take turns, what a condition
 * costs, and how sure that is.
 *
 * Rounds: each round takes every arm once, in an order that is drawn, between
 * two probes of the host. A round whose probes show another host than the
 * rounds around it is discarded and counted. Arm 0 is the base; an arm that
 * repeats it (A/A) bounds what can be told apart. Each other arm is compared
 * with the base round by round.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_EXPERIMENT_H
#define ANM_EXPERIMENT_H

#include "base/machine.h"
#include "doctor/record.h"
#include "doctor/statistics.h"
#include "engine/examine.h"

typedef enum anm_answer {
    ANM_ANSWER_SUPPORTED,    /* the condition costs, beyond doubt and A/A */
    ANM_ANSWER_REJECTED,     /* it costs less than 10 % or 50 us here */
    ANM_ANSWER_UNDECIDED,    /* this run cannot tell */
    ANM_ANSWER_NOT_TESTABLE, /* and `evidence` says why */
} anm_answer;

const char *anm_answer_name(anm_answer answer);

enum { ANM_ARMS_MAX = 8 };

/* What a condition must cost at least to be called a cost. */
#define ANM_LEAST_RATIO     1.10
#define ANM_LEAST_EFFECT_NS 50000.0

typedef struct anm_arm {
    const char *name; /* static */
    double *samples;  /* ns by round; NAN where the arm was left out. [n] */
    size_t n, cap;
    bool is_base_again;
    bool compared; /* `against` holds the comparison with the base */
    anm_ratio against;
    double least, largest; /* of any round: the smallest ratio, and the largest
                              either way; of arms that took turns */
} anm_arm;

typedef struct anm_experiment anm_experiment;
typedef struct anm_exam anm_exam;

/* What came of an experiment. Zero-initialised but for `of`: nothing yet. */
typedef struct anm_outcome {
    const anm_experiment *of;
    anm_arm arms[ANM_ARMS_MAX]; /* [n_arms]; 0 is the base */
    size_t n_arms;
    size_t n_rounds, n_disturbed;
    double bound; /* by A/A, at least 1; 0: there was none. Of rounds too few
                      for an interval the largest that it showed */
    size_t only;  /* the one arm that is judged, the others are shown; 0: all */
    size_t worst; /* the arm with the largest ratio; 0: none compared */
    double p;     /* corrected for arms and looks */
    double p_all; /* and for experiments */
    bool looked;  /* at while rounds went on: see below */
    bool plain;   /* its base is the unchanged call */
    bool starved; /* its time was up before anything could be compared */
    uint64_t need_ns;  /* the least that two rounds take, or what is missing of
                         them; 0: not known */
    uint64_t round_ns; /* the longest round so far */
    bool answered;     /* by the experiment itself, not by its arms */
    anm_answer answer;
    char evidence[400];
    uint64_t ns;
} anm_outcome;

struct anm_experiment {
    const char *name;
    unsigned hypothesis; /* 1 to 4 of the mission's; 0: none of them */
    const char *question;
    anm_cause cause; /* that it prices; NONE */
    double share;    /* of the time there is, at most; together they may be
                     more than one whole, and nobody uses all of theirs */
    anm_status (*run)(anm_exam *x, anm_outcome *out, anm_error *err);
};

/* The one table, in the order of running; ends in a name NULL. */
extern const anm_experiment anm_experiments[];

/* ---- The run ----------------------------------------------------------------- */

enum { ANM_LOADS_MAX = 24 };

/* A model opened once more. */
typedef struct anm_fresh_load {
    uint64_t open_ns, artifact_ns, first_ns, later_ns;
    bool same_plan, same_units, same_device;
} anm_fresh_load;

/* One run of the doctor. */
struct anm_exam {
    anm_options options; /* that opened the engine */
    const anm_doctor_params *params;
    anm_engine *engine;
    anm_machine machine;
    anm_records records;
    const anm_experiment *now; /* that runs; NULL: the baseline */
    uint64_t draws;
    uint64_t began_ns;
    uint64_t run_end_ns;    /* of all experiments */
    uint64_t end_ns;        /* of the experiment at work: when to stop */
    uint64_t least_ns;      /* of all unchanged calls; 0: none yet */
    uint64_t probes_ns[64]; /* the latest, a ring */
    size_t n_probes;        /* ever */
    double *noise;          /* |log| of ratios of identical calls in a row */
    size_t n_noise, cap_noise;
    bool stopped;
    bool had_bands;      /* of an earlier start, when it was opened */
    anm_text text;       /* of the unchanged call */
    float *vector;       /* [dim] */
    char ids_sha256[65]; /* of the unchanged call */
    size_t n_other_ids;  /* unchanged calls that had others */
    anm_fresh_load loads[ANM_LOADS_MAX];
    size_t n_loads;
    bool loads_tried;
};

/* Pause before a call, as warm-up does: a live call follows a pause. A quick
 * run halves it, for twice as many rounds. */
#define ANM_PAUSE_NS       UINT64_C(20000000)
#define ANM_PAUSE_QUICK_NS UINT64_C(10000000)

uint64_t anm_exam_pause(const anm_exam *x);

/* One call of an arm. */
typedef struct anm_ask {
    anm_engine *engine; /* NULL: the exam's */
    anm_text text;      /* {NULL, 0}: the unchanged one */
    const anm_ids *ids; /* instead of a text; or NULL */
    uint64_t pause_ns;  /* before it */
    const char *arm;    /* static */
    bool imposed;
} anm_ask;

/* How the model is opened once more: as it was, and silently. */
anm_options anm_exam_options(const anm_exam *x);

/* Make a call and keep its record; *ns receives its total. */
anm_status anm_exam_call(anm_exam *x, const anm_ask *ask, uint64_t *ns,
                         anm_error *err);

/* The same without touching the exam, from any thread; the caller keeps the
 * receipt with anm_exam_keep(). vector [dim] of its own. */
anm_status anm_exam_ask(anm_exam *x, const anm_ask *ask, float *vector,
                        anm_receipt *receipt, anm_error *err);
anm_status anm_exam_keep(anm_exam *x, const anm_ask *ask,
                         const anm_receipt *receipt, anm_error *err);

/* Two identical calls in a row took so long; false when memory is out. */
bool anm_exam_note_noise(anm_exam *x, double first, double second);

/* Whether to stop: asked to, or the experiment's time is up. */
bool anm_exam_is_over(anm_exam *x);

/* ---- Rounds -------------------------------------------------------------------- */

typedef struct anm_arm_plan anm_arm_plan;
struct anm_arm_plan {
    const char *name;
    /* Take the arm once; ns is the sample. */
    anm_status (*take)(anm_exam *x, const anm_arm_plan *arm, double *ns,
                       anm_error *err);
    bool imposed;
    bool is_base_again;
    bool unsettles; /* an unrecorded call follows before anything else */
    size_t every;   /* only in every n-th round; 0 or 1: in each */
    size_t times;   /* as long as an unchanged call at least; 0: once */
    size_t number;  /* for `take` */
    uint64_t pause_ns;
    void *ctx;
};

typedef struct anm_rounds {
    const anm_arm_plan *arms; /* [n_arms] */
    size_t n_arms;
    size_t most; /* rounds, those of an earlier turn included */
    /* Whether its answer is known; NULL: by anm_outcome_is_decided(). */
    bool (*is_decided)(const anm_outcome *out);
} anm_rounds;

/* Rounds until the answer is known, the time is up or there are enough; then
 * compare. Fewer than two complete ones: not testable, and not begun where two
 * would not fit into its time. Run again it goes on with the rounds there are.
 *
 * Whether the answer is known is looked at after 4, 8, 12, 20 and 40 rounds,
 * and nowhere else. Each look has its share of the error that is allowed, a
 * quarter at first; p is divided, and intervals widened, by the share of the
 * last one. */
anm_status anm_rounds_run(anm_exam *x, const anm_rounds *rounds,
                          anm_outcome *out, anm_error *err);

/* Whether two rounds fit into its time, after `before_ns` of preparing them;
 * where not the outcome says so. True where nothing is known of calls yet. */
bool anm_rounds_fit(anm_exam *x, const anm_rounds *rounds, uint64_t before_ns,
                    anm_outcome *out);

/* About what preparing the model again takes. */
uint64_t anm_exam_preparing_ns(const anm_exam *x);

/* The unchanged call, as an arm. */
anm_status anm_take_unchanged(anm_exam *x, const anm_arm_plan *arm, double *ns,
                              anm_error *err);

/* Rounds without which nothing can be said. */
enum { ANM_ROUNDS_LEAST = 2 };

/* Whether it is time to look whether the answer is known. */
bool anm_outcome_is_look(size_t n_rounds);

/* Compare every arm with the base. */
anm_status anm_outcome_compare(anm_exam *x, anm_outcome *out, bool paired,
                               anm_error *err);

/* Whether it costs, or does not, whatever the other experiments say: by the
 * number of all of them instead of by Holm. */
bool anm_outcome_is_decided(const anm_outcome *out);

/* Forget the answer, keep the samples: before it is run again. */
void anm_outcome_reopen(anm_outcome *out);

/* Samples that come from elsewhere. False when memory is out. */
bool anm_arm_add(anm_arm *arm, double ns);

/* The median of an arm's samples; NAN without any. */
double anm_arm_median(const anm_arm *arm);

/* "95 % 1.10 to 1.30", or that there are too few rounds; returns out. */
const char *anm_ratio_interval(const anm_ratio *r, char *out, size_t cap);

/* Answer by hand. */
void anm_outcome_answer(anm_outcome *out, anm_answer answer, const char *format,
                        ...) ANM_PRINTF(3, 4);

/* Verdicts of all outcomes, corrected for their number: what conditions cost
 * together, and what other settings would gain (they price no cause) together.
 * May be called again. */
void anm_outcomes_judge(anm_outcome *outcomes, size_t n);

void anm_outcome_deinit(anm_outcome *out);

/* ---- The experiments -------------------------------------------------------------- */

#define ANM_RUN(name)                                                          \
    anm_status anm_experiment_##name(anm_exam *x, anm_outcome *out,            \
                                     anm_error *err)

ANM_RUN(cached_handle);
ANM_RUN(artifact);
ANM_RUN(plan);
ANM_RUN(load);
ANM_RUN(fresh_process);
ANM_RUN(new_thread);
ANM_RUN(pinning);
ANM_RUN(background);
ANM_RUN(callers);
ANM_RUN(neighbours);
ANM_RUN(padding);
ANM_RUN(longer);
ANM_RUN(input);
ANM_RUN(idle);
ANM_RUN(residency);
ANM_RUN(balloon);
ANM_RUN(quota);
ANM_RUN(frequency);
ANM_RUN(overhead);
ANM_RUN(drift);
ANM_RUN(threads);
ANM_RUN(units);
ANM_RUN(precision);

#endif
