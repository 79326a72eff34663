/* experiment_machine.c - memory, quota, frequency, and what lies outside the
 * prediction or changes over the run.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "doctor/experiment.h"

enum { ROUNDS = 40, PARTS_LEAST = 12 };

/* ---- Pages ---------------------------------------------------------------------- */

static anm_status take_dropped(anm_exam *x, const anm_arm_plan *arm, double *ns,
                               anm_error *err)
{
    anm_engine_pages_drop(x->engine);
    return anm_take_unchanged(x, arm, ns, err);
}

ANM_RUN(residency)
{
    static const anm_arm_plan arms[] = {
        { .name = "pages in place", .take = anm_take_unchanged },
        { .name = "pages let go of",
          .take = take_dropped,
          .imposed = true,
          .unsettles = true },
        { .name = "pages in place, again",
          .take = anm_take_unchanged,
          .is_base_again = true },
    };
    static const anm_rounds rounds = { arms, 3, ROUNDS, NULL };
    const anm_engine_pages pages = anm_engine_pages_of(x->engine);

    if (!pages.mapped_bytes) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "nothing that predictions read is mapped from a "
                           "file");
        return ANM_OK;
    }
    const anm_status status = anm_rounds_run(x, &rounds, out, err);
    const anm_arm *dropped = &out->arms[1];
    if (status || out->answered || !dropped->compared) return status;
    char interval[64];
    char resident[40] = "an unknown part";
    if (pages.resident_bytes != ANM_COUNTER_UNKNOWN)
        snprintf(resident, sizeof(resident), "%.1f MB",
                 (double)pages.resident_bytes / 1e6);
    snprintf(out->evidence, sizeof(out->evidence),
             "%s of %.1f MB mapped are in memory; after letting go of them a "
             "call takes %.3f ms against %.3f ms (%.2f times, %s)",
             resident, (double)pages.mapped_bytes / 1e6,
             anm_arm_median(dropped) / 1e6, anm_arm_median(&out->arms[0]) / 1e6,
             dropped->against.ratio,
             anm_ratio_interval(&dropped->against, interval, sizeof(interval)));
    return ANM_OK;
}

/* A doctor that fills the memory may end other people's processes. */
ANM_RUN(balloon)
{
    char limit[40] = "none";

    (void)err;
    if (x->machine.memory_limit_bytes != ANM_COUNTER_UNKNOWN)
        snprintf(limit, sizeof(limit), "%.0f MB",
                 (double)x->machine.memory_limit_bytes / 1e6);
    char pressure[40] = "not told here";
    if (x->machine.psi_memory >= 0)
        snprintf(pressure, sizeof(pressure), "%.2f %% of the last 10 s",
                 x->machine.psi_memory);
    anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                       "filling the memory would harm other processes and is "
                       "not done; memory limit of the cgroup: %s, stalled on "
                       "memory: %s",
                       limit, pressure);
    return ANM_OK;
}

/* ---- Parts of the calls that nothing was changed for ------------------------------- */

static bool is_plain(const anm_record *r)
{
    return !r->imposed && !r->disturbed;
}

/* Plain calls in two arms: where fn says -1 a call belongs to neither. */
static anm_status split(anm_exam *x, anm_outcome *out, const char *first,
                        const char *second,
                        int (*fn)(const anm_exam *x, size_t i, double *ns),
                        anm_error *err)
{
    out->n_arms = 2;
    out->arms[0].name = first;
    out->arms[1].name = second;
    for (size_t i = 0; i < x->records.n; i++) {
        double ns = (double)x->records.items[i].total_ns;
        if (!is_plain(&x->records.items[i])) continue;
        const int arm = fn(x, i, &ns);
        if (arm >= 0 && !anm_arm_add(&out->arms[arm], ns))
            return anm_fail(err, ANM_E_NOMEM, "calls: out of memory");
    }
    out->n_rounds =
        out->arms[0].n < out->arms[1].n ? out->arms[0].n : out->arms[1].n;
    return ANM_OK;
}

/* ---- Quota ---------------------------------------------------------------------------- */

static int by_throttling(const anm_exam *x, size_t i, double *ns)
{
    (void)ns;
    return x->records.items[i].throttled_ns > 0;
}

