/* statistics.h - what numbers allow to be said: medians, intervals on ratios of
 * medians, rates against a nominal rate, many questions at once.
 *
 * Pure functions of their arguments; what is random in them comes from a seed,
 * so that a report can be made again. No memory is kept between calls; those
 * that resample take their storage from base/alloc.h and say so.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_STATISTICS_H
#define ANM_STATISTICS_H

#include "anemone.h"

/* ---- Draws ----------------------------------------------------------------- */

/* The next 64 bits of a sequence; *state is the seed at first. */
uint64_t anm_draw_bits(uint64_t *state);

/* Evenly from [0, n), n > 0. */
size_t anm_draw_index(uint64_t *state, size_t n);

/* ---- Order ----------------------------------------------------------------- */

/* Both reorder values. n > 0. */
double anm_median(double *values, size_t n);

/* The value below which `part` of them lie, between neighbours where it falls
 * between two. part in [0, 1]. */
double anm_quantile(double *values, size_t n, double part);

/* ---- Two arms ---------------------------------------------------------------- */

/* How much longer b is than a. */
typedef struct anm_ratio {
    double ratio;     /* median of b over median of a */
    double low, high; /* 95 % interval of it, by bootstrap */
    double effect;    /* median of b less median of a */
    double p;         /* chance of a ratio as large when both are alike, by
                         permutation: at least 1 / 2001 */
} anm_ratio;

/* a[i] and b[i] belong to one round when they are paired: rounds are drawn
 * whole, and permuted within, so that what changes from round to round counts
 * for nothing. n of each then; at least two of each, all above 0.
 *
 * @return ANM_OK or ANM_E_NOMEM */
anm_status anm_ratio_paired(const double *a, const double *b, size_t n,
                            uint64_t seed, anm_ratio *out);
anm_status anm_ratio_unpaired(const double *a, size_t n_a, const double *b,
                              size_t n_b, uint64_t seed, anm_ratio *out);

/* The ratio that two identical arms could show, from what they did show: a
 * ratio between the bound and 1 over it says nothing. At least 1. */
double anm_ratio_bound(const anm_ratio *identical);

/* ---- Many questions ---------------------------------------------------------- */

/* Holm's correction, in place: afterwards p[i] below a level means that the
 * chance of one wrong answer among all n is below it. */
void anm_holm(double *p, size_t n);

/* ---- Rates ------------------------------------------------------------------- */

/* Chance of at least k of n when each has the chance `rate`, in (0, 1). */
double anm_binomial_tail(size_t n, size_t k, double rate);

/* Where in a sequence of hits and misses hits are more frequent than a nominal
 * rate allows. */
typedef struct anm_burst {
    size_t first, last; /* the densest run of them, both hits */
    size_t n_hits;      /* inside it */
    double p;           /* chance of a run as dense anywhere in the sequence,
                           or of as many hits in all, at the nominal rate */
} anm_burst;

/* hits [n]. Without any hit p is 1 and the rest 0.
 *
 * A run is scored by the logarithm of how much likelier it is at a rate of
 * 0.05, 0.25 or 0.8 than at the nominal one. From any one place on that
 * likelihood ratio has the mean 1 under the nominal rate, so it ever passes s
 * with a chance of at most 1 / s; n places and three rates bound the chance
 * of the best run by 3 n / s. That is compared with the binomial tail of the
 * whole and the smaller of the two is doubled. */
anm_burst anm_burst_find(const bool *hits, size_t n, double nominal);

#endif
