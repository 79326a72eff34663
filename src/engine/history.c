/* history.c - what earlier calls and warm-up tell about the next call: curves
 * of idle gaps, the drift of the last calls, what has changed since the bands
 * were measured.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "engine/state.h"

enum {
    QUARTERS = 4,
    DRIFT_LEAST = 16, // calls
    GAPS_LEAST = 3,
    ALIKE_MOST = 3, // gaps in a row that are charged
    SAME_LEAST = 3, // calls of the same ids before others count as a change
    PROBES = 3,
};

// A rise is steady when no step between quarters makes up more of it.
static const double steepest = 0.45;

/* ---- The host ------------------------------------------------------------------ */

uint64_t anm_host_probe(anm_engine *e)
{
    uint64_t least = 0;

    if (!e->backend->probe) return 0;
    // Losing the CPU in the middle only adds: the least is the host's own.
    for (int i = 0; i < PROBES; i++) {
        const uint64_t ns = e->backend->probe(e->runner);
        if (least == 0 || ns < least) least = ns;
    }
    return least;
}

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

/* ---- Drift ------------------------------------------------------------------------ */

/* The share of p50 by which a steady rise of the last calls has carried them
 * up to now; 0 without one. A step is no rise: it lies between two quarters. */
static double find_drift(const anm_past *past)
{
    const size_t n =
        past->n_ratios < ANM_PAST_RATIOS ? past->n_ratios : ANM_PAST_RATIOS;
    const size_t quarter = n / QUARTERS;
    double level[QUARTERS];

    if (n < DRIFT_LEAST) return 0;
    for (size_t q = 0; q < QUARTERS; q++) {
        double values[ANM_PAST_RATIOS];
        for (size_t i = 0; i < quarter; i++)
            values[i] =
                (double)past
                    ->ratios[(past->n_ratios - (QUARTERS - q) * quarter + i) %
                             ANM_PAST_RATIOS];
        level[q] = median_of(values, quarter);
    }
    const double rise = level[QUARTERS - 1] - level[0];
    if (rise <= 0) return 0;
    for (size_t q = 1; q < QUARTERS; q++) {
        const double step = level[q] - level[q - 1];
        if (step < 0 || step > steepest * rise) return 0;
    }
    // The last level lies half a quarter before now.
    return level[QUARTERS - 1] + rise / (2 * (QUARTERS - 1)) - 1;
}

/* ---- Idle gaps -------------------------------------------------------------------- */

/* The curve that warm-up measured, with what calls have shown since: a gap that
 * costs something does so nearly always, hence the lower quartile. */
static uint64_t find_idle_extra(const anm_engine *e, int64_t idle_ns)
{
    const anm_past *past = &e->past;
    anm_band_base base = e->bands.base;

    for (int c = 0; c < ANM_IDLE_CLASSES; c++) {
        double values[ANM_PAST_GAPS], sorted[ANM_PAST_GAPS];
        const size_t n =
            past->n_extra[c] < ANM_PAST_GAPS ? past->n_extra[c] : ANM_PAST_GAPS;
        if (n < GAPS_LEAST) continue;
        for (size_t i = 0; i < n; i++)
            values[i] = (double)past->extra_ns[c][i];
        sort_few(sorted, values, n);
        base.idle_extra_ns[c] = (uint64_t)sorted[n / 4];
        base.idle_known |= 1u << c;
    }
    return anm_idle_extra(&base, idle_ns);
}

/* ---- The view --------------------------------------------------------------------- */

static bool differs(const char *stored, const char *now)
{
    return *stored && *now && strcmp(stored, now) != 0;
}

static double work_of(const anm_engine *e, size_t tokens)
{
    const double t = (double)tokens;

    return e->macs[0] + (e->macs[1] + e->macs[2] * t) * t;
}

/* Estimated work beyond the longest band. */
static double find_longer(const anm_engine *e, size_t tokens)
{
    const size_t longest =
        e->bands.n ? e->bands.items[e->bands.n - 1].tokens : 0;

    if (longest == 0 || tokens <= longest) return 0;
    return work_of(e, tokens) / work_of(e, longest);
}

anm_history anm_past_view(const anm_engine *e, const anm_band *band,
                          const anm_receipt *r)
{
    const anm_band_base *base = &e->bands.base;
    const anm_counters *c = &r->counters;
    const anm_past *past = &e->past;
    anm_history h = {
        .band = *band,
        .idle_extra_ns = find_idle_extra(e, c->idle_before),
        .longer_ratio = find_longer(e, r->band.tokens),
        .drift = find_drift(past),
        .plan_changed = differs(base->plan, e->plan_digest),
        .artifact_changed = differs(base->artifact, e->artifact_digest),
        .device_changed = past->device != ANM_DEVICE_UNKNOWN &&
                          r->where.evidence == ANM_EVIDENCE_OBSERVED &&
                          r->where.device != past->device,
        .input_changed = past->n_same >= SAME_LEAST &&
                         differs(past->ids_sha256, r->input.ids_sha256),
    };

    if (base->probe_ns && c->probe_ns > 0)
        h.probe_ratio = (double)c->probe_ns / (double)base->probe_ns;
    if (base->freq_khz > 0 && c->freq_khz > 0)
        h.freq_ratio = (double)base->freq_khz / (double)c->freq_khz;
    return h;
}

/* ---- Remembering ------------------------------------------------------------------ */

/* What neither the queue nor other processes took. */
static uint64_t own_time(const anm_receipt *r)
{
    const int64_t delay = r->counters.run_delay_max_ns;
    const uint64_t waits =
        r->stages_ns[ANM_STAGE_QUEUE] + (delay > 0 ? (uint64_t)delay : 0);

    return r->total_ns > waits ? r->total_ns - waits : 0;
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
 * charged only with what it adds to the call just before the gaps became longer,
 * and only the first few of them, since later ones may be slow for another
 * reason. */
static void note_gap(anm_past *past, int class, uint64_t extra)
{
    if (class > past->latest_class) {
        past->usual_ns = past->latest_ns;
        past->n_alike = ALIKE_MOST;
    } else if (class < past->latest_class) {
        past->n_alike = 0;
    }
    past->latest_class = class;
    past->latest_ns = extra;
    if (past->n_alike == 0) return;
    past->n_alike--;
    past->extra_ns[class][past->n_extra[class]++ % ANM_PAST_GAPS] =
        extra > past->usual_ns ? extra - past->usual_ns : 0;
}

void anm_past_note(anm_engine *e, const anm_receipt *r)
{
    anm_past *past = &e->past;
    const uint64_t p50 = r->band.p50_ns, own = own_time(r);

    // After a change that left the band, the ids before stay the usual ones.
    if (r->band.verdict != ANM_VERDICT_ABOVE) note_input(past, r);
    if (r->band.n == 0 || r->first) return;
    note_gap(past, anm_idle_class(r->counters.idle_before),
             own > p50 ? own - p50 : 0);
    past->ratios[past->n_ratios++ % ANM_PAST_RATIOS] =
        (float)((double)own / (double)p50);
}
