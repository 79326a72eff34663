/* outcome.c - what the samples of arms allow to be said: compared, corrected,
 * judged.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "doctor/experiment.h"

enum { ROUNDS_SURE = 6 };

static const double level = 0.05;

/* When it is looked whether the answer is known, and the share of the error
 * that each look may spend. The shares add up to one. */
static const struct look {
    size_t rounds;
    double share;
} looks[] = {
    { 4, 1.0 / 4 },  { 8, 1.0 / 4 },  { 12, 1.0 / 4 },
    { 20, 1.0 / 8 }, { 40, 1.0 / 8 },
};
enum { N_LOOKS = sizeof(looks) / sizeof(looks[0]) };

const char *anm_answer_name(anm_answer answer)
{
    static const char *const names[] = { "supported", "rejected", "undecided",
                                         "not_testable" };
    return names[answer];
}

/* ---- Samples --------------------------------------------------------------------- */

bool anm_arm_add(anm_arm *arm, double ns)
{
    if (!anm_grow(&arm->samples, &arm->cap, arm->n + 1, sizeof(*arm->samples)))
        return false;
    arm->samples[arm->n++] = ns;
    return true;
}

/* The samples that there are, into out [arm->n]. */
static size_t copy_samples(const anm_arm *arm, double *out)
{
    size_t n = 0;

    for (size_t i = 0; i < arm->n; i++)
        if (!isnan(arm->samples[i])) out[n++] = arm->samples[i];
    return n;
}

double anm_arm_median(const anm_arm *arm)
{
    double *values = anm_alloc_array(arm->n + 1, sizeof(*values));
    size_t n = 0;

    if (values) n = copy_samples(arm, values);
    const double median = n ? anm_median(values, n) : NAN;
    anm_free(values);
    return median;
}

/* Rounds that both arms have. */
static size_t pair_samples(const anm_arm *a, const anm_arm *b, double *of_a,
                           double *of_b)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n && i < b->n; i++) {
        if (isnan(a->samples[i]) || isnan(b->samples[i])) continue;
        of_a[n] = a->samples[i];
        of_b[n++] = b->samples[i];
    }
    return n;
}

/* The share of the error that comparing after so many rounds may spend. */
static double share_of_error(const anm_outcome *out)
{
    size_t i = 0;

    if (!out->looked) return 1;
    while (i + 1 < N_LOOKS && out->n_rounds > looks[i].rounds)
        i++;
    return looks[i].share;
}

static anm_status compare_rounds(anm_exam *x, anm_outcome *out, anm_arm *arm,
                                 const double *of_a, const double *of_b,
                                 size_t n)
{
    // "Costs nothing" needs the upper end alone: half of what misses.
    const double miss = fmin(level, 2 * level * share_of_error(out));
    const anm_status status =
        anm_ratio_paired(of_a, of_b, n, miss, &arm->against);

    if (status) return status;
    arm->least = INFINITY;
    arm->largest = 1;
    for (size_t i = 0; i < n; i++) {
        const double ratio = of_b[i] / of_a[i];
        arm->least = fmin(arm->least, ratio);
        arm->largest = fmax(arm->largest, fmax(ratio, 1 / ratio));
    }
    if (!out->plain) return ANM_OK;
    // Two ways to look, and the better one counts twice.
    const double beyond = anm_noise_chance(of_a, of_b, n, x->noise, x->n_noise);
    arm->against.p = fmin(1, 2 * fmin(arm->against.p, beyond));
    return ANM_OK;
}

static anm_status compare_arm(anm_exam *x, anm_outcome *out, size_t i,
                              bool paired, double *storage)
{
    const anm_arm *base = &out->arms[0];
    anm_arm *arm = &out->arms[i];
    double *of_a = storage, *of_b = storage + base->n;
    size_t n_a, n_b;

    if (paired) {
        n_a = n_b = pair_samples(base, arm, of_a, of_b);
    } else {
        n_a = copy_samples(base, of_a);
        n_b = copy_samples(arm, of_b);
    }
    if (n_a < ANM_ROUNDS_LEAST || n_b < ANM_ROUNDS_LEAST) return ANM_OK;
    const anm_status status =
        paired ? compare_rounds(x, out, arm, of_a, of_b, n_a)
               : anm_ratio_unpaired(of_a, n_a, of_b, n_b,
                                    anm_draw_bits(&x->draws), &arm->against);
    arm->compared = !status;
    return status;
}

/* The most expensive arm stands for the condition; looking at several of them
 * is paid for. */
static void sum_up(anm_outcome *out)
{
    double p[ANM_ARMS_MAX];
    size_t n = 0;

    out->worst = 0;
    for (size_t i = 1; i < out->n_arms; i++) {
        const anm_arm *arm = &out->arms[i];
        if (!arm->compared) continue;
        if (arm->is_base_again) {
            out->bound = anm_ratio_bound(&arm->against);
            if (!isfinite(out->bound)) out->bound = arm->largest;
            continue;
        }
        if (out->only && i != out->only) continue;
        p[n++] = arm->against.p;
        if (!out->worst ||
            arm->against.ratio > out->arms[out->worst].against.ratio)
            out->worst = i;
    }
    out->p = fmin(1, anm_simes(p, n) / share_of_error(out));
}

