/* experiment_load.c - H1 and H3: is a model that was just loaded another one
 * than that which has served all along, and what do loading and first calls
 * cost?
 *
 * The mission's test was to load the model again before every query. Here a
 * fresh load takes turns with the handle that is kept, and its first call and a
 * later one are timed apart.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "doctor/experiment.h"

enum { LOADS = 20, LOADS_QUICK = 10, MISSES = 6, MISSES_QUICK = 4 };

// Those of warm-up and those that are asked for.
enum { CALLS_OF_A_PROCESS = 12 };

/* ---- Fresh loads --------------------------------------------------------------- */

static void compare_facts(const anm_exam *x, const anm_engine *e,
                          const anm_receipt *receipt, anm_fresh_load *load)
{
    const anm_engine_facts kept = anm_engine_facts_of(x->engine);
    const anm_engine_facts fresh = anm_engine_facts_of(e);
    anm_device device = ANM_DEVICE_UNKNOWN;

    for (size_t i = x->records.n; i-- > 0 && device == ANM_DEVICE_UNKNOWN;)
        if (!x->records.items[i].imposed) device = x->records.items[i].device;
    load->same_plan = strcmp(kept.plan, fresh.plan) == 0;
    load->same_units = kept.units == fresh.units;
    load->same_device = device == receipt->where.device;
}

/* Open once more, call three times, close. */
static anm_status measure_load(anm_exam *x, anm_fresh_load *load,
                               anm_error *err)
{
    anm_engine *e;
    anm_receipt receipt;
    const anm_options options = anm_exam_options(x);
    const uint64_t began = anm_now_ns();
    anm_status status = anm_engine_open(&e, &options, err);

    if (status) return status;
    load->open_ns = anm_now_ns() - began;
    load->artifact_ns = anm_engine_facts_of(e).artifact_ns;
    for (int i = 0; i < 3 && !status; i++) {
        static const char *const arms[] = { "first call after a load",
                                            "second call after a load",
                                            "freshly loaded" };
        const anm_ask ask = { .engine = e,
                              .pause_ns = i ? anm_exam_pause(x) : 0,
                              .arm = arms[i],
                              .imposed = true };
        status = anm_exam_ask(x, &ask, x->vector, &receipt, err);
        if (!status) status = anm_exam_keep(x, &ask, &receipt, err);
        if (i == 0) load->first_ns = receipt.total_ns;
    }
    if (!status) {
        load->later_ns = receipt.total_ns;
        compare_facts(x, e, &receipt, load);
    }
    anm_engine_close(e);
    return status;
}

static anm_status take_fresh(anm_exam *x, const anm_arm_plan *arm, double *ns,
                             anm_error *err)
{
    (void)arm;
    if (x->n_loads == ANM_LOADS_MAX) return ANM_OK; // its sample stays absent
    anm_fresh_load *load = &x->loads[x->n_loads];
    const anm_status status = measure_load(x, load, err);

    if (status) return status;
    x->n_loads++;
    *ns = (double)load->later_ns;
    return ANM_OK;
}

/* Had the handle that is kept lost something, the fresh one would be faster. */
static anm_answer answer_handle(const anm_outcome *out)
{
    const anm_ratio *fresh = &out->arms[1].against;
    const double kept = anm_arm_median(&out->arms[0]);
    const double gain = 1 / fresh->low;

    if (fresh->high < 1 / ANM_LEAST_RATIO &&
        -fresh->effect >= ANM_LEAST_EFFECT_NS && 1 / fresh->ratio > out->bound)
        return ANM_ANSWER_SUPPORTED;
    if (gain < ANM_LEAST_RATIO || (gain - 1) * kept < ANM_LEAST_EFFECT_NS)
        return ANM_ANSWER_REJECTED;
    return ANM_ANSWER_UNDECIDED;
}

static bool is_handle_decided(const anm_outcome *out)
{
    return out->arms[1].compared && answer_handle(out) != ANM_ANSWER_UNDECIDED;
}

ANM_RUN(cached_handle)
{
    static const anm_arm_plan arms[] = {
        { .name = "kept handle", .take = anm_take_unchanged },
        { .name = "freshly loaded",
          .take = take_fresh,
          .imposed = true,
          .unsettles = true },
        { .name = "kept handle again",
          .take = anm_take_unchanged,
          .is_base_again = true },
    };
    const anm_rounds rounds = { arms, sizeof(arms) / sizeof(arms[0]),
                                x->params->quick ? LOADS_QUICK : LOADS,
                                is_handle_decided };
    const anm_status status = anm_rounds_run(x, &rounds, out, err);
    const anm_arm *fresh = &out->arms[1];
    char interval[64];
    if (status || out->answered || !fresh->compared) return status;
    anm_outcome_answer(
        out, answer_handle(out),
        "a freshly loaded handle of the same configuration takes %.2f times "
        "what the kept one takes (%s), %zu loads",
        fresh->against.ratio,
        anm_ratio_interval(&fresh->against, interval, sizeof(interval)),
        x->n_loads);
    return ANM_OK;
}

