/* doctor.c - a run from opening the model to the report.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "doctor/report.h"

enum {
    BASELINE = 60,
    BASELINE_QUICK = 40,
    BASELINE_ALONE = 120, // around one experiment: some seconds at least
    BASELINE_LEAST = 8,   // whatever they take
    BETWEEN = 3,          // unchanged calls after each experiment
    TURNS_MORE = 2,       // for experiments that are not decided
    WARM_MS = 8000,
    WARM_QUICK_MS = 2000,
};

// From the start; what comes after the experiments takes about a second.
static const uint64_t full_ns = UINT64_C(85000000000);
static const uint64_t quick_ns = UINT64_C(13500000000);

// Of the time that is left after warm-up unchanged calls take no more than so
// much, before experiments or one of them.
static const double baseline_share = 0.15, alone_share = 0.6;

static const double least_part = 0.4;

// With less of it left nobody is asked again.
static const uint64_t worth_a_turn_ns = UINT64_C(500000000);

// The mission's own question.
static const char question[] = "what are my Q2 goals?";

static const anm_doctor_params defaults;

/* ---- The table ----------------------------------------------------------------- */

enum { NAMES_MAX = 40 };

const char *const *anm_doctor_names(void)
{
    // Filled with the same values whoever comes first.
    static const char *names[NAMES_MAX + 1];

    for (size_t i = 0; i < NAMES_MAX && anm_experiments[i].name; i++)
        names[i] = anm_experiments[i].name;
    return names;
}

static size_t count_experiments(void)
{
    size_t n = 0;

    while (anm_experiments[n].name)
        n++;
    return n;
}

static anm_status check_name(const char *name, anm_error *err)
{
    char known[512] = "";
    size_t used = 0;

    if (!name) return ANM_OK;
    for (size_t i = 0; anm_experiments[i].name; i++) {
        if (strcmp(anm_experiments[i].name, name) == 0) return ANM_OK;
        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
                                 i ? ", " : "", anm_experiments[i].name);
        if (used >= sizeof(known)) break;
    }
    return anm_fail(err, ANM_E_ARG, "experiment '%.60s': there is none; %s",
                    name, known);
}

/* What others look at: asked for one, these are run as well. */
static bool is_wanted(const anm_doctor_params *p, const anm_experiment *e)
{
    static const char *const needed[][2] = {
        { "plan", "cached_handle" },
        { "artifact", "cached_handle" },
        { "load", "cached_handle" },
    };

    if (!p->experiment || strcmp(p->experiment, e->name) == 0) return true;
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (strcmp(p->experiment, needed[i][0]) == 0 &&
            strcmp(e->name, needed[i][1]) == 0)
            return true;
    return false;
}

/* ---- Opening --------------------------------------------------------------------- */

/* The doctor never refuses by contract: what is not met is looked at too. */
static anm_status open_engine(anm_exam *x, anm_error *err)
{
    anm_error why;
    anm_status status = anm_engine_open(&x->engine, &x->options, &why);

    if (status == ANM_E_CONTRACT) {
        x->options.require = "none";
        status = anm_engine_open(&x->engine, &x->options, &why);
    }
    return status ? anm_fail(err, status, "%s", why.message) : ANM_OK;
}

/* Bands of the lengths that the experiments ask. */
static anm_status warm(anm_exam *x, anm_error *err)
{
    static const anm_embed_params plain = { .prompt = "" };
    anm_id_list list = { 0 };
    anm_status status = anm_engine_ids(x->engine, x->text, &plain, &list, err);
    const size_t n = list.n;
    const size_t lengths[] = { n, 2 * n, 4 * n, 8 * n };

    if (status) return status;
    return anm_engine_warm(x->engine, lengths, x->params->quick ? 2 : 4,
                           x->params->quick ? WARM_QUICK_MS : WARM_MS, false,
                           err);
}

static anm_status begin(anm_exam *x, const anm_options *options,
                        const anm_doctor_params *params, anm_error *err)
{
    *x = (anm_exam){ .options = *options,
                     .params = params,
                     .draws = params->seed ? params->seed : 1,
                     .text = { question, sizeof(question) - 1 } };
    anm_bands bands;

    anm_machine_read(&x->machine);
    anm_status status = open_engine(x, err);
    if (status) return status;
    anm_engine_bands(x->engine, &bands);
    x->had_bands = bands.n > 0;
    x->vector = anm_alloc_array(anm_engine_source(x->engine)->recipe.dim,
                                sizeof(*x->vector));
    if (!x->vector) return anm_fail(err, ANM_E_NOMEM, "doctor: out of memory");
    return warm(x, err);
}

