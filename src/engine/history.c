/* history.c - what earlier calls and warm-up tell about the next call: curves
 * of idle gaps, the drift of the last calls, what has changed since the bands
 * were measured.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/state.h"

enum {
    DRIFT_LEAST = 16, // calls
    STEP_LEAST = 2,   // calls of a level
    FALLEN = 8,       // calls that tell whether a rise is over
    GAPS_LEAST = 3,
    GAPS_AGAINST = 6, // to know better than warm-up
    ALIKE_MOST = 3,   // gaps in a row that are charged
    ALIKE_LEAST = 4,  // shorter ones in a row before them
    SAME_LEAST = 5,   // calls of the same ids before others count as a change
    PROBES = 3,
};

// Beyond the bands growth may be so many times that among them.
static const double steepens = 2;

// Of the window; times the mean scatter around the line of a full window; and a
// line must leave less than this share of what a step leaves.
static const double rise_least = 0.02;
static const double beyond_scatter = 4;
static const double as_step = 0.9;

/* ---- Medians of few --------------------------------------------------------------- */

static void sort_few(double *sorted, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at > 0 && sorted[at - 1] > values[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = values[i];
    }
}

static double median_of(const double *values, size_t n)
{
    double sorted[ANM_PAST_RATIOS];

    sort_few(sorted, values, n);
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* ---- The host ------------------------------------------------------------------ */

uint64_t anm_host_probe(anm_engine *e)
{
    double ns[PROBES];

    if (!e->backend->probe) return 0;
    // One that loses its CPU in the middle is no measure of the host. Neither is
    // the least: a call had the moments that were not the calmest as well.
    for (int i = 0; i < PROBES; i++)
        ns[i] = (double)e->backend->probe(e->runner);
    return (uint64_t)median_of(ns, PROBES);
}

/* ---- Drift ------------------------------------------------------------------------ */

static double absolute_sum(const double *y, size_t n, double level,
                           double slope)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += fabs(y[i] - level - slope * (double)i);
    return sum;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The median of the slopes between any two: a fifth of outliers is nothing to
 * it. */
static double median_slope(const double *y, size_t n)
{
    double slopes[ANM_PAST_RATIOS * (ANM_PAST_RATIOS - 1) / 2];
    size_t k = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            slopes[k++] = (y[j] - y[i]) / (double)(j - i);
    qsort(slopes, k, sizeof(*slopes), compare_doubles);
    return slopes[k / 2];
}

/* What two levels with one step between them leave, at its best place. */
static double best_step(const double *y, size_t n)
{
    double best = HUGE_VAL;

    for (size_t at = STEP_LEAST; at + STEP_LEAST <= n; at++) {
        const double left = median_of(y, at), right = median_of(y + at, n - at);
        best = fmin(best, absolute_sum(y, at, left, 0) +
                              absolute_sum(y + at, n - at, right, 0));
    }
    return best;
}

/* Where a line through n values has risen to, less 1; 0 when they do not rise,
 * by no more than they scatter, or rather in one step. */
static double find_rise(const double *y, size_t n)
{
    double flat[ANM_PAST_RATIOS];
    const double slope = median_slope(y, n);
    const double rise = slope * (double)(n - 1);

    if (rise <= rise_least) return 0;
    for (size_t i = 0; i < n; i++)
        flat[i] = y[i] - slope * (double)i;
    const double level = median_of(flat, n);
    const double left = absolute_sum(y, n, level, slope);
    // Scatter alone makes a line rise the more the fewer values there are.
    const double few = sqrt((double)ANM_PAST_RATIOS / (double)n);
    if (rise < beyond_scatter * few * left / (double)n) return 0;
    if (left > as_step * best_step(y, n)) return 0;
    return level + slope * (double)n - 1;
}

static size_t latest_ratios(const anm_past *past, size_t n, double *out)
{
    const size_t known =
        past->n_ratios < ANM_PAST_RATIOS ? past->n_ratios : ANM_PAST_RATIOS;

    if (n > known) return 0;
    for (size_t i = 0; i < n; i++)
        out[i] =
            (double)past->ratios[(past->n_ratios - n + i) % ANM_PAST_RATIOS];
    return n;
}

/* The share of p50 by which a steady rise of the last calls has carried them
 * up to now; 0 without one. Where the rise has ended and calls have not fallen
 * back, it is the one that was. */
static double find_drift(const anm_past *past)
{
    double y[ANM_PAST_RATIOS];

    for (size_t n = DRIFT_LEAST; n <= ANM_PAST_RATIOS; n += DRIFT_LEAST / 2) {
        if (!latest_ratios(past, n, y)) break;
        const double drift = find_rise(y, n);
        if (drift > 0) return drift;
    }
    return past->drifted;
}

/* ---- Idle gaps -------------------------------------------------------------------- */

/* The curve that warm-up measured, with what calls have shown since: a gap that
 * costs something does so nearly always, hence the lower quartile. */
static anm_band_base idle_curve(const anm_engine *e)
{
    const anm_past *past = &e->past;
    anm_band_base base = e->bands.base;

    for (int c = 0; c < ANM_IDLE_CLASSES; c++) {
        double values[ANM_PAST_GAPS], sorted[ANM_PAST_GAPS];
        const size_t n =
            past->n_extra[c] < ANM_PAST_GAPS ? past->n_extra[c] : ANM_PAST_GAPS;
        const bool is_known = base.idle_known >> c & 1;
        if (n < (is_known ? GAPS_AGAINST : GAPS_LEAST)) continue;
        for (size_t i = 0; i < n; i++)
            values[i] = (double)past->extra_ns[c][i];
        sort_few(sorted, values, n);
        base.idle_extra_ns[c] = (uint64_t)sorted[n / 4];
        base.idle_known |= 1u << c;
    }
    return base;
}

/* What the gap takes beyond what the band of such calls holds already. */
static uint64_t find_idle_extra(const anm_engine *e, int64_t idle_ns,
                                uint64_t held_ns)
{
    const anm_band_base curve = idle_curve(e);

    return anm_beyond(anm_idle_extra(&curve, idle_ns), held_ns);
}

/* ---- The view --------------------------------------------------------------------- */

static bool differs(const char *stored, const char *now)
{
    return *stored && *now && strcmp(stored, now) != 0;
}

/* The longest band of at most half the length of the last; NULL without. */
static const anm_band *half_as_long(const anm_bands *b)
{
    for (size_t i = b->n - 1; i-- > 0;)
        if (b->items[i].tokens <= b->items[b->n - 1].tokens / 2)
            return &b->items[i];
    return NULL;
}

/* What a call beyond the longest band takes over that one: as its estimated
 * work, and no more than twice what the bands before it grow with theirs. What
 * every call takes alike, however long, is no work of longer ones; but while
 * reading weights takes the time bands grow less than they will. That doubt is
 * no reason against a first call of its length. */
static double find_longer(const anm_engine *e, const anm_receipt *r)
{
    const anm_bands *b = &e->bands;
    const size_t tokens = r->band.tokens;
    const double times = r->first & ANM_FIRST_LENGTH ? 1 : steepens;
    const anm_band *last = b->n ? &b->items[b->n - 1] : NULL;

    if (!last || tokens <= last->tokens) return 0;
    const double macs = anm_engine_macs(e, last->tokens);
    const double more = anm_engine_macs(e, tokens) / macs - 1;
    const anm_band *half = half_as_long(b);
    if (!half || !last->p50_ns) return 1 + more;
    if (half->p50_ns >= last->p50_ns) return 1;
    const double grown = 1 - (double)half->p50_ns / (double)last->p50_ns;
    const double worked = 1 - anm_engine_macs(e, half->tokens) / macs;
    return 1 + more * fmin(1, times * grown / worked);
}

anm_history anm_past_view(const anm_engine *e, const anm_band *band,
                          const anm_receipt *r)
{
    const anm_band_base *base = &e->bands.base;
    const anm_counters *c = &r->counters;
    const anm_past *past = &e->past;
    anm_history h = {
        .band = *band,
        .idle_extra_ns = find_idle_extra(e, c->idle_before, band->gap_ns),
        .longer_ratio = find_longer(e, r),
        .drift = find_drift(past),
        .standing_ns =
            (uint64_t)(past->standing_share * (double)r->band.p50_ns),
        .plan_changed = differs(base->plan, e->plan_digest),
        .artifact_changed = differs(base->artifact, e->artifact_digest),
        .device_changed = past->device != ANM_DEVICE_UNKNOWN &&
                          r->where.evidence == ANM_EVIDENCE_OBSERVED &&
                          r->where.device != past->device,
        .input_changed = past->n_same >= SAME_LEAST &&
                         differs(past->ids_sha256, r->input.ids_sha256),
    };

    if (base->probe_ns && c->probe_ns > 0)
        h.probe_ratio = (uint64_t)c->probe_ns <= base->probe_high_ns
                            ? 1
                            : (double)c->probe_ns / (double)base->probe_ns;
    if (base->freq_khz > 0 && c->freq_khz > 0)
        h.freq_ratio = (double)base->freq_khz / (double)c->freq_khz;
    return h;
}

/* ---- Remembering ------------------------------------------------------------------ */

/* What neither the queue nor other processes took, nor a cause that is known,
 * but for `kept`. */
static uint64_t own_time(const anm_receipt *r, anm_cause kept)
{
    const int64_t delay = r->counters.run_delay_max_ns;
    uint64_t others =
        r->stages_ns[ANM_STAGE_QUEUE] + (delay > 0 ? (uint64_t)delay : 0);

    for (size_t i = 0; i < r->n_causes; i++) {
        const anm_cause cause = r->causes[i].cause;
        // Those three are waits that were taken off already.
        if (cause != kept && cause != ANM_CAUSE_QUEUEING &&
            cause != ANM_CAUSE_CPU_CONTENTION &&
            cause != ANM_CAUSE_THROTTLED_QUOTA)
            others += r->causes[i].explained_ns;
    }
    return r->total_ns > others ? r->total_ns - others : 0;
}

static uint64_t explained_by(const anm_receipt *r, anm_cause cause)
{
    for (size_t i = 0; i < r->n_causes; i++)
        if (r->causes[i].cause == cause) return r->causes[i].explained_ns;
    return 0;
}

/* A rise that was seen lasts until the calls after it have lost half of it. */
static void note_drift(anm_past *past, const anm_receipt *r)
{
    const uint64_t ns = explained_by(r, ANM_CAUSE_THERMAL_DRIFT);
    double y[ANM_PAST_RATIOS];

    if (ns)
        past->drifted = (double)ns / (double)r->band.p50_ns;
    else if (past->drifted > 0 && latest_ratios(past, FALLEN, y) &&
             median_of(y, FALLEN) < 1 + past->drifted / 2)
        past->drifted = 0;
}

/* What another place or artifact takes of calls that are no firsts. */
static void note_standing(anm_past *past, const anm_receipt *r)
{
    static const anm_cause standing[] = {
        ANM_CAUSE_UNITS_NOT_HONOURED, ANM_CAUSE_FALLBACK_LOAD,
        ANM_CAUSE_EVIDENCE_CONFLICT,  ANM_CAUSE_SLOWER_DEVICE_BY_PLAN,
        ANM_CAUSE_STALE_ARTIFACT,
    };
    uint64_t ns = 0;

    for (size_t i = 0; i < sizeof(standing) / sizeof(standing[0]); i++)
        ns += explained_by(r, standing[i]);
    if (ns) past->standing_share = (double)ns / (double)r->band.p50_ns;
}

static void note_input(anm_past *past, const anm_receipt *r)
{
    if (strcmp(past->ids_sha256, r->input.ids_sha256) == 0) {
        past->n_same++;
        return;
    }
    memcpy(past->ids_sha256, r->input.ids_sha256, sizeof(past->ids_sha256));
    past->n_same = 1;
}

/* What is slow for another reason is so after short gaps as well: a gap is
 * charged only with what is left without that, which the call just before the
 * gaps became longer shows, where its own gap's price does not explain it; and
 * only the first few of them, since later ones may be slow for another reason.
 * Where gaps change all the time a call that is slow from now on falls easily on
 * a longer one: there each rise is charged once. */
static void note_gap(anm_engine *e, int64_t idle_ns, uint64_t extra)
{
    anm_past *past = &e->past;
    const int class = anm_idle_class(idle_ns);

    if (class > past->latest_class) {
        const uint64_t price = find_idle_extra(e, past->latest_idle_ns, 0);
        past->usual_ns =
            price >= past->latest_ns / 2 ? 0 : past->latest_ns - price;
        past->n_alike = past->n_as_long < ALIKE_LEAST ? 1 : ALIKE_MOST;
    } else if (class < past->latest_class) {
        past->n_alike = 0;
    }
    past->n_as_long = class == past->latest_class ? past->n_as_long + 1 : 1;
    past->latest_class = class;
    past->latest_idle_ns = idle_ns;
    past->latest_ns = extra;
    if (past->n_alike == 0) return;
    past->n_alike--;
    past->extra_ns[class][past->n_extra[class]++ % ANM_PAST_GAPS] =
        anm_beyond(extra, past->usual_ns);
}

void anm_past_note(anm_engine *e, const anm_receipt *r)
{
    anm_past *past = &e->past;
    const uint64_t p50 = r->band.p50_ns;

    // After a change that left the band, the ids before stay the usual ones.
    if (r->band.verdict != ANM_VERDICT_ABOVE) note_input(past, r);
    if (r->band.n == 0 || r->first) return;
    const uint64_t own = own_time(r, ANM_CAUSE_IDLE_WAKEUP);
    note_gap(e, r->counters.idle_before, anm_beyond(own, p50 - r->band.gap_ns));
    past->ratios[past->n_ratios++ % ANM_PAST_RATIOS] =
        (float)((double)own_time(r, ANM_CAUSE_THERMAL_DRIFT) / (double)p50);
    note_drift(past, r);
    note_standing(past, r);
}