anm_status anm_outcome_compare(anm_exam *x, anm_outcome *out, bool paired,
                               anm_error *err)
{
    size_t longest = 1;
    anm_status status = ANM_OK;

    for (size_t i = 0; i < out->n_arms; i++)
        if (out->arms[i].n > longest) longest = out->arms[i].n;
    double *storage = anm_alloc_array(2 * longest, sizeof(*storage));
    if (!storage) return anm_fail(err, ANM_E_NOMEM, "arms: out of memory");
    for (size_t i = 1; i < out->n_arms && !status; i++)
        status = compare_arm(x, out, i, paired, storage);
    anm_free(storage);
    if (status) return anm_fail(err, status, "arms: out of memory");
    sum_up(out);
    return ANM_OK;
}

bool anm_outcome_is_look(size_t n_rounds)
{
    for (size_t i = 0; i < N_LOOKS; i++)
        if (n_rounds == looks[i].rounds) return true;
    return false;
}

/* ---- Answers ------------------------------------------------------------------------- */

void anm_outcome_answer(anm_outcome *out, anm_answer answer, const char *format,
                        ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(out->evidence, sizeof(out->evidence), format, args);
    va_end(args);
    out->answer = answer;
    out->answered = true;
}

/* Whether no arm can cost enough to be called a cost. */
static bool costs_nothing(const anm_outcome *out)
{
    const double base = anm_arm_median(&out->arms[0]);

    for (size_t i = 1; i < out->n_arms; i++) {
        const anm_arm *arm = &out->arms[i];
        if (!arm->compared || arm->is_base_again) continue;
        if (out->only && i != out->only) continue;
        const double most = arm->against.high;
        if (most >= ANM_LEAST_RATIO && (most - 1) * base >= ANM_LEAST_EFFECT_NS)
            return false;
    }
    return true;
}

static bool costs(const anm_outcome *out, double p)
{
    const anm_arm *worst = &out->arms[out->worst];
    const anm_ratio *r = &worst->against;
    // Rounds too few for an interval must all say the same.
    const bool is_more = isfinite(r->high) ? r->low > 1 : worst->least > 1;

    return out->worst && p < level && is_more &&
           r->ratio >= fmax(out->bound, ANM_LEAST_RATIO) &&
           r->effect >= ANM_LEAST_EFFECT_NS;
}

bool anm_outcome_is_decided(const anm_outcome *out)
{
    size_t n = 0;

    while (anm_experiments[n].name)
        n++;
    return costs(out, out->p * (double)n) || (out->worst && costs_nothing(out));
}

void anm_outcome_reopen(anm_outcome *out)
{
    out->answered = out->starved = false;
    *out->evidence = '\0';
}

static void judge(anm_outcome *out)
{
    const anm_arm *worst = &out->arms[out->worst];
    const anm_ratio *r = &worst->against;

    if (!out->worst) {
        anm_outcome_answer(out, ANM_ANSWER_UNDECIDED, "too few rounds");
        return;
    }
    out->answer = costs(out, out->p_all) ? ANM_ANSWER_SUPPORTED
                  : out->n_rounds >= ROUNDS_SURE && costs_nothing(out)
                      ? ANM_ANSWER_REJECTED
                      : ANM_ANSWER_UNDECIDED;
    if (*out->evidence) return;
    if (!isfinite(r->high)) {
        snprintf(out->evidence, sizeof(out->evidence),
                 "%s against %s: %.3f ms against %.3f ms, %.2f times, at least "
                 "%.2f in each of %zu rounds; identical arms showed up to %.2f",
                 worst->name, out->arms[0].name,
                 (anm_arm_median(&out->arms[0]) + r->effect) / 1e6,
                 anm_arm_median(&out->arms[0]) / 1e6, r->ratio, worst->least,
                 out->n_rounds, out->bound > 0 ? out->bound : 1);
        return;
    }
    snprintf(out->evidence, sizeof(out->evidence),
             "%s against %s: %.3f ms against %.3f ms, %.2f times (95 %% %.2f "
             "to %.2f); two identical arms could show %.2f",
             worst->name, out->arms[0].name,
             (anm_arm_median(&out->arms[0]) + r->effect) / 1e6,
             anm_arm_median(&out->arms[0]) / 1e6, r->ratio, r->low, r->high,
             out->bound > 0 ? out->bound : 1);
}

/* Holm's correction over those that price a cause, or those that do not. */
static void correct(anm_outcome *outcomes, size_t n, bool prices)
{
    double p[64];
    size_t n_open = 0;

    for (size_t i = 0; i < n && n_open < 64; i++)
        if (!outcomes[i].answered &&
            (outcomes[i].of->cause != ANM_CAUSE_NONE) == prices)
            p[n_open++] = outcomes[i].p;
    anm_holm(p, n_open);
    n_open = 0;
    for (size_t i = 0; i < n && n_open < 64; i++)
        if (!outcomes[i].answered &&
            (outcomes[i].of->cause != ANM_CAUSE_NONE) == prices)
            outcomes[i].p_all = p[n_open++];
}

void anm_outcomes_judge(anm_outcome *outcomes, size_t n)
{
    correct(outcomes, n, true);
    correct(outcomes, n, false);
    for (size_t i = 0; i < n; i++)
        if (!outcomes[i].answered) judge(&outcomes[i]);
}

void anm_outcome_deinit(anm_outcome *out)
{
    for (size_t i = 0; i < out->n_arms; i++)
        anm_free(out->arms[i].samples);
    *out = (anm_outcome){ 0 };
}
