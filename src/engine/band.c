/* band.c - ranges of latency from timed runs, and between lengths.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/band.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// A median absolute deviation times this is the deviation of a normal spread.
static const double scaled_mad = 1.4826;
static const double range_factor = 6;
static const double few_runs = 3; // widen by this many over n
static const double beyond_slowest = 1.5;
static const double moved_by = 1.25;
// Some twenty runs within a second can be steadier than the minutes after
// them: a range of much less than a quarter to both sides would not last.
static const double spread_share_min = 0.035;
static const double spread_min_ns = 20000;
static const double probe_factor = 3;
static const double probe_share_min = 0.1;

static int compare_u64(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Of n sorted values. */
static double median(const uint64_t *sorted, unsigned n)
{
    const uint64_t low = sorted[(n - 1) / 2], high = sorted[n / 2];

    return (double)low + (double)(high - low) / 2;
}

/* The median distance from `center` of n sorted values: distances come in
 * falling order by always taking the farther of both ends. */
static double median_distance(const uint64_t *sorted, unsigned n, double center)
{
    unsigned first = 0, last = n - 1;
    double outer = 0, inner = 0;

    for (unsigned i = 0; i <= n / 2; i++) {
        const double below = center - (double)sorted[first];
        const double above = (double)sorted[last] - center;
        outer = inner;
        inner = below > above ? below : above;
        if (below > above)
            first++;
        else
            last--;
    }
    return n % 2 ? inner : (outer + inner) / 2;
}

/* ---- One figure of the runs -------------------------------------------------- */

typedef struct spread {
    double p50, low, high;
} spread;

/* Of n figures, which are sorted; the range as band.h says. */
static spread spread_of(uint64_t *values, unsigned n)
{
    qsort(values, n, sizeof(*values), compare_u64);
    const double p50 = median(values, n);
    const double mad = scaled_mad * median_distance(values, n, p50);
    const double deviation =
        fmax(mad, fmax(spread_share_min * p50, spread_min_ns));
    const double reach = range_factor * (1 + few_runs / n) * deviation;
    const unsigned left_out = n < 20 ? n / 10 : n / 20;
    const double slowest = (double)values[n - 1 - left_out];

    return (spread){ .p50 = p50,
                     .low = fmax(p50 - reach, 0),
                     .high =
                         p50 + fmax(reach, beyond_slowest * (slowest - p50)) };
}

static spread spread_at(const anm_timed *runs, unsigned n, size_t offset)
{
    uint64_t values[ANM_TIMED_MAX];

    for (unsigned i = 0; i < n; i++)
        memcpy(&values[i], (const char *)&runs[i] + offset, sizeof(*values));
    return spread_of(values, n);
}

/* Quiet runs first, each kind in its order; how many are quiet. */
static unsigned part_quiet(anm_timed *runs, unsigned n)
{
    unsigned quiet = 0;

    for (unsigned i = 0; i < n; i++) {
        if (runs[i].disturbed) continue;
        const anm_timed found = runs[i];
        for (unsigned k = i; k > quiet; k--)
            runs[k] = runs[k - 1];
        runs[quiet++] = found;
    }
    return quiet;
}

anm_band anm_band_make(size_t tokens, uint64_t first_ns, anm_timed *runs,
                       unsigned n)
{
    assert(n >= 3 && n <= ANM_TIMED_MAX);
    const unsigned quiet = part_quiet(runs, n);
    const unsigned used = quiet >= 3 ? quiet : n;
    const spread all = spread_at(runs, used, offsetof(anm_timed, total_ns));
    const spread outside =
        spread_at(runs, used, offsetof(anm_timed, outside_ns));

    return (anm_band){
        .tokens = tokens,
        .n = used,
        .disturbed = n - quiet,
        .useless = quiet < 3,
        .first_ns = first_ns,
        .p50_ns = (uint64_t)(all.p50 + 0.5),
        .low_ns = (uint64_t)all.low,
        .high_ns = (uint64_t)all.high,
        .predict_p50_ns =
            (uint64_t)spread_at(runs, used, offsetof(anm_timed, predict_ns))
                .p50,
        .outside_p50_ns = (uint64_t)outside.p50,
        .outside_high_ns = (uint64_t)outside.high,
        .blocked_p50_ns =
            (uint64_t)spread_at(runs, used, offsetof(anm_timed, blocked_ns))
                .p50,
        .today_p50_ns = (uint64_t)(all.p50 + 0.5),
    };
}

bool anm_band_moved(const anm_band *band)
{
    return (double)band->today_p50_ns > moved_by * (double)band->p50_ns;
}

/* ---- The host's probe ------------------------------------------------------------ */

void anm_band_base_probe(anm_band_base *base, uint64_t *ns, unsigned n)
{
    base->probe_ns = base->probe_high_ns = 0;
    if (n == 0) return;
    qsort(ns, n, sizeof(*ns), compare_u64);
    const double p50 = median(ns, n);
    const double mad = scaled_mad * median_distance(ns, n, p50);
    base->probe_ns = (uint64_t)(p50 + 0.5);
    base->probe_high_ns =
        (uint64_t)(p50 + fmax(probe_factor * mad, probe_share_min * p50));
}

/* ---- Idle gaps ---------------------------------------------------------------- */

