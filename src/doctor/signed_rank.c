/* signed_rank.c - two arms that took turns, compared by Wilcoxon's signed ranks
 * of the logarithms of their ratios, round by round.
 *
 * Ratios of medians waste what the pairing gives: half of the swaps of rounds
 * leave them as they are, so that a dozen rounds that all say the same were no
 * proof. Of ranks the distribution is known exactly, one outlier counts for no
 * more than its rank, and the interval is what the same test does not refuse.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "doctor/statistics.h"

// Beyond so many rounds the sum of ranks is as good as normal.
enum { EXACT_MAX = 60 };

/* ---- The sum of ranks when arms are alike ------------------------------------ */

/* Ranks are doubled, since equal ones share their mean. chance [sum + 1] becomes
 * the chance of each sum of those with the upper sign. */
static void spread(double *chance, const size_t *doubled, size_t n, size_t sum)
{
    for (size_t s = 0; s <= sum; s++)
        chance[s] = s == 0;
    for (size_t i = 0; i < n; i++)
        for (size_t s = sum + 1; s-- > 0;)
            chance[s] =
                (chance[s] + (s >= doubled[i] ? chance[s - doubled[i]] : 0)) /
                2;
}

static double normal_tail(double n, double sum)
{
    const double mean = n * (n + 1) / 4;
    const double deviation = sqrt(n * (n + 1) * (2 * n + 1) / 24);

    return erfc((sum - 0.5 - mean) / (deviation * sqrt(2))) / 2;
}

/* How many averages of pairs lie outside of the interval on each side, when it
 * may miss with a chance of `part` on each; 0: as few rounds bound nothing. */
static size_t count_outside(size_t n, double part, size_t *doubled,
                            double *chance)
{
    const size_t most = n * (n + 1) / 4;
    size_t k = 0;

    if (n > EXACT_MAX) {
        // As rare as k or less is its mirror image or more.
        while (k < most &&
               normal_tail((double)n, (double)(n * (n + 1) / 2 - k)) <= part)
            k++;
        return k;
    }
    for (size_t i = 0; i < n; i++)
        doubled[i] = 2 * (i + 1);
    spread(chance, doubled, n, n * (n + 1));
    double at_most = chance[0];
    while (k < most && at_most <= part) {
        k++;
        at_most += chance[2 * k];
    }
    return k;
}

/* ---- Ranks ------------------------------------------------------------------- */

static int compare_sizes(const void *a, const void *b)
{
    const double x = fabs(*(const double *)a), y = fabs(*(const double *)b);

    return (x > y) - (x < y);
}

/* Doubled ranks of the sizes of d, which is sorted by them; the sum of those
 * above 0. A difference of 0 speaks against one. */
static size_t rank(double *d, size_t n, size_t *doubled)
{
    size_t sum = 0;

    qsort(d, n, sizeof(*d), compare_sizes);
    for (size_t first = 0; first < n;) {
        size_t end = first + 1;
        while (end < n && fabs(d[end]) <= fabs(d[first]))
            end++;
        for (size_t i = first; i < end; i++) {
            doubled[i] = first + 1 + end;
            if (d[i] > 0) sum += doubled[i];
        }
        first = end;
    }
    return sum;
}

/* Chance of a sum at least as large when arms are alike. */
static double chance_of(double *d, size_t n, size_t *doubled, double *chance)
{
    const size_t sum = rank(d, n, doubled), all = n * (n + 1);
    double at_least = 0;

    if (n > EXACT_MAX) return normal_tail((double)n, (double)sum / 2);
    spread(chance, doubled, n, all);
    for (size_t s = sum; s <= all; s++)
        at_least += chance[s];
    return fmin(1, at_least);
}

/* ---- Against known noise -------------------------------------------------------- */

static double rarity(double d, const double *noise, size_t n_noise)
{
    size_t n = 1;

    if (d <= 0) return 1;
    for (size_t i = 0; i < n_noise; i++)
        n += noise[i] >= d;
    return (double)n / (double)(n_noise + 1);
}

double anm_noise_chance(const double *a, const double *b, size_t n,
                        const double *noise, size_t n_noise)
{
    enum { NOISE_LEAST = 20 };
    double sum = 0, term = 1, tail = 0;

    if (n_noise < NOISE_LEAST) return 1;
    for (size_t i = 0; i < n; i++)
        sum -= log(rarity(log(b[i] / a[i]), noise, n_noise));
    // The upper tail of chi-squared with 2 n degrees of freedom at 2 sum.
    for (size_t i = 0; i < n; i++) {
        tail += term;
        term *= sum / (double)(i + 1);
    }
    return fmin(1, exp(-sum) * tail);
}

/* ---- The comparison ------------------------------------------------------------ */

/* Means of all pairs of d, each with itself too. */
static void average_pairs(const double *d, size_t n, double *means)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = i; k < n; k++)
            *means++ = (d[i] + d[k]) / 2;
}

anm_status anm_ratio_paired(const double *a, const double *b, size_t n,
                            double miss, anm_ratio *out)
{
    const size_t n_means = n * (n + 1) / 2;
    const size_t n_exact = n > EXACT_MAX ? 0 : n;

    assert(n > 1 && miss > 0 && miss < 1);
    double *means = anm_alloc_array(n_means, sizeof(*means));
    double *d = anm_alloc_array(n, sizeof(*d));
    size_t *doubled = anm_alloc_array(n, sizeof(*doubled));
    double *chance =
        anm_alloc_array(n_exact * (n_exact + 1) + 1, sizeof(*chance));
    const bool has_room = means && d && doubled && chance;
    if (has_room) {
        for (size_t i = 0; i < n; i++)
            d[i] = log(b[i] / a[i]);
        average_pairs(d, n, means);
        const size_t k = count_outside(n, miss / 2, doubled, chance);
        *out = (anm_ratio){ .ratio = exp(anm_median(means, n_means)),
                            .low = 0,
                            .high = INFINITY,
                            .p = chance_of(d, n, doubled, chance) };
        if (k) {
            out->low = exp(anm_select(means, n_means, k - 1));
            out->high = exp(anm_select(means, n_means, n_means - k));
        }
        memcpy(d, a, n * sizeof(*d));
        out->effect = (out->ratio - 1) * anm_median(d, n);
    }
    anm_free(means);
    anm_free(d);
    anm_free(doubled);
    anm_free(chance);
    return has_room ? ANM_OK : ANM_E_NOMEM;
}
