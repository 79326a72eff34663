/* statistics.c - medians, resampling, corrections, rates.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/statistics.h"

#include <assert.h>
#include <math.h>

#include "base/alloc.h"

enum { RESAMPLES = 2000 };

/* ---- Draws ----------------------------------------------------------------- */

uint64_t anm_draw_bits(uint64_t *state)
{
    // splitmix64
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

size_t anm_draw_index(uint64_t *state, size_t n)
{
    // 53 bits: the unevenness for any n that fits in memory is below 1e-6.
    const double part = (double)(anm_draw_bits(state) >> 11) * 0x1p-53;
    return (size_t)(part * (double)n);
}

/* ---- Order ----------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double anm_quantile(double *values, size_t n, double part)
{
    assert(n > 0);
    qsort(values, n, sizeof(*values), compare_doubles);
    const double at = part * (double)(n - 1);
    const size_t below = (size_t)at;
    if (below + 1 >= n) return values[n - 1];
    return values[below] +
           (at - (double)below) * (values[below + 1] - values[below]);
}

/* Move the k-th smallest to its place, the smaller before and the larger
 * behind it: resampling takes thousands of medians, and sorting each would
 * cost ten times as much. */
double anm_select(double *v, size_t n, size_t k)
{
    assert(k < n);
    size_t low = 0, high = n - 1;

    while (low < high) {
        const double pivot = v[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;;) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i >= j) break;
            const double swapped = v[i];
            v[i++] = v[j];
            v[j--] = swapped;
        }
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
    return v[k];
}

double anm_median(double *values, size_t n)
{
    assert(n > 0);
    const double upper = anm_select(values, n, n / 2);
    if (n % 2) return upper;
    double lower = values[0];
    for (size_t i = 1; i < n / 2; i++)
        if (values[i] > lower) lower = values[i];
    return (lower + upper) / 2;
}

/* ---- Two arms ---------------------------------------------------------------- */

/* Two samples and the storage of their resampling. */
typedef struct arms {
    const double *a, *b;
    size_t n_a, n_b;
    double *of_a, *of_b; /* [n_a], [n_b] of one resample */
    double *ranks;       /* [n_a + n_b], those of a first */
    double *ratios;      /* [RESAMPLES] */
    uint64_t draws;
} arms;

static double ratio_of_medians(arms *s)
{
    return anm_median(s->of_b, s->n_b) / anm_median(s->of_a, s->n_a);
}

static void draw_again(arms *s)
{
    for (size_t i = 0; i < s->n_a; i++)
        s->of_a[i] = s->a[anm_draw_index(&s->draws, s->n_a)];
    for (size_t i = 0; i < s->n_b; i++)
        s->of_b[i] = s->b[anm_draw_index(&s->draws, s->n_b)];
}

/* Of each value how many of all are smaller, equal ones counting half: its rank
 * less a half. */
static void rank_all(arms *s)
{
    const size_t n = s->n_a + s->n_b;

    for (size_t i = 0; i < n; i++) {
        const double v = i < s->n_a ? s->a[i] : s->b[i - s->n_a];
        double below = 0;
        for (size_t k = 0; k < n; k++) {
            const double other = k < s->n_a ? s->a[k] : s->b[k - s->n_a];
            below += other < v ? 1 : other > v ? 0 : 0.5;
        }
        s->ranks[i] = below;
    }
}

static double sum_of_b(const arms *s)
{
    double sum = 0;

    for (size_t i = 0; i < s->n_b; i++)
        sum += s->ranks[s->n_a + i];
    return sum;
}

/* Which of all ranks are those of b is drawn. */
static void permute_ranks(arms *s)
{
    const size_t n = s->n_a + s->n_b;

    for (size_t i = n; i-- > s->n_a;) {
        const size_t at = anm_draw_index(&s->draws, i + 1);
        const double swapped = s->ranks[i];
        s->ranks[i] = s->ranks[at];
        s->ranks[at] = swapped;
    }
}

