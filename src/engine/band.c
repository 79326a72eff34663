/* band.c - ranges of latency from timed runs, and between lengths.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/band.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

// A median absolute deviation times this is the deviation of a normal spread.
static const double scaled_mad = 1.4826;
static const double range_factor = 6;
static const double spread_share_min = 0.02;
static const double spread_min_ns = 20000;

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

anm_band anm_band_make(size_t tokens, uint64_t first_ns, uint64_t *runs_ns,
                       unsigned n)
{
    assert(n >= 3);
    qsort(runs_ns, n, sizeof(*runs_ns), compare_u64);
    const double p50 = median(runs_ns, n);
    double spread = scaled_mad * median_distance(runs_ns, n, p50);

    spread = fmax(spread, fmax(spread_share_min * p50, spread_min_ns));
    const double reach = range_factor * spread;
    return (anm_band){
        .tokens = tokens,
        .n = n,
        .first_ns = first_ns,
        .p50_ns = (uint64_t)(p50 + 0.5),
        .low_ns = reach < p50 ? (uint64_t)(p50 - reach) : 0,
        .high_ns = (uint64_t)(p50 + reach),
    };
}

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
    if (tokens > nearest.tokens + nearest.tokens / 10) return none;
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