static void end(anm_exam *x)
{
    anm_engine_close(x->engine);
    anm_free(x->vector);
    anm_free(x->noise);
    anm_records_deinit(&x->records);
}

/* ---- Unchanged calls ---------------------------------------------------------------- */

static bool goes_on(anm_exam *x, size_t n_done)
{
    return !anm_exam_is_over(x) || (n_done < BASELINE_LEAST && !x->stopped);
}

static anm_status ask_unchanged(anm_exam *x, size_t most, anm_error *err)
{
    const anm_arm_plan unchanged = { .name = "unchanged" };
    anm_status status = ANM_OK;
    double before = NAN, ns;

    x->now = NULL;
    for (size_t i = 0; i < most && !status && goes_on(x, i); i++) {
        status = anm_take_unchanged(x, &unchanged, &ns, err);
        // Pairs that share no call.
        if (!status && i % 2 && !anm_exam_note_noise(x, before, ns))
            status = anm_fail(err, ANM_E_NOMEM, "doctor: out of memory");
        before = ns;
    }
    return status;
}

/* ---- Experiments ---------------------------------------------------------------------- */

static void show(const anm_exam *x, const char *step, size_t done, size_t total)
{
    if (x->options.progress)
        x->options.progress(x->options.progress_ctx, step, done, total);
}

/* Where preparing and warming up took long, a large part is left for
 * experiments nevertheless. */
static uint64_t end_of_run(const anm_exam *x, uint64_t warm_ns)
{
    const uint64_t all = x->params->quick ? quick_ns : full_ns;
    const uint64_t least = warm_ns + (uint64_t)(least_part * (double)all);

    return x->began_ns + all > least ? x->began_ns + all : least;
}

static uint64_t time_left(const anm_exam *x, uint64_t now)
{
    return now < x->run_end_ns ? x->run_end_ns - now : 0;
}

/* What an early end of one leaves goes to all behind it, whose shares are
 * `behind`, its own included. */
static uint64_t share_of_time(const anm_exam *x, double share, double behind,
                              uint64_t now)
{
    if (behind <= 0) return 0;
    return (uint64_t)((double)time_left(x, now) * share / behind);
}

/* Asked again, one whose share was too short gets what it needs. */
static uint64_t own_time(const anm_exam *x, const anm_outcome *out,
                         double behind, uint64_t now)
{
    const uint64_t share = share_of_time(x, out->of->share, behind, now);
    const bool fits = out->need_ns <= time_left(x, now);

    return out->starved && fits && share < out->need_ns ? out->need_ns : share;
}

static bool takes_time(const anm_outcome *out)
{
    return out->of->share > 0;
}

/* A failure inside an experiment is its answer; only memory ends the run. */
static anm_status run_one(anm_exam *x, anm_outcome *out, double behind,
                          anm_error *err)
{
    anm_error why;
    const uint64_t began = anm_now_ns();

    if (x->stopped) {
        if (!out->n_rounds)
            anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                               "interrupted before it began");
        return ANM_OK;
    }
    x->end_ns = began + own_time(x, out, behind, began);
    if (takes_time(out) && x->end_ns == began) {
        // Nothing is opened for a comparison that cannot begin.
        if (!out->n_rounds)
            anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                               "no time was left for it");
        return ANM_OK;
    }
    anm_outcome_reopen(out);
    x->now = out->of;
    const anm_status status = out->of->run(x, out, &why);
    x->now = NULL;
    out->ns += anm_now_ns() - began;
    if (status == ANM_E_NOMEM)
        return anm_fail(err, status, "%s: %s", out->of->name, why.message);
    if (status)
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE, "%.360s", why.message);
    return ANM_OK;
}

static size_t count_baseline(const anm_doctor_params *p)
{
    if (p->experiment) return BASELINE_ALONE;
    return p->quick ? BASELINE_QUICK : BASELINE;
}

static void list_wanted(const anm_exam *x, anm_report *r)
{
    for (size_t i = 0; anm_experiments[i].name; i++)
        if (is_wanted(x->params, &anm_experiments[i]))
            r->outcomes[r->n_outcomes++].of = &anm_experiments[i];
}

static bool only_looks(const anm_outcome *out)
{
    return !takes_time(out);
}

/* Answered by what it had, but more rounds could answer better. */
static bool is_open(const anm_outcome *out)
{
    return takes_time(out) && out->looked &&
           (out->starved || out->answer == ANM_ANSWER_UNDECIDED);
}