ANM_RUN(quota)
{
    const double quota = x->machine.quota_cpus;
    size_t n_known = 0;

    for (size_t i = 0; i < x->records.n; i++)
        n_known += x->records.items[i].throttled_ns != ANM_COUNTER_UNKNOWN;
    if (!n_known) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "no cgroup of this process counts throttling; a "
                           "quota cannot be set from here");
        return ANM_OK;
    }
    const anm_status status =
        split(x, out, "not throttled", "throttled", by_throttling, err);
    if (status) return status;
    if (quota <= 0 && !out->arms[1].n) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "no CPU quota limits this process, and one cannot "
                           "be set from here; none of %zu calls was throttled",
                           out->arms[0].n);
        return ANM_OK;
    }
    if (out->arms[0].n < 2 || out->arms[1].n < 2) {
        anm_outcome_answer(out, ANM_ANSWER_UNDECIDED,
                           "quota of %.2f CPUs for %u threads; %zu of %zu "
                           "calls in time that was throttled",
                           quota, anm_engine_threads(x->engine), out->arms[1].n,
                           out->arms[0].n + out->arms[1].n);
        return ANM_OK;
    }
    return anm_outcome_compare(x, out, false, err);
}

/* ---- Frequency -------------------------------------------------------------------------- */

static double usual_freq(const anm_exam *x, double *low, double *high)
{
    double *values = anm_alloc_array(x->records.n + 1, sizeof(*values));
    size_t n = 0;

    if (!values) return 0;
    for (size_t i = 0; i < x->records.n; i++) {
        const anm_record *r = &x->records.items[i];
        if (is_plain(r) && r->freq_khz > 0) values[n++] = (double)r->freq_khz;
    }
    const double median = n ? anm_quantile(values, n, 0.5) : 0;
    *low = n ? anm_quantile(values, n, 0.1) : 0;
    *high = n ? anm_quantile(values, n, 0.9) : 0;
    anm_free(values);
    return median;
}

static int by_frequency(const anm_exam *x, size_t i, double *ns)
{
    double low, high;
    const double median = usual_freq(x, &low, &high);
    const int64_t khz = x->records.items[i].freq_khz;

    (void)ns;
    return khz <= 0 ? -1 : (double)khz < median;
}

ANM_RUN(frequency)
{
    static const double varies_from = 1.05;
    double low, high;
    const double median = usual_freq(x, &low, &high);

    if (median <= 0) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "this machine does not tell the frequency of its "
                           "CPUs");
        return ANM_OK;
    }
    if (high < varies_from * low) {
        anm_outcome_answer(out, ANM_ANSWER_REJECTED,
                           "the frequency stayed between %.0f and %.0f MHz",
                           low / 1e3, high / 1e3);
        return ANM_OK;
    }
    const anm_status status =
        split(x, out, "higher frequency", "lower frequency", by_frequency, err);
    return status ? status : anm_outcome_compare(x, out, false, err);
}

/* ---- Outside the prediction ---------------------------------------------------------------- */

ANM_RUN(overhead)
{
    out->n_arms = 2;
    out->arms[0].name = "prediction alone";
    out->arms[1].name = "all but waiting for a turn";
    for (size_t i = 0; i < x->records.n; i++) {
        const anm_record *r = &x->records.items[i];
        if (!is_plain(r)) continue;
        if (!anm_arm_add(&out->arms[0],
                         (double)r->stages_ns[ANM_STAGE_PREDICT]) ||
            !anm_arm_add(&out->arms[1],
                         (double)(r->total_ns - r->stages_ns[ANM_STAGE_QUEUE])))
            return anm_fail(err, ANM_E_NOMEM, "calls: out of memory");
    }
    out->n_rounds = out->arms[0].n;
    if (out->n_rounds < 2) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "there were %zu unchanged calls", out->n_rounds);
        return ANM_OK;
    }
    return anm_outcome_compare(x, out, true, err);
}

/* ---- Drift ---------------------------------------------------------------------------------- */

static int by_third(const anm_exam *x, size_t i, double *ns)
{
    size_t n = 0, at = 0;

    (void)ns;
    for (size_t k = 0; k < x->records.n; k++) {
        if (k == i) at = n;
        n += is_plain(&x->records.items[k]);
    }
    return at < n / 3 ? 0 : at >= n - n / 3 ? 1 : -1;
}

ANM_RUN(drift)
{
    const anm_status status =
        split(x, out, "first third of the run", "last third", by_third, err);

    if (status) return status;
    if (out->arms[1].n < PARTS_LEAST) {
        anm_outcome_answer(out, ANM_ANSWER_NOT_TESTABLE,
                           "a third of the unchanged calls is %zu, too few",
                           out->arms[1].n);
        return ANM_OK;
    }
    return anm_outcome_compare(x, out, false, err);
}
