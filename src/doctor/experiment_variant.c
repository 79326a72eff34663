/* experiment_variant.c - the same model opened in another way beside the one
 * that serves: threads, units, precision.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "doctor/experiment.h"

enum { ROUNDS = 40, VARIANTS_MAX = 3 };

/* Another way, and what to call it. */
typedef struct variant {
    const char *name;
    anm_options options;
    anm_engine *engine;
} variant;

static anm_status take_variant(anm_exam *x, const anm_arm_plan *arm, double *ns,
                               anm_error *err)
{
    uint64_t total = 0;
    const anm_ask ask = { .engine = arm->ctx,
                          .pause_ns = anm_exam_pause(x),
                          .arm = arm->name,
                          .imposed = true };
    const anm_status status = anm_exam_call(x, &ask, &total, err);

    *ns = (double)total;
    return status;
}

/* Nothing is opened for rounds that do not fit. */
static bool has_time(anm_exam *x, size_t n, uint64_t opening_ns,
                     anm_outcome *out)
{
    static const anm_arm_plan arms[VARIANTS_MAX + 2];
    const anm_rounds rounds = { .arms = arms, .n_arms = n + 2 };

    return anm_rounds_fit(x, &rounds, opening_ns, out);
}

/* Take turns with those of n variants that open; where none does, what the last
 * one said is the answer. */
static anm_status compare_variants(anm_exam *x, const char *base,
                                   variant *variants, size_t n,
                                   anm_outcome *out, anm_error *err)
{
    anm_arm_plan arms[VARIANTS_MAX + 2] = {
        { .name = base, .take = anm_take_unchanged },
    };
    size_t n_arms = 1;
    anm_error why;
    anm_status status = ANM_OK;

    for (size_t i = 0; i < n; i++) {
        variant *v = &variants[i];
        const anm_status opened =
            anm_engine_open(&v->engine, &v->options, &why);
        if (opened == ANM_E_NOMEM)
            status = anm_fail(err, opened, "%s", why.message);
        if (opened) continue;
        arms[n_arms++] = (anm_arm_plan){ .name = v->name,
                                         .take = take_variant,
                                         .imposed = true,
                                         .unsettles = true,
                                         .ctx = v->engine };
    }
    const bool none = n_arms == 1;
    arms[n_arms++] = (anm_arm_plan){ .name = "as it serves, again",
                                     .take = anm_take_unchanged,
                                     .is_base_again = true };
    const anm_rounds rounds = { arms, n_arms, ROUNDS, NULL };
    if (!status && none)
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE, "%s", why.message);
    else if (!status)
        status = anm_rounds_run(x, &rounds, out, err);
    for (size_t i = 0; i < n; i++)
        anm_engine_close(variants[i].engine);
    return status;
}

/* ---- Threads ---------------------------------------------------------------------- */

ANM_RUN(threads)
{
    const unsigned n = anm_engine_threads(x->engine);
    variant variants[2] = {
        { .name = "1 thread", .options = anm_exam_options(x) },
        { .name = "half the threads", .options = anm_exam_options(x) }
    };

    if (n < 2) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "it serves with one thread, all that is allowed "
                           "here");
        return ANM_OK;
    }
    if (!has_time(x, n > 3 ? 2 : 1, 0, out)) return ANM_OK;
    variants[0].options.threads = 1;
    variants[1].options.threads = n / 2;
    return compare_variants(x, "all threads", variants, n > 3 ? 2 : 1, out,
                            err);
}

/* ---- Units ------------------------------------------------------------------------ */

static unsigned permitted(anm_units units)
{
    const unsigned cpu = 1u << ANM_DEVICE_CPU, gpu = 1u << ANM_DEVICE_GPU,
                   ane = 1u << ANM_DEVICE_ANE;

    switch (units) {
    case ANM_UNITS_ALL:
        return cpu | gpu | ane;
    case ANM_UNITS_CPU_AND_GPU:
        return cpu | gpu;
    case ANM_UNITS_CPU_AND_NE:
        return cpu | ane;
    case ANM_UNITS_CPU_ONLY:
        return cpu;
    }
    return 0;
}

ANM_RUN(units)
{
    const anm_engine_facts f = anm_engine_facts_of(x->engine);
    const unsigned here = f.devices & permitted(f.units);
    variant variants[VARIANTS_MAX];
    size_t n = 0;

    for (int u = 0; u <= ANM_UNITS_CPU_ONLY && n < VARIANTS_MAX; u++) {
        if ((f.devices & permitted((anm_units)u)) == here) continue;
        variants[n] = (variant){ .name = anm_units_name((anm_units)u),
                                 .options = anm_exam_options(x) };
        variants[n].options.units = (anm_units)u;
        variants[n++].options.require = "none";
    }
    if (!n) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "with the devices present here every choice of "
                           "units comes to the same");
        return ANM_OK;
    }
    if (!has_time(x, n, 0, out)) return ANM_OK;
    return compare_variants(x, anm_units_name(f.units), variants, n, out, err);
}

/* ---- Precision -------------------------------------------------------------------- */

ANM_RUN(precision)
{
    const anm_engine_facts f = anm_engine_facts_of(x->engine);
    variant variants[VARIANTS_MAX];
    size_t n = 0;

    for (int p = ANM_PRECISION_F32; p <= ANM_PRECISION_INT4 && n < VARIANTS_MAX;
         p++) {
        if ((anm_precision)p == f.precision) continue;
        variants[n] = (variant){ .name = anm_precision_name((anm_precision)p),
                                 .options = anm_exam_options(x) };
        // What is only compared is not kept.
        variants[n].options.cache_dir = "";
        variants[n++].options.precision = (anm_precision)p;
    }
    // Weights of another precision lie in memory beside those that serve.
    if (x->machine.available_bytes != ANM_COUNTER_UNKNOWN &&
        f.artifact_bytes > (uint64_t)x->machine.available_bytes / 8) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "weights of %.1f MB in another precision beside "
                           "those that serve take too much of the %.1f MB "
                           "available",
                           (double)f.artifact_bytes / 1e6,
                           (double)x->machine.available_bytes / 1e6);
        return ANM_OK;
    }
    // Each is prepared beside the weights as stored, which it is measured against;
    // those that the weights do not permit are refused before any work.
    if (!has_time(x, n, 2 * n * anm_exam_preparing_ns(x), out)) return ANM_OK;
    return compare_variants(x, anm_precision_name(f.precision), variants, n,
                            out, err);
}