/* What is missing to its first answer; beyond all where it has one. */
static uint64_t need_of(const anm_outcome *out)
{
    if (!out->looked) return 0;
    return out->starved ? out->need_ns : UINT64_MAX;
}

/* Those of a kind in the order of running: as the table has them at first.
 * Then what needs little goes before what needs much, since the same time
 * brings more answers, and what has an answer already goes last. */
static size_t list_those(anm_report *r, bool (*is_one)(const anm_outcome *out),
                         anm_outcome *list[NAMES_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_outcomes && n < NAMES_MAX; i++) {
        anm_outcome *one = &r->outcomes[i];
        size_t at = n;
        if (!is_one(one)) continue;
        for (; at > 0 && need_of(one) < need_of(list[at - 1]); at--)
            list[at] = list[at - 1];
        list[at] = one;
        n++;
    }
    return n;
}

/* Run those of a kind, each for its share of the time that is left. */
static anm_status run_those(anm_exam *x, anm_report *r,
                            bool (*is_one)(const anm_outcome *out),
                            anm_error *err)
{
    anm_outcome *list[NAMES_MAX];
    const size_t n = list_those(r, is_one, list);
    anm_status status = ANM_OK;

    for (size_t i = 0; i < n && !status; i++) {
        anm_outcome *out = list[i];
        double behind = 0;
        for (size_t k = i; k < n; k++)
            behind += list[k]->of->share;
        show(x, out->of->name, (size_t)(out - r->outcomes) + 1,
             r->n_outcomes + 1);
        const size_t before = out->n_rounds + out->n_disturbed;
        status = run_one(x, out, behind, err);
        x->end_ns = UINT64_MAX;
        // What had no round left nothing behind.
        if (!status && out->n_rounds + out->n_disturbed > before &&
            time_left(x, anm_now_ns()) > 0)
            status = ask_unchanged(x, BETWEEN, err);
    }
    return status;
}

/* Time that decided experiments left goes to those that are not. What only
 * looks at calls and loads of the others comes last. */
static anm_status run_experiments(anm_exam *x, anm_report *r, anm_error *err)
{
    const double part = x->params->experiment ? alone_share : baseline_share;

    x->end_ns =
        anm_now_ns() + (uint64_t)((double)time_left(x, anm_now_ns()) * part);
    list_wanted(x, r);
    show(x, "unchanged calls", 0, r->n_outcomes + 1);
    anm_status status = ask_unchanged(x, count_baseline(x->params), err);
    x->end_ns = UINT64_MAX;
    if (!status) status = run_those(x, r, takes_time, err);
    for (int turn = 0; turn < TURNS_MORE && !status && !x->stopped &&
                       time_left(x, anm_now_ns()) > worth_a_turn_ns;
         turn++) {
        anm_outcomes_judge(r->outcomes, r->n_outcomes);
        status = run_those(x, r, is_open, err);
    }
    if (!status) status = run_those(x, r, only_looks, err);
    return status;
}

/* ---- Findings --------------------------------------------------------------------------- */

static anm_status add_findings(anm_report *r, const anm_records *records,
                               const char *source, anm_error *err)
{
    anm_finding *found = anm_alloc_array(ANM_FINDINGS_MAX, sizeof(*found));
    size_t n = 0;

    if (!found) return anm_fail(err, ANM_E_NOMEM, "findings: out of memory");
    const anm_status status =
        anm_findings_make(records, source, found, &n, err);
    if (!status) anm_findings_join(r->findings, &r->n_findings, found, n);
    anm_free(found);
    return status;
}

/* Bands of an earlier start, but what they were measured with had to be made
 * again: somebody removed it, or it was of no use. */
static void note_lost_artifact(const anm_exam *x, anm_report *r)
{
    const anm_engine_facts f = anm_engine_facts_of(x->engine);
    const bool is_lost =
        strcmp(f.artifact_state, "rebuilt") == 0 ||
        (strcmp(f.artifact_state, "built") == 0 && x->had_bands);

    if (!is_lost) return;
    anm_finding lost = {
        .cause = ANM_CAUSE_STALE_ARTIFACT,
        .source = "baseline",
        .n_hits = 1,
        .n_of = 1,
        .of_starts = true,
        .effect_ns = f.artifact_ns,
        .cost_ns = f.artifact_ns,
        .effect_ratio = 1,
        .since_ms = ANM_COUNTER_UNKNOWN,
        .until_ms = ANM_COUNTER_UNKNOWN,
        .advice = anm_cause_advice(ANM_CAUSE_STALE_ARTIFACT),
    };
    double found = 0;
    for (size_t i = 0; i < x->n_loads; i++)
        if (found <= 0 || (double)x->loads[i].artifact_ns < found)
            found = (double)x->loads[i].artifact_ns;
    if (found > 0) lost.effect_ratio = (double)f.artifact_ns / found;
    snprintf(lost.evidence[lost.n_evidence++], sizeof(lost.evidence[0]),
             "the prepared model of an earlier start was not there or of no "
             "use: it was %s in %.1f ms%s",
             f.artifact_state, (double)f.artifact_ns / 1e6,
             found > 0 ? "; loads since found it" : "");
    anm_findings_join(r->findings, &r->n_findings, &lost, 1);
}