int anm_idle_class(int64_t idle_ns)
{
    int64_t least = 20000000;

    for (int c = 0; c < ANM_IDLE_CLASSES; c++, least *= 10)
        if (idle_ns < least) return c - 1;
    return ANM_IDLE_CLASSES - 1;
}

int64_t anm_idle_gap_ns(int class)
{
    int64_t gap = 250000000;

    if (class == 0) return 50000000;
    for (; class > 1; class --)
        gap *= 10;
    return gap;
}

/* A gap between two that were measured takes what lies between, by the
 * logarithm of its length: a curve that levels off is nearly straight there. */
static uint64_t extra_between(const anm_band_base *base, int below, int above,
                              int64_t idle_ns)
{
    const double low = (double)base->idle_extra_ns[below];
    const double first = (double)anm_idle_gap_ns(below), gap = (double)idle_ns;

    if (above < 0 || gap <= first) return base->idle_extra_ns[below];
    const double more = (double)base->idle_extra_ns[above] - low;
    const double last = (double)anm_idle_gap_ns(above);
    return (uint64_t)(low + more * log(gap / first) / log(last / first));
}

uint64_t anm_idle_extra(const anm_band_base *base, int64_t idle_ns)
{
    int below = -1, above = -1;

    for (int c = 0; c < ANM_IDLE_CLASSES && above < 0; c++) {
        if (!(base->idle_known >> c & 1)) continue;
        if (anm_idle_gap_ns(c) <= idle_ns)
            below = c;
        else if (below >= 0)
            above = c;
        // Without a shorter one known a class answers for all of its gaps.
        else if (anm_idle_class(idle_ns) == c)
            below = c;
    }
    return below < 0 ? 0 : extra_between(base, below, above, idle_ns);
}

void anm_band_after_gap(anm_band *band, uint64_t extra_ns)
{
    if (band->n == 0 || extra_ns >= band->high_ns - band->p50_ns) return;
    band->gap_ns = extra_ns;
    band->p50_ns += extra_ns;
    band->high_ns += extra_ns;
    if (band->predict_p50_ns) band->predict_p50_ns += extra_ns;
    if (band->today_p50_ns) band->today_p50_ns += extra_ns;
}

void anm_band_of_today(anm_band *band)
{
    if (band->today_p50_ns > band->p50_ns && !anm_band_moved(band))
        band->high_ns += band->today_p50_ns - band->p50_ns;
}

/* ---- Lengths ------------------------------------------------------------------- */

bool anm_bands_put(anm_bands *b, const anm_band *band)
{
    size_t at = 0;

    while (at < b->n && b->items[at].tokens < band->tokens)
        at++;
    if (at < b->n && b->items[at].tokens == band->tokens) {
        b->items[at] = *band;
        return true;
    }
    if (b->n == ANM_BAND_LENGTHS_MAX) return false;
    for (size_t i = b->n++; i > at; i--)
        b->items[i] = b->items[i - 1];
    b->items[at] = *band;
    return true;
}

static uint64_t between(uint64_t a, uint64_t b, double t)
{
    return (uint64_t)((double)a + ((double)b - (double)a) * t + 0.5);
}

static anm_band interpolate(const anm_band *a, const anm_band *b, size_t tokens)
{
    const double t =
        (double)(tokens - a->tokens) / (double)(b->tokens - a->tokens);

    return (anm_band){
        .tokens = tokens,
        .n = a->n < b->n ? a->n : b->n,
        .disturbed = a->disturbed > b->disturbed ? a->disturbed : b->disturbed,
        .useless = a->useless || b->useless,
        .predict_p50_ns = between(a->predict_p50_ns, b->predict_p50_ns, t),
        .outside_p50_ns = between(a->outside_p50_ns, b->outside_p50_ns, t),
        .outside_high_ns = between(a->outside_high_ns, b->outside_high_ns, t),
        .blocked_p50_ns = between(a->blocked_p50_ns, b->blocked_p50_ns, t),
        .today_p50_ns = a->today_p50_ns && b->today_p50_ns
                            ? between(a->today_p50_ns, b->today_p50_ns, t)
                            : 0,
        .first_ns = between(a->first_ns, b->first_ns, t),
        .p50_ns = between(a->p50_ns, b->p50_ns, t),
        .low_ns = between(a->low_ns, b->low_ns, t),
        .high_ns = between(a->high_ns, b->high_ns, t),
    };
}

anm_band anm_bands_at(const anm_bands *b, size_t tokens)
{
    const anm_band none = { .tokens = tokens };
    size_t i = 0;

    if (b->n == 0) return none;
    while (i < b->n && b->items[i].tokens < tokens)
        i++;
    if (i > 0 && i < b->n && b->items[i].tokens > tokens)
        return interpolate(&b->items[i - 1], &b->items[i], tokens);
    anm_band nearest = b->items[i < b->n ? i : b->n - 1];
    if (tokens < nearest.tokens) nearest.low_ns = 0;
    nearest.tokens = tokens;
    return nearest;
}

anm_verdict anm_band_judge(const anm_band *band, uint64_t total_ns)
{
    if (band->n == 0) return ANM_VERDICT_NONE;
    if (total_ns > band->high_ns) return ANM_VERDICT_ABOVE;
    if (total_ns < band->low_ns) return ANM_VERDICT_BELOW;
    return ANM_VERDICT_INSIDE;
}