ANM_RUN(plan)
{
    size_t n_other = 0;

    (void)err;
    for (size_t i = 0; i < x->n_loads; i++)
        n_other += !x->loads[i].same_plan || !x->loads[i].same_units ||
                   !x->loads[i].same_device;
    if (!x->n_loads) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "the model was not loaded a second time");
        return ANM_OK;
    }
    const anm_engine_facts f = anm_engine_facts_of(x->engine);
    out->n_rounds = x->n_loads;
    anm_outcome_answer(
        out, n_other ? ANM_ANSWER_SUPPORTED : ANM_ANSWER_REJECTED,
        "%zu of %zu loads had another plan, units or device than the handle "
        "that is kept (%s, plan %.12s)",
        n_other, x->n_loads, anm_units_name(f.units), *f.plan ? f.plan : "-");
    return ANM_OK;
}

/* ---- Loading and first calls ------------------------------------------------------ */

ANM_RUN(load)
{
    static const char *const names[] = { "later call", "first call",
                                         "opening" };
    char interval[64];

    out->n_arms = 3;
    out->only = 1; // opening is no call
    for (size_t i = 0; i < 3; i++)
        out->arms[i].name = names[i];
    for (size_t i = 0; i < x->n_loads; i++) {
        const anm_fresh_load *l = &x->loads[i];
        if (!anm_arm_add(&out->arms[0], (double)l->later_ns) ||
            !anm_arm_add(&out->arms[1], (double)l->first_ns) ||
            !anm_arm_add(&out->arms[2], (double)l->open_ns))
            return anm_fail(err, ANM_E_NOMEM, "loads: out of memory");
    }
    out->n_rounds = x->n_loads;
    out->plain = true;
    if (x->n_loads < 2) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "the model was loaded %zu times", x->n_loads);
        return ANM_OK;
    }
    const anm_status status = anm_outcome_compare(x, out, true, err);
    if (status) return status;
    snprintf(
        out->evidence, sizeof(out->evidence),
        "opening %.1f ms, first call %.3f ms, later calls %.3f ms: the "
        "first takes %.2f times a later one (%s)",
        anm_arm_median(&out->arms[2]) / 1e6,
        anm_arm_median(&out->arms[1]) / 1e6,
        anm_arm_median(&out->arms[0]) / 1e6, out->arms[1].against.ratio,
        anm_ratio_interval(&out->arms[1].against, interval, sizeof(interval)));
    return ANM_OK;
}

/* ---- Prepared or not ---------------------------------------------------------------- */

/* Whether a copy of what is mapped fits into memory beside everything else. */
static bool fits_again(const anm_exam *x)
{
    const uint64_t bytes = anm_engine_facts_of(x->engine).artifact_bytes;
    int64_t room = x->machine.available_bytes;

    if (x->machine.memory_limit_bytes != ANM_COUNTER_UNKNOWN &&
        (room == ANM_COUNTER_UNKNOWN || x->machine.memory_limit_bytes < room))
        room = x->machine.memory_limit_bytes;
    return room == ANM_COUNTER_UNKNOWN || bytes < (uint64_t)room / 4;
}

/* This start's own time where it prepared, else no less than writing so many
 * bytes takes. */
uint64_t anm_exam_preparing_ns(const anm_exam *x)
{
    enum { BYTES_PER_US = 500 };
    const anm_engine_facts f = anm_engine_facts_of(x->engine);

    return strcmp(f.artifact_state, "hit") == 0
               ? f.artifact_bytes / BYTES_PER_US * 1000
               : f.artifact_ns;
}

/* Two loads are the least that can be compared. */
static bool has_time_to_prepare(const anm_exam *x, anm_outcome *out)
{
    const anm_engine_facts f = anm_engine_facts_of(x->engine);
    const double ns = 2 * (double)anm_exam_preparing_ns(x);
    const uint64_t now = anm_now_ns();
    const double left = x->end_ns > now ? (double)(x->end_ns - now) : 0;

    if (ns <= left) return true;
    anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                       "preparing %.1f MB again, twice, takes %s%.1f s, and "
                       "its time is %.1f s",
                       (double)f.artifact_bytes / 1e6,
                       strcmp(f.artifact_state, "hit") == 0 ? "at least " : "",
                       ns / 1e9, left / 1e9);
    return false;
}