static anm_status find_all(anm_exam *x, anm_report *r, anm_records *log,
                           anm_error *err)
{
    anm_status status = add_findings(r, &x->records, "baseline", err);

    if (!status && x->params->receipts) {
        status = anm_records_read(log, x->params->receipts, err);
        if (!status) status = add_findings(r, log, "receipts", err);
        r->log = log;
    }
    if (!status) note_lost_artifact(x, r);
    return status;
}

/* ---- The run ------------------------------------------------------------------------------ */

static anm_status examine(anm_exam *x, anm_report *r, anm_records *log,
                          char **json, anm_error *err)
{
    anm_peak peak;
    anm_bands bands;
    anm_status status = run_experiments(x, r, err);

    if (!status && !x->stopped && !anm_engine_peak(x->engine, &peak, NULL))
        r->peak = &peak;
    if (!status) anm_outcomes_judge(r->outcomes, r->n_outcomes);
    if (!status) status = find_all(x, r, log, err);
    if (status) return status;
    anm_engine_bands(x->engine, &bands);
    r->bands = &bands;
    r->interrupted = x->stopped;
    r->ns = anm_now_ns() - x->began_ns;
    return anm_report_write(r, json, err);
}

anm_status anm_doctor_run(const anm_options *options,
                          const anm_doctor_params *params, char **json,
                          size_t *n_findings, anm_error *err)
{
    const anm_doctor_params *p = params ? params : &defaults;
    anm_exam *x = NULL;
    anm_report *r = NULL;
    anm_records log = { 0 };
    const uint64_t began = anm_now_ns();
    anm_status status = check_name(p->experiment, err);

    if (status) return status;
    x = anm_alloc_zero(sizeof(*x));
    r = anm_alloc_zero(sizeof(*r));
    anm_outcome *outcomes =
        anm_alloc_array(count_experiments(), sizeof(*outcomes));
    if (!x || !r || !outcomes) {
        status = anm_fail(err, ANM_E_NOMEM, "doctor: out of memory");
        goto done;
    }
    *r = (anm_report){ .mode = p->quick ? "quick" : "full",
                       .started_ms = anm_wall_ns() / 1000000,
                       .seed = p->seed ? p->seed : 1,
                       .settings = p->settings,
                       .machine = &x->machine,
                       .exam = x,
                       .outcomes = outcomes };
    status = begin(x, options, p, err);
    if (status) goto done;
    x->began_ns = began; // opening and warming up count
    x->run_end_ns = end_of_run(x, anm_now_ns());
    status = examine(x, r, &log, json, err);
    if (!status && n_findings) *n_findings = r->n_findings;

done:
    for (size_t i = 0; r && i < r->n_outcomes; i++)
        anm_outcome_deinit(&outcomes[i]);
    anm_free(outcomes);
    anm_free(r);
    if (x) end(x);
    anm_free(x);
    anm_records_deinit(&log);
    return status;
}

anm_status anm_doctor_read(const char *path, const char *settings, char **json,
                           size_t *n_findings, anm_error *err)
{
    anm_records log = { 0 };
    anm_machine machine;
    const uint64_t began = anm_now_ns();
    anm_report *r = anm_alloc_zero(sizeof(*r));
    anm_status status = r ? anm_records_read(&log, path, err)
                          : anm_fail(err, ANM_E_NOMEM, "doctor: out of memory");

    if (!status) {
        anm_machine_read(&machine);
        *r = (anm_report){ .mode = "receipts",
                           .started_ms = anm_wall_ns() / 1000000,
                           .seed = 1,
                           .settings = settings,
                           .machine = &machine,
                           .log = &log };
        status = add_findings(r, &log, "receipts", err);
    }
    if (!status) {
        r->ns = anm_now_ns() - began;
        status = anm_report_write(r, json, err);
    }
    if (!status && n_findings) *n_findings = r->n_findings;
    anm_free(r);
    anm_records_deinit(&log);
    return status;
}