static void estimate(arms *s, anm_ratio *out)
{
    size_t n_as_large = 0;

    memcpy(s->of_a, s->a, s->n_a * sizeof(*s->of_a));
    memcpy(s->of_b, s->b, s->n_b * sizeof(*s->of_b));
    const double a = anm_median(s->of_a, s->n_a);
    const double b = anm_median(s->of_b, s->n_b);
    *out = (anm_ratio){ .ratio = b / a, .effect = b - a };
    for (size_t i = 0; i < RESAMPLES; i++) {
        draw_again(s);
        s->ratios[i] = ratio_of_medians(s);
    }
    out->low = anm_quantile(s->ratios, RESAMPLES, 0.025);
    out->high = anm_quantile(s->ratios, RESAMPLES, 0.975);
    rank_all(s);
    const double seen = sum_of_b(s);
    for (size_t i = 0; i < RESAMPLES; i++) {
        permute_ranks(s);
        if (sum_of_b(s) >= seen) n_as_large++;
    }
    out->p = (double)(1 + n_as_large) / (1 + RESAMPLES);
}

anm_status anm_ratio_unpaired(const double *a, size_t n_a, const double *b,
                              size_t n_b, uint64_t seed, anm_ratio *out)
{
    assert(n_a > 1 && n_b > 1);
    const size_t n = n_a + n_b;
    double *storage = anm_alloc_array(2 * n + RESAMPLES, sizeof(*storage));

    if (!storage) return ANM_E_NOMEM;
    arms s = { .a = a,
               .b = b,
               .n_a = n_a,
               .n_b = n_b,
               .of_a = storage,
               .of_b = storage + n_a,
               .ranks = storage + n,
               .ratios = storage + 2 * n,
               .draws = seed };
    estimate(&s, out);
    anm_free(storage);
    return ANM_OK;
}

double anm_ratio_bound(const anm_ratio *identical)
{
    const double down = identical->low > 0 ? 1 / identical->low : INFINITY;

    return fmax(1, fmax(identical->high, down));
}

/* ---- Many questions ---------------------------------------------------------- */

double anm_simes(double *p, size_t n)
{
    double least = 1;

    if (n) qsort(p, n, sizeof(*p), compare_doubles);
    for (size_t i = 0; i < n; i++)
        least = fmin(least, p[i] * (double)n / (double)(i + 1));
    return least;
}

void anm_holm(double *p, size_t n)
{
    double floor = 0, last = -1;

    // The smallest that is not yet corrected, n times: n is a few dozens.
    for (size_t done = 0; done < n;) {
        double least = INFINITY;
        size_t n_equal = 0;
        for (size_t i = 0; i < n; i++)
            if (!signbit(p[i]) && p[i] > last && p[i] < least) least = p[i];
        const double corrected = least * (double)(n - done);
        floor = fmin(1, fmax(floor, corrected));
        // What is corrected is marked by its sign until all are.
        for (size_t i = 0; i < n; i++)
            if (!signbit(p[i]) && p[i] == least) {
                p[i] = -floor;
                n_equal++;
            }
        last = least;
        done += n_equal;
    }
    for (size_t i = 0; i < n; i++)
        p[i] = fabs(p[i]);
}

/* ---- Rates ------------------------------------------------------------------- */

double anm_binomial_tail(size_t n, size_t k, double rate)
{
    double sum = 0;

    if (k == 0) return 1;
    for (size_t i = k; i <= n; i++) {
        const double x = (double)i, rest = (double)(n - i);
        const double term =
            exp(lgamma((double)n + 1) - lgamma(x + 1) - lgamma(rest + 1) +
                x * log(rate) + rest * log1p(-rate));
        sum += term;
        // Beyond the mean terms only fall.
        if (x > rate * (double)n && term < sum * 1e-17) break;
    }
    return fmin(1, sum);
}

/* When a moment counts. */
typedef enum counting {
    COUNT_RARE, /* so many of its calls are hit as are rare */
    COUNT_ANY,  /* any of its calls is hit */
} counting;