static anm_status measure_miss(anm_exam *x, double *ns, anm_error *err)
{
    anm_options options = anm_exam_options(x);
    anm_engine *e;

    options.cache_dir = "";
    const anm_status status = anm_engine_open(&e, &options, err);
    if (status) return status;
    *ns = (double)anm_engine_facts_of(e).artifact_ns;
    anm_engine_close(e);
    return ANM_OK;
}

ANM_RUN(artifact)
{
    const size_t most = x->params->quick ? MISSES_QUICK : MISSES;

    if (!x->n_loads) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "the model was not loaded a second time");
        return ANM_OK;
    }
    if (!anm_engine_facts_of(x->engine).artifact_path) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "prepared models are not kept: there is no cache "
                           "folder that can be written");
        return ANM_OK;
    }
    if (!fits_again(x)) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "preparing in memory beside what is loaded takes "
                           "more than a quarter of the memory there is");
        return ANM_OK;
    }
    if (!out->arms[1].n && !has_time_to_prepare(x, out)) return ANM_OK;
    out->n_arms = 2;
    out->arms[0].name = "prepared model found";
    out->arms[1].name = "prepared again";
    out->arms[0].n = 0; // loads of an earlier turn are among all loads
    for (size_t i = 0; i < x->n_loads; i++)
        if (!anm_arm_add(&out->arms[0], (double)x->loads[i].artifact_ns))
            return anm_fail(err, ANM_E_NOMEM, "loads: out of memory");
    for (size_t i = 0; i < most && !anm_exam_is_over(x); i++) {
        double ns = 0;
        const anm_status status = measure_miss(x, &ns, err);
        if (status) return status;
        if (!anm_arm_add(&out->arms[1], ns))
            return anm_fail(err, ANM_E_NOMEM, "loads: out of memory");
    }
    out->n_rounds = out->arms[1].n;
    return anm_outcome_compare(x, out, false, err);
}

/* ---- A process of its own -------------------------------------------------------------- */

/* Two processes are the least that can be compared; each warms up. */
static bool has_time_for_two(const anm_exam *x, anm_outcome *out)
{
    const uint64_t now = anm_now_ns();
    const uint64_t left = x->end_ns > now ? x->end_ns - now : 0;

    out->need_ns = UINT64_C(2) * CALLS_OF_A_PROCESS * x->least_ns;
    if (out->n_rounds || out->need_ns <= left) return true;
    out->looked = out->starved = true;
    anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                       "two processes take %.1f s at least, and its time is "
                       "%.1f s",
                       (double)out->need_ns / 1e9, (double)left / 1e9);
    return false;
}

static const char *const fresh_arms[] = {
    "unchanged",
    "later call of a fresh process",
    "first call of a fresh process",
    "start of a process to its first answer",
};

ANM_RUN(fresh_process)
{
    char why[200] = "";
    anm_fresh fresh;

    if (!x->params->fresh) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "this program cannot start another copy of itself");
        return ANM_OK;
    }
    if (!has_time_for_two(x, out)) return ANM_OK;
    out->looked = false; // no looks spend its error
    out->n_arms = 4;
    out->only = 1; // that it stays slower is the question
    out->plain = true;
    for (size_t i = 0; i < 4; i++)
        out->arms[i].name = fresh_arms[i];
    for (size_t i = 0; i < (x->params->quick ? 8u : 14u); i++) {
        double here;
        const anm_arm_plan unchanged = { .name = "unchanged" };
        if (i && anm_exam_is_over(x)) break;
        const anm_status status = anm_take_unchanged(x, &unchanged, &here, err);
        if (status) return status;
        if (!x->params->fresh(x->params->ctx, &fresh, why, sizeof(why))) {
            anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE, "%s", why);
            return ANM_OK;
        }
        if (!anm_arm_add(&out->arms[0], here) ||
            !anm_arm_add(&out->arms[1], (double)fresh.later_ns) ||
            !anm_arm_add(&out->arms[2], (double)fresh.first_ns) ||
            !anm_arm_add(&out->arms[3], (double)fresh.open_ns))
            return anm_fail(err, ANM_E_NOMEM, "loads: out of memory");
        out->n_rounds++;
    }
    const anm_status status = anm_outcome_compare(x, out, true, err);
    if (status || !out->arms[1].compared) return status;
    snprintf(out->evidence, sizeof(out->evidence),
             "a fresh process answers after %.1f ms; its first call takes "
             "%.3f ms, later ones %.3f ms against %.3f ms here (%.2f times)",
             anm_arm_median(&out->arms[3]) / 1e6,
             anm_arm_median(&out->arms[2]) / 1e6,
             anm_arm_median(&out->arms[1]) / 1e6,
             anm_arm_median(&out->arms[0]) / 1e6, out->arms[1].against.ratio);
    return ANM_OK;
}