static bool counts(const anm_trial *t, counting how, double nominal)
{
    if (!t->n_hits) return false;
    return how == COUNT_ANY || t->n == t->n_hits ||
           anm_binomial_tail(t->n, t->n_hits, nominal) <= nominal;
}

/* Calls that count as one question each. */
static size_t n_asked(const anm_trial *t, counting how)
{
    return how == COUNT_ANY ? t->n : 1;
}

/* The chance that any of n is hit. */
static double any_of(size_t n, double rate)
{
    return -expm1((double)n * log1p(-rate));
}

/* How much likelier a moment is at a rate than at the nominal one. */
static double score_of(size_t n, bool is_hit, double rate, double nominal)
{
    return is_hit ? log(any_of(n, rate) / any_of(n, nominal))
                  : (double)n * (log1p(-rate) - log1p(-nominal));
}

typedef struct scan {
    double score;
    size_t first, last, n_hits;
} scan;

/* The run with the highest sum of scores. */
static scan best_run(const anm_trial *trials, size_t n, counting how,
                     double rate, double nominal)
{
    scan best = { 0 }, run = { 0 };

    for (size_t i = 0; i < n; i++) {
        const bool is_hit = counts(&trials[i], how, nominal);
        if (run.score <= 0) run = (scan){ .first = i };
        run.score += score_of(n_asked(&trials[i], how), is_hit, rate, nominal);
        run.last = i;
        run.n_hits += is_hit;
        if (is_hit && run.score > best.score) best = run;
    }
    return best;
}

/* The chance of as many moments that count in all. */
static double chance_of_all(const anm_trial *trials, size_t n, counting how,
                            double nominal)
{
    size_t n_hits = 0;
    double mean = 0;

    for (size_t i = 0; i < n; i++) {
        n_hits += counts(&trials[i], how, nominal);
        mean += any_of(n_asked(&trials[i], how), nominal);
    }
    return (double)n_hits < mean + 1
               ? 1
               : anm_binomial_tail(n, n_hits, mean / (double)n);
}

static anm_burst find_counted(const anm_trial *trials, size_t n, counting how,
                              double nominal)
{
    static const double rates[] = { 0.05, 0.25, 0.8 };
    enum { N_RATES = sizeof(rates) / sizeof(rates[0]) };
    scan best = { 0 };

    for (size_t i = 0; i < N_RATES; i++) {
        const scan run = best_run(trials, n, how, rates[i], nominal);
        if (run.score > best.score) best = run;
    }
    if (!best.n_hits) return (anm_burst){ .p = 1 };
    const double of_run = N_RATES * (double)n * exp(-best.score);
    const double of_all = chance_of_all(trials, n, how, nominal);
    return (anm_burst){ .first = best.first,
                        .last = best.last,
                        .n_hits = best.n_hits,
                        .p = fmin(1, 2 * fmin(of_run, of_all)) };
}

anm_burst anm_burst_find(const anm_trial *trials, size_t n, double nominal)
{
    bool is_crowded = false;

    for (size_t i = 0; i < n; i++)
        is_crowded = is_crowded || trials[i].n > 1;
    anm_burst best = find_counted(trials, n, COUNT_RARE, nominal);
    if (!is_crowded) return best;
    const anm_burst any = find_counted(trials, n, COUNT_ANY, nominal);
    if (any.p < best.p) best = any;
    best.p = fmin(1, 2 * best.p);
    return best;
}

static double log_choose(size_t n, size_t k)
{
    return lgamma((double)n + 1) - lgamma((double)k + 1) -
           lgamma((double)(n - k) + 1);
}

double anm_draw_tail(size_t all, size_t marked, size_t n, size_t most)
{
    const size_t others = all - marked;
    double sum = 0;

    for (size_t i = n > others ? n - others : 0;
         i <= most && i <= n && i <= marked; i++)
        sum += exp(log_choose(marked, i) + log_choose(others, n - i) -
                   log_choose(all, n));
    return fmin(1, sum);
}
